//! Claims: the names that an account holds, contends for or has lost, and how it proves them.
//!
//! A domain or an alias that is there is a claim that *holds*, however it was made. An account that wants a name which another one
//! has, or that lies below a name which another one has proved, makes a claim that *contends* ([`create`]); when its challenge is seen
//! in the DNS ([`verify()`]), the name goes to it by the rules of [`ownership`]. Who had the name then has a claim
//! that is *lost*, and says why.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::claim;
//!
//! let (claim, is_new) = postroom.write(|tx| claim::create(tx, &caller, &"example.org".parse()?, None))?;
//! assert!(is_new);
//! println!("publish TXT {} {}", claim.challenge.name, claim.challenge.value);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod reason;
mod table;
mod verify;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Holder, holder};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::AccountId;
use crate::name::DomainName;
use crate::ownership::{self, Challenge, Held, Loss};
use crate::page::Page;
use crate::provision::{self, NewDomain};
use crate::word::words;
use crate::{inbound, loss};

pub use reason::ClaimReason;
pub use verify::{ClaimOutcome, VerifiedClaim, verify};

use table::Stored;

/// How long a claim is kept that was lost.
const KEEP_LOST_FOR: Duration = Duration::from_hours(90 * 24);

words! {
    /// How a claim stands.
    pub enum ClaimState {
        /// The account has the name.
        Holds = "holds",
        /// It does not, and may get it.
        Contends = "contends",
        /// It had it.
        Lost = "lost",
    }
    else InvalidClaimState
}

/// A word that is no state of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a claim holds, contends or is lost")]
pub struct InvalidClaimState;

/// A name, and what an account has to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameClaim {
    /// The account.
    pub account: AccountId,
    /// The name.
    pub name: DomainName,
    /// The domain of which it is an alias, or is to be one; none where it is a domain, or is to be one.
    pub of: Option<DomainName>,
    /// How the claim stands.
    pub state: ClaimState,
    /// When the DNS first showed that the account owns the name.
    pub proved_at: Option<Timestamp>,
    /// Whether the account may act for the name: what [`ownership::acts`] says.
    pub acts: bool,
    /// Why it does not act.
    pub reason: Option<ClaimReason>,
    /// The record that proves the claim.
    pub challenge: Challenge,
    /// Since when the account claims the name.
    pub created_at: Timestamp,
}

/// The claim that the caller may see to this name.
pub fn find(tx: &ReadTx<'_>, caller: &Caller, name: &DomainName) -> Result<NameClaim, Error> {
    let found = stored(tx, caller, name)?;
    shown(tx, vec![found])?.pop().ok_or(Error::NotFound(Entity::Claim))
}

/// A page of the claims that the caller may see, by their names.
pub fn list(tx: &ReadTx<'_>, caller: &Caller, page: Page) -> Result<Vec<NameClaim>, Error> {
    shown(tx, table::page(tx, caller, page)?)
}

/// A page of the claims that the caller may see to names that its account does not hold, by their names.
pub fn not_held(tx: &ReadTx<'_>, caller: &Caller, page: Page) -> Result<Vec<NameClaim>, Error> {
    shown(tx, table::not_held(tx, caller, page)?)
}

/// Claims a name: as a domain, or as an alias `of` one of the caller's domains. Returns whether the claim is new.
///
/// Where nobody stands in the way, the domain or the alias is made, and a domain waits for its DKIM key if none is ready. Where
/// somebody does, the claim contends. `Conflict` if the account has the name as something else, or for another of its keys, and `InUse(Alias)` if that is an alias;
/// `NotClaimable` if the name is the operator's own and the account is a tenant; `Limit` of claims if a tenant has as many unproved ones
/// as it may.
pub fn create(
    tx: &WriteTx<'_>,
    caller: &Caller,
    name: &DomainName,
    of: Option<&DomainName>,
) -> Result<(NameClaim, bool), Error> {
    if caller.is_of_domains() {
        // A new claim is not among the domains that the caller's key is limited to.
        return Err(Error::NotFound(Entity::Domain));
    }
    let target = of.map(|of| domain::find_named(tx, caller, of)).transpose()?;
    if let Some(there) = table::find(tx, caller, name)?.filter(|there| there.state != ClaimState::Lost) {
        if there.of.as_ref().map(|(_, name, _)| name) != of {
            let alias = if of.is_none() { inbound::own_alias(tx, caller, name)? } else { None };
            return Err(alias.unwrap_or(Error::Conflict(Entity::Claim)));
        }
        return Ok((find(tx, caller, name)?, false));
    }
    let made = tx.part(|| match &target {
        None => provision::create(tx, caller, &NewDomain::named(name)).map(drop),
        Some(target) => inbound::add_alias(tx, caller, target, name),
    });
    match made {
        Ok(()) => {}
        Err(Error::Taken { .. }) => {
            ownership::table::contend(
                tx,
                caller.account(),
                name,
                target.as_ref().map(domain::Domain::details),
            )?;
            tx.tell(caller.actor(), caller.account(), &Change::ClaimCreated { name: name.clone() })?;
        }
        Err(error) => return Err(error),
    }
    Ok((find(tx, caller, name)?, true))
}

/// Gives a claim up. Of one that holds, the domain is deleted with all that hangs on it, or the alias.
pub fn delete(tx: &WriteTx<'_>, caller: &Caller, name: &DomainName) -> Result<(), Error> {
    let found = stored(tx, caller, name)?;
    match (found.state, &found.of) {
        (ClaimState::Holds, None) => {
            let domain = domain::find_named(tx, caller, name)?;
            provision::delete(tx, caller, &domain)
        }
        (ClaimState::Holds, Some((id, ..))) => {
            let domain = domain::find(tx, caller, *id)?;
            inbound::remove_alias(tx, caller, &domain, name)
        }
        (ClaimState::Contends | ClaimState::Lost, _) => {
            ownership::table::forget_claim(tx, found.account, name)?;
            tx.tell(caller.actor(), found.account, &Change::ClaimDeleted { name: name.clone() })
        }
    }
}

/// Frees a name, whoever has it, and says who had it: its domain is deleted with all that hangs on it, or its alias. For the operator.
/// `NotFound(Claim)` if nobody has it.
pub fn free(tx: &WriteTx<'_>, name: &DomainName) -> Result<Whose, Error> {
    let holder = holder::at(tx, name)?.ok_or(Error::NotFound(Entity::Claim))?;
    loss::lose(tx, &Actor::Operator, &holder, Loss::Operator)?;
    Ok(Whose::of(&holder))
}

/// Who has a name: for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The account.
    pub account: AccountId,
    /// The domain of which the name is an alias; none if it is a domain.
    pub of: Option<DomainName>,
}

impl Whose {
    fn of(holder: &Holder<'_>) -> Whose {
        Whose { account: holder.account, of: holder.alias.as_ref().map(|_| holder.name.clone()) }
    }
}

/// Who has a name, as a domain or as an alias. For the operator. `NotFound(Domain)` if nobody has it.
pub fn whose(tx: &ReadTx<'_>, name: &DomainName) -> Result<Whose, Error> {
    let holder = holder::at(tx, name)?.ok_or(Error::NotFound(Entity::Domain))?;
    Ok(Whose::of(&holder))
}

/// Forgets claims that ended or were lost long ago: at most so many of each. Returns how many of one kind. A background thread
/// calls it.
pub fn forget_old(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    tx.expire(|| {
        // So long anybody could have had the name.
        let ended_before = tx.now() - tx.settings().claim_expires_after;
        ownership::table::forget_old(tx, ended_before, tx.now() - KEEP_LOST_FOR, limit)
    })
}

fn stored(tx: &ReadTx<'_>, caller: &Caller, name: &DomainName) -> Result<Stored, Error> {
    table::find(tx, caller, name)?.ok_or(Error::NotFound(Entity::Claim))
}

/// Claims as they are shown: a few statements, however many there are.
fn shown(tx: &ReadTx<'_>, found: Vec<Stored>) -> Result<Vec<NameClaim>, Error> {
    let own = found.iter().map(|it| Held { account: it.account, name: &it.name, proved_at: it.proved_at });
    let targets = found.iter().map(|it| match &it.of {
        Some((_, name, proved_at)) => Held { account: it.account, name, proved_at: *proved_at },
        None => Held { account: it.account, name: &it.name, proved_at: it.proved_at },
    });
    let acts = ownership::acting(tx, &own.chain(targets).collect::<Vec<_>>())?;
    let (own, targets) = acts.split_at(found.len());
    let contending = found.iter().filter(|it| it.state == ClaimState::Contends);
    let below_others: HashSet<DomainName> = match found.first() {
        // All are of the caller's account.
        Some(first) => ownership::below_others(tx, first.account, contending.map(|it| &it.name))?,
        None => HashSet::new(),
    }
    .into_iter()
    .cloned()
    .collect();
    let mut seeds = HashMap::new();
    let mut claims = Vec::with_capacity(found.len());
    for (it, acts) in found.into_iter().zip(own.iter().zip(targets).map(|(own, target)| *own && *target)) {
        let acts = acts && it.state == ClaimState::Holds;
        let is_below = below_others.contains(&it.name);
        let reason = reason::of(&it, acts, is_below, tx.settings().claim_expires_after);
        let seed = match seeds.entry(it.account) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(unknown) => {
                unknown.insert(ownership::seed_of(tx, it.account)?)
            }
        };
        let challenge = Challenge::of(seed, &it.name, it.claimed_at);
        claims.push(NameClaim {
            account: it.account,
            of: it.of.map(|(_, name, _)| name),
            state: it.state,
            proved_at: it.proved_at,
            acts,
            reason,
            challenge,
            created_at: it.claimed_at,
            name: it.name,
        });
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_written_as_the_word_that_it_is_read_from() {
        for state in [ClaimState::Holds, ClaimState::Contends, ClaimState::Lost] {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
    }
}
