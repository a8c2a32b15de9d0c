//! The SQL of sealed columns, whichever they are.

use crate::db::{ReadTx, Row, SealedColumn, WriteTx};
use crate::error::Error;
use crate::seal::MasterKeyId;

/// A sealed value, and the row that it belongs to.
pub(crate) struct SealedRow {
    pub(crate) id: i64,
    pub(crate) identity: String,
    pub(crate) sealed: Vec<u8>,
}

/// The next values that this key has sealed, by row. An index has their ids.
pub(super) fn sealed_with(
    tx: &ReadTx<'_>,
    column: &SealedColumn,
    key: MasterKeyId,
    after: i64,
    most: u32,
) -> Result<Vec<SealedRow>, Error> {
    let SealedColumn { table, row: id, column: name, .. } = column;
    let sql = format!(
        "SELECT {id} AS row_id, * FROM {table}
         WHERE {name} IS NOT NULL AND substr({name}, 1, 8) = ?1 AND {id} > ?2 ORDER BY {id} LIMIT ?3"
    );
    tx.all(&sql, (key, after, most), |row| sealed_row(column, row))
}

/// The next values, whichever key has sealed them.
pub(crate) fn every(tx: &ReadTx<'_>, column: &SealedColumn, after: i64) -> Result<Vec<SealedRow>, Error> {
    let SealedColumn { table, row: id, column: name, .. } = column;
    let sql = format!(
        "SELECT {id} AS row_id, * FROM {table} WHERE {name} IS NOT NULL AND {id} > ?1 ORDER BY {id} LIMIT 100"
    );
    tx.all(&sql, [after], |row| sealed_row(column, row))
}

pub(crate) fn replace(tx: &WriteTx<'_>, column: &SealedColumn, row: i64, sealed: &[u8]) -> Result<(), Error> {
    let SealedColumn { table, row: id, column: name, .. } = column;
    tx.run(&format!("UPDATE {table} SET {name} = ?2 WHERE {id} = ?1"), (row, sealed))?;
    Ok(())
}

fn sealed_row(column: &SealedColumn, row: &Row<'_>) -> Result<SealedRow, Error> {
    Ok(SealedRow {
        id: row.get("row_id")?,
        identity: (column.identity)(row)?,
        sealed: row.get(column.column)?,
    })
}
