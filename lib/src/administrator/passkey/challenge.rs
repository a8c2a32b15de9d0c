//! Challenges: random octets that a passkey signs, so that what it signed is good for one moment and one question.
//!
//! A challenge is not kept. It is sealed with the master key, and says itself when it was made and for what: strangers who ask for
//! challenges without end fill neither memory nor database. That one is used once shows in the row of the passkey that used it,
//! which keeps the time of the newest.

use std::time::Duration;

use super::PasskeyRefusal;
use crate::clock::Timestamp;
use crate::db::ReadTx;
use crate::error::Error;
use crate::seal::MasterKey;

/// How long a challenge is good for: as long as a browser shows its window, and a little more.
pub const CHALLENGE_LIFE: Duration = Duration::from_mins(5);

/// A new challenge for this purpose.
pub(super) fn make(tx: &ReadTx<'_>, purpose: &str) -> Result<Vec<u8>, Error> {
    // The seal has 192 random bits of its own, which is more than the 128 that a challenge needs (W3C Web Authentication Level 3,
    // section 13.4.3).
    tx.master_key().seal(purpose, &tx.now().millis().to_be_bytes())
}

/// When a challenge for this purpose was made, if it was, and is not too old.
pub(super) fn check(
    tx: &ReadTx<'_>,
    purpose: &str,
    challenge: &[u8],
) -> Result<Result<Timestamp, PasskeyRefusal>, Error> {
    let known = tx.master_key().known()?;
    // Looked for here: for a key that is not known, the files of keys would be read.
    let is_ours = MasterKey::id_in(challenge).is_some_and(|id| known.contains(&id));
    // What does not open was not made here, or for something else.
    let opened = if is_ours { tx.master_key().open(purpose, challenge).ok() } else { None };
    let made = opened.and_then(|octets| octets.as_slice().try_into().ok()).map(i64::from_be_bytes);
    let Some(made) = made.map(Timestamp::from_millis) else {
        return Ok(Err(PasskeyRefusal::Challenge));
    };
    Ok(if tx.now().since(made) > CHALLENGE_LIFE { Err(PasskeyRefusal::TooOld) } else { Ok(made) })
}
