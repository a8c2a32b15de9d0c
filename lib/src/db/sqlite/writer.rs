//! The one connection that writes, and the commits that several writers share.
//!
//! Writers have the connection in turn. Whoever is done while others wait does not commit: it leaves the transaction open
//! for the next one and waits. The last of such a group commits for all, so that one sync to disk serves them all. Each
//! member but the first writes inside a savepoint of its own, so an error or a panic undoes its own part alone. A member
//! that fails waits for the commit too, because its error may rest on what an earlier member wrote. Nobody waits for others
//! to come: who is alone commits at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::connection::{BUSY_TIMEOUT, Connection};
use crate::db::line::{Line, Place};
use crate::db::statements::Statements as _;
use crate::db::{closed, locked};
use crate::error::{Error, StoreError, StoreTrouble};

/// Begins a transaction with the write lock.
const BEGIN: &str = "BEGIN IMMEDIATE";
/// How many writers one commit serves at most.
const MOST_MEMBERS: usize = 64;
/// How long the first of a group waits for the others at most, apart from the one that has the connection then.
const LONGEST_GROUP: Duration = Duration::from_millis(20);

/// The connection that writes, lent to one thread at a time, in the order in which they come.
pub(in crate::db) struct Writer {
    /// Each thread in it ends the group that it finds open, or hands it on.
    line: Line,
    desk: Mutex<Desk>,
    /// The thread that has it.
    lent_to: Mutex<Option<ThreadId>>,
    /// Set when a sync failed: what is on disk is unknown, so nothing more is written.
    broken: AtomicBool,
}

struct Desk {
    /// `None` once the database is closed.
    conn: Option<Connection>,
    /// The group whose transaction is open.
    open: Option<Open>,
    /// When a writer last gave up waiting for another process.
    gave_up_at: Option<Instant>,
}

struct Open {
    members: usize,
    since: Instant,
    group: Arc<Group>,
}

/// What those wait for who share a commit.
#[derive(Default)]
struct Group {
    end: Mutex<Option<Result<(), (StoreTrouble, String)>>>,
    ended: Condvar,
}

impl Group {
    fn end(&self, result: &Result<(), Error>) {
        let told = match result {
            Ok(()) => Ok(()),
            Err(Error::Store(e)) => Err((e.trouble(), e.to_string())),
            Err(e) => Err((StoreTrouble::Other, e.to_string())),
        };
        locked(&self.end).replace(told);
        self.ended.notify_all();
    }

    fn wait(&self) -> Result<(), Error> {
        let mut end = locked(&self.end);
        loop {
            match &*end {
                Some(Ok(())) => return Ok(()),
                Some(Err((trouble, text))) => return Err(StoreError::new(*trouble, text).into()),
                None => end = self.ended.wait(end).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Writer {
    /// After a failed sync nothing more is written.
    fn note_broken(&self, error: &Error) {
        if let Error::Store(e) = error
            && e.trouble() == StoreTrouble::SyncFailed
        {
            self.broken.store(true, Ordering::Release);
        }
    }

    pub(in crate::db) fn new(conn: Connection) -> Writer {
        Writer {
            desk: Mutex::new(Desk { conn: Some(conn), open: None, gave_up_at: None }),
            lent_to: Mutex::default(),
            line: Line::default(),
            broken: AtomicBool::new(false),
        }
    }

    /// Waits for this thread's turn and begins its part of a transaction. Fails with `Store` if this thread has the
    /// connection, because it would wait for ever.
    pub(in crate::db) fn turn(&self) -> Result<Turn<'_>, Error> {
        // Only this thread writes its own id here, so the comparison cannot be out of date.
        if *locked(&self.lent_to) == Some(thread::current().id()) {
            let text = "a write was begun inside a write of the same thread; do both in one transaction";
            return Err(StoreError::new(StoreTrouble::Other, text).into());
        }
        let arrived = Instant::now();
        let mut turn = self.take();
        if self.broken.load(Ordering::Acquire) {
            return Err(StoreError::new(StoreTrouble::SyncFailed, "an earlier sync failed").into());
        }
        turn.part = turn.desk()?.begin(arrived)?;
        Ok(turn)
    }

    /// Waits until no thread has the connection, and closes it.
    pub(in crate::db) fn close(&self) {
        let mut turn = self.take();
        if let Some(desk) = &mut turn.desk {
            // Those that wait for the end of a group wait for this thread.
            if desk.open.is_some() {
                let _ = desk.commit(self);
            }
            desk.conn.take();
        }
    }

    fn take(&self) -> Turn<'_> {
        let place = self.line.wait();
        // After a panic in another thread's work its part was undone: the connection is sound.
        let desk = locked(&self.desk);
        locked(&self.lent_to).replace(thread::current().id());
        Turn { writer: self, desk: Some(desk), part: Part::None, place: Some(place) }
    }
}

/// What this thread's turn has of the open transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Nothing: none has begun.
    None,
    /// All of it so far.
    First,
    /// A savepoint in it.
    Member,
}

/// The connection in the hands of one thread, in the middle of a transaction. Dropping it undoes what the thread wrote.
pub(in crate::db) struct Turn<'a> {
    writer: &'a Writer,
    /// `None` once the turn is over.
    desk: Option<MutexGuard<'a, Desk>>,
    part: Part,
    place: Option<Place<'a>>,
}

impl Turn<'_> {
    /// The connection, unless the database is closed.
    pub(in crate::db) fn conn(&self) -> Result<&Connection, Error> {
        self.desk.as_ref().and_then(|desk| desk.conn.as_ref()).ok_or_else(closed)
    }

    /// Ends the turn: keeps what the thread wrote or undoes it, and waits until it is on disk with all that it rests on.
    pub(in crate::db) fn end(mut self, is_done: bool) -> Result<(), Error> {
        match self.leave(is_done)? {
            Some(group) => group.wait(),
            None => Ok(()),
        }
    }

    fn desk(&mut self) -> Result<&mut Desk, Error> {
        self.desk.as_deref_mut().ok_or_else(closed)
    }

    /// Ends the turn, and returns what to wait for, if another thread is to commit.
    fn leave(&mut self, is_done: bool) -> Result<Option<Arc<Group>>, Error> {
        let part = std::mem::replace(&mut self.part, Part::None);
        let Some(mut desk) = self.desk.take() else { return Ok(None) };
        let left = desk.leave(self.writer, part, is_done);
        // This must happen before the connection is given back.
        locked(&self.writer.lent_to).take();
        drop(desk);
        self.place.take();
        left
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Others who share the commit learn of a failure by themselves.
        let _ = self.leave(false);
    }
}

impl Desk {
    /// Begins a transaction, or a part in the open one.
    fn begin(&mut self, arrived: Instant) -> Result<Part, Error> {
        let conn = self.conn.as_ref().ok_or_else(closed)?;
        if self.open.is_some() {
            return conn.run("SAVEPOINT member", []).map(|_| Part::Member);
        }
        // Who waited while another writer waited for another process has waited for it too, and waits only for the rest of its
        // time. Else each would wait in its turn, and the last of many for minutes.
        let begun = if self.gave_up_at.is_some_and(|at| arrived < at) {
            conn.patiently(BUSY_TIMEOUT.saturating_sub(arrived.elapsed()), || conn.run(BEGIN, []))
        } else {
            conn.run(BEGIN, [])
        };
        if let Err(Error::Store(e)) = &begun
            && e.trouble() == StoreTrouble::Busy
        {
            self.gave_up_at = Some(Instant::now());
        }
        begun.map(|_| Part::First)
    }

    fn leave(&mut self, writer: &Writer, part: Part, is_done: bool) -> Result<Option<Arc<Group>>, Error> {
        let Some(conn) = &self.conn else { return Ok(None) };
        let kept = match (part, is_done) {
            (Part::None, _) if self.open.is_none() => return Ok(None),
            (Part::First, false) => return roll_back(conn).map(|()| None),
            (Part::None, _) | (Part::First, true) => Ok(()),
            (Part::Member, _) if !conn.is_in_transaction() => Ok(()),
            (Part::Member, true) => conn.run("RELEASE member", []).map(drop),
            (Part::Member, false) => conn.batch("ROLLBACK TO member; RELEASE member"),
        };
        if let Err(error) = kept.and_then(|()| conn.check_in_transaction()) {
            let _ = roll_back(conn);
            return self.end_group(Err(error)).map(|()| None);
        }
        let (members, since) = self.open.as_ref().map_or((0, None), |open| (open.members, Some(open.since)));
        let is_short = since.is_none_or(|since| since.elapsed() < LONGEST_GROUP);
        if writer.line.waiting() == 0 || members >= MOST_MEMBERS || !is_short {
            return self.commit(writer).map(|()| None);
        }
        let open = self.open.get_or_insert_with(Open::new);
        open.members += 1;
        Ok(Some(Arc::clone(&open.group)))
    }

    /// Puts on disk what all members of the group wrote, and tells them.
    fn commit(&mut self, writer: &Writer) -> Result<(), Error> {
        let conn = self.conn.as_ref().ok_or_else(closed)?;
        let committed = conn.run("COMMIT", []).map(drop);
        if let Err(error) = &committed {
            writer.note_broken(error);
            let _ = roll_back(conn);
        }
        self.end_group(committed)
    }

    fn end_group(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if let Some(open) = self.open.take() {
            open.group.end(&result);
        }
        result
    }
}

impl Open {
    fn new() -> Open {
        Open { members: 0, since: Instant::now(), group: Arc::default() }
    }
}

/// Undoes the open transaction. There is none where SQLite has undone it by itself. If this fails, the connection refuses
/// the next transaction with an error.
fn roll_back(conn: &Connection) -> Result<(), Error> {
    if conn.is_in_transaction() { conn.batch("ROLLBACK") } else { Ok(()) }
}

#[cfg(test)]
mod tests;
