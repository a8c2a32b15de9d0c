//! What a dialect is: how it authenticates, which routes it has, and how it says that something went wrong.

use std::ops::Deref;

use postroom::account::Caller;
use postroom::db::{Postroom, ReadTx, Session, WriteTx};
use postroom::dns::Resolver;
use postroom::error::Error;
use postroom::settings::Settings;

use super::http::{Method, Request, Response};
use super::{BodySize, Fault};

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
    /// Whether it takes long, by the DNS or by the work on a key: only so many of those run at once.
    pub slow: bool,
    /// How much it can be sent.
    pub body: BodySize,
}

impl Route {
    /// Whether it asks the DNS, and so may take seconds: its writes are not held together with others.
    pub fn looks(&self) -> bool {
        matches!(self.handler, Some(Handler::Looking(_)))
    }
}

/// What answers a route.
#[derive(Clone, Copy)]
pub enum Handler {
    /// From the database alone: it parses, makes one `read` or `write`, and shapes.
    Stored(Stored),
    /// It asks the DNS as well, between transactions.
    Looking(Looking),
}

/// A function that answers from the database alone.
pub type Stored = fn(&Call<'_>) -> Result<Response, Fault>;
/// A function that asks the DNS as well.
pub type Looking = fn(&LookingCall<'_>) -> Result<Response, Fault>;

/// A route that answers from the database.
pub const fn route(method: Method, path: &'static str, handler: Stored) -> Route {
    Route { method, path, handler: Some(Handler::Stored(handler)), slow: false, body: BodySize::Usual }
}

/// A route that is sent a whole message.
pub const fn reporting(method: Method, path: &'static str, handler: Stored) -> Route {
    Route { method, path, handler: Some(Handler::Stored(handler)), slow: false, body: BodySize::Report }
}

/// A route that is sent a thousand items.
pub const fn batch(method: Method, path: &'static str, handler: Stored) -> Route {
    Route { method, path, handler: Some(Handler::Stored(handler)), slow: false, body: BodySize::Batch }
}

/// A route that asks the DNS.
pub const fn looking(method: Method, path: &'static str, handler: Looking) -> Route {
    Route { method, path, handler: Some(Handler::Looking(handler)), slow: true, body: BodySize::Usual }
}

/// A route that makes a key, or checks one.
pub const fn making(method: Method, path: &'static str, handler: Stored) -> Route {
    Route { method, path, handler: Some(Handler::Stored(handler)), slow: true, body: BodySize::Usual }
}

/// A route that says to everybody whether the service is well, and nothing else.
pub const fn open(method: Method, path: &'static str) -> Route {
    Route { method, path, handler: None, slow: false, body: BodySize::Usual }
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
///
/// It reads and writes by its [`Session`] and does not lead to the [`Postroom`]: the writes of a POST may be held until it is
/// answered, and another write beside them would wait for them for ever.
pub struct Call<'a> {
    pub(crate) session: &'a Session<'a>,
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
    /// Runs `work` in one transaction that changes nothing.
    pub fn read<T, E: From<Error>>(&self, work: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.session.read(work)
    }

    /// Runs `work` in one transaction, all of which is undone at an error.
    pub fn write<T, E: From<Error>>(&self, work: impl FnOnce(&WriteTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.session.write(work)
    }

    /// The operator's decisions.
    pub fn settings(&self) -> &Settings {
        self.session.settings()
    }

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

/// A call of a route that asks the DNS. Its writes are never held, so it has the [`Postroom`] as a whole.
pub struct LookingCall<'a> {
    pub(crate) call: Call<'a>,
    /// The library.
    pub postroom: &'a Postroom,
    /// The DNS.
    pub resolver: &'a dyn Resolver,
}

impl<'a> Deref for LookingCall<'a> {
    type Target = Call<'a>;

    fn deref(&self) -> &Call<'a> {
        &self.call
    }
}
