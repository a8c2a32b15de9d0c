//! A request on its way from its head to its answer, and the log line that tells of it.

use std::time::Instant;

use crate::wire::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};

/// The header field that carries a request's id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request on its way.
pub(super) struct Visit {
    pub(super) id: String,
    pub(super) trace: Trace,
    method: Method,
    started: Instant,
}

/// What a log line says of a request, as far as it got.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) dialect: &'static str,
    pub(super) route: &'static str,
    pub(super) account: Option<i64>,
    pub(super) key: Option<i64>,
}

impl Visit {
    pub(super) fn begin(request: &Request) -> Visit {
        Visit {
            id: request_id(request),
            trace: Trace::default(),
            method: request.method.clone(),
            started: Instant::now(),
        }
    }

    /// Logs the answer and gives it the request's id. One that says that the server cannot now says when it may.
    pub(super) fn end(self, response: Response) -> Response {
        let Visit { id, trace, method, started } = self;
        let mut response = response.with(REQUEST_ID, &id);
        if response.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
        }
        // The path and the query stay out: they are the caller's text, and may hold what is secret.
        tracing::info!(
            request = id,
            %method,
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
