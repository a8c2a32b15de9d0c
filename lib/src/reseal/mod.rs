//! A new master key: everything that is sealed is sealed anew, a few rows in each transaction, while the database is in use.
//!
//! [`begin`] makes the key, [`step`] seals some rows anew and ends with the old key gone. Killed at any moment, the next step goes
//! on where the last transaction ended: what is sealed names its key, and both keys are there until nothing needs the old one.
//!
//! ```
//! use postroom::reseal::{self, Progress};
//! # use postroom::db::{Options, Postroom};
//! # use postroom::settings::Settings;
//! # let folder = tempfile::tempdir()?;
//! # let options = Options::new(Settings::for_server(&"mail.example.net".parse()?));
//! # let postroom = Postroom::open(&folder.path().join("postroom.db"), options)?;
//!
//! reseal::begin(&postroom)?;
//! // In pieces, beside everything else; a change that was broken off is gone on with.
//! while let Progress::Sealed(_) = reseal::step(&postroom, 1000)? {}
//! assert!(!postroom.read(reseal::is_under_way)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod table;

use crate::db::{MasterKeyChange, Postroom, ReadTx, RotationError, SealedColumn};
use crate::error::Error;
use crate::{administrator, dkim, idempotency, mail, route, webhook};

/// Every column whose values are sealed. A test looks for one that is missing.
pub(crate) const SEALED: &[&SealedColumn] = &[
    &dkim::table::SEALED,
    &dkim::table::SEALED_SPARES,
    &webhook::table::SEALED,
    &route::table::SEALED,
    &idempotency::table::SEALED,
    &mail::table::SEALED,
    &administrator::SEALED,
];

/// How far a change of the master key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is one master key, and everything is sealed with it.
    Idle,
    /// So many values were sealed anew, and there may be more.
    Sealed(u32),
    /// Nothing is sealed with the old key any more, and its file is gone.
    Finished,
    /// Everything is sealed anew but these, which do not open with any key. The old key stays.
    Damaged(Vec<String>),
}

/// Makes a new master key in a [file](Postroom::new_master_key_file) beside the one in use, if there is none yet. It seals nothing before
/// [`begin`]: until then the file can be copied to every other machine that has this database open.
pub fn prepare(postroom: &Postroom) -> Result<(), RotationError> {
    postroom.prepare_master_key()
}

/// Makes a new master key, or takes the one that was [prepared](prepare), and seals with it from now on; or goes on with the one that was made before.
pub fn begin(postroom: &Postroom) -> Result<MasterKeyChange, RotationError> {
    postroom.begin_master_key()
}

/// Whether a change of the master key was begun and is not finished.
pub fn is_under_way(tx: &ReadTx<'_>) -> Result<bool, Error> {
    Ok(tx.master_key().known()?.len() > 1)
}

/// Seals at most so many values anew, in one transaction; if none is left, ends the change.
pub fn step(postroom: &Postroom, most: u32) -> Result<Progress, RotationError> {
    if postroom.read(|tx| tx.master_key().known())?.len() < 2 {
        postroom.forget_old_master_key()?;
        return Ok(Progress::Idle);
    }
    let (sealed, damaged) = postroom.write(|tx| {
        let known = tx.master_key().known()?;
        let Some(old) = known.get(1) else { return Ok::<_, Error>((0, Vec::new())) };
        let (mut sealed, mut damaged) = (0, Vec::new());
        for column in SEALED {
            let mut after = i64::MIN;
            while sealed < most {
                let rows = table::sealed_with(tx, column, *old, after, most - sealed)?;
                let Some(last) = rows.last() else { break };
                after = last.id;
                for row in &rows {
                    match tx.master_key().open(&row.identity, &row.sealed) {
                        Ok(plain) => {
                            table::replace(
                                tx,
                                column,
                                row.id,
                                &tx.master_key().seal(&row.identity, &plain)?,
                            )?;
                            sealed += 1;
                        }
                        Err(_) => damaged.push(row.identity.clone()),
                    }
                }
            }
        }
        Ok((sealed, damaged))
    })?;
    if sealed > 0 {
        return Ok(Progress::Sealed(sealed));
    }
    let is_needless = |tx: &crate::db::WriteTx<'_>, old| {
        for column in SEALED {
            if !table::sealed_with(tx, column, old, i64::MIN, 1)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    };
    Ok(if postroom.finish_master_key(is_needless)? { Progress::Finished } else { Progress::Damaged(damaged) })
}

/// The sealed values that do not open, by what they belong to.
pub fn unopenable(tx: &ReadTx<'_>) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for column in SEALED {
        let mut after = i64::MIN;
        loop {
            let rows = table::every(tx, column, after)?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            let shut = rows.iter().filter(|row| tx.master_key().open(&row.identity, &row.sealed).is_err());
            found.extend(shut.map(|row| row.identity.clone()));
        }
    }
    Ok(found)
}

/// The tables and columns whose values are sealed.
pub fn sealed_columns() -> impl Iterator<Item = (&'static str, &'static str)> {
    SEALED.iter().map(|column| (column.table, column.column))
}
