//! A page of a list: how many at the most, after how many.

/// How much of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most so many.
    pub limit: u32,
    /// After so many.
    pub offset: u64,
}

impl Page {
    /// The limit as SQL takes it.
    pub(crate) fn sql_limit(self) -> i64 {
        i64::from(self.limit)
    }

    /// The offset as SQL takes it; past 2^63 there is nothing either way.
    pub(crate) fn sql_offset(self) -> i64 {
        i64::try_from(self.offset).unwrap_or(i64::MAX)
    }
}

/// Which way a list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest or oldest first.
    Ascending,
    /// Largest or newest first.
    Descending,
}
