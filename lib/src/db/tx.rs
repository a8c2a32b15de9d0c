//! The transactions: what reads and writes is given to the closures of [`Postroom::read`] and [`Postroom::write`].

use std::cell::OnceCell;
use std::marker::PhantomData;
use std::ops::Deref;

use super::Postroom;
use super::checksum::misled;
use super::engine::{Conn, TableColumn};
use super::master::Sealing;
use super::params::Params;
use super::row::Row;
use super::statements::Statements;
use crate::clock::Timestamp;
use crate::error::{Error, StoreError, StoreTrouble};
use crate::seal::MasterKeyId;
use crate::settings::Settings;

/// The mark of one transaction, for a type whose values are valid only inside it.
///
/// A function from `'t` to `'t` is invariant in it: the compiler can make `'t` neither longer nor shorter, and so never
/// accepts one transaction for another.
pub(crate) type Within<'t> = PhantomData<fn(&'t ()) -> &'t ()>;

/// A transaction that reads. `'t` stands for this transaction alone.
pub struct ReadTx<'t> {
    pub(super) conn: Conn<'t>,
    pub(super) postroom: &'t Postroom,
    /// The master key that seals in this transaction, once something has asked for it.
    pub(super) seals: OnceCell<MasterKeyId>,
    within: Within<'t>,
}

impl<'t> ReadTx<'t> {
    pub(super) fn new(conn: Conn<'t>, postroom: &'t Postroom) -> ReadTx<'t> {
        ReadTx { conn, postroom, seals: OnceCell::new(), within: PhantomData }
    }

    /// The operator's decisions.
    pub fn settings(&self) -> &Settings {
        &self.postroom.settings
    }

    /// The moment it is now.
    pub fn now(&self) -> Timestamp {
        self.postroom.now()
    }

    /// Whether something may be deleted, expire or make way for its age: not if the clock has jumped, until it was steady for
    /// an hour.
    pub fn may_expire(&self) -> bool {
        self.postroom.time_held_until().is_none()
    }

    /// What seals and opens secrets, in the state that this transaction sees.
    pub(crate) fn master_key(&self) -> Sealing<'_, 't> {
        Sealing::of(self)
    }

    /// The connection in the middle of this transaction. Fails if an error has ended that: nothing may be written beside it.
    fn alive(&self) -> Result<Conn<'t>, Error> {
        if self.conn.is_in_transaction() {
            return Ok(self.conn);
        }
        Err(StoreError::new(StoreTrouble::Other, "an earlier error has ended this transaction").into())
    }

    /// The columns of every table, by the tables' names, in the order of `SELECT *`.
    pub(crate) fn columns(&self) -> Result<Vec<TableColumn>, Error> {
        self.alive()?.columns()
    }

    /// The number of the newest migration that the database has.
    pub(crate) fn schema_version(&self) -> Result<u32, Error> {
        self.alive()?.version()
    }

    /// Foresees reads. `foresee` calls what is going to read soon, with what is known already: on a server each of these reads finds no
    /// row there, and all of them go with the next statement, in one round trip; whoever asks the same later has the answer, unless
    /// this transaction has written something meanwhile. A read that was foreseen in vain does no harm, nor does one that was not.
    pub(crate) fn foresee(&self, foresee: impl FnOnce(&ReadTx<'t>)) {
        self.conn.ahead(|| foresee(self));
    }

    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.alive()?.one(sql, params, map)
    }

    /// Every row.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.alive()?.all(sql, params, map)
    }

    /// Every row, each of which has another number in the column `id`. An index that is damaged can lead to one row more than once;
    /// then this is an error.
    pub(crate) fn all_once<T>(
        &self,
        sql: &str,
        params: impl Params,
        id: &'static str,
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut ids: Vec<i64> = Vec::new();
        let found = self.all(sql, params, |row| {
            ids.push(row.get(id)?);
            map(row)
        })?;
        ids.sort_unstable();
        let twice = ids.windows(2).find(|pair| pair.first() == pair.last());
        match twice.and_then(<[i64]>::first) {
            Some(id) => Err(misled(&format!("twice to the row {id}"))),
            None => Ok(found),
        }
    }

    /// The newest id that each table has given, whether its row is still there or not.
    pub(crate) fn newest_ids(&self) -> Result<Vec<(String, i64)>, Error> {
        self.alive()?.newest_ids()
    }
}

/// A transaction that reads and writes. `'t` stands for this transaction alone.
pub struct WriteTx<'t>(pub(super) ReadTx<'t>);

impl WriteTx<'_> {
    /// Runs a statement and returns how many rows it touched.
    pub(crate) fn run(&self, sql: &str, params: impl Params) -> Result<usize, Error> {
        self.alive()?.run(sql, params)
    }

    /// Runs a statement of which nothing is asked. It may wait for the next one, or for the end of the transaction, and go to a server
    /// in the same round trip; then an error of its shows there.
    pub(crate) fn put(&self, sql: &str, params: impl Params) -> Result<(), Error> {
        self.alive()?.put(sql, &params)
    }

    /// Runs `work`, which deletes what is too old, and returns how many rows that were: none as long as the clock is not believed. See
    /// [`ReadTx::may_expire`].
    pub(crate) fn expire(&self, work: impl FnOnce() -> Result<usize, Error>) -> Result<usize, Error> {
        if self.may_expire() { work() } else { Ok(0) }
    }

    /// References between rows are checked when the transaction ends.
    pub(crate) fn defer_references(&self) -> Result<(), Error> {
        self.alive()?.defer_references()
    }

    /// Has new rows get ids above all those that were put in with one, and above these.
    pub(crate) fn count_ids_on(&self, newest: &[(String, i64)]) -> Result<(), Error> {
        self.alive()?.count_ids_on(newest)
    }

    /// Has no trigger run for rows that are put in as they are, with what triggers have counted, if the engine can do without.
    pub(crate) fn suspend_triggers(&self) -> Result<(), Error> {
        self.alive()?.suspend_triggers()
    }

    /// Has triggers run again.
    pub(crate) fn resume_triggers(&self) -> Result<(), Error> {
        self.alive()?.resume_triggers()
    }

    /// The ids of the next so many new rows of a table: the rows are put in before this is asked again.
    pub(crate) fn next_ids(&self, table: &str, count: usize) -> Result<Vec<i64>, Error> {
        self.alive()?.next_ids(table, count)
    }

    /// Runs an `INSERT` of one row, and returns the id of that.
    pub(crate) fn insert(&self, sql: &str, params: impl Params) -> Result<i64, Error> {
        let id = self.alive()?.insert(sql, params)?;
        id.ok_or_else(|| StoreError::new(StoreTrouble::Other, "a row that was put in has no id").into())
    }

    /// Runs `work` as a part that can fail alone: if it fails, its writes are rolled back and the transaction goes on. For operations that
    /// belong together; one alone that is refused has changed nothing anyway.
    pub fn part<T, E: From<Error>>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.alive()?.begin_part()?;
        let result = work();
        if result.is_err() {
            // On a full disk SQLite may have rolled everything back, and PostgreSQL may be gone. Then there is no part any more, and
            // the first error says why.
            if !self.conn.is_in_transaction() {
                return result;
            }
            self.conn.undo_part()?;
        } else {
            self.alive()?.keep_part()?;
        }
        result
    }
}

impl<'t> Deref for WriteTx<'t> {
    type Target = ReadTx<'t>;

    fn deref(&self) -> &ReadTx<'t> {
        &self.0
    }
}
