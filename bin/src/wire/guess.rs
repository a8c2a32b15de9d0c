//! Limits on guesses of passwords: of one address, of one person, and how many are tried at a time.
//!
//! A password is no 160 random bits, and trying one takes memory and tens of milliseconds. Every try counts, right or wrong, and
//! whether there is such a name or not.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::{Quota, RateLimiter};
use postroom::id::{AdministratorId, SessionId};

use super::Fault;
use super::rate::{Limiter, MOST_ADDRESSES, Site, Ticks, check};

/// So many at once, and then one each time this has passed.
const AT_ONCE: NonZeroU32 = NonZeroU32::new(10).unwrap();
const THEN_EACH: Duration = Duration::from_secs(30);
/// How many are tried at a time: each takes 19 MiB for that long.
const MOST_AT_A_TIME: usize = 2;

/// Whose password is tried. What a stranger types counts for nobody who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guessed<'a> {
    /// Whoever has this name, as it was typed on the page that signs in.
    Name(&'a str),
    /// An administrator who is signed in and shows who they are.
    Administrator(AdministratorId),
    /// Somebody signed in by a link, in this session.
    Session(SessionId),
}

/// The limits on guesses.
pub(super) struct Guesses {
    by_site: Limiter<Site>,
    /// By a hash of whose password is tried, for memory's sake; nobody outside can say which have the same.
    by_guessed: Limiter<u64>,
    hashes: RandomState,
    running: Mutex<usize>,
}

impl Guesses {
    pub(super) fn new(ticks: &Ticks) -> Guesses {
        let quota =
            Quota::with_period(THEN_EACH).unwrap_or(Quota::per_minute(NonZeroU32::MIN)).allow_burst(AT_ONCE);
        Guesses {
            by_site: RateLimiter::hashmap_with_clock(quota, ticks.clone()),
            by_guessed: RateLimiter::hashmap_with_clock(quota, ticks.clone()),
            hashes: RandomState::new(),
            running: Mutex::new(0),
        }
    }

    /// Counts a try of this password from this address, and takes a place for it; or refuses it.
    pub(super) fn begin(&self, peer: IpAddr, guessed: Guessed<'_>) -> Result<Guessing<'_>, Fault> {
        if self.by_site.len() >= MOST_ADDRESSES || self.by_guessed.len() >= MOST_ADDRESSES {
            self.tidy();
            if self.by_site.len() >= MOST_ADDRESSES || self.by_guessed.len() >= MOST_ADDRESSES {
                return Err(Fault::RateLimited(1));
            }
        }
        // What is refused for want of a place counts for nobody.
        let guessing = self.place()?;
        check(&self.by_site, &Site::of(peer))?;
        let hash = match guessed {
            // However it is written.
            Guessed::Name(name) => self.hashes.hash_one(Guessed::Name(&name.trim().to_lowercase())),
            guessed => self.hashes.hash_one(guessed),
        };
        check(&self.by_guessed, &hash)?;
        Ok(guessing)
    }

    fn place(&self) -> Result<Guessing<'_>, Fault> {
        let mut running = self.running();
        if *running >= MOST_AT_A_TIME {
            return Err(Fault::Busy(1));
        }
        *running += 1;
        Ok(Guessing(self))
    }

    pub(super) fn tidy(&self) {
        self.by_site.retain_recent();
        self.by_site.shrink_to_fit();
        self.by_guessed.retain_recent();
        self.by_guessed.shrink_to_fit();
    }

    fn running(&self) -> std::sync::MutexGuard<'_, usize> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A password that is being tried. Dropping it gives its place back.
pub struct Guessing<'a>(&'a Guesses);

impl Drop for Guessing<'_> {
    fn drop(&mut self) {
        let mut running = self.0.running();
        *running = running.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use postroom::clock::{ManualClock, Timestamp};

    use super::*;

    #[test]
    fn an_address_and_a_name_have_ten_tries_at_once_and_then_two_a_minute() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
        let guesses = Guesses::new(&Ticks::of(clock.clone()));
        let try_it =
            |peer: &str, name: &str| guesses.begin(peer.parse().unwrap(), Guessed::Name(name)).is_ok();
        assert!((0..10).all(|number| try_it("192.0.2.1", &format!("jo{number}@acme"))));
        assert!(!try_it("192.0.2.1", "another@acme"), "the address has had its tries");
        assert!((0..10).all(|number| try_it(&format!("192.0.2.{}", number + 10), " JO@acme")));
        assert!(!try_it("192.0.2.99", "jo@acme"), "the name has had its tries, however it is written");
        clock.advance(Duration::from_secs(30));
        assert!(try_it("192.0.2.1", "new@acme") && !try_it("192.0.2.1", "new@acme"));
        clock.advance(Duration::from_hours(1));
        guesses.tidy();
        assert_eq!((guesses.by_site.len(), guesses.by_guessed.len()), (0, 0));
    }

    #[test]
    fn what_a_stranger_types_counts_for_nobody_who_is_signed_in() {
        let guesses = Guesses::new(&Ticks::default());
        let begin = |last: u8, guessed| guesses.begin(IpAddr::from([192, 0, 2, last]), guessed).map(drop);
        for name in ["2", "administrator 2", "Administrator(2)", "session 2"] {
            for last in 0..11 {
                let _ = begin(last, Guessed::Name(name));
            }
        }
        let (administrator, session) = (AdministratorId::new(2), SessionId::new(2));
        assert!((0..10).all(|_| begin(100, Guessed::Administrator(administrator)).is_ok()));
        assert!(begin(101, Guessed::Administrator(administrator)).is_err());
        assert!(begin(102, Guessed::Session(session)).is_ok(), "nor do two of them share their tries");
    }

    #[test]
    fn two_are_tried_at_a_time() {
        let guesses = Guesses::new(&Ticks::default());
        let begin = |last: u8, name| guesses.begin(IpAddr::from([192, 0, 2, last]), Guessed::Name(name));
        let (one, other) = (begin(1, "a").unwrap(), begin(2, "b").unwrap());
        assert!(matches!(begin(3, "c"), Err(Fault::Busy(1))));
        drop(one);
        assert!(begin(4, "d").is_ok());
        drop(other);
        assert_eq!(*guesses.running(), 0);
    }
}
