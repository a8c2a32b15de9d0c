//! The engines that keep a database: SQLite in a file, PostgreSQL on a server. What differs between them is behind these calls.

use std::path::Path;
use std::time::Duration;

use super::closed;
use super::open::{OpenError, OpeningLock, beside};
use super::params::Params;
#[cfg(feature = "postgres")]
use super::postgres;
use super::sqlite::{self, Depth, OpenFile, Readers, Writer};
use super::statements::{Statements, Take};
use crate::error::Error;

/// A column of a table.
pub(crate) struct TableColumn {
    pub(crate) table: String,
    pub(crate) name: String,
    /// Its place in the primary key, from 1 on; 0 if it is not in that.
    pub(crate) place_in_key: i64,
    /// Whether it has texts or octets.
    pub(crate) is_long: bool,
}

/// A connection of either engine, as it is lent to a transaction.
#[derive(Clone, Copy)]
pub(crate) enum Conn<'a> {
    Sqlite(&'a sqlite::Connection),
    #[cfg(feature = "postgres")]
    Postgres(&'a postgres::Connection),
}

/// Does the same on a connection of either engine.
macro_rules! on_either {
    ($self:expr, $conn:ident => $work:expr) => {
        match $self {
            Conn::Sqlite($conn) => $work,
            #[cfg(feature = "postgres")]
            Conn::Postgres($conn) => $work,
        }
    };
}

impl Statements for Conn<'_> {
    fn each(&self, sql: &str, params: &dyn Params, take: &mut Take<'_>) -> Result<(), Error> {
        on_either!(*self, conn => conn.each(sql, params, take))
    }

    fn touch(&self, sql: &str, params: &dyn Params) -> Result<usize, Error> {
        on_either!(*self, conn => conn.touch(sql, params))
    }
}

impl Conn<'_> {
    /// Runs a statement of which nothing is asked, now or with the next one.
    pub(super) fn put(self, sql: &str, params: &dyn Params) -> Result<(), Error> {
        match self {
            Conn::Sqlite(conn) => conn.touch(sql, params).map(drop),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.put(sql, params),
        }
    }

    /// Has a server answer the reads of `work` in the same round trip as the next statement. On SQLite nothing waits for anything, and
    /// `work` is not run.
    pub(super) fn ahead(self, work: impl FnOnce()) {
        match self {
            Conn::Sqlite(_) => drop(work),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.ahead(work),
        }
    }

    /// Whether a transaction is open.
    pub(super) fn is_in_transaction(self) -> bool {
        on_either!(self, conn => conn.is_in_transaction())
    }

    /// Begins a part of the transaction that can be undone alone.
    pub(super) fn begin_part(self) -> Result<(), Error> {
        on_either!(self, conn => conn.begin_part())
    }

    /// Ends the part that was begun last, and keeps it.
    pub(super) fn keep_part(self) -> Result<(), Error> {
        on_either!(self, conn => conn.keep_part())
    }

    /// Ends the part that was begun last, and undoes it.
    pub(super) fn undo_part(self) -> Result<(), Error> {
        on_either!(self, conn => conn.undo_part())
    }

    /// Does `work` without waiting for another process's write to end.
    pub(super) fn without_waiting<T>(self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        match self {
            Conn::Sqlite(conn) => conn.without_waiting(work),
            // A row is locked for no longer than another server takes to write it.
            #[cfg(feature = "postgres")]
            Conn::Postgres(_) => work(),
        }
    }

    /// Whether the database can be read at all.
    pub(super) fn check_readable(self) -> Result<(), Error> {
        match self {
            Conn::Sqlite(conn) => conn.check_readable(),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.check_at_once(),
        }
    }

    /// The tables of the schema.
    pub(super) fn tables(self) -> Result<Vec<String>, Error> {
        on_either!(self, conn => conn.tables())
    }

    /// The columns of every table, by the tables' names, in the order of `SELECT *`.
    pub(super) fn columns(self) -> Result<Vec<TableColumn>, Error> {
        on_either!(self, conn => conn.columns())
    }

    /// The number of the newest migration that the database has.
    pub(super) fn version(self) -> Result<u32, Error> {
        on_either!(self, conn => conn.version())
    }

    /// References between rows are checked when the transaction ends.
    pub(super) fn defer_references(self) -> Result<(), Error> {
        on_either!(self, conn => conn.defer_references())
    }

    /// Runs an `INSERT` of one row, and returns the id of that.
    pub(super) fn insert(self, sql: &str, params: impl Params) -> Result<Option<i64>, Error> {
        match self {
            Conn::Sqlite(conn) => conn.insert(sql, params),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.one(&format!("{sql} RETURNING id"), params, |row| row.get(0)),
        }
    }

    /// The ids of the next so many new rows of a table.
    pub(super) fn next_ids(self, table: &str, count: usize) -> Result<Vec<i64>, Error> {
        on_either!(self, conn => conn.next_ids(table, count))
    }

    /// The newest id that each table has given, whether its row is still there or not.
    pub(super) fn newest_ids(self) -> Result<Vec<(String, i64)>, Error> {
        on_either!(self, conn => conn.newest_ids())
    }

    /// Has new rows get ids above all those that were put in with one, and above these.
    pub(super) fn count_ids_on(self, newest: &[(String, i64)]) -> Result<(), Error> {
        on_either!(self, conn => conn.count_ids_on(newest))
    }

    /// Has no trigger run for rows that are put in as they are, with what triggers have counted, if the engine can do without.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unnecessary_wraps, reason = "another engine can fail")
    )]
    pub(super) fn suspend_triggers(self) -> Result<(), Error> {
        match self {
            Conn::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.suspend_triggers(),
        }
    }

    /// Ends what [`suspend_triggers`](Conn::suspend_triggers) began.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unnecessary_wraps, reason = "another engine can fail")
    )]
    pub(super) fn resume_triggers(self) -> Result<(), Error> {
        match self {
            Conn::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.resume_triggers(),
        }
    }

    /// A line for each damage that the engine finds.
    pub(super) fn damage(self) -> Result<Vec<String>, Error> {
        match self {
            Conn::Sqlite(conn) => conn.damage(),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.damage(),
        }
    }

    /// A line for each damage that the engine finds in one table.
    pub(super) fn damage_in(self, table: &str, depth: Depth) -> Result<Vec<String>, Error> {
        match self {
            Conn::Sqlite(conn) => conn.damage_in(table, depth),
            // The server checks a page whenever it reads it, and has no quicker look.
            #[cfg(feature = "postgres")]
            Conn::Postgres(_) if depth == Depth::Quick => Ok(Vec::new()),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.damage_in(table),
        }
    }
}

/// What keeps a database.
pub(super) enum Engine {
    Sqlite {
        file: OpenFile,
        writer: Box<Writer>,
        readers: Box<Readers>,
    },
    #[cfg(feature = "postgres")]
    Postgres(postgres::Server),
}

impl Engine {
    /// The file with a connection that the caller has opened.
    pub(super) fn sqlite(file: &Path, writer: sqlite::Connection) -> Engine {
        Engine::Sqlite {
            file: OpenFile::at(file),
            writer: Box::new(Writer::new(writer)),
            readers: Box::default(),
        }
    }

    /// Runs `work` in one transaction that sees one state and changes nothing.
    pub(super) fn read<T, E: From<Error>>(
        &self,
        work: impl FnOnce(Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (mut work, mut done) = (Some(work), None);
        self.reading(&mut |conn| done = work.take().map(|work| work(conn)))?;
        done.unwrap_or_else(|| Err(closed().into()))
    }

    fn reading(&self, work: &mut dyn FnMut(Conn<'_>)) -> Result<(), Error> {
        match self {
            Engine::Sqlite { file, readers, .. } => {
                let reader = readers.take(file)?;
                let conn = reader.conn();
                conn.reading(|| work(Conn::Sqlite(conn)))
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(server) => server.read(&mut |conn| work(Conn::Postgres(conn))),
        }
    }

    /// Runs `work` in one transaction. What it wrote is on disk when this returns `Ok`, and undone at an error.
    pub(super) fn write<T, E: From<Error>>(&self, work: impl Fn(Conn<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut done = None;
        self.writing(&mut |conn| done.insert(work(conn)).is_ok())?;
        done.unwrap_or_else(|| Err(closed().into()))
    }

    /// Runs `work`, maybe again, until what it wrote is on disk, or it says that it has failed.
    fn writing(&self, work: &mut dyn FnMut(Conn<'_>) -> bool) -> Result<(), Error> {
        match self {
            Engine::Sqlite { .. } => {
                let turn = self.turn()?;
                let is_done = work(turn.conn()?);
                turn.end(is_done)
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(server) => server.write(&mut |conn| work(Conn::Postgres(conn))),
        }
    }

    /// Begins a write that ends when its turn does, and is never done again.
    pub(super) fn turn(&self) -> Result<Turn<'_>, Error> {
        match self {
            Engine::Sqlite { file, writer, .. } => {
                file.check_in_place()?;
                writer.turn().map(|turn| Turn::Sqlite(turn, file))
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(server) => server.turn_alone().map(Turn::Postgres),
        }
    }

    /// `Gone` if the file that is open is not at its path any more.
    pub(super) fn check_in_place(&self) -> Result<(), Error> {
        match self {
            Engine::Sqlite { file, .. } => file.check_in_place(),
            // The server looks after its files.
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Waits until nobody else makes, migrates or seals anew this database.
    pub(super) fn opening(&self) -> Result<Opening<'_>, OpenError> {
        match self {
            Engine::Sqlite { file, .. } => OpeningLock::wait(file.path()).map(Opening::File),
            #[cfg(feature = "postgres")]
            Engine::Postgres(server) => {
                server.opening().map(Opening::Server).map_err(|e| OpenError::of(&server.shown(), &e))
            }
        }
    }

    /// Waits for a write in hand, and refuses every later one.
    pub(super) fn close(&self) {
        match self {
            Engine::Sqlite { writer, readers, .. } => {
                readers.close();
                // The writer last, so that it can move the log.
                writer.close();
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(server) => server.close(),
        }
    }

    /// Has each reader keep little of the file in memory.
    pub(super) fn spare_memory(&self) {
        match self {
            Engine::Sqlite { readers, .. } => readers.spare_memory(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => {}
        }
    }

    /// Whether a read of a few rows takes microseconds, because the database is on this machine.
    pub(super) fn is_at_hand(&self) -> bool {
        matches!(self, Engine::Sqlite { .. })
    }

    /// How large the write-ahead log is, and for how long the oldest reader has been reading.
    pub(super) fn write_ahead_log(&self) -> (u64, Option<Duration>) {
        match self {
            Engine::Sqlite { file, readers, .. } => {
                let octets = std::fs::metadata(beside(file.path(), "-wal")).map_or(0, |data| data.len());
                (octets, readers.oldest())
            }
            // It is the server's.
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => (0, None),
        }
    }
}

/// A write of this thread's. Dropping it undoes what was written.
pub(super) enum Turn<'a> {
    Sqlite(sqlite::Turn<'a>, &'a OpenFile),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Turn<'a>),
}

impl Turn<'_> {
    pub(super) fn conn(&self) -> Result<Conn<'_>, Error> {
        match self {
            Turn::Sqlite(turn, _) => turn.conn().map(Conn::Sqlite),
            #[cfg(feature = "postgres")]
            Turn::Postgres(turn) => turn.conn().map(Conn::Postgres),
        }
    }

    /// Keeps what was written, or undoes it, and waits until that is on disk.
    pub(super) fn end(self, is_done: bool) -> Result<(), Error> {
        match self {
            Turn::Sqlite(turn, file) => {
                turn.end(is_done)?;
                // What is on disk in a file that nobody finds again is not kept.
                if is_done { file.check_in_place() } else { Ok(()) }
            }
            #[cfg(feature = "postgres")]
            Turn::Postgres(turn) => turn.end(is_done),
        }
    }
}

/// Held while a database is made, migrated, or given another master key.
pub(super) enum Opening<'a> {
    File(#[expect(dead_code, reason = "held for its lock alone")] OpeningLock),
    #[cfg(feature = "postgres")]
    Server(#[expect(dead_code, reason = "held for its lock alone")] postgres::Opening<'a>),
    #[cfg(not(feature = "postgres"))]
    #[expect(dead_code, reason = "there is no other engine whose lifetime it could have")]
    None(std::marker::PhantomData<&'a ()>),
}
