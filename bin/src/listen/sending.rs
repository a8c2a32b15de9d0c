//! The body of an answer on its way to the client.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use postroom::id::AccountId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::error;

use super::answer::Lane;
use super::budget::{Budget, Lease};
use super::exchange::Exchange;
use super::lanes::{Lanes, Share, Turn};
use super::streams::Follower;
use crate::wire::Pieces;

/// A body that hyper sends.
pub(super) enum Sending {
    /// It is there as a whole.
    Whole(Full<Bytes>),
    /// It is made while it is sent.
    Piecewise(Piecewise),
    /// It goes on while something happens.
    Live(Live),
}

/// The next piece is made, in a turn of its account's in the lane of reads, when the one before is in the socket. So a client
/// that takes nothing holds one piece.
pub(super) struct Piecewise {
    maker: Maker,
    /// What makes the pieces, when no piece is being made; none once the last is made.
    pieces: Option<Pieces>,
    making: Option<Pin<Box<dyn Future<Output = Made> + Send>>>,
    _answering: Answering,
}

/// Events, each when it happens.
pub(super) struct Live {
    /// None once the stream is over.
    next: Option<Pin<Box<dyn Future<Output = Happened> + Send>>>,
    _answering: Answering,
}

/// An event, and what waits for the next; none at the end.
type Happened = Option<(Follower, Bytes)>;
type Made = (Option<Pieces>, io::Result<Option<Bytes>>);

/// What making a piece takes.
#[derive(Clone)]
pub(super) struct Maker {
    pub(super) lanes: Arc<Lanes>,
    pub(super) budget: Arc<Budget>,
    pub(super) account: Option<AccountId>,
    /// Of one piece: taken while the piece is in memory.
    in_hand: Arc<Semaphore>,
}

impl Maker {
    pub(super) fn new(lanes: Arc<Lanes>, budget: Arc<Budget>, account: Option<AccountId>) -> Maker {
        Maker { lanes, budget, account, in_hand: Arc::new(Semaphore::new(1)) }
    }

    async fn make(self, mut pieces: Pieces) -> Made {
        let broken = || io::Error::other("the answer broke off");
        let Ok(permit) = Arc::clone(&self.in_hand).acquire_owned().await else {
            return (None, Err(broken()));
        };
        let made = self.lanes.run(Lane::Reads, self.account, Share::One, |turn| {
            let made = if turn == Turn::Now { Some(pieces.make()) } else { None };
            (pieces, made)
        });
        match made.await {
            Some((pieces, Some(Ok(Some(octets))))) => {
                let lease = self.budget.for_any_answer(self.account, octets.len());
                (
                    Some(pieces),
                    Ok(Some(Bytes::from_owner(Leased { octets, _lease: lease, _permit: Some(permit) }))),
                )
            }
            Some((_, Some(Ok(None)))) => (None, Ok(None)),
            Some((_, Some(Err(fault)))) => {
                error!(%fault, "an answer broke off; its connection is closed");
                (None, Err(broken()))
            }
            // A panic, of which the log has the place, or a stop.
            Some((_, None)) | None => (None, Err(broken())),
        }
    }
}

impl Sending {
    pub(super) fn whole(octets: Vec<u8>, lease: Option<Lease>) -> Sending {
        let octets = match lease {
            Some(lease) => Bytes::from_owner(Leased { octets, _lease: lease, _permit: None }),
            None => Bytes::from(octets),
        };
        Sending::Whole(Full::new(octets))
    }

    pub(super) fn piecewise(pieces: Pieces, maker: Maker, answering: Answering) -> Sending {
        Sending::Piecewise(Piecewise { maker, pieces: Some(pieces), making: None, _answering: answering })
    }

    pub(super) fn live(follower: Follower, answering: Answering) -> Sending {
        Sending::Live(Live { next: Some(Box::pin(follower.next())), _answering: answering })
    }
}

impl Live {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let happened = ready!(next.as_mut().poll(cx));
        self.next = None;
        Poll::Ready(happened.map(|(follower, octets)| {
            self.next = Some(Box::pin(follower.next()));
            octets
        }))
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Sending::Whole(whole) => Pin::new(whole).poll_frame(cx).map_err(|never| match never {}),
            Sending::Piecewise(piecewise) => piecewise.poll_next(cx).map_ok(Frame::data),
            Sending::Live(live) => live.poll_next(cx).map(|next| next.map(|octets| Ok(Frame::data(octets)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Sending::Whole(whole) => whole.is_end_stream(),
            Sending::Piecewise(piecewise) => piecewise.pieces.is_none() && piecewise.making.is_none(),
            Sending::Live(live) => live.next.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Sending::Whole(whole) => whole.size_hint(),
            Sending::Piecewise(_) | Sending::Live(_) => SizeHint::default(),
        }
    }
}

impl Piecewise {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(pieces) = self.pieces.take() {
            self.making = Some(Box::pin(self.maker.clone().make(pieces)));
        }
        let Some(making) = &mut self.making else { return Poll::Ready(None) };
        let (pieces, made) = ready!(making.as_mut().poll(cx));
        self.making = None;
        self.pieces = pieces;
        Poll::Ready(made.transpose())
    }
}

/// Held while the body of an answer is being made. The gate looks for the next head afterwards.
pub(super) struct Answering(pub(super) Arc<Exchange>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// Octets with the room that they take, until the last of them is sent.
struct Leased {
    octets: Vec<u8>,
    _lease: Lease,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Leased {
    fn as_ref(&self) -> &[u8] {
        &self.octets
    }
}
