//! Whose a name is, and so who may act for it.
//!
//! A **claim** is a name, of a domain or of an alias, that an account holds or contends for. It is **proved** when the DNS has shown
//! that the account owns the name: by the record of a DKIM key of its own, or by its [`Challenge`]. A proved domain proves what its
//! account has below it, down to a name that another account has proved.
//!
//! [`acts`] is the one question: whether mail may come in for a name, be sent for it and be signed for it. Everything that
//! acts for a name asks it, and nothing else. Names of a [trusted](crate::account::Trust) account act at once, those of a tenant
//! when they are proved; [`RequireProof`] can widen or lift that.
//!
//! Which claim yields the name to which is a pure function, in `rules.rs`.
//!
//! ```
//! # let postroom = postroom::Postroom::open_temporary()?;
//! use postroom::{Caller, account, claim};
//!
//! // A tenant has the name; it takes no mail and signs nothing for it before it has proved it.
//! let claim = postroom.write(|tx| {
//!     account::create_trusted(tx, "own")?;
//!     let tenant = Caller::operator(account::create(tx, "customer")?.id);
//!     Ok::<_, postroom::Error>(claim::create(tx, &tenant, &"example.org".parse()?, None)?.0)
//! })?;
//! assert_eq!((claim.state, claim.acts), (claim::ClaimState::Holds, false));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod challenge;
mod cover;
pub(crate) mod lost;
mod reserved;
mod rules;
pub(crate) mod table;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use crate::account::{self, Caller};
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Details, Domain, Holder, holder};
use crate::error::{Entity, Error};
use crate::id::{AccountId, DomainId};
use crate::name::DomainName;
use crate::settings::RequireProof;

pub use crate::event::{InvalidLoss, Loss};
pub use challenge::Challenge;
pub(crate) use cover::{cover_aliases, cover_below, cover_each, is_covered};
pub(crate) use rules::{Bid, Proof, Shown, takes};

/// By what a name is proved, in the audit log.
pub(crate) const BY_CHALLENGE: &str = "challenge";

/// How many ended claims of a tenant are remembered for each unproved one that it may have.
const PAST_FOR_EACH: u32 = 10;

/// A name that an account holds, and when it was proved by itself.
#[derive(Clone, Copy)]
pub(crate) struct Held<'a> {
    pub(crate) account: AccountId,
    pub(crate) name: &'a DomainName,
    pub(crate) proved_at: Option<Timestamp>,
}

impl<'a> From<&'a Details> for Held<'a> {
    fn from(domain: &'a Details) -> Held<'a> {
        Held { account: domain.account, name: &domain.name, proved_at: domain.proved_at }
    }
}

impl<'a> From<&'a Holder<'_>> for Held<'a> {
    fn from(holder: &'a Holder<'_>) -> Held<'a> {
        Held { account: holder.account, name: &holder.name, proved_at: holder.proved_at }
    }
}

/// The domain of a holder; and its alias, if it was found by one.
fn held_by<'a>(holder: &'a Holder<'_>) -> Vec<Held<'a>> {
    let alias = holder.alias.as_ref();
    let alias =
        alias.map(|alias| Held { account: holder.account, name: &alias.name, proved_at: alias.proved_at });
    [Held::from(holder)].into_iter().chain(alias).collect()
}

/// Whether the holder's account may act for the name by which it was found: take its mail, and send and sign for it.
///
/// Who was found by an alias acts for it if the account may act for both, the alias and its domain.
pub fn acts<'t>(tx: &ReadTx<'t>, holder: &Holder<'t>) -> Result<bool, Error> {
    Ok(acting(tx, &held_by(holder))?.into_iter().all(|acts| acts))
}

/// Whether each of these names acts, in their order: two statements at most for each account, however many names there are.
pub(crate) fn acting(tx: &ReadTx<'_>, held: &[Held<'_>]) -> Result<Vec<bool>, Error> {
    let mut needs: HashMap<AccountId, bool> = HashMap::new();
    for held in held.iter().filter(|held| held.proved_at.is_none()) {
        if let Entry::Vacant(unknown) = needs.entry(held.account) {
            unknown.insert(needs_proof(tx, held.account)?);
        }
    }
    let is_open = |held: &&Held<'_>| held.proved_at.is_none() && needs.get(&held.account) == Some(&true);
    let above = proved_above(tx, held.iter().filter(is_open).map(|held| held.name))?;
    let acts = |held: &Held<'_>| {
        !is_open(&held) || above.get(held.name).is_some_and(|above| above.account == held.account)
    };
    Ok(held.iter().map(acts).collect())
}

/// Whether the names of this account act only when they are proved.
pub(crate) fn needs_proof(tx: &ReadTx<'_>, account: AccountId) -> Result<bool, Error> {
    Ok(match tx.settings().require_proof {
        RequireProof::Always => true,
        RequireProof::Never => false,
        RequireProof::Tenants => !account::is_trusted(tx, account)?,
    })
}

/// A domain that its account has proved, above another name.
#[derive(Clone, Copy)]
pub(crate) struct ProvedAbove {
    pub(crate) account: AccountId,
    pub(crate) domain: DomainId,
}

/// For each of these names the nearest domain above it that an account has proved, where there is one: one statement.
fn proved_above<'a>(
    tx: &ReadTx<'_>,
    names: impl Iterator<Item = &'a DomainName>,
) -> Result<HashMap<&'a DomainName, ProvedAbove>, Error> {
    let lines: Vec<(&DomainName, Vec<DomainName>)> =
        names.map(|name| (name, name.ancestors().collect())).collect();
    let all: Vec<&str> = lines.iter().flat_map(|(_, above)| above).map(DomainName::as_str).collect();
    if all.is_empty() {
        return Ok(HashMap::new());
    }
    let proved: HashMap<DomainName, ProvedAbove> = table::proved(tx, &all)?.into_iter().collect();
    let nearest = |above: &[DomainName]| above.iter().find_map(|name| proved.get(name)).copied();
    Ok(lines.into_iter().filter_map(|(name, above)| Some((name, nearest(&above)?))).collect())
}

/// Those of these names that lie below a name, of a domain or an alias, that another account than this one has proved, and below
/// no nearer domain that this one has proved: two statements.
pub(crate) fn below_others<'a>(
    tx: &ReadTx<'_>,
    account: AccountId,
    names: impl Iterator<Item = &'a DomainName> + Clone,
) -> Result<HashSet<&'a DomainName>, Error> {
    let nearest = proved_above(tx, names.clone())?;
    let lines: Vec<(&DomainName, Vec<DomainName>)> =
        names.map(|name| (name, name.ancestors().collect())).collect();
    let all: Vec<&str> = lines.iter().flat_map(|(_, above)| above).map(DomainName::as_str).collect();
    let aliases = table::proved_aliases(tx, account, &all)?;
    let is_below = |(name, above): &(&DomainName, Vec<DomainName>)| match nearest.get(name) {
        Some(nearest) => nearest.account != account,
        None => above.iter().any(|name| aliases.contains(name)),
    };
    Ok(lines.iter().filter(|line| is_below(line)).map(|(name, _)| *name).collect())
}

/// The nearest domain above a name that an account has proved.
pub(crate) fn nearest_proved(tx: &ReadTx<'_>, name: &DomainName) -> Result<Option<ProvedAbove>, Error> {
    Ok(proved_above(tx, std::iter::once(name))?.remove(name))
}

/// `InUse` if this domain proves others below it to which the caller's key has no access: without it they would not act any more.
/// It says how many, and names none.
pub(crate) fn check_proves_for_own<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
) -> Result<(), Error> {
    if domain.proved_at.is_none() || !needs_proof(tx, domain.account)? {
        return Ok(());
    }
    // Those of the account's other end users are the caller's as well.
    let hidden = table::hidden_below(tx, &caller.for_itself(), &domain.name)?;
    let nearest = proved_above(tx, hidden.iter())?;
    match nearest.values().filter(|above| above.domain == domain.id).count() {
        0 => Ok(()),
        number => {
            let domains = if number == 1 { "1 domain".to_owned() } else { format!("{number} domains") };
            let reason = format!(
                "it proves {domains} below it to which this API key has no access; the operator can do this"
            );
            Err(Error::InUse { what: Entity::Domain, reason })
        }
    }
}

/// How the name by which a holder was found is proved.
pub(crate) fn proof_of(tx: &ReadTx<'_>, holder: &Holder<'_>) -> Result<Proof, Error> {
    let name = holder.alias.as_ref().map_or(&holder.name, |alias| &alias.name);
    let proved_at = holder.alias.as_ref().map_or(holder.proved_at, |alias| alias.proved_at);
    let proves = match (proved_at, &holder.alias) {
        (Some(_), Some(alias)) => {
            let missed = alias.missed_at.map(|at| tx.now().since(at));
            let is_lost = missed.is_some_and(|missed| missed >= tx.settings().loss.span);
            return Ok(if is_lost { Proof::Lost } else { Proof::Good });
        }
        (Some(_), None) => Some(holder.id),
        (None, _) => nearest_proved(tx, name)?
            .filter(|above| above.account == holder.account)
            .map(|above| above.domain),
    };
    Ok(match proves {
        None => Proof::None,
        Some(domain) if lost::is_lost(tx, holder, domain)? => Proof::Lost,
        Some(_) => Proof::Good,
    })
}

/// What stands between an account and a name that it wants.
pub(crate) enum Way<'t> {
    /// Nothing.
    Free,
    /// Another account's claim, which loses the name.
    Takes(Holder<'t>, Loss),
    /// The account has the name itself.
    Own,
    /// Another account's claim, or a name above it that another account has proved.
    Blocked,
}

/// What stands between a caller's account and a name, where it only asks for the name, or where its challenge was seen in the DNS
/// a moment ago.
///
/// A proof speaks for those alone who see the domain that has it. To all others of its account that domain is like another account's.
pub(crate) fn way<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    name: &DomainName,
    shown: Shown,
) -> Result<Way<'t>, Error> {
    let account = caller.account();
    let own_above = nearest_proved(tx, name)?.filter(|above| above.account == account);
    let bid = match own_above {
        _ if shown == Shown::Challenge => Bid::Challenge,
        Some(above) if domain::there_for(tx, caller, above.domain)?.is_some() => Bid::Parent,
        _ => Bid::Word,
    };
    // One of the account's own that is above the name and does not speak for the caller is one that the caller does not see.
    let is_blocked = bid == Bid::Word
        && (own_above.is_some() || below_others(tx, account, std::iter::once(name))?.contains(name));
    let Some(holder) = holder::at(tx, name)? else {
        return Ok(if is_blocked { Way::Blocked } else { Way::Free });
    };
    if holder.account == account {
        return Ok(if domain::is_told_of(tx, caller, &holder)? { Way::Own } else { Way::Blocked });
    }
    Ok(match takes(bid, proof_of(tx, &holder)?, has_expired(tx, &holder)?) {
        Some(_) if is_blocked => Way::Blocked,
        Some(loss) => Way::Takes(holder, loss),
        None => Way::Blocked,
    })
}

/// Whether the time is over in which a tenant's claim needs no proof, or whoever comes first could keep a name from its
/// owner for ever.
fn has_expired(tx: &ReadTx<'_>, holder: &Holder<'_>) -> Result<bool, Error> {
    let since = holder.alias.as_ref().map_or(holder.claimed_at, |alias| alias.claimed_at);
    let is_old = tx.may_expire() && tx.now().since(since) > tx.settings().claim_expires_after;
    let is_always = tx.settings().require_proof == RequireProof::Always;
    Ok(is_old && (is_always || !account::is_trusted(tx, holder.account)?))
}

/// `NotClaimable` if the name is the operator's own and the account is a tenant's; `Limit` if the account has as many unproved
/// claims as it may, and this is another one: the claim to the name that contends is not, nor is the name of the domain that is
/// to have this one instead. A challenge that was seen proves it.
pub(crate) fn check_claimable(
    tx: &ReadTx<'_>,
    account: AccountId,
    name: &DomainName,
    shown: Shown,
    instead_of: Option<DomainId>,
) -> Result<(), Error> {
    if account::is_trusted(tx, account)? {
        return Ok(());
    }
    if reserved::is_reserved(tx.settings(), name) {
        let reason = format!("{name} is reserved for the operator of this server");
        return Err(Error::NotClaimable { reason });
    }
    if shown == Shown::Challenge || is_covered(tx, account, name, instead_of)? {
        return Ok(());
    }
    let most = tx.settings().caps.unproved_claims;
    let too_many = table::count_unproved(tx, account, Some(name), instead_of, most)? >= u64::from(most)
        || table::are_past(tx, account, most.saturating_mul(PAST_FOR_EACH))?;
    if too_many { Err(Error::Limit { what: Entity::Claim, most: most.into() }) } else { Ok(()) }
}

/// Whether nothing stands between a caller's account and a name: nobody holds it, and the account had no claim to it before that would go
/// on.
pub(crate) fn is_free(tx: &ReadTx<'_>, caller: &Caller, name: &DomainName) -> Result<bool, Error> {
    let account = caller.account();
    if !matches!(way(tx, caller, name, Shown::Nothing)?, Way::Free)
        || table::claim(tx, account, name)?.is_some()
        || table::past(tx, account, name)?.is_some()
    {
        return Ok(false);
    }
    Ok(account::is_trusted(tx, account)? || !reserved::is_reserved(tx.settings(), name))
}

/// Whether an account may have so many more names that nothing proves.
pub(crate) fn has_room_for(tx: &ReadTx<'_>, account: AccountId, more: u32) -> Result<bool, Error> {
    if more == 0 || account::is_trusted(tx, account)? {
        return Ok(true);
    }
    let most = tx.settings().caps.unproved_claims;
    let number = table::count_unproved(tx, account, None, None, most)?;
    Ok(number + u64::from(more) <= u64::from(most)
        && !table::are_past(tx, account, most.saturating_mul(PAST_FOR_EACH))?)
}

/// `Limit` if a tenant may not have as many more unproved names as it gets with these, which nobody holds. Those that it cannot get, those
/// that lie below one that it has proved, and those that it claims already, need no room.
pub(crate) fn check_room_for(tx: &ReadTx<'_>, caller: &Caller, names: &[&DomainName]) -> Result<(), Error> {
    let account = caller.account();
    if account::is_trusted(tx, account)? {
        return Ok(());
    }
    tx.foresee(|tx| names.iter().for_each(|name| foresee(tx, caller, name)));
    let mut more = 0;
    for name in names {
        let is_new = matches!(way(tx, caller, name, Shown::Nothing)?, Way::Free)
            && table::claim(tx, account, name)?.is_none()
            && !reserved::is_reserved(tx.settings(), name)
            && !is_covered(tx, account, name, None)?;
        more += u32::from(is_new);
    }
    if has_room_for(tx, account, more)? {
        return Ok(());
    }
    Err(Error::Limit { what: Entity::Claim, most: tx.settings().caps.unproved_claims.into() })
}

/// How many names an account has or claims that nothing proves.
pub fn count_unproved(tx: &ReadTx<'_>, account: AccountId) -> Result<u64, Error> {
    table::count_unproved(tx, account, None, None, u32::MAX)
}

/// Foresees what is read before an account may have a name.
pub(crate) fn foresee(tx: &ReadTx<'_>, caller: &Caller, name: &DomainName) {
    let account = caller.account();
    // No row is there yet, so that each goes on as if the name were free.
    let _ = way(tx, caller, name, Shown::Nothing);
    let _ = account::is_trusted(tx, account);
    let _ = table::claim(tx, account, name);
    let _ = table::past(tx, account, name);
}

/// Since when the account's claim to a name counts that it takes now: for a tenant from where an earlier claim to it began.
/// A claim that contended for the name is over, for it has it. If its challenge was seen, it goes on as what the account has: the
/// challenge stays the same, so that the record in the DNS still shows whose the name is.
pub(crate) fn begin(
    tx: &WriteTx<'_>,
    account: AccountId,
    name: &DomainName,
    shown: Shown,
) -> Result<Timestamp, Error> {
    let (claim, past) = (table::claim(tx, account, name)?, table::past(tx, account, name)?);
    if claim.is_some() {
        table::forget_claim(tx, account, name)?;
    }
    if past.is_some() {
        table::forget_past(tx, account, name)?;
    }
    let contended =
        claim.filter(|claim| claim.contends && shown == Shown::Challenge).map(|claim| claim.since);
    Ok(contended.or(past).unwrap_or_else(|| tx.now()))
}

/// Remembers the unproved names of a domain, its own and its aliases', where a tenant gives them up: it does not begin anew
/// by taking one again.
pub(crate) fn remember(tx: &WriteTx<'_>, account: AccountId, domain: DomainId) -> Result<(), Error> {
    if account::is_trusted(tx, account)? { Ok(()) } else { table::remember(tx, domain) }
}

/// Remembers an unproved alias that a tenant gives up.
pub(crate) fn remember_alias(
    tx: &WriteTx<'_>,
    account: AccountId,
    domain: DomainId,
    alias: &DomainName,
) -> Result<(), Error> {
    if account::is_trusted(tx, account)? { Ok(()) } else { table::remember_alias(tx, domain, alias) }
}

/// The record by which the account proves its claim to a name, which it has had since then.
pub(crate) fn challenge(
    tx: &ReadTx<'_>,
    account: AccountId,
    name: &DomainName,
    since: Timestamp,
) -> Result<Challenge, Error> {
    Ok(Challenge::of(&seed_of(tx, account)?, name, since))
}

/// Foresees what a challenge of an account is made from.
pub(crate) fn foresee_challenge(tx: &ReadTx<'_>, account: AccountId) {
    let _ = seed_of(tx, account);
}

/// What the challenges of an account are made from.
pub(crate) fn seed_of(tx: &ReadTx<'_>, account: AccountId) -> Result<Vec<u8>, Error> {
    table::challenge_seed(tx, account)?.ok_or(Error::NotFound(Entity::Account))
}
