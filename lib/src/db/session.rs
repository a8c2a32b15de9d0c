//! A session: the database as one request uses it. Its writes may be held until they can be committed together.

use std::cell::{Cell, Ref, RefCell};

use super::engine::{Conn, Turn};
use super::inside::Inside;
use super::{Postroom, ReadTx, WriteTx, closed};
use crate::clock::Timestamp;
use crate::error::{Error, StoreError, StoreTrouble};
use crate::settings::Settings;

/// The database as one request uses it. Its writes are on disk when they return, or they are held by a [`Held`]; or it only reads,
/// [`within`](Session::within) one transaction.
///
/// It gives no access to its [`Postroom`], because a write through the `Postroom` would wait for the held write for ever.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    postroom: &'a Postroom,
    held: Option<&'a dyn Holding>,
    /// The transaction in which it reads, if it has one: then it writes nothing.
    within: Option<Conn<'a>>,
}

impl<'a> Session<'a> {
    /// A session whose writes are each on disk when they return.
    pub fn new(postroom: &'a Postroom) -> Session<'a> {
        Session { postroom, held: None, within: None }
    }

    /// A session that reads in this transaction: all of its reads see one state, and it refuses to write.
    pub fn within(tx: &'a ReadTx<'_>) -> Session<'a> {
        Session { postroom: tx.postroom, held: None, within: Some(tx.conn) }
    }

    /// Runs `work` in one transaction that changes nothing. It sees what this session wrote.
    pub fn read<T, E: From<Error>>(&self, work: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        if let Some(conn) = self.within {
            return work(&ReadTx::new(conn, self.postroom));
        }
        match self.held.and_then(Holding::turn) {
            Some(turn) => work(&ReadTx::new(turn.conn()?, self.postroom)),
            None => self.postroom.read(work),
        }
    }

    /// Runs `work` in one transaction, which is rolled back if `work` fails.
    ///
    /// `work` may run again, if the database has undone what it did: so it does nothing but through its transaction.
    pub fn write<T, E: From<Error>>(&self, work: impl Fn(&WriteTx<'_>) -> Result<T, E>) -> Result<T, E> {
        if self.within.is_some() {
            let text = "a session within a transaction that reads was to write";
            return Err(E::from(StoreError::new(StoreTrouble::Other, text).into()));
        }
        let Some(held) = self.held else {
            return self.postroom.write(work);
        };
        let is_first = held.enter()?;
        let result = {
            let turn = held.turn().ok_or_else(closed)?;
            work(&WriteTx(ReadTx::new(turn.conn()?, self.postroom)))
        };
        let left = held.leave(is_first, result.is_ok());
        let done = result?;
        left.map(|()| done).map_err(E::from)
    }

    /// Whether the database can be read at all. It waits for no writer.
    pub fn check_readable(&self) -> Result<(), Error> {
        self.postroom.check_readable()
    }

    /// Whether this process can read the master key that seals now: see [`Postroom::has_master_key`].
    pub fn has_master_key(&self) -> Result<bool, Error> {
        self.postroom.has_master_key()
    }

    /// The operator's decisions.
    pub fn settings(&self) -> &'a Settings {
        self.postroom.settings()
    }

    /// The moment it is now.
    pub fn now(&self) -> Timestamp {
        self.postroom.now()
    }
}

impl<'a> From<&'a Postroom> for Session<'a> {
    fn from(postroom: &'a Postroom) -> Session<'a> {
        Session::new(postroom)
    }
}

/// Writes that [`commit`](Held::commit) puts on disk together. Dropping it before that rolls all of them back.
///
/// It holds the write lock from its first successful write on, so commit soon after that. Until it is committed or dropped,
/// [`Postroom::write`] fails on the same thread.
pub struct Held<'a> {
    postroom: &'a Postroom,
    /// In the middle of a transaction, once there is one.
    turn: RefCell<Option<Turn<'a>>>,
    /// As long as it has its turn, this thread is in a transaction.
    inside: Cell<Option<Inside>>,
}

impl<'a> Held<'a> {
    /// Nothing yet.
    pub fn new(postroom: &'a Postroom) -> Held<'a> {
        Held { postroom, turn: RefCell::new(None), inside: Cell::new(None) }
    }

    /// A session whose writes are held.
    pub fn session(&self) -> Session<'_> {
        Session { postroom: self.postroom, held: Some(self), within: None }
    }

    /// Puts on disk what was written.
    pub fn commit(self) -> Result<(), Error> {
        self.inside.take();
        match self.turn.take() {
            Some(turn) => turn.end(true),
            None => Ok(()),
        }
    }

    fn roll_back(&self) {
        self.inside.take();
        self.turn.take();
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.roll_back();
    }
}

/// What a session needs of a [`Held`], whatever the `Held` borrows.
trait Holding {
    /// The turn in the middle of the transaction, if there is one.
    fn turn(&self) -> Option<Ref<'_, Turn<'_>>>;
    /// Begins the transaction, or a part of it that can be rolled back alone. Returns whether it began the transaction.
    fn enter(&self) -> Result<bool, Error>;
    /// Ends that part.
    fn leave(&self, is_first: bool, is_done: bool) -> Result<(), Error>;
}

impl Holding for Held<'_> {
    fn turn(&self) -> Option<Ref<'_, Turn<'_>>> {
        Ref::filter_map(self.turn.borrow(), Option::as_ref).ok()
    }

    fn enter(&self) -> Result<bool, Error> {
        if let Some(turn) = self.turn() {
            if !turn.conn()?.is_in_transaction() {
                let text = "an earlier error has ended the transaction";
                return Err(StoreError::new(StoreTrouble::Other, text).into());
            }
            return turn.conn()?.begin_part().map(|()| false);
        }
        self.turn.replace(Some(self.postroom.engine.turn()?));
        self.inside.set(Some(Inside::begin()));
        Ok(true)
    }

    fn leave(&self, is_first: bool, is_done: bool) -> Result<(), Error> {
        match (is_first, is_done) {
            (true, true) => Ok(()),
            (true, false) => {
                self.roll_back();
                Ok(())
            }
            (false, true) => self.turn().ok_or_else(closed)?.conn()?.keep_part(),
            (false, false) => self.turn().ok_or_else(closed)?.conn()?.undo_part(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::statements::Statements as _;

    fn pages(postroom: &Postroom, most: i64) {
        let turn = postroom.engine.turn().unwrap();
        turn.conn().unwrap().one(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(())).unwrap();
    }

    fn trouble<T>(result: &Result<T, Error>) -> Option<StoreTrouble> {
        match result {
            Err(Error::Store(error)) => Some(error.trouble()),
            _ => None,
        }
    }

    #[test]
    fn a_session_within_a_read_sees_one_state_whatever_is_written_beside_it_and_writes_nothing() {
        use crate::account;
        let postroom = Postroom::open_temporary().unwrap();
        postroom
            .read(|tx| {
                let session = Session::within(tx);
                assert_eq!(session.read(account::list)?.len(), 0);
                std::thread::scope(|scope| {
                    scope.spawn(|| postroom.write(|tx| account::create(tx, "acme")).unwrap());
                });
                assert_eq!(session.read(account::list)?.len(), 0);
                assert!(session.write(|tx| account::create(tx, "beta").map(drop)).is_err());
                Ok::<_, Error>(())
            })
            .unwrap();
        assert_eq!(postroom.read(account::list).unwrap().len(), 1);
    }

    #[test]
    fn a_disk_that_is_full_in_the_middle_of_a_part_is_told_as_that_and_nothing_is_written_beside_it() {
        const FILL: &str = "INSERT INTO filler (octets) VALUES (zeroblob(?1))";
        let postroom = Postroom::open_temporary().unwrap();
        let made = postroom.write(|tx| tx.run("CREATE TABLE filler (octets BLOB) STRICT", []).map(drop));
        made.unwrap();
        pages(&postroom, 1);
        let held = Held::new(&postroom);
        let in_held = || {
            held.session().write(|tx| tx.run(FILL, [1]).map(drop))?;
            held.session().write(|tx| tx.run(FILL, [1_000_000]).map(drop))
        };
        assert_eq!(trouble(&in_held()), Some(StoreTrouble::Full));
        assert!(held.session().write(|tx| tx.run(FILL, [1]).map(drop)).is_err());
        drop(held);
        let filled: Result<(), Error> = postroom.write(|tx| {
            tx.run(FILL, [1])?;
            let part = tx.part(|| tx.run(FILL, [1_000_000]).map(drop));
            assert_eq!(trouble(&part), Some(StoreTrouble::Full));
            assert!(tx.run(FILL, [1]).is_err(), "the transaction is over");
            part
        });
        assert_eq!(trouble(&filled), Some(StoreTrouble::Full));
        pages(&postroom, 1_000_000);
        let count = |tx: &ReadTx<'_>| tx.one("SELECT count(*) FROM filler", [], |row| row.get::<_, i64>(0));
        assert_eq!(postroom.read(count).unwrap(), Some(0));
        postroom.write(|tx| tx.run(FILL, [1_000_000]).map(drop)).unwrap();
    }
}
