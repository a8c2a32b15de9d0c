//! The SQL of administrators.

use super::{Administrator, Found, HashedPassword};
use crate::clock::Timestamp;
use crate::db::{ReadTx, Row, SealedColumn, WriteTx, moment, moment_if_any, named};
use crate::error::Error;
use crate::id::{AccountId, AdministratorId};

/// The keys of one-time codes.
pub(crate) const SEALED: SealedColumn = SealedColumn {
    table: "administrator",
    row: "id",
    column: "sealed_totp",
    identity: |row| Ok(super::identity(AdministratorId::new(row.get("id")?))),
};

const SELECT: &str = "SELECT administrator.*,
     (SELECT count(*) FROM passkey WHERE passkey.administrator_id = administrator.id) AS passkeys FROM administrator";

/// The condition for those of an account, or of the operator; an index serves each.
fn those(account: Option<AccountId>) -> &'static str {
    if account.is_some() {
        "account_id = :account"
    } else {
        "account_id IS NULL AND CAST(:account AS BIGINT) IS NULL"
    }
}

pub(super) fn insert(
    tx: &WriteTx<'_>,
    account: Option<AccountId>,
    name: &str,
) -> Result<AdministratorId, Error> {
    let id = tx.insert(
        "INSERT INTO administrator (account_id, name, created_at) VALUES (:account, :name, :now)",
        named! {
            ":account": account.map(AccountId::number), ":name": name, ":now": tx.now().millis(),
        },
    )?;
    Ok(AdministratorId::new(id))
}

/// Gives somebody a password that lets nobody in before the first code.
pub(super) fn begin_password(
    tx: &WriteTx<'_>,
    id: AdministratorId,
    password: &HashedPassword,
    sealed_totp: &[u8],
) -> Result<(), Error> {
    tx.run(
        "UPDATE administrator SET password = :password, sealed_totp = :totp, last_step = 0, password_at = NULL
         WHERE id = :id",
        named! { ":id": id.number(), ":password": password.as_str(), ":totp": sealed_totp },
    )?;
    Ok(())
}

pub(super) fn set_password(
    tx: &WriteTx<'_>,
    id: AdministratorId,
    password: &HashedPassword,
) -> Result<(), Error> {
    tx.run("UPDATE administrator SET password = ?2 WHERE id = ?1", (id.number(), password.as_str()))?;
    Ok(())
}

pub(super) fn confirm_password(tx: &WriteTx<'_>, id: AdministratorId, step: u64) -> Result<(), Error> {
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    tx.run(
        "UPDATE administrator SET confirmed_at = coalesce(confirmed_at, ?2), password_at = ?2, last_step = ?3 WHERE id = ?1",
        (id.number(), tx.now().millis(), step),
    )?;
    Ok(())
}

/// Confirms somebody who has a first passkey.
pub(super) fn confirm(tx: &WriteTx<'_>, id: AdministratorId) -> Result<(), Error> {
    tx.run(
        "UPDATE administrator SET confirmed_at = coalesce(confirmed_at, ?2) WHERE id = ?1",
        (id.number(), tx.now().millis()),
    )?;
    Ok(())
}

/// Deletes those without a first code that are old, or have this name.
pub(super) fn forget_unconfirmed(
    tx: &WriteTx<'_>,
    account: Option<AccountId>,
    name: &str,
    before: Timestamp,
) -> Result<(), Error> {
    tx.run(
        &format!(
            "DELETE FROM administrator WHERE {} AND confirmed_at IS NULL AND (name = :name OR created_at < :before)",
            those(account)
        ),
        named! { ":account": account.map(AccountId::number), ":name": name, ":before": before.millis() },
    )?;
    Ok(())
}

pub(super) fn by_id(tx: &ReadTx<'_>, id: AdministratorId) -> Result<Option<Found>, Error> {
    tx.one(&format!("{SELECT} WHERE id = ?1"), [id.number()], found)
}

pub(super) fn by_name(
    tx: &ReadTx<'_>,
    account: Option<AccountId>,
    name: &str,
) -> Result<Option<Found>, Error> {
    tx.one(
        &format!("{SELECT} WHERE {} AND name = :name", those(account)),
        named! { ":account": account.map(AccountId::number), ":name": name },
        found,
    )
}

pub(super) fn all(tx: &ReadTx<'_>, account: Option<AccountId>) -> Result<Vec<Administrator>, Error> {
    tx.all(
        &format!("{SELECT} WHERE {} ORDER BY name", those(account)),
        named! { ":account": account.map(AccountId::number) },
        |row| found(row).map(|found| found.administrator),
    )
}

pub(super) fn delete(tx: &WriteTx<'_>, id: AdministratorId) -> Result<(), Error> {
    tx.run("DELETE FROM administrator WHERE id = ?1", [id.number()])?;
    Ok(())
}

pub(super) fn note_use(tx: &WriteTx<'_>, id: AdministratorId) -> Result<(), Error> {
    tx.run("UPDATE administrator SET used_at = ?2 WHERE id = ?1", (id.number(), tx.now().millis()))?;
    Ok(())
}

/// Whether no code of this step or of a later one was taken before.
pub(super) fn take_step(tx: &WriteTx<'_>, id: AdministratorId, step: u64) -> Result<bool, Error> {
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    let sql = "UPDATE administrator SET last_step = ?2 WHERE id = ?1 AND last_step < ?2";
    Ok(tx.run(sql, (id.number(), step))? == 1)
}

/// Whether there was such a code; now there is none.
pub(super) fn take_code(tx: &WriteTx<'_>, id: AdministratorId, hash: &[u8; 32]) -> Result<bool, Error> {
    let sql = "DELETE FROM recovery_code WHERE administrator_id = ?1 AND hash = ?2";
    Ok(tx.run(sql, (id.number(), hash.as_slice()))? == 1)
}

pub(super) fn codes(tx: &ReadTx<'_>, id: AdministratorId) -> Result<Vec<[u8; 32]>, Error> {
    tx.all("SELECT hash FROM recovery_code WHERE administrator_id = ?1", [id.number()], |row| row.get(0))
}

pub(super) fn count_codes(tx: &ReadTx<'_>, id: AdministratorId) -> Result<u64, Error> {
    let sql = "SELECT count(*) FROM recovery_code WHERE administrator_id = ?1";
    let count = tx.one(sql, [id.number()], |row| row.get::<_, i64>(0))?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

pub(super) fn delete_codes(tx: &WriteTx<'_>, id: AdministratorId) -> Result<(), Error> {
    tx.run("DELETE FROM recovery_code WHERE administrator_id = ?1", [id.number()])?;
    Ok(())
}

pub(super) fn insert_code(tx: &WriteTx<'_>, id: AdministratorId, hash: &[u8; 32]) -> Result<(), Error> {
    let sql = "INSERT INTO recovery_code (administrator_id, hash) VALUES (?1, ?2)";
    tx.run(sql, (id.number(), hash.as_slice()))?;
    Ok(())
}

fn found(row: &Row<'_>) -> Result<Found, Error> {
    Ok(Found {
        administrator: Administrator {
            id: AdministratorId::new(row.get("id")?),
            account: row.get::<_, Option<i64>>("account_id")?.map(AccountId::new),
            name: row.get("name")?,
            has_password: row.get::<_, Option<i64>>("password_at")?.is_some(),
            passkeys: row.get::<_, i64>("passkeys")?.unsigned_abs(),
            confirmed_at: moment_if_any(row, "confirmed_at")?,
            used_at: moment_if_any(row, "used_at")?,
            created_at: moment(row, "created_at")?,
        },
        password: row.get("password")?,
        sealed_totp: row.get("sealed_totp")?,
        last_step: row.get::<_, i64>("last_step")?.unsigned_abs(),
    })
}
