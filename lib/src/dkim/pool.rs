//! Spare key pairs, made ahead of need: a request that creates a domain takes one instead of making it.
//!
//! They lie in the database, sealed like any private key. A background thread calls [`fill`]; an embedder without one may
//! call it when it suits. No pair is ever made inside a transaction, where everybody else would wait for it: an operation
//! that finds the pool empty leaves the key for later, or ends with [`Error::NoSpareKey`], and [`write()`] makes a
//! pair and repeats it.

use crate::db::{Postroom, ReadTx, Session, WriteTx};
use crate::dkim::{KeyKind, KeyPair, spare_identity, table};
use crate::error::Error;

/// Whether there are fewer pairs than the settings want.
pub fn has_room(tx: &ReadTx<'_>) -> Result<bool, Error> {
    Ok(count(tx)? < tx.settings().spare_keys)
}

/// Makes one pair if the pool is not full, outside any transaction. Returns whether there was room for it.
///
/// Several threads may do this at once: a pair for which there is no room any more when it is made is thrown away.
pub fn fill(postroom: &Postroom) -> Result<bool, Error> {
    if !postroom.read(has_room)? {
        return Ok(false);
    }
    let pair = KeyPair::generate(KeyKind::default())?;
    postroom.write(|tx| if has_room(tx)? { add(tx, &pair) } else { Ok(()) })?;
    Ok(true)
}

/// Runs `work` in one transaction, as [`Session::write`] does, with as many spare pairs as it takes: where it ends with
/// [`Error::NoSpareKey`], a pair is made outside the transaction, and `work` runs again.
///
/// Whatever makes a DKIM key from [`Source::Pool`](super::Source::Pool) and cannot do without it runs in this. What `work`
/// did before it ended so is undone.
pub fn write<'a, T>(
    db: impl Into<Session<'a>>,
    work: impl Fn(&WriteTx<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let db = db.into();
    let mut made = Vec::new();
    loop {
        // In the same transaction, so that nobody else takes them.
        let done = db.write(|tx| {
            made.iter().try_for_each(|pair| add(tx, pair))?;
            work(tx)
        });
        match done {
            Err(Error::NoSpareKey) => made.push(KeyPair::generate(KeyKind::default())?),
            done => return done,
        }
    }
}

/// Puts a pair that [`KeyPair::generate`] made outside any transaction into the pool.
///
/// `Invalid` if it is not of the default kind, or was imported: whoever had it before could sign with it, so that its record proves nothing.
pub fn add(tx: &WriteTx<'_>, pair: &KeyPair) -> Result<(), Error> {
    let kind = KeyKind::default();
    if pair.imported {
        return Err(Error::invalid("pair", "it was imported; the pool has pairs that were generated here"));
    }
    if (pair.public.algorithm(), pair.bits) != (kind.algorithm(), kind.bits()) {
        let (bits, algorithm) = (kind.bits(), kind.algorithm());
        let reason = format_args!(
            "the pool has {algorithm} keys of {bits} bits; give it to an operation as Source::Pair"
        );
        return Err(Error::invalid("pair", reason));
    }
    let sealed = tx.master_key().seal(&spare_identity(&pair.public), &pair.private)?;
    table::insert_spare(tx, pair, &sealed)
}

/// How many pairs there are.
pub fn count(tx: &ReadTx<'_>) -> Result<u32, Error> {
    table::count_spares(tx)
}

/// Whether the pool has a pair.
pub(crate) fn has_pair(tx: &ReadTx<'_>) -> Result<bool, Error> {
    table::has_spare(tx)
}

/// The oldest pair out of the pool; `NoSpareKey` where it is empty.
pub(super) fn take(tx: &WriteTx<'_>) -> Result<KeyPair, Error> {
    let (bits, public, sealed) = table::take_spare(tx)?.ok_or(Error::NoSpareKey)?;
    let private = tx.master_key().open(&spare_identity(&public), &sealed)?;
    Ok(KeyPair { bits, public, private, imported: false })
}
