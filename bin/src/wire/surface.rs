//! What a surface is: something that answers over HTTP. It has a place for its credential, a table of routes, and a shape
//! for what goes wrong.

use std::ops::Deref;

use postroom::access::{KeyScope, Need};
use postroom::account::Caller;
use postroom::db::{Postroom, ReadTx, Session, WriteTx};
use postroom::dns::Resolver;
use postroom::error::Error;
use postroom::settings::Settings;

use super::http::{Method, Request, Response};
use super::{BodySize, Fault};

/// What answers below some paths: a dialect, the console, the answer to load balancers.
///
/// The App carries every surface the same way: it matches a route, authenticates, counts, takes the body, calls the handler,
/// and gives a fault the surface's shape.
#[derive(Debug)]
pub struct Surface {
    /// Its name, in logs and as the name of its page in the documentation.
    pub name: &'static str,
    /// What its paths start with. An unknown path below one of them is answered in the surface's shape.
    pub prefixes: &'static [&'static str],
    /// Where its credential stands.
    pub auth: Auth,
    /// Its routes.
    pub routes: &'static [Route],
    /// Its shape for what went wrong.
    pub render: fn(&Fault) -> Response,
}

/// Where a surface's credential stands.
#[derive(Clone, Copy, Debug)]
pub enum Auth {
    /// In one of these header fields.
    Header(&'static [&'static str]),
    /// In `Authorization: Bearer` (RFC 6750 section 2.1).
    Bearer,
    /// The password in `Authorization: Basic` (RFC 7617), of this user.
    Basic {
        /// The one user there is; told apart from others with regard to case.
        user: &'static str,
    },
    /// In a form that one of the surface's own pages sends, such as a login link. What changes something must come from such
    /// a page, and not from another site.
    Form,
    /// Nowhere: every route is open to everybody.
    None,
}

/// One route: a method, a path with parameters in braces, and what answers.
#[derive(Debug)]
pub struct Route {
    /// The method; a GET route answers HEAD too.
    pub method: Method,
    /// The path, such as `/api/v1/domains/{id}`.
    pub path: &'static str,
    /// What answers, and with that the credential that the route needs.
    pub handler: Handler,
    /// Whether it takes long, by the DNS or by the work on a key: only so many of those run at once.
    pub slow: bool,
    /// How much it can be sent.
    pub body: BodySize,
    /// What it needs of an API key with scopes; where nothing is said, such a key is refused.
    pub needs: Option<Need>,
    /// Whether it changes what is the account's as a whole: a key that is limited to some domains is refused.
    pub is_of_account: bool,
}

impl Route {
    /// This route, which reads what this scope changes.
    #[must_use]
    pub const fn reads(mut self, scope: KeyScope) -> Route {
        self.needs = Some(Need::Read(scope));
        self
    }

    /// This route, which changes what this scope is for.
    #[must_use]
    pub const fn writes(mut self, scope: KeyScope) -> Route {
        self.needs = Some(Need::Write(scope));
        self
    }

    /// This route, which changes what is the account's as a whole.
    #[must_use]
    pub const fn of_account(mut self) -> Route {
        self.is_of_account = true;
        self
    }

    /// Whether it asks the DNS, and so may take seconds: its writes are not held together with others.
    pub fn looks(&self) -> bool {
        matches!(self.handler, Handler::Looking(_))
    }
}

/// What answers a route.
///
/// Which credential a route needs is told by the function's argument: one that gets no [`Caller`] cannot act for any.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// From the database alone, for whoever brings an API key in the place that the surface has for it. It parses, makes one
    /// `read` or `write`, and shapes.
    Stored(Stored),
    /// For whoever brings an API key; it asks the DNS as well, between transactions.
    Looking(Looking),
    /// For everybody. Where it refuses a credential of its own, such as a login link, the App counts that as a failed
    /// authentication.
    Open(OpenToAll),
}

/// A function that answers from the database alone.
pub type Stored = fn(&Call<'_>) -> Result<Response, Fault>;
/// A function that asks the DNS as well.
pub type Looking = fn(&LookingCall<'_>) -> Result<Response, Fault>;
/// What answers a route that is open to everybody.
pub type OpenToAll = fn(&Call<'_, Anybody>) -> Result<Response, Fault>;

/// A route that answers from the database.
pub const fn route(method: Method, path: &'static str, handler: Stored) -> Route {
    plain(method, path, Handler::Stored(handler))
}

/// A route that is sent a whole message.
pub const fn reporting(method: Method, path: &'static str, handler: Stored) -> Route {
    let mut route = route(method, path, handler);
    route.body = BodySize::Report;
    route
}

/// A route that is sent a thousand items.
pub const fn batch(method: Method, path: &'static str, handler: Stored) -> Route {
    let mut route = route(method, path, handler);
    route.body = BodySize::Batch;
    route
}

/// A route that makes a key, or checks one.
pub const fn making(method: Method, path: &'static str, handler: Stored) -> Route {
    let mut route = route(method, path, handler);
    route.slow = true;
    route
}

/// A route that asks the DNS.
pub const fn looking(method: Method, path: &'static str, handler: Looking) -> Route {
    let mut route = plain(method, path, Handler::Looking(handler));
    route.slow = true;
    route
}

/// A route for everybody, which takes a short form at most.
pub const fn open(method: Method, path: &'static str, handler: OpenToAll) -> Route {
    let mut route = plain(method, path, Handler::Open(handler));
    route.body = BodySize::Form;
    route
}

const fn plain(method: Method, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler, slow: false, body: BodySize::Usual, needs: None, is_of_account: false }
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

/// Who calls a route that is open to everybody: there is nothing to know.
#[derive(Clone, Copy, Debug)]
pub struct Anybody;

/// A request on its way to a handler: of a caller who is known by an API key, or of [`Anybody`].
///
/// It reads and writes by its [`Session`] and does not lead to the [`Postroom`]: the writes of a POST may be held until it is
/// answered, and another write beside them would wait for them for ever.
pub struct Call<'a, By = Caller> {
    pub(crate) session: &'a Session<'a>,
    /// What the operator has switched on and off.
    pub switches: Switches,
    /// The base URL that clients use, without a last slash.
    pub base_url: &'a str,
    /// Who calls.
    pub caller: By,
    /// What was asked.
    pub request: &'a Request,
    /// The parameters in the path, percent-decoded.
    pub params: Vec<(String, String)>,
}

impl<By> Call<'_, By> {
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
