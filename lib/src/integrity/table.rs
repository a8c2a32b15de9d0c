//! The SQL of checksums, whatever they are over.

use crate::db::{Checksum, ReadTx, WriteTx};
use crate::error::Error;
use crate::{dkim, domain, record, webhook};

/// A table of which each row has a checksum.
pub(super) struct Checked {
    pub(super) table: &'static str,
    /// The column that names a row.
    id: &'static str,
    /// The checksum that a row must have, when the row has been compared with the one that it has, and with what was sealed.
    /// None if there is no such row any more.
    pub(super) right: fn(&ReadTx<'_>, i64) -> Result<Option<Checksum>, Error>,
}

/// Every table that has checksums.
pub(super) const CHECKED: &[Checked] = &[
    Checked { table: "domain", id: "id", right: domain::table::right_checksum },
    Checked { table: "dkim_key", id: "id", right: dkim::table::right_checksum },
    Checked { table: "webhook_key", id: "domain_id", right: webhook::right_checksum },
    Checked { table: "record", id: "id", right: record::table::right_checksum },
];

/// The next rows without a checksum.
pub(super) fn missing(tx: &ReadTx<'_>, checked: &Checked, after: i64, most: u32) -> Result<Vec<i64>, Error> {
    let Checked { table, id, .. } = checked;
    let sql = format!("SELECT {id} FROM {table} WHERE checksum IS NULL AND {id} > ?1 ORDER BY {id} LIMIT ?2");
    tx.all(&sql, (after, most), |row| row.get(0))
}

/// The next rows.
pub(super) fn ids(tx: &ReadTx<'_>, checked: &Checked, after: i64, most: u32) -> Result<Vec<i64>, Error> {
    let Checked { table, id, .. } = checked;
    let sql = format!("SELECT {id} FROM {table} WHERE {id} > ?1 ORDER BY {id} LIMIT ?2");
    tx.all(&sql, (after, most), |row| row.get(0))
}

pub(super) fn set(tx: &WriteTx<'_>, checked: &Checked, row: i64, checksum: Checksum) -> Result<(), Error> {
    let Checked { table, id, .. } = checked;
    tx.run(&format!("UPDATE {table} SET checksum = ?2 WHERE {id} = ?1"), (row, checksum))?;
    Ok(())
}
