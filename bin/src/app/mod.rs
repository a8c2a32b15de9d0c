//! The App: from a request to a response, the same way for every surface. It matches a route, authenticates, counts, takes the
//! body, calls the handler, renders what went wrong, and logs.
//!
//! It is synchronous and knows no server: `listen` carries it on hyper, an example on another one.

mod admission;
mod credential;
mod health;
mod openapi;
mod origin;
mod page;
mod repeat;
mod scope;
mod surface;
mod visit;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use postroom::account::Caller;
use postroom::clock::Timestamp;
use postroom::db::{Postroom, Session};
use postroom::dns::Resolver;
use postroom::error::{Error, StoreTrouble};
use postroom::id::{AccountId, ApiKeyId, SessionId};
use postroom::key::{self, Opened};
use postroom::secret::PlainSecret;
use postroom::session;

use crate::scout::Scouts;
use crate::watch::Metrics;
use crate::wire::form::Form;
use crate::wire::http::{Method, Request, Response};
use crate::wire::limit::{Guessed, Limits, Looks};
use crate::wire::{
    Anybody, BodySize, Call, Checks, Fault, Handler, Looking, LookingCall, Mailroom, NAME_FIELD, OpenLooking,
    OpenToAll, Pace, PageFault, RequestPlace, Stored, Switches, Tries, refuse_encoded,
};
use page::{Guest, PageHandler};
use surface::{Router, Target};
use visit::Visit;

pub use openapi::document;
pub use surface::SURFACES;

/// What answers every request.
pub struct App {
    postroom: Arc<Postroom>,
    resolver: Arc<dyn Resolver>,
    scouts: Scouts,
    switches: Switches,
    base_url: Arc<str>,
    router: Router,
    limits: Limits,
    /// Which requests are asking the DNS now.
    looks: Looks,
    /// How far they are.
    checks: Arc<Checks>,
    /// The mail that the server keeps, if it keeps any.
    mailroom: Option<Arc<dyn Mailroom>>,
    running: repeat::Running,
    refusals: scope::Refusals,
    /// Where requests are counted, if somebody wants to know.
    metrics: Option<Arc<Metrics>>,
    /// When keys were last used. [`App::note_uses`] writes these times to the database.
    uses: Mutex<HashMap<ApiKeyId, Timestamp>>,
    /// When sessions were last used, likewise.
    visits: Mutex<HashMap<SessionId, Timestamp>>,
}

/// Who sends a request, as far as its head shows without the database.
enum Entry {
    Key(PlainSecret, KeyHandler),
    Session(PlainSecret, PageHandler),
    Anybody(OpenHandler),
}

/// Who was let in by the head of a request, and the function that answers.
enum Admitted {
    Caller(Caller, KeyHandler),
    SignedIn(Box<Guest>),
    Anybody(OpenHandler),
}

/// How far a request has come by its head.
enum Passage {
    /// To its answer, to this account: nothing but a few rows was to be read, and they were, in the transaction that found out who asks.
    Answered(AccountId, Result<Response, Fault>),
    Admitted(Target, Admitted),
}

/// The function that answers everybody.
#[derive(Clone, Copy)]
enum OpenHandler {
    Stored(OpenToAll),
    Looking(OpenLooking),
}

/// The function that answers a caller with an API key.
#[derive(Clone, Copy)]
enum KeyHandler {
    Stored(Stored),
    Looking(Looking),
}

impl App {
    /// The App over this database and this resolver.
    pub fn new(postroom: Arc<Postroom>, resolver: Arc<dyn Resolver>) -> App {
        App {
            postroom,
            resolver,
            scouts: Scouts::default(),
            switches: Switches::default(),
            base_url: "http://127.0.0.1:8025".into(),
            router: Router::new(),
            limits: Limits::default(),
            looks: Looks::default(),
            checks: Arc::default(),
            mailroom: None,
            running: repeat::Running::default(),
            refusals: scope::Refusals::default(),
            metrics: None,
            uses: Mutex::default(),
            visits: Mutex::default(),
        }
    }

    /// This App, with these things switched on and off.
    #[must_use]
    pub fn switched(self, switches: Switches) -> App {
        App { switches, ..self }
    }

    /// This App, with these scouts for advice; without any, no other host is looked at.
    #[must_use]
    pub fn scouting(self, scouts: Scouts) -> App {
        App { scouts, ..self }
    }

    /// This App, whose pages show this mail.
    #[must_use]
    pub fn keeping(self, mailroom: Arc<dyn Mailroom>) -> App {
        App { mailroom: Some(mailroom), ..self }
    }

    /// This App at another base URL: where clients reach it, for the links in its answers.
    #[must_use]
    pub fn at(self, base_url: &str) -> App {
        App { base_url: base_url.trim_end_matches('/').into(), ..self }
    }

    /// This App, which counts its requests here.
    #[must_use]
    pub fn counted(self, metrics: Arc<Metrics>) -> App {
        App { metrics: Some(metrics), ..self }
    }

    /// This App, with these limits on rates.
    #[must_use]
    pub fn limited(self, limits: Limits) -> App {
        App { limits, ..self }
    }

    /// Answers one request, whose body is read already.
    pub fn answer(&self, request: &Request) -> Response {
        let (mut visit, found) = self.find(request);
        let answered = found.and_then(|target| {
            let entry = self.enter(&target, request)?;
            match self.admit(target, entry, request, &mut visit)? {
                Passage::Answered(_, answered) => answered,
                Passage::Admitted(target, admitted) => {
                    self.run(Session::new(&self.postroom), target, admitted, request)
                }
            }
        });
        visit.end(answered)
    }

    /// The most octets that a body on this path may have. A path without a route has the smallest limit.
    pub fn body_limit(&self, method: &Method, path: &str) -> usize {
        let (_, found) = self.router.find(method, path);
        found.map_or(BodySize::Form, |target| target.route.body).octets(self.postroom.settings())
    }

    /// Forgets counts that no limit needs any more, and deletes kept answers that have expired. A background thread calls it
    /// about once a minute.
    pub fn forget(&self) -> Result<(), Error> {
        self.limits.tidy();
        self.refusals.tidy(self.postroom.now());
        repeat::forget_expired(&self.postroom)
    }

    /// Writes to the database when keys and sessions were last used. At an error that is kept for the next time. A background thread calls it about every half minute.
    pub fn note_uses(&self) -> Result<(), Error> {
        let uses: Vec<_> = std::mem::take(&mut *self.uses()).into_iter().collect();
        let visits: Vec<_> = std::mem::take(&mut *self.visits()).into_iter().collect();
        if uses.is_empty() && visits.is_empty() {
            return Ok(());
        }
        let written = self.postroom.write(|tx| {
            key::note_uses(tx, &uses)?;
            session::note_uses(tx, &visits)
        });
        if written.is_err() {
            keep_older(&mut self.uses(), uses);
            keep_older(&mut self.visits(), visits);
        }
        written
    }

    /// Writes to the audit log which keys were refused for want of a scope. A background thread calls it every second.
    pub fn note_refusals(&self) -> Result<(), Error> {
        self.refusals.write(&self.postroom)
    }

    /// What a request is for.
    fn find(&self, request: &Request) -> (Visit, Result<Target, Fault>) {
        let (surface, found) = self.router.find(&request.method, &request.path);
        let route = found.as_ref().map_or("", |target| target.route.path);
        (Visit::begin(request, &self.base_url, surface, route, self.metrics.clone()), found)
    }

    /// Refuses a request by its head, as far as that can be done without the database.
    fn enter(&self, target: &Target, request: &Request) -> Result<Entry, Fault> {
        let auth = target.surface.auth;
        origin::check(auth, &self.base_url, request)?;
        let secret = || {
            let failed = |fault| self.limits.count_failure(request.peer, fault);
            let secret = credential::credential(auth, request).map_err(failed)?;
            if self.limits.is_dead(&secret.hashed()) {
                return Err(failed(Fault::CredentialInvalid));
            }
            Ok(secret)
        };
        Ok(match target.route.handler {
            Handler::Open(answer) => Entry::Anybody(OpenHandler::Stored(answer)),
            Handler::OpenLooking(answer) => Entry::Anybody(OpenHandler::Looking(answer)),
            Handler::Stored(answer) => Entry::Key(secret()?, KeyHandler::Stored(answer)),
            Handler::Looking(answer) => Entry::Key(secret()?, KeyHandler::Looking(answer)),
            Handler::Page(answer) => Entry::Session(secret()?, PageHandler::Page(answer)),
            Handler::LookingPage(answer) => Entry::Session(secret()?, PageHandler::Looking(answer)),
            Handler::Desk(answer) => Entry::Session(secret()?, PageHandler::Desk(answer)),
        })
    }

    /// Looks up who calls, and counts the request. A valid key is let in, however many failures came from the same address.
    fn admit(
        &self,
        target: Target,
        entry: Entry,
        request: &Request,
        visit: &mut Visit,
    ) -> Result<Passage, Fault> {
        let peer = request.peer;
        let (secret, handler) = match entry {
            Entry::Anybody(answer) => return Ok(Passage::Admitted(target, Admitted::Anybody(answer))),
            Entry::Session(secret, answer) => {
                let admitted = self.admit_session(&secret, answer, peer, visit)?;
                return Ok(Passage::Admitted(target, admitted));
            }
            Entry::Key(secret, handler) => (secret, handler),
        };
        self.postroom.read(|tx| {
            let caller = match key::authenticate_at(tx, &secret, peer)? {
                Opened::ToCaller(caller) => caller,
                opened => {
                    // A key that is used from a network that is not its own opens its account from another address.
                    if matches!(opened, Opened::Nothing) {
                        self.limits.note_dead(secret.hashed());
                    }
                    return Err(self.limits.count_failure(peer, Fault::CredentialInvalid));
                }
            };
            visit.is_of(&caller);
            if let Some(key) = caller.key() {
                self.uses().insert(key, self.postroom.now());
            }
            let account = caller.account();
            self.limits.count(account)?;
            let admitted = Admitted::Caller(caller, handler);
            if target.route.is_short {
                let answered = self.run(Session::within(tx), target, admitted, request);
                return Ok(Passage::Answered(account, answered));
            }
            Ok(Passage::Admitted(target, admitted))
        })
    }

    /// Answers a request that was let in.
    fn run(
        &self,
        session: Session<'_>,
        target: Target,
        admitted: Admitted,
        request: &Request,
    ) -> Result<Response, Fault> {
        if let Err(fault) = request.body {
            return Err(fault.into());
        }
        refuse_encoded(request)?;
        match admitted {
            Admitted::Anybody(answer) => {
                // A form that cannot be read is refused without a try. So nobody counts many tries in no time, for each takes a place.
                let _guess = if target.route.tries == Tries::Password
                    && let Ok(form) = Form::read(request)
                {
                    self.limits
                        .guess(request.peer, Guessed::Name(form.get(NAME_FIELD).unwrap_or_default()))?
                } else {
                    None
                };
                let call = self.prepare(&session, Anybody, request, target.params);
                let answered = match answer {
                    OpenHandler::Stored(answer) => answer(&call),
                    OpenHandler::Looking(OpenLooking { whose, answer }) => whose(&call).and_then(|account| {
                        self.limits.count(account)?;
                        let _looking = self.looks.begin(account)?;
                        let (postroom, resolver) = (&*self.postroom, &*self.resolver);
                        answer(&LookingCall { call, postroom, resolver, scouts: &self.scouts })
                    }),
                };
                answered.map_err(|fault| match fault {
                    Fault::CredentialMissing
                    | Fault::CredentialInvalid
                    | Fault::Page(
                        PageFault::DeadLink | PageFault::DeadSetupLink(_) | PageFault::Passkey(_),
                    ) => self.limits.count_failure(request.peer, fault),
                    other => other,
                })
            }
            Admitted::SignedIn(guest) => self.run_page(&session, target, *guest, request),
            Admitted::Caller(caller, handler) => {
                let Target { surface, route, params } = target;
                // Here and not by the head: a refusal is written to the audit log, and the lane of authentication must not wait
                // for the database's writer.
                self.refusals.check(self.postroom.now(), &caller, route)?;
                let asked = repeat::asked(&caller, route, request)?;
                let run = |session: &Session<'_>| {
                    let _looking = if route.pace == Pace::Slow {
                        Some(self.looks.begin(caller.account())?)
                    } else {
                        None
                    };
                    let call = self.prepare(session, caller, request, params);
                    match handler {
                        KeyHandler::Stored(answer) => answer(&call),
                        KeyHandler::Looking(answer) => {
                            let (postroom, resolver) = (&*self.postroom, &*self.resolver);
                            answer(&LookingCall { call, postroom, resolver, scouts: &self.scouts })
                        }
                    }
                };
                match asked {
                    None => run(&session),
                    Some(asked) => {
                        let place = RequestPlace::at(&self.base_url);
                        let render = |fault: &Fault| (surface.render)(fault, &place);
                        repeat::answer(&self.postroom, &self.running, &asked, route, render, run)
                    }
                }
            }
        }
    }

    fn prepare<'a, By>(
        &'a self,
        session: &'a Session<'a>,
        caller: By,
        request: &'a Request,
        params: Vec<(String, String)>,
    ) -> Call<'a, By> {
        let database = (session, &self.postroom);
        let kept = (&self.checks, self.mailroom.as_deref());
        Call::new(database, kept, (self.switches, &self.base_url), caller, request, params)
    }

    fn visits(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Timestamp>> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn uses(&self) -> std::sync::MutexGuard<'_, HashMap<ApiKeyId, Timestamp>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts back when things were last used; one that was used since then keeps the later time.
fn keep_older<K: Eq + std::hash::Hash>(now: &mut HashMap<K, Timestamp>, before: Vec<(K, Timestamp)>) {
    for (id, at) in before {
        now.entry(id).or_insert(at);
    }
}

/// Ends the process after a failed sync: what is on disk is unknown, so no further change may be acknowledged.
pub fn stop_if_sync_failed(error: &Error) {
    if let Error::Store(error) = error
        && error.trouble() == StoreTrouble::SyncFailed
    {
        tracing::error!(%error, "a sync to disk failed; stopping");
        crate::log::flush(std::time::Duration::from_secs(1));
        std::process::exit(74);
    }
}
