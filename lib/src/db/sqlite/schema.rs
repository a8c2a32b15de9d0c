//! The schema: what makes a file a Postroom database, and how an older one becomes a newer one.
//!
//! A table says which migrations a database has, with a checksum of each. One transaction covers everything: the new migrations,
//! the amended ones, and the version.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use siphasher::sip::SipHasher13;

use super::connection::from_sqlite;
use super::migrations::MIGRATIONS;
use crate::clock::Timestamp;
use crate::db::migration::Migration;
use crate::db::open::{OpenError, beside, private_file};

/// The number of the newest migration; `PRAGMA user_version` of a database that is up to date.
pub(crate) const SCHEMA_VERSION: i32 = 38;

/// "Post" in ASCII, in the header of every database of ours (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x506F_7374;

/// Older ones can corrupt a database when the write-ahead log is reset (fixed in SQLite 3.51.3).
const OLDEST_SQLITE: i32 = 3_051_003;

/// Copies the database into a file that is not there, or is empty.
pub(crate) const COPY: &str = "VACUUM INTO ?1";

/// The table is as refinery has it, which once made it. Its checksums are decimal numbers in text columns.
const CREATE_HISTORY: &str = "CREATE TABLE IF NOT EXISTS refinery_schema_history (version int4 PRIMARY KEY,
     name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))";
const HISTORY: &str = "SELECT version, checksum FROM refinery_schema_history";
const ADD_TO_HISTORY: &str = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
     VALUES (?1, ?2, ?3, ?4) ON CONFLICT (version) DO UPDATE SET checksum = excluded.checksum";

/// When the first migration made the database: the same in every backup of it, and in no other database.
pub(crate) const ORIGIN: &str = "SELECT applied_on FROM refinery_schema_history WHERE version = 1";

/// Before the first release these landed after a migration with a higher number, so a database of that time can have the
/// higher one and lack these. They only add tables that no other migration touches, so they can be applied later.
const LANDED_LATE: &[i32] = &[8, 12, 13, 15];

/// Four migrations were edited after they had landed, before the first release. A database of that time has an earlier text,
/// and is amended here. The list is complete: since then a landed migration is never edited.
const EARLIER: &[Earlier] = &[
    // Only a comment was changed.
    Earlier { version: 2, checksum: "12586903618324953047", amend: "" },
    Earlier { version: 10, checksum: "15177262444128816650", amend: ADD_STARTS_ITSELF },
    Earlier {
        version: 11,
        checksum: "3500740268136988747",
        amend: "CREATE INDEX rotation_under_way ON rotation (key_id, domain_id, started_at) WHERE key_id IS NOT NULL",
    },
    Earlier { version: 16, checksum: "5565012208272455825", amend: ALLOW_SHORT_ANSWERS },
];

/// An earlier text of a migration, and the SQL that changes its schema into the one that today's text makes.
struct Earlier {
    version: i32,
    checksum: &'static str,
    amend: &'static str,
}

/// Adds the column `starts_itself` of V10 where today's text has it, so the three columns after it are made anew.
///
/// Until then any key began by itself when no other key of its domain was active. Now the oldest one does, and where a domain
/// has delegated keys, the oldest of those too.
const ADD_STARTS_ITSELF: &str = "
    DROP INDEX dkim_key_by_retirement;
    DROP INDEX dkim_key_by_delegation;
    ALTER TABLE dkim_key RENAME COLUMN delegated_to TO old_delegated_to;
    ALTER TABLE dkim_key RENAME COLUMN retired_at TO old_retired_at;
    ALTER TABLE dkim_key RENAME COLUMN released_at TO old_released_at;
    ALTER TABLE dkim_key ADD COLUMN starts_itself INTEGER NOT NULL DEFAULT 0 CHECK (starts_itself IN (0, 1));
    ALTER TABLE dkim_key ADD COLUMN delegated_to TEXT CHECK (delegated_to = lower(delegated_to));
    ALTER TABLE dkim_key ADD COLUMN retired_at INTEGER CHECK (retired_at IS NULL OR activated_at IS NULL);
    ALTER TABLE dkim_key ADD COLUMN released_at INTEGER CHECK (released_at IS NULL OR retired_at IS NOT NULL);
    UPDATE dkim_key SET delegated_to = old_delegated_to, retired_at = old_retired_at, released_at = old_released_at;
    ALTER TABLE dkim_key DROP COLUMN old_released_at;
    ALTER TABLE dkim_key DROP COLUMN old_retired_at;
    ALTER TABLE dkim_key DROP COLUMN old_delegated_to;
    CREATE INDEX dkim_key_by_retirement ON dkim_key (retired_at) WHERE retired_at IS NOT NULL AND released_at IS NULL;
    CREATE INDEX dkim_key_by_delegation ON dkim_key (delegated_to) WHERE delegated_to IS NOT NULL;
    UPDATE dkim_key SET starts_itself = 1
        WHERE id IN (SELECT min(id) FROM dkim_key WHERE retired_at IS NULL GROUP BY domain_id, delegated_to IS NULL)
        AND domain_id NOT IN (SELECT domain_id FROM dkim_key WHERE activated_at IS NOT NULL);";

/// Makes the table of V16 anew, without the minimum length of answers that it had.
const ALLOW_SHORT_ANSWERS: &str = "
    ALTER TABLE idempotency RENAME TO old_idempotency;
    DROP INDEX idempotency_by_expiry;
    CREATE TABLE idempotency (
        id         INTEGER PRIMARY KEY,
        api_key_id INTEGER NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
        name       BLOB    NOT NULL CHECK (length(name) = 32),
        content    BLOB    NOT NULL CHECK (length(content) = 32),
        answer     BLOB    NOT NULL,
        expires_at INTEGER NOT NULL,
        UNIQUE (api_key_id, name)
    ) STRICT;
    CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
    INSERT INTO idempotency SELECT * FROM old_idempotency;
    DROP TABLE old_idempotency;";

/// Refuses an SQLite that can lose data.
pub(crate) fn check_library() -> Result<(), OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite { version: rusqlite::version() });
    }
    Ok(())
}

/// Refuses a file that is not ours, that a newer Postroom has changed, or whose migrations are not ours.
pub(crate) fn check_file(conn: &Connection, file: &Path) -> Result<(), OpenError> {
    let failed = |e| from_sqlite(file, &e);
    let application = application(conn).map_err(failed)?;
    let tables: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if application != APPLICATION_ID && (application != 0 || tables != 0) {
        return Err(OpenError::Foreign { file: file.to_owned(), application });
    }
    let history = History::read(conn, file)?;
    let found = history.newest().max(version(conn, file)?);
    if found > SCHEMA_VERSION {
        return Err(OpenError::Newer { file: file.to_owned(), found, known: SCHEMA_VERSION });
    }
    match MIGRATIONS.iter().find(|migration| !history.agrees(migration)) {
        Some(migration) => {
            Err(OpenError::Diverged { file: file.to_owned(), migration: migration.to_string() })
        }
        None => Ok(()),
    }
}

/// Whether the file is a database of ours, and not one that is yet to be made.
pub(crate) fn is_made(conn: &Connection) -> rusqlite::Result<bool> {
    Ok(application(conn)? == APPLICATION_ID)
}

fn application(conn: &Connection) -> rusqlite::Result<i32> {
    conn.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// A line for each damage that SQLite finds in pages, indexes and foreign keys.
pub(crate) fn damage(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let lines = |sql: &str| -> rusqlite::Result<Vec<String>> {
        conn.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    };
    let mut found = lines("PRAGMA integrity_check(20)")?;
    found.retain(|line| line != "ok");
    let hanging = lines("PRAGMA foreign_key_check")?;
    found.extend(hanging.iter().map(|table| format!("a row of {table} hangs on nothing")));
    Ok(found)
}

/// How far a table is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Its pages.
    Quick,
    /// Its pages, and whether its indexes agree with it.
    Whole,
}

/// The tables of the schema.
pub(crate) fn tables(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let tables =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    conn.prepare(tables)?.query_map([], |row| row.get(0))?.collect()
}

/// A line for each damage that SQLite finds in one table.
pub(crate) fn damage_in(conn: &Connection, table: &str, depth: Depth) -> rusqlite::Result<Vec<String>> {
    let pragma = match depth {
        Depth::Quick => "quick_check",
        Depth::Whole => "integrity_check",
    };
    let mut found = Vec::new();
    conn.pragma(None, pragma, table, |row| {
        found.push(row.get::<_, String>(0)?);
        Ok(())
    })?;
    found.retain(|line| line != "ok");
    Ok(found)
}

/// Brings the file to [`SCHEMA_VERSION`], all or nothing. The caller holds the lock on opening and has had the file checked.
pub(crate) fn migrate(conn: &mut Connection, file: &Path, now: Timestamp) -> Result<(), OpenError> {
    let failed = |e: rusqlite::Error| OpenError::Migration { file: file.to_owned(), reason: e.to_string() };
    let history = History::read(conn, file)?;
    let steps: Vec<_> = MIGRATIONS.iter().filter_map(|m| Some((m, history.step(m)?))).collect();
    if steps.is_empty() && version(conn, file)? == SCHEMA_VERSION {
        return Ok(());
    }
    if history.newest() > 0 {
        keep_copy(conn, file, history.newest(), now)?;
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    transaction.execute_batch(CREATE_HISTORY).map_err(failed)?;
    for (migration, sql) in steps {
        transaction.execute_batch(sql).map_err(failed)?;
        transaction
            .execute(ADD_TO_HISTORY, (migration.number, migration.name, now.to_string(), checksum(migration)))
            .map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// The checksum of a migration as refinery computes it, in whose form every database has it: `SipHash` 1-3 over name, number and
/// text, each as the standard library hashes it.
fn checksum(migration: &Migration) -> String {
    let mut hasher = SipHasher13::new();
    migration.name.hash(&mut hasher);
    migration.number.hash(&mut hasher);
    migration.sql.hash(&mut hasher);
    hasher.finish().to_string()
}

/// The migrations that a file has: the checksum of each by its number.
struct History(BTreeMap<i32, String>);

impl History {
    fn read(conn: &Connection, file: &Path) -> Result<History, OpenError> {
        let read = || {
            if !conn.table_exists(None, "refinery_schema_history")? {
                return Ok(BTreeMap::new());
            }
            let mut statement = conn.prepare(HISTORY)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        read().map(History).map_err(|e| from_sqlite(file, &e))
    }

    /// The number of the newest migration, 0 without any.
    fn newest(&self) -> i32 {
        self.0.last_key_value().map_or(0, |(version, _)| *version)
    }

    /// Whether the file has the migration in a known text, or can still get it.
    fn agrees(&self, migration: &Migration) -> bool {
        let number = migration.number;
        match self.0.get(&number) {
            Some(known) => *known == checksum(migration) || earlier(number, known).is_some(),
            None => number > self.newest() || LANDED_LATE.contains(&number),
        }
    }

    /// The SQL that brings the file to where the migration leads, if it is not there.
    fn step(&self, migration: &Migration) -> Option<&'static str> {
        match self.0.get(&migration.number) {
            Some(known) => earlier(migration.number, known).map(|earlier| earlier.amend),
            None => Some(migration.sql),
        }
    }
}

fn earlier(version: i32, checksum: &str) -> Option<&'static Earlier> {
    EARLIER.iter().find(|earlier| earlier.version == version && earlier.checksum == checksum)
}

fn version(conn: &Connection, file: &Path) -> Result<i32, OpenError> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|e| from_sqlite(file, &e))
}

/// A copy of the database as it was before migrating, beside it: `postroom.db.v5-1795255200120`.
fn keep_copy(conn: &Connection, file: &Path, found: i32, now: Timestamp) -> Result<(), OpenError> {
    let copy = beside(file, &format!(".v{found}-{}", now.millis()));
    // SQLite fills an empty file; made here, it is its owner's alone.
    private_file(&copy)?;
    conn.execute(COPY, [copy.to_string_lossy()]).map(|_| ()).map_err(|e| from_sqlite(&copy, &e))
}
