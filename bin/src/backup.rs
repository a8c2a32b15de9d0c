//! Backups in a folder: by their names one knows when they were made, and by what is in them whose they are.

use std::fs::{self, DirBuilder};
use std::num::NonZeroUsize;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use postroom::clock::Timestamp;
use postroom::db::{self, BackupError};
use rustix::fs::{Access, access};

/// The backups of one database in one folder.
#[derive(Clone, Debug)]
pub struct Backups {
    database: PathBuf,
    folder: PathBuf,
    stem: String,
}

impl Backups {
    /// Those of `database` in `folder`; an empty path is the folder in which the process runs.
    pub fn of(database: &Path, folder: &Path) -> Backups {
        let stem = database.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Backups { database: database.to_owned(), folder: folder.to_owned(), stem }
    }

    /// Makes the folder, for its owner alone, if it is not there. It says what is wrong where no backup can be written to it.
    pub fn prepare(&self) -> Result<(), BackupError> {
        let failed = |source| BackupError::Io { file: self.folder.clone(), source };
        if !self.folder.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(failed)?;
        }
        self.check_writable()
    }

    /// Says what is wrong where no backup can be written to the folder.
    pub fn check_writable(&self) -> Result<(), BackupError> {
        let failed = |source| BackupError::Io { file: self.folder.clone(), source };
        access(&self.folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| failed(error.into()))
    }

    /// Makes one more, while others write to the database, and returns its file.
    pub fn make(&self, now: Timestamp) -> Result<PathBuf, BackupError> {
        let file = self.folder.join(name(&self.stem, now));
        db::back_up(&self.database, &file)?;
        Ok(file)
    }

    /// Deletes all but the newest ones, and returns what was deleted. No other file is touched.
    pub fn delete_older(&self, keep: NonZeroUsize) -> Result<Vec<PathBuf>, BackupError> {
        let old: Vec<PathBuf> = self.newest_first()?.skip(keep.get()).collect();
        for file in &old {
            fs::remove_file(file).map_err(|source| BackupError::Io { file: file.clone(), source })?;
        }
        Ok(old)
    }

    /// When the newest one was made, by the time of its file; none if there is none.
    pub fn newest(&self) -> Result<Option<Duration>, BackupError> {
        let Some(file) = self.newest_first()?.next() else { return Ok(None) };
        let made = fs::metadata(&file).and_then(|found| found.modified());
        let made = made.map_err(|source| BackupError::Io { file, source })?;
        Ok(Some(made.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()))
    }

    /// The backups, the newest first. Another database of the same name can have its backups in the same folder: those
    /// are left out, as is a file that cannot be read.
    fn newest_first(&self) -> Result<impl Iterator<Item = PathBuf>, BackupError> {
        let folder = if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder };
        let failed = |source| BackupError::Io { file: folder.to_owned(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            names.extend(name.to_str().filter(|name| is_backup(name, &self.stem)).map(str::to_owned));
        }
        names.sort_unstable();
        let own = db::origin(&self.database)?;
        let files = names.into_iter().rev().map(|name| self.folder.join(name));
        Ok(files.filter(move |file| db::origin(file).is_ok_and(|origin| origin == own)))
    }
}

/// The name of a backup: sorted by name, backups are sorted by time.
fn name(stem: &str, now: Timestamp) -> String {
    format!("{stem}-{}.db", now.to_string().replace(':', ""))
}

/// Whether this is a name that [`name`] gives.
fn is_backup(file: &str, stem: &str) -> bool {
    let time = file.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".db"));
    // In place of each digit a zero, that of the start of the epoch.
    let shape =
        |time: &str| time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
    let known = Timestamp::from_millis(0).to_string().replace(':', "");
    time.is_some_and(|time| shape(time) == shape(&known))
}

#[cfg(test)]
mod tests {
    use postroom::clock::{Clock, SystemClock};

    use super::*;

    #[test]
    fn only_a_name_that_a_backup_gets_is_taken_for_one() {
        assert!(is_backup(&name("postroom", SystemClock.now()), "postroom"));
        assert!(!is_backup(&name("postroom", SystemClock.now()), "post"));
        for other in ["postroom.db", "postroom-old.db", "postroom-2026-11-28.db", "postroom-.db"] {
            assert!(!is_backup(other, "postroom"), "{other}");
        }
    }
}
