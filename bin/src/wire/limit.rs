//! Limits on rates: requests of an account, failed authentications of an address, and requests that ask the DNS.
//!
//! Rates follow the generic cell rate algorithm: so many requests at once, then one each time its share of a second has
//! passed.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use governor::{Quota, RateLimiter};
use postroom::id::AccountId;
use postroom::secret::HashedSecret;

pub use super::guess::Guessed;
use super::guess::{Guesses, Guessing};
pub use super::rate::Ticks;
pub(crate) use super::rate::share_of;
use super::rate::{Limiter, MOST_ADDRESSES, Site, check};
use crate::wire::Fault;

/// The default rate of requests of one account, over all its keys and dialects. As many may come at once.
pub const REQUESTS_PER_SECOND: u32 = 100;
/// The default rate of failed authentications of one address. Nobody can guess 160 random bits, so the rate only limits the
/// work that failures cause; a test of every route with wrong keys stays below it.
pub const FAILURES_PER_SECOND: u32 = 20;
/// How many seconds' worth of failures may come at once.
const FAILURE_SECONDS_AT_ONCE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// The most dead secrets that are remembered.
const MOST_DEAD: usize = 8192;
/// How many requests may ask the DNS at once, of all accounts and of one: each can hold a thread for seconds.
const MOST_LOOKS: usize = 16;
const MOST_LOOKS_OF_ACCOUNT: usize = 4;

/// The limits on rates.
pub struct Limits {
    accounts: Option<Limiter<AccountId>>,
    addresses: Option<Limiter<Site>>,
    /// Secrets that were looked up and are not valid. They stay invalid, because each new key is random.
    dead: Mutex<HashSet<HashedSecret>>,
    guesses: Option<Guesses>,
}

impl Limits {
    /// Limits the requests a second of each account, and the failed authentications a second of each address, of which ten
    /// times as many may come at once. 0 means no limit.
    pub fn new(requests_per_second: u32, failures_per_second: u32, ticks: Ticks) -> Limits {
        let accounts = NonZeroU32::new(requests_per_second).map(Quota::per_second);
        let addresses = NonZeroU32::new(failures_per_second)
            .map(|rate| Quota::per_second(rate).allow_burst(rate.saturating_mul(FAILURE_SECONDS_AT_ONCE)));
        Limits {
            accounts: accounts.map(|quota| RateLimiter::hashmap_with_clock(quota, ticks.clone())),
            guesses: Some(Guesses::new(&ticks)),
            addresses: addresses.map(|quota| RateLimiter::hashmap_with_clock(quota, ticks)),
            dead: Mutex::default(),
        }
    }

    /// No limits at all: for tests and measurements.
    pub fn none() -> Limits {
        Limits { accounts: None, addresses: None, dead: Mutex::default(), guesses: None }
    }

    /// Counts a request of this account, or refuses it.
    pub fn count(&self, account: AccountId) -> Result<(), Fault> {
        self.accounts.as_ref().map_or(Ok(()), |limiter| check(limiter, &account))
    }

    /// Counts a failed authentication from this address, and returns the fault to answer with: `fault`, or that there were
    /// too many.
    pub fn count_failure(&self, peer: IpAddr, fault: Fault) -> Fault {
        let Some(limiter) = &self.addresses else { return fault };
        if limiter.len() >= MOST_ADDRESSES {
            limiter.retain_recent();
            if limiter.len() >= MOST_ADDRESSES {
                return Fault::RateLimited(1);
            }
        }
        check(limiter, &Site::of(peer)).err().unwrap_or(fault)
    }

    /// Counts a try of somebody's password from this address, or refuses it. What is returned is dropped when it was tried.
    pub fn guess(&self, peer: IpAddr, guessed: Guessed<'_>) -> Result<Option<Guessing<'_>>, Fault> {
        self.guesses.as_ref().map(|guesses| guesses.begin(peer, guessed)).transpose()
    }

    /// Whether this secret was found invalid lately, so that it need not be looked up again.
    pub fn is_dead(&self, secret: &HashedSecret) -> bool {
        self.dead().contains(secret)
    }

    /// Remembers that this secret is not valid.
    pub fn note_dead(&self, secret: HashedSecret) {
        let mut dead = self.dead();
        if dead.len() >= MOST_DEAD {
            dead.clear();
        }
        dead.insert(secret);
    }

    /// Forgets counts that no decision needs any more. A background thread calls it.
    pub fn tidy(&self) {
        if let Some(limiter) = &self.accounts {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        if let Some(limiter) = &self.addresses {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        if let Some(guesses) = &self.guesses {
            guesses.tidy();
        }
        *self.dead() = HashSet::new();
    }

    fn dead(&self) -> std::sync::MutexGuard<'_, HashSet<HashedSecret>> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::new(REQUESTS_PER_SECOND, FAILURES_PER_SECOND, Ticks::default())
    }
}

/// The requests that are asking the DNS now, by account.
#[derive(Default)]
pub struct Looks(Mutex<HashMap<AccountId, usize>>);

impl Looks {
    /// Takes a place for a request of this account, if the account and the others leave one.
    pub fn begin(&self, account: AccountId) -> Result<Looking<'_>, Fault> {
        let mut running = self.running();
        let own = running.get(&account).copied().unwrap_or(0);
        if own >= MOST_LOOKS_OF_ACCOUNT || running.values().sum::<usize>() >= MOST_LOOKS {
            return Err(Fault::Busy(1));
        }
        running.insert(account, own + 1);
        Ok(Looking { looks: self, account })
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<AccountId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the places for requests that ask the DNS. Dropping it gives the place back.
pub struct Looking<'a> {
    looks: &'a Looks,
    account: AccountId,
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        let mut running = self.looks.running();
        let left = running.get(&self.account).map_or(0, |own| own.saturating_sub(1));
        if left == 0 {
            running.remove(&self.account);
        } else {
            running.insert(self.account, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use postroom::clock::{ManualClock, Timestamp};
    use postroom::secret::{PlainSecret, SecretKind};

    use super::*;

    fn limits(requests_per_second: u32) -> (Limits, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
        (Limits::new(requests_per_second, 1, Ticks::of(clock.clone())), clock)
    }

    fn is_late(limits: &Limits, peer: &str) -> bool {
        let fault = limits.count_failure(peer.parse().unwrap(), Fault::CredentialInvalid);
        match fault {
            Fault::RateLimited(seconds) => {
                assert_eq!(seconds, 1);
                true
            }
            Fault::CredentialInvalid => false,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn an_account_has_its_number_at_once_and_then_its_share_of_each_second() {
        let (limits, clock) = limits(100);
        let (one, other) = (AccountId::new(1), AccountId::new(2));
        assert!((0..100).all(|_| limits.count(one).is_ok()));
        assert!(matches!(limits.count(one), Err(Fault::RateLimited(1))));
        assert!(limits.count(other).is_ok(), "accounts are counted apart");
        clock.advance(Duration::from_millis(10));
        assert!(limits.count(one).is_ok() && limits.count(one).is_err(), "ten milliseconds are one request");
        clock.advance(Duration::from_secs(1));
        assert_eq!((0..200).filter(|_| limits.count(one).is_ok()).count(), 100, "what is told is true");
    }

    #[test]
    fn zero_is_no_limit_for_accounts() {
        let (limits, _) = limits(0);
        assert!((0..10_000).all(|_| limits.count(AccountId::new(1)).is_ok()));
        assert_eq!((0..20).filter(|_| is_late(&limits, "192.0.2.1")).count(), 10);
    }

    #[test]
    fn failures_are_counted_by_ipv4_address_and_ipv6_network() {
        let (limits, clock) = limits(100);
        for (first, same, another) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", "2001:db8:0:2::1"),
        ] {
            assert!((0..10).all(|_| !is_late(&limits, first)));
            assert!(is_late(&limits, first) && is_late(&limits, same) && !is_late(&limits, another));
        }
        clock.advance(Duration::from_secs(1));
        assert!(!is_late(&limits, "192.0.2.1") && is_late(&limits, "192.0.2.1"), "one a second");
    }

    #[test]
    fn who_has_not_asked_lately_is_forgotten() {
        let (limits, clock) = limits(100);
        let sizes = |limits: &Limits| {
            (limits.accounts.as_ref().unwrap().len(), limits.addresses.as_ref().unwrap().len())
        };
        for number in 0..1000 {
            limits.count(AccountId::new(number)).unwrap();
            is_late(&limits, &format!("2001:db8:0:{number:x}::1"));
        }
        let hash = PlainSecret::generate(SecretKind::AccountKey).unwrap().hashed();
        limits.note_dead(hash);
        assert!(sizes(&limits) == (1000, 1000) && limits.is_dead(&hash));
        clock.advance(Duration::from_secs(5));
        limits.tidy();
        assert!(sizes(&limits) == (0, 0) && !limits.is_dead(&hash));
    }

    #[test]
    fn addresses_without_number_take_no_memory_without_end() {
        let (limits, clock) = limits(100);
        let from = |number: usize| {
            is_late(&limits, &format!("2001:db8:{:x}:{:x}::1", number >> 16, number & 0xFFFF))
        };
        assert!((0..MOST_ADDRESSES).all(|number| !from(number)));
        assert!(from(MOST_ADDRESSES));
        assert_eq!(limits.addresses.as_ref().unwrap().len(), MOST_ADDRESSES);
        clock.advance(Duration::from_secs(5));
        assert!(!from(MOST_ADDRESSES));
    }

    #[test]
    fn one_account_has_four_of_the_sixteen_places_that_ask_the_dns() {
        let looks = Looks::default();
        let take = |account: i64| looks.begin(AccountId::new(account));
        let own: Vec<_> = (0..4).map(|_| take(1).unwrap()).collect();
        assert!(take(1).is_err());
        let others: Vec<_> = (0..12).map(|number| take(2 + number / 4).unwrap()).collect();
        assert!(take(9).is_err(), "sixteen in all");
        drop(own);
        assert!(take(9).is_ok());
        drop(others);
        assert!(looks.running().is_empty());
    }
}
