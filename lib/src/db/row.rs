//! A row of what a statement found, whichever engine found it.

use std::cell::{Cell, RefCell};

use super::value::{FromValue, Value};
use crate::clock::Timestamp;
use crate::error::{Error, StoreError, StoreTrouble};

/// The values of one row, as an engine has them.
pub(super) trait Cells {
    /// The place of the column with this name.
    fn place(&self, name: &str) -> Option<usize>;
    /// The value in this place.
    fn value(&self, place: usize) -> Result<Value<'_>, Error>;
}

/// One row of what a statement found.
pub(crate) struct Row<'r> {
    cells: &'r dyn Cells,
    places: &'r Places,
}

impl<'r> Row<'r> {
    pub(super) fn new(cells: &'r dyn Cells, places: &'r Places) -> Row<'r> {
        places.begin_row();
        Row { cells, places }
    }

    /// The value of a column, by its name or by its place from 0.
    pub(crate) fn get<C: Column, T: FromValue>(&self, column: C) -> Result<T, Error> {
        let value = self.cells.value(column.place(self)?)?;
        T::from_value(value).ok_or_else(|| unreadable(format!("{} holds {value}", column.shown())))
    }
}

/// How a column is named: by its name or by its place.
pub(crate) trait Column: Copy {
    /// Its place in the row.
    fn place(self, row: &Row<'_>) -> Result<usize, Error>;
    /// How an error names it.
    fn shown(self) -> String;
}

impl Column for usize {
    fn place(self, _: &Row<'_>) -> Result<usize, Error> {
        Ok(self)
    }

    fn shown(self) -> String {
        format!("column {self}")
    }
}

impl Column for &'static str {
    fn place(self, row: &Row<'_>) -> Result<usize, Error> {
        row.places.find(self, row.cells).ok_or_else(|| wrong(format!("there is no column {self}")))
    }

    fn shown(self) -> String {
        format!("the column {self}")
    }
}

/// In which places a statement's columns are, learnt from its first row.
///
/// The code that reads a statement's rows names the columns in the same order for each row. So a name is compared as text
/// once for a statement; after that it is known by its address, and nearly always expected next.
#[derive(Default)]
pub(super) struct Places {
    known: RefCell<Vec<(&'static str, usize)>>,
    next: Cell<usize>,
}

impl Places {
    fn begin_row(&self) {
        self.next.set(0);
    }

    fn find(&self, name: &'static str, cells: &dyn Cells) -> Option<usize> {
        let mut known = self.known.borrow_mut();
        let is_it = |(known, _): &(&'static str, usize)| std::ptr::eq(*known, name);
        let expected = self.next.get();
        let found = Some(expected).filter(|at| known.get(*at).is_some_and(is_it));
        let at = if let Some(at) = found.or_else(|| known.iter().position(is_it)) {
            at
        } else {
            known.push((name, cells.place(name)?));
            known.len() - 1
        };
        self.next.set(at + 1);
        known.get(at).map(|(_, place)| *place)
    }
}

/// What is said of a value that this program cannot have stored.
fn unreadable(text: String) -> Error {
    StoreError::new(StoreTrouble::Damaged, text).into()
}

fn wrong(text: String) -> Error {
    StoreError::new(StoreTrouble::Other, text).into()
}

/// Reads a column whose text was parsed before it was stored.
pub(crate) fn parsed<T>(row: &Row<'_>, column: impl Column) -> Result<T, Error>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|e| unreadable(format!("{} holds what is not readable: {e}", column.shown())))
}

/// Reads a column of milliseconds.
pub(crate) fn moment(row: &Row<'_>, column: impl Column) -> Result<Timestamp, Error> {
    row.get(column).map(Timestamp::from_millis)
}

/// Reads a column of milliseconds that may be null.
pub(crate) fn moment_if_any(row: &Row<'_>, column: impl Column) -> Result<Option<Timestamp>, Error> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbers(Vec<(&'static str, i64)>, Cell<usize>);

    impl Cells for Numbers {
        fn place(&self, name: &str) -> Option<usize> {
            self.1.set(self.1.get() + 1);
            self.0.iter().position(|(known, _)| *known == name)
        }

        fn value(&self, place: usize) -> Result<Value<'_>, Error> {
            Ok(Value::Integer(self.0[place].1))
        }
    }

    #[test]
    fn a_column_is_looked_for_by_its_name_once_for_a_statement() {
        let cells = Numbers(vec![("a", 1), ("b", 2), ("c", 3)], Cell::new(0));
        let places = Places::default();
        for _ in 0..10 {
            let row = Row::new(&cells, &places);
            let found: Vec<i64> = ["c", "a", "b", "a"].iter().map(|name| row.get(*name).unwrap()).collect();
            assert_eq!(found, [3, 1, 2, 1]);
        }
        assert_eq!(cells.1.get(), 3);
        let row = Row::new(&cells, &places);
        assert_eq!(row.get::<_, i64>(1).unwrap(), 2);
        assert!(row.get::<_, i64>("d").is_err() && row.get::<_, String>("a").is_err());
    }
}
