//! The SQL of idempotency keys.

use super::Asked;
use crate::clock::Timestamp;
use crate::db::{ReadTx, SealedColumn, ToValue, Value, WriteTx, named};
use crate::error::Error;
use crate::id::{AccountId, ApiKeyId};
use crate::secret::HashedSecret;

/// The digest of what was asked, and the sealed answer.
type Kept = ([u8; 32], Vec<u8>);

/// The answers that are kept.
pub(crate) const SEALED: SealedColumn = SealedColumn {
    table: "idempotency",
    row: "id",
    column: "answer",
    identity: |row| {
        let by = ApiKeyId::new(row.get("api_key_id")?);
        Ok(Asked { by, name: row.get("name")?, content: row.get("content")? }.identity())
    },
};

pub(super) fn find(tx: &ReadTx<'_>, asked: &Asked) -> Result<Option<Kept>, Error> {
    tx.one(
        "SELECT content, answer FROM idempotency WHERE api_key_id = ?1 AND name = ?2 AND expires_at > ?3",
        (asked.by.number(), asked.name, if tx.may_expire() { tx.now().millis() } else { i64::MIN }),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// How many secrets one statement looks for.
const SECRETS_AT_ONCE: usize = 500;

/// Whether each of these secrets still opens something: a key, a token or a login link.
pub(super) fn are_live(tx: &ReadTx<'_>, secrets: &[HashedSecret]) -> Result<bool, Error> {
    for some in secrets.chunks(SECRETS_AT_ONCE) {
        let places: Vec<String> = (0..some.len()).map(|at| format!("(CAST(?{} AS BLOB))", at + 2)).collect();
        let sql = format!(
            "WITH secret (hash) AS (VALUES {})
             SELECT count(*) FROM secret s WHERE NOT EXISTS (
                 SELECT 1 FROM api_key WHERE hash = s.hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?1))
             AND NOT EXISTS (
                 SELECT 1 FROM api_key
                 WHERE old_hash = s.hash AND old_hash_until > ?1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?1))
             AND NOT EXISTS (SELECT 1 FROM domain_token WHERE hash = s.hash AND revoked_at IS NULL)
             AND NOT EXISTS (SELECT 1 FROM login_link WHERE hash = s.hash AND expires_at > ?1)
             AND NOT EXISTS (SELECT 1 FROM setup_link WHERE hash = s.hash AND expires_at > ?1)",
            places.join(", ")
        );
        let now = tx.now().millis();
        let own = some.iter().map(|hash| hash.octets().to_value());
        let values: Vec<Value<'_>> = std::iter::once(now.to_value()).chain(own).collect();
        if tx.one(&sql, values, |row| row.get::<_, i64>(0))? != Some(0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a row and its places in the indexes take beside the answer; the triggers of the ledger count the same.
const ROW_OCTETS: u64 = 512;

/// How much room a sealed answer takes.
pub(super) fn room_of(answer: &[u8]) -> u64 {
    answer.len() as u64 + ROW_OCTETS
}

/// The account of a key.
pub(super) fn account_of(tx: &ReadTx<'_>, key: ApiKeyId) -> Result<Option<AccountId>, Error> {
    tx.one("SELECT account_id FROM api_key WHERE id = ?1", [key.number()], |row| {
        row.get(0).map(AccountId::new)
    })
}

pub(super) fn insert(
    tx: &WriteTx<'_>,
    account: AccountId,
    asked: &Asked,
    answer: &[u8],
    expires_at: Timestamp,
) -> Result<(), Error> {
    tx.put(
        "INSERT INTO idempotency (api_key_id, account_id, name, content, answer, expires_at)
         VALUES (:by, :account, :name, :content, :answer, :expires_at)",
        named! {
            ":by": asked.by.number(), ":account": account.number(), ":name": asked.name,
            ":content": asked.content, ":answer": answer, ":expires_at": expires_at.millis(),
        },
    )?;
    Ok(())
}

pub(super) fn delete(tx: &WriteTx<'_>, asked: &Asked) -> Result<(), Error> {
    let own = (asked.by.number(), asked.name);
    tx.run("DELETE FROM idempotency WHERE api_key_id = ?1 AND name = ?2", own).map(drop)
}

/// Deletes at most `most` answers of the account, those that were kept first; by their ids, which no clock has made.
pub(super) fn delete_oldest(tx: &WriteTx<'_>, account: AccountId, most: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM idempotency WHERE id IN
         (SELECT id FROM idempotency WHERE account_id = ?1 ORDER BY id LIMIT ?2)",
        (account.number(), most),
    )
}

pub(super) fn delete_expired(tx: &WriteTx<'_>, most: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM idempotency WHERE id IN
         (SELECT id FROM idempotency WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        (tx.now().millis(), most),
    )
}
