//! Backups in a folder: by their names one knows when they were made, and by what is in them whose they are.

use std::fs::{self, DirBuilder};
use std::num::NonZeroUsize;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use postroom::clock::{CLOCKS_APART, Timestamp};
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

    /// Deletes all but the newest ones, and returns what was deleted. No other file is touched. What a wrong clock has dated later
    /// than `now` counts as the oldest, so that no sound backup is deleted for it.
    pub fn delete_older(&self, keep: NonZeroUsize, now: Timestamp) -> Result<Vec<PathBuf>, BackupError> {
        let old: Vec<PathBuf> = self.newest_first(now)?.skip(keep.get()).map(|found| found.file).collect();
        for file in &old {
            fs::remove_file(file).map_err(|source| BackupError::Io { file: file.clone(), source })?;
        }
        Ok(old)
    }

    /// When the newest one was made, by the time of its file; none if there is none but those of a wrong clock.
    pub fn newest(&self, now: Timestamp) -> Result<Option<Timestamp>, BackupError> {
        Ok(self.newest_first(now)?.next().filter(|found| !found.is_ahead).map(|found| found.made))
    }

    /// One that a wrong clock has dated later than `now`, if there is any.
    pub fn ahead(&self, now: Timestamp) -> Result<Option<PathBuf>, BackupError> {
        Ok(self.newest_first(now)?.find(|found| found.is_ahead).map(|found| found.file))
    }

    /// The backups, the newest first, and last those that a wrong clock has dated later than `now`. Another database of the same
    /// name can have its backups in the same folder: those are left out, as is a file that cannot be read.
    fn newest_first(&self, now: Timestamp) -> Result<impl Iterator<Item = Found>, BackupError> {
        let folder = if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder };
        let failed = |source| BackupError::Io { file: folder.to_owned(), source };
        let soon = now + CLOCKS_APART;
        let last = name(&self.stem, soon);
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let Some(name) = name.to_str().filter(|name| is_backup(name, &self.stem)) else { continue };
            let file = self.folder.join(name);
            let Some(made) = changed_at(&file) else { continue };
            files.push(Found { is_ahead: *name > *last || made > soon, file, made });
        }
        files.sort_unstable_by(|a, b| a.is_ahead.cmp(&b.is_ahead).then_with(|| b.file.cmp(&a.file)));
        let own = db::origin(&self.database)?;
        Ok(files.into_iter().filter(move |found| db::origin(&found.file).is_ok_and(|origin| origin == own)))
    }
}

/// A backup in the folder.
struct Found {
    file: PathBuf,
    made: Timestamp,
    /// Whether its name or its file says a time that is not yet.
    is_ahead: bool,
}

/// When a file was last changed, if it can be read.
fn changed_at(file: &Path) -> Option<Timestamp> {
    let changed = fs::metadata(file).and_then(|found| found.modified()).ok()?;
    let since_1970 = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Some(Timestamp::from_millis(0) + since_1970)
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
    use std::time::Duration;

    use postroom::clock::{Clock, SystemClock};
    use postroom::db::Postroom;

    use super::*;

    #[test]
    fn only_a_name_that_a_backup_gets_is_taken_for_one() {
        assert!(is_backup(&name("postroom", SystemClock.now()), "postroom"));
        assert!(!is_backup(&name("postroom", SystemClock.now()), "post"));
        for other in ["postroom.db", "postroom-old.db", "postroom-2026-11-28.db", "postroom-.db"] {
            assert!(!is_backup(other, "postroom"), "{other}");
        }
    }

    #[test]
    fn a_backup_that_a_wrong_clock_has_dated_later_than_now_is_not_the_newest_and_is_deleted_first() {
        let postroom = Postroom::open_temporary().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let backups = Backups::of(postroom.file(), folder.path());
        let now = SystemClock.now();
        let ahead = backups.make(now + Duration::from_hours(24 * 365)).unwrap();
        assert_eq!(backups.newest(now).unwrap(), None);
        assert_eq!(backups.ahead(now).unwrap(), Some(ahead.clone()));
        let real = backups.make(now).unwrap();
        assert!(backups.newest(now).unwrap().is_some());
        let keep = NonZeroUsize::new(1).unwrap();
        assert_eq!(backups.delete_older(keep, now).unwrap(), [ahead]);
        assert!(real.exists());
        assert_eq!(backups.ahead(now).unwrap(), None);
        // A name of now on a file of next year.
        let touched = fs::File::options().write(true).open(&real).unwrap();
        touched.set_modified(SystemTime::now() + Duration::from_hours(24 * 365)).unwrap();
        assert_eq!((backups.newest(now).unwrap(), backups.ahead(now).unwrap()), (None, Some(real)));
    }
}
