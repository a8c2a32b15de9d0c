//! The SQL of the counts of days.

use super::{Counted, Day};
use crate::db::{ReadTx, WriteTx, named};
use crate::error::Error;
use crate::id::AccountId;

/// Adds one to a count of a day. Returns whether that day was begun.
pub(super) fn add(tx: &WriteTx<'_>, account: AccountId, day: i64, what: Counted) -> Result<bool, Error> {
    let column = match what {
        Counted::Check => "checks",
        Counted::Active => "became_active",
        Counted::Pending => "became_pending",
        Counted::Failed => "became_failed",
    };
    let sql =
        format!("UPDATE day_count SET {column} = {column} + 1 WHERE account_id = :account AND day = :day");
    Ok(tx.run(&sql, named! { ":account": account.number(), ":day": day })? > 0)
}

pub(super) fn begin(tx: &WriteTx<'_>, account: AccountId, day: i64) -> Result<(), Error> {
    let sql = "INSERT INTO day_count (account_id, day) VALUES (:account, :day)";
    tx.run(sql, named! { ":account": account.number(), ":day": day })?;
    Ok(())
}

pub(super) fn forget_before(tx: &WriteTx<'_>, account: AccountId, day: i64) -> Result<(), Error> {
    let sql = "DELETE FROM day_count WHERE account_id = :account AND day < :day";
    tx.run(sql, named! { ":account": account.number(), ":day": day })?;
    Ok(())
}

pub(super) fn since(tx: &ReadTx<'_>, account: AccountId, day: i64) -> Result<Vec<Day>, Error> {
    tx.all(
        "SELECT day, checks, became_active, became_pending, became_failed FROM day_count
         WHERE account_id = :account AND day >= :day ORDER BY day",
        named! { ":account": account.number(), ":day": day },
        |row| {
            let count = |column: &'static str| row.get::<_, i64>(column).map(i64::unsigned_abs);
            Ok(Day {
                day: row.get("day")?,
                checks: count("checks")?,
                active: count("became_active")?,
                pending: count("became_pending")?,
                failed: count("became_failed")?,
            })
        },
    )
}
