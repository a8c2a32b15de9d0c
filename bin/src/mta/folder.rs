//! The folder of the sockets, and who may use them.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Why the sockets cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another bridge has it.
    #[error("another bridge runs in {}", .0.display())]
    Taken(PathBuf),
    /// No such group on this machine.
    #[error("there is no group \"{0}\" in /etc/group; set bridge.group to the group of your mail server")]
    NoGroup(String),
    /// The system refused.
    #[error("{} cannot be used: {source}", file.display())]
    Unusable {
        /// What cannot be used.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The folder, as long as this process has it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    group: u32,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there, and takes it for this process.
    pub fn take(path: &Path, group: &str) -> Result<Folder, FolderError> {
        let failed = |file: &Path| {
            let file = file.to_owned();
            move |source| FolderError::Unusable { file, source }
        };
        let group_id = group_id(group)?.ok_or_else(|| FolderError::NoGroup(group.to_owned()))?;
        match fs::DirBuilder::new().mode(0o750).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(path)(error)),
            _ => {}
        }
        let lock_file = path.join("lock");
        let lock = File::options().create(true).write(true).truncate(false).open(&lock_file);
        let lock = lock.map_err(failed(&lock_file))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => FolderError::Taken(path.to_owned()),
            TryLockError::Error(source) => failed(&lock_file)(source),
        })?;
        fs::set_permissions(path, Permissions::from_mode(0o750)).map_err(failed(path))?;
        chown(path, None, Some(group_id)).map_err(failed(path))?;
        Ok(Folder { path: path.to_owned(), group: group_id, _lock: lock })
    }

    /// Whether a process has the folder at this path.
    pub fn is_taken(path: &Path) -> bool {
        let lock = File::options().write(true).open(path.join("lock"));
        lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// A socket in the folder. One that a killed process left is replaced.
    pub fn listen(&self, name: &str) -> Result<UnixListener, FolderError> {
        let file = self.path.join(name);
        let made = self.bind(&file);
        made.map_err(|source| FolderError::Unusable { file, source })
    }

    fn bind(&self, file: &Path) -> io::Result<UnixListener> {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Nobody else reaches it before its mode is set, for the folder is closed to others.
        let listener = UnixListener::bind(file)?;
        fs::set_permissions(file, Permissions::from_mode(0o660))?;
        chown(file, None, Some(self.group))?;
        Ok(listener)
    }

    /// Removes a socket.
    pub fn remove(&self, name: &str) {
        // Where it cannot be removed it is replaced at the next start.
        let _ = fs::remove_file(self.path.join(name));
    }
}

/// The number of a group, by its name or number.
fn group_id(group: &str) -> Result<Option<u32>, FolderError> {
    if let Ok(number) = group.parse() {
        return Ok(Some(number));
    }
    let file = PathBuf::from("/etc/group");
    let text = fs::read_to_string(&file).map_err(|source| FolderError::Unusable { file, source })?;
    let line = text.lines().find(|line| line.split(':').next() == Some(group));
    Ok(line.and_then(|line| line.split(':').nth(2)?.parse().ok()))
}
