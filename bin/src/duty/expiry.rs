//! Deletes what has expired: kept answers, reports, login links that nobody used, sessions, set-up links, claims that ended or were lost long ago,
//! old calls of webhooks, and old rows of the audit log with the keys and tokens that were revoked as long ago.

use std::time::Duration;

use postroom::error::Error;
use postroom::{claim, event, key, login, report, session, setup_link, token, webhook};

use super::{Duty, More, Tools, one};

/// How many rows of a kind are deleted in one transaction.
const AT_ONCE: u32 = 500;

pub(super) const DUTY: Duty =
    Duty { name: "expiry", pause: Duration::from_mins(1), threads: one, at_end: false, work };

/// An error with one kind does not keep the other kinds from being deleted.
fn work(tools: &Tools) -> Result<More, Error> {
    let answers = tools.app.forget();
    let reports = report::expire(&tools.postroom);
    let links = tools.postroom.write(|tx| login::forget_expired(tx, AT_ONCE));
    let sessions = tools.postroom.write(|tx| session::forget_over(tx, AT_ONCE));
    let setups = tools.postroom.write(|tx| setup_link::forget_expired(tx, AT_ONCE));
    let claims = tools.postroom.write(|tx| claim::forget_old(tx, AT_ONCE));
    let events = tools.postroom.write(|tx| event::forget_old(tx, AT_ONCE));
    let keys = tools.postroom.write(|tx| key::forget_revoked(tx, AT_ONCE));
    let tokens = tools.postroom.write(|tx| token::forget_revoked(tx, AT_ONCE));
    let calls = tools.postroom.write(|tx| webhook::call::forget_old(tx, AT_ONCE));
    answers.and(reports)?;
    let mut most = 0;
    for deleted in [links, sessions, setups, claims, events, keys, tokens, calls] {
        most = most.max(deleted?);
    }
    Ok(More::if_any(most >= AT_ONCE as usize))
}
