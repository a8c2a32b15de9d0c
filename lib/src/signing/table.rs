//! The SQL of what signing rests on: domains with the names of their authorities, and the records of both.

use std::collections::HashMap;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{Params, ReadTx, Row, moment_if_any};
use crate::domain::Details;
use crate::domain::table::details;
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
    let those = format!("d.id IN ({}) AND {}", listed(ids.iter().copied()), visible(caller));
    subjects(tx, &those, Scope::of(caller).with(&[]).as_slice())
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
    let ids = own.chain(subjects.iter().filter_map(|subject| subject.domain.authority));
    let mut records: HashMap<DomainId, Vec<Record>> = HashMap::new();
    for record in record::table::of(tx, &listed(ids), [])? {
        records.entry(record.domain).or_default().push(record);
    }
    Ok(records)
}

/// Numbers, which need no place for a parameter each.
fn listed(ids: impl Iterator<Item = DomainId>) -> String {
    ids.map(|id| id.number().to_string()).collect::<Vec<_>>().join(", ")
}
