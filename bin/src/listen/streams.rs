//! Answers that go on while something happens: how many there are, how long one lasts, and when its next look is.
//!
//! Between two looks a stream has no thread and no transaction, only its place and what its looks compare with. A look is made in a
//! turn of its account's in the lane of reads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use postroom::id::{AccountId, SetupLinkId};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::Lane;
use super::lanes::{Lanes, Share, Turn};
use super::{Deadlines, stopped};
use crate::wire::{Events, Following};

/// The most streams at a time.
const MOST: usize = 256;
/// The most of them of one account.
const MOST_OF_ACCOUNT: usize = 16;
/// The most of those by the account's set-up links, so that whoever was handed links leaves room for the account itself.
const MOST_OF_LINKS: usize = 8;
/// The most of those by one link.
const MOST_OF_LINK: usize = 4;
/// After so many looks that found nothing a comment is sent, so that a peer who is gone is noticed.
const QUIET_LOOKS: u32 = 2;
const COMMENT: &[u8] = b":\n\n";

/// The streams that are open, by account.
#[derive(Debug, Default)]
pub(super) struct Streams(Mutex<HashMap<AccountId, Open>>);

/// Those of one account.
#[derive(Debug, Default)]
struct Open {
    /// All of them.
    all: usize,
    /// Those by set-up links.
    by_link: HashMap<SetupLinkId, usize>,
}

impl Open {
    fn has_room(&self, link: Option<SetupLinkId>) -> bool {
        let has_room_for_link = link.is_none_or(|link| {
            let own = self.by_link.get(&link).copied().unwrap_or(0);
            own < MOST_OF_LINK && self.by_link.values().sum::<usize>() < MOST_OF_LINKS
        });
        self.all < MOST_OF_ACCOUNT && has_room_for_link
    }
}

impl Streams {
    /// Takes a place for a stream, if those of the link, of the account and of others leave one.
    pub(super) fn begin(self: &Arc<Self>, follower: Following) -> Option<Place> {
        let mut open = self.open();
        let has_room = open.get(&follower.account).is_none_or(|own| own.has_room(follower.link));
        if !has_room || open.values().map(|own| own.all).sum::<usize>() >= MOST {
            return None;
        }
        let own = open.entry(follower.account).or_default();
        own.all += 1;
        if let Some(link) = follower.link {
            *own.by_link.entry(link).or_default() += 1;
        }
        Some(Place { streams: Arc::clone(self), follower })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<AccountId, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream's place, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    streams: Arc<Streams>,
    follower: Following,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        let Some(own) = open.get_mut(&self.follower.account) else { return };
        own.all = own.all.saturating_sub(1);
        if let Some(link) = self.follower.link
            && let Some(of_link) = own.by_link.get_mut(&link)
        {
            *of_link = of_link.saturating_sub(1);
            if *of_link == 0 {
                own.by_link.remove(&link);
            }
        }
        if own.all == 0 {
            open.remove(&self.follower.account);
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

    fn own(account: i64) -> Following {
        Following { account: AccountId::new(account), link: None }
    }

    fn by_link(account: i64, link: i64) -> Following {
        Following { link: Some(SetupLinkId::new(link)), ..own(account) }
    }

    #[test]
    fn one_account_has_few_of_all_places_and_gives_them_back() {
        let streams = Arc::new(Streams::default());
        let taken: Vec<_> = (0..16).map(|_| streams.begin(own(1)).unwrap()).collect();
        assert!(streams.begin(own(1)).is_none());
        let others: Vec<_> = (0..240).map(|number| streams.begin(own(2 + number / 16)).unwrap()).collect();
        assert!(streams.begin(own(99)).is_none(), "256 in all");
        drop(taken);
        assert!(streams.begin(own(99)).is_some());
        drop(others);
        assert!(streams.open().is_empty());
    }

    #[test]
    fn one_set_up_link_has_four_and_all_of_an_account_eight_of_its_sixteen_places() {
        let streams = Arc::new(Streams::default());
        let first: Vec<_> = (0..4).map(|_| streams.begin(by_link(1, 1)).unwrap()).collect();
        assert!(streams.begin(by_link(1, 1)).is_none(), "four by one link");
        let second: Vec<_> = (0..4).map(|_| streams.begin(by_link(1, 2)).unwrap()).collect();
        assert!(streams.begin(by_link(1, 3)).is_none(), "eight by all links");
        assert!(streams.begin(by_link(2, 4)).is_some(), "another account's link");
        let taken: Vec<_> = (0..8).map(|_| streams.begin(own(1)).unwrap()).collect();
        assert!(streams.begin(own(1)).is_none(), "sixteen in all");
        drop(first);
        assert!(streams.begin(by_link(1, 3)).is_some() && streams.begin(own(1)).is_some());
        drop((second, taken));
        assert!(streams.open().is_empty());
    }
}
