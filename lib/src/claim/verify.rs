//! Looking for the challenge of a claim, and what follows if it is there.

use super::table::Stored;
use super::{ClaimState, NameClaim, find, stored};
use crate::account::Caller;
use crate::db::{Postroom, ReadTx, WriteTx};
use crate::dkim::pool;
use crate::dns::Resolver;
use crate::domain::{self, holder};
use crate::error::{Entity, Error};
use crate::event::Change;
use crate::name::DomainName;
use crate::ownership::table as names;
use crate::ownership::{self, Challenge, Shown, Way};
use crate::verify::{Expectation, Look, look_for_challenge, plan, settle};
use crate::{inbound, provision};

/// What a look at a claim came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// It is proved. Whether the account has the name is for the claim's state to say.
    Proved,
    /// It is not.
    NotYet,
}

impl ClaimOutcome {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ClaimOutcome::Proved => "proved",
            ClaimOutcome::NotYet => "not_yet",
        }
    }
}

/// A claim after a look at the DNS.
#[derive(Clone, Debug)]
pub struct VerifiedClaim {
    /// The claim as it stands now.
    pub claim: NameClaim,
    /// What the look came to.
    pub outcome: ClaimOutcome,
    /// What was looked for, and what was found of it. Nothing, where nothing had to be looked for.
    pub seen: Vec<(Expectation, Look)>,
}

/// Looks for the challenge of a claim now, and brings the name to the account if the rules of [`ownership`] say so: the
/// domain is there at once, with its records and a key, or the alias; whoever had the name has lost it. The claim of a domain
/// that is there is also proved by its DKIM record.
///
/// Call it outside any transaction. `Limit` if the account's subscription has no room for the domain.
pub fn verify(
    postroom: &Postroom,
    caller: &Caller,
    name: &DomainName,
    resolver: &dyn Resolver,
) -> Result<VerifiedClaim, Error> {
    let (before, challenge, rival) = postroom.read(|tx| {
        let before = stored(tx, caller, name)?;
        let challenge = ownership::challenge(tx, before.account, name, before.claimed_at)?;
        let rival = rival(tx, &before)?;
        Ok::<_, Error>((before, challenge, rival))
    })?;
    let is_over = match before.state {
        ClaimState::Holds => before.proved_at.is_some(),
        ClaimState::Contends => false,
        ClaimState::Lost => true,
    };
    if is_over {
        return postroom.read(|tx| shown(tx, caller, name, Vec::new()));
    }
    if let (ClaimState::Holds, None) = (before.state, &before.of) {
        let plan = postroom.read(|tx| plan(tx, caller, domain::find_named(tx, caller, name)?.id))?;
        let seen = plan.look_closely(resolver);
        postroom.write(|tx| settle(tx, caller, &plan, &seen))?;
        let challenge = seen.challenge.into_iter().collect();
        return postroom.read(|tx| shown(tx, caller, name, challenge));
    }
    let (expected, look, is_seen, is_missed) = look_for_challenge(name, &challenge, rival.as_ref(), resolver);
    if is_seen {
        pool::write(postroom, |tx| prove(tx, caller, &before, is_missed))?;
    }
    postroom.read(|tx| shown(tx, caller, name, vec![(expected.clone(), look.clone())]))
}

fn shown(
    tx: &ReadTx<'_>,
    caller: &Caller,
    name: &DomainName,
    seen: Vec<(Expectation, Look)>,
) -> Result<VerifiedClaim, Error> {
    let claim = find(tx, caller, name)?;
    let is_proved = match claim.state {
        ClaimState::Holds => claim.proved_at.is_some(),
        ClaimState::Contends => seen.iter().all(|(_, look)| look.finding.verdict.passes()),
        ClaimState::Lost => false,
    };
    let outcome = if is_proved { ClaimOutcome::Proved } else { ClaimOutcome::NotYet };
    Ok(VerifiedClaim { claim, outcome, seen })
}

/// The challenge of another account that has proved the name for which a claim contends: no check looks for it again.
fn rival(tx: &ReadTx<'_>, claim: &Stored) -> Result<Option<Challenge>, Error> {
    if claim.state != ClaimState::Contends {
        return Ok(None);
    }
    let Some(holder) = holder::at(tx, &claim.name)? else { return Ok(None) };
    let (proved_at, claimed_at) = match &holder.alias {
        Some(alias) => (alias.proved_at, alias.claimed_at),
        None => (holder.proved_at, holder.claimed_at),
    };
    if proved_at.is_none() || holder.account == claim.account {
        return Ok(None);
    }
    ownership::challenge(tx, holder.account, &claim.name, claimed_at).map(Some)
}

/// The challenge was seen. `is_missed` says of another account that has proved the name whether its challenge is not there.
fn prove(tx: &WriteTx<'_>, caller: &Caller, before: &Stored, is_missed: Option<bool>) -> Result<(), Error> {
    let claim = stored(tx, caller, &before.name)?;
    let name = &claim.name;
    if (claim.claimed_at, claim.state) != (before.claimed_at, before.state) {
        // It is another claim than the one that was looked at.
        return Err(Error::NotFound(Entity::Claim));
    }
    match (claim.state, &claim.of) {
        (ClaimState::Holds, Some((id, ..))) => {
            names::prove_alias(tx, name)?;
            let domain = domain::find(tx, caller, *id)?;
            let change = Change::AliasProved { domain: (&domain).into(), alias: name.clone() };
            tx.tell(caller.actor(), claim.account, &change)
        }
        (ClaimState::Contends, of) => {
            names::prove_claim(tx, claim.account, name)?;
            if claim.proved_at.is_none() {
                tx.tell(caller.actor(), claim.account, &Change::ClaimProved { name: name.clone() })?;
            }
            if let Some(is_missed) = is_missed {
                ownership::lost::note_rival(tx, name, is_missed)?;
            }
            if let Way::Blocked = ownership::way(tx, caller, name, Shown::Challenge)? {
                return Ok(());
            }
            match of {
                None => {
                    let domain = provision::create_proved(tx, caller, name)?;
                    provision::equip(tx, &domain)
                }
                Some((id, ..)) => {
                    let domain = domain::find(tx, caller, *id)?;
                    inbound::add_proved_alias(tx, caller, &domain, name)
                }
            }
        }
        // Of a domain that is there the check of its records does this.
        (ClaimState::Holds, None) | (ClaimState::Lost, _) => Ok(()),
    }
}
