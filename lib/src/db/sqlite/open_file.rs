//! The file that is open, and whether it is still the one at its path.
//!
//! A file that was moved away, deleted or replaced can be written as before by whoever has it open. SQLite does so: it syncs each
//! commit, and with the last process that has the file open all of them are gone.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, StoreError, StoreTrouble};

/// The device and the inode of a file.
type FileId = (u64, u64);

/// The file at a path, as it was when it was opened.
pub(in crate::db) struct OpenFile {
    path: PathBuf,
    /// None where the system has no such thing.
    id: Option<FileId>,
}

impl OpenFile {
    /// The file that is at this path now, and that the caller has open.
    pub(in crate::db) fn at(path: &Path) -> OpenFile {
        // As SQLite does: whoever has this library in its process may go to another folder.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let id = id(&path).ok().flatten();
        OpenFile { path, id }
    }

    pub(in crate::db) fn path(&self) -> &Path {
        &self.path
    }

    /// `Gone` if the file is not at its path any more. What cannot be told now is no reason to refuse anything.
    pub(in crate::db) fn check_in_place(&self) -> Result<(), Error> {
        let path = self.path.display();
        let text = match id(&self.path) {
            Ok(found) if self.id.is_none() || found == self.id => return Ok(()),
            Ok(_) => format!("another file than the open one is at {path}"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => format!("{path} is not there any more"),
            Err(_) => return Ok(()),
        };
        let text = format!(
            "{text}; stop the server, put the database back with its -wal file, and start the server again"
        );
        Err(StoreError::new(StoreTrouble::Gone, text).into())
    }
}

/// A symbolic link is followed: SQLite has opened what it leads to.
fn id(path: &Path) -> io::Result<Option<FileId>> {
    let found = path.metadata()?;
    #[cfg(unix)]
    let id = {
        use std::os::unix::fs::MetadataExt;
        Some((found.dev(), found.ino()))
    };
    #[cfg(not(unix))]
    let id = {
        drop(found);
        None
    };
    Ok(id)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_known_by_its_whole_path_so_that_it_is_found_from_another_folder() {
        let file = OpenFile::at(Path::new("postroom.db"));
        assert!(
            file.path().is_absolute() && file.path().ends_with("postroom.db"),
            "{}",
            file.path().display()
        );
    }

    #[test]
    fn a_file_is_gone_when_it_was_moved_deleted_or_replaced_and_back_when_it_was_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.db"), folder.path().join("b.db"));
        fs::write(&path, "a").unwrap();
        let file = OpenFile::at(&path);
        let is_gone = || match file.check_in_place() {
            Err(Error::Store(error)) => error.trouble() == StoreTrouble::Gone,
            other => other.is_err(),
        };
        fs::write(&path, "longer").unwrap();
        assert!(!is_gone(), "only its content has changed");
        fs::rename(&path, &other).unwrap();
        assert!(is_gone());
        fs::copy(&other, &path).unwrap();
        assert!(is_gone());
        fs::rename(&other, &path).unwrap();
        assert!(!is_gone());
    }
}
