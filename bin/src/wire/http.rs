//! A request and a response as the App sees them: plain values that do not depend on any HTTP server.

use std::net::IpAddr;

pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;

use super::{Events, Fault, Pieces};

/// A request with a well-formed head. Its body is read as far as the limits allow; it is empty until it is read.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path of the target, percent-encoded where it must be: `/api/v1/domains/1`.
    pub path: String,
    /// What follows the target's first `?`, still percent-encoded.
    pub query: Option<String>,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body, or why there is none.
    pub body: Result<Vec<u8>, BodyFault>,
    /// The address of the client: the other end of the connection, or whom a trusted proxy names.
    pub peer: IpAddr,
}

impl Request {
    /// The text of a header field, if the request has the field and its first value is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Decodes the octets of a path that need no percent-encoding: letters, digits and `-._~`, which mean the same either way
/// (RFC 3986 section 6.2.2.2).
pub fn without_needless_escapes(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let octet = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let octet = octet.filter(|octet| octet.is_ascii_alphanumeric() || b"-._~".contains(octet));
        plain.push(octet.map_or('%', char::from));
        rest = octet.and_then(|_| after.get(2..)).unwrap_or(after);
    }
    plain.push_str(rest);
    plain
}

/// Why a body could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// The body has more octets than the route takes.
    TooLarge,
    /// The body did not arrive in time, or broke off.
    Incomplete,
    /// The server has no memory for the body now, or no place in the request's queue.
    NoRoom,
}

/// A response; the server adds `Date`, `Content-Length` and what the connection needs.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// One that is made while it is sent.
    Pieces(Pieces),
    /// Events, as they happen.
    Events(Events),
}

impl Body {
    /// A body without octets.
    pub const EMPTY: Body = Body::Whole(Vec::new());

    /// How many octets are in memory.
    pub fn octets(&self) -> usize {
        if let Body::Whole(octets) = self { octets.len() } else { 0 }
    }

    /// All octets, for who cannot send them piece by piece; of events, those that there are now.
    pub fn into_whole(self) -> Result<Vec<u8>, Fault> {
        let mut pieces = match self {
            Body::Whole(octets) => return Ok(octets),
            Body::Pieces(pieces) => pieces,
            Body::Events(mut events) => return Ok(events.look().unwrap_or_default()),
        };
        let mut whole = Vec::new();
        while let Some(piece) = pieces.make()? {
            whole.extend(piece);
        }
        Ok(whole)
    }
}

impl From<Vec<u8>> for Body {
    fn from(octets: Vec<u8>) -> Body {
        Body::Whole(octets)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Body::Whole(text.into_bytes())
    }
}

impl Response {
    /// A body in JSON.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
        // Only a map with keys that are not text can fail, and no answer has one.
        Response::of_json(status, serde_json::to_vec(body).unwrap_or_default())
    }

    /// A body that is JSON already.
    pub fn of_json(status: StatusCode, body: Vec<u8>) -> Response {
        let headers = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        )]);
        Response { status, headers, body: body.into() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_no_encoding_is_decoded_and_only_once() {
        for (path, plain) in [
            ("/api/v1/domains", "/api/v1/domains"),
            ("/%61pi/%76%31/%64omain%73/1", "/api/v1/domains/1"),
            ("/%7e%2D%2e%5F", "/~-._"),
            ("/a%2fb%20%25%00%ff", "/a%2fb%20%25%00%ff"),
            ("/%2561", "/%2561"),
            ("/%%61", "/%a"),
            ("/%6", "/%6"),
            ("/%+1%-1%g1%", "/%+1%-1%g1%"),
            ("/%u\u{e9}", "/%u\u{e9}"),
        ] {
            assert_eq!(without_needless_escapes(path), plain, "{path}");
        }
    }
}
