//! A copy of a whole database in another one, of whichever engine: every row as it is, with its sealed values.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Cell, FIRST, Table, table};
use crate::db::{Postroom, ReadTx, ToValue, Value, WriteTx};
use crate::error::{Entity, Error, StoreError, StoreTrouble};

/// Tables that triggers fill, where these run. They are copied last, in place of what triggers have counted.
const COUNTED: [&str; 4] = ["domain_total", "ledger", "list_size", "status_total"];
/// What a database has before anybody has done anything: the time, and the key that it was opened with.
const OWN: [&str; 2] = ["known_time", "master_key"];

/// How many rows of each table were copied.
pub type Counts = BTreeMap<String, u64>;

/// The number of rows, and the sum of their digests, which does not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    digest: u128,
}

impl Sum {
    fn add(&mut self, row: &[Cell]) {
        let mut hash = Sha256::new();
        for cell in row {
            let (kind, octets): (u8, Vec<u8>) = match cell.to_value() {
                Value::Null => (0, Vec::new()),
                Value::Integer(number) => (1, number.to_be_bytes().to_vec()),
                Value::Text(text) => (2, text.as_bytes().to_vec()),
                Value::Blob(octets) => (3, octets.to_vec()),
            };
            hash.update([kind]);
            hash.update((octets.len() as u64).to_be_bytes());
            hash.update(octets);
        }
        let digest =
            hash.finalize().iter().take(16).fold(0, |sum: u128, octet| sum << 8 | u128::from(*octet));
        self.rows += 1;
        self.digest = self.digest.wrapping_add(digest);
    }
}

/// Copies every row of one database into another one, which must be empty, in one transaction; and compares what is there then
/// with what was read. Both have the same master key.
///
/// `Conflict` if the other one is not empty.
pub fn copy(from: &Postroom, to: &Postroom) -> Result<Counts, Error> {
    from.read(|source| to.write(|target| copy_rows(source, target)))
}

fn copy_rows(source: &ReadTx<'_>, target: &WriteTx<'_>) -> Result<Counts, Error> {
    if source.schema_version()? != target.schema_version()? {
        return Err(other("the databases have different schemas"));
    }
    let mut tables = table::all(source)?;
    if !tables.iter().any(|table| table.name == "account") {
        return Err(other("the tables of the database to copy are not found"));
    }
    // Triggers look in the first ones for whose a row is.
    tables.sort_by_key(|table| {
        let place = FIRST.iter().position(|first| *first == table.name).unwrap_or(FIRST.len());
        (COUNTED.contains(&table.name.as_str()), place)
    });
    for table in tables.iter().filter(|table| !OWN.contains(&table.name.as_str())) {
        if table::has_rows(target, &table.name)? {
            return Err(Error::Conflict(Entity::Account));
        }
    }
    for own in OWN {
        table::clear(target, own)?;
    }
    target.defer_references()?;
    target.suspend_triggers()?;
    let mut counts = Counts::new();
    for table in &tables {
        if COUNTED.contains(&table.name.as_str()) {
            table::clear(target, &table.name)?;
        }
        let mut read = Sum::default();
        table::pages(source, table, |rows| {
            for row in rows {
                read.add(row);
            }
            table::insert_many(target, table, rows)
        })?;
        let mut written = Sum::default();
        let columns = same_columns(target, table)?;
        table::pages(target, &columns, |rows| {
            for row in rows {
                written.add(row);
            }
            Ok(())
        })?;
        if read != written {
            let text = format!("{}: {} rows were read, and others are there then", table.name, read.rows);
            return Err(other(&text));
        }
        counts.insert(table.name.clone(), read.rows);
    }
    target.resume_triggers()?;
    target.count_ids_on(&source.newest_ids()?)?;
    Ok(counts)
}

/// The table in the order of the columns that the other database has.
fn same_columns(target: &ReadTx<'_>, table: &Table) -> Result<Table, Error> {
    let found = table::all(target)?.into_iter().find(|found| found.name == table.name);
    let has_all = |found: &Table| {
        found.columns.len() == table.columns.len()
            && found.columns.iter().all(|column| table.columns.contains(column))
    };
    found
        .filter(has_all)
        .map(|_| table.clone())
        .ok_or_else(|| other(&format!("{} has other columns", table.name)))
}

fn other(text: &str) -> Error {
    StoreError::new(StoreTrouble::Other, text).into()
}
