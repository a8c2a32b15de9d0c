//! Backups in a folder: by their names one knows whose they are and when they were made.

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use postroom::clock::Timestamp;
use postroom::db::{self, BackupError};

/// The backups of one database in one folder.
#[derive(Clone, Debug)]
pub struct Backups {
    database: PathBuf,
    folder: PathBuf,
    stem: String,
}

/// A folder or a file of it that the system refuses.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", file.display())]
pub struct Unlisted {
    file: PathBuf,
    source: io::Error,
}

impl Backups {
    /// Those of `database` in `folder`; an empty path is the folder in which the process runs.
    pub fn of(database: &Path, folder: &Path) -> Backups {
        let stem = database.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Backups { database: database.to_owned(), folder: folder.to_owned(), stem }
    }

    /// Makes one more, while others write to the database, and returns its file.
    pub fn make(&self, now: Timestamp) -> Result<PathBuf, BackupError> {
        let file = self.folder.join(name(&self.stem, now));
        db::back_up(&self.database, &file)?;
        Ok(file)
    }

    /// Deletes all but the newest ones, and returns what was deleted. No other file is touched.
    pub fn delete_older(&self, keep: NonZeroUsize) -> Result<Vec<PathBuf>, Unlisted> {
        let mut names = self.names()?;
        names.truncate(names.len().saturating_sub(keep.get()));
        let old: Vec<PathBuf> = names.iter().map(|name| self.folder.join(name)).collect();
        for file in &old {
            fs::remove_file(file).map_err(|source| Unlisted { file: file.clone(), source })?;
        }
        Ok(old)
    }

    /// When the newest one was made, by the time of its file; none if there is none.
    pub fn newest(&self) -> Result<Option<Duration>, Unlisted> {
        let Some(name) = self.names()?.pop() else { return Ok(None) };
        let file = self.folder.join(name);
        let made = fs::metadata(&file).and_then(|found| found.modified());
        let made = made.map_err(|source| Unlisted { file, source })?;
        Ok(Some(made.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()))
    }

    /// The names of the backups, the oldest first.
    fn names(&self) -> Result<Vec<String>, Unlisted> {
        let folder = if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder };
        let failed = |source| Unlisted { file: folder.to_owned(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            names.extend(name.to_str().filter(|name| is_backup(name, &self.stem)).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
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
