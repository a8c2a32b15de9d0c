//! Messages in memory, which are bounded for each and for all connections together.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The most octets of a message.
pub(crate) const MAX_MESSAGE_OCTETS: usize = 64 * 1024 * 1024;
/// The most octets of all of them at a time, with what is made of them.
const MAX_HELD_OCTETS: usize = 256 * 1024 * 1024;

/// The octets that all connections hold.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Octets of a message that count toward what all connections may hold.
#[derive(Default)]
pub(crate) struct HeldOctets(Vec<u8>);

impl HeldOctets {
    /// Adds some; whether there was room.
    pub(crate) fn add(&mut self, octets: &[u8]) -> bool {
        if self.0.len() + octets.len() > MAX_MESSAGE_OCTETS || !reserve(octets.len()) {
            return false;
        }
        self.0.extend_from_slice(octets);
        true
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for HeldOctets {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0.len(), Ordering::Relaxed);
    }
}

/// Room for what is made of a message, until it is dropped.
pub(crate) struct Room(usize);

impl Room {
    /// None if there is none.
    pub(crate) fn take(octets: usize) -> Option<Room> {
        reserve(octets).then_some(Room(octets))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Ordering::Relaxed);
    }
}

fn reserve(octets: usize) -> bool {
    let fits = HELD.fetch_add(octets, Ordering::Relaxed).saturating_add(octets) <= MAX_HELD_OCTETS;
    if !fits {
        HELD.fetch_sub(octets, Ordering::Relaxed);
    }
    fits
}
