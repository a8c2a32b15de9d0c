//! Whose turn it is: in each queue of background work the accounts go round, so that nobody waits for all that another one has
//! piled up. The turns are in memory: after a start they begin anew.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::id::AccountId;

/// How long nobody looks for a check again after there was none that could be taken.
const REST: Duration = Duration::from_millis(900);

/// The turns of one database.
#[derive(Default)]
pub(crate) struct Turns {
    keys: AtomicI64,
    checks: Mutex<Checks>,
}

impl Turns {
    /// The account that was the last to be given keys.
    pub(crate) fn last_key(&self) -> AccountId {
        AccountId::new(self.keys.load(Ordering::Relaxed))
    }

    pub(crate) fn note_key(&self, account: AccountId) {
        self.keys.store(account.number(), Ordering::Relaxed);
    }

    pub(crate) fn checks(&self) -> MutexGuard<'_, Checks> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose domains are being checked, and whose turn is next.
#[derive(Default)]
pub(crate) struct Checks {
    last: i64,
    running: HashMap<AccountId, usize>,
    resting_until: Option<Instant>,
}

impl Checks {
    /// The account whose domain was taken last.
    pub(crate) fn last(&self) -> AccountId {
        AccountId::new(self.last)
    }

    /// How many accounts have a domain that is being checked.
    pub(crate) fn accounts(&self) -> usize {
        self.running.len()
    }

    /// Whether this account may have one more of so many threads: only if more of them are free than it has, so that none can
    /// take all of them.
    pub(crate) fn has_room(&self, account: AccountId, threads: usize) -> bool {
        let busy: usize = self.running.values().sum();
        self.running.get(&account).copied().unwrap_or(0) < threads.saturating_sub(busy)
    }

    pub(crate) fn begin(&mut self, account: AccountId) {
        self.last = account.number();
        *self.running.entry(account).or_default() += 1;
    }

    pub(crate) fn end(&mut self, account: AccountId) {
        self.resting_until = None;
        if let Some(running) = self.running.get_mut(&account) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                self.running.remove(&account);
            }
        }
    }

    /// Nothing could be taken: whoever asks next rests as well.
    pub(crate) fn rest(&mut self) {
        self.resting_until = Some(Instant::now() + REST);
    }

    pub(crate) fn is_resting(&self) -> bool {
        self.resting_until.is_some_and(|until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_never_takes_all_threads() {
        let mut checks = Checks::default();
        let mut taken = Vec::new();
        for number in 1..=5 {
            let account = AccountId::new(number);
            while checks.has_room(account, 16) {
                checks.begin(account);
            }
            taken.push(checks.running.get(&account).copied().unwrap_or(0));
        }
        assert_eq!(taken, [8, 4, 2, 1, 1]);
        checks.end(AccountId::new(1));
        assert!(!checks.has_room(AccountId::new(1), 16) && checks.has_room(AccountId::new(6), 16));
    }
}
