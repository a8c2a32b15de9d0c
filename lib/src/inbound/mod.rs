//! What becomes of mail that comes in for a domain: how it is filtered, where it is delivered, who administers that, and
//! which other names lead to the same.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::inbound;
//!
//! let found = postroom.write(|tx| {
//!     let domain = domain::find(tx, &caller, id)?;
//!     inbound::add_alias(tx, &caller, &domain, &"example.net".parse()?)?;
//!     inbound::find(tx, &domain)
//! })?;
//! assert_eq!(found.aliases.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod downstream;
mod filtering;
mod table;

pub use downstream::{Downstream, MOST_DOWNSTREAM, check_downstream, check_downstream_of_each};
pub(crate) use filtering::can_flag;
pub use filtering::{AbusePolicy, Filtering, InvalidAbusePolicy};
pub(crate) use table::downstream_of;

use crate::account::Caller;
use crate::address::EmailAddress;
use crate::cap::Cap;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Details, Domain, Holder, holder};
use crate::error::{Entity, Error};
use crate::event;
use crate::id::DomainId;
use crate::ledger;
use crate::loss;
use crate::name::DomainName;
use crate::ownership::{self, Shown};
use crate::page::Page;
use crate::route;
use crate::settings::Settings;

/// The most administrators and the most aliases of a domain.
const MOST_NAMES: usize = 100;

/// All of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbound {
    /// How mail is filtered.
    pub filtering: Filtering,
    /// Who administers the domain, in the order given.
    pub admins: Vec<EmailAddress>,
    /// Where mail is delivered then, in the order given.
    pub downstream: Vec<Downstream>,
    /// Names whose mail is treated as the domain's, in the order in which they came to it.
    pub aliases: Vec<DomainName>,
}

/// What is to change. What is none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InboundChange {
    /// How mail is filtered: all of it.
    pub filtering: Option<Filtering>,
    /// The whole list.
    pub admins: Option<Vec<EmailAddress>>,
    /// The whole list.
    pub downstream: Option<Vec<Downstream>>,
    /// The whole list.
    pub aliases: Option<Vec<DomainName>>,
}

/// What a name is to a caller that asks for a domain.
#[derive(Debug)]
pub enum NameStanding<'t> {
    /// Its domain.
    Domain(Box<Domain<'t>>),
    /// A domain of its account, tied to another key than the caller's.
    Tied,
    /// An alias of a domain of its account.
    Alias,
    /// Nothing, or somebody else's.
    Unknown,
}

/// What this name is to the caller.
pub fn standing<'t>(tx: &ReadTx<'t>, caller: &Caller, name: &DomainName) -> Result<NameStanding<'t>, Error> {
    match domain::find_named(tx, caller, name) {
        Ok(domain) => return Ok(NameStanding::Domain(Box::new(domain))),
        Err(Error::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    let own = |holder: Option<Holder<'t>>| match holder {
        Some(holder) => domain::is_told_of(tx, caller, &holder),
        None => Ok(false),
    };
    if own(holder::named(tx, name)?)? {
        return Ok(NameStanding::Tied);
    }
    let alias = holder::by_alias(tx, name)?;
    Ok(if own(alias)? { NameStanding::Alias } else { NameStanding::Unknown })
}

/// The domain of this name, for whoever asks for it by its name.
///
/// `InUse(Alias)` if the name is no domain, and an alias of one of the caller's: for who acts on behalf of an end user, of one that the user
/// has or may adopt.
pub fn domain_named<'t>(tx: &ReadTx<'t>, caller: &Caller, name: &DomainName) -> Result<Domain<'t>, Error> {
    match domain::find_named(tx, caller, name) {
        Err(Error::NotFound(entity)) => Err(own_alias(tx, caller, name)?.unwrap_or(Error::NotFound(entity))),
        found => found,
    }
}

/// What to say where the name is an alias of one of the caller's domains: to which it leads.
pub(crate) fn own_alias(tx: &ReadTx<'_>, caller: &Caller, name: &DomainName) -> Result<Option<Error>, Error> {
    let Some(holder) = holder::by_alias(tx, name)? else { return Ok(None) };
    Ok(domain::there_for(tx, caller, holder.id)?.map(|domain| {
        let reason = format!("it leads to {}; ask for that domain, or remove the alias first", domain.name);
        Error::InUse { what: Entity::Alias, reason }
    }))
}

/// What is set of one domain.
pub fn find<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Inbound, Error> {
    Ok(Inbound {
        filtering: table::filtering(tx, domain.id)?.unwrap_or_default(),
        admins: table::admins(tx, domain.id)?,
        downstream: table::downstream(tx, domain.id)?,
        aliases: table::aliases(tx, domain.id)?,
    })
}

/// How mail of whichever account's domain is filtered.
pub(crate) fn filtering(tx: &ReadTx<'_>, domain: DomainId) -> Result<Filtering, Error> {
    Ok(table::filtering(tx, domain)?.unwrap_or_default())
}

/// Where mail of whichever account's domain is delivered, the preferred servers first.
pub(crate) fn downstream(tx: &ReadTx<'_>, domain: DomainId) -> Result<Vec<Downstream>, Error> {
    let mut servers = table::downstream(tx, domain)?;
    servers.sort_by_key(|server| (server.priority, std::cmp::Reverse(server.weight)));
    Ok(servers)
}

/// The ids of a page of the caller's domains, in their order, and how many there are in all: those of `names`, where some are
/// named.
pub fn ids(
    tx: &ReadTx<'_>,
    caller: &Caller,
    names: Option<&[DomainName]>,
    page: Page,
) -> Result<(Vec<DomainId>, u64), Error> {
    let total = match names {
        Some(names) => table::count(tx, caller, names)?,
        None => domain::count(tx, caller)?,
    };
    Ok((table::ids(tx, caller, names, page)?, total))
}

/// What is set of each of these domains, in their order: four statements, however many.
pub fn find_each<'t>(tx: &ReadTx<'t>, domains: &[Domain<'t>]) -> Result<Vec<Inbound>, Error> {
    let ids: Vec<DomainId> = domains.iter().map(|domain| domain.id).collect();
    let mut found = table::some(tx, &ids)?;
    Ok(ids.iter().map(|id| found.remove(id).unwrap_or_default()).collect())
}

impl InboundChange {
    /// Refuses what no domain can have. Whether a name can be an alias depends on who has it, and is asked when it is made one.
    pub fn check(&self, settings: &Settings) -> Result<(), Error> {
        if let Some(filtering) = &self.filtering {
            filtering.check()?;
        }
        check_number("admins", self.admins.as_deref().unwrap_or_default().len(), MOST_NAMES)?;
        downstream::check(&settings.egress, self.downstream.as_deref().unwrap_or_default())?;
        check_number("aliases", self.aliases.as_deref().unwrap_or_default().len(), MOST_NAMES)
    }
}

/// Says it of a domain that was made in this transaction, and that gets no alias: nothing was said of it before. Returns what is set
/// then.
pub fn begin<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    change: &InboundChange,
) -> Result<Inbound, Error> {
    if change.aliases.as_ref().is_some_and(|aliases| !aliases.is_empty()) {
        self::change(tx, caller, domain, change)?;
        return find(tx, domain);
    }
    change.check(tx.settings())?;
    set(tx, domain, change)?;
    let mut admins: Vec<EmailAddress> = Vec::new();
    for admin in change.admins.iter().flatten() {
        if !admins.contains(admin) {
            admins.push(admin.clone());
        }
    }
    let now = Inbound {
        filtering: change.filtering.clone().unwrap_or_default(),
        admins,
        downstream: change.downstream.clone().unwrap_or_default(),
        aliases: Vec::new(),
    };
    if let Some(change) = told(domain, &Inbound::default(), &now) {
        tx.tell(caller.actor(), domain.account, &change)?;
    }
    Ok(now)
}

/// Sets all of it but the aliases.
fn set<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>, change: &InboundChange) -> Result<(), Error> {
    if let Some(filtering) = &change.filtering {
        table::set_filtering(tx, domain.id, filtering)?;
    }
    if let Some(admins) = &change.admins {
        table::set_admins(tx, domain.id, admins)?;
    }
    if let Some(downstream) = &change.downstream {
        table::set_downstream(tx, domain.id, downstream)?;
    }
    Ok(())
}

/// Changes what is said of it, all or nothing.
///
/// A new alias is refused as [`add_alias`] refuses it, but with `InUse(Alias)` where the account has it already: the reason names it.
pub fn change<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    change: &InboundChange,
) -> Result<(), Error> {
    if *change == InboundChange::default() {
        return Ok(());
    }
    change.check(tx.settings())?;
    if change.aliases.is_none() {
        return apply(tx, caller, domain, change);
    }
    // Whether a name may be an alias shows when the ones before it are there.
    tx.part(|| apply(tx, caller, domain, change))
}

fn apply<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    change: &InboundChange,
) -> Result<(), Error> {
    let before = find(tx, domain)?;
    set(tx, domain, change)?;
    if let Some(aliases) = &change.aliases {
        for old in table::aliases(tx, domain.id)?.iter().filter(|old| !aliases.contains(old)) {
            ownership::remember_alias(tx, domain.account, domain.id, old)?;
            table::delete_alias(tx, domain.id, old)?;
        }
        let kept = table::aliases(tx, domain.id)?;
        for (at, alias) in aliases.iter().enumerate() {
            let is_there = kept.contains(alias) || aliases.iter().take(at).any(|before| before == alias);
            if !is_there {
                make_alias(tx, caller, domain, alias, Shown::Nothing)
                    .map_err(|error| of_list(error, alias))?;
            }
        }
    }
    match told(domain, &before, &find(tx, domain)?) {
        Some(change) => tx.tell(caller.actor(), domain.account, &change),
        None => Ok(()),
    }
}

/// Has mail for `alias` be treated as the domain's.
///
/// An alias of a tenant's takes no mail until it is proved. In an account whose names need no proof, a caller that is limited to some domains
/// adds only names below those: `NotClaimable` otherwise. `Invalid` if mail for it would be forwarded in a circle. `Conflict(Domain)` if
/// the account has such a domain or alias; `Cap` if the account has as many aliases as it may have; else the name is refused as
/// [`provision::create`](crate::provision::create) refuses it.
pub fn add_alias<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    alias: &DomainName,
) -> Result<(), Error> {
    check_number("aliases", table::aliases(tx, domain.id)?.len() + 1, MOST_NAMES)?;
    tx.part(|| make_alias(tx, caller, domain, alias, Shown::Nothing))?;
    tell_of_alias(tx, caller, domain, alias)
}

/// Makes the alias of a claim whose challenge was seen a moment ago, and takes its name from a claim that yields the name to that. The
/// alias is proved.
pub(crate) fn add_proved_alias<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    alias: &DomainName,
) -> Result<(), Error> {
    check_number("aliases", table::aliases(tx, domain.id)?.len() + 1, MOST_NAMES)?;
    tx.part(|| make_alias(tx, caller, domain, alias, Shown::Challenge))?;
    ownership::table::prove_alias(tx, alias)?;
    tell_of_alias(tx, caller, domain, alias)
}

fn tell_of_alias<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    alias: &DomainName,
) -> Result<(), Error> {
    let change = event::Change::AliasAdded { domain: domain.into(), alias: alias.clone() };
    tx.tell(caller.actor(), domain.account, &change)
}

/// Takes an alias away. `NotFound(Alias)` if the domain has it not.
pub fn remove_alias<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    alias: &DomainName,
) -> Result<(), Error> {
    ownership::remember_alias(tx, domain.account, domain.id, alias)?;
    if !table::delete_alias(tx, domain.id, alias)? {
        return Err(Error::NotFound(Entity::Alias));
    }
    let change = event::Change::AliasRemoved { domain: domain.into(), alias: alias.clone() };
    tx.tell(caller.actor(), domain.account, &change)
}

/// Names the alias of a list that is refused: which of them the account has already is not clear otherwise.
fn of_list(error: Error, alias: &DomainName) -> Error {
    match error {
        Error::Conflict(Entity::Domain) => {
            let reason = format!("the account has {alias} already, as a domain or as an alias");
            Error::InUse { what: Entity::Alias, reason }
        }
        other => other,
    }
}

/// Forgets all of it: what an owner has set is nothing to the next one.
pub(crate) fn reset<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::clear(tx, domain.id)
}

/// What the audit log says of a change; none where everything stayed as it was.
fn told(domain: &Details, before: &Inbound, now: &Inbound) -> Option<event::Change> {
    let filtering = (before.filtering != now.filtering).then(|| now.filtering.clone());
    let (filtering_changed, filtering) = (filtering.is_some(), filtering.unwrap_or_default());
    let downstream = now.downstream.iter().map(|server| format!("{}:{}", server.target, server.port));
    (before != now).then(|| event::Change::InboundChanged {
        domain: domain.into(),
        filtering_changed,
        policy: filtering.policy.map(|policy| policy.to_string()),
        overrides: filtering.overrides,
        header_name: filtering.header_name,
        header_value: filtering.header_value,
        admins: (before.admins != now.admins).then(|| now.admins.clone()),
        downstream: (before.downstream != now.downstream).then(|| downstream.collect()),
        aliases: (before.aliases != now.aliases).then(|| now.aliases.clone()),
    })
}

/// To be called in a [part](WriteTx::part) of the transaction: that mail would go in a circle shows when the alias is there.
fn make_alias<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    alias: &DomainName,
    shown: Shown,
) -> Result<(), Error> {
    ledger::make_room(tx, domain.account, Cap::Aliases, 1)?;
    loss::make_way(tx, caller, alias, shown, None)?;
    check_reach(tx, caller, domain, alias)?;
    let claimed_at = ownership::begin(tx, domain.account, alias, shown)?;
    let covered = ownership::is_covered(tx, domain.account, alias, None)?;
    table::insert_alias(tx, domain, alias, claimed_at, covered)?;
    route::check_no_circle(tx, domain.id, "aliases")
}

/// `NotClaimable` if the alias would act at once, without proof, and lies below none of the domains to which the caller is limited.
///
/// Mail servers ask here first which names are local. Whoever added the name of a large provider would get the mail that all other
/// domains of this server send to that provider.
fn check_reach<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    alias: &DomainName,
) -> Result<(), Error> {
    if !caller.is_of_domains() || ownership::needs_proof(tx, domain.account)? {
        return Ok(());
    }
    let above: Vec<DomainName> = alias.ancestors().collect();
    if !domain::find_all_named(tx, caller, &above)?.is_empty() {
        return Ok(());
    }
    let reason = "aliases of this account take mail without proof, and this access is limited to some domains: add a name below one of \
                  them, or ask an administrator of the account";
    Err(Error::NotClaimable { reason: reason.to_owned() })
}

fn check_number(field: &'static str, number: usize, most: usize) -> Result<(), Error> {
    if number <= most {
        Ok(())
    } else {
        Err(Error::invalid(field, format_args!("at most {most} items are allowed")))
    }
}
