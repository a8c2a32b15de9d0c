//! What the scopes and the domains of an API key allow: the one place where it is decided whether a key may use a route.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use postroom::account::Caller;
use postroom::clock::Timestamp;
use postroom::db::Postroom;
use postroom::error::Error;
use postroom::id::ApiKeyId;
use postroom::key;

use crate::wire::{Fault, OF_SOME_DOMAINS, Route};

/// A key that is refused again and again for the same reason is written to the audit log once in this time, so that it
/// cannot fill the log.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// How many refusals wait at most to be written; what is more is not told.
const MOST_WAITING: usize = 1000;

/// A refusal that is to be written to the audit log.
struct Refusal {
    caller: Caller,
    request: String,
    reason: String,
}

/// The refusals that were told a moment ago, and those that wait to be written: who is refused does not wait for the disk.
#[derive(Default)]
pub(super) struct Refusals {
    told: Mutex<HashMap<(ApiKeyId, String), Timestamp>>,
    waiting: Mutex<Vec<Refusal>>,
}

impl Refusals {
    /// Refuses a caller whose key does not allow this route, and keeps that for the audit log.
    pub(super) fn check(&self, now: Timestamp, caller: &Caller, route: &Route) -> Result<(), Fault> {
        let Some(reason) = lacking(caller, route) else { return Ok(()) };
        if let Some(key) = caller.key()
            && self.is_news(key, &reason, now)
        {
            let request = format!("{} {}", route.method, route.path);
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() < MOST_WAITING {
                waiting.push(Refusal { caller: caller.clone(), request, reason: reason.clone() });
            }
        }
        Err(Fault::of_key(&reason))
    }

    /// Writes down what waits. At an error it is kept for the next time.
    pub(super) fn write(&self, postroom: &Postroom) -> Result<(), Error> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return Ok(());
        }
        let written = postroom.write(|tx| {
            waiting.iter().try_for_each(|it| key::note_refusal(tx, &it.caller, &it.request, &it.reason))
        });
        if written.is_err() {
            let mut now = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            // The order is that in which they came.
            now.splice(..0, waiting);
            now.truncate(MOST_WAITING);
        }
        written
    }

    /// Forgets what was written down longer ago.
    pub(super) fn tidy(&self, now: Timestamp) {
        self.told().retain(|_, at| *at + TOLD_EVERY > now);
    }

    fn is_news(&self, key: ApiKeyId, reason: &str, now: Timestamp) -> bool {
        let mut told = self.told();
        let last = told.insert((key, reason.to_owned()), now);
        match last {
            // A clock that was set back says nothing of how long ago it was.
            Some(at) if at <= now && at + TOLD_EVERY > now => {
                told.insert((key, reason.to_owned()), at);
                false
            }
            _ => true,
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashMap<(ApiKeyId, String), Timestamp>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why this caller may not use this route; none if it may.
fn lacking(caller: &Caller, route: &Route) -> Option<String> {
    match route.needs {
        Some(need) if !caller.may(need) => Some(format!("it lacks the scope {need}")),
        None if caller.has_scopes() => Some("it has scopes, and none is for this".to_owned()),
        _ if route.is_of_account && caller.is_of_domains() => Some(OF_SOME_DOMAINS.to_owned()),
        _ => None,
    }
}
