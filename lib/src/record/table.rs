//! The SQL of records.

use std::time::Duration;

use super::action::Action;
use super::kind::OF_SIGNING_KEYS;
use super::{Problem, PublishedKey, Purpose, Record, Standing};
use crate::clock::Timestamp;
use crate::db::{Checksum, Params, ReadTx, Row, WriteTx, moment_if_any, named, parsed};
use crate::dkim::table::{check_joined, delegated_to, public_key, published_as};
use crate::domain::table::{THOSE, those};
use crate::error::Error;
use crate::id::{DkimKeyId, DomainId, RecordId};
use crate::name::Selector;

const SELECT: &str =
    "SELECT r.*, k.selector, k.published_as, k.algorithm, k.public_key, k.activated_at, k.starts_itself, k.retired_at,
        k.seen_at, k.released_at,
        k.delegated_to, k.imported, k.domain_id AS key_domain, k.checksum AS key_checksum
    FROM record r LEFT JOIN dkim_key k ON k.id = r.dkim_key_id";

pub(super) fn insert(
    tx: &WriteTx<'_>,
    domain: DomainId,
    purpose: Purpose,
    host: &str,
    value: &str,
    priority: Option<u16>,
) -> Result<(), Error> {
    tx.put(
        "INSERT INTO record (domain_id, purpose, host, value, priority, checksum)
         VALUES (:domain, :purpose, :host, :value, :priority, :checksum)",
        named! {
            ":domain": domain.number(), ":purpose": purpose.as_str(), ":host": host, ":value": value,
            ":priority": priority, ":checksum": checksum(domain, purpose, None, Some((host, value)), priority),
        },
    )?;
    Ok(())
}

pub(super) fn insert_dkim(tx: &WriteTx<'_>, domain: DomainId, key: DkimKeyId) -> Result<(), Error> {
    tx.put(
        "INSERT INTO record (domain_id, purpose, dkim_key_id, checksum) VALUES (?1, 'dkim', ?2, ?3)",
        (domain.number(), key.number(), checksum(domain, OF_SIGNING_KEYS, Some(key), None, None)),
    )?;
    Ok(())
}

pub(super) fn delete_all(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM record WHERE domain_id = ?1", [domain.number()])?;
    Ok(())
}

pub(crate) fn all(tx: &ReadTx<'_>, domain: DomainId) -> Result<Vec<Record>, Error> {
    of(tx, "?1", [domain.number()])
}

/// The records of the domains whose ids `ids` selects, a list or a query.
fn of(tx: &ReadTx<'_>, ids: &str, params: impl Params) -> Result<Vec<Record>, Error> {
    tx.all_once(&format!("{SELECT} WHERE r.domain_id IN ({ids}) ORDER BY r.id"), params, "id", record)
}

/// The records of the domains with these ids.
pub(crate) fn each(tx: &ReadTx<'_>, domains: &[DomainId]) -> Result<Vec<Record>, Error> {
    of(tx, THOSE, named! { ":ids": those(domains) })
}

/// Forgets what was seen of a key's record.
pub(crate) fn reset_key(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<(), Error> {
    tx.run(
        "UPDATE record SET status = 'pending', pinned = 0, checked_at = NULL, observed = NULL,
             problem_code = NULL, problem_text = NULL, failures = 0, failing_since = NULL,
             failing_for = 0, failed_at = NULL
         WHERE dkim_key_id = ?1",
        [key.number()],
    )?;
    Ok(())
}

/// What a check changes of a record.
pub(crate) struct Check<'a> {
    pub(crate) standing: &'a Standing,
    pub(crate) at: Option<Timestamp>,
    pub(crate) observed: Option<&'a str>,
    pub(crate) problem: Option<&'a Problem>,
}

pub(crate) fn note_check(tx: &WriteTx<'_>, id: RecordId, check: &Check<'_>) -> Result<(), Error> {
    tx.put(
        "UPDATE record SET status = :status, pinned = :pinned, failures = :failures, failing_since = :since,
             failing_for = :known, failed_at = :failed, checked_at = :at, observed = :observed, problem_code = :code, problem_text = :text
         WHERE id = :id",
        named! {
            ":id": id.number(), ":status": check.standing.status.as_str(),
            ":pinned": check.standing.pinned,
            ":failures": check.standing.failures,
            ":since": check.standing.failing_since.map(Timestamp::millis),
            ":known": stored(check.standing.failing_for),
            ":failed": check.standing.failed_at.map(Timestamp::millis),
            ":at": check.at.map(Timestamp::millis),
            ":observed": check.observed,
            ":code": check.problem.map(|problem| &problem.code),
            ":text": check.problem.map(stored_problem),
        },
    )?;
    Ok(())
}

/// The checksum of what a record says: its own host and value, or the key whose host and value it has.
pub(crate) fn checksum(
    domain: DomainId,
    purpose: Purpose,
    key: Option<DkimKeyId>,
    own: Option<(&str, &str)>,
    priority: Option<u16>,
) -> Checksum {
    let (host, value) = (own.map(|(host, _)| host), own.map(|(_, value)| value));
    let key = key.map(DkimKeyId::number);
    Checksum::of(&[&domain.number(), &purpose.as_str(), &key, &host, &value, &priority])
}

/// The checksum of a row that is right, or has none yet.
pub(crate) fn right_checksum(tx: &ReadTx<'_>, id: i64) -> Result<Option<Checksum>, Error> {
    let sql = format!("{SELECT} WHERE r.id = ?1");
    let found = tx.one(&sql, [id], record)?;
    Ok(found.map(|record| {
        let key = record.dkim_key.as_ref().map(|key| key.id);
        let own = Some((record.host.as_str(), record.value.as_str())).filter(|_| key.is_none());
        checksum(record.domain, record.purpose, key, own, record.priority)
    }))
}

fn record(row: &Row<'_>) -> Result<Record, Error> {
    let purpose = parsed(row, "purpose")?;
    let (dkim_key, host, value) = match row.get::<_, Option<i64>>("dkim_key_id")? {
        Some(id) => {
            let (selector, public) = (Selector::stored(row.get("selector")?), public_key(row)?);
            let delegated_to = delegated_to(row)?;
            check_joined(row, &selector, &public, delegated_to.as_ref())?;
            let activated_at = moment_if_any(row, "activated_at")?;
            let seen = moment_if_any(row, "seen_at")?.is_some();
            let value = delegated_to.as_ref().map_or_else(|| public.record_value(), ToString::to_string);
            let host = selector.host();
            (
                Some(PublishedKey {
                    id: DkimKeyId::new(id),
                    public,
                    selector,
                    published_as: published_as(row)?,
                    activated_at,
                    starts_itself: row.get("starts_itself")?,
                    retired_at: moment_if_any(row, "retired_at")?,
                    seen,
                    released_at: moment_if_any(row, "released_at")?,
                    delegated_to,
                    imported: row.get("imported")?,
                }),
                host,
                value,
            )
        }
        None => (None, row.get("host")?, row.get("value")?),
    };
    let (id, domain) = (RecordId::new(row.get("id")?), DomainId::new(row.get("domain_id")?));
    let priority = row.get("priority")?;
    let (key, own) = match &dkim_key {
        Some(key) => (Some(key.id), None),
        None => (None, Some((host.as_str(), value.as_str()))),
    };
    let checksum = checksum(domain, purpose, key, own, priority);
    checksum.check(row, "checksum", format_args!("the record {id} of the domain {domain}"))?;
    Ok(Record {
        id,
        domain,
        purpose,
        dkim_key,
        host,
        value,
        priority,
        standing: standing(row)?,
        checked_at: moment_if_any(row, "checked_at")?,
        observed: row.get("observed")?,
        problem: problem(row)?,
    })
}

/// How a record stands, of a row that has a record's columns.
pub(crate) fn standing(row: &Row<'_>) -> Result<Standing, Error> {
    Ok(Standing {
        status: parsed(row, "status")?,
        pinned: row.get("pinned")?,
        failures: row.get("failures")?,
        failing_since: moment_if_any(row, "failing_since")?,
        failing_for: Duration::from_millis(row.get::<_, i64>("failing_for")?.unsigned_abs()),
        failed_at: moment_if_any(row, "failed_at")?,
    })
}

/// A time as its column has it.
fn stored(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// What was wrong at the last check, of a row that has a record's columns.
pub(crate) fn problem(row: &Row<'_>) -> Result<Option<Problem>, Error> {
    Ok(match (row.get("problem_code")?, row.get("problem_text")?) {
        (Some(code), Some(stored)) => {
            let stored: String = stored;
            let (text, action) = stored.split_once('\n').unwrap_or((&stored, ""));
            Some(Problem { code, text: text.to_owned(), action: Action::read(action) })
        }
        _ => None,
    })
}

/// The sentence, which has no line breaks, and in the lines after it the action.
fn stored_problem(problem: &Problem) -> String {
    let text = problem.text.replace('\n', " ");
    match problem.action.as_ref().and_then(Action::stored) {
        Some(action) => format!("{text}\n{action}"),
        None => text,
    }
}
