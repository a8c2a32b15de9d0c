//! Calls of webhooks that are to be written down: some together, so that no delivery waits for the database.
//!
//! What cannot be written is lost, and the log says so: the record is for people, and mail goes on without it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use postroom::db::Postroom;
use postroom::webhook::call::{self, WebhookCall};
use tracing::warn;

/// The most calls that wait; the oldest are forgotten when more come.
const MOST: usize = 4_000;
/// How many are written in one transaction.
const AT_ONCE: usize = 200;

/// The calls that are not written down yet.
#[derive(Default)]
pub struct Calls(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    calls: VecDeque<WebhookCall>,
    forgotten: u64,
}

impl Calls {
    pub(crate) fn note(&self, call: WebhookCall) {
        let mut waiting = self.waiting();
        if waiting.calls.len() >= MOST {
            waiting.calls.pop_front();
            waiting.forgotten += 1;
        }
        waiting.calls.push_back(call);
    }

    /// Writes down what waits. What the database refuses is given up.
    pub(crate) fn write(&self, postroom: &Postroom) {
        let Waiting { calls, mut forgotten } = std::mem::take(&mut *self.waiting());
        let calls: Vec<WebhookCall> = calls.into();
        for some in calls.chunks(AT_ONCE) {
            if let Err(trouble) = postroom.write(|tx| call::record(tx, some)) {
                warn!(%trouble, "calls of webhooks could not be written down");
                forgotten += some.len() as u64;
            }
        }
        if forgotten > 0 {
            warn!(calls = forgotten, "calls of webhooks are not in the list of deliveries");
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
