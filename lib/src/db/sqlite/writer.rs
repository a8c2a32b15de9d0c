//! The one connection that writes, and the commits that several writers share.
//!
//! Writers have the connection in turn. Whoever is done while others wait does not commit: it leaves the transaction open
//! for the next one and waits. The last of such a group commits for all, so that one sync to disk serves them all. Each
//! member but the first writes inside a savepoint of its own, so an error or a panic undoes its own part alone. A member
//! that fails waits for the commit too, because its error may rest on what an earlier member wrote. Nobody waits for others
//! to come: who is alone commits at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use super::connection::{BUSY_TIMEOUT, Connection};
use crate::db::closed;
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

/// Threads that wait, in a line: a mutex alone would often let the thread go on that has just had it.
#[derive(Default)]
struct Line(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    is_taken: bool,
    tickets: VecDeque<Arc<Ticket>>,
}

/// A thread that waits, which is woken alone.
struct Ticket {
    thread: Thread,
    is_called: AtomicBool,
}

impl Line {
    /// Waits until everybody who came before is done.
    fn wait(&self) -> Place<'_> {
        let ticket = {
            let mut waiting = locked(&self.0);
            if !waiting.is_taken {
                waiting.is_taken = true;
                return Place(self);
            }
            let ticket = Arc::new(Ticket { thread: thread::current(), is_called: AtomicBool::new(false) });
            waiting.tickets.push_back(Arc::clone(&ticket));
            ticket
        };
        while !ticket.is_called.load(Ordering::Acquire) {
            thread::park();
        }
        Place(self)
    }

    /// How many wait.
    fn waiting(&self) -> usize {
        locked(&self.0).tickets.len()
    }
}

/// The first place in the line. Dropping it lets the next one go on.
struct Place<'a>(&'a Line);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = locked(&self.0.0);
        if let Some(next) = waiting.tickets.pop_front() {
            next.is_called.store(true, Ordering::Release);
            next.thread.unpark();
        } else {
            waiting.is_taken = false;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    /// A file with an empty table of numbers, its writer, and another connection to it.
    struct Numbers {
        _folder: tempfile::TempDir,
        writer: Writer,
        reader: Mutex<Connection>,
    }

    impl Numbers {
        fn new() -> Numbers {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("numbers.db");
            std::fs::File::create(&file).unwrap();
            let conn = Connection::open(&file).unwrap();
            conn.raw().pragma_update(None, "journal_mode", "WAL").unwrap();
            conn.batch("CREATE TABLE number (value INTEGER PRIMARY KEY) STRICT").unwrap();
            Numbers {
                writer: Writer::new(conn),
                reader: Mutex::new(Connection::open(&file).unwrap()),
                _folder: folder,
            }
        }

        fn on_disk(&self) -> Vec<i64> {
            locked(&self.reader).all("SELECT value FROM number ORDER BY value", [], |row| row.get(0)).unwrap()
        }

        fn wait_until_waiting(&self, count: usize) {
            let started = Instant::now();
            while self.writer.line.waiting() < count {
                assert!(started.elapsed() < SOON, "nobody waits");
                thread::yield_now();
            }
        }

        /// Writes a number in a turn, says so, and ends the turn when it is told to.
        fn write(
            &self,
            value: i64,
            is_done: bool,
            said: &Sender<i64>,
            go: &Receiver<()>,
        ) -> Result<(), Error> {
            let turn = self.writer.turn()?;
            turn.conn()?.run("INSERT INTO number (value) VALUES (?1)", [value])?;
            said.send(value).unwrap();
            go.recv_timeout(SOON).unwrap();
            turn.end(is_done)
        }
    }

    #[test]
    fn a_thread_that_comes_back_at_once_waits_for_those_that_came_meanwhile() {
        let line = Line::default();
        let first = line.wait();
        let (say, said) = channel();
        thread::scope(|scope| {
            for (before, name) in ["second", "third"].into_iter().enumerate() {
                let (line, say) = (&line, say.clone());
                scope.spawn(move || {
                    let _place = line.wait();
                    say.send(name).unwrap();
                });
                while line.waiting() == before {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            drop(first);
            let _again = line.wait();
            say.send("again").unwrap();
        });
        assert_eq!(said.try_iter().collect::<Vec<_>>(), ["second", "third", "again"]);
    }

    #[test]
    fn writers_who_wait_share_one_commit_and_each_waits_for_it() {
        let numbers = Numbers::new();
        let ((say, said), (done, is_done)) = (channel(), channel());
        thread::scope(|scope| {
            let mut go = Vec::new();
            for value in 1..=3 {
                let (let_go, wait) = channel();
                go.push(let_go);
                let (numbers, say, done) = (&numbers, say.clone(), done.clone());
                scope.spawn(move || {
                    done.send((value, numbers.write(value, true, &say, &wait).is_ok())).unwrap();
                });
                if value == 1 {
                    assert_eq!(said.recv_timeout(SOON), Ok(1));
                } else {
                    numbers.wait_until_waiting(usize::try_from(value).unwrap() - 1);
                }
            }
            go[0].send(()).unwrap();
            let second = usize::try_from(said.recv_timeout(SOON).unwrap()).unwrap();
            assert!(numbers.on_disk().is_empty() && is_done.try_recv().is_err(), "the first one waits");
            go[second - 1].send(()).unwrap();
            let third = usize::try_from(said.recv_timeout(SOON).unwrap()).unwrap();
            assert!(numbers.on_disk().is_empty() && is_done.try_recv().is_err(), "the second one waits too");
            go[third - 1].send(()).unwrap();
            let mut ended: Vec<_> = (0..3).map(|_| is_done.recv_timeout(SOON).unwrap()).collect();
            ended.sort_unstable();
            assert_eq!(ended, [(1, true), (2, true), (3, true)]);
            assert_eq!(numbers.on_disk(), [1, 2, 3]);
        });
    }

    /// What is on disk after three writers of one group, of whom the one with this number does not end well.
    fn on_disk_without(place: usize, end_badly: impl Fn(Turn<'_>) + Sync) -> Vec<i64> {
        let numbers = Numbers::new();
        let (say, said) = channel();
        thread::scope(|scope| {
            let first = numbers.writer.turn().unwrap();
            for _ in 2..=3 {
                let (numbers, say, end_badly) = (&numbers, say.clone(), &end_badly);
                scope.spawn(move || {
                    let turn = numbers.writer.turn().unwrap();
                    let conn = turn.conn().unwrap();
                    let seen: i64 =
                        conn.one("SELECT count(*) FROM number", [], |row| row.get(0)).unwrap().unwrap();
                    conn.run("INSERT INTO number (value) VALUES (?1)", [seen + 10]).unwrap();
                    let number =
                        conn.all("SELECT value FROM number", [], |row| row.get::<_, i64>(0)).unwrap().len();
                    say.send(number).unwrap();
                    if place > 1 && number == place { end_badly(turn) } else { turn.end(true).unwrap() }
                });
            }
            numbers.wait_until_waiting(2);
            first.conn().unwrap().run("INSERT INTO number (value) VALUES (1)", []).unwrap();
            if place == 1 { end_badly(first) } else { first.end(true).unwrap() }
        });
        drop(said);
        numbers.on_disk()
    }

    #[test]
    fn an_error_in_a_group_undoes_its_own_part_alone_and_later_members_see_the_earlier_ones() {
        assert_eq!(on_disk_without(4, |_| ()), [1, 11, 12]);
        let fail = |turn: Turn<'_>| turn.end(false).unwrap();
        assert_eq!(on_disk_without(1, fail), [10, 11]);
        assert_eq!(on_disk_without(3, fail), [1, 11]);
    }

    #[test]
    fn a_panic_in_a_group_undoes_its_own_part_alone() {
        let panics = |turn: Turn<'_>| {
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                let _turn = turn;
                panic!("asked to")
            }));
            assert!(panicked.is_err());
        };
        assert_eq!(on_disk_without(1, panics), [10, 11]);
        assert_eq!(on_disk_without(3, panics), [1, 11]);
    }

    #[test]
    fn a_group_whose_transaction_was_ended_by_sqlite_fails_as_a_whole_and_the_next_writer_begins_anew() {
        let numbers = Numbers::new();
        thread::scope(|scope| {
            let first = numbers.writer.turn().unwrap();
            let second = scope.spawn(|| {
                let turn = numbers.writer.turn().unwrap();
                turn.conn().unwrap().batch("ROLLBACK").unwrap();
                turn.end(true).is_err()
            });
            numbers.wait_until_waiting(1);
            first.conn().unwrap().run("INSERT INTO number (value) VALUES (1)", []).unwrap();
            assert!(first.end(true).is_err(), "what it wrote is undone");
            assert!(second.join().unwrap());
        });
        let next = numbers.writer.turn().unwrap();
        next.conn().unwrap().run("INSERT INTO number (value) VALUES (2)", []).unwrap();
        next.end(true).unwrap();
        assert_eq!(numbers.on_disk(), [2]);
    }

    #[test]
    fn closing_ends_a_group_that_waits_for_its_commit() {
        let numbers = Numbers::new();
        thread::scope(|scope| {
            let first = numbers.writer.turn().unwrap();
            first.conn().unwrap().run("INSERT INTO number (value) VALUES (1)", []).unwrap();
            scope.spawn(|| numbers.writer.close());
            numbers.wait_until_waiting(1);
            first.end(true).unwrap();
        });
        assert!(numbers.writer.turn().is_err());
        assert_eq!(numbers.on_disk(), [1]);
    }
}
