//! The SQL of idempotency keys.

use rusqlite::named_params;

use super::Asked;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::error::Error;

/// The digest of what was asked, and the sealed answer.
type Kept = ([u8; 32], Vec<u8>);

pub(super) fn find(tx: &ReadTx<'_>, asked: &Asked) -> Result<Option<Kept>, Error> {
    tx.one(
        "SELECT content, answer FROM idempotency WHERE api_key_id = ?1 AND name = ?2 AND expires_at > ?3",
        (asked.by.number(), asked.name, tx.now().millis()),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
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
        named_params! {
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
