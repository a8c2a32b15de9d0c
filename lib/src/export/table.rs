//! The SQL of whole tables. Their names, and those of their columns, come from the database itself.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Cell, Table};
use crate::db::{FromValue, ReadTx, Row, SealedColumn, TableColumn, Value, WriteTx};
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
    let columns = tx.columns()?;
    for of_table in columns.chunk_by(|one, next| one.table == next.table) {
        let mut keys: Vec<_> = of_table.iter().filter(|column| column.place_in_key > 0).collect();
        keys.sort_by_key(|column| column.place_in_key);
        let names = |columns: Vec<&TableColumn>| columns.iter().map(|column| column.name.clone()).collect();
        tables.extend(of_table.first().map(|first| Table {
            name: first.table.clone(),
            columns: names(of_table.iter().collect()),
            keys: names(keys),
            long: names(of_table.iter().filter(|column| column.is_long).collect()),
        }));
    }
    Ok(tables)
}

/// Gives each row to `each`, in the order of the primary key; of those with a column that `must_be_null`, only where it is.
pub(super) fn rows(
    tx: &ReadTx<'_>,
    table: &Table,
    must_be_null: Option<&str>,
    mut each: impl FnMut(&Row<'_>, Vec<Cell>) -> Result<(), Error>,
) -> Result<(), Error> {
    let condition = must_be_null.map_or(String::new(), |column| format!("WHERE {column} IS NULL"));
    let order =
        if table.keys.is_empty() { String::new() } else { format!("ORDER BY {}", table.keys.join(", ")) };
    let sql = format!("SELECT * FROM {} {condition} {order}", table.name);
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
const AT_ONCE: i64 = 500;
/// How many octets these have together at most; a row that has more is read alone.
const OCTETS_AT_ONCE: i64 = 8 * 1024 * 1024;
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

/// Gives the rows of a table in the order of its primary key, some at a time; all at once where it has none.
pub(super) fn pages(
    tx: &ReadTx<'_>,
    table: &Table,
    mut each: impl FnMut(&[Vec<Cell>]) -> Result<(), Error>,
) -> Result<(), Error> {
    let (columns, keys) = (table.columns.join(", "), table.keys.join(", "));
    // A number first, for a table without such columns.
    let lengths = table.long.iter().map(|column| format!("coalesce(octet_length({column}), 0)"));
    let lengths: Vec<String> = std::iter::once("CAST(0 AS BIGINT)".to_owned()).chain(lengths).collect();
    let lengths = lengths.join(" + ");
    let read = |row: &Row<'_>| (0..table.columns.len()).map(|place| row.get(place)).collect::<Result<_, _>>();
    let in_key: Vec<usize> =
        table.keys.iter().filter_map(|key| table.columns.iter().position(|column| column == key)).collect();
    if table.keys.is_empty() {
        // Such a table has a few small rows.
        let rows: Vec<Vec<Cell>> = tx.all(&format!("SELECT {columns} FROM {}", table.name), [], read)?;
        return if rows.is_empty() { Ok(()) } else { each(&rows) };
    }
    let mut after: Vec<Cell> = Vec::new();
    loop {
        let behind = if after.is_empty() {
            String::new()
        } else {
            format!("WHERE ({keys}) > ({})", vec!["?"; after.len()].join(", "))
        };
        let some = format!("FROM {} {behind} ORDER BY {keys} LIMIT ?", table.name);
        let params = |limit| [after.as_slice(), &[Cell::Number(limit)]].concat();
        // How long rows are is asked first, for that reads none of what is long.
        let sql = format!("SELECT {lengths} {some}");
        let fitting = fitting(&tx.all(&sql, params(AT_ONCE), |row| row.get(0))?);
        if fitting == 0 {
            return Ok(());
        }
        let rows: Vec<Vec<Cell>> = tx.all(&format!("SELECT {columns} {some}"), params(fitting), read)?;
        after = rows.last().map_or_else(Vec::new, |last| {
            in_key.iter().filter_map(|place| last.get(*place).cloned()).collect()
        });
        each(&rows)?;
    }
}

/// How many rows of these lengths are read at once: at least one, if there is one.
fn fitting(lengths: &[i64]) -> i64 {
    let mut octets = 0_i64;
    let beyond = |length: &&i64| {
        octets = octets.saturating_add(**length);
        octets <= OCTETS_AT_ONCE
    };
    let fitting = lengths.iter().take_while(beyond).count().max(1).min(lengths.len());
    i64::try_from(fitting).unwrap_or(AT_ONCE)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account;
    use crate::db::Postroom;
    use crate::export::copy;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn large_rows_are_read_a_few_at_a_time_and_copied_whole() {
        let postroom = Postroom::open_temporary().unwrap();
        let lengths = || [[3 * MIB; 6].as_slice(), &[9 * MIB], &[1; 600]].concat().into_iter();
        postroom
            .write(|tx| {
                let account = account::create(tx, "acme")?.id.number();
                for (number, length) in (1..).zip(lengths()) {
                    let sql = "INSERT INTO report (id, account_id, kind, octets, filed_at) VALUES (?1, ?2, ?3, ?4, 1)";
                    let octets = i64::try_from(length).unwrap_or_default();
                    tx.run(sql, (number, account, "false_positive", octets))?;
                    let sql = "INSERT INTO report_message (report_id, octets) VALUES (?, ?)";
                    let content = Cell::Octets(Zeroizing::new(vec![7; length]));
                    tx.run(sql, vec![Cell::Number(number), content])?;
                }
                Ok::<_, Error>(())
            })
            .unwrap();
        let mut read: Vec<Vec<usize>> = Vec::new();
        postroom
            .read(|tx| {
                let tables = all(tx)?;
                let table = tables.iter().find(|table| table.name == "report_message").unwrap();
                pages(tx, table, |rows| {
                    let length = |row: &Vec<Cell>| match &row[1] {
                        Cell::Octets(octets) => octets.len(),
                        _ => 0,
                    };
                    read.push(rows.iter().map(length).collect());
                    Ok(())
                })
            })
            .unwrap();
        assert_eq!(read.concat(), lengths().collect::<Vec<_>>());
        let rows: Vec<usize> = read.iter().map(Vec::len).collect();
        assert_eq!(rows, [2, 2, 2, 1, 500, 100], "each has 8 MiB at most, or one row");
        let counts = copy(&postroom, &Postroom::open_temporary().unwrap()).unwrap();
        assert_eq!(counts["report_message"], 607);
    }
}
