//! What the gate and the service of one connection tell each other, past hyper.
//!
//! The gate says what is wrong with the request in hand; the service says that it is answered. Both run in
//! the task of their connection, so nothing waits for the lock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::head::Refusal;

/// What the gate and the service of one connection tell each other.
#[derive(Debug, Default)]
pub(super) struct Exchange(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    answering: bool,
    refusal: Option<Refusal>,
    parked: Option<Waker>,
    lingering: bool,
}

impl Exchange {
    /// What is wrong with the request in hand, if the gate put the substitute in its place.
    pub(super) fn take_refusal(&self) -> Option<Refusal> {
        self.told().refusal.take()
    }

    /// The response is made: the gate may look at the next head.
    pub(super) fn answered(&self) {
        self.told().answering = false;
        self.wake();
    }

    /// A head was let through, or refused: the service has an answer to make.
    pub(super) fn asked(&self, refusal: Option<Refusal>) {
        let mut told = self.told();
        told.answering = true;
        told.refusal = refusal;
    }

    /// The last response is sent, and whatever the peer still sends is thrown away.
    pub(super) fn lingers(&self) {
        self.told().lingering = true;
    }

    pub(super) fn is_lingering(&self) -> bool {
        self.told().lingering
    }

    pub(super) fn is_answering(&self) -> bool {
        self.told().answering
    }

    /// Has the reader woken when it is its turn.
    pub(super) fn park(&self, waker: &Waker) {
        self.told().parked = Some(waker.clone());
    }

    pub(super) fn wake(&self) {
        let parked = self.told().parked.take();
        if let Some(waker) = parked {
            waker.wake();
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
