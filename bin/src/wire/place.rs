//! Where a request was, for the page that says what went wrong with it.

use std::sync::Arc;

use super::http::{Method, Request};

/// Where the server is, and where in it a request was.
#[derive(Clone, Default)]
pub struct RequestPlace {
    /// The base URL that clients use, without a last slash.
    pub base_url: Arc<str>,
    /// Whether the request only reads.
    pub is_read: bool,
    /// The path of the request.
    pub path: String,
    /// Its query, which may have a secret in it.
    pub query: Option<String>,
}

impl RequestPlace {
    /// No place in particular of this server.
    pub fn at(base_url: &Arc<str>) -> RequestPlace {
        RequestPlace { base_url: Arc::clone(base_url), ..RequestPlace::default() }
    }

    /// That of this request.
    pub fn of(base_url: &Arc<str>, request: &Request) -> RequestPlace {
        RequestPlace {
            base_url: Arc::clone(base_url),
            is_read: [Method::GET, Method::HEAD].contains(&request.method),
            path: request.path.clone(),
            query: request.query.clone(),
        }
    }
}
