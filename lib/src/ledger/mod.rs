//! The ledger: how much an account has of each thing that it can pile up, and how much it may have.
//!
//! The figures are kept where the things are made and deleted, so that a cap is checked without counting: the database has
//! triggers for that (see the migration `ledger`). What belongs to other accounts is never looked at.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::cap::Cap;
//! use postroom::ledger;
//!
//! let usage = postroom.read(|tx| ledger::usage(tx, caller.account()))?;
//! let tokens = usage.iter().find(|usage| usage.cap == Cap::Tokens).ok_or("every cap is there")?;
//! assert_eq!(tokens.used, Some(0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use crate::cap::Cap;
use crate::db::ReadTx;
use crate::error::Error;
use crate::id::AccountId;

/// How much an account has of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Of what.
    pub cap: Cap,
    /// How much it has: a number, or octets. Of list entries, how many its largest list has. None of deliveries, which only the
    /// bridge that makes them counts.
    pub used: Option<u64>,
    /// How much it may have, in the same unit.
    pub most: u64,
}

/// How much the account has of everything that has a cap, but of the names without a proof: see
/// `ownership::count_unproved`.
pub fn usage(tx: &ReadTx<'_>, account: AccountId) -> Result<Vec<Usage>, Error> {
    let caps = tx.settings().caps;
    let usage = |cap| Ok(Usage { cap, used: table::used(tx, account, cap)?, most: caps.most(cap) });
    Cap::ALL.into_iter().filter(|cap| *cap != Cap::UnprovedClaims).map(usage).collect()
}

/// `Cap` if the account has no room for `more` of it.
pub(crate) fn make_room(tx: &ReadTx<'_>, account: AccountId, cap: Cap, more: u64) -> Result<(), Error> {
    check(tx, cap, table::used(tx, account, cap)?.unwrap_or(0), more)
}

/// `Cap` if there is no room for `more` where so much is used.
pub(crate) fn check(tx: &ReadTx<'_>, cap: Cap, used: u64, more: u64) -> Result<(), Error> {
    let most = tx.settings().caps.most(cap);
    if used.saturating_add(more) > most { Err(Error::Cap { cap, most }) } else { Ok(()) }
}
