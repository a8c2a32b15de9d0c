//! The master keys of a database: the one that seals, and while it is being replaced the one before.
//!
//! The file of the key is at its place all the time. While it is being replaced the new key lies beside it, in a file whose name
//! ends with `.new`, and the database names both keys, the newer one first. What is sealed begins with the id of its key, so it
//! opens with the one or the other. When nothing is sealed with the old key any more, the database forgets it, and the new file
//! takes the place of the old one. The database is changed first: whoever opens it in between finishes that move.

mod table;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use super::engine::Conn;
use super::open::{OpenError, beside};
use super::{Postroom, ReadTx, Row, WriteTx};
use crate::clock::Timestamp;
use crate::db::statements::Statements as _;
use crate::error::{Error, StoreError, StoreTrouble};
use crate::seal::{MasterKey, MasterKeyError, MasterKeyId, give_to_owner_of, move_over};

/// A column whose values are sealed, each for the identity of its row.
pub(crate) struct SealedColumn {
    pub(crate) table: &'static str,
    /// The column by which a row is named.
    pub(crate) row: &'static str,
    pub(crate) column: &'static str,
    /// The identity, of a row that has all of its columns.
    pub(crate) identity: fn(&Row<'_>) -> Result<String, Error>,
}

/// The keys that this process has read.
pub(super) struct MasterKeys {
    file: PathBuf,
    read: RwLock<Vec<Arc<MasterKey>>>,
}

/// The ids of the keys that have sealed something in this database, the newest first.
fn ids(conn: Conn<'_>) -> Result<Vec<MasterKeyId>, Error> {
    conn.all(table::IDS, [], |row| row.get(0))
}

/// The ids of the keys that have sealed something, the newest first; if the list of them is damaged, that of the key in the file,
/// which has sealed something here.
fn known(conn: Conn<'_>, file: &Path, key_file: &Path) -> Result<Vec<MasterKeyId>, OpenError> {
    let failed = |e: Error| OpenError::of(file, &e);
    let (known, is_damaged) = match ids(conn) {
        Err(error) if error.is_damage() => (Vec::new(), true),
        known => (known.map_err(failed)?, false),
    };
    let is_foreign = || matches!(MasterKeys::read(file, key_file, &known), Err(OpenError::KeyForeign { .. }));
    if is_damaged || (known.len() == 1 && is_foreign()) {
        let key = MasterKey::load(key_file)?.id();
        if conn.one(table::HAS_SEALED, [key], |_| Ok(())).map_err(failed)?.is_some() {
            return Ok(vec![key]);
        }
    }
    if is_damaged { ids(conn).map_err(failed) } else { Ok(known) }
}

impl MasterKeys {
    /// Finds the keys that have sealed something in this database, or makes one for a database that has sealed nothing yet.
    ///
    /// Only who has the opening lock calls this.
    pub(super) fn open(
        conn: Conn<'_>,
        file: &Path,
        key_file: &Path,
        now: Timestamp,
    ) -> Result<MasterKeys, OpenError> {
        let failed = |e: Error| OpenError::of(file, &e);
        let known = known(conn, file, key_file)?;
        if !known.is_empty() {
            settle(key_file, &known)?;
            return MasterKeys::read(file, key_file, &known);
        }
        let key = if key_file.exists() {
            MasterKey::load(key_file)?
        } else {
            let key = MasterKey::create(key_file)?;
            // A database on a server has no file.
            if file.exists() {
                give_to_owner_of(key_file, file)?;
            }
            key
        };
        conn.run(table::ADD, (key.id(), now.millis())).map_err(failed)?;
        Ok(MasterKeys { file: key_file.to_owned(), read: RwLock::new(vec![Arc::new(key)]) })
    }

    /// Refuses a database if the files do not hold every key that has sealed something in it. It changes nothing.
    pub(super) fn find_in_files(conn: Conn<'_>, file: &Path, key_file: &Path) -> Result<(), OpenError> {
        let known = known(conn, file, key_file)?;
        if known.is_empty() { Ok(()) } else { MasterKeys::read(file, key_file, &known).map(drop) }
    }

    fn read(file: &Path, key_file: &Path, known: &[MasterKeyId]) -> Result<MasterKeys, OpenError> {
        let new_file = new_file(key_file);
        let mut read = Vec::new();
        for file in [key_file, &new_file] {
            if file.exists() {
                read.push(Arc::new(MasterKey::load(file)?));
            }
        }
        let is_read = |id: &MasterKeyId| read.iter().any(|key| key.id() == *id);
        if known.iter().all(is_read) {
            Ok(MasterKeys { file: key_file.to_owned(), read: RwLock::new(read) })
        } else if !key_file.exists() {
            Err(OpenError::KeyMissing { file: file.to_owned(), key_file: key_file.to_owned() })
        } else if known.iter().any(is_read) {
            Err(OpenError::KeyMissing { file: file.to_owned(), key_file: new_file })
        } else {
            Err(OpenError::KeyForeign { file: file.to_owned(), key_file: key_file.to_owned() })
        }
    }

    /// The key with this id. Another process may have made it since the files were read.
    fn find(&self, id: MasterKeyId) -> Result<Arc<MasterKey>, Error> {
        if let Some(key) = self.read_already(id) {
            return Ok(key);
        }
        let mut unread = None;
        // The new file first: if it takes the place of the old one in between, it is found there.
        for file in [new_file(&self.file), self.file.clone()] {
            match MasterKey::load(&file) {
                Ok(key) if self.read_already(key.id()).is_none() => {
                    self.read.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(key));
                }
                Ok(_) => {}
                Err(error) if error.is_of_no_file() => {}
                Err(error) => unread = Some(error),
            }
        }
        self.read_already(id).ok_or_else(|| {
            let foreign = || "it was sealed with another master key than those that are there".to_owned();
            let text = unread.map_or_else(foreign, |error| error.to_string());
            StoreError::new(StoreTrouble::Other, text).into()
        })
    }

    fn read_already(&self, id: MasterKeyId) -> Option<Arc<MasterKey>> {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        read.iter().find(|key| key.id() == id).cloned()
    }

    /// Wipes every key from memory but this one.
    fn keep_only(&self, id: MasterKeyId) {
        self.read.write().unwrap_or_else(PoisonError::into_inner).retain(|key| key.id() == id);
    }
}

/// Where the new key lies while it replaces the one in `key_file`.
fn new_file(key_file: &Path) -> PathBuf {
    beside(key_file, ".new")
}

/// Moves the new key file to the place of the old one, if the database knows the new key alone.
fn settle(key_file: &Path, known: &[MasterKeyId]) -> Result<(), MasterKeyError> {
    let new_file = new_file(key_file);
    let [only] = known else { return Ok(()) };
    match MasterKey::load(&new_file) {
        Ok(key) if key.id() == *only => move_over(&new_file, key_file),
        // One that seals nothing yet.
        _ => Ok(()),
    }
}

/// What seals and opens secrets within one transaction.
pub(crate) struct Sealing<'a, 't> {
    tx: &'a ReadTx<'t>,
}

impl<'a, 't> Sealing<'a, 't> {
    pub(super) fn of(tx: &'a ReadTx<'t>) -> Sealing<'a, 't> {
        Sealing { tx }
    }

    /// Seals `plain` for the row that `identity` names, with the newest key that the database knows.
    ///
    /// Transactions that write follow one another, so that nothing is sealed with an older key once there is a newer one.
    pub(crate) fn seal(&self, identity: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.keys().find(self.newest()?)?.seal(identity, plain)
    }

    /// The key that seals. It is asked for once in a transaction, for whoever changes the keys seals nothing in the same one; and before
    /// the first write it may be foreseen.
    pub(crate) fn newest(&self) -> Result<MasterKeyId, Error> {
        if let Some(newest) = self.tx.seals.get() {
            return Ok(*newest);
        }
        let newest = self.known()?.first().copied();
        let newest = newest.ok_or_else(|| StoreError::new(StoreTrouble::Other, "no master key is known"))?;
        Ok(*self.tx.seals.get_or_init(|| newest))
    }

    /// Opens what was sealed for the row that `identity` names.
    pub(crate) fn open(&self, identity: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let broken = || {
            let text = format!("the secret of {identity} does not open: it was changed, moved or cut");
            Error::from(StoreError::new(StoreTrouble::Other, text))
        };
        self.keys().find(MasterKey::id_in(sealed).ok_or_else(broken)?)?.open(identity, sealed)
    }

    /// The ids of the keys that have sealed something, the newest first.
    pub(crate) fn known(&self) -> Result<Vec<MasterKeyId>, Error> {
        self.tx.all(table::IDS, [], |row| row.get(0))
    }

    fn keys(&self) -> &'a MasterKeys {
        &self.tx.postroom.master_keys
    }
}

/// How a change of the master key begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterKeyChange {
    /// There is a new key from now on.
    Begun,
    /// One was under way already, and goes on.
    Resumed,
}

/// Why the master key cannot be replaced now. Everything that is sealed opens as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// The database did not do what it was asked.
    #[error(transparent)]
    Database(#[from] Error),
    /// The database cannot be locked.
    #[error(transparent)]
    Lock(#[from] OpenError),
    /// A key file cannot be read or written.
    #[error(transparent)]
    File(#[from] MasterKeyError),
}

/// What keeps the master key from being replaced, as the database's trouble: for a background thread.
impl From<RotationError> for Error {
    fn from(error: RotationError) -> Error {
        match error {
            RotationError::Database(error) => error,
            other => StoreError::new(StoreTrouble::Other, other).into(),
        }
    }
}

impl Postroom {
    /// Where the master key lies.
    pub fn master_key_file(&self) -> &Path {
        &self.master_keys.file
    }

    /// Where a new master key lies until it has replaced the one in use.
    pub fn new_master_key_file(&self) -> PathBuf {
        new_file(&self.master_keys.file)
    }

    /// Whether this process can read the master key that seals now. If another machine has made a new one, its file must be here too.
    pub fn has_master_key(&self) -> Result<bool, Error> {
        match self.read(|tx| tx.master_key().known()) {
            // What is sound is served.
            Err(error) if error.is_damage() => Ok(true),
            known => Ok(known?.first().is_none_or(|newest| self.master_keys.find(*newest).is_ok())),
        }
    }

    /// Makes a new master key beside the old one, if there is none yet. It seals nothing before
    /// [`begin_master_key`](Self::begin_master_key).
    pub(crate) fn prepare_master_key(&self) -> Result<(), RotationError> {
        let _opening = self.engine.opening()?;
        self.new_master_key().map(drop)
    }

    /// Has a new master key seal from now on, which is made beside the old one if it is not there yet; or does nothing where that was done
    /// before and not everything is sealed with the new key yet.
    pub(crate) fn begin_master_key(&self) -> Result<MasterKeyChange, RotationError> {
        let _opening = self.engine.opening()?;
        let Some(key) = self.new_master_key()? else { return Ok(MasterKeyChange::Resumed) };
        self.write(|tx| tx.run(table::ADD, (key.id(), tx.now().millis())).map(drop))?;
        Ok(MasterKeyChange::Begun)
    }

    /// The new key beside the old one, made if it is not there; none where a change is under way. The caller has the opening lock.
    fn new_master_key(&self) -> Result<Option<MasterKey>, RotationError> {
        let key_file = &self.master_keys.file;
        let known = self.read(|tx| tx.master_key().known())?;
        if known.len() > 1 {
            return Ok(None);
        }
        settle(key_file, &known)?;
        let new_file = new_file(key_file);
        // One that was made before has sealed nothing yet.
        let key =
            if new_file.exists() { MasterKey::load(&new_file)? } else { MasterKey::create_whole(&new_file)? };
        give_to_owner_of(&new_file, key_file)?;
        Ok(Some(key))
    }

    /// Forgets the old master key if `is_needless` finds that it has sealed nothing any more, and puts the new file in its
    /// place. Returns whether the old key is gone.
    pub(crate) fn finish_master_key(
        &self,
        is_needless: impl Fn(&WriteTx<'_>, MasterKeyId) -> Result<bool, Error>,
    ) -> Result<bool, RotationError> {
        let _opening = self.engine.opening()?;
        let left = self.write(|tx| {
            let known = tx.master_key().known()?;
            if let [_, old] = known.as_slice()
                && is_needless(tx, *old)?
            {
                tx.run(table::DROP, [old])?;
            }
            tx.master_key().known()
        })?;
        settle(&self.master_keys.file, &left)?;
        Ok(left.len() == 1)
    }

    /// Wipes the old master key from memory when the database knows it no more, and puts the new file in its place, which is still to
    /// be done where another machine has ended the change.
    pub(crate) fn forget_old_master_key(&self) -> Result<(), RotationError> {
        let known = self.read(|tx| tx.master_key().known())?;
        if self.new_master_key_file().exists() {
            let _opening = self.engine.opening()?;
            settle(&self.master_keys.file, &known)?;
        }
        if let [only] = known.as_slice() {
            self.master_keys.keep_only(*only);
        }
        Ok(())
    }
}
