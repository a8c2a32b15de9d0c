//! The MailChannels dialect: domains whose incoming mail is filtered, in bulk, with their lists and users,
//! `/inbound/v1`. The contract is `docs/dialects/mailchannels.md`.

mod aliases;
mod batch;
mod domains;
mod input;
mod links;
mod lists;
mod reports;
mod shape;
mod users;

use postroom::access::KeyScope;
use postroom::error::{Entity, Error};
use serde_json::json;

use crate::wire::Contract;
use crate::wire::http::{Body, HeaderMap, Method, Response, StatusCode, header};
use crate::wire::shape::{Shape, TEXT, TEXTS, has};
use crate::wire::{
    Anybody, Auth, BodySize, CLAIM_IT, Call, Fault, PLAIN, Surface, looking, open, route, store_sentence,
    store_status, unproved_limit,
};

/// What [`error`] writes.
pub(super) const FAULT: Shape = Shape::object(
    "Fault",
    &[&[has("code", Shape::Integer { least: 400, most: 599 }), has("message", TEXT), has("errors", TEXTS)]],
);
const STATUS: Contract = Contract::new("Tells whether the service is well").nothing(200);

/// The dialect.
pub const DIALECT: Surface = Surface {
    name: "mailchannels",
    prefixes: &["/inbound/v1"],
    auth: Auth::Header(&["x-api-key"]),
    routes: &[
        route(Method::GET, "/inbound/v1/subscriptions", domains::subscriptions)
            .by(&domains::SUBSCRIPTIONS)
            .reads(KeyScope::DomainsWrite),
        route(Method::GET, "/inbound/v1/domains", domains::list)
            .by(&domains::LIST)
            .reads(KeyScope::DomainsWrite),
        looking(Method::POST, "/inbound/v1/domains", domains::provision)
            .by(&domains::PROVISION)
            .writes(KeyScope::DomainsWrite)
            .of_account(),
        looking(Method::POST, "/inbound/v1/domains/batch", batch::provision)
            .batch()
            .by(&batch::PROVISION)
            .writes(KeyScope::DomainsWrite)
            .of_account(),
        route(Method::DELETE, "/inbound/v1/domains/batch", batch::deprovision)
            .batch()
            .by(&batch::DEPROVISION)
            .writes(KeyScope::DomainsWrite),
        route(Method::POST, "/inbound/v1/domains/batch/deprovision", batch::deprovision)
            .batch()
            .by(&batch::DEPROVISION)
            .writes(KeyScope::DomainsWrite),
        route(Method::GET, "/inbound/v1/domains/{domain}", domains::show)
            .by(&domains::SHOW)
            .reads(KeyScope::DomainsWrite)
            .short(),
        route(Method::DELETE, "/inbound/v1/domains/{domain}", domains::deprovision)
            .by(&domains::DEPROVISION)
            .writes(KeyScope::DomainsWrite),
        route(Method::GET, "/inbound/v1/domains/{domain}/settings", domains::settings)
            .by(&domains::SETTINGS_SHOWN)
            .reads(KeyScope::DomainsWrite)
            .short(),
        looking(Method::PUT, "/inbound/v1/domains/{domain}/settings", domains::set_settings)
            .by(&domains::SET_SETTINGS)
            .writes(KeyScope::DomainsWrite),
        route(Method::GET, "/inbound/v1/domains/{domain}/downstream-address", domains::downstream)
            .by(&domains::DOWNSTREAM_SHOWN)
            .reads(KeyScope::RoutesWrite),
        looking(Method::PUT, "/inbound/v1/domains/{domain}/downstream-address", domains::set_downstream)
            .by(&domains::SET_DOWNSTREAM)
            .writes(KeyScope::RoutesWrite),
        route(Method::PUT, "/inbound/v1/domains/{domain}/api-key", domains::set_key)
            .by(&domains::SET_KEY)
            .writes(KeyScope::DomainsWrite)
            // It decides which of the account's keys see the domain.
            .of_account(),
        route(Method::POST, "/inbound/v1/domains/{domain}/alias/{alias}", aliases::create)
            .by(&aliases::CREATE)
            .writes(KeyScope::DomainsWrite),
        route(Method::DELETE, "/inbound/v1/domains/{domain}/alias/{alias}", aliases::delete)
            .by(&aliases::DELETE)
            .writes(KeyScope::DomainsWrite),
        route(Method::GET, "/inbound/v1/domains/{domain}/login-link", links::create)
            .by(&links::CREATE)
            .writes(KeyScope::LinksWrite),
        route(Method::POST, "/inbound/v1/domains/batch/login-link", links::create_many)
            .batch()
            .by(&links::CREATE_MANY)
            .writes(KeyScope::LinksWrite),
        route(Method::GET, "/inbound/v1/lists/{listname}", lists::of_account)
            .by(&lists::OF_ACCOUNT)
            .reads(KeyScope::ListsWrite),
        route(Method::POST, "/inbound/v1/lists/{listname}", lists::add_to_account)
            .by(&lists::ADD_TO_ACCOUNT)
            .writes(KeyScope::ListsWrite)
            .of_account(),
        route(Method::DELETE, "/inbound/v1/lists/{listname}", lists::remove_from_account)
            .by(&lists::REMOVE_FROM_ACCOUNT)
            .writes(KeyScope::ListsWrite)
            .of_account(),
        route(Method::GET, "/inbound/v1/domains/{domain}/lists/{listname}", lists::of_domain)
            .by(&lists::OF_DOMAIN)
            .reads(KeyScope::ListsWrite),
        route(Method::POST, "/inbound/v1/domains/{domain}/lists/{listname}", lists::add_to_domain)
            .by(&lists::ADD_TO_DOMAIN)
            .writes(KeyScope::ListsWrite),
        route(Method::DELETE, "/inbound/v1/domains/{domain}/lists/{listname}", lists::remove_from_domain)
            .by(&lists::REMOVE_FROM_DOMAIN)
            .writes(KeyScope::ListsWrite),
        route(Method::GET, "/inbound/v1/users/{email}/lists/{listname}", lists::of_user)
            .by(&lists::OF_USER)
            .reads(KeyScope::ListsWrite),
        route(Method::POST, "/inbound/v1/users/{email}/lists/{listname}", lists::add_to_user)
            .by(&lists::ADD_TO_USER)
            .writes(KeyScope::ListsWrite),
        route(Method::DELETE, "/inbound/v1/users/{email}/lists/{listname}", lists::remove_from_user)
            .by(&lists::REMOVE_FROM_USER)
            .writes(KeyScope::ListsWrite),
        route(Method::PUT, "/inbound/v1/users", users::save).by(&users::SAVE).writes(KeyScope::ListsWrite),
        route(Method::PUT, "/inbound/v1/users/{email}/settings", users::set_settings)
            .by(&users::SET_SETTINGS)
            .writes(KeyScope::ListsWrite),
        route(Method::POST, "/inbound/v1/report", reports::submit)
            .takes(BodySize::Report)
            .by(&reports::SUBMIT)
            .writes(KeyScope::ReportsWrite),
        open(Method::GET, "/inbound/v1/status", status).by(&STATUS),
    ],
    render: |fault, _| render(fault),
};

/// Whether the service is well.
fn status(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    call.session.check_readable()?;
    Ok(Response { status: StatusCode::OK, headers: HeaderMap::new(), body: Body::EMPTY })
}

/// A fault in this dialect's shape.
fn render(fault: &Fault) -> Response {
    let (status, text) = said(fault);
    let response = error(status, &text);
    match fault {
        Fault::Encoded => response.with(header::ACCEPT_ENCODING, PLAIN),
        Fault::Busy(seconds) | Fault::Full(seconds) | Fault::RateLimited(seconds) => {
            response.with(header::RETRY_AFTER, &seconds.to_string())
        }
        _ => response,
    }
}

/// `{"code","message","errors"}`.
fn error(status: StatusCode, text: &str) -> Response {
    let message = status.canonical_reason().unwrap_or("Error");
    Response::json(status, &json!({ "code": status.as_u16(), "message": message, "errors": [text] }))
}

/// The status of a fault, and what there is to say of it: also for one item of many.
fn said(fault: &Fault) -> (StatusCode, String) {
    let status = match fault {
        Fault::CredentialMissing => {
            return (StatusCode::UNAUTHORIZED, "the header field X-API-Key is missing".to_owned());
        }
        Fault::CredentialInvalid => {
            return (StatusCode::UNAUTHORIZED, "the API key is unknown or revoked".to_owned());
        }
        Fault::NoRoute => StatusCode::NOT_FOUND,
        Fault::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
        Fault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Fault::Incomplete => StatusCode::REQUEST_TIMEOUT,
        Fault::Format(_) => {
            let text = "the body must be JSON, with Content-Type: application/json";
            return (StatusCode::BAD_REQUEST, text.to_owned());
        }
        Fault::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Fault::Json(reason) => return (StatusCode::BAD_REQUEST, format!("the body is not JSON: {reason}")),
        Fault::Input { .. } | Fault::Idempotency(_) | Fault::CredentialTwice => StatusCode::BAD_REQUEST,
        Fault::SwitchedOff(_) | Fault::Denied(_) | Fault::CrossSite | Fault::Page(_) => StatusCode::FORBIDDEN,
        Fault::Busy(_) | Fault::Full(_) | Fault::RateLimited(_) => StatusCode::SERVICE_UNAVAILABLE,
        Fault::StillRunning => StatusCode::CONFLICT,
        Fault::Library(error) => return said_of(error),
    };
    (status, fault.to_string())
}

fn said_of(error: &Error) -> (StatusCode, String) {
    match error {
        Error::Invalid { field, reason } => {
            (StatusCode::BAD_REQUEST, format!("{} is not usable: {reason}", wire_field(field)))
        }
        Error::NotFound(Entity::Domain) => (StatusCode::NOT_FOUND, "the domain does not exist".to_owned()),
        // A subscription is the customer's own, or none that may be used.
        Error::NotFound(Entity::Subscription) => {
            (StatusCode::FORBIDDEN, "there is no such subscription".to_owned())
        }
        Error::NotFound(what) => (StatusCode::NOT_FOUND, format!("the {what} does not exist")),
        Error::Conflict(Entity::Domain) => {
            (StatusCode::CONFLICT, "the name is provisioned already, or is an alias".to_owned())
        }
        Error::Taken { name } => {
            (StatusCode::CONFLICT, format!("{name} is provisioned already, or is an alias: {CLAIM_IT}"))
        }
        Error::NotClaimable { reason } => {
            (StatusCode::BAD_REQUEST, format!("domain is not usable: {reason}"))
        }
        Error::Limit { what: Entity::Claim, most } => (StatusCode::FORBIDDEN, unproved_limit(*most)),
        Error::Limit { what: Entity::Subscription, most } => {
            (StatusCode::FORBIDDEN, format!("the subscription's limit of {most} is reached"))
        }
        Error::Limit { .. } | Error::Cap { .. } => (StatusCode::FORBIDDEN, error.to_string()),
        Error::Conflict(_) | Error::InUse { .. } => (StatusCode::CONFLICT, error.to_string()),
        Error::Store(e) => (store_status(e), store_sentence(e).to_owned()),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal error".to_owned()),
    }
}

/// What this dialect calls an input of the library's.
fn wire_field(field: &str) -> &str {
    match field {
        "name" => "domain",
        "api_key" => "apiKey",
        "downstream_address" => "downstreamAddresses",
        "spam_header_name" => "spamHeaderName",
        "spam_header_value" => "spamHeaderValue",
        "handle" => "subscriptionHandle",
        "message" => "messageContent",
        "client" => "sendingHostInformation.name",
        "sender" => "mailFrom",
        "recipient" => "rcptTo",
        "helo" => "ehlo",
        other => other,
    }
}
