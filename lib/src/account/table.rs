//! The SQL of accounts.

use super::{Account, Trust};
use crate::db::{ReadTx, Row, WriteTx, moment, named, parsed};
use crate::error::Error;
use crate::id::AccountId;

pub(super) fn insert(tx: &WriteTx<'_>, name: &str, trust: Trust, seed: &[u8; 32]) -> Result<Account, Error> {
    let created_at = tx.now();
    let id = tx.insert(
        "INSERT INTO account (name, trust, challenge_seed, created_at)
         VALUES (:name, :trust, :seed, :now)",
        named! {
            ":name": name, ":trust": trust.as_str(), ":seed": seed.as_slice(), ":now": created_at.millis(),
        },
    )?;
    Ok(Account { id: AccountId::new(id), name: name.to_owned(), trust, created_at })
}

pub(super) fn set_trust(tx: &WriteTx<'_>, id: AccountId, trust: Trust) -> Result<(), Error> {
    let sql = "UPDATE account SET trust = :trust WHERE id = :id";
    tx.run(sql, named! { ":id": id.number(), ":trust": trust.as_str() })?;
    Ok(())
}

pub(super) fn by_name(tx: &ReadTx<'_>, name: &str) -> Result<Option<Account>, Error> {
    tx.one("SELECT * FROM account WHERE name = ?1", [name], account)
}

pub(super) fn by_id(tx: &ReadTx<'_>, id: AccountId) -> Result<Option<Account>, Error> {
    tx.one("SELECT * FROM account WHERE id = ?1", [id.number()], account)
}

pub(super) fn trust_of(tx: &ReadTx<'_>, id: AccountId) -> Result<Option<Trust>, Error> {
    tx.one("SELECT trust FROM account WHERE id = ?1", [id.number()], |row| parsed(row, "trust"))
}

pub(super) fn is_any(tx: &ReadTx<'_>) -> Result<bool, Error> {
    Ok(tx.one("SELECT 1 FROM account LIMIT 1", [], |_| Ok(()))?.is_some())
}

pub(super) fn all(tx: &ReadTx<'_>) -> Result<Vec<Account>, Error> {
    tx.all("SELECT * FROM account ORDER BY id", [], account)
}

fn account(row: &Row<'_>) -> Result<Account, Error> {
    Ok(Account {
        id: AccountId::new(row.get("id")?),
        name: row.get("name")?,
        trust: parsed(row, "trust")?,
        created_at: moment(row, "created_at")?,
    })
}
