//! How statements are run, on a connection of either engine.
//!
//! What depends on the type that a row becomes is small, and all that an engine does is behind it: else the code of both engines would
//! be made anew for each statement of the library.

use super::params::Params;
use super::row::Row;
use crate::error::Error;

/// What takes one row after the other, and says whether it wants another one.
pub(super) type Take<'t> = dyn FnMut(&Row<'_>) -> Result<bool, Error> + 't;

/// What runs statements.
pub(super) trait Statements {
    /// Calls `take` with each row, as long as it wants another one.
    fn each(&self, sql: &str, params: &dyn Params, take: &mut Take<'_>) -> Result<(), Error>;

    /// Runs a statement and returns how many rows it touched.
    fn touch(&self, sql: &str, params: &dyn Params) -> Result<usize, Error>;

    /// The first row, if there is one.
    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let (mut map, mut found) = (Some(map), None);
        self.each(sql, &params, &mut |row| {
            found = map.take().map(|map| map(row)).transpose()?;
            Ok(false)
        })?;
        Ok(found)
    }

    /// Every row.
    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        self.each(sql, &params, &mut |row| {
            found.push(map(row)?);
            Ok(true)
        })?;
        Ok(found)
    }

    /// Runs a statement and returns how many rows it touched.
    fn run(&self, sql: &str, params: impl Params) -> Result<usize, Error> {
        self.touch(sql, &params)
    }
}
