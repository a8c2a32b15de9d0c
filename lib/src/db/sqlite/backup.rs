//! Backups: a copy of the database in one file, made while others write, and a database made of such a copy.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ffi::{SQLITE_IOERR_READ, SQLITE_IOERR_SHORT_READ};
use rusqlite::{ErrorCode, OpenFlags};
use tempfile::NamedTempFile;

use super::connection::{Connection, from_sqlite};
use super::schema;
use crate::db::claim::is_served;
use crate::db::engine::Conn;
use crate::db::master::MasterKeys;
use crate::db::open::{OpenError, beside};

/// What SQLite adds to the name of a database for the file of changes that are not yet in it, or may have to be undone.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// Why a backup could not be made or restored. Each is one line that says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The database cannot be opened, or its master key is missing or another one.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What was to be made is there already.
    #[error("{} is there already, and nothing is overwritten; move it away, or name another file", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// A database is where one was to be restored.
    #[error(
        "{0} is there already. To replace it, stop the server and move {0}, {0}-wal and {0}-shm away together; or name another \
         file with --db",
        file.display()
    )]
    InPlace {
        /// The database.
        file: PathBuf,
    },
    /// A log is where a database was to be restored, without its database.
    #[error(
        "{} is there, without its database, and may hold the last changes of it; put it where that database is now, or name \
         another file with --db",
        file.display()
    )]
    LogInPlace {
        /// The log.
        file: PathBuf,
    },
    /// The file is damaged, or is no copy of a Postroom database.
    #[error("{} is not a sound copy of a Postroom database: {reason}", file.display())]
    Unsound {
        /// The file.
        file: PathBuf,
        /// What was found first.
        reason: String,
    },
    /// The system could not read or write a file.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Copies the database in `file` as it stands to the new file `to`, for its owner alone, also while others write.
///
/// The master key is neither needed nor in the copy. The copy has its name only after it has been opened again, has passed SQLite's check of every
/// page and is on disk: one that was interrupted is not taken for a backup.
pub fn back_up(file: &Path, to: &Path) -> Result<(), BackupError> {
    schema::check_library()?;
    let source = Connection::open(file)?;
    schema::check_file(source.raw(), file)?;
    write_new(to, |part| {
        let path = part.path();
        let name = path.to_str().ok_or_else(|| BackupError::Io {
            file: path.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "SQLite needs a path in UTF-8"),
        })?;
        source.raw().execute(schema::COPY, [name]).map_err(|e| match unwritten(&e) {
            Some(source) => BackupError::Io { file: to.to_owned(), source },
            None => from_sqlite(file, &e).into(),
        })?;
        check(path, to).map(drop)
    })
}

/// Why the copy could not be written, if that is what failed: the database is only read.
fn unwritten(error: &rusqlite::Error) -> Option<io::Error> {
    let rusqlite::Error::SqliteFailure(failure, _) = error else { return None };
    let is_write = match failure.code {
        ErrorCode::DiskFull => true,
        ErrorCode::SystemIoFailure => {
            ![SQLITE_IOERR_READ, SQLITE_IOERR_SHORT_READ].contains(&failure.extended_code)
        }
        _ => false,
    };
    is_write.then(|| io::Error::other(format!("{error}; make room, or name another folder")))
}

/// What a database and its backups have in common, and no other database has: the moment at which it was made, as a text.
///
/// It reads one row and checks nothing else, so it is cheap, however large the file is. A database that was restored has it too; one
/// that was imported or copied from another engine has its own.
pub fn origin(file: &Path) -> Result<String, BackupError> {
    let failed = |e| from_sqlite(file, &e);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = rusqlite::Connection::open_with_flags(file, flags).map_err(failed)?;
    Ok(conn.query_row(schema::ORIGIN, [], |row| row.get(0)).map_err(failed)?)
}

/// Makes the database `file` of the backup `from`, for its owner alone. A file that is there is never overwritten.
///
/// Before anything stands at `file`, the copy is checked as a new backup is, and the master key in `key_file` must be
/// the one that it was sealed with. A backup by a newer Postroom is refused; one by an older Postroom is migrated when it is opened.
pub fn restore(from: &Path, file: &Path, key_file: Option<&Path>) -> Result<(), BackupError> {
    schema::check_library()?;
    let unreadable = |source| BackupError::Io { file: from.to_owned(), source };
    let mut backup = File::open(from).map_err(unreadable)?;
    for suffix in LOGS {
        if beside(from, suffix).metadata().is_ok_and(|log| log.len() > 0) {
            let reason =
                format!("{suffix} beside it holds changes that are not in it; use `postroom backup`");
            return Err(BackupError::Unsound { file: from.to_owned(), reason });
        }
    }
    check_room(file)?;
    let key_file = key_file.map_or_else(|| beside(file, ".key"), Path::to_owned);
    write_new(file, |part| {
        io::copy(&mut backup, part.as_file_mut()).map_err(unreadable)?;
        let copy = check(part.path(), from)?;
        MasterKeys::find_in_files(Conn::Sqlite(&copy), from, &key_file)?;
        Ok(())
    })
}

/// Refuses to restore where a server is, a database, or what is left of one.
///
/// The server comes first: nobody may be told to move the files of one that runs.
fn check_room(file: &Path) -> Result<(), BackupError> {
    if is_served(file) {
        return Err(OpenError::Claimed { file: file.to_owned() }.into());
    }
    if file.symlink_metadata().is_ok() {
        return Err(BackupError::InPlace { file: file.to_owned() });
    }
    // SQLite would apply a log that another database left behind to the new one.
    match LOGS.iter().map(|suffix| beside(file, suffix)).find(|log| log.exists()) {
        Some(log) => Err(BackupError::LogInPlace { file: log }),
        None => Ok(()),
    }
}

/// Makes a file with what `fill` writes. It has its name only when all of it is on disk.
fn write_new(
    to: &Path,
    fill: impl FnOnce(&mut NamedTempFile) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let failed = |source| BackupError::Io { file: to.to_owned(), source };
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists { file: to.to_owned() });
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let text = "there is no such folder; make it first, or name another one";
        let source = io::Error::new(io::ErrorKind::NotFound, text);
        return Err(BackupError::Io { file: folder.to_owned(), source });
    }
    // Its mode is 0600.
    let mut part = tempfile::Builder::new()
        .prefix(".postroom-")
        .suffix(".part")
        .tempfile_in(folder)
        .map_err(|source| BackupError::Io { file: folder.to_owned(), source })?;
    fill(&mut part)?;
    part.as_file().sync_all().map_err(failed)?;
    part.persist_noclobber(to).map_err(|e| match e.error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists { file: to.to_owned() },
        _ => failed(e.error),
    })?;
    // Its name must be on disk too.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Opens a copy at `path` and looks for damage; `shown` is the file that an error names.
fn check(path: &Path, shown: &Path) -> Result<Connection, BackupError> {
    let unsound = |reason: String| BackupError::Unsound { file: shown.to_owned(), reason };
    if fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        return Err(unsound("it is empty".to_owned()));
    }
    let copy = Connection::open(path).map_err(|e| unsound(reason(e)))?;
    schema::check_file(copy.raw(), shown).map_err(|e| match e {
        OpenError::Newer { .. } => BackupError::Open(e),
        other => unsound(reason(other)),
    })?;
    if !schema::is_made(copy.raw()).map_err(|e| unsound(e.to_string()))? {
        return Err(unsound("there is no database in it".to_owned()));
    }
    let found = schema::damage(copy.raw()).map_err(|e| unsound(e.to_string()))?;
    match found.into_iter().next() {
        Some(first) => Err(unsound(first)),
        None => Ok(copy),
    }
}

/// Why a copy is no database of ours, without advice that is for a database in use.
fn reason(error: OpenError) -> String {
    match error {
        OpenError::Damaged { reason, .. } | OpenError::Store { reason, .. } => reason,
        OpenError::Foreign { .. } => "it is another program's database".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Postroom;

    #[test]
    fn a_backup_holds_what_was_there_and_restores_to_a_database_of_its_own() {
        let postroom = Postroom::open_temporary().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (backup, restored) = (folder.path().join("a.db"), folder.path().join("b.db"));
        back_up(postroom.file(), &backup).unwrap();
        restore(&backup, &restored, Some(&beside(postroom.file(), ".key"))).unwrap();
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "nothing is left beside them: {names:?}");
        assert!(matches!(back_up(postroom.file(), &backup), Err(BackupError::Exists { .. })));
    }

    #[test]
    fn a_log_left_behind_by_another_database_is_never_applied_to_a_restored_one() {
        let postroom = Postroom::open_temporary().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (backup, restored) = (folder.path().join("a.db"), folder.path().join("b.db"));
        back_up(postroom.file(), &backup).unwrap();
        fs::write(beside(&restored, "-wal"), "left").unwrap();
        let key = beside(postroom.file(), ".key");
        assert!(matches!(restore(&backup, &restored, Some(&key)), Err(BackupError::LogInPlace { .. })));
        assert!(!restored.exists());
    }

    #[test]
    fn a_restore_names_the_backup_that_is_missing_then_the_server_then_the_database() {
        let postroom = Postroom::open_temporary().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (backup, none) = (folder.path().join("a.db"), folder.path().join("none.db"));
        back_up(postroom.file(), &backup).unwrap();
        let file = postroom.file();
        assert!(beside(file, "-wal").exists(), "the log of a database in use");
        let claim = postroom.claim().unwrap();
        assert!(
            matches!(restore(&none, file, None), Err(BackupError::Io { file, .. }) if file == none),
            "what is not there is said first"
        );
        assert!(matches!(restore(&backup, file, None), Err(BackupError::Open(OpenError::Claimed { .. }))));
        drop(claim);
        let refused = restore(&backup, file, None).unwrap_err();
        assert!(matches!(&refused, BackupError::InPlace { file: named } if named == file), "{refused}");
        let text = refused.to_string();
        assert!(text.contains("stop the server and move") && text.contains("-shm away together"), "{text}");
    }

    #[test]
    fn a_file_of_one_octet_or_without_a_table_is_no_backup() {
        let folder = tempfile::tempdir().unwrap();
        let (backup, restored) = (folder.path().join("a.db"), folder.path().join("b.db"));
        fs::write(&backup, "x").unwrap();
        assert!(matches!(restore(&backup, &restored, None), Err(BackupError::Unsound { .. })));
        fs::remove_file(&backup).unwrap();
        rusqlite::Connection::open(&backup).unwrap().execute_batch("VACUUM").unwrap();
        assert!(matches!(restore(&backup, &restored, None), Err(BackupError::Unsound { .. })));
        assert!(!restored.exists());
    }
}
