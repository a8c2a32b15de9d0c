//! What follows when the operator trusts an account, or does so no more.

use super::follow;
use crate::account::{self, Account, Trust};
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

/// Trusts the account of this name: its names act at once, and the statuses of its domains follow from that.
///
/// It takes a transaction for each 200 domains, so that nobody else waits long.
pub fn trust(postroom: &Postroom, name: &str) -> Result<(Account, Untrusted), Error> {
    set(postroom, name, Trust::Given)
}

/// Trusts the account of this name no more: it is a tenant, whose names act when they are proved, and the statuses of its domains
/// follow from that.
///
/// It takes a transaction for each 200 domains, so that nobody else waits long.
pub fn distrust(postroom: &Postroom, name: &str) -> Result<(Account, Untrusted), Error> {
    set(postroom, name, Trust::None)
}

fn set(postroom: &Postroom, name: &str, trust: Trust) -> Result<(Account, Untrusted), Error> {
    let account = postroom.write(|tx| {
        let account = account::find(tx, name)?;
        account::set_trust(tx, &account, trust)?;
        if !trust.is_given() {
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
            if !trust.is_given() {
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
