//! Deletes what has expired: kept answers, reports, login links that nobody used, and sessions.

use std::time::Duration;

use postroom::error::Error;
use postroom::{login, report, session};

use super::{Duty, More, Tools, one};

/// How many login links, and how many sessions, are deleted in one transaction.
const LINKS_AT_ONCE: u32 = 1000;

pub(super) const DUTY: Duty =
    Duty { name: "expiry", pause: Duration::from_mins(1), threads: one, at_end: false, work };

/// An error with one kind does not keep the other kinds from being deleted.
fn work(tools: &Tools) -> Result<More, Error> {
    let answers = tools.app.forget();
    let reports = report::expire(&tools.postroom);
    let links = tools.postroom.write(|tx| login::forget_expired(tx, LINKS_AT_ONCE));
    let sessions = tools.postroom.write(|tx| session::forget_over(tx, LINKS_AT_ONCE));
    let is_full = |deleted| deleted == LINKS_AT_ONCE as usize;
    let links = answers.and(reports).and(links)?;
    sessions.map(|sessions| More::if_any(is_full(links) || is_full(sessions)))
}
