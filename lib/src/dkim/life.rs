//! The life of a DKIM key: the only place that makes one, lets it sign, has it stop, gives it another name or ends it.
//!
//! ```text
//! made ──activate, start_itself──> active ──deactivate──────────> inactive ──activate──> active
//!                                         ──retire──> retired ──release──> released ──delete
//!                                         ──suspend_all, suspend_unseen──> inactive, and starts itself once its record is right
//! ```
//!
//! Each step writes the key's row, and what a person wants to know of it into the audit log. When a step is to be made is
//! for others to decide: [`provision`](crate::provision) makes a domain's first key, [`keyring`](crate::keyring) does what
//! an owner asks, [`rotation`](crate::rotation) what comes due, and [`verify`](crate::verify) what the DNS shows.

use super::{DkimKey, Source, check_fit, identity, pool, table};
use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::Domain;
use crate::error::{Entity, Error};
use crate::event::{Actor, Change, DomainRef, KeyRef};
use crate::id::{AccountId, DkimKeyId, DomainId};
use crate::name::{DnsName, Selector};

/// Makes the first key of a domain, under the selector that the operator has set. It starts itself.
///
/// It belongs to the domain's creation, and has no line of its own in the audit log. The caller knows that there is no other key.
/// `NoSpareKey` if the pool is empty.
pub(crate) fn make_first<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<DkimKey, Error> {
    let key = insert(tx, domain, &[], &tx.settings().dkim_selector, &Source::Pool, None)?;
    let_start_itself(tx, &key)?;
    Ok(key)
}

/// Makes a key of `domain` under `selector`, inactive, or takes one that its owner has brought.
///
/// `Conflict` if the domain has a key under it already, `Limit` if it has as many as it may, `NoSpareKey` if it is to come
/// from the pool and that is empty.
pub(crate) fn make<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    selector: &Selector,
    source: &Source,
    delegated_to: Option<&DnsName>,
) -> Result<DkimKey, Error> {
    let is_imported = matches!(source, Source::Pair(pair) if pair.is_imported());
    let others = table::all(tx, domain.id)?;
    let key = insert(tx, domain, &others, selector, source, delegated_to)?;
    let (whose, new) = (domain.into(), KeyRef::from(&key));
    let change = if is_imported {
        Change::DkimKeyImported { domain: whose, key: new }
    } else {
        Change::DkimKeyCreated { domain: whose, key: new, delegated_to: delegated_to.cloned() }
    };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok(key)
}

/// Makes a key beside the `others` of the domain.
fn insert<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    others: &[DkimKey],
    selector: &Selector,
    source: &Source,
    delegated_to: Option<&DnsName>,
) -> Result<DkimKey, Error> {
    check_fit(&domain.name, selector)?;
    if others.iter().any(|key| key.occupies(selector)) {
        return Err(Error::Conflict(Entity::DkimKey));
    }
    check_room(tx, others.len())?;
    let spare;
    let pair = match source {
        Source::Pool => {
            spare = pool::take(tx)?;
            &spare
        }
        Source::Pair(pair) => pair,
    };
    let sealed = tx.master_key().seal(&identity(domain.id, &pair.public), &pair.private)?;
    table::insert(tx, domain.id, selector, pair, &sealed, delegated_to)
}

/// `Limit` if a domain with so many keys has as many as it may.
pub(crate) fn check_room(tx: &ReadTx<'_>, keys: usize) -> Result<(), Error> {
    let most = tx.settings().most_dkim_keys;
    if keys < most as usize { Ok(()) } else { Err(Error::Limit { what: Entity::DkimKey, most: most.into() }) }
}

/// Lets the key start itself: it signs as soon as its record is first seen right.
pub(crate) fn let_start_itself(tx: &WriteTx<'_>, key: &DkimKey) -> Result<(), Error> {
    table::let_start_itself(tx, key.id)
}

/// Has no key of the domain start itself any more: from now on somebody decides.
pub(crate) fn let_none_start_itself<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::let_none_start_itself(tx, domain.id)
}

/// Lets the key start itself, and none that waited to do so.
pub(crate) fn let_it_alone_start_itself<'t>(
    tx: &WriteTx<'t>,
    domain: &Domain<'t>,
    key: &DkimKey,
) -> Result<(), Error> {
    let_none_start_itself(tx, domain)?;
    let_start_itself(tx, key)
}

/// The key's record was seen right: it signs, if it was to start itself. Returns whether that was so.
pub(crate) fn start_itself<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    key: DkimKeyId,
) -> Result<bool, Error> {
    let Some(selector) = table::start_itself(tx, key)? else { return Ok(false) };
    let change = Change::DkimKeyActivated { domain: domain.into(), key: KeyRef { id: key, selector } };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok(true)
}

/// Lets the key sign from now on.
pub(crate) fn activate<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    key: &DkimKey,
) -> Result<(), Error> {
    table::activate(tx, key.id)?;
    let change = Change::DkimKeyActivated { domain: domain.into(), key: key.into() };
    tx.tell(caller.actor(), domain.account, &change)
}

/// Has the key sign no more, nor start itself. Returns whether it did, or was to.
pub(crate) fn deactivate<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    key: &DkimKey,
) -> Result<bool, Error> {
    let was = table::deactivate(tx, key.id)?;
    if was {
        tell_deactivated(tx, caller, domain, key)?;
    }
    Ok(was)
}

fn tell_deactivated<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    key: &DkimKey,
) -> Result<(), Error> {
    let change = Change::DkimKeyDeactivated { domain: domain.into(), key: key.into() };
    tx.tell(caller.actor(), domain.account, &change)
}

/// Has the key sign no more, nor start itself, because another signs in its place. Its record stays, for mail that is under way. A key
/// that neither signs nor was to start stays as it is.
pub(crate) fn retire<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    key: &DkimKey,
) -> Result<(), Error> {
    if !table::retire(tx, key.id)? {
        return Ok(());
    }
    let change = Change::DkimKeyRetired { domain: domain.into(), key: key.into() };
    tx.tell(caller.actor(), domain.account, &change)
}

/// Releases a key of any domain, if it was retired before `then`: nobody needs its record any more.
///
/// Whoever calls finds its domain, and writes down that it was released.
pub(crate) fn release(tx: &WriteTx<'_>, key: DkimKeyId, then: Timestamp) -> Result<Option<DkimKey>, Error> {
    table::release(tx, key, then)
}

/// Gives the key another selector. `published_as` is the one under which it goes on signing until its record is seen under
/// the new one.
pub(crate) fn rename<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    key: &DkimKey,
    selector: &Selector,
    published_as: Option<&Selector>,
) -> Result<(), Error> {
    table::rename(tx, key, selector, published_as)?;
    let renamed = KeyRef { id: key.id, selector: selector.clone() };
    let from = key.selector.clone();
    let change = Change::DkimKeyRenamed { domain: domain.into(), key: renamed, from };
    tx.tell(caller.actor(), domain.account, &change)
}

/// The key's record was seen under its selector, so that it signs under that one.
pub(crate) fn sign_under_selector(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<(), Error> {
    table::sign_under_selector(tx, key)
}

/// A check has seen the key's record right: if it does not sign later on, it was switched off.
pub(crate) fn note_seen(tx: &WriteTx<'_>, key: DkimKeyId) -> Result<(), Error> {
    table::note_seen(tx, key)
}

/// Has no key of a renamed domain sign: nothing is known of their records at its new name. Those that signed start
/// themselves.
pub(crate) fn suspend_all<'t>(tx: &WriteTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<(), Error> {
    let suspended = table::suspend(tx, &[domain.id], None)?;
    suspended.iter().try_for_each(|key| tell_deactivated(tx, caller, domain, key))
}

/// Has those keys of a domain not sign whose records nobody has looked for lately, because the keys of another domain have signed for
/// it. They start themselves. Returns which those are.
pub(crate) fn suspend_unseen<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
) -> Result<Vec<DkimKey>, Error> {
    let suspended = suspend_unseen_of(tx, &[domain.id])?;
    suspended.iter().try_for_each(|key| tell_deactivated(tx, caller, domain, key))?;
    Ok(suspended)
}

/// Does that for several domains, of which nothing is told.
pub(crate) fn suspend_unseen_of(tx: &WriteTx<'_>, domains: &[DomainId]) -> Result<Vec<DkimKey>, Error> {
    // For so long the record of a key that signs may be missing before it counts as lost.
    table::suspend(tx, domains, Some(tx.now() - tx.settings().loss.span))
}

/// Calls off the rotation that waits for the key, if one does.
pub(crate) fn call_off_rotation<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    key: DkimKeyId,
) -> Result<(), Error> {
    if !table::call_off_rotation(tx, key)? {
        return Ok(());
    }
    tx.tell(caller.actor(), domain.account, &Change::RotationAborted { domain: domain.into() })
}

/// Has no rotation of the domain's keys begin by itself any more, and calls off the one that waits, with its new key.
pub(crate) fn end_rotations<'t>(tx: &WriteTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<(), Error> {
    let Some(ended) = table::end_rotations(tx, domain.id)? else { return Ok(()) };
    if let Some(waits) = ended.waits {
        tx.tell(caller.actor(), domain.account, &Change::RotationAborted { domain: domain.into() })?;
        let keys = table::all(tx, domain.id)?;
        let is_new = |key: &&DkimKey| key.id == waits && key.delegated_to.is_none() && !key.is_active();
        if let Some(new) = keys.iter().find(is_new) {
            delete(tx, caller, domain, new)?;
        }
    }
    if let Some(every) = ended.every {
        let from_hours = Some(every.as_secs() / 3600);
        let change = Change::RotationIntervalChanged { domain: domain.into(), from_hours, to_hours: None };
        tx.tell(caller.actor(), domain.account, &change)?;
    }
    Ok(())
}

/// The key of the domain that can go first: one that does not sign and is not delegated, whose record nobody needs, or that its owner has
/// brought.
pub(crate) fn least_needed<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Option<DkimKey>, Error> {
    table::least_needed(tx, domain.id)
}

/// Has no key sign that an owner before has brought, who may still have it, until somebody activates it anew.
pub(crate) fn shelve_imported(
    tx: &WriteTx<'_>,
    actor: &Actor,
    account: AccountId,
    domain: &DomainRef,
) -> Result<(), Error> {
    for key in table::shelve_imported(tx, domain.id)? {
        let change = Change::DkimKeyDeactivated { domain: domain.clone(), key: (&key).into() };
        tx.tell(actor, account, &change)?;
    }
    Ok(())
}

/// Deletes the key and its record, for good.
pub(crate) fn delete<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    key: &DkimKey,
) -> Result<(), Error> {
    table::delete(tx, key.id)?;
    let change = Change::DkimKeyDeleted { domain: domain.into(), key: key.into() };
    tx.tell(caller.actor(), domain.account, &change)
}

/// Deletes a released key so that a new one can have its selector. The audit log has that one's making and no line for this.
pub(crate) fn clear_selector(tx: &WriteTx<'_>, released: &DkimKey) -> Result<(), Error> {
    table::delete(tx, released.id)
}
