//! What a surface is: something that answers over HTTP. It has a place for its credential, a table of routes, and a shape for
//! faults.

use postroom::access::{KeyScope, Need};
use postroom::id::AccountId;
use postroom::session::Role;

use super::call::{Anybody, Call, LookingCall, SignedIn};
use super::http::{Method, Response};
use super::{BodySize, Contract, Fault, RequestPlace};

/// Something that answers below some path prefixes: a dialect, the console, the health check for load balancers.
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
    /// Gives a fault its shape. A page also says where to go on from the request's place.
    pub render: fn(&Fault, &RequestPlace) -> Response,
}

/// Where a surface's credential stands.
#[derive(Clone, Copy, Debug)]
pub enum Auth {
    /// The API key stands in one of these header fields.
    Header(&'static [&'static str]),
    /// The API key stands in `Authorization: Bearer` (RFC 6750 section 2.1).
    Bearer,
    /// The API key is the password of this user in `Authorization: Basic` (RFC 7617).
    Basic {
        /// The only user name that is taken, compared with regard to case.
        user: &'static str,
    },
    /// The credential is the session in this cookie, or stands in a form that one of the surface's own pages sends, such as a
    /// login link. A request that changes something must come from such a page, and not from another site.
    Session {
        /// The name of the cookie.
        cookie: &'static str,
    },
    /// There is no credential: every route is open to everybody.
    None,
}

/// For how long a route keeps a thread. The number of requests that take long is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As long as the database takes.
    Quick,
    /// Seconds: it asks the DNS, makes or checks a key, or tries a password.
    Slow,
    /// As long as somebody else's server takes, within its time: it delivers a message.
    Calling,
}

/// One route: a method, a path with parameters in braces, and the function that answers.
#[derive(Debug)]
pub struct Route {
    /// The method; a GET route answers HEAD too.
    pub method: Method,
    /// The path, such as `/api/v1/domains/{id}`.
    pub path: &'static str,
    /// The function that answers. Its type says which credential the route needs.
    pub handler: Handler,
    /// For how long it keeps a thread.
    pub pace: Pace,
    /// Whether the route reads a few rows, however much there is, and writes nothing: it is answered in the transaction
    /// that finds out who asks.
    pub is_short: bool,
    /// How large the body of a request may be.
    pub body: BodySize,
    /// What it needs of an API key with scopes; where nothing is said, such a key is refused.
    pub needs: Option<Need>,
    /// Whether it changes or shows what is the account's as a whole: a key that is limited to some domains is refused.
    pub is_of_account: bool,
    /// The least role of a session for which a page is there.
    pub role: Role,
    /// What it takes and answers; pages have none.
    pub contract: Option<&'static Contract>,
    /// Whether it tries a password.
    pub tries: Tries,
}

/// Whether a request tries a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// It does not.
    Nothing,
    /// It does: how often, and how many are tried at a time, is limited.
    Password,
}

impl Route {
    /// Says that the route reads what `scope` is for.
    #[must_use]
    pub const fn reads(mut self, scope: KeyScope) -> Route {
        self.needs = Some(Need::Read(scope));
        self
    }

    /// Says that the route changes what `scope` is for.
    #[must_use]
    pub const fn writes(mut self, scope: KeyScope) -> Route {
        self.needs = Some(Need::Write(scope));
        self
    }

    /// Says that the route reads a few rows, however much there is, and writes nothing.
    #[must_use]
    pub const fn short(mut self) -> Route {
        self.is_short = true;
        self
    }

    /// Says that the route changes or shows what belongs to the account as a whole.
    #[must_use]
    pub const fn of_account(mut self) -> Route {
        self.is_of_account = true;
        self
    }

    /// Says that the route takes seconds: it makes a key or checks one, or asks the DNS.
    #[must_use]
    pub const fn slow(mut self) -> Route {
        self.pace = Pace::Slow;
        self
    }

    /// Says that the route delivers a message, and so waits for the server that takes it.
    #[must_use]
    pub const fn calling(mut self) -> Route {
        self.pace = Pace::Calling;
        self
    }

    /// Says how large a body the route takes.
    #[must_use]
    pub const fn takes(mut self, body: BodySize) -> Route {
        self.body = body;
        self
    }

    /// Says that the route takes up to a thousand items, which wait in a lane of their own, also where it asks the DNS.
    #[must_use]
    pub const fn batch(mut self) -> Route {
        self.pace = Pace::Quick;
        self.takes(BodySize::Batch)
    }

    /// Says what the route takes and answers.
    #[must_use]
    pub const fn by(mut self, contract: &'static Contract) -> Route {
        self.contract = Some(contract);
        self
    }

    /// Whether the route takes many items, which are written in pieces.
    pub fn is_batch(&self) -> bool {
        matches!(self.body, BodySize::Batch)
    }

    /// Says that the page is there for administrators of the account, and not for those of one domain.
    #[must_use]
    pub const fn for_account(mut self) -> Route {
        self.role = Role::Account;
        self
    }

    /// Says that the page is there for the operator alone.
    #[must_use]
    pub const fn for_operator(mut self) -> Route {
        self.role = Role::Operator;
        self
    }

    /// Says that the form tries a password, which takes long.
    #[must_use]
    pub const fn guessing(mut self) -> Route {
        self.tries = Tries::Password;
        self.pace = Pace::Slow;
        self
    }

    /// Whether the route is there for everybody.
    pub fn is_open(&self) -> bool {
        matches!(self.handler, Handler::Open(_) | Handler::OpenLooking(_))
    }

    /// Whether the route asks the DNS, and so may take seconds. The writes of such a route are not held until the answer is
    /// there.
    pub fn looks(&self) -> bool {
        matches!(self.handler, Handler::Looking(_) | Handler::LookingPage(_) | Handler::OpenLooking(_))
    }
}

/// The function that answers a route.
///
/// The type of its argument says which credential the route needs: a function that gets no
/// [`Caller`](postroom::account::Caller) cannot act for one.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// Answers a caller with an API key, from the database alone. The function parses, makes one `read` or `write`, and
    /// shapes the answer.
    Stored(Stored),
    /// Answers a caller with an API key, and also asks the DNS, between transactions.
    Looking(Looking),
    /// Answers somebody who is signed in to an account, with a page made from the database alone.
    Page(Page),
    /// Answers somebody who is signed in to an account, and also asks the DNS, between transactions.
    LookingPage(LookingPage),
    /// Answers whoever is signed in, also the operator who has not opened an account yet.
    Desk(Desk),
    /// Answers everybody. If the function refuses a credential of its own, such as a login link, the App counts that as a
    /// failed authentication.
    Open(OpenToAll),
    /// Answers everybody, and also asks the DNS, between transactions.
    OpenLooking(OpenLooking),
}

/// A function that answers from the database alone.
pub type Stored = fn(&Call<'_>) -> Result<Response, Fault>;
/// A function that asks the DNS as well.
pub type Looking = fn(&LookingCall<'_>) -> Result<Response, Fault>;
/// A function that answers somebody who is signed in to an account.
pub type Page = fn(&Call<'_, SignedIn>) -> Result<Response, Fault>;
/// A function that answers somebody who is signed in to an account, and asks the DNS.
pub type LookingPage = fn(&LookingCall<'_, SignedIn>) -> Result<Response, Fault>;
/// A function that answers whoever is signed in, to whichever account or none.
pub type Desk = fn(&Call<'_, SignedIn<()>>) -> Result<Response, Fault>;
/// A function that answers everybody.
pub type OpenToAll = fn(&Call<'_, Anybody>) -> Result<Response, Fault>;

/// How everybody is answered who has the DNS asked by a credential of the page's own.
#[derive(Clone, Copy, Debug)]
pub struct OpenLooking {
    /// The account for which the DNS is asked, and by whose limits this is counted.
    pub whose: fn(&Call<'_, Anybody>) -> Result<AccountId, Fault>,
    /// Answers.
    pub answer: fn(&LookingCall<'_, Anybody>) -> Result<Response, Fault>,
}

/// A route that answers from the database.
pub const fn route(method: Method, path: &'static str, handler: Stored) -> Route {
    plain(method, path, Handler::Stored(handler))
}

/// A route that asks the DNS.
pub const fn looking(method: Method, path: &'static str, handler: Looking) -> Route {
    plain(method, path, Handler::Looking(handler)).slow()
}

/// A page for people who are signed in to an account, or a form of one.
pub const fn page(method: Method, path: &'static str, handler: Page) -> Route {
    plain(method, path, Handler::Page(handler))
}

/// A form that asks the DNS.
pub const fn looking_page(method: Method, path: &'static str, handler: LookingPage) -> Route {
    plain(method, path, Handler::LookingPage(handler)).slow()
}

/// A page for whoever is signed in, also to no account.
pub const fn desk(method: Method, path: &'static str, handler: Desk) -> Route {
    plain(method, path, Handler::Desk(handler))
}

/// A route for everybody, which takes a short form at most.
pub const fn open(method: Method, path: &'static str, handler: OpenToAll) -> Route {
    plain(method, path, Handler::Open(handler)).takes(BodySize::Form)
}

/// A route for everybody that asks the DNS.
pub const fn open_looking(method: Method, path: &'static str, handler: OpenLooking) -> Route {
    plain(method, path, Handler::OpenLooking(handler)).takes(BodySize::Form).slow()
}

const fn plain(method: Method, path: &'static str, handler: Handler) -> Route {
    let (body, role) = (BodySize::Usual, Role::Domain);
    Route {
        method,
        path,
        handler,
        pace: Pace::Quick,
        is_short: false,
        body,
        needs: None,
        is_of_account: false,
        role,
        contract: None,
        tries: Tries::Nothing,
    }
}
