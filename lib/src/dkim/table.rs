//! The SQL of DKIM keys and of spare pairs.

use std::time::Duration;

use super::{Algorithm, DkimKey, KeyPair, PublicKey};
use crate::clock::Timestamp;
use crate::db::{Checksum, ReadTx, Row, SealedColumn, WriteTx, moment, moment_if_any, named, parsed};
use crate::domain::table::{THOSE, those};
use crate::error::Error;
use crate::id::{DkimKeyId, DomainId};
use crate::name::{DnsName, DomainName, Selector};

/// In which order a domain's keys come into question as the one to show: an active one, else one that starts itself, for its record is
/// the one to publish, else one that is not retired; of these the newest.
pub(crate) const CURRENT_FIRST: &str =
    "activated_at IS NULL, starts_itself = 0, retired_at IS NOT NULL, id DESC";

/// The private halves of DKIM keys.
pub(crate) const SEALED: SealedColumn = SealedColumn {
    table: "dkim_key",
    row: "id",
    column: "sealed",
    identity: |row| Ok(super::identity(DomainId::new(row.get("domain_id")?), &public_key(row)?)),
};
/// The private halves of spare pairs.
pub(crate) const SEALED_SPARES: SealedColumn = SealedColumn {
    table: "spare_key",
    row: "id",
    column: "sealed",
    identity: |row| Ok(super::spare_identity(&public_key(row)?)),
};

pub(super) fn insert(
    tx: &WriteTx<'_>,
    domain: DomainId,
    selector: &Selector,
    pair: &KeyPair,
    sealed: &[u8],
    delegated_to: Option<&DnsName>,
) -> Result<DkimKey, Error> {
    let created_at = tx.now();
    let id = tx.insert(
        "INSERT INTO dkim_key (domain_id, selector, algorithm, bits, public_key, sealed, delegated_to, imported, created_at, checksum)
         VALUES (:domain, :selector, :algorithm, :bits, :public, :sealed, :delegated_to, :imported, :now, :checksum)",
        named! {
            ":domain": domain.number(), ":selector": selector.as_str(),
            ":algorithm": pair.public.algorithm().as_str(), ":bits": pair.bits,
            ":public": pair.public.octets(), ":sealed": sealed,
            ":delegated_to": delegated_to.map(DnsName::as_str), ":imported": pair.imported, ":now": created_at.millis(),
            ":checksum": checksum(domain, selector, &pair.public, delegated_to),
        },
    )?;
    Ok(DkimKey {
        id: DkimKeyId::new(id),
        domain,
        selector: selector.clone(),
        published_as: None,
        bits: pair.bits,
        public: pair.public.clone(),
        delegated_to: delegated_to.cloned(),
        created_at,
        activated_at: None,
        retired_at: None,
        released_at: None,
    })
}

pub(super) fn all(tx: &ReadTx<'_>, domain: DomainId) -> Result<Vec<DkimKey>, Error> {
    let sql = "SELECT * FROM dkim_key WHERE domain_id = ?1 ORDER BY id";
    tx.all_once(sql, [domain.number()], "id", dkim_key)
}

pub(super) fn all_unchecked(tx: &ReadTx<'_>, domain: DomainId) -> Result<Vec<DkimKey>, Error> {
    let sql = "SELECT * FROM dkim_key WHERE domain_id = ?1 ORDER BY id";
    tx.all_once(sql, [domain.number()], "id", unchecked)
}

/// Lets the key sign from now on.
pub(super) fn activate(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<(), Error> {
    tx.run(
        "UPDATE dkim_key SET activated_at = ?2, retired_at = NULL, released_at = NULL WHERE id = ?1",
        (key.number(), tx.now().millis()),
    )?;
    Ok(())
}

/// Deactivates the key, and has it not begin by itself. Returns whether it signed, or was to begin.
pub(super) fn deactivate(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<bool, Error> {
    let changed = tx.run(
        "UPDATE dkim_key SET activated_at = NULL, published_as = NULL, starts_itself = 0
         WHERE id = ?1 AND (activated_at IS NOT NULL OR starts_itself = 1)",
        [key.number()],
    )?;
    Ok(changed > 0)
}

/// Deactivates the key, if it signs or is to begin by itself, because another signs in its place from now on. Returns whether that was so.
pub(super) fn retire(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<bool, Error> {
    let changed = tx.run(
        "UPDATE dkim_key SET activated_at = NULL, published_as = NULL, starts_itself = 0, retired_at = ?2
         WHERE id = ?1 AND (activated_at IS NOT NULL OR starts_itself = 1)",
        (key.number(), tx.now().millis()),
    )?;
    Ok(changed > 0)
}

/// Has the rotation end that waits for the key. Returns whether one did.
pub(super) fn call_off_rotation(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<bool, Error> {
    let sql = "UPDATE rotation SET key_id = NULL, replaces_id = NULL, started_at = NULL WHERE key_id = ?1";
    Ok(tx.run(sql, [key.number()])? > 0)
}

/// What there was of rotations of a domain's keys.
pub(super) struct EndedRotations {
    /// The new key of the one that waited.
    pub(super) waits: Option<DkimKeyId>,
    /// How often one began by itself.
    pub(super) every: Option<Duration>,
}

pub(super) fn end_rotations(tx: &WriteTx<'_>, domain: DomainId) -> Result<Option<EndedRotations>, Error> {
    tx.one("DELETE FROM rotation WHERE domain_id = ?1 RETURNING key_id, every", [domain.number()], |row| {
        let every = row.get::<_, Option<i64>>(1)?.map(|millis| Duration::from_millis(millis.unsigned_abs()));
        Ok(EndedRotations { waits: row.get::<_, Option<i64>>(0)?.map(DkimKeyId::new), every })
    })
}

/// Of the keys that do not sign and are not delegated the one that can go first: one that is released, or else one that is not needed for
/// mail on its way; an imported one before others.
pub(super) fn least_needed(tx: &ReadTx<'_>, domain: DomainId) -> Result<Option<DkimKey>, Error> {
    tx.one(
        "SELECT * FROM dkim_key WHERE domain_id = ?1 AND activated_at IS NULL AND delegated_to IS NULL
         ORDER BY released_at IS NULL, retired_at IS NOT NULL, imported = 0, id LIMIT 1",
        [domain.number()],
        dkim_key,
    )
}

/// Notes of a key that was retired before `then` that nobody needs its record any more.
pub(super) fn release(tx: &WriteTx<'_>, key: DkimKeyId, then: Timestamp) -> Result<Option<DkimKey>, Error> {
    tx.one(
        "UPDATE dkim_key SET released_at = ?2 WHERE id = ?1 AND released_at IS NULL AND retired_at <= ?3 RETURNING *",
        (key.number(), tx.now().millis(), then.millis()),
        dkim_key,
    )
}

/// Another selector; `published_as` is the name under which it signs until its record is seen there.
pub(super) fn rename(
    tx: &WriteTx<'_>,
    key: &DkimKey,
    selector: &Selector,
    published_as: Option<&Selector>,
) -> Result<(), Error> {
    tx.run(
        "UPDATE dkim_key SET selector = ?2, published_as = ?3, checksum = ?4 WHERE id = ?1",
        (
            key.id.number(),
            selector.as_str(),
            published_as.map(Selector::as_str),
            checksum(key.domain, selector, &key.public, key.delegated_to.as_ref()),
        ),
    )?;
    Ok(())
}

/// The key signs under its selector from now on.
pub(super) fn sign_under_selector(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<(), Error> {
    tx.run("UPDATE dkim_key SET published_as = NULL WHERE id = ?1", [key.number()])?;
    Ok(())
}

/// A check has seen the key's record right.
pub(super) fn note_seen(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<(), Error> {
    let sql = "UPDATE dkim_key SET seen_at = coalesce(seen_at, ?2) WHERE id = ?1";
    tx.put(sql, (key.number(), tx.now().millis()))
}

pub(super) fn delete(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<(), Error> {
    tx.run("DELETE FROM dkim_key WHERE id = ?1", [key.number()])?;
    Ok(())
}

/// A key that signs, as it is stored.
pub(super) struct ActiveKey {
    pub(super) domain: DomainId,
    /// Of the domain.
    pub(super) name: DomainName,
    /// The one under which its record is published.
    pub(super) selector: Selector,
    pub(super) public: PublicKey,
    pub(super) sealed: Vec<u8>,
}

/// The active keys of a domain, the oldest first. Who asks has seen that the domain acts.
pub(super) fn active(tx: &ReadTx<'_>, id: DomainId) -> Result<Vec<ActiveKey>, Error> {
    tx.all_once(
        "SELECT k.*, coalesce(k.published_as, k.selector) AS signs_as, d.name FROM dkim_key k JOIN domain d ON d.id = k.domain_id
         WHERE k.domain_id = ?1 AND k.activated_at IS NOT NULL ORDER BY k.id",
        [id.number()],
        "id",
        |row| {
            Ok(ActiveKey {
                domain: DomainId::new(row.get("domain_id")?),
                name: DomainName::stored(row.get("name")?),
                selector: Selector::stored(row.get("signs_as")?),
                public: public_key(row)?,
                sealed: row.get("sealed")?,
            })
        },
    )
}

/// Activates the key, if it is to begin by itself. Returns its selector if so.
pub(super) fn start_itself(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<Option<Selector>, Error> {
    tx.one(
        "UPDATE dkim_key SET activated_at = ?2, starts_itself = 0 WHERE id = ?1 AND starts_itself = 1
         RETURNING selector",
        (key.number(), tx.now().millis()),
        |row| row.get(0).map(Selector::stored),
    )
}

/// Lets the key begin by itself when its record is first seen right.
pub(super) fn let_start_itself(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<(), Error> {
    tx.put("UPDATE dkim_key SET starts_itself = 1 WHERE id = ?1", [key.number()])
}

/// Deactivates the keys that the domain's owner has brought, and has none of them begin by itself. Returns which signed.
pub(super) fn shelve_imported(tx: &WriteTx<'_>, domain: DomainId) -> Result<Vec<DkimKey>, Error> {
    let signed = tx.all(
        "SELECT * FROM dkim_key WHERE domain_id = ?1 AND imported = 1 AND activated_at IS NOT NULL ORDER BY id",
        [domain.number()],
        dkim_key,
    )?;
    tx.run(
        "UPDATE dkim_key SET activated_at = NULL, published_as = NULL, starts_itself = 0
         WHERE domain_id = ?1 AND imported = 1",
        [domain.number()],
    )?;
    Ok(signed)
}

/// Has no key of the domain begin by itself any more: somebody decides.
pub(super) fn let_none_start_itself(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run("UPDATE dkim_key SET starts_itself = 0 WHERE domain_id = ?1", [domain.number()])?;
    Ok(())
}

/// Deactivates the keys of these domains that sign, but for those whose record was looked for after `seen_since`. They sign again by
/// themselves. Returns which those are.
pub(super) fn suspend(
    tx: &WriteTx<'_>,
    domains: &[DomainId],
    seen_since: Option<Timestamp>,
) -> Result<Vec<DkimKey>, Error> {
    let mut suspended = tx.all(
        &format!(
            "UPDATE dkim_key SET activated_at = NULL, published_as = NULL, starts_itself = 1, seen_at = NULL
             WHERE domain_id IN ({THOSE}) AND activated_at IS NOT NULL AND NOT EXISTS (
                 SELECT 1 FROM record r WHERE r.dkim_key_id = dkim_key.id AND r.checked_at > :since)
             RETURNING *"
        ),
        named! {
            ":ids": those(domains), ":since": seen_since.map_or(i64::MAX, Timestamp::millis),
        },
        dkim_key,
    )?;
    suspended.sort_by_key(|key| key.id);
    Ok(suspended)
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

pub(super) fn has_spare(tx: &ReadTx<'_>) -> Result<bool, Error> {
    Ok(tx.one("SELECT EXISTS (SELECT 1 FROM spare_key)", [], |row| row.get(0))?.unwrap_or(false))
}

pub(super) fn take_spare(tx: &WriteTx<'_>) -> Result<Option<(u32, PublicKey, Vec<u8>)>, Error> {
    tx.one(
        "DELETE FROM spare_key WHERE id = (SELECT min(id) FROM spare_key) RETURNING bits, public_key, sealed",
        [],
        |row| Ok((row.get(0)?, PublicKey::stored(Algorithm::Rsa, row.get(1)?), row.get(2)?)),
    )
}

/// The public half in a row that has `algorithm` and `public_key`.
pub(crate) fn public_key(row: &Row<'_>) -> Result<PublicKey, Error> {
    Ok(PublicKey::stored(parsed(row, "algorithm")?, row.get("public_key")?))
}

/// Where a key is delegated to, of a row that has `delegated_to`.
pub(crate) fn delegated_to(row: &Row<'_>) -> Result<Option<DnsName>, Error> {
    Ok(row.get::<_, Option<String>>("delegated_to")?.map(|name| DnsName::from_answer(&name)))
}

/// The name under which a key signs, where that is not its selector yet, of a row that has `published_as`.
pub(crate) fn published_as(row: &Row<'_>) -> Result<Option<Selector>, Error> {
    Ok(row.get::<_, Option<_>>("published_as")?.map(Selector::stored))
}

/// The checksum of what is published of a key.
pub(crate) fn checksum(
    domain: DomainId,
    selector: &Selector,
    public: &PublicKey,
    delegated_to: Option<&DnsName>,
) -> Checksum {
    let (algorithm, target) = (public.algorithm().as_str(), delegated_to.map(DnsName::as_str));
    Checksum::of(&[&domain.number(), &selector.as_str(), &algorithm, &public.octets(), &target])
}

/// Refuses a row of another table whose key, joined to it as `key_domain` and `key_checksum`, is damaged.
pub(crate) fn check_joined(
    row: &Row<'_>,
    selector: &Selector,
    public: &PublicKey,
    delegated_to: Option<&DnsName>,
) -> Result<(), Error> {
    let domain = DomainId::new(row.get("key_domain")?);
    let checksum = checksum(domain, selector, public, delegated_to);
    checksum.check(row, "key_checksum", format_args!("a DKIM key of the domain {domain}"))
}

/// A key, of a row that has all of its columns.
pub(crate) fn dkim_key(row: &Row<'_>) -> Result<DkimKey, Error> {
    let key = unchecked(row)?;
    let checksum = checksum(key.domain, &key.selector, &key.public, key.delegated_to.as_ref());
    checksum.check(row, "checksum", format_args!("the DKIM key {} of the domain {}", key.id, key.domain))?;
    Ok(key)
}

/// The checksum of a row that is right, or has none yet, and whose private half is sealed for this public one.
pub(crate) fn right_checksum(tx: &ReadTx<'_>, id: i64) -> Result<Option<Checksum>, Error> {
    let found = tx.one("SELECT * FROM dkim_key WHERE id = ?1", [id], |row| {
        Ok((dkim_key(row)?, row.get::<_, Vec<u8>>("sealed")?))
    })?;
    let Some((key, sealed)) = found else { return Ok(None) };
    tx.master_key().open(&super::identity(key.domain, &key.public), &sealed)?;
    Ok(Some(checksum(key.domain, &key.selector, &key.public, key.delegated_to.as_ref())))
}

fn unchecked(row: &Row<'_>) -> Result<DkimKey, Error> {
    Ok(DkimKey {
        id: DkimKeyId::new(row.get("id")?),
        domain: DomainId::new(row.get("domain_id")?),
        selector: Selector::stored(row.get("selector")?),
        published_as: published_as(row)?,
        bits: row.get("bits")?,
        public: public_key(row)?,
        delegated_to: delegated_to(row)?,
        created_at: moment(row, "created_at")?,
        activated_at: moment_if_any(row, "activated_at")?,
        retired_at: moment_if_any(row, "retired_at")?,
        released_at: moment_if_any(row, "released_at")?,
    })
}
