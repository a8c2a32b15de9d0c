//! The database: one SQLite file, one connection that writes, a few that read.
//!
//! [`Postroom::write`] runs one `BEGIN IMMEDIATE` transaction and returns when its commit is on disk (`synchronous=FULL`);
//! [`Postroom::read`] sees one consistent state and never waits for a writer (WAL). A write that begins inside a write of the
//! same thread is refused, because it would wait for itself. Several processes may have one file open; one of them at a time
//! may [`claim`](Postroom::claim) it to serve it.
//!
//! The lifetime `'t` of a [`ReadTx`] or [`WriteTx`] stands for that one transaction and for no other. A value with this
//! lifetime, such as a [`Domain`](crate::domain::Domain), cannot leave the closure, and the compiler accepts it in no other
//! transaction, not even in one that runs inside the first.
//!
//! ```
//! use postroom::db::{Options, Postroom};
//! use postroom::settings::Settings;
//! use postroom::account;
//!
//! # let folder = tempfile::tempdir()?;
//! let settings = Settings::for_server(&"mail.example.net".parse()?);
//! let postroom = Postroom::open(&folder.path().join("postroom.db"), Options::new(settings))?;
//! // What one call of `write` does is on disk when it returns, all of it or nothing.
//! postroom.write(|tx| account::create(tx, "acme"))?;
//! assert_eq!(postroom.read(account::list)?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checksum;
mod claim;
pub(crate) mod inside;
mod master;
mod open;
mod params;
mod row;
mod session;
mod sqlite;
mod time;
mod turns;
mod value;

use std::marker::PhantomData;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use std::time::Duration;

use tempfile::TempDir;

pub(crate) use self::checksum::{Checksum, damaged};
pub use self::claim::{Claim, note_of_server};
pub use self::master::{MasterKeyChange, RotationError};
pub(crate) use self::master::{SealedColumn, Sealing};
pub use self::open::{OpenError, is_being_opened};
pub(crate) use self::params::{Params, named};
pub(crate) use self::row::{Row, moment, moment_if_any, parsed};
pub use self::session::{Held, Session};
pub(crate) use self::sqlite::Depth;
pub use self::sqlite::{BackupError, back_up, restore};
pub use self::time::{Jump, TimeKept};
pub(crate) use self::turns::Turns;
pub(crate) use self::value::{FromValue, ToValue, Value};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::{Error, StoreError, StoreTrouble};
use crate::name::DnsName;
use crate::settings::Settings;

use self::inside::Inside;
use self::master::MasterKeys;
use self::open::{OpeningLock, beside};
use self::sqlite::{Connection, Readers, Writer};
use self::time::Guard;

/// How a database is opened.
#[derive(Clone)]
pub struct Options {
    /// The file of the master key. `None` means `FILE.key` beside the database.
    pub master_key_file: Option<PathBuf>,
    /// The operator's decisions.
    pub settings: Settings,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Options {
    /// Options with these settings, the machine's clock, and the master key beside the database.
    pub fn new(settings: Settings) -> Options {
        Options { master_key_file: None, settings, clock: Arc::new(SystemClock) }
    }
}

/// An open database, with what its rules need: the operator's settings, the master key, the clock.
pub struct Postroom {
    file: PathBuf,
    writer: Writer,
    readers: Readers,
    master_keys: MasterKeys,
    settings: Settings,
    clock: Arc<dyn Clock>,
    guard: Guard,
    turns: Turns,
    /// The folder of a temporary database. It is removed last, when everything above is closed.
    _folder: Option<TempDir>,
}

impl Postroom {
    /// Opens the database in `file`, and makes or migrates it first if need be.
    ///
    /// A new database gets a new master key. An existing one needs the key that it was sealed with. A name such as `:memory:`,
    /// which SQLite would take for a database in memory, is refused: see [`open_temporary`](Postroom::open_temporary).
    pub fn open(file: impl AsRef<Path>, options: Options) -> Result<Postroom, OpenError> {
        Postroom::open_in(file.as_ref(), options, None)
    }

    /// Makes a database in a folder of its own, which is removed when the `Postroom` is dropped: for tests.
    ///
    /// Its settings are those of a server called `mail.example.net`. Nothing asks the network until a
    /// [`NetworkResolver`](crate::dns::NetworkResolver) is made; a [`ScriptedResolver`](crate::dns::ScriptedResolver) stands in for it.
    pub fn open_temporary() -> Result<Postroom, OpenError> {
        let server = DnsName::from_answer("mail.example.net");
        Postroom::open_temporary_with(Options::new(Settings::for_server(&server)))
    }

    /// Makes a database as [`open_temporary`](Postroom::open_temporary) does, with other options.
    pub fn open_temporary_with(options: Options) -> Result<Postroom, OpenError> {
        let folder = tempfile::Builder::new().prefix("postroom-").tempdir();
        let folder = folder.map_err(|source| OpenError::NoTemporaryFolder { source })?;
        Postroom::open_in(&folder.path().join("postroom.db"), options, Some(folder))
    }

    fn open_in(file: &Path, options: Options, folder: Option<TempDir>) -> Result<Postroom, OpenError> {
        let name = file.as_os_str().as_encoded_bytes();
        // SQLite opens the empty name as a temporary database, and a name of this form as one in memory.
        if name.is_empty() || name.starts_with(b":memory:") || name.starts_with(b"file:") {
            return Err(OpenError::InMemory { file: file.to_owned() });
        }
        sqlite::check_library()?;
        let _opening = OpeningLock::wait(file)?;
        let now = options.clock.now();
        let writer = sqlite::open(file, now)?;
        let key_file = options.master_key_file.unwrap_or_else(|| beside(file, ".key"));
        let master_keys = MasterKeys::open(&writer, file, &key_file, now)?;
        let guard = Guard::begin(&writer, &*options.clock)
            .map_err(|reason| OpenError::Store { file: file.to_owned(), reason: reason.to_string() })?;
        Ok(Postroom {
            file: file.to_owned(),
            writer: Writer::new(writer),
            readers: Readers::default(),
            master_keys,
            settings: options.settings,
            clock: options.clock,
            guard,
            turns: Turns::default(),
            _folder: folder,
        })
    }

    /// Has this process keep little of the database in memory: for one that looks up a row here and there, and lists nothing. To be
    /// called before anything is read.
    pub fn spare_memory(&self) {
        self.readers.spare_memory();
    }

    /// Runs `work` in one transaction that sees one state and changes nothing.
    pub fn read<T, E: From<Error>>(&self, work: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        let reader = self.readers.take(&self.file)?;
        let conn = reader.conn();
        conn.reading(|| {
            let _inside = Inside::begin();
            work(&ReadTx::new(conn, self))
        })
    }

    /// Runs `work` in one transaction. What it wrote is on disk when this returns `Ok`, and undone at an error.
    ///
    /// `work` may run again, if the database has undone what it did: so it does nothing but through its transaction.
    /// Fails with `Store` if this thread is already inside a write of this database.
    pub fn write<T, E: From<Error>>(&self, work: impl Fn(&WriteTx<'_>) -> Result<T, E>) -> Result<T, E> {
        let turn = self.writer.turn()?;
        let inside = Inside::begin();
        let result = work(&WriteTx(ReadTx::new(turn.conn()?, self)));
        drop(inside);
        turn.end(result.is_ok())?;
        result
    }

    /// Closes the database: waits for a write in hand, and refuses every later one. SQLite moves the content of the
    /// write-ahead log into the file when the last reader is done.
    ///
    /// Dropping the `Postroom` does the same. Call this if other threads may still share it.
    pub fn close(&self) {
        self.readers.close();
        // The writer last, so that it can move the log.
        self.writer.close();
    }

    /// Whether a read of a few rows takes microseconds, because the database is on this machine.
    pub fn is_at_hand(&self) -> bool {
        true
    }

    /// The operator's decisions.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The moment it is now.
    pub fn now(&self) -> Timestamp {
        self.guard.now(&*self.clock)
    }

    /// Whose turn it is.
    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// The file that was opened.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// How large the write-ahead log is, and for how long the oldest reader of this process has been reading, if one reads.
    ///
    /// The log grows while somebody reads what was there before, in whichever process, because it can begin anew only
    /// when nobody needs it.
    pub fn write_ahead_log(&self) -> (u64, Option<Duration>) {
        let octets = std::fs::metadata(beside(&self.file, "-wal")).map_or(0, |data| data.len());
        (octets, self.readers.oldest())
    }

    /// Whether the file can be read at all: one small read.
    pub fn check_readable(&self) -> Result<(), Error> {
        self.read(|tx| tx.conn.check_readable())
    }

    /// Looks for damage: SQLite's own check of every page and index, and of the foreign keys. Takes a while.
    ///
    /// Returns a line for each thing found; none means the file is sound.
    pub fn check_integrity(&self) -> Result<Vec<String>, Error> {
        self.read(|tx| tx.conn.damage())
    }

    /// The tables that there are.
    pub(crate) fn tables(&self) -> Result<Vec<String>, Error> {
        self.read(|tx| tx.conn.tables())
    }

    /// Looks for damage in one table: in its pages alone, or in its indexes as well. Returns a line for each thing found.
    pub(crate) fn check_table(&self, table: &str, depth: Depth) -> Result<Vec<String>, Error> {
        self.read(|tx| tx.conn.damage_in(table, depth))
    }
}

impl std::fmt::Debug for Postroom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postroom").field("file", &self.file).finish_non_exhaustive()
    }
}

/// The mark of one transaction, for a type whose values are valid only inside it.
///
/// A function from `'t` to `'t` is invariant in it: the compiler can make `'t` neither longer nor shorter, and so never
/// accepts one transaction for another.
pub(crate) type Within<'t> = PhantomData<fn(&'t ()) -> &'t ()>;

/// A transaction that reads. `'t` stands for this transaction alone.
pub struct ReadTx<'t> {
    conn: &'t Connection,
    postroom: &'t Postroom,
    within: Within<'t>,
}

impl<'t> ReadTx<'t> {
    fn new(conn: &'t Connection, postroom: &'t Postroom) -> ReadTx<'t> {
        ReadTx { conn, postroom, within: PhantomData }
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
    fn alive(&self) -> Result<&'t Connection, Error> {
        if self.conn.is_in_transaction() {
            return Ok(self.conn);
        }
        Err(StoreError::new(StoreTrouble::Other, "an earlier error has ended this transaction").into())
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
}

/// A transaction that reads and writes. `'t` stands for this transaction alone.
pub struct WriteTx<'t>(ReadTx<'t>);

impl WriteTx<'_> {
    /// Runs a statement and returns how many rows it touched.
    pub(crate) fn run(&self, sql: &str, params: impl Params) -> Result<usize, Error> {
        self.alive()?.run(sql, params)
    }

    /// Runs an `INSERT … RETURNING id`.
    pub(crate) fn insert(&self, sql: &str, params: impl Params) -> Result<i64, Error> {
        let id = self.alive()?.one(sql, params, |row| row.get(0))?;
        id.ok_or_else(|| StoreError::new(StoreTrouble::Other, "a row that was put in has no id").into())
    }

    /// Runs `work` as a part that can fail alone: if it fails, its writes are rolled back and the transaction goes on.
    pub fn part<T, E: From<Error>>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.run("SAVEPOINT part", [])?;
        let result = work();
        if result.is_err() {
            // On a full disk SQLite may have rolled everything back. Then there is no part any more, and the first error says why.
            if !self.conn.is_in_transaction() {
                return result;
            }
            self.run("ROLLBACK TO part", [])?;
        }
        self.run("RELEASE part", [])?;
        result
    }
}

impl<'t> Deref for WriteTx<'t> {
    type Target = ReadTx<'t>;

    fn deref(&self) -> &ReadTx<'t> {
        &self.0
    }
}

fn closed() -> Error {
    StoreError::new(StoreTrouble::Other, "the database is closed").into()
}
