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

mod creation;

use crate::account::Caller;
use crate::db::{Postroom, ReadTx, WriteTx};
use crate::dkim::{DkimKey, Source, life};
use crate::domain::{self, Details, Domain, holder, table};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::AccountId;
use crate::name::DomainName;
use crate::ownership::{self, Shown};
use crate::subscription::Subscription;
use crate::{
    dkim, inbound, list, login, loss, recipient, record, route, session, setup_link, signing, subscription,
    token, webhook,
};

pub(crate) use creation::create_proved;
pub use creation::{NewDomain, create, create_free, create_or_adopt, make_room_for};

/// Before every account.
const NOBODY: AccountId = AccountId::new(0);

/// Gives the domain its first DKIM key, if that was left for later. `NoSpareKey` if no pair is ready:
/// [`pool::write`](dkim::pool::write) makes one.
pub fn equip<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    if !domain.wants_key {
        return Ok(());
    }
    tx.part(|| {
        // Not as it was when the domain was read: this may be called twice in one transaction.
        if table::stop_waiting_for_key(tx, domain.id)? && dkim::list(tx, domain)?.is_empty() {
            let key = life::make_first(tx, domain)?;
            record::add_key(tx, &key)?;
        }
        Ok(())
    })
}

/// Gives domains of at most `limit` accounts their first DKIM key, one each, as far as the pool of spare pairs reaches; where
/// that is empty, one domain, whose pair is made. The accounts take turns: the next call goes on with those that follow. Returns whether there may be more to do. Meant for the thread that fills the
/// pool.
///
/// A domain that is damaged gets no key in this way, any more: the others get theirs, and then this fails with what is damaged.
pub fn equip_some(postroom: &Postroom, limit: u32) -> Result<bool, Error> {
    let (wanting, spares) = postroom
        .read(|tx| Ok::<_, Error>((holder::wanting_key(tx, NOBODY, 1)?.len(), dkim::pool::count(tx)?)))?;
    if wanting == 0 {
        return Ok(false);
    }
    let (last, damage) = dkim::pool::write(postroom, |tx| {
        let mut damage = None;
        let most = limit.min(spares.max(1));
        let mut last = postroom.turns().last_key();
        let mut round = holder::wanting_key(tx, last, most)?;
        if round.is_empty() {
            round = holder::wanting_key(tx, NOBODY, most)?;
        }
        for holder in round {
            last = holder.account;
            let (id, caller) = holder.for_schedule();
            let domain = match domain::find(tx, &caller, id) {
                // Those behind it wait for nothing that may never be repaired.
                Err(error) if error.is_damage() => {
                    table::stop_waiting_for_key(tx, id)?;
                    damage.get_or_insert(error);
                    continue;
                }
                found => found?,
            };
            match equip(tx, &domain) {
                Err(error @ (Error::Store(_) | Error::NoSpareKey)) => return Err(error),
                Ok(()) => {}
                // The settings have changed meanwhile: one domain's trouble is not the others'.
                Err(refused) => {
                    table::stop_waiting_for_key(tx, domain.id)?;
                    let change =
                        Change::FirstKeyRefused { domain: (&domain).into(), reason: refused.to_string() };
                    tx.tell(&Actor::Schedule, domain.account, &change)?;
                }
            }
        }
        Ok((last, damage))
    })?;
    postroom.turns().note_key(last);
    damage.map_or(Ok(true), Err)
}

/// Gives the domain another name. Its keys and tokens stay; its records are made anew, and nothing of what was
/// verified of the old name holds for the new one; its own keys sign for it.
///
/// `InUse` while its keys sign for another domain, or it proves one below it to which the caller's key has no access; else as [`create`] refuses the new
/// name: a caller that is limited to some domains gains none, for in a trusted account that would act at once.
pub fn rename<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    name: &DomainName,
) -> Result<Domain<'t>, Error> {
    if domain.name == *name {
        return Ok(domain.clone());
    }
    if caller.is_of_domains() {
        return Err(Error::NotFound(Entity::Domain));
    }
    check_signs_for_none(tx, caller, domain)?;
    ownership::check_proves_for_own(tx, caller, domain)?;
    if let Some(alias) = inbound::own_alias(tx, caller, name)? {
        return Err(alias);
    }
    // That mail would go in a circle shows when the name is there.
    tx.part(|| move_to(tx, caller, domain, name))
}

/// Gives the domain a name that nothing of its own prevents.
fn move_to<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    name: &DomainName,
) -> Result<Domain<'t>, Error> {
    loss::make_way(tx, caller, name, Shown::Nothing, Some(domain.id))?;
    ownership::remember(tx, domain.account, domain.id)?;
    let claimed_at = ownership::begin(tx, domain.account, name, Shown::Nothing)?;
    let covered = ownership::is_covered(tx, domain.account, name, Some(domain.id))?;
    let claim = table::NewClaim { name, claimed_at, covered };
    let renamed = table::rename(tx, domain, &claim, tx.now() + domain::FIRST_CHECK_AFTER)?;
    route::check_no_circle(tx, renamed.id, "name")?;
    let keys = dkim::list(tx, &renamed)?;
    keys.iter().try_for_each(|key| dkim::check_fit(name, &key.selector))?;
    let change = Change::DomainRenamed { domain: (&renamed).into(), from: domain.name.clone() };
    tx.tell(caller.actor(), domain.account, &change)?;
    // A key signs only while its record is known to be right, and the new name has none yet.
    life::suspend_all(tx, caller, &renamed)?;
    // A link names the domain that it opens, and whoever came by one came for that name.
    login::withdraw(tx, domain)?;
    session::withdraw(tx, domain)?;
    setup_link::withdraw(tx, domain)?;
    record::clear(tx, &renamed)?;
    record::seed(tx, &renamed, &keys)?;
    signing::follow(tx, caller.actor(), domain.id)?;
    leave(tx, caller, domain)?;
    domain::find(tx, caller, domain.id)
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
/// administrators end. Keys are not rotated by themselves any more, and a rotation that waits is aborted. A key that the old account
/// brought, and may still have, does not sign until it is activated anew; and the domain gets a new key. `NoSpareKey` if no pair is ready for
/// that: see [`pool::write`](dkim::pool::write). `InUse` while its keys sign for another domain; `Limit` if the subscription of the new
/// account has no room.
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
    // Whether a spare pair is ready shows when the domain's keys make room for it.
    tx.part(|| hand_over(tx, caller, domain, &subscription))
}

/// Hands the domain to the account of a subscription that has room for it.
fn hand_over<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    subscription: &Subscription,
) -> Result<Details, Error> {
    let to = subscription.account;
    route::reset(tx, domain)?;
    inbound::reset(tx, domain)?;
    login::withdraw(tx, domain)?;
    session::withdraw(tx, domain)?;
    setup_link::withdraw(tx, domain)?;
    webhook::call::clear(tx, domain)?;
    token::revoke_all(tx, caller, domain)?;
    life::shelve_imported(tx, caller.actor(), domain.account, &domain.into())?;
    if domain.authority.is_some() {
        record::suspend_unseen(tx, caller, domain)?;
    }
    life::end_rotations(tx, caller, domain)?;
    add_key(tx, caller, domain)?;
    ownership::table::forget_claims_of(tx, domain.id)?;
    ownership::begin(tx, to, &domain.name, Shown::Nothing)?;
    list::clear(tx, domain)?;
    recipient::clear(tx, domain)?;
    let moved = table::transfer(tx, domain, to, subscription.id)?;
    table::set_next_check(tx, domain.id, tx.now() + domain::FIRST_CHECK_AFTER, 0)?;
    // Where a domain above it signed, its own keys do from now on.
    signing::follow(tx, caller.actor(), domain.id)?;
    leave(tx, caller, domain)?;
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
        let Some(idle) = life::least_needed(tx, domain)? else { return Ok(()) };
        life::delete(tx, caller, domain, &idle)?;
    }
    let selector = dkim::next_selector(newest, &keys)?;
    let key = life::make(tx, caller, domain, &selector, &Source::Pool, None)?;
    record::add_key(tx, &key)?;
    if keys.iter().any(DkimKey::is_active) { Ok(()) } else { life::let_start_itself(tx, &key) }
}
