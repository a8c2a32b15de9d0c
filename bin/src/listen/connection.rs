//! One connection: hyper over the gate, and between them and the App the reading of the body.
//!
//! A request is let in by its head: only then its body is read, into memory that was taken for it. The App is synchronous and
//! may be slow, so it runs on the threads of the request's lane. It finishes each request that it began, whether or not the
//! client still waits.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use postroom::id::AccountId;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tracing::{debug, error, warn};

use super::answer::{Admission, Answer, Entry, Lane};
use super::budget::{Budget, Lease};
use super::capacity::Seat;
use super::exchange::Exchange;
use super::gate::Gate;
use super::lanes::{Lanes, Share, Turn};
use super::proxy::TrustedProxies;
use super::sending::{Answering, Maker, Sending};
use super::streams::{Follower, Streams};
use super::{Deadlines, stopped};
use crate::wire::Fault;
use crate::wire::http::{
    Body, BodyFault, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    without_needless_escapes,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Room for a head of the gate's size, and for reading and writing in pieces of a body.
const BUFFER_OCTETS: usize = 64 * 1024;
/// An answer of up to so many octets is sent, whether or not there is room for it.
const SMALL_ANSWER_OCTETS: usize = 64 * 1024;
/// A change of up to so many octets is a short piece of work.
const SHORT_BODY: usize = 4 * 1024;
/// How many seconds a client should wait that found no place for a stream of events.
const STREAM_AFTER_SECONDS: u32 = 10;
/// How often a stop looks whether a connection has nothing more to say.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What answering a request takes.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) app: Arc<dyn Answer>,
    pub(super) lanes: Arc<Lanes>,
    pub(super) budget: Arc<Budget>,
    pub(super) streams: Arc<Streams>,
    pub(super) deadlines: Deadlines,
    pub(super) peer: IpAddr,
    pub(super) proxies: Arc<TrustedProxies>,
    pub(super) seat: Arc<Seat>,
    pub(super) stop: watch::Receiver<bool>,
    /// Held by whatever a graceful stop waits for.
    pub(super) at_work: mpsc::Sender<()>,
}

/// Answers the requests on `stream` until the stream ends or its place is needed. When the server stops, it still answers the
/// request in hand.
pub(super) async fn serve<S>(stream: S, desk: Desk)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let exchange = Arc::new(Exchange::default());
    let gate = Gate::new(stream, desk.deadlines, Arc::clone(&exchange));
    let (peer, seat, deadlines, mut stop) =
        (desk.peer, Arc::clone(&desk.seat), desk.deadlines, desk.stop.clone());
    let told = Arc::clone(&exchange);
    let service = service_fn(move |request| {
        let (desk, exchange) = (desk.clone(), Arc::clone(&exchange));
        async move {
            let answering = Answering(Arc::clone(&exchange));
            let response = match exchange.take_refusal() {
                Some(refusal) => {
                    debug!(%peer, status = refusal.status.as_u16(), reason = refusal.reason, "refused a head");
                    whole(closing(in_json(refusal.status, refusal.reason)))
                }
                None => desk.answer(request, answering).await,
            };
            Ok::<_, Infallible>(response)
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
        () = seat.is_needed() => {
            debug!(%peer, "closed a connection: its place is needed");
            return;
        }
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = nothing_more_to_say(&told, deadlines.unfinished) => return,
            }
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "a connection broke");
    }
}

/// Ready when a stop need no longer wait for a client that goes on sending after its answer.
async fn nothing_more_to_say(exchange: &Exchange, unfinished: Duration) {
    sleep(unfinished).await;
    while !exchange.is_lingering() {
        sleep(LOOK_EVERY).await;
    }
}

impl Desk {
    async fn answer(
        self,
        request: hyper::Request<Incoming>,
        answering: Answering,
    ) -> hyper::Response<Sending> {
        let (head, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        // After chunks no head is looked for.
        let is_chunked = head.headers.contains_key(TRANSFER_ENCODING);
        let only_reads = matches!(head.method, Method::GET | Method::HEAD);
        let request = Request {
            peer: self.proxies.client(self.peer, &head.headers),
            path: without_needless_escapes(head.uri.path()),
            query: head.uri.query().map(str::to_owned),
            method: head.method,
            headers: head.headers,
            body: Ok(Vec::new()),
        };
        let admission = match self.admit(request).await {
            Ok(admission) => admission,
            Err(response) => return whole(if has_body { closing(response) } else { response }),
        };
        let (account, render) = (admission.account, Arc::clone(&admission.render));
        let is_read = admission.body_limit > 0 && has_body;
        if account.is_some() {
            self.seat.begin();
        }
        let body = if is_read {
            self.read(body, admission.body_limit, account).await
        } else {
            Ok((Vec::new(), None))
        };
        // After half a body there is no head to be found.
        let is_last = body.is_err() || is_chunked || (has_body && !is_read);
        let response = self.turn(admission, body).await;
        if account.is_some() {
            self.seat.end();
        }
        let (mut response, lease) = self.make_room(response, account, only_reads, &*render);
        if is_last {
            response = closing(response);
        }
        let body = match std::mem::replace(&mut response.body, Body::EMPTY) {
            Body::Whole(octets) => Sending::whole(octets, Some(lease)),
            Body::Pieces(pieces) => {
                let maker = Maker::new(Arc::clone(&self.lanes), Arc::clone(&self.budget), account);
                Sending::piecewise(pieces, maker, answering)
            }
            Body::Events(events) => match self.streams.begin(events.follower()) {
                Some(place) => {
                    let lanes = Arc::clone(&self.lanes);
                    let follower = Follower::new(lanes, self.deadlines, self.stop.clone(), events, place);
                    Sending::live(follower, answering)
                }
                None => return whole(refusing(&response, render(&Fault::Full(STREAM_AFTER_SECONDS)))),
            },
        };
        to_wire(response, body)
    }

    /// Lets a request in by its head, or has the answer.
    async fn admit(&self, request: Request) -> Result<Admission, Response> {
        let mut entry = Arc::clone(&self.app).enter(request);
        loop {
            entry = match entry {
                Entry::Answered(response) => return Err(response),
                Entry::Admitted(admission) => return Ok(admission),
                Entry::Asked(lane, ask) => {
                    let asked = self.lanes.run(lane, None, Share::One, |_| ask()).await;
                    asked.unwrap_or_else(|| Entry::Answered(self.no_answer()))
                }
            };
        }
    }

    /// The whole body, with the room that it takes; one that says that it is too long is not begun.
    async fn read(
        &self,
        body: impl hyper::body::Body<Data = Bytes> + Unpin,
        limit: usize,
        account: Option<AccountId>,
    ) -> Result<(Vec<u8>, Option<Lease>), BodyFault> {
        let mut stop = self.stop.clone();
        let stopping = async {
            stopped(&mut stop).await;
            sleep(self.deadlines.unfinished).await;
        };
        tokio::select! {
            read = read(body, limit, &self.budget, account) => read.map(|(octets, lease)| (octets, Some(lease))),
            () = sleep(self.deadlines.body) => Err(BodyFault::Incomplete),
            () = stopping => Err(BodyFault::Incomplete),
        }
    }

    /// Has the App answer, in the request's turn.
    async fn turn(
        &self,
        admission: Admission,
        body: Result<(Vec<u8>, Option<Lease>), BodyFault>,
    ) -> Response {
        let Admission { lane, account, answer, .. } = admission;
        let (octets, lease) = match body {
            Ok(read) => read,
            Err(fault) => return answer(Err(fault)),
        };
        let at_work = self.at_work.clone();
        let share = if lane == Lane::Writes && octets.len() > SHORT_BODY { Share::Whole } else { Share::One };
        let answered = self.lanes.run(lane, account, share, move |turn| {
            let response = answer(if turn == Turn::Now { Ok(octets) } else { Err(BodyFault::NoRoom) });
            drop((at_work, lease));
            response
        });
        answered.await.unwrap_or_else(|| self.no_answer())
    }

    /// Takes room for an answer. Without room an answer that only reads is refused; an answer that reports a change is sent
    /// in any case.
    fn make_room(
        &self,
        response: Response,
        account: Option<AccountId>,
        only_reads: bool,
        render: &dyn Fn(&Fault) -> Response,
    ) -> (Response, Lease) {
        let octets = response.body.octets();
        if octets <= SMALL_ANSWER_OCTETS || !only_reads {
            return (response, self.budget.for_any_answer(account, octets));
        }
        if let Some(lease) = self.budget.for_answer(account, octets) {
            return (response, lease);
        }
        let id = response.headers.get(REQUEST_ID);
        warn!(request = ?id, octets, "there is no room for an answer that is made; the client is told to come again");
        let refusal = refusing(&response, render(&Fault::from(BodyFault::NoRoom)));
        let lease = self.budget.for_any_answer(account, refusal.body.octets());
        (refusal, lease)
    }

    fn no_answer(&self) -> Response {
        // Neither path nor panic message: both can hold what a client sent. The panic hook has the place.
        error!(peer = %self.peer, "the App gave no answer");
        in_json(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
    }
}

/// The whole body, of at most `limit` octets. The room that it says it needs is taken before the first of them.
async fn read(
    mut body: impl hyper::body::Body<Data = Bytes> + Unpin,
    limit: usize,
    budget: &Arc<Budget>,
    account: Option<AccountId>,
) -> Result<(Vec<u8>, Lease), BodyFault> {
    let limit = limit.min(budget.longest_body());
    let said = usize::try_from(body.size_hint().lower()).ok().filter(|said| *said <= limit);
    let mut room = said.ok_or(BodyFault::TooLarge)?;
    let mut lease = budget.for_body(account, room).ok_or(BodyFault::NoRoom)?;
    // No memory is reserved for octets that have not arrived. A growing vector may have twice its length, which the budget's
    // other half covers.
    let mut octets = Vec::new();
    while let Some(frame) = body.frame().await {
        // A frame without data is a trailer, which may be dropped (RFC 9110 section 6.5.1).
        let Ok(data) = frame.map_err(|_| BodyFault::Incomplete)?.into_data() else {
            continue;
        };
        let length = octets.len() + data.len();
        if length > limit {
            return Err(BodyFault::TooLarge);
        }
        if length > room {
            if !lease.grow_by_body(length - room) {
                return Err(BodyFault::NoRoom);
            }
            room = length;
        }
        octets.extend_from_slice(&data);
    }
    Ok((octets, lease))
}

/// A response of the server's own, where no App is asked.
fn in_json(status: StatusCode, reason: &str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // The App guards its own answers alike.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Response { status, headers, body: json!({ "error": reason }).to_string().into() }
}

/// This refusal in the place of an answer that is made, with the header fields that every answer has.
fn refusing(answer: &Response, mut refusal: Response) -> Response {
    for name in [REQUEST_ID, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS] {
        if let Some(value) = answer.headers.get(&name) {
            refusal.headers.insert(name, value.clone());
        }
    }
    refusal
}

fn closing(mut response: Response) -> Response {
    response.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A response that takes no room worth counting.
fn whole(mut response: Response) -> hyper::Response<Sending> {
    // What is made without the App is short, and there as a whole.
    let octets = std::mem::replace(&mut response.body, Body::EMPTY).into_whole().unwrap_or_default();
    to_wire(response, Sending::whole(octets, None))
}

/// hyper's form of a response; it adds Date and the length, and leaves the body of an answer to HEAD out.
fn to_wire(response: Response, body: Sending) -> hyper::Response<Sending> {
    let mut wire = hyper::Response::new(body);
    *wire.status_mut() = response.status;
    *wire.headers_mut() = response.headers;
    // The framing is the server's affair alone (RFC 9112 section 6).
    wire.headers_mut().remove(CONTENT_LENGTH);
    wire.headers_mut().remove(TRANSFER_ENCODING);
    wire
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn a_body_has_its_room_from_the_head_on_and_gives_it_back() {
        let (budget, account) = (Budget::new(8000), Some(AccountId::new(1)));
        let body = |octets| Full::new(Bytes::from(vec![b'b'; octets]));
        let first = read(body(600), 1000, &budget, account).await.unwrap();
        assert_eq!(first.0.len(), 600);
        assert_eq!(read(body(600), 1000, &budget, account).await.err(), Some(BodyFault::NoRoom));
        assert!(read(body(600), 1000, &budget, Some(AccountId::new(2))).await.is_ok());
        drop(first);
        assert!(read(body(1000), 1000, &budget, account).await.is_ok());
        assert_eq!(read(body(2), 1, &budget, account).await.err(), Some(BodyFault::TooLarge));
        let beyond = read(body(1001), usize::MAX, &budget, account).await;
        assert_eq!(beyond.err(), Some(BodyFault::TooLarge), "more than an account can ever have");
    }
}
