//! The Mailgun dialect: DKIM keys of domains, their authority and their rotation, `/v1`, `/v3` and `/v4`. The contract is
//! `docs/dialects/mailgun.md`.

mod authority;
mod domains;
mod input;
mod keys;
mod paging;
mod rotation;
mod shape;

use postroom::access::KeyScope;
use postroom::error::{Entity, Error};
use serde_json::json;

use crate::wire::http::{Method, Response, StatusCode, header};
use crate::wire::shape::{Shape, TEXT, has, may};
use crate::wire::{Auth, Fault, PLAIN, Surface, looking, route, store_sentence, store_status};

const MESSAGE: Shape = Shape::object("Message", &[&[has("message", TEXT)]]);
/// What [`render`] writes, with the names that [`rotation`] has besides.
pub(super) const FAULT: Shape =
    Shape::object("Fault", &[&[has("message", TEXT), may("Reason", TEXT), may("Description", TEXT)]]);

/// The dialect.
pub const DIALECT: Surface = Surface {
    name: "mailgun",
    prefixes: &["/v1", "/v3", "/v4"],
    auth: Auth::Basic { user: "api" },
    routes: &[
        route(Method::GET, "/v1/dkim/keys", keys::list).by(&keys::LIST).reads(KeyScope::KeysWrite),
        route(Method::POST, "/v1/dkim/keys", keys::create)
            .slow()
            .by(&keys::CREATE)
            .writes(KeyScope::KeysWrite),
        route(Method::DELETE, "/v1/dkim/keys", keys::delete).by(&keys::DELETE).writes(KeyScope::KeysWrite),
        route(Method::GET, "/v4/domains/{name}/keys", keys::of_domain)
            .by(&keys::OF_DOMAIN)
            .reads(KeyScope::KeysWrite),
        looking(Method::PUT, "/v4/domains/{name}/keys/{selector}/activate", keys::activate)
            .by(&keys::ACTIVATE)
            .writes(KeyScope::KeysWrite),
        route(Method::PUT, "/v4/domains/{name}/keys/{selector}/deactivate", keys::deactivate)
            .by(&keys::DEACTIVATE)
            .writes(KeyScope::KeysWrite),
        route(Method::PUT, "/v3/domains/{name}/dkim_authority", authority::set_authority)
            .by(&authority::SET_AUTHORITY)
            .writes(KeyScope::KeysWrite),
        route(Method::PUT, "/v3/domains/{name}/dkim_selector", authority::set_selector)
            .by(&authority::SET_SELECTOR)
            .writes(KeyScope::KeysWrite),
        route(Method::PUT, "/v1/dkim_management/domains/{name}/rotation", rotation::update)
            .by(&rotation::UPDATE)
            .writes(KeyScope::KeysWrite),
        route(Method::POST, "/v1/dkim_management/domains/{name}/rotate", rotation::rotate)
            .slow()
            .by(&rotation::ROTATE)
            .writes(KeyScope::KeysWrite),
        route(Method::GET, "/v4/domains", domains::list).by(&domains::LIST).reads(KeyScope::DomainsWrite),
        route(Method::GET, "/v4/domains/{name}", domains::show)
            .by(&domains::SHOW)
            .reads(KeyScope::DomainsWrite)
            .short(),
        looking(Method::PUT, "/v4/domains/{name}/verify", domains::verify)
            .by(&domains::VERIFY)
            .writes(KeyScope::RecordsVerify),
        // The same, for clients that have not moved on.
        route(Method::GET, "/v3/domains", domains::list).by(&domains::LIST).reads(KeyScope::DomainsWrite),
        route(Method::GET, "/v3/domains/{name}", domains::show)
            .by(&domains::SHOW)
            .reads(KeyScope::DomainsWrite)
            .short(),
        looking(Method::PUT, "/v3/domains/{name}/verify", domains::verify)
            .by(&domains::VERIFY)
            .writes(KeyScope::RecordsVerify),
    ],
    render: |fault, _| render(fault),
};

/// A fault in this dialect's shape: `{"message":"text"}`.
fn render(fault: &Fault) -> Response {
    let said = |status, text: &str| Response::json(status, &json!({ "message": text }));
    let bad = |text: &str| said(StatusCode::BAD_REQUEST, text);
    match fault {
        Fault::CredentialMissing | Fault::CredentialInvalid => {
            said(StatusCode::UNAUTHORIZED, "Invalid private key")
                .with(header::WWW_AUTHENTICATE, "Basic realm=\"MG API\"")
        }
        Fault::CredentialTwice | Fault::Idempotency(_) => bad(&fault.to_string()),
        Fault::NoRoute => said(StatusCode::NOT_FOUND, "not found"),
        Fault::Method(_) => said(StatusCode::METHOD_NOT_ALLOWED, &fault.to_string()),
        Fault::TooLarge => said(StatusCode::PAYLOAD_TOO_LARGE, &fault.to_string()),
        Fault::Incomplete => said(StatusCode::REQUEST_TIMEOUT, &fault.to_string()),
        Fault::Format(text) => bad(text),
        Fault::Encoded => {
            said(StatusCode::UNSUPPORTED_MEDIA_TYPE, &fault.to_string()).with(header::ACCEPT_ENCODING, PLAIN)
        }
        Fault::Json(text) => bad(&format!("the body is not JSON: {text}")),
        Fault::Input { reason, detail: None, .. } => bad(reason),
        Fault::Input { reason, detail: Some(detail), .. } => bad(&format!("{reason}: {detail}")),
        Fault::SwitchedOff(_) | Fault::Denied(_) | Fault::CrossSite | Fault::Page(_) => {
            said(StatusCode::FORBIDDEN, &fault.to_string())
        }
        Fault::Busy(seconds) | Fault::RateLimited(seconds) => {
            said(StatusCode::TOO_MANY_REQUESTS, &fault.to_string())
                .with(header::RETRY_AFTER, &seconds.to_string())
        }
        Fault::Full(seconds) => said(StatusCode::SERVICE_UNAVAILABLE, &fault.to_string())
            .with(header::RETRY_AFTER, &seconds.to_string()),
        Fault::StillRunning => said(StatusCode::CONFLICT, &fault.to_string()),
        Fault::Library(Error::Invalid { field, reason }) => {
            bad(&format!("{} is not usable: {reason}", wire_field(field)))
        }
        Fault::Library(Error::NotFound(Entity::DkimKey)) => {
            said(StatusCode::NOT_FOUND, "domain key not found")
        }
        Fault::Library(Error::NotFound(_)) => said(StatusCode::NOT_FOUND, "Domain not found"),
        Fault::Library(Error::Conflict(_)) => bad("failed to create domain key: duplicate key"),
        Fault::Library(Error::Limit { most, .. }) => {
            bad(&format!("failed to create domain key: a domain may have {most}, and this one has them"))
        }
        Fault::Library(
            e @ (Error::Cap { .. } | Error::InUse { what: Entity::Domain | Entity::Alias, .. }),
        ) => bad(&e.to_string()),
        Fault::Library(Error::InUse { .. }) => {
            bad("cannot delete domain key: must have at least one active domain key")
        }
        Fault::Library(Error::Store(e)) => said(store_status(e), store_sentence(e)),
        Fault::Library(_) => said(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
    }
}

/// What this dialect calls an input of the library's.
fn wire_field(field: &str) -> &str {
    match field {
        "name" => "signing_domain",
        other => other,
    }
}
