//! Who may make another server wait: so many calls at a time for each domain, for each account and in all, and none for a while
//! where calls fail one after the other. So nobody's dead server delays the mail of others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use postroom::id::{AccountId, DomainId};

/// The most calls under way in all: fewer than the connections that a mail server opens by itself, so that some are left for mail that
/// calls nobody.
const MOST: usize = 16;
/// How many of them are left to accounts that have none under way: a few accounts with slow servers take no place of the others.
const FOR_NEW: usize = 4;
/// So many failures in a row, within this time, and nothing is called.
const FAILURES: usize = 5;
const PAUSE: Duration = Duration::from_secs(30);
/// The most messages under way back to the mail server beside this: half of the threads that deliver. One more waits so long for a place,
/// for a mail server that is well takes a message in less.
const MOST_FORWARDS: usize = 16;
const WAITING: Duration = Duration::from_secs(1);

/// The calls that are under way.
pub struct Places {
    /// The most for one domain.
    per_domain: usize,
    /// The most for one account.
    per_account: usize,
    state: Mutex<State>,
    forwards: Mutex<usize>,
    forwarded: Condvar,
}

#[derive(Default)]
struct State {
    all: usize,
    accounts: HashMap<AccountId, usize>,
    domains: HashMap<DomainId, Calls>,
}

/// Those of one domain.
#[derive(Default)]
struct Calls {
    under_way: usize,
    /// When the last ones failed, since one succeeded.
    failed: VecDeque<Instant>,
}

impl Places {
    /// So many at a time for each domain, and for each account.
    pub fn new(per_domain: usize, per_account: usize) -> Places {
        Places {
            per_domain,
            per_account,
            state: Mutex::default(),
            forwards: Mutex::default(),
            forwarded: Condvar::new(),
        }
    }

    /// A place for a call; none if there are too many, or too many have failed.
    pub fn take(&self, domain: DomainId, account: AccountId, now: Instant) -> Option<Place<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let of_account = state.accounts.get(&account).copied().unwrap_or(0);
        let is_full = state
            .domains
            .get(&domain)
            .is_some_and(|calls| calls.under_way >= self.per_domain || calls.recent(now) >= FAILURES);
        let most = if of_account == 0 { MOST } else { MOST - FOR_NEW };
        if is_full || of_account >= self.per_account || state.all >= most {
            return None;
        }
        state.all += 1;
        state.accounts.insert(account, of_account + 1);
        state.domains.entry(domain).or_default().under_way += 1;
        Some(Place { places: self, domain, account, outcome: None })
    }

    /// A place for a message that goes back to the mail server beside this; none if there is none in time. All accounts share them, for it is
    /// the operator's server that they wait for.
    pub fn take_forward(&self) -> Option<Forward<'_>> {
        let is_full = |under_way: &mut usize| *under_way >= MOST_FORWARDS;
        let waited = self.forwarded.wait_timeout_while(self.forwards(), WAITING, is_full);
        let (mut under_way, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return None;
        }
        *under_way += 1;
        Some(Forward { places: self })
    }

    fn forwards(&self) -> MutexGuard<'_, usize> {
        self.forwards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, place: &Place<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.all -= 1;
        if let Some(number) = state.accounts.get_mut(&place.account) {
            *number -= 1;
        }
        state.accounts.retain(|_, number| *number > 0);
        let calls = state.domains.entry(place.domain).or_default();
        calls.under_way -= 1;
        match place.outcome {
            Some((true, _)) => calls.failed.clear(),
            Some((false, at)) => {
                calls.failed.push_back(at);
                if calls.failed.len() > FAILURES {
                    calls.failed.pop_front();
                }
            }
            None => {}
        }
        let now = place.outcome.map(|(_, at)| at);
        // Nothing is remembered of a domain that has no failure that counts.
        state.domains.retain(|_, calls| {
            calls.under_way > 0
                || calls.failed.back().is_some_and(|last| now.is_none_or(|now| is_recent(*last, now)))
        });
    }
}

impl Calls {
    fn recent(&self, now: Instant) -> usize {
        self.failed.iter().filter(|at| is_recent(**at, now)).count()
    }
}

fn is_recent(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < PAUSE
}

/// A place, given back when it is dropped.
pub struct Place<'a> {
    places: &'a Places,
    domain: DomainId,
    account: AccountId,
    outcome: Option<(bool, Instant)>,
}

impl Place<'_> {
    /// Notes how the call ended.
    pub fn end(mut self, is_well: bool, now: Instant) {
        self.outcome = Some((is_well, now));
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.places.give_back(self);
    }
}

/// A place of a message that is forwarded, given back when it is dropped.
pub struct Forward<'a> {
    places: &'a Places,
}

impl Drop for Forward<'_> {
    fn drop(&mut self) {
        *self.places.forwards() -= 1;
        self.places.forwarded.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(domain: i64, account: i64) -> (DomainId, AccountId) {
        (DomainId::new(domain), AccountId::new(account))
    }

    #[test]
    fn a_domain_an_account_and_all_of_them_have_so_many_places() {
        let places = Places::new(4, 8);
        let now = Instant::now();
        let take = |domain, account| {
            let (domain, account) = ids(domain, account);
            places.take(domain, account, now)
        };
        let mut taken: Vec<_> = (0..4).map(|_| take(1, 1).unwrap()).collect();
        assert!(take(1, 1).is_none(), "a domain has four");
        taken.extend((0..4).map(|_| take(2, 1).unwrap()));
        assert!(take(3, 1).is_none(), "its account has eight");
        taken.extend((0..4).map(|at| take(10 + at, 2).unwrap()));
        assert!(take(14, 2).is_none(), "four are left to accounts that have none");
        taken.extend((3..7).map(|account| take(10 + account, account).unwrap()));
        assert!(take(20, 7).is_none(), "all have sixteen");
        taken.pop();
        assert!(take(20, 7).is_some());
        taken.clear();
        let state = places.state.lock().unwrap();
        assert!(state.all == 0 && state.accounts.is_empty() && state.domains.is_empty());
    }

    #[test]
    fn after_five_failures_in_a_row_nothing_is_called_for_half_a_minute() {
        let places = Places::new(4, 8);
        let (domain, account) = ids(1, 1);
        let start = Instant::now();
        let call =
            |is_well, now| places.take(domain, account, now).map(|place| place.end(is_well, now)).is_some();
        let seconds = |number| start + Duration::from_secs(number);
        for at in 0..4 {
            assert!(call(false, seconds(at)));
        }
        assert!(call(true, seconds(4)), "a success in between begins anew");
        for at in 5..10 {
            assert!(call(false, seconds(at)));
        }
        for at in 10..35 {
            assert!(!call(false, seconds(at)), "{at}");
        }
        assert!(call(false, seconds(35)), "the first of the five is over");
        assert!(!call(false, seconds(35)));
        let (other, _) = ids(2, 1);
        assert!(places.take(other, account, seconds(12)).is_some(), "nobody else waits");
    }

    #[test]
    fn half_of_the_threads_at_most_forward_and_one_more_waits_for_a_place() {
        let places = Places::new(4, 8);
        let mut taken: Vec<_> = (0..MOST_FORWARDS).map(|_| places.take_forward().unwrap()).collect();
        assert!(places.take_forward().is_none());
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| places.take_forward().is_some());
            taken.pop();
            assert!(waits.join().unwrap());
        });
        taken.clear();
        assert_eq!(*places.forwards(), 0);
    }
}
