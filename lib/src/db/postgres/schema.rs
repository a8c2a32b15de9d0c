//! The schema: which migrations a database has, and how an older one becomes a newer one.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::connection::Connection;
use crate::clock::Timestamp;
use crate::db::migration::{Migration, step};
use crate::db::open::OpenError;
use crate::db::statements::Statements as _;
use crate::error::Error;

/// The migrations, in their order. The first makes the whole schema as SQLite's had it by that number.
pub(in crate::db) const MIGRATIONS: &[Migration] = &[
    step(30, "schema", include_str!("../../../migrations/postgres/V30__schema.sql")),
    step(31, "console", include_str!("../../../migrations/postgres/V31__console.sql")),
    step(32, "webhook_call", include_str!("../../../migrations/postgres/V32__webhook_call.sql")),
    step(33, "passkey", include_str!("../../../migrations/postgres/V33__passkey.sql")),
    step(34, "held_since", include_str!("../../../migrations/postgres/V34__held_since.sql")),
    step(35, "counted_once", include_str!("../../../migrations/postgres/V35__counted_once.sql")),
    step(36, "revoked_key", include_str!("../../../migrations/postgres/V36__revoked_key.sql")),
    step(37, "seen", include_str!("../../../migrations/postgres/V37__seen.sql")),
    step(38, "uncounted_at_once", include_str!("../../../migrations/postgres/V38__uncounted_at_once.sql")),
];

/// Which migrations a database has. It also is what every write locks, so that one can be alone.
const CREATE_HISTORY: &str =
    "CREATE TABLE IF NOT EXISTS schema_history (version BIGINT PRIMARY KEY, name TEXT NOT NULL,
    sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL)";
/// Has a connection look for the tables in the schema in which they are, if they are there yet, whichever schemas are made later: by the
/// search path `"$user", public` one with the role's name would come first, and be empty.
pub(super) const FIND_TABLES: &str =
    "SELECT set_config('search_path', quote_ident(n.nspname), false) FROM pg_class c JOIN pg_namespace n
     ON n.oid = c.relnamespace WHERE c.oid = to_regclass('schema_history')";
const TABLES: &str = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')";
const HAS_HISTORY: &str = "SELECT to_regclass('schema_history') IS NOT NULL";
const HISTORY: &str = "SELECT version, name, sha256 FROM schema_history ORDER BY version";
const ADD_TO_HISTORY: &str =
    "INSERT INTO schema_history (version, name, sha256, applied_at) VALUES (?1, ?2, ?3, ?4)";
/// The version of the server, and the encoding of the database.
const SERVER: &str =
    "SELECT CAST(current_setting('server_version_num') AS BIGINT), current_setting('server_encoding')";
/// PostgreSQL 15.
const OLDEST: i64 = 150_000;

/// Brings the database to the newest schema, all or nothing. The caller holds the lock on opening.
pub(super) fn migrate(conn: &Connection, shown: &Path, now: Timestamp) -> Result<(), OpenError> {
    let failed = |e: Error| OpenError::of(shown, &e);
    let server: Option<(i64, String)> =
        conn.one(SERVER, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
    let (version, encoding) = server.unwrap_or_default();
    if version < OLDEST || encoding != "UTF8" {
        let reason = format!(
            "PostgreSQL 15 or newer is needed, and a database in UTF8; this is version {} with {encoding}",
            version / 10_000
        );
        return Err(OpenError::Store { file: shown.to_owned(), reason });
    }
    let missing = missing(conn, shown)?;
    if missing.is_empty() {
        return Ok(());
    }
    let apply = || {
        conn.batch("BEGIN")?;
        conn.batch(CREATE_HISTORY)?;
        for Migration { number, name, sql } in missing {
            conn.batch(sql)?;
            conn.run(ADD_TO_HISTORY, (i64::from(*number), *name, sha256(sql), now.millis()))?;
        }
        conn.batch("COMMIT")?;
        conn.batch(FIND_TABLES)
    };
    apply().map_err(|e| {
        let _ = conn.batch("ROLLBACK");
        OpenError::Migration { file: shown.to_owned(), reason: e.to_string() }
    })
}

/// The migrations that the database has not. Refuses one that is another program's, that a newer Postroom has changed, or whose
/// migrations are not ours.
fn missing(conn: &Connection, shown: &Path) -> Result<Vec<&'static Migration>, OpenError> {
    let failed = |e: Error| OpenError::of(shown, &e);
    let file = || shown.to_owned();
    let number = |sql: &str| conn.one(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    if number(HAS_HISTORY)? != Some(1) {
        return match number(TABLES)? {
            Some(0) => Ok(MIGRATIONS.iter().collect()),
            _ => {
                Err(OpenError::Store { file: file(), reason: "it is another program's database".to_owned() })
            }
        };
    }
    let known: Vec<(i32, String, String)> =
        conn.all(HISTORY, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(failed)?;
    let newest = MIGRATIONS.last().map_or(0, |migration| migration.number);
    if let Some((found, _, _)) = known.last().filter(|(number, _, _)| *number > newest) {
        return Err(OpenError::Newer { file: file(), found: *found, known: newest });
    }
    for (number, name, checksum) in &known {
        let ours = MIGRATIONS.iter().find(|migration| migration.number == *number);
        if ours.is_none_or(|migration| sha256(migration.sql) != *checksum) {
            return Err(OpenError::Diverged { file: file(), migration: format!("V{number:02}__{name}") });
        }
    }
    let is_missing = |migration: &&Migration| known.iter().all(|(number, _, _)| *number != migration.number);
    Ok(MIGRATIONS.iter().filter(is_missing).collect())
}

fn sha256(text: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(text))
}
