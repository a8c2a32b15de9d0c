//! Messages in memory, which are bounded for each and for all connections together.
//!
//! What waits for another server may keep its memory for minutes, and a tenant decides for how long. So deliveries that wait have half of it
//! at most, and those of one account half of that: mail that waits for nobody always finds room.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use postroom::id::AccountId;

/// The most octets of a message.
pub(crate) const MAX_MESSAGE_OCTETS: usize = 64 * 1024 * 1024;
/// The most octets of all of them at a time, with what is made of them.
const MAX_HELD_OCTETS: usize = 256 * 1024 * 1024;
/// The most octets of deliveries that wait for other servers, and of those of one account.
const MAX_WAITING_OCTETS: usize = MAX_HELD_OCTETS / 2;
const MAX_OF_ACCOUNT: usize = MAX_HELD_OCTETS / 4;

/// The octets that all connections hold.
static HELD: AtomicUsize = AtomicUsize::new(0);
/// Those that wait.
static WAITING: Mutex<Waiting> = Mutex::new(Waiting::new());

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// There is never room for so much.
    TooLarge,
    /// Others have it now.
    Now,
}

impl NoRoom {
    /// What the mail server is told: 552 ends it, and after 452 it tries again (RFC 3463 section 3.4).
    pub(crate) fn reply(self) -> &'static str {
        match self {
            NoRoom::TooLarge => "552 5.3.4 The message is too large",
            NoRoom::Now => "452 4.3.1 The message has no room here now",
        }
    }
}

/// Octets of a message that count toward what all connections may hold.
#[derive(Default)]
pub(crate) struct HeldOctets(Vec<u8>);

impl HeldOctets {
    /// Adds some, if there is room.
    pub(crate) fn add(&mut self, octets: &[u8]) -> Result<(), NoRoom> {
        if self.0.len() + octets.len() > MAX_MESSAGE_OCTETS {
            return Err(NoRoom::TooLarge);
        }
        hold(octets.len())?;
        self.0.extend_from_slice(octets);
        Ok(())
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

/// Room for a message that waits for another server, and for what is made of it, until it is dropped.
pub(crate) struct Room {
    account: Option<AccountId>,
    waits: usize,
    made: usize,
}

impl Room {
    /// Room for a message of so many octets, which are held already, and so many that are made of it. A person who waits for it takes no
    /// account's part.
    pub(crate) fn take(account: Option<AccountId>, message: usize, made: usize) -> Result<Room, NoRoom> {
        let waits = message.saturating_add(made);
        waiting().add(account, waits)?;
        // From here on it gives back what it has when it is dropped.
        let mut room = Room { account, waits, made: 0 };
        hold(made)?;
        room.made = made;
        Ok(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        waiting().give_back(self.account, self.waits);
        HELD.fetch_sub(self.made, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Waiting {
    in_all: usize,
    by_account: BTreeMap<AccountId, usize>,
}

impl Waiting {
    const fn new() -> Waiting {
        Waiting { in_all: 0, by_account: BTreeMap::new() }
    }

    fn add(&mut self, account: Option<AccountId>, octets: usize) -> Result<(), NoRoom> {
        let most = if account.is_some() { MAX_OF_ACCOUNT } else { MAX_WAITING_OCTETS };
        let own = account.and_then(|account| self.by_account.get(&account)).copied().unwrap_or(0);
        if octets > most {
            return Err(NoRoom::TooLarge);
        }
        if own + octets > most || self.in_all + octets > MAX_WAITING_OCTETS {
            return Err(NoRoom::Now);
        }
        self.in_all += octets;
        if let Some(account) = account {
            self.by_account.insert(account, own + octets);
        }
        Ok(())
    }

    fn give_back(&mut self, account: Option<AccountId>, octets: usize) {
        self.in_all -= octets;
        if let Some(account) = account {
            let own = self.by_account.get(&account).copied().unwrap_or(0).saturating_sub(octets);
            if own == 0 {
                self.by_account.remove(&account);
            } else {
                self.by_account.insert(account, own);
            }
        }
    }
}

fn waiting() -> MutexGuard<'static, Waiting> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hold(octets: usize) -> Result<(), NoRoom> {
    let fits = HELD.fetch_add(octets, Ordering::Relaxed).saturating_add(octets) <= MAX_HELD_OCTETS;
    if !fits {
        HELD.fetch_sub(octets, Ordering::Relaxed);
        return Err(NoRoom::Now);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_waits_gets_a_quarter_and_all_who_wait_get_half() {
        let mut waiting = Waiting::new();
        let mut add = |account: i64, octets| waiting.add(Some(AccountId::new(account)), octets);
        assert_eq!(add(1, MAX_OF_ACCOUNT + 1), Err(NoRoom::TooLarge));
        assert_eq!(add(1, MAX_OF_ACCOUNT), Ok(()));
        assert_eq!(add(1, 1), Err(NoRoom::Now), "its quarter is full");
        assert_eq!(add(2, MAX_OF_ACCOUNT), Ok(()));
        assert_eq!(add(3, 1), Err(NoRoom::Now), "the other half is for mail that waits for nobody");
        waiting.give_back(Some(AccountId::new(1)), MAX_OF_ACCOUNT);
        assert_eq!(waiting.add(Some(AccountId::new(3)), 1), Ok(()));
        assert_eq!(waiting.add(None, MAX_OF_ACCOUNT), Err(NoRoom::Now));
        waiting.give_back(Some(AccountId::new(2)), MAX_OF_ACCOUNT);
        waiting.give_back(Some(AccountId::new(3)), 1);
        assert!(waiting.in_all == 0 && waiting.by_account.is_empty(), "{waiting:?}");
    }

    #[test]
    fn a_message_beyond_the_limit_is_too_large_whatever_room_there_is() {
        let mut message = HeldOctets::default();
        assert_eq!(message.add(b"From: a@b.example\r\n"), Ok(()));
        assert_eq!(message.add(&vec![b'x'; MAX_MESSAGE_OCTETS]), Err(NoRoom::TooLarge));
        assert!(NoRoom::TooLarge.reply().starts_with("552 5.3.4") && NoRoom::Now.reply().starts_with("452"));
    }
}
