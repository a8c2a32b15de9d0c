//! The SQL of accounts.

use super::Account;
use crate::db::{ReadTx, Row, WriteTx, moment};
use crate::error::Error;
use crate::id::AccountId;

pub(super) fn insert(tx: &WriteTx<'_>, name: &str) -> Result<Account, Error> {
    let created_at = tx.now();
    let id = tx.insert(
        "INSERT INTO account (name, created_at) VALUES (?1, ?2) RETURNING id",
        (name, created_at.millis()),
    )?;
    Ok(Account { id: AccountId::new(id), name: name.to_owned(), created_at })
}

pub(super) fn by_name(tx: &ReadTx<'_>, name: &str) -> Result<Option<Account>, Error> {
    tx.one("SELECT * FROM account WHERE name = ?1", [name], account)
}

pub(super) fn by_id(tx: &ReadTx<'_>, id: AccountId) -> Result<Option<Account>, Error> {
    tx.one("SELECT * FROM account WHERE id = ?1", [id.number()], account)
}

pub(super) fn exists(tx: &ReadTx<'_>, id: AccountId) -> Result<bool, Error> {
    Ok(tx.one("SELECT 1 FROM account WHERE id = ?1", [id.number()], |_| Ok(()))?.is_some())
}

pub(super) fn all(tx: &ReadTx<'_>) -> Result<Vec<Account>, Error> {
    tx.all("SELECT * FROM account ORDER BY id", [], account)
}

fn account(row: &Row<'_>) -> Result<Account, Error> {
    Ok(Account {
        id: AccountId::new(row.get("id")?),
        name: row.get("name")?,
        created_at: moment(row, "created_at")?,
    })
}
