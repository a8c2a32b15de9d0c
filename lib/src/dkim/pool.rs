//! Spare key pairs, made ahead of need: a request that creates a domain takes one instead of making it.
//!
//! They lie in the database, sealed like any private key. A background thread calls [`fill`]; an embedder
//! without one may call it when it suits, or not at all: then pairs are made in place.

use crate::db::{Postroom, ReadTx, WriteTx};
use crate::dkim::{KeyPair, Kind, PublicKey, Supply, table};
use crate::error::Error;

/// What a spare pair's private half is sealed for; taken, it is sealed anew for its domain.
fn identity(public: &PublicKey) -> String {
    use base64::Engine;
    format!("spare_key {}", base64::engine::general_purpose::STANDARD.encode(public.octets()))
}

/// Makes one pair if the pool is not full, outside any transaction. Returns whether there was room for it.
pub fn fill(postroom: &Postroom) -> Result<bool, Error> {
    if postroom.read(count)? >= postroom.settings().spare_keys {
        return Ok(false);
    }
    let pair = KeyPair::generate(Kind::default())?;
    postroom.write(|tx| add(tx, &pair))?;
    Ok(true)
}

/// Where a new key of the default kind is to come from: the pool, unless that is empty.
pub fn supply(tx: &ReadTx<'_>) -> Result<Supply, Error> {
    Ok(if count(tx)? > 0 { Supply::Pool } else { Supply::Make(Kind::default()) })
}

/// Puts a pair of the default kind that was made elsewhere into the pool.
pub fn add(tx: &WriteTx<'_>, pair: &KeyPair) -> Result<(), Error> {
    let sealed = tx.master_key().seal(&identity(&pair.public), &pair.private)?;
    table::insert_spare(tx, pair, &sealed)
}

/// How many pairs there are.
pub fn count(tx: &ReadTx<'_>) -> Result<u32, Error> {
    table::count_spares(tx)
}

/// The oldest pair out of the pool, or a new one where it is empty.
pub(super) fn take(tx: &WriteTx<'_>) -> Result<KeyPair, Error> {
    match table::take_spare(tx)? {
        Some((bits, public, sealed)) => {
            let private = tx.master_key().open(&identity(&public), &sealed)?;
            Ok(KeyPair { bits, public, private, imported: false })
        }
        None => KeyPair::generate(Kind::default()),
    }
}
