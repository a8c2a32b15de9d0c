//! The memory for requests in hand: one number of octets for the process, of which each account gets a limited share.
//!
//! The budget counts the memory whose size a client decides: bodies, what is parsed of them, and answers until they are sent.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postroom::id::AccountId;

/// The part of the budget that one account may have: a quarter.
const SHARE_OF_ACCOUNT: usize = 4;
/// What a body takes for each of its octets: itself, and what is parsed of it.
const COST_OF_OCTET: usize = 2;
/// With less, a body of 1 MiB would not fit into what one account may have.
const LEAST_MIB: usize = 16;

/// The octets of so many MiB of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryMib(pub usize);

impl FromStr for MemoryMib {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<MemoryMib, &'static str> {
        let mib = text.parse().ok().filter(|mib: &usize| *mib >= LEAST_MIB);
        mib.and_then(|mib| mib.checked_mul(1024 * 1024))
            .map(MemoryMib)
            .ok_or("give a whole number of MiB, 16 or more")
    }
}

/// The octets that there are, and who has them.
#[derive(Debug)]
pub(super) struct Budget {
    total: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    in_all: usize,
    by_account: HashMap<Option<AccountId>, usize>,
}

impl Budget {
    pub(super) fn new(total: usize) -> Arc<Budget> {
        Arc::new(Budget { total, held: Mutex::default() })
    }

    /// The longest body that can ever be taken.
    pub(super) fn longest_body(&self) -> usize {
        self.total / SHARE_OF_ACCOUNT / COST_OF_OCTET
    }

    /// Room for a body of so many octets.
    pub(super) fn for_body(self: &Arc<Self>, account: Option<AccountId>, octets: usize) -> Option<Lease> {
        let mut lease = Lease { budget: Arc::clone(self), account, octets: 0 };
        lease.grow_by_body(octets).then_some(lease)
    }

    /// Room for an answer of so many octets.
    pub(super) fn for_answer(self: &Arc<Self>, account: Option<AccountId>, octets: usize) -> Option<Lease> {
        self.take(account, octets).then(|| Lease { budget: Arc::clone(self), account, octets })
    }

    /// Counts an answer that must be given, whether or not there is room for it.
    pub(super) fn for_any_answer(self: &Arc<Self>, account: Option<AccountId>, octets: usize) -> Lease {
        self.held().add(account, octets);
        Lease { budget: Arc::clone(self), account, octets }
    }

    /// An account gets a quarter at most, and never more than it leaves to the others, so that a few greedy accounts cannot
    /// take everything.
    fn take(&self, account: Option<AccountId>, octets: usize) -> bool {
        let mut held = self.held();
        let own = held.by_account.get(&account).copied().unwrap_or(0).saturating_add(octets);
        let left = self.total.saturating_sub(held.in_all).saturating_sub(octets);
        let fits = octets == 0 || (own <= self.total / SHARE_OF_ACCOUNT && own <= left);
        if fits {
            held.add(account, octets);
        }
        fits
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn add(&mut self, account: Option<AccountId>, octets: usize) {
        self.in_all = self.in_all.saturating_add(octets);
        let own = self.by_account.entry(account).or_default();
        *own = own.saturating_add(octets);
    }

    fn give_back(&mut self, account: Option<AccountId>, octets: usize) {
        self.in_all = self.in_all.saturating_sub(octets);
        if let Some(own) = self.by_account.get_mut(&account) {
            *own = own.saturating_sub(octets);
            if *own == 0 {
                self.by_account.remove(&account);
            }
        }
    }
}

/// Octets that are taken, and given back when this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    budget: Arc<Budget>,
    account: Option<AccountId>,
    octets: usize,
}

impl Lease {
    /// Takes room for more octets of a body; whether there was some.
    pub(super) fn grow_by_body(&mut self, octets: usize) -> bool {
        let cost = octets.saturating_mul(COST_OF_OCTET);
        let fits = self.budget.take(self.account, cost);
        if fits {
            self.octets += cost;
        }
        fits
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.held().give_back(self.account, self.octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_gets_a_quarter_and_gets_it_again_when_it_gives_it_back() {
        let budget = Budget::new(400);
        let first = budget.for_answer(Some(AccountId::new(1)), 60).expect("room");
        let second = budget.for_answer(Some(AccountId::new(1)), 40).expect("room");
        assert!(budget.for_answer(Some(AccountId::new(1)), 1).is_none());
        assert!(budget.for_answer(Some(AccountId::new(2)), 100).is_some());
        assert!(budget.for_answer(None, 100).is_some(), "those without a key share one part");
        drop((first, second));
        assert!(budget.for_answer(Some(AccountId::new(1)), 100).is_some());
        assert_eq!(budget.held().in_all, 0);
        assert!(budget.held().by_account.is_empty(), "who has nothing is forgotten");
    }

    #[test]
    fn memory_is_a_number_of_mib_that_a_usual_body_fits_into() {
        assert_eq!("16".parse(), Ok(MemoryMib(16 << 20)));
        for bad in ["15", "0", "-1", "1e3", "", "99999999999999999999", "18446744073709551615"] {
            assert!(bad.parse::<MemoryMib>().is_err(), "{bad}");
        }
    }

    #[test]
    fn accounts_that_take_all_they_can_get_leave_something_to_the_next() {
        let budget = Budget::new(400);
        let greedy: Vec<Lease> = (1..=8)
            .flat_map(|number| {
                let budget = &budget;
                std::iter::from_fn(move || budget.for_answer(Some(AccountId::new(number)), 1))
            })
            .collect();
        assert!(budget.for_answer(Some(AccountId::new(9)), 1).is_some(), "{} are taken", greedy.len());
    }

    #[test]
    fn a_body_counts_twice_and_the_longest_one_fits() {
        let budget = Budget::new(800);
        assert_eq!(budget.longest_body(), 100);
        let mut lease = budget.for_body(Some(AccountId::new(1)), 60).expect("room");
        assert!(lease.grow_by_body(40) && !lease.grow_by_body(1));
        assert_eq!(budget.held().in_all, 200);
        drop(lease);
        assert!(budget.for_body(Some(AccountId::new(1)), 101).is_none());
        assert_eq!(budget.held().in_all, 0, "what was refused counts for nothing");
    }

    #[test]
    fn an_answer_that_must_be_given_counts_as_well() {
        let budget = Budget::new(400);
        let lease = budget.for_any_answer(Some(AccountId::new(1)), 1000);
        assert!(budget.for_answer(Some(AccountId::new(2)), 1).is_none());
        drop(lease);
        assert!(budget.for_answer(Some(AccountId::new(2)), 1).is_some());
    }
}
