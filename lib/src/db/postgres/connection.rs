//! A connection to a server, in the middle of a transaction or between two.
//!
//! What begins a transaction or a part of one waits until there is a statement, and goes to the server with it, in one round trip. So do
//! the reads that are foreseen: their answers are kept for when they are asked.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ahead::Ahead;
use super::link::{Answer, Failure, LONGEST, Link, USUAL, Waiting};
use super::target::Target;
use super::trips::Trips;
use crate::db::params::Params;
use crate::db::row::{Places, Row};
use crate::db::statements::{Statements, Take};
use crate::error::{Error, StoreError, StoreTrouble};

/// A transaction that reads: one state, whatever others write.
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;";
/// A write beside others. The lock keeps out those that want to be alone, and is taken before the state is chosen that the
/// transaction sees. A process that stands still in the middle would keep the lock; the server takes it away after 15 s.
const BEGIN_BESIDE: &str =
    "BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL idle_in_transaction_session_timeout = 15000;
    LOCK TABLE schema_history IN ROW SHARE MODE;";
/// A write beside which there is no other.
const BEGIN_ALONE: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 15000;
    LOCK TABLE schema_history IN EXCLUSIVE MODE;";

/// Within which time a dead link shows that it is dead. A server that is silent for longer is not asked a second time.
const SOON: Duration = Duration::from_millis(500);

/// How many statements wait for the next one at most: as many as some hundred new domains take.
const MOST_WAITING: usize = 2048;
/// How many octets they may have together before the next one goes.
const MOST_OCTETS_WAITING: usize = 4 * 1024 * 1024;

/// How a transaction stands to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Reading,
    /// Others write at the same time. The server refuses one of those that do not go together.
    Beside,
    /// No other writes.
    Alone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In no transaction.
    Idle,
    /// In a transaction of which the server does not know yet.
    Begun,
    Open,
    /// A statement has failed, and the server takes none until its part is undone.
    Failed,
    /// The connection is gone, and the transaction with it.
    Lost,
}

/// A connection to a server.
pub(in crate::db) struct Connection {
    target: Arc<Target>,
    trips: Arc<Trips>,
    link: RefCell<Option<Link>>,
    /// What goes to the server before the next statement.
    first: RefCell<String>,
    /// The statements that go to the server after that, and before the next one.
    waiting: RefCell<Vec<Waiting>>,
    /// How many octets these have, if there are any.
    octets_waiting: Cell<usize>,
    /// The reads that were foreseen.
    ahead: Ahead,
    state: Cell<State>,
    /// Why a statement of this transaction has failed, for the first that did.
    failed: RefCell<Option<(StoreTrouble, String)>>,
    /// Whether the transaction failed because of another one.
    is_conflict: Cell<bool>,
    /// Whether the link has served before, so that it may have died in between.
    is_used: Cell<bool>,
    /// Whether a read is over that the server does not know to be.
    is_left_open: Cell<bool>,
    /// Whether the statements up to the next transaction are known to take long.
    may_take_long: Cell<bool>,
}

impl Statements for Connection {
    fn each(&self, sql: &str, params: &dyn Params, take: &mut Take<'_>) -> Result<(), Error> {
        let answer = self.ask(sql, params)?;
        let places = Places::default();
        for row in &answer.rows {
            if !take(&Row::new(row, &places))? {
                break;
            }
        }
        Ok(())
    }

    fn touch(&self, sql: &str, params: &dyn Params) -> Result<usize, Error> {
        Ok(usize::try_from(self.ask(sql, params)?.touched).unwrap_or(usize::MAX))
    }
}

impl Connection {
    pub(super) fn open(target: Arc<Target>, trips: Arc<Trips>) -> Result<Connection, Failure> {
        let link = Link::open(&target, Arc::clone(&trips))?;
        Ok(Connection {
            target,
            trips,
            link: RefCell::new(Some(link)),
            first: RefCell::default(),
            waiting: RefCell::default(),
            octets_waiting: Cell::default(),
            ahead: Ahead::default(),
            state: Cell::new(State::Idle),
            failed: RefCell::default(),
            is_conflict: Cell::new(false),
            is_used: Cell::new(false),
            is_left_open: Cell::new(false),
            may_take_long: Cell::new(false),
        })
    }

    /// The statements up to the next transaction may take long.
    pub(super) fn may_take_long(&self) {
        self.may_take_long.set(true);
    }

    pub(super) fn begin(&self, mode: Mode) {
        self.first.replace(
            self.left_open().to_owned()
                + match mode {
                    Mode::Reading => BEGIN_READING,
                    Mode::Beside => BEGIN_BESIDE,
                    Mode::Alone => BEGIN_ALONE,
                },
        );
        self.state.set(State::Begun);
        self.may_take_long.set(false);
        self.failed.take();
        self.is_conflict.set(false);
        self.ahead.begin();
    }

    /// What ends the read that was left open, if one was.
    fn left_open(&self) -> &'static str {
        if self.is_left_open.get() { "ROLLBACK;" } else { "" }
    }

    /// What goes to the server before the next statement: it is sent now.
    fn take_first(&self) -> String {
        self.is_left_open.set(false);
        self.first.take()
    }

    /// Ends a read with whatever the connection is used for next. Returns whether there is one to end.
    pub(super) fn leave_open(&self) -> bool {
        if self.state.get() != State::Open {
            return false;
        }
        self.is_left_open.set(true);
        self.first.replace(self.left_open().to_owned());
        self.state.set(State::Idle);
        true
    }

    /// Ends a read that was left open, if one was.
    pub(super) fn end_read(&self) {
        if self.is_left_open.get() {
            self.take_first();
            if let Some(link) = &*self.link.borrow() {
                link.send("ROLLBACK");
            }
        }
    }

    pub(super) fn is_left_open(&self) -> bool {
        self.is_left_open.get()
    }

    /// Whether the transaction failed because of another one, so that it may succeed if it is done again.
    pub(super) fn is_conflict(&self) -> bool {
        self.is_conflict.get()
    }

    /// Whether the connection is good for another transaction.
    pub(super) fn is_sound(&self) -> bool {
        self.state.get() == State::Idle && self.link.borrow().is_some()
    }

    /// Keeps what was written. Fails if a statement has failed since, for then the server keeps nothing.
    pub(super) fn commit(&self) -> Result<(), Error> {
        if self.state.get() == State::Begun
            && let Err(error) = self.flush()
        {
            self.roll_back();
            return Err(error);
        }
        let committed = match self.state.get() {
            State::Idle | State::Begun => Ok(()),
            State::Open => {
                let (first, waiting) = (self.take_first(), self.waiting.take());
                // In this state no other link takes the place of a dead one: it would have nothing to commit.
                let committed = self.with_link(|link| {
                    if waiting.is_empty() {
                        link.batch(&(first.clone() + "COMMIT"))
                    } else {
                        link.ask(&first, &waiting, &[], &Waiting::commit()).map(drop)
                    }
                });
                committed.map_err(|failure| {
                    // The server may have committed before the connection was lost.
                    let trouble = if failure.is_lost { StoreTrouble::Unknown } else { failure.trouble };
                    self.note(Failure { trouble, ..failure }, State::Idle)
                })
            }
            State::Failed | State::Lost => {
                self.roll_back();
                Err(self.earlier())
            }
        };
        self.first.replace(self.left_open().to_owned());
        self.state.set(State::Idle);
        committed
    }

    /// Undoes what was written. Nobody waits for it: the server undoes it by itself if the connection is gone.
    pub(super) fn roll_back(&self) {
        self.waiting.take();
        self.first.replace(self.left_open().to_owned());
        match self.state.replace(State::Idle) {
            State::Idle | State::Begun => {}
            State::Open | State::Failed => {
                if let Some(link) = &*self.link.borrow() {
                    link.send("ROLLBACK");
                }
            }
            State::Lost => {
                self.link.take();
            }
        }
    }

    /// Whether a transaction is open. One in which a statement has failed is: a part of it can be undone.
    pub(in crate::db) fn is_in_transaction(&self) -> bool {
        !matches!(self.state.get(), State::Idle | State::Lost)
    }

    pub(in crate::db) fn begin_part(&self) -> Result<(), Error> {
        self.check()?;
        self.flush()?;
        self.first.borrow_mut().push_str("SAVEPOINT part;");
        Ok(())
    }

    pub(in crate::db) fn keep_part(&self) -> Result<(), Error> {
        self.check()?;
        self.flush()?;
        self.first.borrow_mut().push_str("RELEASE SAVEPOINT part;");
        Ok(())
    }

    /// Undoes the part. If another transaction was in the way, all of this one is to be done again.
    pub(in crate::db) fn undo_part(&self) -> Result<(), Error> {
        // They are undone, too.
        self.waiting.take();
        self.ahead.forget();
        if self.is_conflict.get() || self.state.get() == State::Lost {
            return Err(self.earlier());
        }
        self.first.borrow_mut().push_str("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part;");
        if self.state.get() == State::Failed {
            self.state.set(State::Open);
            self.failed.take();
        }
        Ok(())
    }

    /// Runs statements that have no parameters.
    pub(in crate::db) fn batch(&self, sql: &str) -> Result<(), Error> {
        self.check()?;
        self.ahead.forget();
        self.flush()?;
        let mut text = self.take_first();
        text.push_str(sql);
        self.done(self.with_link(|link| link.batch(&text)))
    }

    /// Whether the server answers at once.
    pub(super) fn check_readable(&self, limit: Duration) -> Result<(), Error> {
        let text = self.take_first() + "SELECT 1 FROM known_time LIMIT 1";
        self.done(self.with_link(|link| link.batch_within(limit, &text)))
    }

    /// Runs `work`, in which reads are noted and answered with nothing. They go to the server with the next statement.
    pub(in crate::db) fn ahead(&self, work: impl FnOnce()) {
        self.ahead.while_noting(work);
    }

    fn ask(&self, sql: &str, params: &dyn Params) -> Result<Arc<Answer>, Error> {
        self.check()?;
        let last = Waiting::new(sql, params)?;
        let ahead = match self.ahead.answer(last) {
            Ok(answer) => return Ok(answer),
            Err(last) => self.ahead.before(last),
        };
        let (first, waiting) = (self.take_first(), self.waiting.take());
        let answers = self.with_link(|link| link.ask(&first, &waiting, &ahead.foreseen, &ahead.last));
        let (foreseen, answer) = self.done(answers)?;
        let answer = Arc::new(answer);
        self.ahead.keep(ahead, foreseen, &answer);
        Ok(answer)
    }

    /// Runs a statement with whatever goes to the server next.
    pub(in crate::db) fn put(&self, sql: &str, params: &dyn Params) -> Result<(), Error> {
        self.check()?;
        self.ahead.forget();
        let statement = Waiting::new(sql, params)?;
        let (waiting, own) = (self.waiting.borrow().len(), statement.octets());
        let others = if waiting == 0 { 0 } else { self.octets_waiting.get() };
        let is_full = waiting >= MOST_WAITING || others + own > MOST_OCTETS_WAITING;
        if is_full {
            self.flush()?;
        }
        self.octets_waiting.set(own + if is_full { 0 } else { others });
        self.waiting.borrow_mut().push(statement);
        Ok(())
    }

    /// Runs the statements that wait.
    fn flush(&self) -> Result<(), Error> {
        let waiting = self.waiting.take();
        let Some((last, others)) = waiting.split_last() else { return Ok(()) };
        let first = self.take_first();
        let answer = self.with_link(|link| link.ask(&first, others, &[], last));
        self.done(answer).map(drop)
    }

    /// Does something on the link. If the link has died since it served last, and nothing was done in this transaction yet,
    /// another one takes its place.
    fn with_link<T>(&self, mut work: impl FnMut(&Link) -> Result<T, Failure>) -> Result<T, Failure> {
        let asked = Instant::now();
        let is_first = matches!(self.state.get(), State::Idle | State::Begun);
        // A server that stands still shows it at the first answer. What follows may be much work, such as to delete all of a domain.
        let patience = if is_first && !self.may_take_long.get() { USUAL } else { LONGEST };
        let mut work = |link: &Link| {
            link.be_patient(patience);
            work(link)
        };
        let may_be_stale = self.is_used.get() && is_first;
        let first = match &*self.link.borrow() {
            Some(link) => work(link),
            None => Err(Failure::out_of_reach("the connection was lost")),
        };
        let done = match first {
            Err(failure) if failure.is_lost && may_be_stale && asked.elapsed() < SOON => {
                self.link.take();
                let link = Link::open(&self.target, Arc::clone(&self.trips))?;
                let done = work(&link);
                self.link.replace(Some(link));
                done
            }
            done => done,
        };
        self.is_used.set(true);
        done
    }

    /// Fails if an earlier statement of this transaction did.
    fn check(&self) -> Result<(), Error> {
        if matches!(self.state.get(), State::Failed | State::Lost) { Err(self.earlier()) } else { Ok(()) }
    }

    fn earlier(&self) -> Error {
        let failed = self.failed.borrow();
        let (trouble, text) =
            failed.as_ref().map_or((StoreTrouble::Other, "unknown"), |(trouble, text)| (*trouble, text));
        StoreError::new(trouble, format_args!("an earlier error has ended this transaction: {text}")).into()
    }

    fn done<T>(&self, result: Result<T, Failure>) -> Result<T, Error> {
        match result {
            Ok(done) => {
                if self.state.get() == State::Begun {
                    self.state.set(State::Open);
                }
                Ok(done)
            }
            Err(failure) => {
                let next = if self.state.get() == State::Idle { State::Idle } else { State::Failed };
                Err(self.note(failure, next))
            }
        }
    }

    fn note(&self, failure: Failure, next: State) -> Error {
        if failure.is_conflict {
            self.is_conflict.set(true);
        }
        if failure.is_lost {
            self.link.take();
            self.state.set(if self.state.get() == State::Idle { State::Idle } else { State::Lost });
        } else {
            self.state.set(next);
        }
        self.failed.borrow_mut().get_or_insert_with(|| (failure.trouble, failure.text.clone()));
        failure.into()
    }
}
