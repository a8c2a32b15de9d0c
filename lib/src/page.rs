//! A page of a list: how many at the most, after how many.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::domain::Order;
//! use postroom::page::{Direction, Page};
//!
//! let first = Page { limit: 50, offset: 0 };
//! let names = postroom.read(|tx| {
//!     let domains = domain::list(tx, &caller, Order::Created, Direction::Descending, first)?;
//!     Ok::<_, postroom::Error>(domains.iter().map(|domain| domain.name.to_string()).collect::<Vec<_>>())
//! })?;
//! assert_eq!(names, ["example.com"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
