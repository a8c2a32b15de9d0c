//! A session: the database as one request uses it. Its writes may be held until they can be committed together.

use std::cell::{Cell, Ref, RefCell};

use super::inside::Inside;
use super::sqlite::{Connection, LentWriter};
use super::{Postroom, ReadTx, WriteTx, closed};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::settings::Settings;

/// The database as one request uses it. Its writes are on disk when they return, or they are held by a [`Held`].
///
/// It gives no access to its [`Postroom`], because a write through the `Postroom` would wait for the held write for ever.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    postroom: &'a Postroom,
    held: Option<&'a dyn Holding>,
}

impl<'a> Session<'a> {
    /// A session whose writes are each on disk when they return.
    pub fn new(postroom: &'a Postroom) -> Session<'a> {
        Session { postroom, held: None }
    }

    /// Runs `work` in one transaction that changes nothing. It sees what this session wrote.
    pub fn read<T, E: From<Error>>(&self, work: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        match self.held.and_then(Holding::conn) {
            Some(conn) => work(&ReadTx::new(&conn, self.postroom)),
            None => self.postroom.read(work),
        }
    }

    /// Runs `work` in one transaction, which is rolled back if `work` fails.
    ///
    /// `work` may run again, if the database has undone what it did: so it does nothing but through its transaction.
    pub fn write<T, E: From<Error>>(&self, work: impl Fn(&WriteTx<'_>) -> Result<T, E>) -> Result<T, E> {
        let Some(held) = self.held else {
            return self.postroom.write(work);
        };
        let is_first = held.enter()?;
        let result = {
            let conn = held.conn().ok_or_else(closed)?;
            work(&WriteTx(ReadTx::new(&conn, self.postroom)))
        };
        let left = held.leave(is_first, result.is_ok());
        let done = result?;
        left.map(|()| done).map_err(E::from)
    }

    /// Whether the database can be read at all. It waits for no writer.
    pub fn check_readable(&self) -> Result<(), Error> {
        self.postroom.check_readable()
    }

    /// The operator's decisions.
    pub fn settings(&self) -> &'a Settings {
        self.postroom.settings()
    }

    /// The moment it is now.
    pub fn now(&self) -> Timestamp {
        self.postroom.now()
    }
}

impl<'a> From<&'a Postroom> for Session<'a> {
    fn from(postroom: &'a Postroom) -> Session<'a> {
        Session::new(postroom)
    }
}

/// Writes that [`commit`](Held::commit) puts on disk together. Dropping it before that rolls all of them back.
///
/// It holds the write lock from its first successful write on, so commit soon after that. Until it is committed or dropped,
/// [`Postroom::write`] fails on the same thread.
pub struct Held<'a> {
    postroom: &'a Postroom,
    /// In the middle of a transaction, once there is one.
    writer: RefCell<Option<LentWriter<'a>>>,
    /// As long as `writer` is in a transaction, so is this thread.
    inside: Cell<Option<Inside>>,
}

impl<'a> Held<'a> {
    /// Nothing yet.
    pub fn new(postroom: &'a Postroom) -> Held<'a> {
        Held { postroom, writer: RefCell::new(None), inside: Cell::new(None) }
    }

    /// A session whose writes are held.
    pub fn session(&self) -> Session<'_> {
        Session { postroom: self.postroom, held: Some(self) }
    }

    /// Puts on disk what was written.
    pub fn commit(self) -> Result<(), Error> {
        match self.conn() {
            Some(conn) => conn.batch("COMMIT").inspect_err(|e| self.postroom.note_broken(e)),
            None => Ok(()),
        }
    }

    fn run(&self, sql: &str) -> Result<(), Error> {
        self.conn().ok_or_else(closed)?.batch(sql)
    }

    fn roll_back(&self) {
        // After a commit, or if SQLite has ended the transaction itself, there is nothing to roll back. If the roll-back
        // fails, the connection refuses the next transaction with an error.
        if let Some(conn) = self.conn().filter(|conn| conn.is_in_transaction()) {
            let _ = conn.batch("ROLLBACK");
        }
        self.writer.take();
        self.inside.take();
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.roll_back();
    }
}

/// What a session needs of a [`Held`], whatever the `Held` borrows.
trait Holding {
    /// The connection in the middle of the transaction, if there is one.
    fn conn(&self) -> Option<Ref<'_, Connection>>;
    /// Begins the transaction, or a part of it that can be rolled back alone. Returns whether it began the transaction.
    fn enter(&self) -> Result<bool, Error>;
    /// Ends that part.
    fn leave(&self, is_first: bool, is_done: bool) -> Result<(), Error>;
}

impl Holding for Held<'_> {
    fn conn(&self) -> Option<Ref<'_, Connection>> {
        Ref::filter_map(self.writer.borrow(), |writer| writer.as_ref()?.shared()).ok()
    }

    fn enter(&self) -> Result<bool, Error> {
        if self.writer.borrow().is_some() {
            return self.run("SAVEPOINT part").map(|()| false);
        }
        self.postroom.refuse_if_broken()?;
        let writer = self.postroom.writer.lend()?;
        writer.conn()?.batch("BEGIN IMMEDIATE")?;
        self.writer.replace(Some(writer));
        self.inside.set(Some(Inside::begin()));
        Ok(true)
    }

    fn leave(&self, is_first: bool, is_done: bool) -> Result<(), Error> {
        match (is_first, is_done) {
            (true, true) => Ok(()),
            (true, false) => {
                self.roll_back();
                Ok(())
            }
            (false, true) => self.run("RELEASE part"),
            (false, false) => self.run("ROLLBACK TO part; RELEASE part"),
        }
    }
}
