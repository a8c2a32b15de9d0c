//! How many domains there are, by what plans, the visibility rule and the console tell apart: kept, because counting takes long.
//!
//! Whoever makes domains counts them here, once for as many as are made together. Triggers count those that move or go.

mod table;

use std::collections::BTreeMap;

use crate::db::WriteTx;
use crate::domain::Domain;
use crate::error::Error;
use crate::id::{AccountId, SubscriptionId};

/// Counts domains that were made in this transaction: they are pending, and tied to no key.
pub(crate) fn add_new<'a, 't: 'a>(
    tx: &WriteTx<'t>,
    made: impl IntoIterator<Item = &'a Domain<'t>>,
) -> Result<(), Error> {
    let mut of_each: BTreeMap<(AccountId, SubscriptionId), u32> = BTreeMap::new();
    for domain in made {
        *of_each.entry((domain.account, domain.subscription)).or_default() += 1;
    }
    for ((account, subscription), number) in of_each {
        table::add_new(tx, account, subscription, number)?;
    }
    Ok(())
}

/// Counts all domains of a database where none was counted, because their rows were put in as they are.
pub(crate) fn add_all(tx: &WriteTx<'_>) -> Result<(), Error> {
    table::add_all(tx)
}
