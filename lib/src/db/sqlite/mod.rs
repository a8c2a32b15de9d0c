//! SQLite: a file, one connection that writes, a few that read. What only SQLite has stands here, behind named calls.

mod backup;
mod connection;
mod migrations;
mod open_file;
mod readers;
mod schema;
mod writer;

use std::path::Path;

pub use self::backup::{BackupError, back_up, origin, restore};
pub(super) use self::connection::Connection;
use self::connection::{from_sqlite, store};
#[cfg(test)]
pub(super) use self::migrations::MIGRATIONS;
pub(super) use self::open_file::OpenFile;
pub(super) use self::readers::Readers;
pub(crate) use self::schema::Depth;
#[cfg(test)]
pub(super) use self::schema::SCHEMA_VERSION;
pub(super) use self::writer::{Turn, Writer};
use super::engine::TableColumn;
use super::open::{OpenError, private_file};
use crate::clock::Timestamp;
use crate::db::statements::Statements as _;
use crate::error::Error;

/// Refuses a linked SQLite that can lose data.
pub(super) fn check_library() -> Result<(), OpenError> {
    schema::check_library()
}

/// Opens the file, makes it if it is not there, and brings it to the newest schema. The caller holds the lock on opening.
pub(super) fn open(file: &Path, now: Timestamp) -> Result<Connection, OpenError> {
    private_file(file)?;
    let mut conn = Connection::open(file)?;
    schema::check_file(conn.raw(), file)?;
    let failed = |e| from_sqlite(file, &e);
    conn.raw().pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    conn.raw().pragma_update(None, "journal_size_limit", 64 * 1024 * 1024).map_err(failed)?;
    schema::migrate(conn.raw_mut(), file, now)?;
    // Each part of a transaction notes how the pages were that it changes, to undo it. In a file, that takes several times as many
    // writes as the changes do. A migration changes whole tables, and has its notes in a file.
    conn.raw().pragma_update(None, "temp_store", "MEMORY").map_err(failed)?;
    Ok(conn)
}

impl Connection {
    /// Runs `work` in one transaction that changes nothing.
    ///
    /// This cannot nest: a reader is lent to one caller, who has no way to begin a second transaction on it.
    pub(super) fn reading(&self, work: impl FnOnce()) -> Result<(), Error> {
        self.run("BEGIN", [])?;
        let reading = Reading(self);
        work();
        reading.end()
    }

    /// The tables of the schema.
    pub(super) fn tables(&self) -> Result<Vec<String>, Error> {
        schema::tables(self.raw()).map_err(store)
    }

    /// The columns of every table, by the tables' names; not those of the engine and of the migrations.
    pub(super) fn columns(&self) -> Result<Vec<TableColumn>, Error> {
        let sql = "SELECT t.name, c.name, c.pk, c.type IN ('TEXT', 'BLOB') FROM sqlite_schema t JOIN pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND t.name NOT LIKE 'refinery%'
             ORDER BY t.name, c.cid";
        self.all(sql, [], |row| {
            let (table, name, place_in_key) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(TableColumn { table, name, place_in_key, is_long: row.get(3)? })
        })
    }

    /// The ids of the next new rows of a table, past all that it has or had. Nobody else writes meanwhile, and SQLite notes those that
    /// were put in.
    pub(super) fn next_ids(&self, table: &str, count: usize) -> Result<Vec<i64>, Error> {
        let sql = format!(
            "SELECT max(coalesce((SELECT max(id) FROM {table}), 0),
                        coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0))"
        );
        let last = self.one(&sql, [], |row| row.get(0))?;
        Ok((last.unwrap_or(0_i64).saturating_add(1)..).take(count).collect())
    }

    /// The number of the newest migration.
    pub(super) fn version(&self) -> Result<u32, Error> {
        Ok(self
            .one("SELECT user_version FROM pragma_user_version", [], |row| row.get(0))?
            .unwrap_or_default())
    }

    /// References between rows are checked when the transaction ends.
    pub(super) fn defer_references(&self) -> Result<(), Error> {
        self.run("PRAGMA defer_foreign_keys = ON", []).map(drop)
    }

    /// The newest id that each table has given.
    pub(super) fn newest_ids(&self) -> Result<Vec<(String, i64)>, Error> {
        self.all("SELECT name, seq FROM sqlite_sequence", [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Has new rows get ids above these. SQLite notes the largest that was put in by itself.
    pub(super) fn count_ids_on(&self, newest: &[(String, i64)]) -> Result<(), Error> {
        for (table, newest) in newest {
            let sql = "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1";
            if self.run(sql, (table, newest))? == 0 {
                self.run("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (table, newest))?;
            }
        }
        Ok(())
    }

    /// Begins a part of the transaction that can be undone alone.
    pub(super) fn begin_part(&self) -> Result<(), Error> {
        self.run("SAVEPOINT part", []).map(drop)
    }

    /// Ends the part that was begun last, and keeps it.
    pub(super) fn keep_part(&self) -> Result<(), Error> {
        self.run("RELEASE part", []).map(drop)
    }

    /// Ends the part that was begun last, and undoes it.
    pub(super) fn undo_part(&self) -> Result<(), Error> {
        self.batch("ROLLBACK TO part; RELEASE part")
    }

    /// A line for each damage that SQLite finds in one table.
    pub(super) fn damage_in(&self, table: &str, depth: Depth) -> Result<Vec<String>, Error> {
        schema::damage_in(self.raw(), table, depth).map_err(store)
    }

    /// A line for each damage that SQLite finds in pages, indexes and foreign keys.
    pub(super) fn damage(&self) -> Result<Vec<String>, Error> {
        schema::damage(self.raw()).map_err(store)
    }

    /// Reads the head of the file: whether it can be read at all.
    pub(super) fn check_readable(&self) -> Result<(), Error> {
        self.one("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map(drop)
    }
}

/// A transaction that reads. A panic in it ends it too.
struct Reading<'a>(&'a Connection);

impl Reading<'_> {
    fn end(self) -> Result<(), Error> {
        let ended = self.0.run("ROLLBACK", []);
        std::mem::forget(self);
        ended.map(drop)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        // If this fails, the connection refuses the next transaction with an error.
        let _ = self.0.run("ROLLBACK", []);
    }
}
