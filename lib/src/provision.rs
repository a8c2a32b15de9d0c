//! How a domain begins, is renamed, changes hands and ends: each one transaction, with all that hangs on it.

use crate::account::Caller;
use crate::db::{Postroom, ReadTx, WriteTx};
use crate::dkim::life;
use crate::domain::{self, Details, Domain, Holder, holder, table};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::AccountId;
use crate::name::DomainName;
use crate::tag::Tag;
use crate::{
    dkim, inbound, label, list, login, recipient, record, route, session, signing, subscription, webhook,
};

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
    /// Whether its first DKIM key is left for later, although a spare pair may be ready: see [`equip_some`].
    pub key_later: bool,
}

impl<'a> NewDomain<'a> {
    /// A domain of this name, and nothing more said.
    pub fn named(name: &'a DomainName) -> NewDomain<'a> {
        NewDomain { name, label: None, subscription: None, organization: None, key_later: false }
    }
}

/// Makes a domain: its records, its webhook key, and its first DKIM key if a spare pair is ready. If none is, the domain
/// gets its key by [`equip`], by the background thread, or at its first check, and has no DKIM record before.
///
/// `Conflict` if the name is taken: by this account, or by another whose claim has not expired. `InUse(Alias)` if it is an alias
/// of one of the caller's domains. `Limit` if the subscription is full.
pub fn create<'t>(tx: &WriteTx<'t>, caller: &Caller, new: &NewDomain<'_>) -> Result<Domain<'t>, Error> {
    if caller.is_of_domains() {
        // A new domain is not among those that the caller's key is limited to.
        return Err(Error::NotFound(Entity::Domain));
    }
    let label = label::parse_optional("label", new.label)?;
    if let Some(alias) = inbound::own_alias(tx, caller, new.name)? {
        return Err(alias);
    }
    make_way(tx, caller.account(), new.name)?;
    let handle = new.subscription.unwrap_or(subscription::DEFAULT);
    let subscription = subscription::find(tx, caller.account(), handle)?;
    subscription::make_room_for_domain(tx, &subscription)?;
    let key_later = new.key_later || dkim::pool::count(tx)? == 0;
    let row = table::NewRow {
        account: caller.account(),
        subscription: subscription.id,
        name: new.name,
        label: label.as_deref(),
        user: caller.user(),
        organization: new.organization,
        next_check_at: tx.now() + domain::FIRST_CHECK_AFTER,
        wants_key: key_later,
    };
    let domain = table::insert(tx, &row)?;
    webhook::create(tx, &domain)?;
    // What could not be made later is refused now.
    dkim::check_fit(&domain, &tx.settings().dkim_selector)?;
    let key = (!key_later).then(|| life::make_first(tx, &domain)).transpose()?;
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

/// Gives the domain its first DKIM key, if that was left for later. `NoSpareKey` if no pair is ready:
/// [`pool::write`](dkim::pool::write) makes one.
pub fn equip<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    // Not as it was when the domain was read: this may be called twice in one transaction.
    if domain.wants_key && table::has_key(tx, domain.id)? && dkim::list(tx, domain)?.is_empty() {
        let key = life::make_first(tx, domain)?;
        record::add_key(tx, &key)?;
    }
    Ok(())
}

/// Gives at most `limit` domains of any account their first DKIM key, as far as the pool of spare pairs reaches; where that
/// is empty, one domain, whose pair is made. Returns whether there may be more to do. Meant for the thread that fills the
/// pool.
pub fn equip_some(postroom: &Postroom, limit: u32) -> Result<bool, Error> {
    let (wanting, spares) =
        postroom.read(|tx| Ok::<_, Error>((holder::wanting_key(tx, 1)?.len(), dkim::pool::count(tx)?)))?;
    if wanting == 0 {
        return Ok(false);
    }
    dkim::pool::write(postroom, |tx| {
        for holder in holder::wanting_key(tx, limit.min(spares.max(1)))? {
            let (id, caller) = holder.for_schedule();
            let domain = domain::find(tx, &caller, id)?;
            match tx.part(|| equip(tx, &domain)) {
                Err(error @ (Error::Store(_) | Error::NoSpareKey)) => return Err(error),
                Ok(()) => {}
                // The settings have changed meanwhile: one domain's trouble is not the others'.
                Err(refused) => {
                    table::has_key(tx, domain.id)?;
                    let change =
                        Change::FirstKeyRefused { domain: (&domain).into(), reason: refused.to_string() };
                    tx.tell(&Actor::Schedule, domain.account, &change)?;
                }
            }
        }
        Ok(())
    })?;
    Ok(true)
}

/// Makes a domain for the caller's end user, or adopts one of the account's that has no user yet.
///
/// `Conflict` if the name is taken by another user, by this one, or by another account.
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

/// Gives the domain another name. Its keys and tokens stay; its records are made anew, and nothing of what was
/// verified of the old name holds for the new one; its own keys sign for it.
///
/// `InUse` while its keys sign for another domain.
pub fn rename<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    name: &DomainName,
) -> Result<Domain<'t>, Error> {
    if domain.name == *name {
        return Ok(domain.clone());
    }
    check_signs_for_none(tx, caller, domain)?;
    if let Some(alias) = inbound::own_alias(tx, caller, name)? {
        return Err(alias);
    }
    make_way(tx, caller.account(), name)?;
    let renamed = table::rename(tx, domain, name, tx.now() + domain::FIRST_CHECK_AFTER)?;
    let keys = dkim::list(tx, &renamed)?;
    keys.iter().try_for_each(|key| dkim::check_fit(&renamed, &key.selector))?;
    // A key signs only while its record is known to be right, and the new name has none yet.
    life::suspend_all(tx, domain)?;
    // A link names the domain that it opens, and whoever came by one came for that name.
    login::withdraw(tx, domain)?;
    session::withdraw(tx, domain)?;
    record::clear(tx, &renamed)?;
    record::seed(tx, &renamed, &keys)?;
    let change = Change::DomainRenamed { domain: (&renamed).into(), from: domain.name.clone() };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok(renamed)
}

/// Deletes the domain with everything that hangs on it.
///
/// `InUse` while its keys sign for another domain.
pub fn delete<'t>(tx: &WriteTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<(), Error> {
    check_signs_for_none(tx, caller, domain)?;
    table::delete(tx, domain.id)?;
    tx.tell(caller.actor(), domain.account, &Change::DomainDeleted { domain: domain.into() })
}

/// Hands the domain, with its keys, tokens and records, to another account's `default` subscription. What is set of incoming
/// mail does not go along, such as a route with a webhook of the old account's, aliases, recipients and lists: mail is stored
/// until the new one says otherwise. Login links end, and so do the sessions of the domain's administrators.
pub fn transfer<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    to: AccountId,
) -> Result<Details, Error> {
    if domain.account == to {
        return Ok(domain.details().clone());
    }
    check_signs_for_none(tx, caller, domain)?;
    let subscription = subscription::find(tx, to, subscription::DEFAULT)?;
    subscription::make_room_for_domain(tx, &subscription)?;
    route::reset(tx, domain)?;
    inbound::reset(tx, domain)?;
    login::withdraw(tx, domain)?;
    session::withdraw(tx, domain)?;
    list::clear(tx, domain)?;
    recipient::clear(tx, domain)?;
    let moved = table::transfer(tx, domain, to, subscription.id)?;
    table::set_next_check(tx, domain.id, tx.now() + domain::FIRST_CHECK_AFTER, 0)?;
    // Where a domain above it signed, its own keys do from now on.
    signing::follow(tx, caller.actor(), domain.id)?;
    for account in [domain.account, to] {
        let change = Change::DomainTransferred { domain: domain.into(), from: domain.account, to };
        tx.tell(caller.actor(), account, &change)?;
    }
    Ok(moved)
}

fn check_signs_for_none<'t>(tx: &ReadTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<(), Error> {
    let Some(dependent) = holder::dependent(tx, domain.id)? else { return Ok(()) };
    // One that the caller may not see is not named.
    let named = domain::find(tx, caller, dependent.id).map(|dependent| dependent.name.to_string());
    let named = named.unwrap_or_else(|_| "another domain".to_owned());
    let reason = format!("its keys sign for {named}; make that its own DKIM authority first");
    Err(Error::InUse { what: Entity::Domain, reason })
}

/// Whether `account` could have `name` now, and if another's expired claim stands in the way, away with that.
fn make_way(tx: &WriteTx<'_>, account: AccountId, name: &DomainName) -> Result<(), Error> {
    let Some(holder) = inbound::of_mail_for(tx, name)? else {
        return Ok(());
    };
    if holder.account == account || !has_expired(tx, &holder)? {
        return Err(Error::Conflict(Entity::Domain));
    }
    let lost = if holder.name == *name {
        let left_alone = table::hand_on_authority(tx, holder.id, None)?;
        left_alone.into_iter().try_for_each(|id| signing::follow(tx, &Actor::Operator, id).map(drop))?;
        table::delete(tx, holder.id)?;
        Change::DomainGaveWay { domain: (&holder).into() }
    } else {
        // An alias is worth what its domain is.
        inbound::give_way(tx, &holder, name)?;
        Change::AliasGaveWay { domain: (&holder).into(), alias: name.clone() }
    };
    tx.tell(&Actor::Operator, holder.account, &lost)?;
    tx.tell(&Actor::Operator, account, &Change::DomainClaimed { name: name.clone() })
}

/// A claim without proof lasts only so long, or whoever comes first could keep a name from its owner for ever. Who has
/// proved a domain has proved those below it that its keys sign for.
fn has_expired<'t>(tx: &ReadTx<'t>, holder: &Holder<'t>) -> Result<bool, Error> {
    if holder.proved_at.is_some() || tx.now().since(holder.claimed_at) <= tx.settings().claim_expires_after {
        return Ok(false);
    }
    let authority = holder::authority_of(tx, holder.authority)?;
    Ok(authority.is_none_or(|authority| authority.proved_at.is_none()))
}
