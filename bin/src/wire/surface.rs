//! What a surface is: something that answers over HTTP. It has a place for its credential, a table of routes, and a shape for
//! faults.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use postroom::access::{KeyScope, Need};
use postroom::account::Caller;
use postroom::db::{Postroom, ReadTx, Session, WriteTx};
use postroom::dns::Resolver;
use postroom::error::Error;
use postroom::id::AccountId;
use postroom::session::{ConsoleSession, Role};
use postroom::settings::Settings;

use super::http::{Method, Request, Response};
use super::{BodySize, Contract, Fault};
use crate::scout::Scouts;

/// How long one piece of a batch may keep others from writing.
const PIECE: Duration = Duration::from_millis(2);
/// Held by the batch that writes a piece: everybody else waits for one piece at most, however many batches there are.
static PIECES: Mutex<()> = Mutex::new(());

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
    /// Gives a fault its shape.
    pub render: fn(&Fault) -> Response,
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

/// One route: a method, a path with parameters in braces, and the function that answers.
#[derive(Debug)]
pub struct Route {
    /// The method; a GET route answers HEAD too.
    pub method: Method,
    /// The path, such as `/api/v1/domains/{id}`.
    pub path: &'static str,
    /// The function that answers. Its type says which credential the route needs.
    pub handler: Handler,
    /// Whether the route takes long, because it asks the DNS or makes or checks a key. The number of such requests at a time
    /// is limited.
    pub slow: bool,
    /// Whether the route reads a few rows, however much there is, and writes nothing: it is answered where the request is.
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
        self.slow = true;
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
/// The type of its argument says which credential the route needs: a function that gets no [`Caller`] cannot act for one.
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

/// A route that takes a whole mail message.
pub const fn reporting(method: Method, path: &'static str, handler: Stored) -> Route {
    let mut route = route(method, path, handler);
    route.body = BodySize::Report;
    route
}

/// A route that takes up to a thousand items.
pub const fn batch(method: Method, path: &'static str, handler: Stored) -> Route {
    let mut route = route(method, path, handler);
    route.body = BodySize::Batch;
    route
}

/// A route that takes up to a thousand items, and asks the DNS before it writes them.
pub const fn looking_batch(method: Method, path: &'static str, handler: Looking) -> Route {
    let mut route = plain(method, path, Handler::Looking(handler));
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

/// A page for people who are signed in to an account, or a form of one.
pub const fn page(method: Method, path: &'static str, handler: Page) -> Route {
    plain(method, path, Handler::Page(handler))
}

/// A form that makes a key, or checks one.
pub const fn making_page(method: Method, path: &'static str, handler: Page) -> Route {
    let mut route = page(method, path, handler);
    route.slow = true;
    route
}

/// A form that asks the DNS.
pub const fn looking_page(method: Method, path: &'static str, handler: LookingPage) -> Route {
    let mut route = plain(method, path, Handler::LookingPage(handler));
    route.slow = true;
    route
}

/// A page for whoever is signed in, also to no account.
pub const fn desk(method: Method, path: &'static str, handler: Desk) -> Route {
    plain(method, path, Handler::Desk(handler))
}

/// A route for everybody, which takes a short form at most.
pub const fn open(method: Method, path: &'static str, handler: OpenToAll) -> Route {
    let mut route = plain(method, path, Handler::Open(handler));
    route.body = BodySize::Form;
    route
}

/// A route for everybody that asks the DNS.
pub const fn open_looking(method: Method, path: &'static str, handler: OpenLooking) -> Route {
    let mut route = plain(method, path, Handler::OpenLooking(handler));
    route.body = BodySize::Form;
    route.slow = true;
    route
}

const fn plain(method: Method, path: &'static str, handler: Handler) -> Route {
    let (body, role) = (BodySize::Usual, Role::Domain);
    Route {
        method,
        path,
        handler,
        slow: false,
        is_short: false,
        body,
        needs: None,
        is_of_account: false,
        role,
        contract: None,
        tries: Tries::Nothing,
    }
}

/// What the operator can switch on and off, for all dialects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Switches {
    /// Whether accounts can mark records by hand: all of them, or none. If it is not set, trusted accounts can.
    pub dns_mark: Option<bool>,
    /// Whether a webhook may use http to a loopback address.
    pub loopback_webhooks: bool,
}

/// The field of a session's form that carries the session's token.
pub const FORM_TOKEN: &str = "form_token";

/// The field of a form that names whose password is tried.
pub const NAME_FIELD: &str = "name";

/// The caller of a route that is open to everybody: nothing is known about them.
#[derive(Clone, Copy, Debug)]
pub struct Anybody;

/// Somebody who is signed in: by which session, and as which caller. Without an account there is no caller.
#[derive(Clone, Debug)]
pub struct SignedIn<Caller = self::Caller> {
    /// The session.
    pub session: ConsoleSession,
    /// What the session's forms carry, so that no other site can send them.
    pub form_token: String,
    /// As whom its requests act.
    pub acts: Caller,
}

/// A request on its way to a handler: of a caller who is known by an API key, of somebody [`SignedIn`], or of [`Anybody`].
///
/// It reads and writes by its [`Session`] and does not lead to the [`Postroom`]: the writes of a POST may be held until it is
/// answered, and a second write transaction would wait for the held one for ever.
pub struct Call<'a, By = Caller> {
    pub(crate) session: &'a Session<'a>,
    /// For answers that go on being read when the call is over.
    pub(super) postroom: &'a Arc<Postroom>,
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

impl<'a, By> Call<'a, By> {
    /// A call that reads and writes by `session`, for a request that was let in.
    pub(crate) fn new(
        (session, postroom): (&'a Session<'a>, &'a Arc<Postroom>),
        (switches, base_url): (Switches, &'a str),
        caller: By,
        request: &'a Request,
        params: Vec<(String, String)>,
    ) -> Call<'a, By> {
        Call { session, postroom, switches, base_url, caller, request, params }
    }

    /// Runs `work` in one transaction that changes nothing.
    pub fn read<T, E: From<Error>>(&self, work: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.session.read(work)
    }

    /// Runs `work` in one transaction, which is rolled back if `work` fails.
    pub fn write<T, E: From<Error>>(&self, work: impl Fn(&WriteTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.session.write(work)
    }

    /// Runs `work` for each item, in pieces: as many in one transaction as take no longer than 2 ms, so that others write in
    /// between. If `work` fails, the items of its piece are undone, and those of the earlier ones stay.
    pub fn write_each<I, T, E: From<Error>>(
        &self,
        items: &[I],
        work: impl Fn(&WriteTx<'_>, &I) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let mut done = Vec::with_capacity(items.len());
        while let Some(rest) = items.get(done.len()..).filter(|rest| !rest.is_empty()) {
            let _turn = PIECES.lock().unwrap_or_else(PoisonError::into_inner);
            done.extend(self.session.write(|tx| {
                let (begun, mut piece) = (Instant::now(), Vec::new());
                for item in rest {
                    piece.push(work(tx, item)?);
                    if begun.elapsed() >= PIECE {
                        break;
                    }
                }
                Ok::<_, E>(piece)
            })?);
        }
        Ok(done)
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
pub struct LookingCall<'a, By = Caller> {
    pub(crate) call: Call<'a, By>,
    /// The library.
    pub postroom: &'a Postroom,
    /// The DNS.
    pub resolver: &'a dyn Resolver,
    /// What looks at other hosts.
    pub scouts: &'a Scouts,
}

impl<'a, By> Deref for LookingCall<'a, By> {
    type Target = Call<'a, By>;

    fn deref(&self) -> &Call<'a, By> {
        &self.call
    }
}
