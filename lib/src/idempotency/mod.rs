//! Idempotency keys: the answer to a request is kept for a day, for a client that repeats the request under the same key.
//!
//! An account has so much room for answers: what is too much makes its oldest answers go, and a request is answered as ever.
//!
//! The client's key counts for one API key and one route: with another API key or on another route it names another request
//! (draft-ietf-httpapi-idempotency-key-header section 2). Only hashes of the request are kept. The answer is sealed under the
//! master key, because it can contain a secret that is shown once. It is not given again when that secret opens nothing any more.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::idempotency::{self, Asked, IdempotencyKey, Known};
//! use postroom::key;
//!
//! let (key, _) = postroom.write(|tx| key::create(tx, caller.account(), None))?;
//! let name: IdempotencyKey = "order-4711".parse()?;
//! let asked = Asked::new(key.id, &name, [b"POST", b"/domains"], [b"body", b"", b""]);
//! postroom.write(|tx| idempotency::keep(tx, &asked, b"the answer"))?;
//! let known = postroom.read(|tx| idempotency::find(tx, &asked))?;
//! assert!(matches!(known, Some(Known::Answered(answer)) if answer.as_slice() == b"the answer"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod table;

use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::cap::Cap;
use crate::db::{ReadTx, WriteTx};
use crate::error::Error;
use crate::id::ApiKeyId;
use crate::ledger;
use crate::secret::{HashedSecret, PlainSecret};

/// How long an answer is kept.
pub const KEPT_FOR: Duration = Duration::from_hours(24);
/// The most octets of an answer that is kept.
pub const MAX_ANSWER_OCTETS: usize = 1024 * 1024;
const MAX_KEY_OCTETS: usize = 255;
/// How many answers are forgotten at a time to make room.
const FORGOTTEN_AT_ONCE: u32 = 8;

/// A name that a client gives to one of its requests: 1 to 255 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl FromStr for IdempotencyKey {
    type Err = InvalidIdempotencyKey;

    fn from_str(text: &str) -> Result<IdempotencyKey, InvalidIdempotencyKey> {
        let is_printable = text.bytes().all(|octet| matches!(octet, b' '..=b'~'));
        if (1..=MAX_KEY_OCTETS).contains(&text.len()) && is_printable {
            Ok(IdempotencyKey(text.to_owned()))
        } else {
            Err(InvalidIdempotencyKey)
        }
    }
}

/// A text that is no idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_KEY_OCTETS} printable ASCII characters")]
pub struct InvalidIdempotencyKey;

/// A request that carries an idempotency key, with what distinguishes it from other requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    by: ApiKeyId,
    name: [u8; 32],
    content: [u8; 32],
}

/// What is known of an earlier request under the same key.
#[derive(Debug)]
pub enum Known {
    /// It was answered with these octets.
    Answered(Zeroizing<Vec<u8>>),
    /// It was a different request.
    Otherwise,
    /// It was answered, and the answer shows a secret that opens nothing any more, such as a token that was revoked since.
    Outlived,
}

impl Asked {
    /// A request by this API key, to a `route` (its method and path). `content` is everything else that the answer depends
    /// on.
    pub fn new(by: ApiKeyId, key: &IdempotencyKey, route: [&[u8]; 2], content: [&[u8]; 3]) -> Asked {
        let [method, path] = route;
        Asked { by, name: digest([key.0.as_bytes(), method, path]), content: digest(content) }
    }

    /// The name that distinguishes it from requests under other keys, whatever its content.
    pub fn name(&self) -> (ApiKeyId, [u8; 32]) {
        (self.by, self.name)
    }

    /// The row's identity, to which its answer is sealed.
    fn identity(&self) -> String {
        let octets = self.name.iter().chain(&self.content);
        octets.fold(format!("idempotency {} ", self.by), |text, octet| text + &format!("{octet:02x}"))
    }
}

/// What is known of this request, if its key was used in the last day.
pub fn find(tx: &ReadTx<'_>, asked: &Asked) -> Result<Option<Known>, Error> {
    let Some((content, answer)) = table::find(tx, asked)? else { return Ok(None) };
    if content != asked.content {
        return Ok(Some(Known::Otherwise));
    }
    let answer = tx.master_key().open(&asked.identity(), &answer)?;
    // A secret is known by its checksum wherever it stands, so that no answer can be kept whose secrets are forgotten here.
    let secrets: Vec<HashedSecret> = PlainSecret::all_in(&answer).iter().map(PlainSecret::hashed).collect();
    let live = table::are_live(tx, &secrets)?;
    Ok(Some(if live { Known::Answered(answer) } else { Known::Outlived }))
}

/// Keeps the answer to this request for a day, or until newer answers need its room: those of the same account that are the
/// oldest make room for it. One for which there is no room at all is not kept, nor is one of more than [`MAX_ANSWER_OCTETS`].
///
/// Returns what was known before, if anything was: that stays, and whoever repeats the request gets it.
pub fn keep(tx: &WriteTx<'_>, asked: &Asked, answer: &[u8]) -> Result<Option<Known>, Error> {
    let known = find(tx, asked)?;
    if known.is_none() && answer.len() <= MAX_ANSWER_OCTETS {
        keep_first(tx, asked, answer)?;
    }
    Ok(known)
}

fn keep_first(tx: &WriteTx<'_>, asked: &Asked, answer: &[u8]) -> Result<(), Error> {
    let Some(account) = table::account_of(tx, asked.by)? else { return Ok(()) };
    let sealed = tx.master_key().seal(&asked.identity(), answer)?;
    // In place of one that has expired.
    table::delete(tx, asked)?;
    let octets = table::room_of(&sealed);
    if ledger::check(tx, Cap::KeptAnswers, 0, octets).is_err() {
        return Ok(());
    }
    loop {
        match ledger::make_room(tx, account, Cap::KeptAnswers, octets) {
            Ok(()) => break,
            Err(Error::Cap { .. }) if table::delete_oldest(tx, account, FORGOTTEN_AT_ONCE)? > 0 => {}
            Err(error) => return Err(error),
        }
    }
    table::insert(tx, account, asked, &sealed, tx.now() + KEPT_FOR)
}

/// Deletes at most `most` expired answers, and returns how many it deleted: none as long as the clock is not believed.
pub fn forget_expired(tx: &WriteTx<'_>, most: u32) -> Result<usize, Error> {
    tx.expire(|| table::delete_expired(tx, most))
}

/// The SHA-256 of the parts, each after its length, so that two different lists never give the same octets.
fn digest(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_1_to_255_printable_ascii_characters() {
        for good in ["k", " ", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", &"~".repeat(255)] {
            assert!(good.parse::<IdempotencyKey>().is_ok(), "{good}");
        }
        for bad in ["", "a\tb", "é", "\u{7f}", &"k".repeat(256)] {
            assert_eq!(bad.parse::<IdempotencyKey>(), Err(InvalidIdempotencyKey), "{bad:?}");
        }
    }

    #[test]
    fn requests_are_told_apart_by_every_part() {
        let content: [&[u8]; 3] = [b"a", b"b", b"c"];
        let ask = |by, key: &str, method: &[u8], path: &[u8], content| {
            Asked::new(ApiKeyId::new(by), &key_of(key), [method, path], content)
        };
        let first = ask(1, "k", b"POST", b"/a", content);
        assert_eq!(first, ask(1, "k", b"POST", b"/a", content));
        assert_eq!(first.name(), ask(1, "k", b"POST", b"/a", [b"ab", b"", b"c"]).name());
        assert_ne!(first, ask(1, "k", b"POST", b"/a", [b"ab", b"", b"c"]));
        for other in [
            ask(2, "k", b"POST", b"/a", content),
            ask(1, "kP", b"OST", b"/a", content),
            ask(1, "k", b"POST/", b"a", content),
        ] {
            assert_ne!(first.name(), other.name());
        }
    }

    fn key_of(text: &str) -> IdempotencyKey {
        text.parse().unwrap()
    }
}
