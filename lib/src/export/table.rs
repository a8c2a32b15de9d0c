//! The SQL of whole tables. Their names, and those of their columns, come from the database itself.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Cell, Table};
use crate::db::{FromValue, ReadTx, Row, SealedColumn, Value, WriteTx};
use crate::error::Error;
use crate::reseal;

impl FromValue for Cell {
    fn from_value(value: Value<'_>) -> Option<Cell> {
        Some(match value {
            Value::Null => Cell::Null,
            Value::Integer(number) => Cell::Number(number),
            Value::Text(text) => Cell::Text(text.to_owned()),
            Value::Blob(octets) => Cell::Octets(Zeroizing::new(octets.to_vec())),
        })
    }
}

/// The tables of the schema with their columns, by name.
pub(super) fn all(tx: &ReadTx<'_>) -> Result<Vec<Table>, Error> {
    let mut tables: Vec<Table> = Vec::new();
    for (name, column) in tx.columns()? {
        match tables.last_mut().filter(|table| table.name == name) {
            Some(table) => table.columns.push(column),
            None => tables.push(Table { name, columns: vec![column] }),
        }
    }
    Ok(tables)
}

/// Gives each row to `each`; of those with a column that `must_be_null`, only where it is.
pub(super) fn rows(
    tx: &ReadTx<'_>,
    table: &Table,
    must_be_null: Option<&str>,
    mut each: impl FnMut(&Row<'_>, Vec<Cell>) -> Result<(), Error>,
) -> Result<(), Error> {
    let condition = must_be_null.map_or(String::new(), |column| format!("WHERE {column} IS NULL"));
    let sql = format!("SELECT * FROM {} {condition}", table.name);
    let read = |row: &Row<'_>| (0..table.columns.len()).map(|place| row.get(place)).collect::<Result<_, _>>();
    tx.all(&sql, [], |row| each(row, read(row)?)).map(drop)
}

/// Puts in a row whose columns are the table's.
pub(super) fn insert(tx: &WriteTx<'_>, table: &Table, values: &BTreeMap<String, Cell>) -> Result<(), Error> {
    let columns: Vec<&str> = values.keys().map(String::as_str).collect();
    let places = vec!["?"; columns.len()].join(", ");
    let sql = format!("INSERT INTO {} ({}) VALUES ({places})", table.name, columns.join(", "));
    tx.run(&sql, values.values().cloned().collect::<Vec<Cell>>()).map(drop)
}

/// Seals each value of a column for its row that was sealed for `identity`.
pub(super) fn seal_for_rows(tx: &WriteTx<'_>, column: &SealedColumn, identity: &str) -> Result<(), Error> {
    let mut after = i64::MIN;
    loop {
        let rows = reseal::table::every(tx, column, after)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.id;
        for row in &rows {
            let plain = tx.master_key().open(identity, &row.sealed)?;
            reseal::table::replace(tx, column, row.id, &tx.master_key().seal(&row.identity, &plain)?)?;
        }
    }
}

/// Notes of every domain that its first key is still to be made.
pub(super) fn want_keys(tx: &WriteTx<'_>) -> Result<(), Error> {
    tx.run("UPDATE domain SET wants_key = 1", []).map(drop)
}

/// How many rows are read, and put in, at once.
const AT_ONCE: usize = 500;
/// How many values one statement puts in at most.
const VALUES_AT_ONCE: usize = 4000;

/// Whether there is a row.
pub(super) fn has_rows(tx: &ReadTx<'_>, table: &str) -> Result<bool, Error> {
    Ok(tx.one(&format!("SELECT 1 FROM {table} LIMIT 1"), [], |_| Ok(()))?.is_some())
}

/// Empties a table.
pub(super) fn clear(tx: &WriteTx<'_>, table: &str) -> Result<(), Error> {
    tx.run(&format!("DELETE FROM {table}"), []).map(drop)
}

/// Gives the rows of a table, some at a time where they have ids.
pub(super) fn pages(
    tx: &ReadTx<'_>,
    table: &Table,
    mut each: impl FnMut(&[Vec<Cell>]) -> Result<(), Error>,
) -> Result<(), Error> {
    let columns = table.columns.join(", ");
    let read = |row: &Row<'_>| (0..table.columns.len()).map(|place| row.get(place)).collect::<Result<_, _>>();
    let Some(id) = table.columns.iter().position(|column| column == "id") else {
        let rows: Vec<Vec<Cell>> = tx.all(&format!("SELECT {columns} FROM {}", table.name), [], read)?;
        return rows.chunks(AT_ONCE).try_for_each(each);
    };
    let sql = format!("SELECT {columns} FROM {} WHERE id > ?1 ORDER BY id LIMIT {AT_ONCE}", table.name);
    let mut after = i64::MIN;
    loop {
        let rows: Vec<Vec<Cell>> = tx.all(&sql, [after], read)?;
        let last = rows.last().and_then(|row| row.get(id));
        let Some(Cell::Number(last)) = last else { return Ok(()) };
        after = *last;
        each(&rows)?;
    }
}

/// Puts in rows that have all columns of the table.
pub(super) fn insert_many(tx: &WriteTx<'_>, table: &Table, rows: &[Vec<Cell>]) -> Result<(), Error> {
    let columns = table.columns.len().max(1);
    let places = format!("({})", vec!["?"; columns].join(", "));
    for rows in rows.chunks((VALUES_AT_ONCE / columns).max(1)) {
        let all = vec![places.as_str(); rows.len()].join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES {all}", table.name, table.columns.join(", "));
        tx.run(&sql, rows.iter().flatten().cloned().collect::<Vec<Cell>>())?;
    }
    Ok(())
}
