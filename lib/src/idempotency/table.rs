//! The SQL of idempotency keys.

use super::Asked;
use crate::clock::Timestamp;
use crate::db::{ReadTx, SealedColumn, ToValue, Value, WriteTx, named};
use crate::error::Error;
use crate::id::ApiKeyId;
use crate::secret::HashedSecret;

/// The digest of what was asked, and the sealed answer.
type Kept = ([u8; 32], Vec<u8>);

/// The answers that are kept.
pub(crate) const SEALED: SealedColumn = SealedColumn {
    table: "idempotency",
    column: "answer",
    identity: |row| {
        let by = ApiKeyId::new(row.get("api_key_id")?);
        Ok(Asked { by, name: row.get("name")?, content: row.get("content")? }.identity())
    },
};

pub(super) fn find(tx: &ReadTx<'_>, asked: &Asked) -> Result<Option<Kept>, Error> {
    tx.one(
        "SELECT content, answer FROM idempotency WHERE api_key_id = ?1 AND name = ?2 AND expires_at > ?3",
        (asked.by.number(), asked.name, tx.now().millis()),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// How many secrets one statement looks for.
const SECRETS_AT_ONCE: usize = 500;

/// Whether each of these secrets still opens something: a key, a token or a login link.
pub(super) fn are_live(tx: &ReadTx<'_>, secrets: &[HashedSecret]) -> Result<bool, Error> {
    for some in secrets.chunks(SECRETS_AT_ONCE) {
        let places: Vec<String> = (0..some.len()).map(|at| format!("(?{})", at + 2)).collect();
        let sql = format!(
            "WITH secret (hash) AS (VALUES {})
             SELECT count(*) FROM secret s WHERE NOT EXISTS (
                 SELECT 1 FROM api_key WHERE hash = s.hash AND revoked_at IS NULL AND coalesce(expires_at > ?1, 1))
             AND NOT EXISTS (
                 SELECT 1 FROM api_key
                 WHERE old_hash = s.hash AND old_hash_until > ?1 AND revoked_at IS NULL AND coalesce(expires_at > ?1, 1))
             AND NOT EXISTS (SELECT 1 FROM domain_token WHERE hash = s.hash AND revoked_at IS NULL)
             AND NOT EXISTS (SELECT 1 FROM login_link WHERE hash = s.hash AND expires_at > ?1)",
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

/// Stores an answer; it replaces an expired one that has not been deleted yet.
pub(super) fn keep(
    tx: &WriteTx<'_>,
    asked: &Asked,
    answer: &[u8],
    expires_at: Timestamp,
) -> Result<(), Error> {
    tx.run(
        "INSERT INTO idempotency (api_key_id, name, content, answer, expires_at)
         VALUES (:by, :name, :content, :answer, :expires_at)
         ON CONFLICT (api_key_id, name) DO UPDATE
         SET content = excluded.content, answer = excluded.answer, expires_at = excluded.expires_at",
        named! {
            ":by": asked.by.number(), ":name": asked.name, ":content": asked.content, ":answer": answer,
            ":expires_at": expires_at.millis(),
        },
    )?;
    Ok(())
}

pub(super) fn delete_expired(tx: &WriteTx<'_>, most: u32) -> Result<usize, Error> {
    tx.run(
        "DELETE FROM idempotency WHERE id IN
         (SELECT id FROM idempotency WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        (tx.now().millis(), most),
    )
}
