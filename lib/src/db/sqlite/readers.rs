//! The pool of connections that read.

use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::connection::{Connection, store};
use crate::db::closed;
use crate::error::{Error, StoreError, StoreTrouble};

/// How many reading connections there are at most; more readers wait for one. There are more than the four long reads that a
/// server runs at once, so that an authentication need not wait for a list.
const MAX_READERS: usize = 6;

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
                return Ok(Lent { readers: self, conn: Some(conn) });
            }
            if pool.open < MAX_READERS {
                pool.open += 1;
                break;
            }
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        drop(pool);
        // From here on `lent` gives the place back, even if no connection can be opened.
        let mut lent = Lent { readers: self, conn: None };
        let conn = Connection::open(file).map_err(|e| StoreError::new(StoreTrouble::Other, e))?;
        conn.raw().pragma_update(None, "query_only", true).map_err(store)?;
        lent.conn = Some(conn);
        Ok(lent)
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

pub(in crate::db) struct Lent<'a> {
    readers: &'a Readers,
    conn: Option<Connection>,
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
        match self.conn.take() {
            Some(conn) if !pool.closed => pool.idle.push(conn),
            _ => pool.open -= 1,
        }
        self.readers.returned.notify_one();
    }
}
