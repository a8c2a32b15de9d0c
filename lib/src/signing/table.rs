//! The SQL of what signing rests on: domains with the names of their authorities, and the records of both.

use std::collections::HashMap;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{Params, ReadTx, Row, WriteTx, moment_if_any, named};
use crate::domain::Details;
use crate::domain::table::{THOSE, details, those};
use crate::domain::visibility::{Scope, visible};
use crate::error::Error;
use crate::id::DomainId;
use crate::name::DomainName;
use crate::record::{self, Record};

/// A domain whose signing is looked at.
pub(super) struct Subject {
    pub(super) domain: Details,
    /// The name of its authority, where that is another, and when that was proved.
    pub(super) authority: Option<(DomainName, Option<Timestamp>)>,
}

pub(super) fn one(tx: &ReadTx<'_>, id: DomainId) -> Result<Vec<Subject>, Error> {
    subjects(tx, "d.id = ?1", [id.number()])
}

/// The domain, and those for which it is the authority.
pub(super) fn with_dependents(tx: &ReadTx<'_>, id: DomainId) -> Result<Vec<Subject>, Error> {
    subjects(tx, "d.id = ?1 OR d.authority_id = ?1", [id.number()])
}

/// Those of these domains that the caller may see.
pub(super) fn some(tx: &ReadTx<'_>, caller: &Caller, ids: &[DomainId]) -> Result<Vec<Subject>, Error> {
    let (scope, visible) = (Scope::of(caller), visible(caller));
    if let [id] = ids {
        let which = format!("d.id = :id AND {visible}");
        return subjects(tx, &which, scope.with(&[(":id", &id.number())]).as_slice());
    }
    let which = format!("d.id IN ({THOSE}) AND {visible}");
    subjects(tx, &which, scope.with(&[(":ids", &those(ids))]).as_slice())
}

fn subjects(tx: &ReadTx<'_>, which: &str, params: impl Params) -> Result<Vec<Subject>, Error> {
    let sql = format!(
        "SELECT d.*, a.name AS authority_name, a.proved_at AS authority_proved_at FROM domain d LEFT JOIN domain a ON a.id = d.authority_id
         WHERE {which}"
    );
    tx.all(&sql, params, |row: &Row<'_>| {
        let authority = match row.get::<_, Option<_>>("authority_name")?.map(DomainName::stored) {
            Some(name) => Some((name, moment_if_any(row, "authority_proved_at")?)),
            None => None,
        };
        Ok(Subject { domain: details(row)?, authority })
    })
}

/// The records of these domains and of their authorities, by domain.
pub(super) fn records(
    tx: &ReadTx<'_>,
    subjects: &[Subject],
) -> Result<HashMap<DomainId, Vec<Record>>, Error> {
    let own = subjects.iter().map(|subject| subject.domain.id);
    let ids = own.chain(subjects.iter().filter_map(|subject| subject.domain.authority)).collect::<Vec<_>>();
    let mut records: HashMap<DomainId, Vec<Record>> = HashMap::new();
    for record in records_of(tx, &ids)? {
        records.entry(record.domain).or_default().push(record);
    }
    Ok(records)
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
