//! When tokens were last used, remembered until it is written down, so that a login costs no write.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use postroom::clock::Timestamp;
use postroom::db::Postroom;
use postroom::error::Error;
use postroom::id::DomainTokenId;
use postroom::token;

/// The last use of each token since the last writing.
#[derive(Debug, Default)]
pub struct Uses(Mutex<HashMap<DomainTokenId, Timestamp>>);

impl Uses {
    /// Remembers that the token was used at this moment.
    pub fn note(&self, token: DomainTokenId, at: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token, at);
    }

    /// Writes down what has come together. At an error it is kept for the next time.
    pub(super) fn write(&self, postroom: &Postroom) -> Result<(), Error> {
        let uses = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if uses.is_empty() {
            return Ok(());
        }
        let list: Vec<_> = uses.iter().map(|(token, at)| (*token, *at)).collect();
        let written = postroom.write(|tx| token::note_uses(tx, &list));
        if written.is_err() {
            let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (token, at) in list {
                now.entry(token).or_insert(at);
            }
        }
        written
    }
}
