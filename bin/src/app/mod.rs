//! The App: from a request to a response, the same way for every surface. It matches a route, authenticates, counts, takes the
//! body, calls the handler, renders what went wrong, and logs.
//!
//! It is synchronous and knows no server: `listen` carries it on hyper, an example on another one.

mod credential;
mod health;
mod origin;
mod repeat;
mod scope;
mod surface;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use postroom::account::Caller;
use postroom::clock::Timestamp;
use postroom::db::{Postroom, Session};
use postroom::dns::Resolver;
use postroom::error::{Error, StoreTrouble};
use postroom::id::ApiKeyId;
use postroom::key::{self, Opened};

use crate::wire::http::{BodyFault, HeaderName, HeaderValue, Method, Request, Response, header};
use crate::wire::limit::{Limits, Looks};
use crate::wire::{
    Anybody, Auth, BodySize, Call, Fault, Handler, Looking, LookingCall, OpenToAll, Stored, Surface, Switches,
};
use surface::{Router, Target};

pub use surface::SURFACES;

/// The header field that carries a request's id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What answers every request.
pub struct App {
    postroom: Arc<Postroom>,
    resolver: Arc<dyn Resolver>,
    switches: Switches,
    base_url: String,
    router: Router,
    limits: Limits,
    /// Which requests are asking the DNS now.
    looks: Looks,
    running: repeat::Running,
    refusals: scope::Refusals,
    /// When keys were last used, until somebody writes it down.
    uses: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

/// Who was let in by the head of a request, with what answers them.
enum Admitted {
    Caller(Caller, KeyHandler),
    Anybody(OpenToAll),
}

/// What answers whoever brings a key.
#[derive(Clone, Copy)]
enum KeyHandler {
    Stored(Stored),
    Looking(Looking),
}

/// What a log line says of a request, as far as it got.
#[derive(Default)]
struct Trace {
    surface: &'static str,
    route: &'static str,
    account: Option<i64>,
    key: Option<i64>,
}

impl App {
    /// The App over this database and this resolver.
    pub fn new(postroom: Arc<Postroom>, resolver: Arc<dyn Resolver>) -> App {
        App {
            postroom,
            resolver,
            switches: Switches::default(),
            base_url: "http://127.0.0.1:8025".to_owned(),
            router: Router::new(),
            limits: Limits::default(),
            looks: Looks::default(),
            running: repeat::Running::default(),
            refusals: scope::Refusals::default(),
            uses: Mutex::default(),
        }
    }

    /// This App, with these things switched on and off.
    #[must_use]
    pub fn switched(self, switches: Switches) -> App {
        App { switches, ..self }
    }

    /// This App at another base URL: where clients reach it, for the links in its answers.
    #[must_use]
    pub fn at(self, base_url: &str) -> App {
        App { base_url: base_url.trim_end_matches('/').to_owned(), ..self }
    }

    /// This App, with these limits on rates.
    #[must_use]
    pub fn limited(self, limits: Limits) -> App {
        App { limits, ..self }
    }

    /// Answers one request.
    pub fn answer(&self, request: &Request) -> Response {
        let started = Instant::now();
        let id = request_id(request);
        let mut trace = Trace::default();
        let response = guarded(self.route(request, &id, &mut trace)).with(REQUEST_ID, &id);
        // The path and the query stay out: they are the caller's text, and may hold what is secret.
        tracing::info!(
            request = id,
            method = %request.method,
            route = trace.route,
            dialect = trace.surface,
            account = trace.account,
            key = trace.key,
            status = response.status.as_u16(),
            ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    }

    /// The most octets of a body on this path; few where there is no such route.
    pub fn body_limit(&self, method: &Method, path: &str) -> usize {
        let (_, found) = self.router.find(method, path);
        found.map_or(BodySize::Form, |target| target.route.body).octets(self.postroom.settings())
    }

    /// Forgets what no limit depends on any more, and answers whose time is over. Meant for a background thread, every minute or
    /// so.
    pub fn forget(&self) -> Result<(), Error> {
        self.limits.tidy();
        self.refusals.tidy(self.postroom.now());
        repeat::forget_expired(&self.postroom)
    }

    /// Writes down when keys were last used. Meant for a background thread, every half minute or so.
    pub fn note_uses(&self) -> Result<(), Error> {
        let uses: Vec<_> = std::mem::take(&mut *self.uses()).into_iter().collect();
        if uses.is_empty() { Ok(()) } else { self.postroom.write(|tx| key::note_uses(tx, &uses)) }
    }

    fn route(&self, request: &Request, id: &str, trace: &mut Trace) -> Response {
        let (surface, found) = self.router.find(&request.method, &request.path);
        trace.surface = surface.name;
        let answered = found.and_then(|target| {
            trace.route = target.route.path;
            let admitted = self.admit(&target, request, trace)?;
            self.run(target, admitted, request)
        });
        answered.unwrap_or_else(|fault| refuse(surface, &fault, id, trace.route))
    }

    /// Lets a request in, or refuses it, by its head alone.
    fn admit(&self, target: &Target, request: &Request, trace: &mut Trace) -> Result<Admitted, Fault> {
        let auth = target.surface.auth;
        origin::check(auth, &self.base_url, request)?;
        let handler = match target.route.handler {
            Handler::Open(answer) => return Ok(Admitted::Anybody(answer)),
            Handler::Stored(answer) => KeyHandler::Stored(answer),
            Handler::Looking(answer) => KeyHandler::Looking(answer),
        };
        let caller = self.authenticate(auth, request)?;
        let key = caller.key();
        (trace.account, trace.key) = (Some(caller.account().number()), key.map(ApiKeyId::number));
        if let Some(key) = key {
            self.uses().insert(key, self.postroom.now());
        }
        self.limits.count(caller.account())?;
        self.refusals.check(&self.postroom, &caller, target.route)?;
        Ok(Admitted::Caller(caller, handler))
    }

    /// Answers a request that was let in.
    fn run(&self, target: Target, admitted: Admitted, request: &Request) -> Result<Response, Fault> {
        let Target { surface, route, params } = target;
        require_body(request)?;
        match admitted {
            Admitted::Anybody(answer) => {
                let session = Session::new(&self.postroom);
                let answered = answer(&self.prepare(&session, Anybody, request, params));
                answered.map_err(|fault| match fault {
                    Fault::CredentialMissing | Fault::CredentialInvalid => {
                        self.limits.count_failure(request.peer, fault)
                    }
                    other => other,
                })
            }
            Admitted::Caller(caller, handler) => {
                let asked = repeat::asked(&caller, route, request)?;
                let run = |session: &Session<'_>| {
                    let _looking = if route.slow { Some(self.looks.begin(caller.account())?) } else { None };
                    let call = self.prepare(session, caller, request, params);
                    match handler {
                        KeyHandler::Stored(answer) => answer(&call),
                        KeyHandler::Looking(answer) => {
                            answer(&LookingCall { call, postroom: &self.postroom, resolver: &*self.resolver })
                        }
                    }
                };
                match asked {
                    None => run(&Session::new(&self.postroom)),
                    Some(asked) => {
                        repeat::answer(&self.postroom, &self.running, &asked, route, surface.render, run)
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
        let (switches, base_url) = (self.switches, self.base_url.as_str());
        Call { session, switches, base_url, caller, request, params }
    }

    /// Who calls. A key that opens something does, however many failures came from the same address.
    fn authenticate(&self, auth: Auth, request: &Request) -> Result<Caller, Fault> {
        let failed = |fault| self.limits.count_failure(request.peer, fault);
        let secret = credential::credential(auth, request).map_err(failed)?;
        let hash = secret.hashed();
        if self.limits.is_dead(&hash) {
            return Err(failed(Fault::CredentialInvalid));
        }
        match self.postroom.read(|tx| key::authenticate_at(tx, &secret, request.peer))? {
            Opened::ToCaller(caller) => return Ok(caller),
            // It opens its account from another address.
            Opened::NotFromHere => {}
            Opened::Nothing => self.limits.note_dead(hash),
        }
        Err(failed(Fault::CredentialInvalid))
    }

    fn uses(&self) -> std::sync::MutexGuard<'_, HashMap<ApiKeyId, Timestamp>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the process after a failed sync: what is on disk is unknown, and nothing may be acknowledged from here on.
pub fn stop_if_sync_failed(error: &Error) {
    if let Error::Store(error) = error
        && error.trouble() == StoreTrouble::SyncFailed
    {
        tracing::error!(%error, "a sync to disk failed; stopping");
        std::process::exit(74);
    }
}

/// A fault in the surface's shape. What the database says goes to the log alone.
fn refuse(surface: &Surface, fault: &Fault, id: &str, route: &str) -> Response {
    if let Fault::Library(error) = fault {
        if let Error::Store(error) = error {
            tracing::error!(request = id, route, %error, "the database failed");
        }
        stop_if_sync_failed(error);
    }
    let response = (surface.render)(fault);
    match fault {
        Fault::Method(allowed) => response.with(header::ALLOW, allowed),
        _ => response,
    }
}

/// Refuses a request whose body did not arrive as the route takes it.
fn require_body(request: &Request) -> Result<(), Fault> {
    match request.body {
        Ok(_) => Ok(()),
        Err(BodyFault::TooLarge) => Err(Fault::TooLarge),
        Err(BodyFault::Incomplete) => Err(Fault::Incomplete),
    }
}

/// The response with what every answer says: it is kept by no cache, unless its handler says for how long one may, and is of no
/// type but the one that is told.
fn guarded(mut response: Response) -> Response {
    response.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response.with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// The id that the request brought, if it is a plain word of at most 64 characters, else a new one.
fn request_id(request: &Request) -> String {
    let is_plain = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|o| o.is_ascii_alphanumeric() || matches!(o, b'-' | b'_' | b'.'))
    };
    if let Some(id) = request.header(REQUEST_ID.as_str()).filter(is_plain) {
        return id.to_owned();
    }
    let mut octets = [0_u8; 8];
    // Without random numbers the id is zeros, and the request is answered nevertheless.
    let _ = getrandom::fill(&mut octets);
    format!("{:016x}", u64::from_be_bytes(octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::{HeaderMap, StatusCode};

    #[test]
    fn a_handler_may_say_for_how_long_its_answer_is_kept_and_whatever_it_does_not_say_is_kept_by_no_cache() {
        let plain = || Response { status: StatusCode::OK, headers: HeaderMap::new(), body: Vec::new() };
        let versioned = "public, max-age=31536000, immutable";
        for (response, cached) in
            [(plain(), "no-store"), (plain().with(header::CACHE_CONTROL, versioned), versioned)]
        {
            let headers = guarded(response).headers;
            assert_eq!(headers.get_all(header::CACHE_CONTROL).iter().collect::<Vec<_>>(), [cached]);
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }
}
