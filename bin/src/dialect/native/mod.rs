//! The native dialect: what the published ones have no shape for, `/postroom/v1`. The contract is
//! `docs/dialects/native.md`.

mod account;
mod api_keys;
mod claims;
mod deliveries;
mod domains;
mod explain;
mod keys;
mod lists;
mod routing;
mod setup_links;

use postroom::access::KeyScope;
use postroom::cap::Cap;
use postroom::error::{Entity, Error};
use serde_json::json;

use crate::wire::http::{Method, Response, StatusCode, header};
use crate::wire::json::Json;
use crate::wire::shape::{MAYBE_TEXT, Shape, TEXT, has, may};
use crate::wire::{
    Auth, CLAIM_IT, Call, Fault, PLAIN, Surface, json_body, looking, route, store_sentence, store_status,
    unproved_limit,
};

const DELETED: Shape = Shape::object("Deleted", &[&[has("deleted", TEXT)]]);
/// What [`render`] writes, and [`keys`] where a key's record is not right.
pub(super) const FAULT: Shape = Shape::object(
    "Fault",
    &[&[has(
        "error",
        Shape::object(
            "Error",
            &[&[
                has("code", TEXT).text("a stable word for programs"),
                has("message", TEXT),
                may("finding", MAYBE_TEXT).text("a code of docs/findings.md"),
            ]],
        ),
    )]],
);

/// The dialect.
pub const DIALECT: Surface = Surface {
    name: "native",
    prefixes: &["/postroom/v1"],
    auth: Auth::Bearer,
    routes: &[
        route(Method::GET, "/postroom/v1/account", account::show)
            .by(&account::SHOW)
            .reads(KeyScope::AccountWrite)
            .of_account(),
        route(Method::GET, "/postroom/v1/keys", api_keys::list)
            .by(&api_keys::LIST)
            .reads(KeyScope::AccountWrite),
        route(Method::POST, "/postroom/v1/keys", api_keys::create)
            .by(&api_keys::CREATE)
            .writes(KeyScope::AccountWrite),
        route(Method::POST, "/postroom/v1/keys/rotate", api_keys::rotate)
            .by(&api_keys::ROTATE)
            .writes(KeyScope::AccountWrite),
        route(Method::DELETE, "/postroom/v1/keys/{id}", api_keys::revoke)
            .by(&api_keys::REVOKE)
            .writes(KeyScope::AccountWrite),
        route(Method::GET, "/postroom/v1/claims", claims::list)
            .by(&claims::LIST)
            .reads(KeyScope::DomainsWrite),
        route(Method::POST, "/postroom/v1/claims", claims::create)
            .slow()
            .by(&claims::CREATE)
            .writes(KeyScope::DomainsWrite)
            .of_account(),
        route(Method::GET, "/postroom/v1/claims/{name}", claims::show)
            .by(&claims::SHOW)
            .reads(KeyScope::DomainsWrite),
        route(Method::DELETE, "/postroom/v1/claims/{name}", claims::delete)
            .by(&claims::DELETE)
            .writes(KeyScope::DomainsWrite),
        looking(Method::POST, "/postroom/v1/claims/{name}/verify", claims::verify)
            .by(&claims::VERIFY)
            .writes(KeyScope::RecordsVerify),
        route(Method::GET, "/postroom/v1/domains/{name}", domains::show)
            .by(&domains::SHOW)
            .reads(KeyScope::DomainsWrite)
            .short(),
        looking(Method::GET, "/postroom/v1/domains/{name}/dns", domains::dns)
            .by(&domains::DNS)
            .reads(KeyScope::RecordsVerify),
        looking(Method::GET, "/postroom/v1/domains/{name}/advice", domains::advise)
            .by(&domains::ADVISE)
            .reads(KeyScope::RecordsVerify),
        looking(Method::POST, "/postroom/v1/domains/{name}/verify", domains::verify)
            .by(&domains::VERIFY)
            .writes(KeyScope::RecordsVerify),
        route(Method::GET, "/postroom/v1/domains/{name}/zone", domains::zone)
            .by(&domains::ZONE)
            .reads(KeyScope::RecordsVerify),
        route(Method::GET, "/postroom/v1/domains/{name}/keys", keys::list)
            .by(&keys::LIST)
            .reads(KeyScope::KeysWrite),
        route(Method::POST, "/postroom/v1/domains/{name}/keys", keys::create)
            .slow()
            .by(&keys::CREATE)
            .writes(KeyScope::KeysWrite),
        route(Method::DELETE, "/postroom/v1/domains/{name}/keys/{selector}", keys::delete)
            .by(&keys::DELETE)
            .writes(KeyScope::KeysWrite),
        looking(Method::POST, "/postroom/v1/domains/{name}/keys/{selector}/activate", keys::activate)
            .by(&keys::ACTIVATE)
            .writes(KeyScope::KeysWrite),
        route(Method::POST, "/postroom/v1/domains/{name}/keys/{selector}/deactivate", keys::deactivate)
            .by(&keys::DEACTIVATE)
            .writes(KeyScope::KeysWrite),
        route(Method::GET, "/postroom/v1/domains/{name}/rotation", keys::rotation)
            .by(&keys::ROTATION_SHOWN)
            .reads(KeyScope::KeysWrite),
        route(Method::POST, "/postroom/v1/domains/{name}/rotation", keys::rotate)
            .slow()
            .by(&keys::ROTATE)
            .writes(KeyScope::KeysWrite),
        route(Method::PUT, "/postroom/v1/domains/{name}/rotation", keys::set_rotation)
            .by(&keys::SET_ROTATION)
            .writes(KeyScope::KeysWrite),
        route(Method::DELETE, "/postroom/v1/domains/{name}/rotation", keys::abort)
            .by(&keys::ABORT)
            .writes(KeyScope::KeysWrite),
        route(Method::GET, "/postroom/v1/domains/{name}/setup-links", setup_links::list)
            .by(&setup_links::LIST)
            .reads(KeyScope::LinksWrite),
        route(Method::POST, "/postroom/v1/domains/{name}/setup-links", setup_links::create)
            .by(&setup_links::CREATE)
            .writes(KeyScope::LinksWrite),
        route(Method::DELETE, "/postroom/v1/domains/{name}/setup-links/{link_id}", setup_links::revoke)
            .by(&setup_links::REVOKE)
            .writes(KeyScope::LinksWrite),
        route(Method::GET, "/postroom/v1/domains/{name}/deliveries", deliveries::list)
            .by(&deliveries::LIST)
            .reads(KeyScope::RoutesWrite),
        route(Method::GET, "/postroom/v1/domains/{name}/route", routing::show)
            .by(&routing::SHOW)
            .reads(KeyScope::RoutesWrite)
            .short(),
        route(Method::PUT, "/postroom/v1/domains/{name}/route", routing::change)
            .by(&routing::CHANGE)
            .writes(KeyScope::RoutesWrite),
        route(Method::GET, "/postroom/v1/domains/{name}/explain", explain::show)
            .by(&explain::SHOW)
            .reads(KeyScope::RoutesWrite),
        route(Method::GET, "/postroom/v1/explain", lists::explain)
            .by(&lists::EXPLAIN)
            .reads(KeyScope::ListsWrite),
        route(Method::GET, "/postroom/v1/lists/{list}", lists::show)
            .by(&lists::SHOW)
            .reads(KeyScope::ListsWrite),
        route(Method::POST, "/postroom/v1/lists/{list}", lists::add)
            .by(&lists::ADD)
            .writes(KeyScope::ListsWrite)
            .of_account(),
        route(Method::DELETE, "/postroom/v1/lists/{list}", lists::remove)
            .by(&lists::REMOVE)
            .writes(KeyScope::ListsWrite)
            .of_account(),
        route(Method::GET, "/postroom/v1/domains/{name}/lists/{list}", lists::show)
            .by(&lists::SHOW)
            .reads(KeyScope::ListsWrite),
        route(Method::POST, "/postroom/v1/domains/{name}/lists/{list}", lists::add)
            .by(&lists::ADD)
            .writes(KeyScope::ListsWrite),
        route(Method::DELETE, "/postroom/v1/domains/{name}/lists/{list}", lists::remove)
            .by(&lists::REMOVE)
            .writes(KeyScope::ListsWrite),
        route(Method::GET, "/postroom/v1/recipients/{address}/lists/{list}", lists::show)
            .by(&lists::SHOW)
            .reads(KeyScope::ListsWrite),
        route(Method::POST, "/postroom/v1/recipients/{address}/lists/{list}", lists::add)
            .by(&lists::ADD)
            .writes(KeyScope::ListsWrite),
        route(Method::DELETE, "/postroom/v1/recipients/{address}/lists/{list}", lists::remove)
            .by(&lists::REMOVE)
            .writes(KeyScope::ListsWrite),
    ],
    render: |fault, _| render(fault),
};

/// A fault in this dialect's shape: a stable code for programs, a sentence for people.
fn render(fault: &Fault) -> Response {
    let (status, code) = match fault {
        Fault::CredentialMissing => (StatusCode::UNAUTHORIZED, "credential_missing"),
        Fault::CredentialInvalid => (StatusCode::UNAUTHORIZED, "credential_invalid"),
        Fault::CredentialTwice => (StatusCode::BAD_REQUEST, "credential_twice"),
        Fault::CrossSite | Fault::Page(_) => (StatusCode::FORBIDDEN, "cross_site"),
        Fault::NoRoute => (StatusCode::NOT_FOUND, "no_such_route"),
        Fault::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        Fault::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
        Fault::Incomplete => (StatusCode::REQUEST_TIMEOUT, "body_incomplete"),
        Fault::Format(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "format"),
        Fault::Encoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded"),
        Fault::Json(_) => (StatusCode::BAD_REQUEST, "invalid_json"),
        // The input is all right; what the domain is doing now does not allow it.
        Fault::Library(Error::Invalid { field: "rotation" | "delegation", .. }) => {
            (StatusCode::CONFLICT, "not_now")
        }
        Fault::Input { .. } | Fault::Idempotency(_) | Fault::Library(Error::Invalid { .. }) => {
            (StatusCode::BAD_REQUEST, "invalid")
        }
        Fault::StillRunning => (StatusCode::CONFLICT, "still_running"),
        Fault::SwitchedOff(_) => (StatusCode::FORBIDDEN, "switched_off"),
        Fault::Denied(_) | Fault::Library(Error::Wider { .. }) => (StatusCode::FORBIDDEN, "denied"),
        Fault::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "busy"),
        Fault::Full(_) => (StatusCode::SERVICE_UNAVAILABLE, "full"),
        Fault::RateLimited(_) => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
        Fault::Library(Error::NotFound(Entity::Domain)) => (StatusCode::NOT_FOUND, "no_such_domain"),
        Fault::Library(Error::NotFound(_)) => (StatusCode::NOT_FOUND, "not_found"),
        Fault::Library(Error::Conflict(_)) => (StatusCode::CONFLICT, "exists_already"),
        Fault::Library(Error::Taken { .. }) => (StatusCode::CONFLICT, "taken"),
        Fault::Library(Error::NotClaimable { .. }) => (StatusCode::UNPROCESSABLE_ENTITY, "not_claimable"),
        Fault::Library(Error::Limit { what: Entity::Claim, .. }) => (StatusCode::CONFLICT, "unproved_limit"),
        Fault::Library(Error::InUse { .. }) => (StatusCode::CONFLICT, "in_use"),
        Fault::Library(Error::Cap { cap: Cap::UnprovedClaims, .. }) => {
            (StatusCode::CONFLICT, "unproved_limit")
        }
        Fault::Library(Error::Cap { .. }) => (StatusCode::CONFLICT, "limit_reached"),
        Fault::Library(Error::Limit { .. }) => (StatusCode::FORBIDDEN, "limit_reached"),
        Fault::Library(Error::Store(error)) => (store_status(error), "store"),
        Fault::Library(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    };
    let message = match fault {
        // What the store says is for the log.
        Fault::Library(Error::Store(error)) => store_sentence(error).to_owned(),
        Fault::Library(Error::Taken { name }) => format!("{name} is taken: {CLAIM_IT}"),
        Fault::Library(Error::Limit { what: Entity::Claim, most }) => unproved_limit(*most),
        // The reason says all; what was asked for is no field.
        Fault::Library(Error::Invalid { field: "rotation" | "delegation", reason }) => reason.clone(),
        Fault::Library(Error::Invalid { field, reason }) => {
            format!("{} is not usable: {reason}", wire_field(field))
        }
        other => other.to_string(),
    };
    let response = Response::json(status, &json!({ "error": { "code": code, "message": message } }));
    match fault {
        Fault::CredentialMissing | Fault::CredentialInvalid => {
            response.with(header::WWW_AUTHENTICATE, "Bearer")
        }
        Fault::Encoded => response.with(header::ACCEPT_ENCODING, PLAIN),
        Fault::Busy(seconds) | Fault::Full(seconds) | Fault::RateLimited(seconds) => {
            response.with(header::RETRY_AFTER, &seconds.to_string())
        }
        _ => response,
    }
}

/// What this dialect calls an input of the library's.
fn wire_field(field: &str) -> &str {
    match field {
        "rotation_interval" => "every_days",
        "forward_to_email" => "forward_to",
        "grace" => "grace_minutes",
        other => other,
    }
}

/// The fault of a value that is not usable, with the beginning of it.
fn unusable(field: &'static str, value: &str, reason: impl std::fmt::Display) -> Fault {
    let shown: String = value.chars().take(MOST_SHOWN).collect();
    Fault::input(field, format_args!("is not usable: \"{shown}\": {reason}"))
}

/// The most characters of a value that a refusal repeats.
const MOST_SHOWN: usize = 60;

/// A body that must be there.
fn body<T: serde::de::DeserializeOwned>(call: &Call<'_>) -> Result<T, Fault> {
    match json_body(call.request)? {
        Some(Json::Object(body)) => body.typed().map_err(Fault::Json),
        Some(_) => Err(Fault::Json("it must be an object".to_owned())),
        None => Err(Fault::Json("it is empty".to_owned())),
    }
}
