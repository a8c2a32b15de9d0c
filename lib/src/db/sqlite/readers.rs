//! The pool of connections that read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::{Connection, store};
use super::open_file::OpenFile;
use crate::db::closed;
use crate::error::{Error, StoreError, StoreTrouble};

/// How many reading connections there are at most; more readers wait for one. There are far more than the four long reads
/// that a server runs at once, so that a short read practically never waits. The one that was used last is lent first, so
/// that few of them fill their caches.
const MAX_READERS: usize = 16;

/// How much of the file each of them keeps in memory where memory is to be spared, in KiB as SQLite wants it: the upper pages of the
/// indexes that one row needs. The system keeps the rest of the file for all of them.
const LITTLE: &str = "-512";

/// The connections that read: opened when first needed, lent one caller at a time.
#[derive(Default)]
pub(in crate::db) struct Readers {
    pool: Mutex<Pool>,
    returned: Condvar,
    spares_memory: AtomicBool,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    open: usize,
    /// Since when each connection is lent, by the number of its loan.
    lent: BTreeMap<u64, Instant>,
    loans: u64,
    closed: bool,
}

impl Readers {
    /// Has the connections that are opened from now on keep little of the file in memory.
    pub(in crate::db) fn spare_memory(&self) {
        self.spares_memory.store(true, Ordering::Relaxed);
    }

    pub(in crate::db) fn take(&self, file: &OpenFile) -> Result<Lent<'_>, Error> {
        let mut pool = self.pool();
        loop {
            if pool.closed {
                return Err(closed());
            }
            if let Some(conn) = pool.idle.pop() {
                let loan = pool.lend();
                return Ok(Lent { readers: self, conn: Some(conn), loan });
            }
            if pool.open < MAX_READERS {
                pool.open += 1;
                break;
            }
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        let loan = pool.lend();
        drop(pool);
        // From here on `lent` gives the place back, even if no connection can be opened.
        let mut lent = Lent { readers: self, conn: None, loan };
        // It would be a reader of another database.
        file.check_in_place()?;
        let conn = Connection::open(file.path()).map_err(|e| StoreError::new(StoreTrouble::Other, e))?;
        conn.raw().pragma_update(None, "query_only", true).map_err(store)?;
        if self.spares_memory.load(Ordering::Relaxed) {
            conn.raw().pragma_update(None, "cache_size", LITTLE).map_err(store)?;
        }
        lent.conn = Some(conn);
        Ok(lent)
    }

    /// For how long the oldest reader has been reading; none if nobody reads.
    pub(in crate::db) fn oldest(&self) -> Option<Duration> {
        self.pool().lent.first_key_value().map(|(_, since)| since.elapsed())
    }

    /// Stops lending connections, and closes those that come back.
    pub(in crate::db) fn close(&self) {
        let idle = {
            let mut pool = self.pool();
            pool.closed = true;
            std::mem::take(&mut pool.idle)
        };
        drop(idle);
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    fn lend(&mut self) -> u64 {
        self.loans += 1;
        self.lent.insert(self.loans, Instant::now());
        self.loans
    }
}

pub(in crate::db) struct Lent<'a> {
    readers: &'a Readers,
    conn: Option<Connection>,
    loan: u64,
}

impl Lent<'_> {
    #[expect(clippy::expect_used, reason = "`take` lends no place without its connection")]
    pub(in crate::db) fn conn(&self) -> &Connection {
        self.conn.as_ref().expect("a lent reader has its connection")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool();
        pool.lent.remove(&self.loan);
        match self.conn.take() {
            Some(conn) if !pool.closed => pool.idle.push(conn),
            _ => pool.open -= 1,
        }
        self.readers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_spares_memory_keeps_little_of_the_file_on_each_connection() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.db");
        rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let file = OpenFile::at(&file);
        let kept = |readers: &Readers| {
            let lent = readers.take(&file).unwrap();
            lent.conn().raw().pragma_query_value(None, "cache_size", |row| row.get::<_, i64>(0)).unwrap()
        };
        let (usual, sparing) = (Readers::default(), Readers::default());
        sparing.spare_memory();
        assert_eq!((kept(&usual), kept(&sparing)), (-8000, -512));
    }
}
