//! The SQL of rotations.

use std::time::Duration;

use super::{Rotation, UnderWay};
use crate::clock::Timestamp;
use crate::db::{ReadTx, Row, WriteTx, moment, moment_if_any, named};
use crate::dkim::PublicKey;
use crate::dkim::table::public_key;
use crate::domain::{Holder, holder};
use crate::error::Error;
use crate::id::{DkimKeyId, DomainId};
use crate::name::DnsName;

pub(super) fn find(tx: &ReadTx<'_>, domain: DomainId) -> Result<Option<Rotation>, Error> {
    tx.one("SELECT * FROM rotation WHERE domain_id = ?1", [domain.number()], rotation)
}

pub(super) fn save(tx: &WriteTx<'_>, domain: DomainId, rotation: &Rotation) -> Result<(), Error> {
    let under_way = rotation.under_way.as_ref();
    tx.run(
        "INSERT INTO rotation (domain_id, key_id, replaces_id, started_at, every, next_at)
         VALUES (:domain, :key, :replaces, :started, :every, :next)
         ON CONFLICT (domain_id) DO UPDATE SET key_id = excluded.key_id, replaces_id = excluded.replaces_id,
             started_at = excluded.started_at, every = excluded.every, next_at = excluded.next_at",
        named! {
            ":domain": domain.number(),
            ":key": under_way.map(|under_way| under_way.key.number()),
            ":replaces": under_way.and_then(|under_way| under_way.replaces).map(DkimKeyId::number),
            ":started": under_way.map(|under_way| under_way.since.millis()),
            ":every": rotation.every.map(|every| i64::try_from(every.as_millis()).unwrap_or(i64::MAX)),
            ":next": rotation.next_at.map(Timestamp::millis),
        },
    )?;
    Ok(())
}

/// When the next rotation of each of these domains begins by itself, of those of which one does.
pub(super) fn next_each(tx: &ReadTx<'_>, domains: &[DomainId]) -> Result<Vec<(DomainId, Timestamp)>, Error> {
    let ids: Vec<String> = domains.iter().map(|id| id.number().to_string()).collect();
    tx.all(
        "SELECT domain_id, next_at FROM rotation
         WHERE next_at IS NOT NULL AND domain_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))",
        named! { ":ids": format!("[{}]", ids.join(",")) },
        |row| Ok((DomainId::new(row.get(0)?), Timestamp::from_millis(row.get(1)?))),
    )
}

/// Domains of any account whose rotation waits, and whose new key's record was seen right since it began, for it was pending then. A
/// manual mark, or an earlier look, is not enough.
pub(super) fn seen<'t>(tx: &ReadTx<'t>, limit: u32) -> Result<Vec<Holder<'t>>, Error> {
    holder::all(
        tx,
        // The few rotations first, whatever the planner thinks of everybody's records; and of those one of each account, before
        // a second of any.
        "SELECT d.* FROM rotation o CROSS JOIN record r JOIN domain d ON d.id = o.domain_id
         WHERE o.key_id IS NOT NULL AND r.dkim_key_id = o.key_id AND r.status = 'verified' AND r.failures = 0
             AND r.pinned = 0 AND r.checked_at >= o.started_at
         ORDER BY row_number() OVER (PARTITION BY d.account_id ORDER BY o.started_at), o.started_at LIMIT ?1",
        [limit],
    )
}

/// Domains of any account whose next rotation begins by itself about now: one of each account, before a second of any.
pub(super) fn due<'t>(tx: &ReadTx<'t>, limit: u32) -> Result<Vec<Holder<'t>>, Error> {
    holder::all(
        tx,
        "SELECT d.* FROM rotation o JOIN domain d ON d.id = o.domain_id
         WHERE o.next_at <= ?1
         ORDER BY row_number() OVER (PARTITION BY d.account_id ORDER BY o.next_at), o.next_at LIMIT ?2",
        (tx.now().millis(), limit),
    )
}

/// Keys that were retired before `then` and are not released, those first that were retired first.
pub(super) fn releasable(tx: &ReadTx<'_>, then: Timestamp, limit: u32) -> Result<Vec<DkimKeyId>, Error> {
    let sql = "SELECT id FROM dkim_key
               WHERE retired_at IS NOT NULL AND released_at IS NULL AND retired_at <= ?1 ORDER BY retired_at LIMIT ?2";
    tx.all(sql, (then.millis(), limit), |row| row.get(0).map(DkimKeyId::new))
}

/// Every delegated key with its domain, by where it is delegated to.
pub(super) fn delegated<'t>(tx: &ReadTx<'t>) -> Result<Vec<(DnsName, PublicKey, Holder<'t>)>, Error> {
    tx.all(
        "SELECT k.delegated_to, k.algorithm, k.public_key, d.* FROM dkim_key k JOIN domain d ON d.id = k.domain_id
         WHERE k.delegated_to IS NOT NULL ORDER BY k.delegated_to",
        [],
        |row| {
            let name = DnsName::from_answer(&row.get::<_, String>("delegated_to")?);
            Ok((name, public_key(row)?, holder::of_row(row)?))
        },
    )
}

/// Puts back at most `limit` rotations that lie further ahead than their interval, and returns how many those were.
pub(super) fn pull_back(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    tx.run(
        "UPDATE rotation SET next_at = ?1 + every WHERE domain_id IN
             (SELECT domain_id FROM rotation WHERE next_at > ?1 + every LIMIT ?2)",
        (tx.now().millis(), limit),
    )
}

/// Whether a key that is not released was retired at a time that is still to come.
pub(super) fn is_any_retired_ahead(tx: &ReadTx<'_>) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM dkim_key WHERE retired_at > ?1 AND released_at IS NULL LIMIT 1";
    Ok(tx.one(sql, [tx.now().millis()], |_| Ok(()))?.is_some())
}

/// Has at most `limit` of these keys be retired now, and returns how many those were.
pub(super) fn pull_back_retired(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    tx.run(
        "UPDATE dkim_key SET retired_at = ?1 WHERE id IN
             (SELECT id FROM dkim_key WHERE retired_at > ?1 AND released_at IS NULL LIMIT ?2)",
        (tx.now().millis(), limit),
    )
}

fn rotation(row: &Row<'_>) -> Result<Rotation, Error> {
    let key = row.get::<_, Option<i64>>("key_id")?.map(DkimKeyId::new);
    let replaces = row.get::<_, Option<i64>>("replaces_id")?.map(DkimKeyId::new);
    let under_way = match key {
        Some(key) => Some(UnderWay { key, replaces, since: moment(row, "started_at")? }),
        None => None,
    };
    let every = row.get::<_, Option<i64>>("every")?;
    Ok(Rotation {
        under_way,
        every: every.map(|millis| Duration::from_millis(millis.unsigned_abs())),
        next_at: moment_if_any(row, "next_at")?,
    })
}
