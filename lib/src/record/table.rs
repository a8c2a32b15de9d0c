//! The SQL of records.

use rusqlite::{Row, named_params};

use super::{Problem, PublishedKey, Purpose, Record, Standing};
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx, moment_if_any, parsed};
use crate::dkim::table::public_key;
use crate::error::Error;
use crate::id::{DkimKeyId, DomainId, RecordId};
use crate::name::Selector;

pub(super) fn insert(
    tx: &WriteTx<'_>,
    domain: DomainId,
    purpose: Purpose,
    host: &str,
    value: &str,
    priority: Option<u16>,
) -> Result<(), Error> {
    tx.run(
        "INSERT INTO record (domain_id, purpose, host, value, priority)
         VALUES (:domain, :purpose, :host, :value, :priority)",
        named_params! {
            ":domain": domain.number(), ":purpose": purpose.as_str(), ":host": host, ":value": value,
            ":priority": priority,
        },
    )?;
    Ok(())
}

pub(super) fn insert_dkim(tx: &WriteTx<'_>, domain: DomainId, key: DkimKeyId) -> Result<(), Error> {
    tx.run(
        "INSERT INTO record (domain_id, purpose, dkim_key_id) VALUES (?1, 'dkim', ?2)",
        (domain.number(), key.number()),
    )?;
    Ok(())
}

pub(super) fn delete_all(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM record WHERE domain_id = ?1", [domain.number()])?;
    Ok(())
}

pub(super) fn all(tx: &ReadTx<'_>, domain: DomainId) -> Result<Vec<Record>, Error> {
    tx.all(
        "SELECT r.*, k.selector, k.algorithm, k.public_key, k.activated_at
         FROM record r LEFT JOIN dkim_key k ON k.id = r.dkim_key_id
         WHERE r.domain_id = ?1 ORDER BY r.id",
        [domain.number()],
        record,
    )
}

/// What a check changes of a record.
pub(crate) struct Check<'a> {
    pub(crate) standing: &'a Standing,
    pub(crate) at: Option<Timestamp>,
    pub(crate) observed: Option<&'a str>,
    pub(crate) problem: Option<&'a Problem>,
}

pub(crate) fn note_check(tx: &WriteTx<'_>, id: RecordId, check: &Check<'_>) -> Result<(), Error> {
    tx.run(
        "UPDATE record SET status = :status, pinned = :pinned, failures = :failures, failing_since = :since,
             checked_at = :at, observed = :observed, problem_code = :code, problem_text = :text
         WHERE id = :id",
        named_params! {
            ":id": id.number(), ":status": check.standing.status.as_str(),
            ":pinned": check.standing.pinned,
            ":failures": check.standing.failures,
            ":since": check.standing.failing_since.map(Timestamp::millis),
            ":at": check.at.map(Timestamp::millis),
            ":observed": check.observed,
            ":code": check.problem.map(|problem| &problem.code),
            ":text": check.problem.map(|problem| &problem.text),
        },
    )?;
    Ok(())
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let purpose = parsed(row, "purpose")?;
    let (dkim_key, host, value) = match row.get::<_, Option<i64>>("dkim_key_id")? {
        Some(id) => {
            let (selector, public) = (Selector::stored(row.get("selector")?), public_key(row)?);
            let (host, value) = (selector.host(), public.record_value());
            let active = moment_if_any(row, "activated_at")?.is_some();
            (Some(PublishedKey { id: DkimKeyId::new(id), public, active }), host, value)
        }
        None => (None, row.get("host")?, row.get("value")?),
    };
    let problem = match (row.get("problem_code")?, row.get("problem_text")?) {
        (Some(code), Some(text)) => Some(Problem { code, text }),
        _ => None,
    };
    Ok(Record {
        id: RecordId::new(row.get("id")?),
        domain: DomainId::new(row.get("domain_id")?),
        purpose,
        dkim_key,
        host,
        value,
        priority: row.get("priority")?,
        standing: Standing {
            status: parsed(row, "status")?,
            pinned: row.get("pinned")?,
            failures: row.get("failures")?,
            failing_since: moment_if_any(row, "failing_since")?,
        },
        checked_at: moment_if_any(row, "checked_at")?,
        observed: row.get("observed")?,
        problem,
    })
}
