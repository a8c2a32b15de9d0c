//! How a domain begins: what may stand against it is read first, and then everything is written of it.

use std::collections::{HashMap, HashSet};

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::dkim::{self, life};
use crate::domain::{self, Details, Domain, DomainStatus, holder, table, total};
use crate::error::{Entity, Error};
use crate::event::Change;
use crate::id::{DomainId, SubscriptionId};
use crate::name::DomainName;
use crate::ownership::{self, Shown};
use crate::subscription::{self, Subscription};
use crate::tag::Tag;
use crate::{inbound, label, loss, record, signing, webhook};

/// What a new domain is made from.
#[derive(Clone, Debug)]
pub struct NewDomain<'a> {
    /// Its name.
    pub name: &'a DomainName,
    /// What its owner calls it.
    pub label: Option<&'a str>,
    /// The handle of the subscription that it counts toward; `default` where nothing is said.
    pub subscription: Option<&'a str>,
    /// The group to which the caller's end user belongs, if it acts on behalf of one.
    pub organization: Option<&'a Tag>,
    /// Whether its first DKIM key is left for later, although a spare pair may be ready: see [`equip_some`](super::equip_some).
    pub key_later: bool,
}

impl<'a> NewDomain<'a> {
    /// A domain of this name, and nothing more said.
    pub fn named(name: &'a DomainName) -> NewDomain<'a> {
        NewDomain { name, label: None, subscription: None, organization: None, key_later: false }
    }
}

/// Makes a domain: its records, its webhook key, and its first DKIM key if a spare pair is ready. If none is, the domain
/// gets its key by [`equip`](super::equip), by the background thread, or at its first check, and has no DKIM record before.
///
/// `Conflict` if the account has the name. `Taken` if another one has it, and its claim does not yield the name, or has proved a name above
/// it. `InUse(Alias)` if it is an alias of one of the caller's domains. `NotClaimable` if it is the operator's own and the account is a
/// tenant. `Limit` if the subscription is full, or a tenant has as many unproved names as it may.
pub fn create<'t>(tx: &WriteTx<'t>, caller: &Caller, new: &NewDomain<'_>) -> Result<Domain<'t>, Error> {
    if caller.is_of_domains() {
        // A new domain is not among those that the caller's key is limited to.
        return Err(Error::NotFound(Entity::Domain));
    }
    let label = label::parse_optional("label", new.label)?;
    tx.foresee(|read| {
        foresee(read, caller, new);
        let _ = table::next_ids(tx, 1);
    });
    if let Some(alias) = inbound::own_alias(tx, caller, new.name)? {
        return Err(alias);
    }
    make(tx, caller, new, label, Shown::Nothing)
}

/// Makes a domain for the caller's end user, or adopts one of the account's that has no user yet.
///
/// `Conflict` if the account has the domain for another user, or for this one; else it is refused as [`create`] refuses it.
pub fn create_or_adopt<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    new: &NewDomain<'_>,
) -> Result<Domain<'t>, Error> {
    let Some(user) = caller.user() else { return create(tx, caller, new) };
    match domain::find_named(tx, &caller.for_itself(), new.name) {
        Ok(own) if own.user.is_none() => {
            let change = Change::DomainAdopted {
                domain: (&own).into(),
                user: user.clone(),
                organization: new.organization.cloned(),
            };
            tx.tell(caller.actor(), own.account, &change)?;
            table::adopt(tx, &own, user, new.organization)
        }
        Ok(_) => Err(Error::Conflict(Entity::Domain)),
        Err(Error::NotFound(_)) => create(tx, caller, new),
        Err(error) => Err(error),
    }
}

/// Makes the domain of a claim whose challenge was seen a moment ago, and takes its name from a claim that yields the name to that.
/// The domain is proved.
///
/// It is refused as [`create`] refuses a name.
pub(crate) fn create_proved<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    name: &DomainName,
) -> Result<Domain<'t>, Error> {
    let domain = make(tx, caller, &NewDomain::named(name), None, Shown::Challenge)?;
    signing::prove(tx, caller.actor(), &domain, ownership::BY_CHALLENGE)?;
    domain::find(tx, caller, domain.id)
}

/// Makes those of these domains against which nothing stands and that take nothing from anybody: their names are free, the account
/// has no earlier claim to them, and there is room for all of them. `None` stands for each other one, and for one whose name came before
/// it: [`create`] makes it, or says why not.
///
/// On a server they wait for its answers together, and not one after the other. The domains get their keys later.
pub fn create_free<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    new: &[NewDomain<'_>],
) -> Result<Vec<Option<Domain<'t>>>, Error> {
    tx.foresee(|read| {
        for new in new {
            foresee(read, caller, new);
        }
        let _ = table::next_ids(tx, new.len());
    });
    let mut names = HashSet::new();
    let mut plans = Vec::with_capacity(new.len());
    for new in new {
        let new = NewDomain { key_later: true, ..new.clone() };
        plans.push(if names.insert(new.name) { plan_free(tx, caller, new)? } else { None });
    }
    if !is_room_for(tx, caller, plans.iter().flatten())? {
        plans.fill_with(|| None);
    }
    let mut ids = table::next_ids(tx, new.len())?.into_iter();
    let write = |plan: Option<Plan<'_>>| {
        let planned = plan.and_then(|plan| Some((plan, ids.next()?)));
        planned.map(|(plan, id)| write(tx, caller, plan, id)).transpose()
    };
    let made: Vec<Option<Domain<'t>>> = plans.into_iter().map(write).collect::<Result<_, _>>()?;
    total::add_new(tx, made.iter().flatten())?;
    Ok(made)
}

/// What is to be written of a domain against which nothing stands; none if it is one of the others.
fn plan_free<'a>(tx: &WriteTx<'_>, caller: &Caller, new: NewDomain<'a>) -> Result<Option<Plan<'a>>, Error> {
    let Ok(label) = label::parse_optional("label", new.label) else { return Ok(None) };
    if caller.is_of_domains() || !ownership::is_free(tx, caller, new.name)? {
        return Ok(None);
    }
    match plan(tx, caller, new, label, Shown::Nothing) {
        Ok(plan) => Ok(Some(plan)),
        Err(error @ Error::Store(_)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether there is room for all of these, in their plans and among the unproved names that the account may have.
fn is_room_for<'a>(
    tx: &ReadTx<'_>,
    caller: &Caller,
    plans: impl Iterator<Item = &'a Plan<'a>>,
) -> Result<bool, Error> {
    let mut of_each: HashMap<SubscriptionId, (&Subscription, u32)> = HashMap::new();
    let mut uncovered = 0;
    for plan in plans {
        of_each.entry(plan.subscription.id).or_insert((&plan.subscription, 0)).1 += 1;
        uncovered += u32::from(!plan.covered);
    }
    for (subscription, number) in of_each.into_values() {
        match subscription::make_room_for_domains(tx, subscription, number) {
            Ok(()) => {}
            Err(Error::Limit { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    ownership::has_room_for(tx, caller.account(), uncovered)
}

/// Foresees what is read before a domain is written.
fn foresee(tx: &ReadTx<'_>, caller: &Caller, new: &NewDomain<'_>) {
    let _ = inbound::own_alias(tx, caller, new.name);
    ownership::foresee(tx, caller, new.name);
    let _ = subscription::find(tx, caller.account(), new.subscription.unwrap_or(subscription::DEFAULT));
    let _ = dkim::pool::has_pair(tx);
    let _ = tx.master_key().newest();
}

/// What is to be written of a new domain.
struct Plan<'a> {
    new: NewDomain<'a>,
    label: Option<String>,
    subscription: Subscription,
    /// Whether it gets its first key later.
    key_later: bool,
    /// Since when the account's claim to its name counts.
    claimed_at: Timestamp,
    /// Whether it lies below a name that the account has proved.
    covered: bool,
}

/// Plans a domain of a name that the account may have. It refuses whatever is to be refused, and writes at most that an earlier claim of
/// the account to the name is over.
fn plan<'a>(
    tx: &WriteTx<'_>,
    caller: &Caller,
    new: NewDomain<'a>,
    label: Option<String>,
    shown: Shown,
) -> Result<Plan<'a>, Error> {
    let handle = new.subscription.unwrap_or(subscription::DEFAULT);
    let subscription = subscription::find(tx, caller.account(), handle)?;
    subscription::make_room_for_domain(tx, &subscription)?;
    let key_later = new.key_later || !dkim::pool::has_pair(tx)?;
    // What could not be made later is refused now.
    dkim::check_fit(new.name, &tx.settings().dkim_selector)?;
    if !key_later {
        life::check_room(tx, 0)?;
    }
    // What seals the keys is asked before anything is written, with the rest of what was foreseen.
    tx.master_key().newest()?;
    let covered = ownership::is_covered(tx, caller.account(), new.name, None)?;
    let claimed_at = ownership::begin(tx, caller.account(), new.name, shown)?;
    Ok(Plan { new, label, subscription, key_later, claimed_at, covered })
}

/// Makes a domain, and takes its name from a claim that yields the name when nothing is left to refuse.
fn make<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    new: &NewDomain<'_>,
    label: Option<String>,
    shown: Shown,
) -> Result<Domain<'t>, Error> {
    let gives_way = loss::check_way(tx, caller, new.name, shown, None)?;
    let plan = plan(tx, caller, new.clone(), label, shown)?;
    loss::take(tx, caller.account(), new.name, gives_way)?;
    let id = table::next_ids(tx, 1)?.pop().ok_or(Error::NotFound(Entity::Domain))?;
    let domain = write(tx, caller, plan, id)?;
    total::add_new(tx, [&domain])?;
    Ok(domain)
}

/// Writes what was planned, but for the totals.
fn write<'t>(tx: &WriteTx<'t>, caller: &Caller, plan: Plan<'_>, id: DomainId) -> Result<Domain<'t>, Error> {
    let now = tx.now();
    let new = Details {
        id,
        account: caller.account(),
        subscription: plan.subscription.id,
        tied_to: None,
        authority: None,
        name: plan.new.name.clone(),
        label: plan.label,
        user: caller.user().cloned(),
        organization: plan.new.organization.cloned(),
        status: DomainStatus::Pending,
        wants_key: plan.key_later,
        proved_at: None,
        checks: 0,
        next_check_at: now + domain::FIRST_CHECK_AFTER,
        claimed_at: plan.claimed_at,
        held_since: now,
        created_at: now,
        updated_at: now,
    };
    let domain = table::insert(tx, caller, new, plan.covered)?;
    webhook::create(tx, &domain)?;
    let key = (!plan.key_later).then(|| life::make_first(tx, &domain)).transpose()?;
    record::seed(tx, &domain, key.as_slice())?;
    let change = Change::DomainCreated {
        domain: (&domain).into(),
        label: domain.label.clone(),
        user: domain.user.clone(),
        organization: domain.organization.clone(),
    };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok(domain)
}

/// `Limit` if there is no room for those of the names that nobody has, in the subscription or among the unproved names that the caller's
/// account may have: for whoever is going to create them in several transactions.
pub fn make_room_for<'a>(
    tx: &ReadTx<'_>,
    caller: &Caller,
    subscription: &Subscription,
    names: impl IntoIterator<Item = &'a DomainName>,
) -> Result<(), Error> {
    let names: Vec<&DomainName> = names.into_iter().collect();
    tx.foresee(|tx| {
        for name in &names {
            let _ = holder::at(tx, name);
        }
    });
    let mut new = Vec::new();
    for name in names {
        if holder::at(tx, name)?.is_none() {
            new.push(name);
        }
    }
    let number = u32::try_from(new.len()).unwrap_or(u32::MAX);
    subscription::make_room_for_domains(tx, subscription, number)?;
    ownership::check_room_for(tx, caller, &new)
}
