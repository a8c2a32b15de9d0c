//! The one connection that writes, and which thread has it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use super::connection::Connection;
use crate::db::closed;
use crate::error::{Error, StoreError, StoreTrouble};

/// The connection that writes, lent to one thread at a time, in the order in which they come.
pub(in crate::db) struct Writer {
    line: Line,
    /// `None` once the database is closed.
    conn: Mutex<Option<Connection>>,
    /// The thread that has it.
    lent_to: Mutex<Option<ThreadId>>,
}

impl Writer {
    pub(in crate::db) fn new(conn: Connection) -> Writer {
        Writer { line: Line::default(), conn: Mutex::new(Some(conn)), lent_to: Mutex::default() }
    }

    /// Waits until no other thread has the connection. Fails with `Store` if this thread has it, because it would wait for
    /// ever.
    pub(in crate::db) fn lend(&self) -> Result<Lent<'_>, Error> {
        // Only this thread writes its own id here, so the comparison cannot be out of date.
        if *locked(&self.lent_to) == Some(thread::current().id()) {
            let text = "a write was begun inside a write of the same thread; do both in one transaction";
            return Err(StoreError::new(StoreTrouble::Other, text).into());
        }
        let place = self.line.wait();
        // After a panic in another thread's work its transaction was rolled back: the connection is sound.
        let conn = locked(&self.conn);
        locked(&self.lent_to).replace(thread::current().id());
        Ok(Lent { conn, lent_to: &self.lent_to, _place: place })
    }

    /// Waits until no thread has the connection, and closes it.
    pub(in crate::db) fn close(&self) {
        let _place = self.line.wait();
        locked(&self.conn).take();
    }
}

/// The connection that writes, until this is dropped.
pub(in crate::db) struct Lent<'a> {
    conn: MutexGuard<'a, Option<Connection>>,
    lent_to: &'a Mutex<Option<ThreadId>>,
    /// Given back last.
    _place: Place<'a>,
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

/// Threads that wait, in a line: a mutex alone would often let the thread go on that has just had it.
#[derive(Default)]
struct Line {
    numbers: Mutex<Numbers>,
    moved: Condvar,
}

#[derive(Default)]
struct Numbers {
    next: u64,
    served: u64,
}

impl Line {
    /// Waits until everybody who came before is done.
    fn wait(&self) -> Place<'_> {
        let mut numbers = locked(&self.numbers);
        let own = numbers.next;
        numbers.next += 1;
        let waited = self.moved.wait_while(numbers, |numbers| numbers.served != own);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        Place(self)
    }
}

/// The first place in the line. Dropping it lets the next one go on.
struct Place<'a>(&'a Line);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        locked(&self.0.numbers).served += 1;
        self.0.moved.notify_all();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_thread_that_comes_back_at_once_waits_for_those_that_came_meanwhile() {
        let line = Line::default();
        let first = line.wait();
        let (say, said) = channel();
        thread::scope(|scope| {
            for name in ["second", "third"] {
                let (line, say) = (&line, say.clone());
                let before = locked(&line.numbers).next;
                scope.spawn(move || {
                    let _place = line.wait();
                    say.send(name).unwrap();
                });
                while locked(&line.numbers).next == before {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            drop(first);
            let _again = line.wait();
            say.send("again").unwrap();
        });
        assert_eq!(said.try_iter().collect::<Vec<_>>(), ["second", "third", "again"]);
    }
}
