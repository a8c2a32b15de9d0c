//! One connection: hyper over the gate, and between them and the App the reading of the body.
//!
//! The App is synchronous and may take its time, so it runs on the runtime's pool of blocking threads, and
//! what it was asked it finishes, whether or not the client still waits for it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use ::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{debug, error};

use super::capacity::{LargePlace, LargePlaces};
use super::exchange::Exchange;
use super::gate::Gate;
use super::{Answer, Deadlines};
use crate::wire::http::{BodyFault, HeaderMap, HeaderValue, Request, Response, StatusCode};

/// Room for a head of the gate's size, and for reading and writing in pieces of a body.
const BUFFER_OCTETS: usize = 64 * 1024;

/// A body of more octets than this is large: only so many of those are in memory at once, for they are read before anybody
/// knows who sends them.
const LARGE_OCTETS: usize = 1024 * 1024;
/// How many large bodies there are at once. More wait, within the time that a body has.
pub(super) const LARGE_AT_ONCE: usize = 8;
/// How many of them one address may have: it cannot keep the others waiting by sending its own slowly.
pub(super) const LARGE_OF_ADDRESS: usize = 2;

/// What answering a request takes.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) app: Arc<dyn Answer>,
    pub(super) deadlines: Deadlines,
    pub(super) peer: IpAddr,
    /// Held by whatever a graceful stop waits for.
    pub(super) at_work: mpsc::Sender<()>,
    /// The places for large bodies.
    pub(super) large: Arc<LargePlaces>,
}

/// Answers the requests on `stream` until it ends; once `stop` is ready, until the one in hand is answered.
pub(super) async fn serve<S>(stream: S, desk: Desk, stop: impl Future<Output = ()>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let exchange = Arc::new(Exchange::default());
    let gate = Gate::new(stream, desk.deadlines, Arc::clone(&exchange));
    let peer = desk.peer;
    let service = service_fn(move |request| {
        let (desk, exchange) = (desk.clone(), Arc::clone(&exchange));
        async move {
            let response = match exchange.take_refusal() {
                Some(refusal) => {
                    debug!(%peer, status = refusal.status.as_u16(), reason = refusal.reason, "refused a head");
                    closing(in_json(refusal.status, refusal.reason))
                }
                None => desk.answer(request).await,
            };
            exchange.answered();
            Ok::<_, Infallible>(to_wire(response))
        }
    });
    // The gate keeps the time of a head.
    let mut connection = pin!(
        http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(BUFFER_OCTETS)
            .serve_connection(TokioIo::new(gate), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "a connection broke");
    }
}

impl Desk {
    async fn answer(self, request: hyper::Request<Incoming>) -> Response {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let limit = self.app.body_limit(&head.method, &path);
        let body = timeout(self.deadlines.body, read(body, limit, &self.large, self.peer))
            .await
            .unwrap_or(Err(BodyFault::Incomplete));
        let (body, place) = match body {
            Ok((octets, place)) => (Ok(octets), place),
            Err(fault) => (Err(fault), None),
        };
        // After chunks no head is looked for, and after half a body there is none to be found.
        let is_last = body.is_err() || head.headers.contains_key(TRANSFER_ENCODING);

        let method = head.method.clone();
        let request = Request {
            method: head.method,
            path,
            query: head.uri.query().map(str::to_owned),
            headers: head.headers,
            body,
            peer: self.peer,
        };
        let (app, at_work) = (self.app, self.at_work);
        let answering = tokio::task::spawn_blocking(move || {
            let response = app.answer(request);
            drop((at_work, place));
            response
        });
        let response = answering.await.unwrap_or_else(|error| {
            // Neither path nor panic message: both can hold what a client sent. The panic hook has the place.
            error!(peer = %self.peer, %method, panicked = error.is_panic(), "the App gave no answer");
            in_json(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        });
        if is_last { closing(response) } else { response }
    }
}

/// The whole body, of at most `limit` octets, and its place if it is large; one that says that it is longer is not begun.
async fn read(
    mut body: impl Body<Data = Bytes> + Unpin,
    limit: usize,
    large: &LargePlaces,
    peer: IpAddr,
) -> Result<(Vec<u8>, Option<LargePlace>), BodyFault> {
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyFault::TooLarge);
    }
    let (mut octets, mut place) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        // What is no data is a trailer, and those may be dropped: RFC 9110 section 6.5.1.
        let Ok(data) = frame.map_err(|_| BodyFault::Incomplete)?.into_data() else {
            continue;
        };
        if data.len() > limit.saturating_sub(octets.len()) {
            return Err(BodyFault::TooLarge);
        }
        if place.is_none() && octets.len() + data.len() > LARGE_OCTETS {
            place = large.take(peer).await;
        }
        octets.extend_from_slice(&data);
    }
    Ok((octets, place))
}

/// A response of the server's own, where no App is asked.
fn in_json(status: StatusCode, reason: &str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // The App guards its own answers alike.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Response { status, headers, body: json!({ "error": reason }).to_string().into_bytes() }
}

fn closing(mut response: Response) -> Response {
    response.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// hyper's form of a response; it adds Date and the length, and leaves the body of an answer to HEAD out.
fn to_wire(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut wire = hyper::Response::new(Full::new(Bytes::from(response.body)));
    *wire.status_mut() = response.status;
    *wire.headers_mut() = response.headers;
    // The framing is the server's affair alone (RFC 9112 section 6).
    wire.headers_mut().remove(CONTENT_LENGTH);
    wire.headers_mut().remove(TRANSFER_ENCODING);
    wire
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_large_body_takes_a_place_and_keeps_it_and_a_usual_one_needs_none() {
        let (places, peer) = (LargePlaces::new(1, 1), IpAddr::from([192, 0, 2, 1]));
        let body = |octets| Full::new(Bytes::from(vec![b'b'; octets]));
        let usual = read(body(LARGE_OCTETS), usize::MAX, &places, peer).await.unwrap();
        assert!(usual.1.is_none());
        let large = read(body(LARGE_OCTETS + 1), usize::MAX, &places, peer).await.unwrap();
        assert_eq!(large.0.len(), LARGE_OCTETS + 1);
        let soon = Duration::from_millis(20);
        let waits = timeout(soon, read(body(LARGE_OCTETS + 1), usize::MAX, &places, peer)).await;
        assert!(waits.is_err());
        drop(large);
        assert!(timeout(soon, read(body(LARGE_OCTETS + 1), usize::MAX, &places, peer)).await.is_ok());
        assert_eq!(read(body(2), 1, &places, peer).await.err(), Some(BodyFault::TooLarge));
    }
}
