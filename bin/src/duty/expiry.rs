//! Deletes what has expired: kept answers, reports, and login links that nobody used.

use std::time::Duration;

use postroom::error::Error;
use postroom::{login, report};

use super::{Duty, More, Tools, one};

/// How many login links are deleted in one transaction.
const LINKS_AT_ONCE: u32 = 1000;

pub(super) const DUTY: Duty =
    Duty { name: "expiry", pause: Duration::from_mins(1), threads: one, at_end: false, work };

/// An error with one kind does not keep the other kinds from being deleted.
fn work(tools: &Tools) -> Result<More, Error> {
    let answers = tools.app.forget();
    let reports = report::expire(&tools.postroom);
    let links = tools.postroom.write(|tx| login::forget_expired(tx, LINKS_AT_ONCE));
    answers.and(reports).and(links).map(|deleted| More::if_any(deleted == LINKS_AT_ONCE as usize))
}
