//! The schedule: when which domain is looked at next, and by whom.
//!
//! A domain's next check stands in its row, so that it survives a restart. [`take_due`] lends domains out for
//! five minutes: a check that never ends, or a process that dies in one, gives its domain back by that. The library has no
//! threads of its own: whoever wants the schedule kept calls [`run_turn`], from as many threads as domains are to
//! be checked at once. A slow domain holds up nobody but its own thread, and the accounts take turns: however many slow domains
//! one has, it never takes all the threads.

use std::time::Duration;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{Postroom, WriteTx};
use crate::dns::Resolver;
use crate::domain::{self, Domain, DomainStatus, Holder, holder};
use crate::error::Error;
use crate::event::Actor;
use crate::id::{AccountId, DomainId};
use crate::record::Record;

/// How long a domain that is being checked is left alone by others; asking the DNS for one domain takes 20 s at most.
const LEASE: Duration = Duration::from_mins(5);

/// What a domain waits between its first checks.
const FIRST_PAUSES: [Duration; 5] = [
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(5),
    Duration::from_mins(10),
    Duration::from_mins(30),
];
/// So many hourly checks follow: three days of them.
const HOURLY_CHECKS: u32 = 72;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// What an active domain waits.
const ACTIVE_PAUSE: Duration = Duration::from_hours(6);

/// A domain whose turn it is, and the caller as whom to check it.
#[derive(Clone, Debug)]
pub struct Due {
    /// The domain.
    pub domain: DomainId,
    /// The schedule, acting within the domain's account.
    pub caller: Caller,
}

/// How long a domain waits for its next check after `checks` of them since its status last changed; `failing` is
/// whether one of its records has just failed.
pub fn pause(status: DomainStatus, checks: u32, failing: bool) -> Duration {
    match status {
        DomainStatus::Active if failing => HOUR,
        DomainStatus::Active => ACTIVE_PAUSE,
        DomainStatus::Pending | DomainStatus::Failed => {
            let first = usize::try_from(checks).ok().and_then(|checks| FIRST_PAUSES.get(checks));
            let hourly = u32::try_from(FIRST_PAUSES.len()).unwrap_or_default() + HOURLY_CHECKS;
            first.copied().unwrap_or(if checks < hourly { HOUR } else { DAY })
        }
    }
}

/// Has the domain looked at as soon as its turn comes.
pub fn soon<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    if domain.next_check_at <= tx.now() {
        return Ok(());
    }
    domain::table::set_next_check(tx, domain.id, tx.now(), domain.checks)
}

/// Takes at most `limit` domains whose turn it is, and lends them to the caller: one of each account in turn, the longest due of
/// it, before a second of any.
pub fn take_due(postroom: &Postroom, limit: u32) -> Result<Vec<Due>, Error> {
    let mut taken = Vec::new();
    while taken.len() < limit as usize {
        let Some(place) = Place::take(postroom, usize::MAX)? else { break };
        taken.push(place.due.clone());
    }
    Ok(taken)
}

/// Checks at most `limit` domains whose turn it is, one after the other, and returns how many.
pub fn run_due(postroom: &Postroom, resolver: &dyn Resolver, limit: u32) -> Result<usize, Error> {
    let mut checked = 0;
    // Lent one by one: the lease of one that waited for those before it would be over before its check began.
    while checked < limit as usize && run(postroom, resolver, usize::MAX, || ())? {
        checked += 1;
    }
    Ok(checked)
}

/// Checks one domain whose turn it is, on one of `threads` threads that do the same, and returns whether there was one. Calls
/// `taken` when it has one, before the check, which can take 20 s.
///
/// An account whose domains are being checked on half of the threads leaves the others to the other accounts, and so on.
pub fn run_turn(
    postroom: &Postroom,
    resolver: &dyn Resolver,
    threads: u32,
    taken: impl FnOnce(),
) -> Result<bool, Error> {
    run(postroom, resolver, threads as usize, taken)
}

fn run(
    postroom: &Postroom,
    resolver: &dyn Resolver,
    threads: usize,
    taken: impl FnOnce(),
) -> Result<bool, Error> {
    if postroom.takes_checks_ahead() {
        pull_back(postroom)?;
    }
    let Some(place) = Place::take(postroom, threads)? else { return Ok(false) };
    taken();
    match super::check(postroom, &place.due.caller, place.due.domain, resolver) {
        // Deleted or handed over since it was taken.
        Ok(_) | Err(Error::NotFound(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

/// A domain that is being checked, on one of the threads.
struct Place<'a> {
    postroom: &'a Postroom,
    due: Due,
}

impl<'a> Place<'a> {
    /// Takes a domain of the account whose turn it is. None if no domain is due, or none whose account may have a thread more.
    fn take(postroom: &'a Postroom, threads: usize) -> Result<Option<Place<'a>>, Error> {
        // Most of the time nothing is due, and a reader sees that without a write.
        if !postroom.read(domain::table::is_any_due)? {
            return Ok(None);
        }
        // Held until the domain is taken: two threads would take two domains of the account whose turn it is.
        let mut checks = postroom.turns().checks();
        if threads < usize::MAX && checks.is_resting() {
            return Ok(None);
        }
        let enough = checks.accounts() + 1;
        let accounts = postroom.read(|tx| {
            let mut next = holder::accounts_with_due(tx, checks.last(), enough)?;
            next.extend(holder::accounts_with_due(tx, AccountId::new(0), enough)?);
            Ok::<_, Error>(next)
        })?;
        for account in accounts.into_iter().filter(|account| checks.has_room(*account, threads)) {
            let lent = postroom.write(|tx| {
                let lent = holder::lend_due(tx, account, tx.now() + LEASE)?;
                Ok::<_, Error>(lent.as_ref().map(Holder::for_schedule))
            })?;
            if let Some((domain, caller)) = lent {
                checks.begin(account);
                return Ok(Some(Place { postroom, due: Due { domain, caller } }));
            }
        }
        checks.rest();
        Ok(None)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.postroom.turns().checks().end(self.due.caller.account());
    }
}

/// Puts back the checks that lie further ahead than their pause: a wrong clock has set them, and it is right again.
fn pull_back(postroom: &Postroom) -> Result<(), Error> {
    let mut before = None;
    loop {
        let some =
            postroom.read(|tx| domain::table::far_ahead(tx, tx.now() + longest(FIRST_PAUSES[0]), before))?;
        let Some(last) = some.last() else { return Ok(()) };
        before = Some((last.at, last.domain));
        let now = postroom.now();
        let wrong = some.iter().filter(|it| it.at > now + longest(pause(it.status, it.checks, false)));
        let wrong: Vec<_> = wrong.collect();
        if !wrong.is_empty() {
            postroom.write(|tx| {
                wrong.iter().try_for_each(|it| {
                    let at = next(tx.now(), it.domain, pause(it.status, it.checks, false), it.checks);
                    domain::table::set_next_check(tx, it.domain, at, it.checks)
                })
            })?;
        }
    }
}

/// A pause with all the jitter that there can be.
fn longest(pause: Duration) -> Duration {
    pause + pause / 10
}

/// When the domain's turn is next, after a check or a change of its status.
///
/// A check that a person asked for changes nothing of the schedule, unless it changed the status.
pub(super) fn reschedule<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    status: DomainStatus,
    records: &[Record],
) -> Result<(), Error> {
    let changed = status != domain.status;
    if !changed && *caller.actor() != Actor::Schedule {
        return Ok(());
    }
    let checks = if changed { 0 } else { domain.checks.saturating_add(1) };
    // What nobody needs to publish any more is not failing, whatever was last seen of it.
    let is_needed = |record: &&Record| record.dkim_key.as_ref().is_none_or(|key| key.released_at.is_none());
    let failing = records.iter().filter(is_needed).any(|record| record.standing.failures > 0);
    let at = next(tx.now(), domain.id, pause(status, checks, failing), checks);
    domain::table::set_next_check(tx, domain.id, at, checks)
}

/// `pause` from now, and up to a tenth of it more: domains made together do not stay together.
fn next(now: Timestamp, domain: DomainId, pause: Duration, checks: u32) -> Timestamp {
    let mixed = domain
        .number()
        .unsigned_abs()
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(u64::from(checks) * 0x51_7C_C1);
    let share = u32::try_from((mixed >> 40) % 1000).unwrap_or_default();
    now + pause + pause * share / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_domain_is_checked_often_at_first_then_hourly_for_three_days_then_daily() {
        let minutes: Vec<u64> =
            (0..7).map(|n| pause(DomainStatus::Pending, n, true).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 5, 10, 30, 60, 60]);
        assert_eq!(pause(DomainStatus::Pending, 76, true), HOUR);
        assert_eq!(pause(DomainStatus::Pending, 77, true), DAY);
        assert_eq!(pause(DomainStatus::Failed, u32::MAX, true), DAY);
    }

    #[test]
    fn an_active_domain_waits_six_hours_and_one_after_a_failure() {
        assert_eq!(pause(DomainStatus::Active, 900, false), ACTIVE_PAUSE);
        assert_eq!(pause(DomainStatus::Active, 0, true), HOUR);
    }

    #[test]
    fn the_jitter_adds_up_to_a_tenth_and_spreads() {
        let (now, pause) = (Timestamp::from_millis(0), Duration::from_secs(1000));
        let all: Vec<i64> = (1..=1000).map(|id| next(now, DomainId::new(id), pause, 0).millis()).collect();
        assert!(all.iter().all(|at| (1_000_000..=1_100_000).contains(at)));
        let lower = all.iter().filter(|at| **at < 1_050_000).count();
        assert!((400..600).contains(&lower), "{lower}");
    }
}
