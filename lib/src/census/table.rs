//! The SQL of the census.

use super::Thing;
use crate::db::{ReadTx, parsed};
use crate::domain::DomainStatus;
use crate::error::Error;

/// What is not checked so long after its time is overdue.
const OVERDUE_MILLIS: i64 = 5 * 60 * 1000;

pub(super) fn domains(tx: &ReadTx<'_>) -> Result<Vec<(DomainStatus, u64)>, Error> {
    tx.all("SELECT status, sum(domains) AS number FROM status_total GROUP BY status", [], |row| {
        Ok((parsed(row, "status")?, row.get::<_, i64>(1)?.unsigned_abs()))
    })
}

pub(super) fn overdue(tx: &ReadTx<'_>) -> Result<u64, Error> {
    let overdue = "SELECT count(*) FROM domain WHERE next_check_at < ?1";
    let then = tx.now().millis() - OVERDUE_MILLIS;
    Ok(tx.one(overdue, [then], |row| row.get::<_, i64>(0))?.unwrap_or_default().unsigned_abs())
}

/// The problems of records that somebody must publish: that of a released key may go.
pub(super) fn problems(tx: &ReadTx<'_>) -> Result<Vec<(String, u64)>, Error> {
    tx.all(
        "SELECT r.problem_code, count(*) FROM record r LEFT JOIN dkim_key k ON k.id = r.dkim_key_id
         WHERE r.problem_code IS NOT NULL AND k.released_at IS NULL GROUP BY r.problem_code ORDER BY r.problem_code",
        [],
        |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())),
    )
}

pub(super) fn things(tx: &ReadTx<'_>) -> Result<Vec<(Thing, u64)>, Error> {
    let counted = [
        (Thing::Accounts, "SELECT count(*) FROM account"),
        (Thing::Aliases, "SELECT coalesce(sum(aliases), 0) FROM ledger"),
        (Thing::KeptAnswers, "SELECT count(*) FROM idempotency"),
        (Thing::ListEntries, "SELECT coalesce(sum(entries), 0) FROM list_size"),
        (Thing::Recipients, "SELECT coalesce(sum(recipients), 0) FROM ledger"),
        (Thing::Reports, "SELECT count(*) FROM report"),
        (Thing::SpareKeys, "SELECT count(*) FROM spare_key"),
        (Thing::Tokens, "SELECT coalesce(sum(tokens), 0) FROM ledger"),
    ];
    counted.into_iter().map(|(thing, sql)| Ok((thing, number(tx, sql)?))).collect()
}

fn number(tx: &ReadTx<'_>, sql: &str) -> Result<u64, Error> {
    Ok(tx.one(sql, [], |row| row.get::<_, i64>(0))?.unwrap_or_default().unsigned_abs())
}
