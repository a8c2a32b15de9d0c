//! The SQL of passkeys.

use super::{Kept, Passkey, PasskeyProof};
use crate::clock::Timestamp;
use crate::db::{ReadTx, Row, WriteTx, moment, moment_if_any, named};
use crate::error::Error;
use crate::id::{AdministratorId, PasskeyId};

/// What is kept of a new passkey.
pub(super) struct NewRow<'a> {
    pub(super) administrator: AdministratorId,
    pub(super) name: &'a str,
    pub(super) credential: &'a [u8],
    pub(super) public_key: &'a [u8],
    pub(super) sign_count: u32,
    pub(super) may_be_copied: bool,
}

/// None if there is a passkey with this id already.
pub(super) fn insert(tx: &WriteTx<'_>, new: &NewRow<'_>) -> Result<Option<PasskeyId>, Error> {
    let id = tx.one(
        "INSERT INTO passkey (administrator_id, name, credential, public_key, sign_count, may_be_copied, created_at)
         VALUES (:administrator, :name, :credential, :key, :count, :copied, :now)
         ON CONFLICT (credential) DO NOTHING RETURNING id",
        named! {
            ":administrator": new.administrator.number(), ":name": new.name, ":credential": new.credential,
            ":key": new.public_key, ":count": new.sign_count, ":copied": new.may_be_copied,
            ":now": tx.now().millis(),
        },
        |row| row.get::<_, i64>(0),
    )?;
    Ok(id.map(PasskeyId::new))
}

pub(super) fn of(tx: &ReadTx<'_>, administrator: AdministratorId) -> Result<Vec<Passkey>, Error> {
    tx.all("SELECT * FROM passkey WHERE administrator_id = ?1 ORDER BY id", [administrator.number()], passkey)
}

/// The ids by which authenticators know somebody's passkeys.
pub(super) fn credentials_of(tx: &ReadTx<'_>, administrator: AdministratorId) -> Result<Vec<Vec<u8>>, Error> {
    let sql = "SELECT credential FROM passkey WHERE administrator_id = ?1 ORDER BY id";
    tx.all(sql, [administrator.number()], |row| row.get(0))
}

pub(super) fn by_credential(tx: &ReadTx<'_>, credential: &[u8]) -> Result<Option<Kept>, Error> {
    tx.one(
        "SELECT passkey.*, administrator.user_handle FROM passkey
         JOIN administrator ON administrator.id = passkey.administrator_id WHERE passkey.credential = ?1",
        [credential],
        |row| {
            Ok(Kept {
                passkey: passkey(row)?,
                public_key: row.get("public_key")?,
                may_be_copied: row.get("may_be_copied")?,
                last_challenge: moment(row, "last_challenge")?,
                user_handle: row.get("user_handle")?,
            })
        },
    )
}

pub(super) fn rename(tx: &WriteTx<'_>, id: PasskeyId, name: &str) -> Result<(), Error> {
    tx.run("UPDATE passkey SET name = ?2 WHERE id = ?1", (id.number(), name))?;
    Ok(())
}

pub(super) fn delete(tx: &WriteTx<'_>, id: PasskeyId) -> Result<(), Error> {
    tx.run("DELETE FROM passkey WHERE id = ?1", [id.number()])?;
    Ok(())
}

/// Notes a use, if its challenge is later than those before it, and the count has not gone back.
pub(super) fn note_use(tx: &WriteTx<'_>, proof: &PasskeyProof) -> Result<bool, Error> {
    let changed = tx.run(
        "UPDATE passkey SET last_challenge = :made, sign_count = :count, used_at = :now
         WHERE id = :id AND last_challenge < :made AND (sign_count < :count OR (sign_count = 0 AND :count = 0))",
        named! {
            ":id": proof.passkey.number(), ":made": proof.challenge_made_at.millis(), ":count": proof.sign_count,
            ":now": tx.now().millis(),
        },
    )?;
    Ok(changed == 1)
}

/// When the challenge was made that a passkey last answered, and how many signatures there were by then.
pub(super) fn standing(tx: &ReadTx<'_>, id: PasskeyId) -> Result<Option<(Timestamp, u32)>, Error> {
    tx.one("SELECT * FROM passkey WHERE id = ?1", [id.number()], |row| {
        Ok((moment(row, "last_challenge")?, row.get("sign_count")?))
    })
}

/// By what authenticators know somebody, if they ever were asked for a passkey.
pub(super) fn user_handle(tx: &ReadTx<'_>, id: AdministratorId) -> Result<Option<[u8; 32]>, Error> {
    let found =
        tx.one("SELECT user_handle FROM administrator WHERE id = ?1", [id.number()], |row| row.get(0))?;
    Ok(found.flatten())
}

pub(super) fn set_user_handle(tx: &WriteTx<'_>, id: AdministratorId, handle: &[u8; 32]) -> Result<(), Error> {
    tx.run("UPDATE administrator SET user_handle = ?2 WHERE id = ?1", (id.number(), handle.as_slice()))?;
    Ok(())
}

/// Whether no passkey was added by this challenge or by a later one.
pub(super) fn take_challenge(tx: &WriteTx<'_>, id: AdministratorId, made: Timestamp) -> Result<bool, Error> {
    let sql = "UPDATE administrator SET last_challenge = ?2 WHERE id = ?1 AND last_challenge < ?2";
    Ok(tx.run(sql, (id.number(), made.millis()))? == 1)
}

fn passkey(row: &Row<'_>) -> Result<Passkey, Error> {
    Ok(Passkey {
        id: PasskeyId::new(row.get("id")?),
        administrator: AdministratorId::new(row.get("administrator_id")?),
        name: row.get("name")?,
        used_at: moment_if_any(row, "used_at")?,
        created_at: moment(row, "created_at")?,
    })
}
