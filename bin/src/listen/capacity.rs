//! The places for connections: so many in all, so many for one address.
//!
//! When all are taken, nothing is accepted until one is free, and the kernel's queue holds the rest. One
//! address takes only its share, and is turned away beyond it, so that it cannot hold everybody's.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The count of connections, in all and by peer.
pub(super) struct Places {
    free: Arc<Semaphore>,
    per_peer: usize,
    by_peer: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place, free again when this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    peer: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(in_all: usize, per_peer: usize) -> Places {
        let free = Arc::new(Semaphore::new(in_all.clamp(1, Semaphore::MAX_PERMITS)));
        Places { free, per_peer, by_peer: Mutex::default() }
    }

    /// Waits until a place is free, whoever comes for it; `None` would be the end of all places.
    pub(super) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    /// Gives the place to `peer`, unless it has its share.
    pub(super) fn give(self: Arc<Self>, permit: OwnedSemaphorePermit, peer: IpAddr) -> Option<Place> {
        let peer = share_of(peer);
        {
            let mut by_peer = self.by_peer();
            let taken = by_peer.entry(peer).or_default();
            if *taken >= self.per_peer {
                return None;
            }
            *taken += 1;
        }
        Some(Place { places: self, peer, _permit: permit })
    }

    fn by_peer(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut taken) = self.places.by_peer().entry(self.peer) {
            *taken.get_mut() = taken.get().saturating_sub(1);
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

/// The places for large bodies: they are in memory before anybody knows who sends them, so there are few, and few of them for
/// one address. Who finds none waits.
pub(super) struct LargePlaces {
    free: Arc<Semaphore>,
    per_peer: usize,
    by_peer: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

/// A place for a large body, free again when this is dropped.
pub(super) struct LargePlace {
    _of_peer: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl LargePlaces {
    pub(super) fn new(in_all: usize, per_peer: usize) -> LargePlaces {
        LargePlaces { free: Arc::new(Semaphore::new(in_all)), per_peer, by_peer: Mutex::default() }
    }

    /// Waits for a place; `None` would be the end of all places.
    pub(super) async fn take(&self, peer: IpAddr) -> Option<LargePlace> {
        let of_peer = self.of_peer(share_of(peer)).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(LargePlace { _of_peer: of_peer, _of_all: of_all })
    }

    /// The places of one peer, which are there as long as one of them is taken or waited for.
    fn of_peer(&self, peer: IpAddr) -> Arc<Semaphore> {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        by_peer.retain(|_, places| places.strong_count() > 0);
        if let Some(places) = by_peer.get(&peer).and_then(Weak::upgrade) {
            return places;
        }
        let places = Arc::new(Semaphore::new(self.per_peer));
        by_peer.insert(peer, Arc::downgrade(&places));
        places
    }
}

/// Whose share an address takes from: its own in IPv4, its /64 in IPv6, of which one host has all.
fn share_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn place(places: &Arc<Places>, peer: &str) -> Option<Place> {
        let permit = Arc::clone(&places.free).try_acquire_owned().expect("a free place");
        Arc::clone(places).give(permit, peer.parse().expect("an address"))
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
        assert_eq!(places.by_peer().len(), 1, "who left is forgotten");
        assert_eq!(places.free.available_permits(), 9);
    }

    #[tokio::test]
    async fn a_large_body_waits_for_a_place_of_its_address_and_leaves_others_theirs() {
        let places = LargePlaces::new(3, 2);
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let soon = Duration::from_millis(20);
        let first = places.take(one).await;
        let _second = places.take(one).await;
        assert!(timeout(soon, places.take(one)).await.is_err(), "its two are taken");
        let third = timeout(soon, places.take(other)).await.unwrap();
        assert!(timeout(soon, places.take(other)).await.is_err(), "all three are taken");
        drop(first);
        assert!(timeout(soon, places.take(one)).await.is_ok());
        drop(third);
        places.take("192.0.2.3".parse().unwrap()).await.unwrap();
        assert_eq!(places.by_peer.lock().unwrap().len(), 2, "who left is forgotten");
    }

    #[test]
    fn a_slash_64_is_one_peer() {
        let places = Arc::new(Places::new(10, 1));
        let _first = place(&places, "2001:db8:0:1::1").expect("a place");
        assert!(place(&places, "2001:db8:0:1:ffff::2").is_none());
        assert!(place(&places, "2001:db8:0:2::1").is_some());
    }
}
