//! What a dialect is: how it authenticates, which routes it has, and how it says that something went wrong.

use std::borrow::Cow;

use postroom::account::Caller;
use postroom::db::Session;
use postroom::dns::Resolver;
use postroom::settings::Settings;

use crate::http::{BodyFault, Method, Request, Response, StatusCode};

/// One of the REST interfaces.
pub struct Dialect {
    /// Its name, in logs and in `docs/dialects`.
    pub name: &'static str,
    /// What its paths start with: an unknown path below one of them is answered in the dialect's shape.
    pub prefixes: &'static [&'static str],
    /// Where its credential stands.
    pub auth: Auth,
    /// Its routes.
    pub routes: &'static [Route],
    /// Its shape for what went wrong.
    pub render: fn(&Fault) -> Response,
}

/// Where a dialect's credential stands.
#[derive(Clone, Copy, Debug)]
pub enum Auth {
    /// In the first of these header fields that is there.
    Header(&'static [&'static str]),
    /// In `Authorization: Bearer` (RFC 6750 section 2.1).
    Bearer,
    /// The password in `Authorization: Basic` (RFC 7617), of this user.
    Basic {
        /// The one user there is; told apart from others with regard to case.
        user: &'static str,
    },
}

/// One route: a method, a path with parameters in braces, and what answers.
pub struct Route {
    /// The method; a GET route answers HEAD too.
    pub method: Method,
    /// The path, such as `/api/v1/domains/{id}`.
    pub path: &'static str,
    /// What answers; none where the App says, to everybody, whether the service is well.
    pub handler: Option<Handler>,
    /// Whether it asks the DNS, and so may take seconds: its writes are not held together with others.
    pub looks: bool,
    /// Whether it takes long, by the DNS or by the work on a key: only so many of those run at once.
    pub slow: bool,
    /// How much it can be sent.
    pub body: BodySize,
}

/// The most octets of a route's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodySize {
    /// 1 MiB.
    Usual,
    /// A thousand items: 8 MiB.
    Batch,
    /// A report with the largest message that is taken, in JSON: twice its octets, for line ends and quotation marks are
    /// escaped, and what is not ASCII can be.
    Report,
}

impl BodySize {
    /// The number of octets.
    pub fn octets(self, settings: &Settings) -> usize {
        match self {
            BodySize::Usual => 1024 * 1024,
            BodySize::Batch => 8 * 1024 * 1024,
            BodySize::Report => {
                let message = usize::try_from(settings.max_report_octets).unwrap_or(usize::MAX);
                message.saturating_mul(2).saturating_add(64 * 1024)
            }
        }
    }
}

/// What answers a route: parses, makes one `read` or `write`, and shapes.
pub type Handler = fn(&Call<'_>) -> Result<Response, Fault>;

/// A route that answers from the database.
pub const fn route(method: Method, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler: Some(handler), looks: false, slow: false, body: BodySize::Usual }
}

/// A route that is sent a whole message.
pub const fn reporting(method: Method, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler: Some(handler), looks: false, slow: false, body: BodySize::Report }
}

/// A route that is sent a thousand items.
pub const fn batch(method: Method, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler: Some(handler), looks: false, slow: false, body: BodySize::Batch }
}

/// A route that asks the DNS.
pub const fn looking(method: Method, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler: Some(handler), looks: true, slow: true, body: BodySize::Usual }
}

/// A route that makes a key, or checks one.
pub const fn making(method: Method, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler: Some(handler), looks: false, slow: true, body: BodySize::Usual }
}

/// A route that says to everybody whether the service is well, and nothing else.
pub const fn open(method: Method, path: &'static str) -> Route {
    Route { method, path, handler: None, looks: false, slow: false, body: BodySize::Usual }
}

/// What the operator switches on and off for all dialects.
#[derive(Clone, Copy, Debug)]
pub struct Switches {
    /// Whether records can be marked by hand.
    pub dns_mark: bool,
    /// Whether a webhook may be http, to loopback.
    pub loopback_webhooks: bool,
}

impl Default for Switches {
    fn default() -> Switches {
        Switches { dns_mark: true, loopback_webhooks: false }
    }
}

/// An authenticated request on its way to a handler.
pub struct Call<'a> {
    /// The library. A POST may have its writes held until it is answered: it hands this on as a whole only before the
    /// first of them, or where its route is a [`looking`] one.
    pub postroom: &'a Session<'a>,
    /// The DNS.
    pub resolver: &'a dyn Resolver,
    /// What the operator has switched on and off.
    pub switches: Switches,
    /// The base URL that clients use, without a last slash.
    pub base_url: &'a str,
    /// Who calls.
    pub caller: Caller,
    /// What was asked.
    pub request: &'a Request,
    /// The parameters in the path, percent-decoded.
    pub params: Vec<(String, String)>,
}

impl Call<'_> {
    /// A parameter of the path; the empty text if the route has none of that name.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Every value of a parameter of the query.
    pub fn queries(&self, name: &str) -> Vec<String> {
        let query = self.request.query.as_deref().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    }

    /// The last value of a parameter of the query.
    pub fn query(&self, name: &str) -> Option<String> {
        self.queries(name).pop()
    }
}

/// What went wrong, before a dialect gives it its shape.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No credential.
    #[error("the credential is missing")]
    CredentialMissing,
    /// A credential that opens nothing.
    #[error("the credential is unknown or revoked")]
    CredentialInvalid,
    /// No such route.
    #[error("there is no such route")]
    NoRoute,
    /// The route does not take this method; these it takes.
    #[error("this route takes {0} only")]
    Method(String),
    /// The body is larger than the route takes.
    #[error("the body is larger than this route takes")]
    TooLarge,
    /// The body did not arrive whole.
    #[error("the body did not arrive whole, or not in time")]
    Incomplete,
    /// The body is in a format, or the answer is asked in one, that the route does not have.
    #[error("{0}")]
    Format(Cow<'static, str>),
    /// The body is not JSON; why, with line and column.
    #[error("{0}")]
    Json(String),
    /// An input of the wire that breaks a rule of the wire.
    #[error("{field} {reason}")]
    Input {
        /// Its name on the wire.
        field: &'static str,
        /// What is wrong with it, as a predicate: "must be a number".
        reason: String,
        /// More on it, where there is more to say.
        detail: Option<String>,
    },
    /// The operator has switched this off.
    #[error("the operator of this server has switched off {0}")]
    SwitchedOff(&'static str),
    /// It is there, and this caller may not work on it.
    #[error("{0}")]
    Denied(&'static str),
    /// Too many requests of a kind at once; come again after so many seconds.
    #[error("too many at once; try again in {0} s")]
    Busy(u32),
    /// More requests than the account's rate allows, or more failed authentications than the address's; come again after
    /// so many seconds.
    #[error("too many requests; try again in {0} s")]
    RateLimited(u32),
    /// An `Idempotency-Key` that will not do; why, as a predicate.
    #[error("Idempotency-Key {0}")]
    Idempotency(String),
    /// The request is being answered, under this `Idempotency-Key`, for whoever sent it before.
    #[error("a request with this Idempotency-Key is being answered; ask again when it is done")]
    StillRunning,
    /// The library's word.
    #[error(transparent)]
    Library(#[from] postroom::error::Error),
}

impl Fault {
    /// An input of the wire that breaks a rule.
    pub fn input(field: &'static str, reason: impl std::fmt::Display) -> Fault {
        Fault::Input { field, reason: reason.to_string(), detail: None }
    }
}

/// A JSON body: of the right content type, well-formed, and `None` where it is empty.
///
/// A body without a content type is taken for JSON.
pub fn json_body(request: &Request) -> Result<Option<serde_json::Value>, Fault> {
    let octets = match &request.body {
        Ok(octets) => octets,
        Err(BodyFault::TooLarge) => return Err(Fault::TooLarge),
        Err(BodyFault::Incomplete) => return Err(Fault::Incomplete),
    };
    if octets.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let content_type = request.header("content-type").map_or("application/json", media_type);
    if !content_type.eq_ignore_ascii_case("application/json") {
        return Err(Fault::Format("Invalid request format or content type".into()));
    }
    serde_json::from_slice(octets).map(Some).map_err(|e| Fault::Json(e.to_string()))
}

/// Whether JSON will do for an answer (RFC 9110 section 12.5.1); without an Accept field anything will.
pub fn takes_json(request: &Request) -> bool {
    let mut ranges =
        request.headers.get_all("accept").iter().filter_map(|value| value.to_str().ok()).peekable();
    ranges.peek().is_none()
        || ranges.flat_map(|value| value.split(',')).map(media_type).any(|range| {
            ["*/*", "application/*", "application/json"].iter().any(|known| range.eq_ignore_ascii_case(known))
        })
}

/// A media type without its parameters.
fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// The status of what is nobody's input: the same in every dialect.
pub fn store_status(error: &postroom::error::StoreError) -> StatusCode {
    use postroom::error::StoreTrouble;
    match error.trouble() {
        StoreTrouble::Full => StatusCode::INSUFFICIENT_STORAGE,
        StoreTrouble::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
