//! A request and a response as the App sees them: plain values, of no server's making.

use std::net::IpAddr;

pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;

/// A request whose head was well-formed, with its body read as far as the limits let it.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path of the target in origin form, still percent-encoded: `/api/v1/domains/1`.
    pub path: String,
    /// What follows the target's first `?`, still percent-encoded.
    pub query: Option<String>,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body, or why there is none.
    pub body: Result<Vec<u8>, BodyFault>,
    /// The address at the other end of the connection.
    pub peer: IpAddr,
}

impl Request {
    /// The text of a header field, if it is there once at least and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why a body could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// More octets than the route takes.
    TooLarge,
    /// It did not arrive in time, or broke off.
    Incomplete,
}

/// A response; the server adds `Date`, `Content-Length` and what the connection needs.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// A body in JSON.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
        // What is shaped here has only text for keys, which alone could fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let headers = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        )]);
        Response { status, headers, body }
    }

    /// This response, with one more header field.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Response {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
