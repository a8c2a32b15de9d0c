//! The places for connections: so many in all, so many for one address.
//!
//! When all are taken, the server closes a connection to make room for the next one. It chooses among the connections that
//! have shown no valid key, or else among those between two requests: from the address that has the most of them, the one
//! that has waited longest. While a request with a key is in hand a connection keeps its place. One address takes only its
//! share, and is turned away beyond it, so that it cannot hold everybody's.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::wire::limit::share_of;

/// How often somebody is looked for who can go, while a connection waits for a place.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The count of connections, in all and by peer.
pub(super) struct Places {
    free: Arc<Semaphore>,
    per_peer: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    by_peer: HashMap<IpAddr, usize>,
    seats: HashMap<u64, Arc<Seat>>,
    last: u64,
}

/// A connection's place, free again when this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    seat: Arc<Seat>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(in_all: usize, per_peer: usize) -> Places {
        let free = Arc::new(Semaphore::new(in_all.clamp(1, Semaphore::MAX_PERMITS)));
        Places { free, per_peer, taken: Mutex::default() }
    }

    /// Waits until a place is free, and closes another connection if none is. `None` would mean that the places themselves
    /// have ended.
    pub(super) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Some(permit);
        }
        loop {
            self.taken().send_one_away();
            if let Ok(permit) = timeout(LOOK_EVERY, Arc::clone(&self.free).acquire_owned()).await {
                return permit.ok();
            }
        }
    }

    /// Whether `peer` has less than its share.
    pub(super) fn has_room_for(&self, peer: IpAddr) -> bool {
        self.taken().by_peer.get(&share_of(peer)).is_none_or(|taken| *taken < self.per_peer)
    }

    /// Gives the place to `peer`.
    pub(super) fn give(self: Arc<Self>, permit: OwnedSemaphorePermit, peer: IpAddr) -> Place {
        let seat = Arc::new(Seat::new(share_of(peer)));
        let number = {
            let mut taken = self.taken();
            *taken.by_peer.entry(seat.peer).or_default() += 1;
            taken.last += 1;
            let number = taken.last;
            taken.seats.insert(number, Arc::clone(&seat));
            number
        };
        Place { places: self, number, seat, _permit: permit }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Tells the least important connection to close, if there is one that may be closed.
    fn send_one_away(&self) {
        let of_peer = |seat: &Seat| self.by_peer.get(&seat.peer).copied().unwrap_or(0);
        let first = self
            .seats
            .values()
            .filter_map(|seat| Some((seat.use_of()?, Reverse(of_peer(seat)), seat.since(), seat)))
            .min_by(|one, other| (one.0, one.1, one.2).cmp(&(other.0, other.1, other.2)));
        if let Some((was, _, _, seat)) = first {
            seat.send_away(was);
        }
    }
}

impl Place {
    /// What the connection and those who look for a place tell each other.
    pub(super) fn seat(&self) -> Arc<Seat> {
        Arc::clone(&self.seat)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.seats.remove(&self.number);
        if let Entry::Occupied(mut count) = taken.by_peer.entry(self.seat.peer) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// It has shown no key, or none that opens something.
const STRANGER: u8 = 0;
/// It has shown one, and is between two requests.
const IDLE: u8 = 1;
/// A request with a key is in hand.
const BUSY: u8 = 2;
/// It has to go.
const LEAVING: u8 = 3;

/// What a connection is doing.
pub(super) struct Seat {
    peer: IpAddr,
    doing: AtomicU8,
    since: Mutex<Instant>,
    leave: Notify,
}

impl Seat {
    fn new(peer: IpAddr) -> Seat {
        Seat { peer, doing: AtomicU8::new(STRANGER), since: Mutex::new(Instant::now()), leave: Notify::new() }
    }

    /// A request with a key is in hand.
    pub(super) fn begin(&self) {
        self.change(BUSY);
    }

    /// It is answered.
    pub(super) fn end(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.change(IDLE);
    }

    /// Ready when the place is needed for somebody else.
    pub(super) async fn is_needed(&self) {
        self.leave.notified().await;
    }

    fn change(&self, doing: u8) {
        // A connection that was told to close keeps that state, whatever it does meanwhile.
        let _ = self
            .doing
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |was| (was != LEAVING).then_some(doing));
    }

    /// What the connection is doing. `None` while it must not be closed.
    fn use_of(&self) -> Option<u8> {
        Some(self.doing.load(Ordering::Acquire)).filter(|doing| *doing < BUSY)
    }

    fn since(&self) -> Instant {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send_away(&self, was: u8) {
        if self.doing.compare_exchange(was, LEAVING, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.leave.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(places: &Arc<Places>, peer: &str) -> Option<Place> {
        let peer = peer.parse().expect("an address");
        let permit = Arc::clone(&places.free).try_acquire_owned().expect("a free place");
        places.has_room_for(peer).then(|| Arc::clone(places).give(permit, peer))
    }

    fn has_to_go(place: &Place) -> bool {
        place.seat.doing.load(Ordering::Acquire) == LEAVING
    }

    #[test]
    fn an_address_gets_its_share_and_gets_it_back() {
        let places = Arc::new(Places::new(10, 2));
        let first = place(&places, "192.0.2.1");
        let _second = place(&places, "::ffff:192.0.2.1").expect("a mapped address is the same peer");
        assert!(place(&places, "192.0.2.1").is_none());
        assert!(place(&places, "192.0.2.2").is_some());
        drop(first);
        assert!(place(&places, "192.0.2.1").is_some());
        assert_eq!(places.taken().by_peer.len(), 1, "who left is forgotten");
        assert_eq!(places.taken().seats.len(), 1);
        assert_eq!(places.free.available_permits(), 9);
    }

    #[test]
    fn a_slash_64_is_one_peer() {
        let places = Arc::new(Places::new(10, 1));
        let _first = place(&places, "2001:db8:0:1::1").expect("a place");
        assert!(place(&places, "2001:db8:0:1:ffff::2").is_none());
        assert!(place(&places, "2001:db8:0:2::1").is_some());
    }

    #[test]
    fn the_stranger_of_the_address_with_the_most_goes_first_and_who_is_busy_never() {
        let places = Arc::new(Places::new(10, 5));
        let take = |peer| place(&places, peer).expect("a place");
        let lonely = take("192.0.2.9");
        let (busy, idle) = (take("192.0.2.1"), take("192.0.2.1"));
        let (older, newer) = (take("192.0.2.1"), take("192.0.2.1"));
        busy.seat.begin();
        idle.seat.begin();
        idle.seat.end();
        for expected in [&older, &newer, &lonely, &idle] {
            assert!(!has_to_go(expected));
            places.taken().send_one_away();
            assert!(has_to_go(expected));
        }
        places.taken().send_one_away();
        assert!(!has_to_go(&busy));
        idle.seat.begin();
        assert!(has_to_go(&idle), "there is no way back");
    }

    #[tokio::test]
    async fn a_place_is_found_by_sending_somebody_away() {
        let places = Arc::new(Places::new(1, 1));
        let first = place(&places, "192.0.2.1").expect("a place");
        let seat = first.seat();
        let leaving = tokio::spawn(async move {
            seat.is_needed().await;
            drop(first);
        });
        assert!(places.free().await.is_some());
        leaving.await.expect("no panic");
    }
}
