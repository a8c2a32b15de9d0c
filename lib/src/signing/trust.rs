//! What follows when the operator trusts an account, or does so no more.

use super::follow;
use crate::account::{self, Account};
use crate::db::Postroom;
use crate::error::Error;
use crate::event::Actor;
use crate::id::DomainId;
use crate::ownership;
use crate::ownership::table::unproved_after;

/// How many domains are brought up to date in one transaction.
const AT_ONCE: u32 = 200;

/// How many of an account's domains the DNS has not shown to be its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untrusted {
    /// Their number, those below a proved one among them.
    pub unproved: u64,
}

/// Trusts the account, or does so no more, and brings the statuses of its domains to what follows: the names of a trusted
/// account act at once, those of a tenant when they are proved.
///
/// It takes a transaction for each 200 domains, so that nobody else waits long.
pub fn set_trust(postroom: &Postroom, name: &str, is_trusted: bool) -> Result<(Account, Untrusted), Error> {
    let account = postroom.write(|tx| {
        let account = account::find(tx, name)?;
        account::set_trust(tx, &account, is_trusted)?;
        if !is_trusted {
            // Only a tenant's names are counted, and which are covered was not kept.
            ownership::cover_aliases(tx, account.id)?;
        }
        account::find(tx, name)
    })?;
    let (mut after, mut unproved) = (DomainId::new(0), 0);
    loop {
        let next = postroom.write(|tx| {
            let next = unproved_after(tx, account.id, after, AT_ONCE)?;
            next.iter().try_for_each(|id| follow(tx, &Actor::Operator, *id).map(drop))?;
            if !is_trusted {
                ownership::cover_each(tx, &next)?;
            }
            Ok::<_, Error>(next)
        })?;
        unproved += next.len() as u64;
        match next.into_iter().next_back() {
            Some(last) => after = last,
            None => return Ok((account, Untrusted { unproved })),
        }
    }
}
