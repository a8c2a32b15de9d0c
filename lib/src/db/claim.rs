//! The claim of a server on its database, and the note that it leaves for others.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::open::{beside, is_locked, lock_file};
use super::{OpenError, Postroom};

/// The file that a server has locked.
const LOCK: &str = ".lock";
/// How long a note is. It is written over the one before, so that it needs no room on a full disk.
const NOTE_OCTETS: usize = 64;

/// The right to serve a file. Dropping it gives it back, and so does the end of the process, even by a kill.
#[derive(Debug)]
pub struct Claim {
    /// None on a server, which many may serve.
    lock: Option<File>,
}

impl Postroom {
    /// Claims the file for serving until the claim is dropped. Fails while another process holds the claim. A database on a
    /// server may be served by many.
    pub fn claim(&self) -> Result<Claim, OpenError> {
        if !self.is_at_hand() {
            return Ok(Claim { lock: None });
        }
        let lock = lock_file(&self.place, LOCK)?;
        match lock.try_lock() {
            Ok(()) => Ok(Claim { lock: Some(lock) }),
            Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::Claimed { file: self.place.clone() }),
            Err(std::fs::TryLockError::Error(source)) => {
                Err(OpenError::Unusable { file: self.place.clone(), source })
            }
        }
    }
}

impl Claim {
    /// Leaves a note of at most 64 octets for [`note_of_server`], in the place of the one before.
    pub fn leave_note(&self, note: &str) -> io::Result<()> {
        let Some(mut lock) = self.lock.as_ref() else { return Ok(()) };
        let mut octets: Vec<u8> = note.bytes().take(NOTE_OCTETS).collect();
        octets.resize(NOTE_OCTETS, b' ');
        lock.seek(SeekFrom::Start(0))?;
        lock.write_all(&octets)
    }
}

/// Whether a server has claimed this database.
pub(super) fn is_served(database: &Path) -> bool {
    is_locked(&beside(database, LOCK))
}

/// The note that the server of this database has left, or the last one that ran; none if there is none.
pub fn note_of_server(database: &Path) -> Option<String> {
    let mut note = String::new();
    let lock = File::open(beside(database, LOCK)).ok()?;
    lock.take(NOTE_OCTETS as u64).read_to_string(&mut note).ok()?;
    let note = note.trim_end();
    (!note.is_empty()).then(|| note.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_takes_the_place_of_the_one_before_and_outlives_the_claim() {
        let postroom = Postroom::open_temporary().unwrap();
        let file = postroom.file().to_owned();
        let claim = postroom.claim().unwrap();
        assert_eq!(note_of_server(&file), None);
        claim.leave_note("a long note").unwrap();
        claim.leave_note("short").unwrap();
        assert_eq!(note_of_server(&file).as_deref(), Some("short"));
        drop(claim);
        assert_eq!(note_of_server(&file).as_deref(), Some("short"));
    }
}
