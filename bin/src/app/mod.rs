//! The App: from a request to a response. It matches, authenticates, limits, calls, renders and logs.
//!
//! It is synchronous and knows no server: `listen` carries it on hyper, an example on another one.

mod repeat;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;
use postroom::account::Caller;
use postroom::clock::Timestamp;
use postroom::db::{Postroom, Session};
use postroom::dns::Resolver;
use postroom::error::{Error, StoreTrouble};
use postroom::id::ApiKeyId;
use postroom::key;
use postroom::secret::{PlainSecret, SecretKind};
use serde_json::json;

use crate::console;
use crate::dialect::DIALECTS;
use crate::wire::http::{BodyFault, HeaderMap, HeaderName, Method, Request, Response, StatusCode, header};
use crate::wire::limit::{Limits, Looks};
use crate::wire::{Auth, BodySize, Call, Dialect, Fault, Handler, LookingCall, Route, Switches};

/// The header field that carries a request's id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What answers every request.
pub struct App {
    postroom: Arc<Postroom>,
    resolver: Arc<dyn Resolver>,
    switches: Switches,
    base_url: String,
    router: matchit::Router<Vec<(&'static Dialect, &'static Route)>>,
    limits: Limits,
    /// Which requests are asking the DNS now.
    looks: Looks,
    running: repeat::Running,
    /// When keys were last used, until somebody writes it down.
    uses: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

/// What a log line says of a request, as far as it got.
#[derive(Default)]
struct Trace {
    dialect: &'static str,
    route: &'static str,
    account: Option<i64>,
    key: Option<i64>,
}

impl App {
    /// The App over this database and this resolver.
    pub fn new(postroom: Arc<Postroom>, resolver: Arc<dyn Resolver>) -> App {
        let mut by_path: HashMap<&'static str, Vec<(&'static Dialect, &'static Route)>> = HashMap::new();
        for dialect in DIALECTS {
            for route in dialect.routes {
                by_path.entry(route.path).or_default().push((dialect, route));
            }
        }
        let mut router = matchit::Router::new();
        for (path, routes) in by_path {
            // The tables are constants, and a test builds an App of them: no path clashes with another.
            if let Err(clash) = router.insert(path, routes) {
                tracing::error!(path, %clash, "a route was left out");
            }
        }
        App {
            postroom,
            resolver,
            switches: Switches::default(),
            base_url: "http://127.0.0.1:8025".to_owned(),
            router,
            limits: Limits::default(),
            looks: Looks::default(),
            running: repeat::Running::default(),
            uses: Mutex::default(),
        }
    }

    /// The same App with other things switched on and off.
    #[must_use]
    pub fn switched(self, switches: Switches) -> App {
        App { switches, ..self }
    }

    /// The same App at another base URL: where clients reach it, for the links in its answers.
    #[must_use]
    pub fn at(self, base_url: &str) -> App {
        App { base_url: base_url.trim_end_matches('/').to_owned(), ..self }
    }

    /// The same App with other limits on rates.
    #[must_use]
    pub fn limited(self, limits: Limits) -> App {
        App { limits, ..self }
    }

    /// Answers one request.
    pub fn answer(&self, request: &Request) -> Response {
        let started = Instant::now();
        let id = request_id(request);
        let mut trace = Trace::default();
        let response = self.route(request, &id, &mut trace).with(REQUEST_ID, &id);
        // The path and the query stay out: they are the caller's text, and may hold what is secret.
        tracing::info!(
            request = id,
            method = %request.method,
            route = trace.route,
            dialect = trace.dialect,
            account = trace.account,
            key = trace.key,
            status = response.status.as_u16(),
            ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    }

    /// The most octets of a body on this path.
    pub fn body_limit(&self, method: &Method, path: &str) -> usize {
        if console::has(path) {
            return console::MAX_BODY_OCTETS;
        }
        let found = self.router.at(without_last_slash(path)).ok();
        let route = found.and_then(|found| found.value.iter().find(|(_, route)| route.method == *method));
        route.map_or(BodySize::Usual, |(_, route)| route.body).octets(self.postroom.settings())
    }

    /// Forgets what no limit depends on any more, and answers whose time is over. Meant for a background thread, every half
    /// minute or so.
    pub fn forget(&self) -> Result<(), Error> {
        self.limits.tidy();
        repeat::forget_expired(&self.postroom)
    }

    /// Writes down when keys were last used. Meant for a background thread, every half minute or so.
    pub fn note_uses(&self) -> Result<(), Error> {
        let uses: Vec<_> = std::mem::take(&mut *self.uses()).into_iter().collect();
        if uses.is_empty() { Ok(()) } else { self.postroom.write(|tx| key::note_uses(tx, &uses)) }
    }

    fn route(&self, request: &Request, id: &str, trace: &mut Trace) -> Response {
        let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
        let path = without_last_slash(&request.path);
        if path == "/healthz" {
            trace.route = "/healthz";
            return self.health(method);
        }
        if console::has(path) {
            (trace.dialect, trace.route) = ("console", console::route(path));
            return console::answer(&self.postroom, &self.base_url, path, request).unwrap_or_else(|error| {
                tracing::error!(request = id, route = trace.route, %error, "the database failed");
                stop_if_sync_failed(&error);
                console::failed(&error)
            });
        }
        let Ok(found) = self.router.at(path) else {
            let is_below = |prefix: &&str| {
                path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let dialect = DIALECTS.iter().find(|dialect| dialect.prefixes.iter().any(is_below));
            return dialect.map_or_else(
                || Response::json(StatusCode::NOT_FOUND, &json!({ "error": Fault::NoRoute.to_string() })),
                |dialect| (dialect.render)(&Fault::NoRoute),
            );
        };
        let Some((dialect, route)) = found.value.iter().find(|(_, route)| route.method == *method) else {
            let mut allowed: Vec<&str> = found.value.iter().map(|(_, route)| route.method.as_str()).collect();
            if allowed.contains(&"GET") {
                allowed.push("HEAD");
            }
            let allowed = allowed.join(", ");
            let render = found.value.first().map(|(dialect, _)| dialect.render);
            return match render {
                Some(render) => render(&Fault::Method(allowed.clone())).with(header::ALLOW, &allowed),
                None => {
                    Response::json(StatusCode::NOT_FOUND, &json!({ "error": Fault::NoRoute.to_string() }))
                }
            };
        };
        (trace.dialect, trace.route) = (dialect.name, route.path);
        let Some(handler) = route.handler else { return self.open(dialect) };
        self.call(dialect, route, handler, &found.params, request, trace).unwrap_or_else(|fault| {
            if let Fault::Library(Error::Store(error)) = &fault {
                tracing::error!(request = id, route = route.path, %error, "the database failed");
            }
            if let Fault::Library(error) = &fault {
                stop_if_sync_failed(error);
            }
            (dialect.render)(&fault)
        })
    }

    fn call(
        &self,
        dialect: &Dialect,
        route: &Route,
        handler: Handler,
        params: &matchit::Params<'_, '_>,
        request: &Request,
        trace: &mut Trace,
    ) -> Result<Response, Fault> {
        let caller = self.authenticate(dialect.auth, request)?;
        (trace.account, trace.key) = (Some(caller.account().number()), caller.key().map(ApiKeyId::number));
        if let Some(key) = caller.key() {
            self.uses().insert(key, self.postroom.now());
        }
        self.limits.count(caller.account())?;
        match request.body {
            Err(BodyFault::TooLarge) => return Err(Fault::TooLarge),
            Err(BodyFault::Incomplete) => return Err(Fault::Incomplete),
            Ok(_) => {}
        }
        // What is not UTF-8 names nothing, and stays so with a replacement character in it.
        let decode = |value| percent_decode_str(value).decode_utf8_lossy().into_owned();
        let params = params.iter().map(|(name, value)| (name.to_owned(), decode(value))).collect();
        let asked = repeat::asked(&caller, route, request)?;
        let run = |session: &Session<'_>| {
            let _looking = if route.slow { Some(self.looks.begin(caller.account())?) } else { None };
            let call =
                Call { session, switches: self.switches, base_url: &self.base_url, caller, request, params };
            match handler {
                Handler::Stored(answer) => answer(&call),
                Handler::Looking(answer) => {
                    answer(&LookingCall { call, postroom: &self.postroom, resolver: &*self.resolver })
                }
            }
        };
        match asked {
            None => run(&Session::new(&self.postroom)),
            Some(asked) => repeat::answer(&self.postroom, &self.running, &asked, route, dialect.render, run),
        }
    }

    /// Whether the service is well, in a dialect's own way.
    fn open(&self, dialect: &Dialect) -> Response {
        match self.postroom.check_readable() {
            Ok(()) => Response { status: StatusCode::OK, headers: HeaderMap::new(), body: Vec::new() },
            Err(error) => {
                tracing::error!(%error, "the database cannot be read");
                (dialect.render)(&Fault::Library(error))
            }
        }
    }

    /// Who calls. A key that opens something does, however many failures came from the same address.
    fn authenticate(&self, auth: Auth, request: &Request) -> Result<Caller, Fault> {
        let failed = |fault| self.limits.count_failure(request.peer, fault);
        let secret = credential(auth, request).map_err(failed)?;
        let hash = secret.hashed();
        if self.limits.is_dead(&hash) {
            return Err(failed(Fault::CredentialInvalid));
        }
        if let Some(caller) = self.postroom.read(|tx| key::authenticate(tx, &secret))? {
            return Ok(caller);
        }
        self.limits.note_dead(hash);
        Err(failed(Fault::CredentialInvalid))
    }

    /// Whether the database can be read. For load balancers and for people.
    fn health(&self, method: &Method) -> Response {
        if method != Method::GET {
            let fault = Fault::Method("GET".to_owned());
            return Response::json(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": fault.to_string() }))
                .with(header::ALLOW, "GET");
        }
        match self.postroom.check_readable() {
            Ok(()) => Response::json(StatusCode::OK, &json!({ "status": "ok" })),
            Err(error) => {
                tracing::error!(%error, "the database cannot be read");
                Response::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "database unreadable" }))
            }
        }
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

fn without_last_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path)
}

/// The secret that a request carries; a malformed one is refused before the database is asked.
fn credential(auth: Auth, request: &Request) -> Result<PlainSecret, Fault> {
    let text = match auth {
        Auth::Header(names) => names.iter().find_map(|name| request.headers.get(*name)),
        Auth::Bearer | Auth::Basic { .. } => request.headers.get(header::AUTHORIZATION),
    };
    let text = text.ok_or(Fault::CredentialMissing)?;
    let text = text.to_str().map_err(|_| Fault::CredentialInvalid)?.trim();
    let text: Cow<'_, str> = match auth {
        Auth::Header(_) => text.into(),
        Auth::Bearer => of_scheme("bearer", text)?.into(),
        Auth::Basic { user } => password(user, of_scheme("basic", text)?)?.into(),
    };
    if text.is_empty() {
        return Err(Fault::CredentialMissing);
    }
    PlainSecret::parse(SecretKind::AccountKey, &text).map_err(|_| Fault::CredentialInvalid)
}

/// What stands after the scheme's name, which is told apart from others without regard to case (RFC 9110 section 11.1).
fn of_scheme<'a>(scheme: &str, text: &'a str) -> Result<&'a str, Fault> {
    match text.split_once(' ') {
        Some((name, rest)) if name.eq_ignore_ascii_case(scheme) => Ok(rest.trim()),
        _ => Err(Fault::CredentialInvalid),
    }
}

/// The password of `user`, all that follows the first colon (RFC 7617 section 2).
///
/// The padding may be left out, as clients written by hand do: nothing else can be meant without it.
fn password(user: &str, encoded: &str) -> Result<String, Fault> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let pair = LENIENT.decode(encoded).ok().and_then(|octets| String::from_utf8(octets).ok());
    match pair.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((name, password)) if name == user => Ok(password.to_owned()),
        _ => Err(Fault::CredentialInvalid),
    }
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
    // An id of zeros is worse than none of nothing: a request is answered all the same.
    let _ = getrandom::fill(&mut octets);
    format!("{:016x}", u64::from_be_bytes(octets))
}

#[cfg(test)]
mod tests;
