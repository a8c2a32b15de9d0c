//! Opening a database: the files beside it, and every reason why it cannot be opened.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, StoreTrouble};
use crate::seal::MasterKeyError;

/// `postroom.db` and `.key` make `postroom.db.key`.
pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Opens a file that is locked, and makes it if it is not there. It belongs to whom the database belongs, so that a command of
/// root's does not lock the others out.
pub(super) fn lock_file(database: &Path, suffix: &str) -> Result<File, OpenError> {
    let path = beside(database, suffix);
    let is_new = !path.exists();
    let lock = private_file(&path).map_err(|error| match error {
        OpenError::Unusable { file, source }
            if !is_new && source.kind() == io::ErrorKind::PermissionDenied =>
        {
            OpenError::LockedOut { owner: owner(&file), file, database: database.to_owned() }
        }
        other => other,
    })?;
    #[cfg(unix)]
    if is_new && let Ok(data) = database.metadata() {
        use std::os::unix::fs::{MetadataExt, fchown};
        // Nobody but root can give a file away, and nobody else needs to.
        let _ = fchown(&lock, Some(data.uid()), Some(data.gid()));
    }
    Ok(lock)
}

/// The user id of a file's owner.
fn owner(file: &Path) -> Option<u32> {
    #[cfg(unix)]
    return file.metadata().ok().map(|data| std::os::unix::fs::MetadataExt::uid(&data));
    #[cfg(not(unix))]
    return None;
}

/// Whether another process is opening the database just now, so that whoever opens it waits.
pub fn is_being_opened(database: &Path) -> bool {
    is_locked(&beside(database, ".open"))
}

/// Whether another process has locked this file, if it is there.
pub(super) fn is_locked(file: &Path) -> bool {
    let lock = OpenOptions::new().read(true).write(true).open(file);
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Opens a file for reading and writing, and makes it, for its owner alone, if it is not there.
pub(crate) fn private_file(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| OpenError::Unusable { file: path.to_owned(), source })
}

/// Why a database cannot be opened. Each is one line that says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The SQLite that was linked can corrupt databases.
    #[error("SQLite {version} can corrupt databases; 3.51.3 or newer is needed")]
    OldSqlite {
        /// The version that was linked.
        version: &'static str,
    },
    /// SQLite takes the name for a database in memory.
    #[error("{} means a database in memory, and Postroom keeps its database in a file; for a test, Postroom::open_temporary() opens one that vanishes with it", file.display())]
    InMemory {
        /// The name.
        file: PathBuf,
    },
    /// No folder for a temporary database could be made.
    #[error("no folder for a temporary database could be made: {source}")]
    NoTemporaryFolder {
        /// What the system said.
        source: io::Error,
    },
    /// The file or one beside it cannot be opened or made.
    #[error("{} cannot be opened: {source}", file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is locked belongs to another user.
    #[error("{file} belongs to another user{owner}; give it to the user that the database belongs to: chown --reference={database} {file}",
            file = file.display(), database = database.display(),
            owner = owner.map_or_else(String::new, |id| format!(" (id {id})")))]
    LockedOut {
        /// The file.
        file: PathBuf,
        /// The id of its owner, if it is known.
        owner: Option<u32>,
        /// The database beside it.
        database: PathBuf,
    },
    /// Another program's database.
    #[error("{} is another program's database (application id {application:#010x}); name another file with --db", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
        /// The application id in its header.
        application: i32,
    },
    /// A file that is no SQLite database, or a damaged one.
    #[error("{} is not a database, or is damaged ({reason}); name another file with --db, or restore a backup", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// A newer Postroom has changed the file.
    #[error("{} has schema version {found}, this Postroom knows {known}; use the newer Postroom that wrote it", file.display())]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its schema version.
        found: i32,
        /// Ours.
        known: i32,
    },
    /// The file has another text of a migration, or lacks one below its newest.
    #[error("{} was written by a Postroom with another {migration} than this one has; open it with the one that wrote it, or restore a backup", file.display())]
    Diverged {
        /// The file.
        file: PathBuf,
        /// The migration, such as `V10__signing_keys`.
        migration: String,
    },
    /// A migration failed, and was rolled back.
    #[error("{} could not be migrated, and is as it was: {reason}", file.display())]
    Migration {
        /// The file.
        file: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// SQLite could not work with the file.
    #[error("{} cannot be used: {reason}", file.display())]
    Store {
        /// The file.
        file: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The database's server does not answer, or another process has the database for too long. It may pass by itself.
    #[error("{} cannot be used now: {reason}", file.display())]
    OutOfReach {
        /// The file, or the URL without its password.
        file: PathBuf,
        /// What was tried in vain.
        reason: String,
    },
    /// The database's server has no database of that name.
    #[error("{} is not there: {reason}; make it with createdb, or name another one with --db", file.display())]
    NoDatabase {
        /// The URL, without its password.
        file: PathBuf,
        /// What the server said.
        reason: String,
    },
    /// Another server has the file.
    #[error("{} is served by another postroom process; stop that one first, or name another file with --db", file.display())]
    Claimed {
        /// The file.
        file: PathBuf,
    },
    /// A database on a server has no folder of its own in which the master key could lie.
    #[error("the master key of {} lies in no place of its own; name its file, the same key for every server, with --master-key-file", place.display())]
    NoKeyFile {
        /// The URL of the database, without its password.
        place: PathBuf,
    },
    /// The master key is not where it was looked for.
    #[error("{} was sealed with a master key that is not at {}; put that file back, or name it with --master-key-file", file.display(), key_file.display())]
    KeyMissing {
        /// The database.
        file: PathBuf,
        /// Where the key was looked for.
        key_file: PathBuf,
    },
    /// The master key is another database's.
    #[error("{} is not the master key that {} was sealed with; name the right one with --master-key-file", key_file.display(), file.display())]
    KeyForeign {
        /// The database.
        file: PathBuf,
        /// The key that does not fit.
        key_file: PathBuf,
    },
    /// The master key cannot be read or made.
    #[error(transparent)]
    Key(#[from] MasterKeyError),
}

impl OpenError {
    /// The database could not do what opening needs.
    pub(crate) fn of(file: &Path, error: &Error) -> OpenError {
        let (file, reason) = (file.to_owned(), error.to_string());
        let trouble = if let Error::Store(error) = error { error.trouble() } else { StoreTrouble::Other };
        match trouble {
            StoreTrouble::Busy | StoreTrouble::OutOfReach | StoreTrouble::Unknown => {
                OpenError::OutOfReach { file, reason }
            }
            StoreTrouble::NoDatabase => OpenError::NoDatabase { file, reason },
            _ => OpenError::Store { file, reason },
        }
    }
}

/// Held while a file is opened: making, migrating and the master key are for one process at a time.
pub(crate) struct OpeningLock(#[expect(dead_code, reason = "held for its lock alone")] File);

impl OpeningLock {
    pub(crate) fn wait(file: &Path) -> Result<OpeningLock, OpenError> {
        let lock = lock_file(file, ".open")?;
        lock.lock().map_err(|source| OpenError::Unusable { file: file.to_owned(), source })?;
        Ok(OpeningLock(lock))
    }
}
