//! Answers that go on while something happens: how many there are, how long one lasts, and when its next look is.
//!
//! Between two looks a stream has no thread and no transaction, only its place and what its looks compare with. A look is made in a
//! turn of its account's in the lane of reads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use postroom::id::AccountId;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::Lane;
use super::lanes::{Lanes, Share, Turn};
use super::{Deadlines, stopped};
use crate::wire::Events;

/// The most streams at a time.
const MOST: usize = 256;
/// The most of them of one account.
const MOST_OF_ACCOUNT: usize = 16;
/// After so many looks that found nothing a comment is sent, so that a peer who is gone is noticed.
const QUIET_LOOKS: u32 = 2;
const COMMENT: &[u8] = b":\n\n";

/// The streams that are open, by account.
#[derive(Debug, Default)]
pub(super) struct Streams(Mutex<HashMap<AccountId, usize>>);

impl Streams {
    /// Takes a place for a stream of this account, if the account and the others leave one.
    pub(super) fn begin(self: &Arc<Self>, account: AccountId) -> Option<Place> {
        let mut open = self.open();
        let own = open.get(&account).copied().unwrap_or(0);
        if own >= MOST_OF_ACCOUNT || open.values().sum::<usize>() >= MOST {
            return None;
        }
        open.insert(account, own + 1);
        Some(Place { streams: Arc::clone(self), account })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<AccountId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream's place, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    streams: Arc<Streams>,
    account: AccountId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        let left = open.get(&self.account).map_or(0, |own| own.saturating_sub(1));
        if left == 0 {
            open.remove(&self.account);
        } else {
            open.insert(self.account, left);
        }
    }
}

/// A stream between two events.
pub(super) struct Follower {
    lanes: Arc<Lanes>,
    deadlines: Deadlines,
    stop: watch::Receiver<bool>,
    events: Events,
    until: Instant,
    is_first: bool,
    _place: Place,
}

impl Follower {
    pub(super) fn new(
        lanes: Arc<Lanes>,
        deadlines: Deadlines,
        stop: watch::Receiver<bool>,
        events: Events,
        place: Place,
    ) -> Follower {
        let until = Instant::now() + deadlines.stream;
        Follower { lanes, deadlines, stop, events, until, is_first: true, _place: place }
    }

    /// Waits for the next event. `None` says that the stream is over: its time is, or the server stops, or whoever follows may
    /// do so no longer.
    pub(super) async fn next(mut self) -> Option<(Follower, Bytes)> {
        let mut quiet = 0;
        loop {
            if !self.is_first {
                tokio::select! {
                    () = stopped(&mut self.stop) => return None,
                    () = sleep_until(self.until) => return None,
                    () = sleep(self.deadlines.look) => {}
                }
            }
            self.is_first = false;
            let lanes = Arc::clone(&self.lanes);
            let account = Some(self.events.account());
            let looked = lanes.run(Lane::Reads, account, Share::One, move |turn| {
                let seen = if turn == Turn::Now { self.events.look() } else { None };
                (self, seen)
            });
            let (follower, seen) = looked.await?;
            self = follower;
            let octets = seen?;
            quiet += 1;
            if !octets.is_empty() {
                return Some((self, Bytes::from(octets)));
            }
            if quiet >= QUIET_LOOKS {
                return Some((self, Bytes::from_static(COMMENT)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_has_few_of_all_places_and_gives_them_back() {
        let streams = Arc::new(Streams::default());
        let own: Vec<_> = (0..16).map(|_| streams.begin(AccountId::new(1)).unwrap()).collect();
        assert!(streams.begin(AccountId::new(1)).is_none());
        let others: Vec<_> =
            (0..240).map(|number| streams.begin(AccountId::new(2 + number / 16)).unwrap()).collect();
        assert!(streams.begin(AccountId::new(99)).is_none(), "256 in all");
        drop(own);
        assert!(streams.begin(AccountId::new(99)).is_some());
        drop(others);
        assert!(streams.open().is_empty());
    }
}
