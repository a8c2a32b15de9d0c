//! The database: a SQLite file, or with the feature `postgres` a database on a PostgreSQL server.
//!
//! [`Postroom::write`] runs one transaction and returns when its commit is on disk; [`Postroom::read`] sees one consistent
//! state and never waits for a writer. A write that begins inside a write of the
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
mod duty;
mod engine;
pub(crate) mod inside;
mod line;
mod master;
mod migration;
mod open;
mod params;
mod place;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
mod session;
mod sqlite;
mod statements;
mod time;
mod turns;
mod tx;
mod value;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use tempfile::TempDir;

pub(crate) use self::checksum::{Checksum, damaged, misled};
pub use self::claim::{Claim, note_of_server};
pub use self::duty::OnDuty;
pub(crate) use self::engine::TableColumn;
pub(crate) use self::master::SealedColumn;
pub use self::master::{MasterKeyChange, RotationError};
pub use self::open::{OpenError, is_being_opened};
pub(crate) use self::params::{Params, named};
pub use self::place::{is_on_a_server, shown};
pub(crate) use self::row::{Row, moment, moment_if_any, parsed};
pub use self::session::{Held, Session};
pub(crate) use self::sqlite::Depth;
pub use self::sqlite::{BackupError, back_up, origin, restore};
pub use self::time::{Jump, TimeKept};
pub(crate) use self::turns::Turns;
pub(crate) use self::tx::Within;
pub use self::tx::{ReadTx, WriteTx};
pub(crate) use self::value::{FromValue, ToValue, Value};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::{Error, StoreError, StoreTrouble};
use crate::name::DnsName;
use crate::settings::Settings;

use self::engine::{Conn, Engine};
use self::inside::Inside;
use self::master::MasterKeys;
use self::open::{OpeningLock, beside};
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
    place: PathBuf,
    engine: Engine,
    master_keys: MasterKeys,
    settings: Settings,
    clock: Arc<dyn Clock>,
    guard: Guard,
    turns: Turns,
    /// What a temporary database has of its own. It is removed last, when everything above is closed.
    _kept: Kept,
}

/// What a temporary database has of its own.
#[derive(Default)]
struct Kept {
    #[cfg(feature = "postgres")]
    #[expect(dead_code, reason = "kept from the next test for as long as this one has it")]
    database: Option<postgres::Temporary>,
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "kept for as long as the database in it is open")
    )]
    folder: Option<TempDir>,
}

impl Kept {
    /// Where a temporary database on a server has its master key.
    #[cfg(feature = "postgres")]
    fn key_file(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.path().join("postroom.key"))
    }
}

impl Postroom {
    /// Opens the database in `file`, and makes or migrates it first if need be. A name that begins with `postgres://` is the URL of a
    /// database on a server, if this was built with the feature `postgres`; then the options must name the file of the master key.
    ///
    /// A new database gets a new master key. An existing one needs the key that it was sealed with. A name such as `:memory:`,
    /// which SQLite would take for a database in memory, is refused: see [`open_temporary`](Postroom::open_temporary).
    pub fn open(file: impl AsRef<Path>, options: Options) -> Result<Postroom, OpenError> {
        let file = file.as_ref();
        match file.to_str().filter(|name| is_on_a_server(name)) {
            #[cfg(feature = "postgres")]
            Some(url) => Postroom::open_url(url, options, Kept::default()),
            #[cfg(not(feature = "postgres"))]
            Some(url) => {
                let reason = "this program was built without the feature `postgres`".to_owned();
                Err(OpenError::Store { file: shown(url).into(), reason })
            }
            None => Postroom::open_in(file, options, Kept::default()),
        }
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
        let file = folder.path().join("postroom.db");
        let kept = Kept {
            #[cfg(feature = "postgres")]
            database: None,
            folder: Some(folder),
        };
        #[cfg(feature = "postgres")]
        if let Some(database) = postgres::Temporary::wanted() {
            let database = database.map_err(|e| OpenError::of(Path::new("a database for a test"), &e))?;
            let url = database.url().to_owned();
            return Postroom::open_url(&url, options, Kept { database: Some(database), ..kept });
        }
        Postroom::open_in(&file, options, kept)
    }

    fn open_in(file: &Path, options: Options, folder: Kept) -> Result<Postroom, OpenError> {
        let name = file.as_os_str().as_encoded_bytes();
        // SQLite opens the empty name as a temporary database, and a name of this form as one in memory.
        if name.is_empty() || name.starts_with(b":memory:") || name.starts_with(b"file:") {
            return Err(OpenError::InMemory { file: file.to_owned() });
        }
        sqlite::check_library()?;
        let _opening = OpeningLock::wait(file)?;
        let now = options.clock.now();
        let writer = sqlite::open(file, now)?;
        let key_file = options.master_key_file.clone().unwrap_or_else(|| beside(file, ".key"));
        let master_keys = MasterKeys::open(Conn::Sqlite(&writer), file, &key_file, now)?;
        let guard =
            Guard::begin(Conn::Sqlite(&writer), &*options.clock).map_err(|e| OpenError::of(file, &e))?;
        Ok(Postroom::of(Engine::sqlite(file, writer), file, master_keys, guard, options, folder))
    }

    /// Opens the database on a server.
    #[cfg(feature = "postgres")]
    fn open_url(url: &str, options: Options, kept: Kept) -> Result<Postroom, OpenError> {
        let server = postgres::Server::of(url)?;
        let place = server.shown();
        let failed = |e: Error| OpenError::of(&place, &e);
        let key_file = options.master_key_file.clone().or_else(|| kept.key_file());
        let key_file = key_file.ok_or_else(|| OpenError::NoKeyFile { place: place.clone() })?;
        let (master_keys, guard) = {
            let opening = server.opening().map_err(failed)?;
            let now = options.clock.now();
            opening.migrate(&place, now)?;
            let conn = Conn::Postgres(opening.conn().map_err(failed)?);
            let master_keys = MasterKeys::open(conn, &place, &key_file, now)?;
            (master_keys, Guard::begin(conn, &*options.clock).map_err(failed)?)
        };
        Ok(Postroom::of(Engine::Postgres(server), &place, master_keys, guard, options, kept))
    }

    fn of(
        engine: Engine,
        place: &Path,
        master_keys: MasterKeys,
        guard: Guard,
        options: Options,
        kept: Kept,
    ) -> Postroom {
        Postroom {
            place: place.to_owned(),
            engine,
            master_keys,
            settings: options.settings,
            clock: options.clock,
            guard,
            turns: Turns::default(),
            _kept: kept,
        }
    }

    /// Has this process keep little of the database in memory: for one that looks up a row here and there, and lists nothing. To be
    /// called before anything is read. A PostgreSQL server keeps its own memory, so nothing changes there.
    pub fn spare_memory(&self) {
        self.engine.spare_memory();
    }

    /// Runs `work` in one transaction that sees one state and changes nothing.
    pub fn read<T, E: From<Error>>(&self, work: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.engine.read(|conn| {
            let _inside = Inside::begin();
            work(&ReadTx::new(conn, self))
        })
    }

    /// Runs `work` in one transaction. What it wrote is on disk when this returns `Ok`, and undone at an error.
    ///
    /// `work` may run again, if the database has undone what it did: so it does nothing but through its transaction.
    /// Fails with `Store` if this thread is already inside a write of this database.
    pub fn write<T, E: From<Error>>(&self, work: impl Fn(&WriteTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.engine.write(|conn| {
            let _inside = Inside::begin();
            work(&WriteTx(ReadTx::new(conn, self)))
        })
    }

    /// Closes the database: waits for a write in hand, and refuses every later one. SQLite moves the content of the
    /// write-ahead log into the file when the last reader is done.
    ///
    /// Dropping the `Postroom` does the same. Call this if other threads may still share it.
    pub fn close(&self) {
        self.engine.close();
    }

    /// Whether a read of a few rows takes microseconds, because the database is on this machine.
    pub fn is_at_hand(&self) -> bool {
        self.engine.is_at_hand()
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

    /// The file that was opened; of a database on a server the URL, without its password.
    pub fn file(&self) -> &Path {
        &self.place
    }

    /// How large the write-ahead log is, and for how long the oldest reader of this process has been reading, if one reads.
    ///
    /// The log grows while somebody reads what was there before, in whichever process, because it can begin anew only
    /// when nobody needs it.
    pub fn write_ahead_log(&self) -> (u64, Option<Duration>) {
        self.engine.write_ahead_log()
    }

    /// Whether the file that is open is still the one at its path: `Store` with the trouble `Gone` if it was moved away, deleted or
    /// replaced. Then every write is refused, because what it writes would be lost. A PostgreSQL server looks after its own files.
    pub fn check_in_place(&self) -> Result<(), Error> {
        self.engine.check_in_place()
    }

    /// Whether the file is in its place, and can be read at all: one small read.
    pub fn check_readable(&self) -> Result<(), Error> {
        self.check_in_place()?;
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
        f.debug_struct("Postroom").field("place", &self.place).finish_non_exhaustive()
    }
}

/// What a lock guards, also where a thread panicked while it held it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> Error {
    StoreError::new(StoreTrouble::Other, "the database is closed").into()
}
