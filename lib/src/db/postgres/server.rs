//! The kept connections to one server, and the writes that may have to be done again.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::connection::{Connection, Mode};
use super::link::Failure;
use super::sweeper::Sweeper;
use super::target::Target;
use super::trips::Trips;
use crate::db::line::{Line, Place};
use crate::db::{closed, locked};
use crate::error::{Error, StoreError, StoreTrouble};

/// How many connections there are at most; whoever needs one more waits.
const MOST: usize = 16;
/// How long somebody waits for a connection, and how long a writer waits for the writers before it.
const PATIENCE: Duration = Duration::from_secs(5);
/// After how many conflicts with other writes a write is done alone: each is alone from the start, because the rows of the audit log
/// must stand in the order in which things were done. docs/decisions/postgresql.md has what the other way brings.
const CONFLICTS: u32 = 0;
/// How often a write that is alone is done again, when another server has changed the schema, or at a deadlock.
const AGAIN: u32 = 2;

/// A server, with the connections that are kept to it.
pub(in crate::db) struct Server {
    pub(super) target: Arc<Target>,
    pub(super) trips: Arc<Trips>,
    desk: Arc<Desk>,
    sweeper: Arc<Sweeper>,
    /// Writers stand in it before they take a connection: one of this process at a time asks the server for the lock of all writers, and
    /// the others leave the connections to those who read.
    line: Line,
    /// The threads that are inside a write.
    writing: Mutex<HashSet<ThreadId>>,
}

/// Where the connections are that nobody has now.
#[derive(Default)]
struct Desk {
    pool: Mutex<Pool>,
    returned: Condvar,
}

impl Desk {
    /// Tells the server that the reads are over which were left open.
    fn end_reads(&self) {
        let open = {
            let mut pool = locked(&self.pool);
            let (open, idle) = std::mem::take(&mut pool.idle).into_iter().partition(Connection::is_left_open);
            pool.idle = idle;
            open
        };
        for conn in open {
            conn.end_read();
            self.give_back(Some(conn));
        }
    }

    fn give_back(&self, conn: Option<Connection>) {
        let mut pool = locked(&self.pool);
        match conn {
            Some(conn) if !pool.closed => pool.idle.push(conn),
            _ => pool.open -= 1,
        }
        self.returned.notify_one();
    }
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    open: usize,
    closed: bool,
}

impl Server {
    pub(super) fn new(target: Target) -> Server {
        Server {
            target: Arc::new(target),
            trips: Arc::default(),
            desk: Arc::default(),
            sweeper: Arc::default(),
            line: Line::default(),
            writing: Mutex::default(),
        }
    }

    /// A connection, for as long as it is needed.
    pub(in crate::db) fn take(&self) -> Result<Lent<'_>, Error> {
        let until = Instant::now() + PATIENCE;
        let mut most = MOST;
        loop {
            let conn = self.idle_or_place(most, until)?;
            // From here on `lent` gives the place back, even if there is no connection.
            let mut lent = Lent { server: self, conn: conn.map(Box::new) };
            if lent.conn.is_some() {
                return Ok(lent);
            }
            match Connection::open(Arc::clone(&self.target), Arc::clone(&self.trips)) {
                Ok(conn) => {
                    lent.conn = Some(Box::new(conn));
                    return Ok(lent);
                }
                // The server has no place for more connections than this process has, if it has any: one of those comes back.
                Err(failure) if failure.is_crowded => {
                    drop(lent);
                    most = locked(&self.desk.pool).open;
                    if most == 0 {
                        return Err(failure.into());
                    }
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// A connection that nobody has, or none where there is a place for another one, which is the caller's then. Waits while all of
    /// `most` places are taken.
    fn idle_or_place(&self, most: usize, until: Instant) -> Result<Option<Connection>, Error> {
        let mut pool = locked(&self.desk.pool);
        loop {
            if pool.closed {
                return Err(closed());
            }
            if let Some(conn) = pool.idle.pop() {
                return Ok(Some(conn));
            }
            if pool.open < most {
                pool.open += 1;
                return Ok(None);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let text = "no connection to PostgreSQL became free";
                return Err(StoreError::new(StoreTrouble::Busy, text).into());
            }
            (pool, _) = self.desk.returned.wait_timeout(pool, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What ends the reads that were left open, as long as the server is there.
    fn reads_to_end(&self) -> impl Fn() -> bool + Send + 'static {
        let desk = Arc::downgrade(&self.desk);
        move || desk.upgrade().inspect(|desk| desk.end_reads()).is_some()
    }

    /// Runs `work` in one transaction that sees one state and changes nothing.
    pub(in crate::db) fn read(&self, work: &mut dyn FnMut(&Connection)) -> Result<(), Error> {
        let lent = self.take()?;
        let conn = lent.conn()?;
        conn.begin(Mode::Reading);
        work(conn);
        let is_left_open = conn.leave_open();
        drop(lent);
        if is_left_open && !self.sweeper.tell(self.reads_to_end()) {
            self.desk.end_reads();
        }
        Ok(())
    }

    /// Runs `work` in one transaction, and again where others were in its way. It says whether it has done what it was to do; if not,
    /// what it wrote is undone.
    pub(in crate::db) fn write(&self, work: &mut dyn FnMut(&Connection) -> bool) -> Result<(), Error> {
        self.write_alone_after(CONFLICTS, work)
    }

    fn write_alone_after(&self, most: u32, work: &mut dyn FnMut(&Connection) -> bool) -> Result<(), Error> {
        let mut conflicts = 0;
        loop {
            let turn = self.turn(if conflicts < most { Mode::Beside } else { Mode::Alone })?;
            let conn = turn.lent.conn()?;
            let committed = if work(conn) { conn.commit() } else { Ok(()) };
            if conn.is_conflict() && conflicts < most + AGAIN {
                conflicts += 1;
                self.trips.repeats.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            return committed;
        }
    }

    /// Begins a write for this thread that cannot be done again, so that nobody may be in its way.
    pub(in crate::db) fn turn_alone(&self) -> Result<Turn<'_>, Error> {
        self.turn(Mode::Alone)
    }

    fn turn(&self, mode: Mode) -> Result<Turn<'_>, Error> {
        let writing = Writing::begin(&self.writing)?;
        let place = if mode == Mode::Alone {
            let text = "the writes before this one took too long";
            let busy = || StoreError::new(StoreTrouble::Busy, text);
            Some(self.line.wait_for(PATIENCE).ok_or_else(busy)?)
        } else {
            None
        };
        let lent = self.take()?;
        lent.conn()?.begin(mode);
        Ok(Turn { lent, _place: place, _writing: writing })
    }

    /// Stops lending connections, and closes those that come back.
    pub(in crate::db) fn close(&self) {
        let idle = {
            let mut pool = locked(&self.desk.pool);
            pool.closed = true;
            std::mem::take(&mut pool.idle)
        };
        drop(idle);
        self.sweeper.stop();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.sweeper.stop();
    }
}

/// Notes that this thread writes. A write inside a write would not see what the first one wrote, and could wait for it.
struct Writing<'a>(&'a Mutex<HashSet<ThreadId>>);

impl<'a> Writing<'a> {
    fn begin(threads: &'a Mutex<HashSet<ThreadId>>) -> Result<Writing<'a>, Error> {
        if locked(threads).insert(thread::current().id()) {
            return Ok(Writing(threads));
        }
        let text = "a write was begun inside a write of the same thread; do both in one transaction";
        Err(StoreError::new(StoreTrouble::Other, text).into())
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        locked(self.0).remove(&thread::current().id());
    }
}

/// A connection in the middle of a write of this thread's. Dropping it undoes what was written.
pub(in crate::db) struct Turn<'a> {
    // Given back before the next one goes on.
    lent: Lent<'a>,
    _place: Option<Place<'a>>,
    _writing: Writing<'a>,
}

impl Turn<'_> {
    pub(in crate::db) fn conn(&self) -> Result<&Connection, Error> {
        self.lent.conn()
    }

    /// Keeps what was written, or undoes it.
    pub(in crate::db) fn end(self, is_done: bool) -> Result<(), Error> {
        if is_done { self.lent.conn()?.commit() } else { Ok(()) }
    }
}

/// A connection that comes back when this is dropped. A transaction that is open then is undone.
pub(in crate::db) struct Lent<'a> {
    server: &'a Server,
    conn: Option<Box<Connection>>,
}

impl Lent<'_> {
    pub(in crate::db) fn conn(&self) -> Result<&Connection, Error> {
        self.conn.as_deref().ok_or_else(|| Failure::out_of_reach("there is no connection").into())
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let conn = self.conn.take().map(|conn| *conn);
        if let Some(conn) = &conn {
            conn.roll_back();
        }
        self.server.desk.give_back(conn.filter(Connection::is_sound));
    }
}

#[cfg(test)]
mod tests {
    //! Where the server has no place for more connections; and a measurement, for docs/decisions/postgresql.md: `POSTROOM_TEST_DB=postgres://… cargo test -p postroom --all-features isolation --
    //! --ignored --nocapture`.

    use super::*;
    use crate::account::{self, Caller};
    use crate::db::engine::{Conn, Engine};
    use crate::db::{Postroom, ReadTx, WriteTx};
    use crate::provision::{self, NewDomain};

    /// How many domains each thread makes.
    const EACH: usize = 40;

    #[test]
    fn where_the_server_has_no_place_for_another_connection_one_waits_for_those_of_this_process() {
        let Some(url) = std::env::var("POSTROOM_TEST_DB").ok().filter(|url| !url.is_empty()) else { return };
        let role = format!("crowded_{}", std::process::id());
        let admin = Server::of(&url).unwrap();
        let by_admin = |sql: &str| admin.take().unwrap().conn().unwrap().batch(sql).unwrap();
        by_admin(&format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 2"));
        let server = Server::of(&url.replacen("://postgres@", &format!("://{role}@"), 1)).unwrap();
        let (first, second) = (server.take().unwrap(), server.take().unwrap());
        let (waited, third) = thread::scope(|scope| {
            let begun = Instant::now();
            let third = scope.spawn(|| server.take().map(|lent| lent.conn().unwrap().batch("SELECT 1")));
            thread::sleep(Duration::from_millis(300));
            drop(first);
            let third = third.join().unwrap();
            (begun.elapsed(), third)
        });
        assert!(third.unwrap().is_ok() && waited < Duration::from_secs(2), "{waited:?}");
        drop(second);
        server.close();
        by_admin(&format!("DROP ROLE {role}"));
    }

    #[test]
    #[ignore = "a measurement, which needs a PostgreSQL server"]
    #[expect(clippy::print_stdout, reason = "it prints figures")]
    fn isolation_beside_others_and_alone() {
        for (what, most) in [("beside others", 3), ("alone", CONFLICTS)] {
            for accounts in [1, 16] {
                let postroom = Postroom::open_temporary().unwrap();
                let Engine::Postgres(server) = &postroom.engine else {
                    panic!("name a server in POSTROOM_TEST_DB")
                };
                let callers: Vec<Caller> = (0..accounts)
                    .map(|number| {
                        let made =
                            postroom.write(|tx| account::create_trusted(tx, &format!("account {number}")));
                        Caller::operator(made.unwrap().id)
                    })
                    .collect();
                for threads in [1, 4, 16] {
                    let (repeats, begun) = (server.trips.repeats.load(Ordering::Relaxed), Instant::now());
                    thread::scope(|scope| {
                        for thread in 0..threads {
                            let (postroom, callers) = (&postroom, &callers);
                            scope.spawn(move || {
                                for turn in 0..EACH {
                                    let name = format!("d{threads}x{thread}x{turn}.example").parse().unwrap();
                                    let made = server.write_alone_after(most, &mut |conn| {
                                        let tx = WriteTx(ReadTx::new(Conn::Postgres(conn), postroom));
                                        let caller = &callers[thread % callers.len()];
                                        provision::create(&tx, caller, &NewDomain::named(&name)).is_ok()
                                    });
                                    made.unwrap();
                                }
                            });
                        }
                    });
                    let took = begun.elapsed().as_secs_f64();
                    #[expect(clippy::cast_precision_loss, reason = "a figure")]
                    let rate = (threads * EACH) as f64 / took;
                    let repeats = server.trips.repeats.load(Ordering::Relaxed) - repeats;
                    println!(
                        "{what}, {accounts} accounts, {threads} threads: {rate:.0}/s, {repeats} done again"
                    );
                }
            }
        }
    }
}
