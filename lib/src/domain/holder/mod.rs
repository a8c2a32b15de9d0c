//! Domains of whichever account: for conflicts, authorities, the schedule and incoming mail, never for showing.

mod table;

use std::fmt;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, Within};
use crate::error::Error;
use crate::id::{AccountId, DomainId};
use crate::name::DomainName;

pub(crate) use table::{
    OF_ALIAS, accounts_with_due, all, at, by_alias, by_id, dependent, lend_due, named, of_row,
    of_row_by_name, one, wanting_key,
};

/// A domain of whichever account, within the transaction `'t` that read it.
///
/// The library decides by it, and no answer is made from it: it shows its id at most, and there is no way from it to a
/// domain's [`Details`](super::Details) but the visibility rule, with a caller: [`find`](super::find).
#[derive(Clone)]
pub struct Holder<'t> {
    pub(crate) id: DomainId,
    /// The account whose domain it is.
    pub(crate) account: AccountId,
    pub(crate) name: DomainName,
    /// The domain whose keys sign for it, where that is another.
    pub(crate) authority: Option<DomainId>,
    /// When its account was first seen to own it.
    pub(crate) proved_at: Option<Timestamp>,
    /// Since when its account holds its name.
    pub(crate) claimed_at: Timestamp,
    /// The alias by which it was found, if it was not found by its own name.
    pub(crate) alias: Option<HeldAlias>,
    pub(super) within: Within<'t>,
}

/// Another name that leads to a domain.
#[derive(Clone)]
pub(crate) struct HeldAlias {
    pub(crate) name: DomainName,
    /// When its account was seen to own it.
    pub(crate) proved_at: Option<Timestamp>,
    /// Since when its account holds it.
    pub(crate) claimed_at: Timestamp,
    /// Since when its challenge is not in the DNS, while another account has one there.
    pub(crate) missed_at: Option<Timestamp>,
}

impl Holder<'_> {
    /// Its id, and the schedule acting within its account: what is left of it when the transaction is over.
    pub(crate) fn for_schedule(&self) -> (DomainId, Caller) {
        (self.id, Caller::schedule(self.account))
    }
}

impl fmt::Debug for Holder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Holder").field(&self.id).finish()
    }
}

/// The domain whose keys sign for this one, where that is another.
pub(crate) fn authority_of<'t>(
    tx: &ReadTx<'t>,
    authority: Option<DomainId>,
) -> Result<Option<Holder<'t>>, Error> {
    authority.map_or(Ok(None), |id| by_id(tx, id))
}
