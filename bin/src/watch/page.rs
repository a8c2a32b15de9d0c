//! The listener's view of the metrics: `GET /metrics`, and nothing else.

use std::sync::Arc;

use crate::listen::{Admission, Answer, Entry, Lane};
use crate::wire::Fault;
use crate::wire::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

use super::{BridgeMetrics, Watch};

/// Something that can be watched.
pub trait Watched: Send + Sync + 'static {
    /// All that is to be seen, in Prometheus' text format.
    fn text(&self) -> Result<String, prometheus::Error>;
}

impl Watched for Watch {
    fn text(&self) -> Result<String, prometheus::Error> {
        Watch::text(self)
    }
}

impl Watched for BridgeMetrics {
    fn text(&self) -> Result<String, prometheus::Error> {
        BridgeMetrics::text(self)
    }
}

/// The media type of Prometheus' text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers `GET /metrics`.
pub struct MetricsPage(pub Arc<dyn Watched>);

impl MetricsPage {
    fn answer(&self) -> Response {
        match self.0.text() {
            Ok(text) => plain(StatusCode::OK, TEXT_FORMAT, text),
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be written");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "the log says why\n".to_owned())
            }
        }
    }
}

impl Answer for MetricsPage {
    fn enter(self: Arc<Self>, request: Request) -> Entry {
        if request.path != "/metrics" {
            let text = "the metrics are at /metrics\n";
            return Entry::Answered(plain(StatusCode::NOT_FOUND, "text/plain", text.to_owned()));
        }
        if request.method != Method::GET && request.method != Method::HEAD {
            let response = plain(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "use GET\n".to_owned());
            return Entry::Answered(response.with(header::ALLOW, "GET, HEAD"));
        }
        Entry::Admitted(Admission {
            lane: Lane::Health,
            account: None,
            body_limit: 0,
            answer: Box::new(move |_| self.answer()),
            render: Arc::new(render),
        })
    }
}

fn render(fault: &Fault) -> Response {
    plain(StatusCode::BAD_REQUEST, "text/plain", format!("{fault}\n"))
}

fn plain(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response { status, headers, body: text.into() }
}
