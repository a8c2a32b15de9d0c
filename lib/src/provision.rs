//! How a domain begins, is renamed, changes hands and ends: each one transaction, with all that hangs on it.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::provision;
//!
//! postroom.write(|tx| {
//!     let domain = domain::find(tx, &caller, id)?;
//!     provision::rename(tx, &caller, &domain, &"example.net".parse()?)?;
//!     provision::delete(tx, &caller, &domain::find(tx, &caller, id)?)
//! })?;
//! assert!(postroom.read(|tx| domain::find(tx, &caller, id).map(drop)).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::account::Caller;
use crate::db::{Postroom, ReadTx, WriteTx};
use crate::dkim::{DkimKey, Source, life};
use crate::domain::{self, Details, Domain, holder, table};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::AccountId;
use crate::name::DomainName;
use crate::subscription::Subscription;
use crate::tag::Tag;
use crate::{
    dkim, inbound, label, list, login, loss, ownership, recipient, record, route, session, setup_link,
    signing, subscription, token, webhook,
};

/// Before every account.
const NOBODY: AccountId = AccountId::new(0);

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
/// `Conflict` if the account has the name. `Taken` if another one has it, and its claim does not give way, or has proved a name above
/// it. `InUse(Alias)` if it is an alias of one of the caller's domains. `NotClaimable` if it is the operator's own and the account is a
/// tenant. `Limit` if the subscription is full, or a tenant has as many unproved names as it may.
pub fn create<'t>(tx: &WriteTx<'t>, caller: &Caller, new: &NewDomain<'_>) -> Result<Domain<'t>, Error> {
    if caller.is_of_domains() {
        // A new domain is not among those that the caller's key is limited to.
        return Err(Error::NotFound(Entity::Domain));
    }
    let label = label::parse_optional("label", new.label)?;
    tx.foresee(|tx| foresee(tx, caller, new));
    if let Some(alias) = inbound::own_alias(tx, caller, new.name)? {
        return Err(alias);
    }
    loss::make_way(tx, caller.account(), new.name, false, None)?;
    make(tx, caller, new, label.as_deref(), false)
}

/// Makes the domain of a claim whose challenge was seen a moment ago, and takes its name from a claim that gives way to that.
/// The domain is proved.
///
/// It is refused as [`create`] refuses a name.
pub(crate) fn create_proved<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    name: &DomainName,
) -> Result<Domain<'t>, Error> {
    loss::make_way(tx, caller.account(), name, true, None)?;
    let domain = make(tx, caller, &NewDomain::named(name), None, true)?;
    signing::prove(tx, caller.actor(), &domain, ownership::BY_CHALLENGE)?;
    domain::find(tx, caller, domain.id)
}

/// Foresees what is read before a domain is written.
fn foresee(tx: &ReadTx<'_>, caller: &Caller, new: &NewDomain<'_>) {
    let _ = inbound::own_alias(tx, caller, new.name);
    ownership::foresee(tx, caller.account(), new.name);
    let _ = subscription::find(tx, caller.account(), new.subscription.unwrap_or(subscription::DEFAULT));
    let _ = dkim::pool::count(tx);
    let _ = tx.master_key().newest();
}

/// Makes a domain of a name for which way was made.
fn make<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    new: &NewDomain<'_>,
    label: Option<&str>,
    is_challenge_seen: bool,
) -> Result<Domain<'t>, Error> {
    let claimed_at = ownership::begin(tx, caller.account(), new.name, is_challenge_seen)?;
    let handle = new.subscription.unwrap_or(subscription::DEFAULT);
    let subscription = subscription::find(tx, caller.account(), handle)?;
    subscription::make_room_for_domain(tx, &subscription)?;
    let key_later = new.key_later || dkim::pool::count(tx)? == 0;
    // What seals the keys is asked before anything is written, with the rest of what was foreseen.
    tx.master_key().newest()?;
    let row = table::NewRow {
        subscription: subscription.id,
        name: new.name,
        label,
        organization: new.organization,
        next_check_at: tx.now() + domain::FIRST_CHECK_AFTER,
        wants_key: key_later,
        claimed_at,
        covered: ownership::is_covered(tx, caller.account(), new.name)?,
    };
    let domain = table::insert(tx, caller, &row)?;
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

/// `Limit` if the subscription has no room for those of the names that nobody has: for whoever is going to create them in several
/// transactions.
pub fn make_room_for<'a>(
    tx: &ReadTx<'_>,
    subscription: &Subscription,
    names: impl IntoIterator<Item = &'a DomainName>,
) -> Result<(), Error> {
    if subscription.limits.max_domains.is_none() {
        return Ok(());
    }
    let mut new = 0;
    for name in names {
        new += u32::from(holder::at(tx, name)?.is_none());
    }
    subscription::make_room_for_domains(tx, subscription, new)
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

/// Gives domains of at most `limit` accounts their first DKIM key, one each, as far as the pool of spare pairs reaches; where
/// that is empty, one domain, whose pair is made. The accounts take turns: the next call goes on with those that follow. Returns whether there may be more to do. Meant for the thread that fills the
/// pool.
pub fn equip_some(postroom: &Postroom, limit: u32) -> Result<bool, Error> {
    let (wanting, spares) = postroom
        .read(|tx| Ok::<_, Error>((holder::wanting_key(tx, NOBODY, 1)?.len(), dkim::pool::count(tx)?)))?;
    if wanting == 0 {
        return Ok(false);
    }
    let last = dkim::pool::write(postroom, |tx| {
        let most = limit.min(spares.max(1));
        let mut last = postroom.turns().last_key();
        let mut round = holder::wanting_key(tx, last, most)?;
        if round.is_empty() {
            round = holder::wanting_key(tx, NOBODY, most)?;
        }
        for holder in round {
            last = holder.account;
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
        Ok(last)
    })?;
    postroom.turns().note_key(last);
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
/// `InUse` while its keys sign for another domain, or it proves one below it to which the caller's key has no access; else as [`create`] refuses the new name.
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
    ownership::check_proves_for_own(tx, caller, domain)?;
    if let Some(alias) = inbound::own_alias(tx, caller, name)? {
        return Err(alias);
    }
    loss::make_way(tx, caller.account(), name, false, Some(domain.id))?;
    ownership::remember(tx, domain.account, domain.id)?;
    let claimed_at = ownership::begin(tx, domain.account, name, false)?;
    let covered = ownership::is_covered(tx, domain.account, name)?;
    let claim = table::NewClaim { name, claimed_at, covered };
    let renamed = table::rename(tx, domain, &claim, tx.now() + domain::FIRST_CHECK_AFTER)?;
    route::check_no_circle(tx, renamed.id, "name")?;
    let keys = dkim::list(tx, &renamed)?;
    keys.iter().try_for_each(|key| dkim::check_fit(&renamed, &key.selector))?;
    // A key signs only while its record is known to be right, and the new name has none yet.
    life::suspend_all(tx, domain)?;
    // A link names the domain that it opens, and whoever came by one came for that name.
    login::withdraw(tx, domain)?;
    session::withdraw(tx, domain)?;
    setup_link::withdraw(tx, domain)?;
    record::clear(tx, &renamed)?;
    record::seed(tx, &renamed, &keys)?;
    let change = Change::DomainRenamed { domain: (&renamed).into(), from: domain.name.clone() };
    tx.tell(caller.actor(), domain.account, &change)?;
    leave(tx, caller, domain)?;
    Ok(renamed)
}

/// Domains of the account below a name that it has no more do not rest on its proof any longer.
fn leave<'t>(tx: &WriteTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<(), Error> {
    if domain.proved_at.is_none() {
        return Ok(());
    }
    signing::follow_proof(tx, caller.actor(), domain.account, &domain.name)
}

/// Deletes the domain with everything that hangs on it.
///
/// `InUse` while its keys sign for another domain, or it proves one below it to which the caller's key has no access.
pub fn delete<'t>(tx: &WriteTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<(), Error> {
    check_signs_for_none(tx, caller, domain)?;
    ownership::check_proves_for_own(tx, caller, domain)?;
    ownership::remember(tx, domain.account, domain.id)?;
    table::delete(tx, domain.id)?;
    tx.tell(caller.actor(), domain.account, &Change::DomainDeleted { domain: domain.into() })?;
    leave(tx, caller, domain)
}

/// Hands the domain, with its keys and records, to another account's `default` subscription. It is the operator's decision, and
/// the new account acts for the name at once.
///
/// What is set of incoming mail does not go along, such as a route with a webhook of the old account's, aliases, recipients and
/// lists: mail is stored until the new one says otherwise. Tokens are revoked, and login links and the sessions of the domain's
/// administrators end. A key that the old account brought, and may still have, does not sign until it is activated anew; and the domain gets a new key. `NoSpareKey` if no
/// pair is ready for that: see [`pool::write`](dkim::pool::write).
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
    setup_link::withdraw(tx, domain)?;
    webhook::call::clear(tx, domain)?;
    token::revoke_all(tx, caller, domain)?;
    life::shelve_imported(tx, caller.actor(), domain.account, &domain.into())?;
    add_key(tx, caller, domain)?;
    ownership::table::forget_claims_of(tx, domain.id)?;
    ownership::begin(tx, to, &domain.name, false)?;
    list::clear(tx, domain)?;
    recipient::clear(tx, domain)?;
    let moved = table::transfer(tx, domain, to, subscription.id)?;
    table::set_next_check(tx, domain.id, tx.now() + domain::FIRST_CHECK_AFTER, 0)?;
    // Where a domain above it signed, its own keys do from now on.
    signing::follow(tx, caller.actor(), domain.id)?;
    leave(tx, caller, domain)?;
    ownership::cover_below(tx, to, &domain.name)?;
    signing::follow_proof(tx, caller.actor(), to, &domain.name)?;
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

/// Gives a domain that changes hands a new key. It signs as soon as its record is seen, where no other key signs.
fn add_key<'t>(tx: &WriteTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<(), Error> {
    equip(tx, domain)?;
    let keys = dkim::list(tx, domain)?;
    let Some(newest) = keys.iter().max_by_key(|key| key.id) else { return Ok(()) };
    if keys.len() >= tx.settings().most_dkim_keys as usize {
        // One of those that do not sign makes room.
        let Some(idle) = keys.iter().find(|key| !key.is_active() && key.delegated_to.is_none()) else {
            return Ok(());
        };
        life::delete(tx, caller, domain, idle)?;
    }
    let selector = dkim::next_selector(newest, &keys)?;
    let key = life::make(tx, caller, domain, &selector, &Source::Pool, None)?;
    record::add_key(tx, &key)?;
    if keys.iter().any(DkimKey::is_active) { Ok(()) } else { life::let_start_itself(tx, &key) }
}
