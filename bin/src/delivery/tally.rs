//! What happens to mail, counted for each domain until it is written to the audit log.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use postroom::db::Postroom;
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::mail::{self, Counts};

/// How many domains are written down in one transaction.
const AT_ONCE: usize = 500;

/// The counts since they were last written down.
pub struct Tally(Mutex<(HashMap<DomainId, Counts>, Instant)>);

impl Default for Tally {
    fn default() -> Tally {
        Tally(Mutex::new((HashMap::new(), Instant::now())))
    }
}

impl Tally {
    /// Counts something of this domain.
    pub(crate) fn note(&self, domain: DomainId, count: impl FnOnce(&mut Counts)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        count(state.0.entry(domain).or_default());
    }

    /// Writes down what has come together. What cannot be written is lost: it is a count, and the log has each failure.
    pub(crate) fn write(&self, postroom: &Postroom) -> Result<(), Error> {
        let (counts, since) = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *state, (HashMap::new(), Instant::now()))
        };
        let counts: Vec<(DomainId, Counts)> = counts.into_iter().collect();
        let minutes = minutes(since.elapsed());
        counts.chunks(AT_ONCE).try_for_each(|some| postroom.write(|tx| mail::record(tx, some, minutes)))
    }
}

/// Whole minutes, the last one begun.
fn minutes(span: Duration) -> u64 {
    span.as_secs().div_ceil(60).max(1)
}
