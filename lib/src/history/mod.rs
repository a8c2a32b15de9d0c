//! How much happened within an account on each day: kept where it happens, so that a chart of a month reads thirty rows.

mod table;

use crate::db::{ReadTx, WriteTx};
use crate::error::Error;
use crate::id::AccountId;

/// For how many days the counts are kept.
pub const KEPT_DAYS: u32 = 60;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// A check of a domain.
    Check,
    /// A domain became active.
    Active,
    /// A domain became pending again.
    Pending,
    /// A domain failed.
    Failed,
}

/// What happened on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// The day, counted from 1970-01-01 in UTC.
    pub day: i64,
    /// Checks of domains.
    pub checks: u64,
    /// Domains that became active.
    pub active: u64,
    /// Domains that became pending again.
    pub pending: u64,
    /// Domains that failed.
    pub failed: u64,
}

/// Counts something, now.
pub(crate) fn note(tx: &WriteTx<'_>, account: AccountId, what: Counted) -> Result<(), Error> {
    let today = today(tx);
    if table::add(tx, account, today, what)? {
        return Ok(());
    }
    table::begin(tx, account, today)?;
    table::add(tx, account, today, what)?;
    table::forget_before(tx, account, today - i64::from(KEPT_DAYS))
}

/// The last so many days, today last; on which nothing happened they are there with nothing.
pub fn days(tx: &ReadTx<'_>, account: AccountId, number: u32) -> Result<Vec<Day>, Error> {
    let today = today(tx);
    let first = today - i64::from(number) + 1;
    let known = table::since(tx, account, first)?;
    let of =
        |day| known.iter().find(|known| known.day == day).copied().unwrap_or(Day { day, ..Day::default() });
    Ok((first..=today).map(of).collect())
}

fn today(tx: &ReadTx<'_>) -> i64 {
    tx.now().millis().div_euclid(DAY_MILLIS)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::account;
    use crate::clock::{ManualClock, Timestamp};
    use crate::db::{Options, Postroom};
    use crate::settings::Settings;

    #[test]
    fn each_day_is_counted_by_itself_and_old_days_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_255_200_000)));
        let settings = Settings::for_server(&"mail.example.net".parse().unwrap());
        let options = Options { clock: clock.clone(), ..Options::new(settings) };
        let postroom = Postroom::open(dir.path().join("postroom.db"), options).unwrap();
        let account = postroom.write(|tx| account::create(tx, "acme")).unwrap().id;
        let note = |what| postroom.write(|tx| note(tx, account, what)).unwrap();
        let days = |number| postroom.read(|tx| days(tx, account, number)).unwrap();
        note(Counted::Check);
        note(Counted::Check);
        note(Counted::Failed);
        clock.advance(Duration::from_hours(48));
        note(Counted::Active);
        let seen = days(3);
        assert_eq!(
            seen.iter().map(|day| (day.checks, day.active, day.failed)).collect::<Vec<_>>(),
            [(2, 0, 1), (0, 0, 0), (0, 1, 0)]
        );
        assert_eq!(seen[2].day, seen[0].day + 2);
        clock.advance(Duration::from_hours(24 * 60));
        note(Counted::Pending);
        let kept =
            days(90).iter().filter(|day| day.checks + day.active + day.pending + day.failed > 0).count();
        assert_eq!(kept, 2, "sixty days back, and today");
    }
}
