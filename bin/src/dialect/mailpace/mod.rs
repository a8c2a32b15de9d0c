//! The MailPace dialect: domains and their API tokens, `/api/v1`. The contract is `docs/dialects/mailpace.md`.

mod api_tokens;
mod domains;

use postroom::access::KeyScope;
use postroom::error::{Entity, Error};
use serde_json::json;

use crate::wire::http::{Method, Response, StatusCode, header};
use crate::wire::json::{Json, Members, Object};
use crate::wire::shape::{Shape, TEXT, TEXTS, has};
use crate::wire::{
    Auth, CLAIM_IT, Call, Fault, PLAIN, Surface, looking, route, store_sentence, store_status, unproved_limit,
};

/// What [`render`] writes.
pub(super) const FAULT: Shape = Shape::Either(&[
    &Shape::object("Error", &[&[has("error", TEXT)]]),
    &Shape::object("Invalid", &[&[has("errors", Shape::Map(&TEXTS)).text("by the name of the field")]]),
]);

/// The dialect.
pub const DIALECT: Surface = Surface {
    name: "mailpace",
    prefixes: &["/api/v1"],
    auth: Auth::Header(&["MailPace-Organization-Token", "MailPace-Server-Token"]),
    routes: &[
        route(Method::GET, "/api/v1/domains", domains::list).by(&domains::LIST).reads(KeyScope::DomainsWrite),
        route(Method::POST, "/api/v1/domains", domains::create)
            .by(&domains::CREATE)
            .writes(KeyScope::DomainsWrite)
            .of_account(),
        route(Method::GET, "/api/v1/domains/{id}", domains::show)
            .by(&domains::SHOW)
            .reads(KeyScope::DomainsWrite)
            .short(),
        route(Method::PATCH, "/api/v1/domains/{id}", domains::update)
            .by(&domains::UPDATE)
            .writes(KeyScope::DomainsWrite),
        looking(Method::POST, "/api/v1/domains/{id}/verify", domains::verify)
            .by(&domains::VERIFY)
            .writes(KeyScope::RecordsVerify),
        route(Method::GET, "/api/v1/domains/{id}/api_tokens", api_tokens::list)
            .by(&api_tokens::LIST)
            .reads(KeyScope::TokensWrite),
        route(Method::POST, "/api/v1/domains/{id}/api_tokens", api_tokens::create)
            .by(&api_tokens::CREATE)
            .writes(KeyScope::TokensWrite),
        route(Method::GET, "/api/v1/domains/{id}/api_tokens/{token_id}", api_tokens::show)
            .by(&api_tokens::SHOW)
            .reads(KeyScope::TokensWrite)
            .short(),
        route(Method::PATCH, "/api/v1/domains/{id}/api_tokens/{token_id}", api_tokens::update)
            .by(&api_tokens::UPDATE)
            .writes(KeyScope::TokensWrite),
        route(Method::DELETE, "/api/v1/domains/{id}/api_tokens/{token_id}", api_tokens::revoke)
            .by(&api_tokens::REVOKE)
            .writes(KeyScope::TokensWrite),
    ],
    render: |fault, _| render(fault),
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
        Fault::Encoded => error(StatusCode::UNSUPPORTED_MEDIA_TYPE, &capitalised(&fault.to_string()))
            .with(header::ACCEPT_ENCODING, PLAIN),
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
        Fault::Library(Error::Taken { .. }) => invalid("url", &["has already been taken", CLAIM_IT]),
        Fault::Library(Error::NotClaimable { reason }) => invalid("url", &["is invalid", reason]),
        Fault::Library(Error::Limit { what: Entity::Claim, most }) => {
            invalid("url", &[&unproved_limit(*most)])
        }
        Fault::Library(Error::Limit { what: Entity::Subscription, most }) => {
            invalid("url", &[&format!("is one too many: the subscription allows {most} domains")])
        }
        Fault::Library(e @ (Error::Limit { .. } | Error::Cap { .. })) => invalid("base", &[&e.to_string()]),
        Fault::Library(e @ Error::InUse { .. }) => error(StatusCode::CONFLICT, &e.to_string()),
        Fault::Library(Error::Store(e)) => error(store_status(e), &capitalised(store_sentence(e))),
        Fault::Library(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
    }
}

/// A sentence as MailPace begins it.
fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What MailPace calls an input of the library's.
fn wire_field(field: &str) -> &str {
    match field {
        "label" => "name",
        "selector" => "url",
        other => other,
    }
}

/// What a body says, with or without its wrapper: `{"domain":{…}}` or `{…}`. An empty body is `{}`.
struct Input<'a> {
    members: Members<'a>,
    /// Whether it has its wrapper.
    wrapped: bool,
}

/// The members that the routes read, and their wrappers.
const FIELDS: &[&str] = &["domain", "api_token", "url", "name"];

/// Reads the object of a body.
fn input<'a>(call: &'a Call<'_>, wrapper: &'static str) -> Result<Input<'a>, Fault> {
    if !crate::wire::takes_json(call.request) {
        return Err(Fault::Format("Invalid request format or content type".into()));
    }
    let members = match crate::wire::json_body(call.request)? {
        None => Object::EMPTY.members(FIELDS),
        Some(Json::Object(body)) => body.members(FIELDS),
        Some(_) => return Err(Fault::input(wrapper, "must be an object")),
    };
    match members.get(wrapper) {
        None => Ok(Input { members, wrapped: false }),
        Some(Json::Object(inner)) => Ok(Input { members: inner.members(FIELDS), wrapped: true }),
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

impl Input<'_> {
    fn text(&self, field: &'static str) -> Result<Text, Fault> {
        match self.members.get(field) {
            None => Ok(Text::Absent),
            Some(Json::Null) => Ok(Text::Null),
            Some(Json::String(text)) => Ok(Text::Is(text.into_owned())),
            Some(_) => Err(Fault::input(field, "must be a string")),
        }
    }
}

/// The number in a path; whatever else stands there names nothing.
fn path_id(call: &Call<'_>, param: &str, entity: Entity) -> Result<i64, Fault> {
    let text = call.param(param);
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(Fault::Library(Error::NotFound(entity)))
}

#[cfg(test)]
mod tests {
    use crate::wire::shape::names_in_bodies;

    #[test]
    fn the_members_that_are_read_are_those_that_are_described() {
        let read = super::FIELDS.iter().copied().collect();
        assert_eq!(names_in_bodies(super::DIALECT.routes), read);
    }
}
