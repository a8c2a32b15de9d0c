//! The App: from a request to a response. It matches, authenticates, limits, calls, renders and logs.
//!
//! It is synchronous and knows no server: `listen` carries it on hyper, an example on another one.

mod admission;
mod repeat;
mod visit;

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

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
use crate::wire::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use crate::wire::limit::{Limits, Looks};
use crate::wire::{Auth, BodySize, Call, Dialect, Fault, Handler, Route, Switches};
use visit::{Trace, Visit};

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

/// What the head of a request asks for.
enum Found {
    /// Nothing that is here.
    Answer(Response),
    Health,
    /// Whether the service is well, in a dialect's own way.
    Open(&'static Dialect),
    Console,
    Target(Target),
}

/// A route of a dialect, with the parameters in the path.
struct Target {
    dialect: &'static Dialect,
    route: &'static Route,
    handler: Handler,
    params: Vec<(String, String)>,
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

    /// Answers one request, whose body is read already.
    pub fn answer(&self, request: &Request) -> Response {
        let mut visit = Visit::begin(request);
        let response = match self.find(request, &mut visit.trace) {
            Found::Answer(response) => response,
            Found::Health => self.health(&request.method),
            Found::Open(dialect) => self.open(dialect),
            Found::Console => self.console(request, &visit),
            Found::Target(target) => {
                let caller = self
                    .credential(&target, request)
                    .and_then(|secret| self.authenticate(&secret, request.peer, &mut visit.trace));
                self.call(&target, caller, request, &visit)
            }
        };
        visit.end(response)
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

    /// What a request asks for, by its head.
    fn find(&self, request: &Request, trace: &mut Trace) -> Found {
        let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
        let path = without_last_slash(&request.path);
        if path == "/healthz" {
            trace.route = "/healthz";
            return Found::Health;
        }
        if console::has(path) {
            (trace.dialect, trace.route) = ("console", console::route(path));
            return Found::Console;
        }
        let no_route =
            || Response::json(StatusCode::NOT_FOUND, &json!({ "error": Fault::NoRoute.to_string() }));
        let Ok(found) = self.router.at(path) else {
            let is_below = |prefix: &&str| {
                path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let dialect = DIALECTS.iter().find(|dialect| dialect.prefixes.iter().any(is_below));
            return Found::Answer(dialect.map_or_else(no_route, |dialect| (dialect.render)(&Fault::NoRoute)));
        };
        let Some((dialect, route)) = found.value.iter().find(|(_, route)| route.method == *method) else {
            let mut allowed: Vec<&str> = found.value.iter().map(|(_, route)| route.method.as_str()).collect();
            if allowed.contains(&"GET") {
                allowed.push("HEAD");
            }
            let allowed = allowed.join(", ");
            let render = found.value.first().map(|(dialect, _)| dialect.render);
            return Found::Answer(render.map_or_else(no_route, |render| {
                render(&Fault::Method(allowed.clone())).with(header::ALLOW, &allowed)
            }));
        };
        (trace.dialect, trace.route) = (dialect.name, route.path);
        let Some(handler) = route.handler else { return Found::Open(dialect) };
        // What is not UTF-8 names nothing, and stays so with a replacement character in it.
        let decode = |value| percent_decode_str(value).decode_utf8_lossy().into_owned();
        let params = found.params.iter().map(|(name, value)| (name.to_owned(), decode(value))).collect();
        Found::Target(Target { dialect, route, handler, params })
    }

    /// Answers a request of this caller; without one, says why there is none.
    fn call(
        &self,
        target: &Target,
        caller: Result<Caller, Fault>,
        request: &Request,
        visit: &Visit,
    ) -> Response {
        let answered = caller.and_then(|caller| self.run(target, caller, request));
        answered.unwrap_or_else(|fault| refuse(target, &fault, visit))
    }

    fn run(&self, target: &Target, caller: Caller, request: &Request) -> Result<Response, Fault> {
        if let Err(fault) = request.body {
            return Err(fault.into());
        }
        let Target { dialect, route, handler, params } = target;
        let asked = repeat::asked(&caller, route, request)?;
        let run = |session: &Session<'_>| {
            let _looking = if route.slow { Some(self.looks.begin(caller.account())?) } else { None };
            handler(&Call {
                postroom: session,
                resolver: &*self.resolver,
                switches: self.switches,
                base_url: &self.base_url,
                caller,
                request,
                params: params.clone(),
            })
        };
        match asked {
            None => run(&Session::new(&self.postroom)),
            Some(asked) => repeat::answer(&self.postroom, &self.running, &asked, route, dialect.render, run),
        }
    }

    fn console(&self, request: &Request, visit: &Visit) -> Response {
        let path = without_last_slash(&request.path);
        console::answer(&self.postroom, &self.base_url, path, request).unwrap_or_else(|error| {
            tracing::error!(request = visit.id, route = visit.trace.route, %error, "the database failed");
            stop_if_sync_failed(&error);
            console::failed(&error)
        })
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

    /// The secret that a request brings, unless it is malformed, or has just opened nothing. The database is not asked.
    fn credential(&self, target: &Target, request: &Request) -> Result<PlainSecret, Fault> {
        let failed = |fault| self.limits.count_failure(request.peer, fault);
        let secret = credential(target.dialect.auth, request).map_err(failed)?;
        if self.limits.is_dead(&secret.hashed()) {
            return Err(failed(Fault::CredentialInvalid));
        }
        Ok(secret)
    }

    /// Who calls, if the account's rate has room. A key that opens something does, however many failures came from the same
    /// address.
    fn authenticate(&self, secret: &PlainSecret, peer: IpAddr, trace: &mut Trace) -> Result<Caller, Fault> {
        let Some(caller) = self.postroom.read(|tx| key::authenticate(tx, secret))? else {
            self.limits.note_dead(secret.hashed());
            return Err(self.limits.count_failure(peer, Fault::CredentialInvalid));
        };
        (trace.account, trace.key) = (Some(caller.account().number()), caller.key().map(ApiKeyId::number));
        if let Some(key) = caller.key() {
            self.uses().insert(key, self.postroom.now());
        }
        self.limits.count(caller.account())?;
        Ok(caller)
    }

    /// Whether the database can be read. For load balancers and for people.
    fn health(&self, method: &Method) -> Response {
        if !matches!(*method, Method::GET | Method::HEAD) {
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
        crate::log::flush(std::time::Duration::from_secs(1));
        std::process::exit(74);
    }
}

fn without_last_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path)
}

/// Says in the shape of the dialect why there is no answer.
fn refuse(target: &Target, fault: &Fault, visit: &Visit) -> Response {
    if let Fault::Library(Error::Store(error)) = fault {
        tracing::error!(request = visit.id, route = target.route.path, %error, "the database failed");
    }
    if let Fault::Library(error) = fault {
        stop_if_sync_failed(error);
    }
    let response = (target.dialect.render)(fault);
    let is_challenged = response.headers.contains_key(header::WWW_AUTHENTICATE);
    if response.status == StatusCode::UNAUTHORIZED && !is_challenged {
        return response.with(header::WWW_AUTHENTICATE, &challenge(target.dialect.auth));
    }
    response
}

/// Where a credential is to stand, for a 401 (RFC 9110 section 15.5.2 has each say it).
///
/// No scheme is registered for a key in a header field of its own; `ApiKey` names that field.
fn challenge(auth: Auth) -> String {
    match auth {
        Auth::Basic { .. } => "Basic realm=\"postroom\", charset=\"UTF-8\"".to_owned(),
        Auth::Bearer => "Bearer realm=\"postroom\"".to_owned(),
        Auth::Header(names) => {
            format!("ApiKey realm=\"postroom\", header=\"{}\"", names.first().copied().unwrap_or_default())
        }
    }
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

#[cfg(test)]
mod tests;
