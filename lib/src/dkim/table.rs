//! The SQL of DKIM keys and of spare pairs.

use rusqlite::{Row, named_params};

use super::{Algorithm, DkimKey, KeyPair, PublicKey};
use crate::db::{ReadTx, WriteTx, moment, moment_if_any, parsed};
use crate::error::Error;
use crate::id::{DkimKeyId, DomainId};
use crate::name::Selector;

/// In which order a domain's keys come into question as the current one: the newest active one, else the newest.
pub(crate) const CURRENT_FIRST: &str = "activated_at IS NULL, id DESC";

pub(super) fn insert(
    tx: &WriteTx<'_>,
    domain: DomainId,
    selector: &Selector,
    pair: &KeyPair,
    sealed: &[u8],
) -> Result<DkimKey, Error> {
    let created_at = tx.now();
    let id = tx.insert(
        "INSERT INTO dkim_key (domain_id, selector, algorithm, bits, public_key, sealed, created_at)
         VALUES (:domain, :selector, 'rsa', :bits, :public, :sealed, :now) RETURNING id",
        named_params! {
            ":domain": domain.number(), ":selector": selector.as_str(), ":bits": pair.bits,
            ":public": pair.public.octets(), ":sealed": sealed, ":now": created_at.millis(),
        },
    )?;
    Ok(DkimKey {
        id: DkimKeyId::new(id),
        domain,
        selector: selector.clone(),
        bits: pair.bits,
        public: pair.public.clone(),
        created_at,
        activated_at: None,
    })
}

pub(super) fn all(tx: &ReadTx<'_>, domain: DomainId) -> Result<Vec<DkimKey>, Error> {
    tx.all("SELECT * FROM dkim_key WHERE domain_id = ?1 ORDER BY id", [domain.number()], dkim_key)
}

/// Activates the key, if its domain has no active one. Returns its selector if so.
pub(crate) fn activate_first(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<Option<Selector>, Error> {
    tx.one(
        "UPDATE dkim_key SET activated_at = ?2 WHERE id = ?1 AND NOT EXISTS
             (SELECT 1 FROM dkim_key other
              WHERE other.domain_id = dkim_key.domain_id AND other.activated_at IS NOT NULL)
         RETURNING selector",
        (key.number(), tx.now().millis()),
        |row| row.get(0).map(Selector::stored),
    )
}

pub(crate) fn deactivate_all(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run("UPDATE dkim_key SET activated_at = NULL WHERE domain_id = ?1", [domain.number()])?;
    Ok(())
}

pub(super) fn insert_spare(tx: &WriteTx<'_>, pair: &KeyPair, sealed: &[u8]) -> Result<(), Error> {
    tx.run(
        "INSERT INTO spare_key (algorithm, bits, public_key, sealed) VALUES ('rsa', ?1, ?2, ?3)",
        (pair.bits, pair.public.octets(), sealed),
    )?;
    Ok(())
}

pub(super) fn count_spares(tx: &ReadTx<'_>) -> Result<u32, Error> {
    Ok(tx.one("SELECT count(*) FROM spare_key", [], |row| row.get(0))?.unwrap_or(0))
}

pub(super) fn take_spare(tx: &WriteTx<'_>) -> Result<Option<(u32, PublicKey, Vec<u8>)>, Error> {
    tx.one(
        "DELETE FROM spare_key WHERE id = (SELECT min(id) FROM spare_key) RETURNING bits, public_key, sealed",
        [],
        |row| Ok((row.get(0)?, PublicKey::stored(Algorithm::Rsa, row.get(1)?), row.get(2)?)),
    )
}

/// The public half in a row that has `algorithm` and `public_key`.
pub(crate) fn public_key(row: &Row<'_>) -> rusqlite::Result<PublicKey> {
    Ok(PublicKey::stored(parsed(row, "algorithm")?, row.get("public_key")?))
}

fn dkim_key(row: &Row<'_>) -> rusqlite::Result<DkimKey> {
    Ok(DkimKey {
        id: DkimKeyId::new(row.get("id")?),
        domain: DomainId::new(row.get("domain_id")?),
        selector: Selector::stored(row.get("selector")?),
        bits: row.get("bits")?,
        public: public_key(row)?,
        created_at: moment(row, "created_at")?,
        activated_at: moment_if_any(row, "activated_at")?,
    })
}
