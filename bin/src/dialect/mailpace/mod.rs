//! The MailPace dialect: domains and their API tokens, `/api/v1`. The contract is `docs/dialects/mailpace.md`.

mod api_tokens;
mod domains;

use postroom::access::KeyScope;
use postroom::error::{Entity, Error};
use serde_json::{Value, json};

use crate::wire::http::{Method, Response, StatusCode, header};
use crate::wire::{Auth, Call, Fault, Surface, looking, route, store_status};

/// The dialect.
pub const DIALECT: Surface = Surface {
    name: "mailpace",
    prefixes: &["/api/v1"],
    auth: Auth::Header(&["MailPace-Organization-Token", "MailPace-Server-Token"]),
    routes: &[
        route(Method::GET, "/api/v1/domains", domains::list).reads(KeyScope::DomainsWrite),
        route(Method::POST, "/api/v1/domains", domains::create).writes(KeyScope::DomainsWrite).of_account(),
        route(Method::GET, "/api/v1/domains/{id}", domains::show).reads(KeyScope::DomainsWrite),
        route(Method::PATCH, "/api/v1/domains/{id}", domains::update).writes(KeyScope::DomainsWrite),
        looking(Method::POST, "/api/v1/domains/{id}/verify", domains::verify).writes(KeyScope::RecordsVerify),
        route(Method::GET, "/api/v1/domains/{id}/api_tokens", api_tokens::list).reads(KeyScope::TokensWrite),
        route(Method::POST, "/api/v1/domains/{id}/api_tokens", api_tokens::create)
            .writes(KeyScope::TokensWrite),
        route(Method::GET, "/api/v1/domains/{id}/api_tokens/{token_id}", api_tokens::show)
            .reads(KeyScope::TokensWrite),
        route(Method::PATCH, "/api/v1/domains/{id}/api_tokens/{token_id}", api_tokens::update)
            .writes(KeyScope::TokensWrite),
        route(Method::DELETE, "/api/v1/domains/{id}/api_tokens/{token_id}", api_tokens::revoke)
            .writes(KeyScope::TokensWrite),
    ],
    render,
};

/// A fault in MailPace's shape: `{"error":"text"}`, or `{"errors":{"field":["text"]}}` for 422.
fn render(fault: &Fault) -> Response {
    let error = |status, text: &str| Response::json(status, &json!({ "error": text }));
    let invalid = |field: &str, reasons: &[&str]| {
        Response::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "errors": { field: reasons } }))
    };
    match fault {
        Fault::CredentialMissing => error(StatusCode::UNAUTHORIZED, "Missing API Token"),
        Fault::CredentialInvalid => error(StatusCode::UNAUTHORIZED, "Invalid API Token"),
        Fault::CredentialTwice => error(StatusCode::BAD_REQUEST, &fault.to_string()),
        Fault::NoRoute => error(StatusCode::NOT_FOUND, "Not Found"),
        Fault::Method(_) => error(StatusCode::METHOD_NOT_ALLOWED, &fault.to_string()),
        Fault::TooLarge => error(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large"),
        Fault::Incomplete => error(StatusCode::REQUEST_TIMEOUT, &fault.to_string()),
        Fault::Format(text) => error(StatusCode::NOT_ACCEPTABLE, text),
        Fault::Json(reason) => error(StatusCode::BAD_REQUEST, &format!("Invalid JSON: {reason}")),
        Fault::Input { field, reason, detail: None } => invalid(field, &[reason]),
        Fault::Input { field, reason, detail: Some(detail) } => invalid(field, &[reason, detail]),
        Fault::SwitchedOff(_) | Fault::Denied(_) | Fault::CrossSite | Fault::Page(_) => {
            error(StatusCode::FORBIDDEN, &fault.to_string())
        }
        Fault::Busy(seconds) => error(StatusCode::TOO_MANY_REQUESTS, "Too many verifications at once")
            .with(header::RETRY_AFTER, &seconds.to_string()),
        Fault::RateLimited(seconds) => error(StatusCode::TOO_MANY_REQUESTS, "Too many requests")
            .with(header::RETRY_AFTER, &seconds.to_string()),
        Fault::Full(seconds) => error(StatusCode::SERVICE_UNAVAILABLE, &fault.to_string())
            .with(header::RETRY_AFTER, &seconds.to_string()),
        Fault::Idempotency(reason) => invalid("Idempotency-Key", &[reason]),
        Fault::StillRunning => error(StatusCode::CONFLICT, &fault.to_string()),
        Fault::Library(Error::Invalid { field, reason }) => {
            invalid(wire_field(field), &["is invalid", reason])
        }
        Fault::Library(Error::NotFound(Entity::DomainToken)) => {
            error(StatusCode::NOT_FOUND, "API token not found")
        }
        Fault::Library(Error::NotFound(_)) => error(StatusCode::NOT_FOUND, "Domain not found"),
        Fault::Library(Error::Conflict(_)) => invalid("url", &["has already been taken"]),
        Fault::Library(Error::Limit { most, .. }) => {
            invalid("url", &[&format!("is one too many: the subscription allows {most} domains")])
        }
        Fault::Library(e @ Error::InUse { .. }) => error(StatusCode::CONFLICT, &e.to_string()),
        Fault::Library(Error::Store(e)) => error(
            store_status(e),
            "The server could not do this; try again, or ask its operator with the X-Request-Id",
        ),
        Fault::Library(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
    }
}

/// What MailPace calls an input of the library's.
fn wire_field(field: &str) -> &str {
    match field {
        "label" => "name",
        "selector" => "url",
        other => other,
    }
}

/// The object of a body, with or without its wrapper: `{"domain":{…}}` or `{…}`. An empty body is `{}`.
fn object(call: &Call<'_>, wrapper: &'static str) -> Result<serde_json::Map<String, Value>, Fault> {
    if !crate::wire::takes_json(call.request) {
        return Err(Fault::Format("Invalid request format or content type".into()));
    }
    let mut body = match crate::wire::json_body(call.request)? {
        None => return Ok(serde_json::Map::new()),
        Some(Value::Object(body)) => body,
        Some(_) => return Err(Fault::input(wrapper, "must be an object")),
    };
    match body.remove(wrapper) {
        None => Ok(body),
        Some(Value::Object(inner)) => Ok(inner),
        Some(_) => Err(Fault::input(wrapper, "must be an object")),
    }
}

/// A text in an object.
enum Text {
    /// The key is not there.
    Absent,
    /// It is null.
    Null,
    /// It is this.
    Is(String),
}

impl Text {
    /// The text, if there is one.
    fn value(self) -> Option<String> {
        match self {
            Text::Is(text) => Some(text),
            Text::Absent | Text::Null => None,
        }
    }
}

fn text(object: &serde_json::Map<String, Value>, field: &'static str) -> Result<Text, Fault> {
    match object.get(field) {
        None => Ok(Text::Absent),
        Some(Value::Null) => Ok(Text::Null),
        Some(Value::String(text)) => Ok(Text::Is(text.clone())),
        Some(_) => Err(Fault::input(field, "must be a string")),
    }
}

/// The number in a path; whatever else stands there names nothing.
fn path_id(call: &Call<'_>, param: &str, entity: Entity) -> Result<i64, Fault> {
    let text = call.param(param);
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(Fault::Library(Error::NotFound(entity)))
}
