//! A whole database as rows, to be taken into another one: for leaving, and for moving to another machine or engine.
//!
//! [`write()`] gives every row to a function, [`read()`] puts rows into an empty database. The hashes of API keys and tokens are among
//! them, so that these keep working. What is sealed can go along opened ([`Secrets::Opened`]): then what is written must
//! be kept as a private key is. Else the private keys stay behind, and domains get new ones where they arrive.
//!
//! Answers that are kept for repeats, and spare keys, are worth nothing elsewhere and stay behind in any case.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::export::{self, Secrets};
//!
//! let mut rows = 0;
//! postroom.read(|tx| {
//!     for table in export::tables(tx, Secrets::LeftBehind)? {
//!         export::write(tx, &table, Secrets::LeftBehind, |_| {
//!             rows += 1;
//!             Ok(())
//!         })?;
//!     }
//!     Ok::<_, postroom::Error>(())
//! })?;
//! assert!(rows > 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod copy;
mod table;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::account::{self, Caller};
use crate::db::{ReadTx, SealedColumn, ToValue, Value, WriteTx};
use crate::domain::{self, Order};
use crate::error::{Entity, Error, StoreError, StoreTrouble};
use crate::event::Actor;
use crate::page::{Direction, Page};
use crate::reseal::SEALED;
use crate::{signing, webhook};

pub use self::copy::{Counts, copy};

/// Tables that stay behind: what this database alone needs, what lives for minutes, and what is counted anew.
const LEFT_BEHIND: [&str; 17] = [
    "administrator",
    "applied_setting",
    "day_count",
    "domain_total",
    "idempotency",
    "known_time",
    "ledger",
    "list_size",
    "login_link",
    "master_key",
    "passkey",
    "recovery_code",
    "session",
    "setup_link",
    "spare_key",
    "status_total",
    "webhook_call",
];
/// Tables that are filled before the others, in this order: triggers look in them for whose a row is.
const FIRST: [&str; 3] = ["account", "domain", "recipient"];
/// What is of no use without private keys, and the column by whose value one tells; none if all of the table is.
const OF_KEYS: [(&str, Option<&str>); 2] = [("record", Some("dkim_key_id")), ("rotation", None)];
/// What values are sealed for while their row is not whole.
const IN_TRANSIT: &str = "a value on its way into the database";

/// Whether what is sealed goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// It stays behind.
    LeftBehind,
    /// It goes along opened.
    Opened,
}

/// One value of a row.
#[derive(Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A number, a moment in milliseconds, or a flag.
    Number(i64),
    /// A text.
    Text(String),
    /// Octets: a hash, a public key, or an opened secret.
    Octets(Zeroizing<Vec<u8>>),
}

impl ToValue for Cell {
    fn to_value(&self) -> Value<'_> {
        match self {
            Cell::Null => Value::Null,
            Cell::Number(number) => Value::Integer(*number),
            Cell::Text(text) => Value::Text(text),
            Cell::Octets(octets) => Value::Blob(octets),
        }
    }
}

/// A table, and its columns in the order in which its rows have their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Those of its primary key, in the order of that.
    keys: Vec<String>,
    /// Those that have texts or octets.
    long: Vec<String>,
}

/// The version of the schema, which must be that of the database that takes the rows.
pub fn version(tx: &ReadTx<'_>) -> Result<u32, Error> {
    tx.schema_version()
}

/// The tables whose rows are written, by name.
pub fn tables(tx: &ReadTx<'_>, secrets: Secrets) -> Result<Vec<Table>, Error> {
    let mut tables = table::all(tx)?;
    tables.retain(|table| {
        let needs_keys = secrets == Secrets::LeftBehind
            && (OF_KEYS.contains(&(table.name.as_str(), None)) || sealed(&table.name).is_some_and(is_needed));
        !LEFT_BEHIND.contains(&table.name.as_str()) && !needs_keys
    });
    Ok(tables)
}

/// Gives each row of a table to `row`, one after the other. If `row` fails, that is the end.
pub fn write(
    tx: &ReadTx<'_>,
    table: &Table,
    secrets: Secrets,
    mut row: impl FnMut(&[Cell]) -> Result<(), Error>,
) -> Result<(), Error> {
    let without = OF_KEYS.iter().find(|(name, _)| *name == table.name && secrets == Secrets::LeftBehind);
    let must_be_null = without.and_then(|(_, column)| *column);
    table::rows(tx, table, must_be_null, |found, mut values| {
        if let Some(column) = sealed(&table.name) {
            let at = table.columns.iter().position(|name| name == column.column);
            if let Some(value) = at.and_then(|at| values.get_mut(at)) {
                *value = match (&*value, secrets) {
                    (Cell::Octets(sealed), Secrets::Opened) => {
                        Cell::Octets(tx.master_key().open(&(column.identity)(found)?, sealed)?)
                    }
                    _ => Cell::Null,
                };
            }
        }
        row(&values)
    })
}

/// Whether rows can be taken: there is no account yet.
pub fn is_empty(tx: &ReadTx<'_>) -> Result<bool, Error> {
    Ok(account::list(tx)?.is_empty())
}

/// Puts rows into an empty database. `next` gives one row after the other: its table's name, and its values by column.
///
/// `Conflict` if there is an account already. `Invalid` if a row does not fit. All of it is one transaction.
pub fn read(
    tx: &WriteTx<'_>,
    secrets: Secrets,
    rows: impl IntoIterator<Item = (String, BTreeMap<String, Cell>)>,
) -> Result<(), Error> {
    if !is_empty(tx)? {
        return Err(Error::Conflict(Entity::Account));
    }
    // Rows that refer to each other come in any order.
    tx.defer_references()?;
    let known = tables(tx, secrets)?;
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(name, _)| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
    for (name, mut values) in rows {
        let table = known.iter().find(|table| table.name == name);
        let table =
            table.ok_or_else(|| Error::invalid("export", format_args!("there is no table {name}")))?;
        if let Some(column) = values.keys().find(|column| !table.columns.contains(column)) {
            let reason = format_args!("the table {name} has no column {column}");
            return Err(Error::invalid("export", reason));
        }
        if let Some(value) = sealed(&name).and_then(|column| values.get_mut(column.column))
            && let Cell::Octets(opened) = value
        {
            // Sealed for its row when that is there: opened it is never on disk.
            *value = Cell::Octets(Zeroizing::new(tx.master_key().seal(IN_TRANSIT, opened)?));
        }
        table::insert(tx, table, &values)?;
    }
    tx.count_ids_on(&[])?;
    domain::total::add_all(tx)?;
    for column in SEALED {
        table::seal_for_rows(tx, column, IN_TRANSIT)?;
    }
    if secrets == Secrets::LeftBehind { make_new_keys(tx) } else { Ok(()) }
}

/// Has each domain get keys of its own in the place of those that stayed behind.
fn make_new_keys(tx: &WriteTx<'_>) -> Result<(), Error> {
    table::want_keys(tx)?;
    for account in account::list(tx)? {
        let caller = Caller::operator(account.id);
        let page = Page { limit: u32::MAX, offset: 0 };
        for domain in domain::list(tx, &caller, Order::Id, Direction::Ascending, page)? {
            webhook::create(tx, &domain)?;
            signing::follow(tx, &Actor::Operator, domain.id)?;
        }
    }
    Ok(())
}

/// The sealed column of a table.
fn sealed(table: &str) -> Option<&'static SealedColumn> {
    SEALED.iter().find(|column| column.table == table).copied()
}

/// Whether a row is nothing without its sealed value: a private key. A route goes on without the secret of its webhook.
fn is_needed(column: &SealedColumn) -> bool {
    column.column == "sealed"
}

/// What a caller's own function of rows could not do, such as write a file.
pub fn refused(reason: impl std::fmt::Display) -> Error {
    StoreError::new(StoreTrouble::Other, reason.to_string()).into()
}
