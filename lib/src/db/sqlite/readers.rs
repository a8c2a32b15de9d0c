//! The pool of connections that read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::{Connection, store};
use crate::db::closed;
use crate::error::{Error, StoreError, StoreTrouble};

/// How many reading connections there are at most; more readers wait for one. There are far more than the four long reads
/// that a server runs at once, so that a short read practically never waits. The one that was used last is lent first, so
/// that few of them fill their caches.
const MAX_READERS: usize = 16;

/// The connections that read: opened when first needed, lent one caller at a time.
#[derive(Default)]
pub(in crate::db) struct Readers {
    pool: Mutex<Pool>,
    returned: Condvar,
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
    pub(in crate::db) fn take(&self, file: &Path) -> Result<Lent<'_>, Error> {
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
        let conn = Connection::open(file).map_err(|e| StoreError::new(StoreTrouble::Other, e))?;
        conn.raw().pragma_update(None, "query_only", true).map_err(store)?;
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
