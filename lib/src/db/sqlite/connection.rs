//! A connection to a file, and the statements that run on it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, ToSql};

use crate::db::open::OpenError;
use crate::db::params::{Params, Place};
use crate::db::row::{Cells, Places, Row};
use crate::db::statements::{Statements, Take};
use crate::db::value::Value;
use crate::error::{Error, StoreError, StoreTrouble};

/// How long a statement waits for another process's write to end.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many statements a connection keeps prepared.
const PREPARED: usize = 128;

/// A connection to a file.
pub(in crate::db) struct Connection {
    conn: rusqlite::Connection,
    places: RefCell<KnownPlaces>,
    /// The last trouble of a statement, for those whose transaction it ended.
    trouble: Cell<StoreTrouble>,
}

/// Where the columns of each statement are that ran here.
#[derive(Default)]
struct KnownPlaces {
    slots: HashMap<String, usize>,
    /// Nothing stands in the slot of a statement that is running.
    kept: Vec<Option<Places>>,
}

impl Statements for Connection {
    fn each(&self, sql: &str, params: &dyn Params, take: &mut Take<'_>) -> Result<(), Error> {
        let mut statement = self.prepare(sql, params)?;
        let (slot, places) = self.places(sql);
        let mut rows = statement.raw_query();
        let mut wants_more = Ok(true);
        while let Ok(true) = wants_more {
            let Some(row) = rows.next().map_err(|e| self.failed(e))? else { break };
            wants_more = take(&Row::new(row, &places));
        }
        self.keep(slot, places);
        wants_more.map(drop)
    }

    fn touch(&self, sql: &str, params: &dyn Params) -> Result<usize, Error> {
        self.prepare(sql, params)?.raw_execute().map_err(|e| self.failed(e))
    }
}

impl Connection {
    /// A connection with everything set that makes it safe.
    pub(super) fn open(file: &Path) -> Result<Connection, OpenError> {
        let failed = |e| from_sqlite(file, &e);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = rusqlite::Connection::open_with_flags(file, flags).map_err(failed)?;
        // This comes first, because each of the other settings may have to wait for a lock.
        conn.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        for (config, on) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
            // SQLite plans a statement once, whatever values are bound to it. Without this it plans some statements again
            // for every value.
            (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
        ] {
            conn.set_db_config(config, on).map_err(failed)?;
        }
        for (pragma, value) in [
            ("synchronous", "FULL"),
            ("cell_size_check", "ON"),
            ("secure_delete", "ON"),
            ("mmap_size", "0"),
            // In KiB: an index over 100,000 domains stays in it from one page of a list to the next.
            ("cache_size", "-8000"),
        ] {
            conn.pragma_update(None, pragma, value).map_err(failed)?;
        }
        conn.set_prepared_statement_cache_capacity(PREPARED);
        Ok(Connection { conn, places: RefCell::default(), trouble: Cell::new(StoreTrouble::Other) })
    }

    /// SQLite's own connection, for what only SQLite has.
    pub(super) fn raw(&self) -> &rusqlite::Connection {
        &self.conn
    }

    /// SQLite's own connection, to begin a transaction.
    pub(super) fn raw_mut(&mut self) -> &mut rusqlite::Connection {
        &mut self.conn
    }

    /// Does `work` without waiting for another process's write to end.
    pub(in crate::db) fn without_waiting<T>(
        &self,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.conn.busy_timeout(Duration::ZERO).map_err(store)?;
        let done = work();
        self.conn.busy_timeout(BUSY_TIMEOUT).map_err(store)?;
        done
    }

    /// Runs an `INSERT` of one row, and returns the id of that. `RETURNING` would make a table in memory for it.
    pub(in crate::db) fn insert(&self, sql: &str, params: impl Params) -> Result<Option<i64>, Error> {
        let inserted = self.run(sql, params)?;
        Ok((inserted == 1).then(|| self.conn.last_insert_rowid()))
    }

    /// Runs statements that have no parameters.
    pub(in crate::db) fn batch(&self, sql: &str) -> Result<(), Error> {
        self.conn.execute_batch(sql).map_err(|e| self.failed(e))
    }

    /// Runs `work`, in which a statement waits no longer than this for another process's write to end.
    pub(super) fn patiently<T>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.conn.busy_timeout(patience).map_err(store)?;
        let done = work();
        self.conn.busy_timeout(BUSY_TIMEOUT).map_err(store)?;
        done
    }

    /// Whether a transaction is open.
    pub(in crate::db) fn is_in_transaction(&self) -> bool {
        !self.conn.is_autocommit()
    }

    /// Fails if SQLite has ended the transaction by itself, as it does at some errors, with the trouble that it had.
    pub(super) fn check_in_transaction(&self) -> Result<(), Error> {
        if self.is_in_transaction() {
            return Ok(());
        }
        Err(StoreError::new(
            self.trouble.get(),
            "SQLite has undone the transaction because a statement failed",
        )
        .into())
    }

    fn failed(&self, error: rusqlite::Error) -> Error {
        let error = store(error);
        if let Error::Store(e) = &error {
            self.trouble.set(e.trouble());
        }
        error
    }

    /// The statement with its values, prepared now or earlier.
    fn prepare(&self, sql: &str, params: &dyn Params) -> Result<rusqlite::CachedStatement<'_>, Error> {
        let mut statement = self.conn.prepare_cached(sql).map_err(store)?;
        let mut bound = 0;
        params.each(&mut |place, value| {
            bound += 1;
            let number = match place {
                Place::Number(number) => number,
                Place::Name(name) => statement.parameter_index(name).map_err(store)?.ok_or_else(|| {
                    StoreError::new(StoreTrouble::Other, format!("the statement has no parameter {name}"))
                })?,
            };
            statement.raw_bind_parameter(number, value).map_err(store)
        })?;
        // One that is left out would keep no value of an earlier run, but be null without a word.
        if bound != statement.parameter_count() {
            let text = format!("{bound} values for {} parameters", statement.parameter_count());
            return Err(StoreError::new(StoreTrouble::Other, text).into());
        }
        Ok(statement)
    }

    /// Where the statement's columns are, and the slot in which to keep that.
    fn places(&self, sql: &str) -> (Option<usize>, Places) {
        let KnownPlaces { slots, kept } = &mut *self.places.borrow_mut();
        if let Some(&slot) = slots.get(sql) {
            return (Some(slot), kept.get_mut(slot).and_then(Option::take).unwrap_or_default());
        }
        if kept.len() >= PREPARED {
            return (None, Places::default());
        }
        slots.insert(sql.to_owned(), kept.len());
        kept.push(None);
        (Some(kept.len() - 1), Places::default())
    }

    fn keep(&self, slot: Option<usize>, places: Places) {
        if let Some(slot) = slot
            && let Some(kept) = self.places.borrow_mut().kept.get_mut(slot)
        {
            *kept = Some(places);
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(octets) => ValueRef::Blob(octets),
        }))
    }
}

impl Cells for rusqlite::Row<'_> {
    fn place(&self, name: &str) -> Option<usize> {
        self.as_ref().column_index(name).ok()
    }

    fn value(&self, place: usize) -> Result<Value<'_>, Error> {
        let damaged = |text: &str| Error::from(StoreError::new(StoreTrouble::Damaged, text));
        match self.get_ref(place).map_err(store)? {
            ValueRef::Null => Ok(Value::Null),
            ValueRef::Integer(number) => Ok(Value::Integer(number)),
            ValueRef::Text(text) => {
                std::str::from_utf8(text).map(Value::Text).map_err(|_| damaged("a text is not in UTF-8"))
            }
            ValueRef::Blob(octets) => Ok(Value::Blob(octets)),
            ValueRef::Real(_) => Err(damaged("a number is not whole")),
        }
    }
}

/// What SQLite says, in the terms of [`StoreError`].
pub(super) fn store(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Code;
    use rusqlite::ffi::{SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC};
    let trouble = match &error {
        rusqlite::Error::SqliteFailure(e, _) => match (e.code, e.extended_code) {
            (_, SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC) => StoreTrouble::SyncFailed,
            (Code::DiskFull, _) => StoreTrouble::Full,
            (Code::DatabaseBusy | Code::DatabaseLocked, _) => StoreTrouble::Busy,
            (Code::DatabaseCorrupt | Code::NotADatabase, _) => StoreTrouble::Damaged,
            _ => StoreTrouble::Other,
        },
        _ => StoreTrouble::Other,
    };
    StoreError::new(trouble, error).into()
}

/// What SQLite says while a file is opened.
pub(super) fn from_sqlite(file: &Path, error: &rusqlite::Error) -> OpenError {
    use rusqlite::ErrorCode as Code;
    let (file, reason) = (file.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(Code::NotADatabase | Code::DatabaseCorrupt) => OpenError::Damaged { file, reason },
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => OpenError::OutOfReach { file, reason },
        _ => OpenError::Store { file, reason },
    }
}
