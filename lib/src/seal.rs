//! The master key, and the sealing of secrets that must be kept: DKIM and webhook private keys.
//!
//! A sealed secret is `key id (8) ‖ nonce (24) ‖ ciphertext and tag` of XChaCha20-Poly1305, with the identity of its row as
//! associated data, so a row's secret cannot be opened in another row. The master key is outside the database, in its own
//! file with mode 0600, so nobody can open the secrets in a copied database or a backup.
//!
//! ```
//! use postroom::seal::MasterKey;
//!
//! # let folder = tempfile::tempdir()?;
//! let file = folder.path().join("postroom.key");
//! MasterKey::create(&file)?;
//! MasterKey::load(&file)?;
//! // It is made once and never written over.
//! assert!(MasterKey::create(&file).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, StoreError, StoreTrouble};
use crate::secret::fill_random;

/// What names a master key, at the start of all that it has sealed.
pub(crate) type MasterKeyId = [u8; KEY_ID_OCTETS];

const KEY_OCTETS: usize = 32;
const KEY_ID_OCTETS: usize = 8;
const NONCE_OCTETS: usize = 24;
/// The start of every key file, so that another file is not mistaken for one.
const FILE_HEADER: &str = "postroom-master-key-v1 ";

/// The key that seals. It is wiped when dropped, and never printed.
pub struct MasterKey {
    cipher: XChaCha20Poly1305,
    id: [u8; KEY_ID_OCTETS],
}

impl MasterKey {
    /// The key made of these octets.
    pub fn from_octets(octets: &[u8; KEY_OCTETS]) -> MasterKey {
        let mut hash = Sha256::new();
        hash.update(b"postroom master key id");
        hash.update(octets);
        let mut id = [0; KEY_ID_OCTETS];
        id.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        MasterKey { cipher: XChaCha20Poly1305::new(octets.into()), id }
    }

    /// Reads the key in `file`.
    pub fn load(file: &Path) -> Result<MasterKey, MasterKeyError> {
        let unreadable = |source| MasterKeyError::Unreadable { file: file.to_owned(), source };
        let mut text = Zeroizing::new(String::with_capacity(128));
        // A key file is one short line. Of another file we read only enough to see that it is not a key file.
        let read = fs::File::open(file).map_err(unreadable)?.take(1024).read_to_string(&mut text);
        match read {
            Err(e) if e.kind() != io::ErrorKind::InvalidData => return Err(unreadable(e)),
            _ => {}
        }
        refuse_if_others_can_read(file)?;
        let malformed = || MasterKeyError::Malformed { file: file.to_owned() };
        let encoded = text.trim().strip_prefix(FILE_HEADER).ok_or_else(malformed)?;
        let octets = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| malformed())?);
        let octets: &[u8; KEY_OCTETS] = octets.as_slice().try_into().map_err(|_| malformed())?;
        Ok(MasterKey::from_octets(octets))
    }

    /// Makes a new key and writes it to `file`, which must not be there yet, with mode 0600.
    pub fn create(file: &Path) -> Result<MasterKey, MasterKeyError> {
        let unwritable = |source| MasterKeyError::Unwritable { file: file.to_owned(), source };
        let mut octets = Zeroizing::new([0_u8; KEY_OCTETS]);
        fill_random(octets.as_mut_slice()).map_err(|e| unwritable(io::Error::other(e.to_string())))?;
        let line = Zeroizing::new(format!("{FILE_HEADER}{}\n", STANDARD.encode(octets.as_slice())));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut handle = options.open(file).map_err(unwritable)?;
        // All secrets sealed from now on are lost without this file, so both its content and its name must be on disk.
        let written = handle.write_all(line.as_bytes()).and_then(|()| handle.sync_all());
        written.map_err(|source| {
            // It is this call's, and no key: an empty file would stand in the way of the next one.
            let _ = fs::remove_file(file);
            unwritable(source)
        })?;
        let directory = file.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(directory).and_then(|d| d.sync_all()).map_err(unwritable)?;
        Ok(MasterKey::from_octets(&octets))
    }

    /// Makes a new key and writes it to `file`, which is there whole or not at all, whenever this is killed.
    pub(crate) fn create_whole(file: &Path) -> Result<MasterKey, MasterKeyError> {
        let mut part = file.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let unwritable = |source| MasterKeyError::Unwritable { file: part.clone(), source };
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(error)),
            _ => {}
        }
        let key = MasterKey::create(&part)?;
        move_over(&part, file)?;
        Ok(key)
    }

    /// The id of the key that has sealed this.
    pub(crate) fn id_in(sealed: &[u8]) -> Option<MasterKeyId> {
        sealed.first_chunk().copied()
    }

    /// The key's id, which does not reveal the key.
    pub(crate) fn id(&self) -> MasterKeyId {
        self.id
    }

    /// Seals `plain` for the row that `identity` names.
    pub(crate) fn seal(&self, identity: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0_u8; NONCE_OCTETS];
        fill_random(&mut nonce)?;
        let payload = Payload { msg: plain, aad: identity.as_bytes() };
        let ciphertext = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::new(StoreTrouble::Other, "a secret could not be sealed"))?;
        Ok([self.id.as_slice(), &nonce, &ciphertext].concat())
    }

    /// Opens what was sealed for the row that `identity` names.
    pub(crate) fn open(&self, identity: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let broken = || {
            let text = format!("the secret of {identity} does not open: it was changed, moved or cut");
            Error::from(StoreError::new(StoreTrouble::Damaged, text))
        };
        let (id, rest) = sealed.split_at_checked(KEY_ID_OCTETS).ok_or_else(broken)?;
        if id != self.id {
            let text = format!("the secret of {identity} was sealed with another master key");
            return Err(StoreError::new(StoreTrouble::Other, text).into());
        }
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_OCTETS).ok_or_else(broken)?;
        let nonce: [u8; NONCE_OCTETS] = nonce.try_into().map_err(|_| broken())?;
        let payload = Payload { msg: ciphertext, aad: identity.as_bytes() };
        let plain = self.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| broken())?;
        Ok(Zeroizing::new(plain))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey[redacted]")
    }
}

/// Gives a key file another name, in place of whatever has that name; on disk when this returns.
pub(crate) fn move_over(from: &Path, to: &Path) -> Result<(), MasterKeyError> {
    let unwritable = |source| MasterKeyError::Unwritable { file: to.to_owned(), source };
    fs::rename(from, to).map_err(unwritable)?;
    let directory = to.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(directory).and_then(|d| d.sync_all()).map_err(unwritable)
}

/// Gives a new key file to the user and the group that own `like`, so that whoever reads the database reads the key too,
/// also where root makes it. A file that cannot be given away is deleted again: nothing is sealed with it yet.
pub(crate) fn give_to_owner_of(file: &Path, like: &Path) -> Result<(), MasterKeyError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, chown};
        let unreadable = |file: &Path| {
            let file = file.to_owned();
            move |source| MasterKeyError::Unreadable { file, source }
        };
        let own = fs::metadata(file).map_err(unreadable(file))?;
        let wanted = fs::metadata(like).map_err(unreadable(like))?;
        if (own.uid(), own.gid()) != (wanted.uid(), wanted.gid()) {
            chown(file, Some(wanted.uid()), Some(wanted.gid())).map_err(|source| {
                // If this fails too, the next one who makes a key finds the file, and gives it away.
                let _ = fs::remove_file(file);
                MasterKeyError::NotGiven { like: like.to_owned(), owner: wanted.uid(), source }
            })?;
        }
    }
    #[cfg(not(unix))]
    let _ = (file, like);
    Ok(())
}

#[cfg(unix)]
fn refuse_if_others_can_read(file: &Path) -> Result<(), MasterKeyError> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let unreadable = |source| MasterKeyError::Unreadable { file: file.to_owned(), source };
    let found = fs::metadata(file).map_err(unreadable)?;
    // systemd gives a service its credentials as root's files, in root's group, with an access list for the service's user. The
    // mode shows that list as a right of the group.
    let allowed = if found.uid() == 0 && found.gid() == 0 { 0o040 } else { 0 };
    let by_others = found.permissions().mode() & 0o077 & !allowed;
    if by_others == 0 { Ok(()) } else { Err(MasterKeyError::Exposed { file: file.to_owned() }) }
}

#[cfg(not(unix))]
fn refuse_if_others_can_read(_: &Path) -> Result<(), MasterKeyError> {
    Ok(())
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// The file cannot be read.
    #[error("the master key {} cannot be read: {source}", file.display())]
    Unreadable {
        /// The key file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("the master key {} cannot be written: {source}", file.display())]
    Unwritable {
        /// The key file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} is not a Postroom master key, or not a whole one", file.display())]
    Malformed {
        /// The key file.
        file: PathBuf,
    },
    /// A new key file cannot be given to the user who has the one before, or the database.
    #[error("{} belongs to the user with the id {owner}, and a new master key cannot be given to that user ({source}); run this \
             as that user", like.display())]
    NotGiven {
        /// The file whose owner the new one should have.
        like: PathBuf,
        /// The id of that owner.
        owner: u32,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner can read the file.
    #[error("the master key {0} can be read by others; run: chmod 600 {0}", file.display())]
    Exposed {
        /// The key file.
        file: PathBuf,
    },
}

impl MasterKeyError {
    /// Whether there is no file at all.
    pub(crate) fn is_of_no_file(&self) -> bool {
        matches!(self, MasterKeyError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_in_its_own_row_alone() {
        let key = MasterKey::from_octets(&[7; 32]);
        let sealed = key.seal("webhook_key 1", b"seed").unwrap();
        assert_eq!(key.open("webhook_key 1", &sealed).unwrap().as_slice(), b"seed");
        assert!(key.open("webhook_key 2", &sealed).is_err());
        assert!(MasterKey::from_octets(&[8; 32]).open("webhook_key 1", &sealed).is_err());
        for cut in 0..sealed.len() {
            assert!(key.open("webhook_key 1", &sealed[..cut]).is_err());
        }
        assert!(!sealed.windows(4).any(|window| window == b"seed"));
        assert_eq!(format!("{key:?}"), "MasterKey[redacted]");
    }

    #[test]
    fn a_key_file_is_private_reads_back_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k");
        let made = MasterKey::create(&file).unwrap();
        assert_eq!(MasterKey::load(&file).unwrap().id(), made.id());
        assert!(matches!(MasterKey::create(&file), Err(MasterKeyError::Unwritable { .. })));
        fs::write(&file, [0xff; 2000]).unwrap();
        assert!(matches!(MasterKey::load(&file), Err(MasterKeyError::Malformed { .. })));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
            assert!(matches!(MasterKey::load(&file), Err(MasterKeyError::Exposed { .. })));
        }
    }
}
