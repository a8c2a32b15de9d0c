//! The lifecycle dialect: domains with their records and routes, `/v2`, for the caller's end users. The contract is
//! `docs/dialects/lifecycle.md`.

mod dns;
mod domains;
mod input;
mod routing;
mod shape;

use postroom::access::KeyScope;
use postroom::error::{Entity, Error};
use serde_json::json;

use crate::wire::http::{Method, Response, StatusCode, header};
use crate::wire::shape::{Shape, TEXT, has};
use crate::wire::{
    Auth, CLAIM_IT, Fault, PLAIN, Surface, looking, route, store_sentence, store_status, unproved_limit,
};

/// What [`render`] writes.
pub(super) const FAULT: Shape = Shape::object("Fault", &[&[has("error", TEXT)]]);

/// The dialect.
pub const DIALECT: Surface = Surface {
    name: "lifecycle",
    prefixes: &["/v2"],
    auth: Auth::Header(&["x-api-key"]),
    routes: &[
        route(Method::POST, "/v2/domain", domains::create)
            .by(&domains::CREATE)
            .writes(KeyScope::DomainsWrite)
            .of_account(),
        route(Method::GET, "/v2/domains", domains::list).by(&domains::LIST).reads(KeyScope::DomainsWrite),
        route(Method::POST, "/v2/domains/delete", domains::delete)
            .by(&domains::DELETE)
            .writes(KeyScope::DomainsWrite),
        route(Method::GET, "/v2/domains/{domain}/info", domains::info)
            .by(&domains::INFO)
            .reads(KeyScope::DomainsWrite)
            .short(),
        looking(Method::PUT, "/v2/domains/{domain}/route", routing::update)
            .by(&routing::UPDATE)
            .writes(KeyScope::RoutesWrite),
        route(Method::GET, "/v2/domains/{domain}/dns", dns::show)
            .by(&dns::SHOW)
            .reads(KeyScope::RecordsVerify)
            .short(),
        route(Method::POST, "/v2/domains/{domain}/dns/mark", dns::mark)
            .by(&dns::MARK)
            .writes(KeyScope::RecordsVerify),
        looking(Method::POST, "/v2/domains/{domain}/dns/verify", dns::verify)
            .by(&dns::VERIFY)
            .writes(KeyScope::RecordsVerify),
    ],
    render: |fault, _| render(fault),
};

/// A fault in this dialect's shape: `{"error":"text"}`, and 400 for whatever is wrong with the input.
fn render(fault: &Fault) -> Response {
    let error = |status, text: &str| Response::json(status, &json!({ "error": text }));
    let bad = |text: &str| error(StatusCode::BAD_REQUEST, text);
    match fault {
        Fault::CredentialMissing => error(StatusCode::UNAUTHORIZED, "x-api-key is missing"),
        Fault::CredentialInvalid => error(StatusCode::UNAUTHORIZED, "x-api-key is unknown or revoked"),
        Fault::CredentialTwice | Fault::Idempotency(_) => bad(&fault.to_string()),
        Fault::NoRoute => error(StatusCode::NOT_FOUND, "there is no such route"),
        Fault::Method(_) => error(StatusCode::METHOD_NOT_ALLOWED, &fault.to_string()),
        Fault::TooLarge => error(StatusCode::PAYLOAD_TOO_LARGE, &fault.to_string()),
        Fault::Incomplete => error(StatusCode::REQUEST_TIMEOUT, &fault.to_string()),
        Fault::Format(_) => bad("the body must be JSON, with Content-Type: application/json"),
        Fault::Encoded => {
            error(StatusCode::UNSUPPORTED_MEDIA_TYPE, &fault.to_string()).with(header::ACCEPT_ENCODING, PLAIN)
        }
        Fault::Json(reason) => bad(&format!("the body is not JSON: {reason}")),
        Fault::Input { field, reason, detail: None } => bad(&format!("{field} {reason}")),
        Fault::Input { field, reason, detail: Some(detail) } => bad(&format!("{field} {reason}: {detail}")),
        Fault::SwitchedOff(_) | Fault::Denied(_) | Fault::CrossSite | Fault::Page(_) => {
            error(StatusCode::FORBIDDEN, &fault.to_string())
        }
        Fault::Busy(seconds) | Fault::RateLimited(seconds) => {
            error(StatusCode::TOO_MANY_REQUESTS, &fault.to_string())
                .with(header::RETRY_AFTER, &seconds.to_string())
        }
        Fault::Full(seconds) => error(StatusCode::SERVICE_UNAVAILABLE, &fault.to_string())
            .with(header::RETRY_AFTER, &seconds.to_string()),
        Fault::StillRunning => error(StatusCode::CONFLICT, &fault.to_string()),
        Fault::Library(Error::Invalid { field, reason }) => {
            bad(&format!("{} is invalid: {reason}", wire_field(field)))
        }
        Fault::Library(Error::NotFound(Entity::Record)) => {
            error(StatusCode::NOT_FOUND, "id: the domain has no such record")
        }
        Fault::Library(Error::NotFound(_)) => error(StatusCode::NOT_FOUND, "there is no such domain"),
        Fault::Library(Error::Conflict(_)) => error(StatusCode::CONFLICT, "domain exists already"),
        Fault::Library(Error::Taken { .. }) => {
            error(StatusCode::CONFLICT, &format!("domain exists already: {CLAIM_IT}"))
        }
        Fault::Library(Error::NotClaimable { reason }) => bad(&format!("domain is invalid: {reason}")),
        Fault::Library(Error::Limit { what: Entity::Claim, most }) => {
            error(StatusCode::CONFLICT, &unproved_limit(*most))
        }
        Fault::Library(Error::Limit { what: Entity::Subscription, most }) => {
            error(StatusCode::FORBIDDEN, &format!("the subscription allows {most} domains, and has them"))
        }
        Fault::Library(e @ Error::Limit { .. }) => error(StatusCode::FORBIDDEN, &e.to_string()),
        Fault::Library(e @ (Error::InUse { .. } | Error::Cap { .. })) => {
            error(StatusCode::CONFLICT, &e.to_string())
        }
        Fault::Library(Error::Store(e)) => error(store_status(e), store_sentence(e)),
        Fault::Library(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
    }
}

/// What this dialect calls an input of the library's.
fn wire_field(field: &str) -> &str {
    match field {
        "selector" | "name" => "domain",
        other => other,
    }
}
