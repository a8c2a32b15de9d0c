//! The schema: what makes a file a Postroom database, and how an older one becomes a newer one.

use std::path::Path;

use rusqlite::Connection;

use super::open::{OpenError, beside, private_file};
use crate::clock::Timestamp;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The number of the newest migration; `PRAGMA user_version` of a database that is up to date.
pub(crate) const SCHEMA_VERSION: i32 = 18;

/// "Post" in ASCII, in the header of every database of ours (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x506F_7374;

/// Older ones can corrupt a database when the write-ahead log is reset (fixed in SQLite 3.51.3).
const OLDEST_SQLITE: i32 = 3_051_003;

/// The ids of the master keys that have sealed something in this database.
pub(crate) const MASTER_KEY_IDS: &str = "SELECT key_id FROM master_key";
/// Notes that a master key seals here from now on.
pub(crate) const ADD_MASTER_KEY: &str = "INSERT INTO master_key (key_id, added_at) VALUES (?1, ?2)";

/// Refuses an SQLite that can lose data.
pub(crate) fn check_library() -> Result<(), OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite { version: rusqlite::version() });
    }
    Ok(())
}

/// Refuses a file that is not ours or that a newer Postroom has changed.
pub(crate) fn check_file(conn: &Connection, file: &Path) -> Result<(), OpenError> {
    let failed = |e| OpenError::from_sqlite(file, &e);
    let application: i32 =
        conn.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let tables: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let found = version(conn, file)?;
    if application != APPLICATION_ID && (application != 0 || tables != 0) {
        return Err(OpenError::Foreign { file: file.to_owned(), application });
    }
    if found > SCHEMA_VERSION {
        return Err(OpenError::Newer { file: file.to_owned(), found, known: SCHEMA_VERSION });
    }
    Ok(())
}

/// Brings the file to [`SCHEMA_VERSION`], all or nothing. The caller holds the lock on opening.
pub(crate) fn migrate(conn: &mut Connection, file: &Path, now: Timestamp) -> Result<(), OpenError> {
    let failed = |e| OpenError::from_sqlite(file, &e);
    let found = version(conn, file)?;
    if found == SCHEMA_VERSION {
        return Ok(());
    }
    if found > 0 {
        keep_copy(conn, file, found, now)?;
    }
    // First, so that a file whose making is cut short here is still known as ours.
    conn.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    embedded::migrations::runner()
        .set_grouped(true)
        .run(conn)
        .map_err(|e| OpenError::Migration { file: file.to_owned(), reason: e.to_string() })?;
    conn.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(failed)
}

fn version(conn: &Connection, file: &Path) -> Result<i32, OpenError> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|e| OpenError::from_sqlite(file, &e))
}

/// A copy of the database as it was before migrating, beside it: `postroom.db.v5-1795255200120`.
fn keep_copy(conn: &Connection, file: &Path, found: i32, now: Timestamp) -> Result<(), OpenError> {
    let copy = beside(file, &format!(".v{found}-{}", now.millis()));
    // SQLite fills an empty file; made here, it is its owner's alone.
    private_file(&copy)?;
    conn.execute("VACUUM INTO ?1", [copy.to_string_lossy()])
        .map(|_| ())
        .map_err(|e| OpenError::from_sqlite(&copy, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_number_of_the_newest_migration() {
        let newest =
            embedded::migrations::runner().get_migrations().iter().map(refinery::Migration::version).max();
        assert_eq!(newest.map(|version| version.to_string()), Some(SCHEMA_VERSION.to_string()));
    }
}
