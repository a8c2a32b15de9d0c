//! The SQL of what signing rests on: domains, their authorities, and the records of both.

use std::collections::HashMap;

use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx, moment_if_any, named};
use crate::domain::Details;
use crate::domain::table::{THOSE, details, those};
use crate::error::Error;
use crate::id::DomainId;
use crate::name::DomainName;
use crate::record::{self, Record};

/// The name of a domain's authority, and when that was proved.
pub(super) type Authority = (DomainName, Option<Timestamp>);

pub(super) fn one(tx: &ReadTx<'_>, id: DomainId) -> Result<Option<Details>, Error> {
    tx.one("SELECT * FROM domain WHERE id = ?1", [id.number()], details)
}

/// The domain, and at most so many of those for which it is the authority.
pub(super) fn with_dependents(tx: &ReadTx<'_>, id: DomainId, most: usize) -> Result<Vec<Details>, Error> {
    tx.all_once(
        "SELECT * FROM domain WHERE id = ?1
         UNION ALL SELECT * FROM (SELECT * FROM domain WHERE authority_id = ?1 ORDER BY id LIMIT ?2) dependent",
        (id.number(), i64::try_from(most).unwrap_or(i64::MAX)),
        "id",
        details,
    )
}

/// The domains with these ids, as far as they are the authorities of others: no statement if there is none.
pub(super) fn authorities(tx: &ReadTx<'_>, ids: &[DomainId]) -> Result<HashMap<DomainId, Authority>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!("SELECT id, name, proved_at FROM domain WHERE id IN ({THOSE})");
    let found = tx.all(&sql, named! { ":ids": those(ids) }, |row| {
        let name = DomainName::stored(row.get("name")?);
        Ok((DomainId::new(row.get("id")?), (name, moment_if_any(row, "proved_at")?)))
    })?;
    Ok(found.into_iter().collect())
}

/// The records of the domains with these ids.
pub(super) fn records_of(tx: &ReadTx<'_>, ids: &[DomainId]) -> Result<Vec<Record>, Error> {
    match ids {
        [id] => record::table::all(tx, *id),
        ids => record::table::each(tx, ids),
    }
}

/// The value of a setting from which statuses follow.
pub(super) struct Applied {
    pub(super) value: String,
    /// The domain up to which they do, by id; none if all do.
    pub(super) up_to: Option<DomainId>,
}

pub(super) fn applied(tx: &ReadTx<'_>, name: &str) -> Result<Option<Applied>, Error> {
    tx.one("SELECT value, up_to_id FROM applied_setting WHERE name = ?1", [name], |row| {
        let up_to = row.get::<_, Option<i64>>("up_to_id")?.map(DomainId::new);
        Ok(Applied { value: row.get("value")?, up_to })
    })
}

pub(super) fn note_applied(
    tx: &WriteTx<'_>,
    name: &str,
    value: &str,
    up_to: Option<DomainId>,
) -> Result<(), Error> {
    tx.run(
        "INSERT INTO applied_setting (name, value, up_to_id) VALUES (:name, :value, :up_to)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, up_to_id = excluded.up_to_id",
        named! { ":name": name, ":value": value, ":up_to": up_to.map(DomainId::number) },
    )?;
    Ok(())
}

/// The next domains after one, of all accounts, that are not proved by themselves.
pub(super) fn unproved_after(tx: &ReadTx<'_>, after: DomainId, limit: u32) -> Result<Vec<DomainId>, Error> {
    tx.all(
        "SELECT id FROM domain WHERE proved_at IS NULL AND id > ?1 ORDER BY id LIMIT ?2",
        (after.number(), limit),
        |row| row.get(0).map(DomainId::new),
    )
}
