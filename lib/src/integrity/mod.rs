//! Damage in the file, looked for in the background: before somebody is shown what is damaged, or needs it.
//!
//! Whatever is published has a checksum, which is compared whenever it is read. A [`Round`] goes through the whole database in
//! short pieces: first the pages of each table, then the indexes, and at the end whether each key that is published is the one
//! that was sealed. It also makes the checksums of rows that are older than these are.
//!
//! ```
//! # let postroom = postroom::Postroom::open_temporary()?;
//! use postroom::integrity::{Next, Round};
//!
//! let mut round = Round::default();
//! loop {
//!     let piece = round.step(&postroom)?;
//!     assert!(piece.damage.is_empty());
//!     if piece.next == Next::Ended {
//!         break;
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use crate::db::{Depth, Postroom, ReadTx, WriteTx};
use crate::error::Error;

/// How many rows are looked at in one transaction.
const ROWS_AT_ONCE: u32 = 200;

/// A round over the whole database.
#[derive(Debug, Default)]
pub struct Round(Place);

/// Where a round is.
#[derive(Debug)]
enum Place {
    /// Rows that have no checksum yet: in this one of [`table::CHECKED`], after this row.
    Missing(usize, i64),
    /// The tables whose pages, or pages and indexes, are still to be checked.
    Tables(Depth, Vec<String>),
    /// Rows of this one of [`table::CHECKED`], after this row.
    Rows(usize, i64),
    Ended,
}

impl Default for Place {
    fn default() -> Place {
        Place::Missing(0, 0)
    }
}

/// What one piece of a round has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// A line for each thing that is damaged.
    pub damage: Vec<String>,
    /// What comes next.
    pub next: Next,
}

/// What comes after a piece of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// A piece of the quick part, with which a round begins: nothing need be waited for.
    #[default]
    Soon,
    /// A piece of the part that reads everything: there is time.
    Later,
    /// Nothing: this round has ended, and the next call begins another one.
    Ended,
}

impl Round {
    /// Does the next piece. A stop need not wait for more than one table to be read.
    pub fn step(&mut self, postroom: &Postroom) -> Result<Piece, Error> {
        match &mut self.0 {
            Place::Missing(table, after) => {
                let Some(checked) = table::CHECKED.get(*table) else {
                    self.0 = Place::Tables(Depth::Quick, postroom.tables()?);
                    return Ok(Piece::default());
                };
                let from = *after;
                let (last, damage) = postroom.write(|tx| make_missing(tx, checked, from))?;
                if let Some(last) = last {
                    *after = last;
                } else {
                    (*table, *after) = (*table + 1, 0);
                }
                Ok(Piece { damage, next: Next::Soon })
            }
            Place::Tables(depth, left) => {
                let depth = *depth;
                let next = if depth == Depth::Quick { Next::Soon } else { Next::Later };
                let damage = match left.pop() {
                    Some(table) => read_table(postroom, &table, depth)?,
                    None if depth == Depth::Quick => {
                        *left = postroom.tables()?;
                        self.0 = Place::Tables(Depth::Whole, std::mem::take(left));
                        Vec::new()
                    }
                    None => {
                        self.0 = Place::Rows(0, 0);
                        Vec::new()
                    }
                };
                Ok(Piece { damage, next })
            }
            Place::Rows(table, after) => {
                let Some(checked) = table::CHECKED.get(*table) else {
                    self.0 = Place::Ended;
                    return Ok(Piece { damage: Vec::new(), next: Next::Ended });
                };
                let from = *after;
                let (last, damage) = postroom.read(|tx| compare(tx, checked, from))?;
                if let Some(last) = last {
                    *after = last;
                } else {
                    (*table, *after) = (*table + 1, 0);
                }
                Ok(Piece { damage, next: Next::Later })
            }
            Place::Ended => {
                *self = Round::default();
                self.step(postroom)
            }
        }
    }
}

/// What is damaged in the whole database, as far as checksums and sealed keys show: for a command that waits for it.
pub fn damaged_rows(tx: &ReadTx<'_>) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for checked in table::CHECKED {
        let mut after = 0;
        loop {
            let (last, damage) = compare(tx, checked, after)?;
            found.extend(damage);
            match last {
                Some(last) => after = last,
                None => break,
            }
        }
    }
    Ok(found)
}

/// A table that cannot be read is damage, and no reason to end the round.
fn read_table(postroom: &Postroom, table: &str, depth: Depth) -> Result<Vec<String>, Error> {
    let told = |line: String| format!("{table}: {line}");
    match postroom.check_table(table, depth) {
        Ok(lines) => Ok(lines.into_iter().map(told).collect()),
        Err(error) if error.is_damage() => Ok(vec![told(error.to_string())]),
        Err(error) => Err(error),
    }
}

/// Makes the checksums of some rows that have none. Returns the last row that was looked at, or none after the last one.
fn make_missing(
    tx: &WriteTx<'_>,
    checked: &table::Checked,
    after: i64,
) -> Result<(Option<i64>, Vec<String>), Error> {
    let mut damage = Vec::new();
    let ids = table::missing(tx, checked, after, ROWS_AT_ONCE)?;
    for id in &ids {
        match (checked.right)(tx, *id) {
            Ok(Some(checksum)) => table::set(tx, checked, *id, checksum)?,
            Ok(None) => {}
            Err(error) if error.is_damage() => damage.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    Ok((ids.last().copied(), damage))
}

/// Compares some rows with their checksums, and keys with what was sealed.
fn compare(
    tx: &ReadTx<'_>,
    checked: &table::Checked,
    after: i64,
) -> Result<(Option<i64>, Vec<String>), Error> {
    let mut damage = Vec::new();
    let ids = match table::ids(tx, checked, after, ROWS_AT_ONCE) {
        Err(error) if error.is_damage() => {
            return Ok((None, vec![format!("{}: {error}", checked.table)]));
        }
        ids => ids?,
    };
    for id in &ids {
        match (checked.right)(tx, *id) {
            Err(error) if error.is_damage() => damage.push(error.to_string()),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Ok((ids.last().copied(), damage))
}
