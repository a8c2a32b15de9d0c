//! The one connection that writes, and which thread has it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use super::connection::Connection;
use crate::db::closed;
use crate::error::{Error, StoreError, StoreTrouble};

/// The connection that writes, lent to one thread at a time.
pub(in crate::db) struct Writer {
    /// `None` once the database is closed.
    conn: Mutex<Option<Connection>>,
    /// The thread that has it.
    lent_to: Mutex<Option<ThreadId>>,
}

impl Writer {
    pub(in crate::db) fn new(conn: Connection) -> Writer {
        Writer { conn: Mutex::new(Some(conn)), lent_to: Mutex::default() }
    }

    /// Waits until no other thread has the connection. Fails with `Store` if this thread has it, because it would wait for
    /// ever.
    pub(in crate::db) fn lend(&self) -> Result<Lent<'_>, Error> {
        // Only this thread writes its own id here, so the comparison cannot be out of date.
        if *locked(&self.lent_to) == Some(thread::current().id()) {
            let text = "a write was begun inside a write of the same thread; do both in one transaction";
            return Err(StoreError::new(StoreTrouble::Other, text).into());
        }
        // After a panic in another thread's work its transaction was rolled back: the connection is sound.
        let conn = locked(&self.conn);
        locked(&self.lent_to).replace(thread::current().id());
        Ok(Lent { conn, lent_to: &self.lent_to })
    }

    /// Waits until no thread has the connection, and closes it.
    pub(in crate::db) fn close(&self) {
        locked(&self.conn).take();
    }
}

/// The connection that writes, until this is dropped.
pub(in crate::db) struct Lent<'a> {
    conn: MutexGuard<'a, Option<Connection>>,
    lent_to: &'a Mutex<Option<ThreadId>>,
}

impl Lent<'_> {
    /// The connection, unless the database is closed.
    pub(in crate::db) fn conn(&self) -> Result<&Connection, Error> {
        self.conn.as_ref().ok_or_else(closed)
    }

    /// The connection to look at, if the database is not closed.
    pub(in crate::db) fn shared(&self) -> Option<&Connection> {
        self.conn.as_ref()
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // This must happen before the connection is given back, which happens when the fields are dropped.
        locked(self.lent_to).take();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
