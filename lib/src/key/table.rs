//! The SQL of API keys.

use rusqlite::{Row, named_params};

use super::ApiKey;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx, moment, moment_if_any};
use crate::error::Error;
use crate::id::{AccountId, ApiKeyId};
use crate::secret::{HashedSecret, PlainSecret};

pub(super) fn insert(
    tx: &WriteTx<'_>,
    account: AccountId,
    secret: &PlainSecret,
    description: Option<String>,
) -> Result<ApiKey, Error> {
    let created_at = tx.now();
    let id = tx.insert(
        "INSERT INTO api_key (account_id, hash, last4, description, created_at)
         VALUES (:account, :hash, :last4, :description, :now) RETURNING id",
        named_params! {
            ":account": account.number(), ":hash": secret.hashed().octets(), ":last4": secret.last4(),
            ":description": description, ":now": created_at.millis(),
        },
    )?;
    Ok(ApiKey {
        id: ApiKeyId::new(id),
        account,
        last4: secret.last4().to_owned(),
        description,
        created_at,
        last_used_at: None,
        revoked_at: None,
    })
}

pub(super) fn all(tx: &ReadTx<'_>, account: Option<AccountId>) -> Result<Vec<ApiKey>, Error> {
    match account {
        Some(account) => {
            tx.all("SELECT * FROM api_key WHERE account_id = ?1 ORDER BY id", [account.number()], api_key)
        }
        None => tx.all("SELECT * FROM api_key ORDER BY id", [], api_key),
    }
}

pub(super) fn revoke(tx: &WriteTx<'_>, id: ApiKeyId) -> Result<Option<ApiKey>, Error> {
    let key = tx.one(
        "UPDATE api_key SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL RETURNING *",
        (id.number(), tx.now().millis()),
        api_key,
    )?;
    if key.is_some() {
        tx.run("UPDATE domain SET api_key_id = NULL WHERE api_key_id = ?1", [id.number()])?;
    }
    Ok(key)
}

pub(super) fn by_hash(tx: &ReadTx<'_>, hash: &HashedSecret) -> Result<Option<(ApiKeyId, AccountId)>, Error> {
    tx.one(
        "SELECT id, account_id FROM api_key WHERE hash = ?1 AND revoked_at IS NULL",
        [hash.octets()],
        |row| Ok((ApiKeyId::new(row.get(0)?), AccountId::new(row.get(1)?))),
    )
}

pub(super) fn note_use(tx: &WriteTx<'_>, key: ApiKeyId, at: Timestamp) -> Result<(), Error> {
    tx.run(
        "UPDATE api_key SET last_used_at = max(coalesce(last_used_at, 0), ?2) WHERE id = ?1",
        (key.number(), at.millis()),
    )?;
    Ok(())
}

fn api_key(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: ApiKeyId::new(row.get("id")?),
        account: AccountId::new(row.get("account_id")?),
        last4: row.get("last4")?,
        description: row.get("description")?,
        created_at: moment(row, "created_at")?,
        last_used_at: moment_if_any(row, "last_used_at")?,
        revoked_at: moment_if_any(row, "revoked_at")?,
    })
}
