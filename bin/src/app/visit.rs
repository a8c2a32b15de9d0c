//! A request on its way from its head to its answer, and its log line.

use std::sync::Arc;
use std::time::Instant;

use postroom::account::Caller;
use postroom::error::Error;
use postroom::id::{AccountId, ApiKeyId};
use postroom::session::ConsoleSession;

use super::stop_if_sync_failed;
use crate::watch::Metrics;
use crate::wire::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use crate::wire::{Auth, Fault, RequestPlace, Surface};

/// The header field that carries a request's id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request on its way, with the values for its log line.
pub(super) struct Visit {
    surface: &'static Surface,
    route: &'static str,
    place: RequestPlace,
    id: String,
    method: Method,
    started: Instant,
    account: Option<i64>,
    key: Option<i64>,
    metrics: Option<Arc<Metrics>>,
}

impl Visit {
    pub(super) fn begin(
        request: &Request,
        base_url: &Arc<str>,
        surface: &'static Surface,
        route: &'static str,
        metrics: Option<Arc<Metrics>>,
    ) -> Visit {
        let (id, method) = (request_id(request), request.method.clone());
        let place = match surface.auth {
            Auth::Session { .. } => RequestPlace::of(base_url, request),
            // No page says where to go on.
            _ => RequestPlace::at(base_url),
        };
        Visit {
            surface,
            route,
            place,
            id,
            method,
            started: Instant::now(),
            account: None,
            key: None,
            metrics,
        }
    }

    /// How the surface says that something went wrong with this request.
    pub(super) fn render(&self) -> Arc<dyn Fn(&Fault) -> Response + Send + Sync> {
        let (surface, place) = (self.surface, self.place.clone());
        Arc::new(move |fault| (surface.render)(fault, &place))
    }

    /// Notes who calls.
    pub(super) fn is_of(&mut self, caller: &Caller) {
        (self.account, self.key) = (Some(caller.account().number()), caller.key().map(ApiKeyId::number));
    }

    /// Notes who is signed in.
    pub(super) fn is_of_session(&mut self, session: &ConsoleSession) {
        self.account = session.account.map(AccountId::number);
    }

    /// Writes the log line, and returns the response, or the fault in the surface's shape, with the header fields that every
    /// answer has.
    pub(super) fn end(self, answered: Result<Response, Fault>) -> Response {
        let Visit { surface, route, place, id, method, started, account, key, metrics } = self;
        let response = answered.unwrap_or_else(|fault| refuse(surface, &fault, &place, &id, route));
        let response = guarded(response).with(REQUEST_ID, &id);
        let took = started.elapsed();
        if let Some(metrics) = metrics {
            metrics.count_request(surface.name, route, response.status.as_u16(), took);
        }
        // The path and the query are not logged: they are the caller's text, and may contain a secret.
        tracing::info!(
            request = id,
            %method,
            route,
            dialect = surface.name,
            account,
            key,
            status = response.status.as_u16(),
            ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    }
}

/// A fault in the surface's shape. An error text from the database goes to the log only, never to the client.
fn refuse(surface: &Surface, fault: &Fault, place: &RequestPlace, id: &str, route: &str) -> Response {
    if let Fault::Library(error) = fault {
        if let Error::Store(error) = error {
            tracing::error!(request = id, route, %error, "the database failed");
        }
        stop_if_sync_failed(error);
    }
    let response = (surface.render)(fault, place);
    match (fault, challenge(surface.auth)) {
        (Fault::Method(allowed), _) if response.status == StatusCode::METHOD_NOT_ALLOWED => {
            response.with(header::ALLOW, allowed)
        }
        (_, Some(challenge)) if response.status == StatusCode::UNAUTHORIZED => {
            challenged(response, &challenge)
        }
        _ => response,
    }
}

/// The challenge of a 401 (RFC 9110 section 15.5.2), unless the surface has given its own.
fn challenged(mut response: Response, challenge: &str) -> Response {
    if let Ok(challenge) = HeaderValue::from_str(challenge) {
        response.headers.entry(header::WWW_AUTHENTICATE).or_insert(challenge);
    }
    response
}

/// The challenge, which says where the surface expects its credential. No scheme is registered for a key in a header field of
/// its own, so `ApiKey` names that field.
fn challenge(auth: Auth) -> Option<String> {
    match auth {
        Auth::Basic { .. } => Some("Basic realm=\"postroom\", charset=\"UTF-8\"".to_owned()),
        Auth::Bearer => Some("Bearer realm=\"postroom\"".to_owned()),
        Auth::Header(names) => {
            names.first().map(|name| format!("ApiKey realm=\"postroom\", header=\"{name}\""))
        }
        Auth::Session { cookie } => Some(format!("Cookie realm=\"postroom\", cookie-name=\"{cookie}\"")),
        Auth::None => None,
    }
}

/// Adds the header fields that every answer has. No cache keeps the answer, unless its handler says for how long, and no
/// client guesses another content type. A 503 without `Retry-After` gets one.
fn guarded(mut response: Response) -> Response {
    response.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if response.status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
    }
    response.with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// The id that the request carries, if it is 1 to 64 letters, digits, `-`, `_` or `.`; else a new one.
fn request_id(request: &Request) -> String {
    let is_plain = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|o| o.is_ascii_alphanumeric() || matches!(o, b'-' | b'_' | b'.'))
    };
    if let Some(id) = request.header(REQUEST_ID.as_str()).filter(is_plain) {
        return id.to_owned();
    }
    let mut octets = [0_u8; 8];
    // If the system has no random numbers, the id is all zeros, and the request is answered nevertheless.
    let _ = getrandom::fill(&mut octets);
    format!("{:016x}", u64::from_be_bytes(octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::{Body, HeaderMap, StatusCode};

    #[test]
    fn a_handler_may_say_for_how_long_its_answer_is_kept_and_whatever_it_does_not_say_is_kept_by_no_cache() {
        let plain = || Response { status: StatusCode::OK, headers: HeaderMap::new(), body: Body::EMPTY };
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
