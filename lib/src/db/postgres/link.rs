//! A connection as the driver has it, with the statements that are prepared on it.
//!
//! Each link has a runtime of its own, which runs while somebody waits for an answer and in no thread of its own: an answer
//! wakes the thread that asked, and no other.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error as _;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, ready};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::future::maybe_done;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Row, Statement};

use super::schema::FIND_TABLES;
use super::statement::{Parameter, translate};
use super::target::{REACHED_WITHIN, Target, sentence};
use super::trips::Trips;
use super::value::{Owned, OwnedPlace};
use crate::db::params::Params;
use crate::error::{Error, StoreError, StoreTrouble};

/// How many statements a link keeps prepared.
const PREPARED: usize = 512;
/// After which time the first statement of a transaction is given up, with its link, if it is not answered: longer than it may wait for
/// a lock.
pub(super) const USUAL: Duration = Duration::from_secs(8);
/// After which time any other statement is given up.
pub(super) const LONGEST: Duration = Duration::from_mins(10);

/// What every link sets at first, before [`FIND_TABLES`]: how long a statement waits for a lock; that what is acknowledged is on disk; when the
/// server gives up a transaction of a machine that is gone.
const SET: &str = "SET lock_timeout = 5000; SET client_min_messages = error; SET tcp_keepalives_idle = 20;
    SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

/// Why the server did not do what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) trouble: StoreTrouble,
    pub(super) text: String,
    /// Another transaction was in the way: the same may succeed if it is done again from the start.
    pub(super) is_conflict: bool,
    /// The connection is gone.
    pub(super) is_lost: bool,
    /// The server has no place for another connection.
    pub(super) is_crowded: bool,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        StoreError::new(failure.trouble, failure.text).into()
    }
}

impl Failure {
    pub(super) fn out_of_reach(text: impl Into<String>) -> Failure {
        let trouble = StoreTrouble::OutOfReach;
        Failure { trouble, text: text.into(), is_conflict: false, is_lost: true, is_crowded: false }
    }

    pub(super) fn other(text: impl Into<String>) -> Failure {
        Failure {
            trouble: StoreTrouble::Other,
            text: text.into(),
            is_conflict: false,
            is_lost: false,
            is_crowded: false,
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Failure {
        let text = sentence(&error);
        let Some(code) = error.code() else {
            // A value that does not fit its parameter is no fault of the connection's.
            let is_lost = error.is_closed()
                || error.source().and_then(|e| e.downcast_ref::<std::io::Error>()).is_some();
            return if is_lost { Failure::out_of_reach(text) } else { Failure::other(text) };
        };
        if code == &SqlState::FEATURE_NOT_SUPPORTED && text.contains("cached plan") {
            // The schema has changed since the statement was prepared: another server has migrated the database.
            return Failure { trouble: StoreTrouble::Busy, is_conflict: true, ..Failure::out_of_reach(text) };
        }
        let is_conflict = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::UNIQUE_VIOLATION,
        ];
        let (class, full) = (code.code().get(..2).unwrap_or_default(), code.code());
        let trouble = match (class, full) {
            ("08" | "57", "57014" | "57000") => StoreTrouble::Busy,
            // No place for another connection; a server that starts or ends; one that has become a standby; a transaction that the server
            // has given up, because this process stood still in it.
            ("08" | "57", _) | (_, "53300" | "25006" | "25P03") => StoreTrouble::OutOfReach,
            (_, "3D000") => StoreTrouble::NoDatabase,
            ("28", _) => StoreTrouble::NotLetIn,
            (_, "53100") => StoreTrouble::Full,
            (_, "55P03" | "40001" | "40P01") => StoreTrouble::Busy,
            ("XX", "XX001" | "XX002") => StoreTrouble::Damaged,
            _ => StoreTrouble::Other,
        };
        Failure {
            trouble,
            text,
            is_conflict: is_conflict.contains(code),
            is_lost: trouble == StoreTrouble::OutOfReach,
            is_crowded: code == &SqlState::TOO_MANY_CONNECTIONS,
        }
    }
}

/// A statement that waits for the next one, with its values.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Waiting {
    pub(super) sql: String,
    values: Vec<(OwnedPlace, Owned)>,
}

impl Waiting {
    pub(super) fn new(sql: &str, params: &dyn Params) -> Result<Waiting, Error> {
        let mut values = Vec::new();
        params.each(&mut |place, value| {
            values.push((OwnedPlace::from(place), Owned::from(value)));
            Ok(())
        })?;
        Ok(Waiting { sql: sql.to_owned(), values })
    }

    /// Whether it changes nothing.
    pub(super) fn reads(&self) -> bool {
        self.sql.trim_start().starts_with("SELECT")
    }

    /// How many octets its values have, and its text.
    pub(super) fn octets(&self) -> usize {
        self.sql.len() + self.values.iter().map(|(_, value)| value.octets()).sum::<usize>()
    }

    pub(super) fn commit() -> Waiting {
        Waiting { sql: "COMMIT".to_owned(), values: Vec::new() }
    }

    /// The values in the places of the statement.
    pub(super) fn in_places(&self, places: &[Parameter]) -> Result<Vec<&Owned>, Failure> {
        in_places(&self.values, places)
    }
}

/// The values in the places of the statement.
fn in_places<'v>(values: &'v [(OwnedPlace, Owned)], places: &[Parameter]) -> Result<Vec<&'v Owned>, Failure> {
    // One that is left out would be null without a word.
    if values.len() != places.len() {
        return Err(Failure::other(format!("{} values for {} parameters", values.len(), places.len())));
    }
    let find = |parameter: &Parameter| {
        let is_it = |(place, _): &&(OwnedPlace, Owned)| match (place, parameter) {
            (OwnedPlace::Name(name), Parameter::Name(parameter)) => name == parameter,
            (OwnedPlace::Number(number), Parameter::Number(parameter)) => number == parameter,
            _ => false,
        };
        values.iter().find(is_it).map(|(_, value)| value)
    };
    let found: Option<Vec<&Owned>> = places.iter().map(find).collect();
    found.ok_or_else(|| Failure::other("a parameter has no value"))
}

/// A statement that is prepared, and which parameter stands in which place.
struct Prepared {
    statement: Statement,
    places: Vec<Parameter>,
}

pub(super) struct Link {
    // It is dropped before its runtime is.
    client: Arc<Client>,
    prepared: RefCell<HashMap<String, Arc<Prepared>>>,
    trips: Arc<Trips>,
    /// For how long an answer is waited for.
    patience: Cell<Duration>,
    runtime: Runtime,
}

/// The rows of an answer, and how many rows a change touched.
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
    pub(super) touched: u64,
}

impl Answer {
    /// No row.
    pub(super) fn nothing() -> Answer {
        Answer { rows: Vec::new(), touched: 0 }
    }
}

impl Link {
    /// Connects, or says within [`REACHED_WITHIN`] that the server is out of reach.
    pub(super) fn open(target: &Target, trips: Arc<Trips>) -> Result<Link, Failure> {
        let (runtime, client) = connect(async {
            let (client, connection) = target.config.connect(target.tls.clone()).await?;
            tokio::spawn(connection);
            client.batch_execute(&format!("{SET}; {FIND_TABLES}")).await?;
            Ok(client)
        })?;
        Ok(Link {
            client: Arc::new(client),
            prepared: RefCell::default(),
            trips,
            patience: Cell::new(USUAL),
            runtime,
        })
    }

    /// For how long an answer is waited for from now on.
    pub(super) fn be_patient(&self, patience: Duration) {
        self.patience.set(patience);
    }

    /// Runs statements without parameters, each after the one before.
    pub(super) fn batch(&self, sql: &str) -> Result<(), Failure> {
        self.wait(self.client.batch_execute(sql))
    }

    /// Sends statements without parameters, and waits for no answer. An error shows at the next statement.
    pub(super) fn send(&self, sql: &'static str) {
        let client = Arc::clone(&self.client);
        self.trips.flushes.fetch_add(1, Ordering::Relaxed);
        self.runtime.block_on(async {
            tokio::spawn(async move {
                let _ = client.batch_execute(sql).await;
            });
            // The first turn gives it to the driver, the second to the network.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Runs a statement, and before it `first`, those that wait, and the reads that are foreseen, whose answers are the first of what is
    /// returned: all in the same round trip.
    pub(super) fn ask(
        &self,
        first: &str,
        waiting: &[Waiting],
        foreseen: &[Waiting],
        last: &Waiting,
    ) -> Result<(Vec<Answer>, Answer), Failure> {
        // What is not prepared yet is prepared first, the first of them in a round trip with `first`.
        let mut first = first;
        let mut prepared = Vec::with_capacity(waiting.len() + foreseen.len() + 1);
        for Waiting { sql, .. } in waiting.iter().chain(foreseen).chain([last]) {
            prepared.push(match self.known(sql) {
                Some(known) => known,
                None => self.prepare(std::mem::take(&mut first), sql)?,
            });
        }
        let Some((last_prepared, others)) = prepared.split_last() else {
            return Err(Failure::other("there is no statement"));
        };
        let mut before = Vec::with_capacity(waiting.len());
        for (waiting, prepared) in waiting.iter().zip(others) {
            let values = waiting.in_places(&prepared.places)?;
            before.push(async move { self.client.execute_raw(&prepared.statement, values).await.map(drop) });
        }
        let mut reads = Vec::with_capacity(foreseen.len());
        for (read, prepared) in foreseen.iter().zip(others.iter().skip(waiting.len())) {
            reads.push(self.answer(prepared, read.in_places(&prepared.places)?));
        }
        let asked = self.answer(last_prepared, last.in_places(&last_prepared.places)?);
        // Each is sent when those before it are, and an answer comes for each.
        let all = async {
            let begun =
                async { if first.is_empty() { Ok(()) } else { self.client.batch_execute(first).await } };
            let before = both(begun, async { all_of(before).await.map(drop) });
            let (reads, asked) =
                futures_util::future::join(both(before, async { all_of(reads).await }), asked).await;
            // What failed first says why.
            Ok((reads?, asked?))
        };
        self.wait(all)
    }

    /// The answer to a statement.
    async fn answer(
        &self,
        prepared: &Prepared,
        values: Vec<&Owned>,
    ) -> Result<Answer, tokio_postgres::Error> {
        let stream = self.client.query_raw(&prepared.statement, values).await?;
        futures_util::pin_mut!(stream);
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await? {
            rows.push(row);
        }
        Ok(Answer { rows, touched: stream.rows_affected().unwrap_or(0) })
    }

    fn known(&self, sql: &str) -> Option<Arc<Prepared>> {
        self.prepared.borrow().get(sql).cloned()
    }

    fn prepare(&self, first: &str, sql: &str) -> Result<Arc<Prepared>, Failure> {
        let translated = translate(sql);
        let preparing = self.client.prepare(&translated.text);
        let statement = if first.is_empty() {
            self.wait(preparing)
        } else {
            self.wait(both(self.client.batch_execute(first), preparing))
        };
        let statement = statement.map_err(|mut failure| {
            if failure.trouble == StoreTrouble::Other {
                let _ = write!(failure.text, " in {}", translated.text);
            }
            failure
        })?;
        let prepared = Arc::new(Prepared { statement, places: translated.places });
        let mut known = self.prepared.borrow_mut();
        if known.len() >= PREPARED {
            known.clear();
        }
        known.insert(sql.to_owned(), Arc::clone(&prepared));
        Ok(prepared)
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Failure> {
        self.wait_for(self.patience.get(), work)
    }

    /// Runs statements without parameters, and calls the server out of reach if it does not answer in time.
    pub(super) fn batch_within(&self, limit: Duration, sql: &str) -> Result<(), Failure> {
        self.wait_for(limit, self.client.batch_execute(sql))
    }

    fn wait_for<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        self.trips.flushes.fetch_add(1, Ordering::Relaxed);
        match self.runtime.block_on(async { tokio::time::timeout(limit, work).await }) {
            Ok(done) => done.map_err(Failure::from),
            Err(_) => Err(Failure::out_of_reach("PostgreSQL does not answer")),
        }
    }
}

/// Connects in a runtime, which is for this connection alone.
fn connect<T>(
    connecting: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<(Runtime, T), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::other(e.to_string()))?;
    let failure = match runtime.block_on(async { tokio::time::timeout(REACHED_WITHIN, connecting).await }) {
        Ok(Ok(connected)) => return Ok((runtime, connected)),
        Ok(Err(error)) => unconnected(error),
        Err(_) => Failure::out_of_reach("PostgreSQL does not answer"),
    };
    // A thread of its own may be looking up the server's name, which takes as long as the system's resolver likes.
    runtime.shutdown_background();
    Err(failure)
}

/// Does both in one round trip: the second is sent when the first is, and fails if the first does.
async fn both<T>(
    first: impl Future<Output = Result<(), tokio_postgres::Error>>,
    second: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, tokio_postgres::Error> {
    let (first, second) = futures_util::future::join(first, second).await;
    first?;
    second
}

/// Does all of them in one round trip, and fails as the first that fails does. Each is begun after the one before, and that sends it;
/// `join_all` promises no order where there are many.
async fn all_of<T>(
    work: Vec<impl Future<Output = Result<T, tokio_postgres::Error>>>,
) -> Result<Vec<T>, tokio_postgres::Error> {
    let mut work: Vec<_> = work.into_iter().map(|each| Box::pin(maybe_done(each))).collect();
    let mut is_begun = false;
    let mut answered = 0;
    poll_fn(|context| {
        if !is_begun {
            is_begun = true;
            for each in &mut work {
                let _ = each.as_mut().poll(context);
            }
        }
        // The answers come in the same order.
        while let Some(each) = work.get_mut(answered) {
            ready!(each.as_mut().poll(context));
            answered += 1;
        }
        Poll::Ready(())
    })
    .await;
    work.iter_mut().filter_map(|each| each.as_mut().take_output()).collect()
}

/// Why there is no connection. A wrong password or database is no trouble of the network's, and does not pass by itself.
fn unconnected(error: tokio_postgres::Error) -> Failure {
    let failure = Failure::from(error);
    let trouble = match failure.trouble {
        named @ (StoreTrouble::NoDatabase | StoreTrouble::NotLetIn) => named,
        _ => StoreTrouble::OutOfReach,
    };
    Failure { trouble, is_lost: true, ..failure }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_server_whose_name_is_looked_up_for_ever_is_out_of_reach_as_soon_as_another() {
        let begun = Instant::now();
        let connected = connect(async {
            // As the driver looks up a name.
            let _ = tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_secs(6))).await;
            Ok(())
        });
        assert!(connected.is_err_and(|failure| failure.trouble == StoreTrouble::OutOfReach));
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }
}
