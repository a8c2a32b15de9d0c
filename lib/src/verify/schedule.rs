//! The schedule: when which domain is looked at next, and by whom.
//!
//! A domain's next check stands in its row, so that it survives a restart. [`take_due`] lends domains out for
//! [`LEASE`]: a check that never ends, or a process that dies in one, gives its domain back by that. The library has no
//! threads of its own: whoever wants the schedule kept calls [`run_due`], from as many threads as domains are to
//! be checked at once. A slow domain holds up nobody but its own thread.

use std::time::Duration;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{Postroom, WriteTx};
use crate::dns::Resolver;
use crate::domain::{self, Domain, DomainStatus, Holder, holder};
use crate::error::Error;
use crate::event::Actor;
use crate::id::DomainId;
use crate::record::Record;

/// How long a domain that is being checked is left alone by others; a check takes 40 s at most.
pub const LEASE: Duration = Duration::from_mins(5);

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

/// Takes at most `limit` domains whose turn it is, the longest due first, and lends them to the caller.
pub fn take_due(postroom: &Postroom, limit: u32) -> Result<Vec<Due>, Error> {
    // Most of the time nothing is due, and a reader sees that without a write.
    if !postroom.read(domain::table::is_any_due)? {
        return Ok(Vec::new());
    }
    let taken: Vec<_> = postroom.write(|tx| {
        let lent = holder::lend_due(tx, tx.now() + LEASE, limit)?;
        Ok::<_, Error>(lent.iter().map(Holder::for_schedule).collect())
    })?;
    Ok(taken.into_iter().map(|(domain, caller)| Due { domain, caller }).collect())
}

/// Checks at most `limit` domains whose turn it is, one after the other, and returns how many.
pub fn run_due(postroom: &Postroom, resolver: &dyn Resolver, limit: u32) -> Result<usize, Error> {
    let mut checked = 0;
    // Lent one by one: the lease of one that waited for those before it would be over before its check began.
    for _ in 0..limit {
        let Some(Due { domain, caller }) = take_due(postroom, 1)?.pop() else { break };
        match super::check(postroom, &caller, domain, resolver) {
            // Deleted or handed over since it was taken.
            Ok(_) | Err(Error::NotFound(_)) => checked += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(checked)
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
    let is_needed = |record: &&Record| record.dkim_key.as_ref().is_none_or(|key| !key.released);
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
