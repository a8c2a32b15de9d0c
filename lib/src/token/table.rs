//! The SQL of domain tokens.

use super::DomainToken;
use crate::clock::Timestamp;
use crate::db::{ReadTx, Row, WriteTx, moment, moment_if_any, named};
use crate::error::{Entity, Error};
use crate::id::{DomainId, DomainTokenId};
use crate::secret::{HashedSecret, PlainSecret};

pub(super) fn insert(
    tx: &WriteTx<'_>,
    domain: DomainId,
    secret: &PlainSecret,
    name: Option<&str>,
) -> Result<DomainToken, Error> {
    tx.one(
        "INSERT INTO domain_token (domain_id, name, hash, last4, created_at, updated_at)
         VALUES (:domain, :name, :hash, :last4, :now, :now) RETURNING *",
        named! {
            ":domain": domain.number(), ":name": name, ":hash": secret.hashed().octets(),
            ":last4": secret.last4(), ":now": tx.now().millis(),
        },
        token,
    )?
    .ok_or(Error::NotFound(Entity::Domain))
}

pub(super) fn newest(tx: &ReadTx<'_>, domain: DomainId) -> Result<Option<DomainTokenId>, Error> {
    let newest =
        "SELECT id FROM domain_token WHERE domain_id = ?1 AND revoked_at IS NULL ORDER BY id DESC LIMIT 1";
    tx.one(newest, [domain.number()], |row| row.get(0).map(DomainTokenId::new))
}

pub(super) fn page(
    tx: &ReadTx<'_>,
    domain: DomainId,
    after: Option<DomainTokenId>,
    limit: u32,
) -> Result<Vec<DomainToken>, Error> {
    tx.all(
        "SELECT * FROM domain_token WHERE domain_id = ?1 AND revoked_at IS NULL AND id > ?2 ORDER BY id LIMIT ?3",
        (domain.number(), after.map_or(0, DomainTokenId::number), limit),
        token,
    )
}

pub(super) fn by_id(
    tx: &ReadTx<'_>,
    domain: DomainId,
    id: DomainTokenId,
) -> Result<Option<DomainToken>, Error> {
    tx.one(
        "SELECT * FROM domain_token WHERE id = ?1 AND domain_id = ?2 AND revoked_at IS NULL",
        (id.number(), domain.number()),
        token,
    )
}

pub(super) fn rename(
    tx: &WriteTx<'_>,
    domain: DomainId,
    id: DomainTokenId,
    name: Option<&str>,
) -> Result<Option<DomainToken>, Error> {
    tx.one(
        "UPDATE domain_token SET name = ?3, updated_at = ?4
         WHERE id = ?1 AND domain_id = ?2 AND revoked_at IS NULL RETURNING *",
        (id.number(), domain.number(), name, tx.now().millis()),
        token,
    )
}

pub(super) fn revoke(
    tx: &WriteTx<'_>,
    domain: DomainId,
    id: DomainTokenId,
) -> Result<Option<DomainToken>, Error> {
    tx.one(
        "UPDATE domain_token SET revoked_at = ?3
         WHERE id = ?1 AND domain_id = ?2 AND revoked_at IS NULL RETURNING *",
        (id.number(), domain.number(), tx.now().millis()),
        token,
    )
}

/// Returns those that were not revoked before.
pub(super) fn revoke_all(tx: &WriteTx<'_>, domain: DomainId) -> Result<Vec<DomainToken>, Error> {
    let mut revoked = tx.all(
        "UPDATE domain_token SET revoked_at = ?2 WHERE domain_id = ?1 AND revoked_at IS NULL RETURNING *",
        (domain.number(), tx.now().millis()),
        token,
    )?;
    revoked.sort_by_key(|token| token.id);
    Ok(revoked)
}

/// Forgets revoked tokens of the domain beside the newest `most`, some at a time.
pub(super) fn delete_oldest_revoked(tx: &WriteTx<'_>, domain: DomainId, most: u32) -> Result<(), Error> {
    tx.put(
        "DELETE FROM domain_token WHERE id IN (
             SELECT id FROM domain_token WHERE domain_id = ?1 AND revoked_at IS NOT NULL ORDER BY id DESC LIMIT 100 OFFSET ?2)",
        (domain.number(), most),
    )
}

pub(super) fn by_hash(
    tx: &ReadTx<'_>,
    hash: &HashedSecret,
) -> Result<Option<(DomainId, DomainTokenId)>, Error> {
    tx.one(
        "SELECT domain_id, id FROM domain_token WHERE hash = ?1 AND revoked_at IS NULL",
        [hash.octets()],
        |row| Ok((DomainId::new(row.get(0)?), DomainTokenId::new(row.get(1)?))),
    )
}

pub(super) fn note_use(tx: &WriteTx<'_>, token: DomainTokenId, at: Timestamp) -> Result<(), Error> {
    tx.run(
        "UPDATE domain_token SET last_used_at = max(coalesce(last_used_at, 0), ?2) WHERE id = ?1",
        (token.number(), at.millis()),
    )?;
    Ok(())
}

pub(super) fn delete_revoked_before(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM domain_token WHERE id IN
             (SELECT id FROM domain_token WHERE revoked_at < ?1 ORDER BY revoked_at LIMIT ?2)",
        (before.millis(), most),
    )
}

fn token(row: &Row<'_>) -> Result<DomainToken, Error> {
    Ok(DomainToken {
        id: DomainTokenId::new(row.get("id")?),
        domain: DomainId::new(row.get("domain_id")?),
        name: row.get("name")?,
        last4: row.get("last4")?,
        created_at: moment(row, "created_at")?,
        updated_at: moment(row, "updated_at")?,
        last_used_at: moment_if_any(row, "last_used_at")?,
    })
}
