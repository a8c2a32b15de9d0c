//! Deletes what has expired: kept answers, reports, login links that nobody used, sessions, and claims that ended or were lost
//! long ago.

use std::time::Duration;

use postroom::error::Error;
use postroom::{claim, login, report, session};

use super::{Duty, More, Tools, one};

/// How many login links, sessions or claims are deleted in one transaction.
const AT_ONCE: u32 = 1000;

pub(super) const DUTY: Duty =
    Duty { name: "expiry", pause: Duration::from_mins(1), threads: one, at_end: false, work };

/// An error with one kind does not keep the other kinds from being deleted.
fn work(tools: &Tools) -> Result<More, Error> {
    let answers = tools.app.forget();
    let reports = report::expire(&tools.postroom);
    let links = tools.postroom.write(|tx| login::forget_expired(tx, AT_ONCE));
    let sessions = tools.postroom.write(|tx| session::forget_over(tx, AT_ONCE));
    let claims = tools.postroom.write(|tx| claim::forget_old(tx, AT_ONCE));
    let deleted = answers.and(reports).and(links)?.max(sessions?).max(claims?);
    Ok(More::if_any(deleted >= AT_ONCE as usize))
}
