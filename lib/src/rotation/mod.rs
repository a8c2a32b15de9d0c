//! Rotation: another key in the place of the one that signs, without a moment in which mail cannot be verified.
//!
//! [`start`] makes a key. When its record is right everywhere it signs, and the one before is retired; for as long as mail
//! is under way that the old one has signed its record must stay, and then it is released: safe to remove from the DNS.
//! [`keep`] takes those steps as they come due; a background thread calls it now and then. It asks no DNS: the schedule of
//! checks does, and what that found is what counts.
//!
//! A domain whose keys are delegated ([`delegate`]) publishes two CNAMEs once, and its keys take turns in the operator's
//! zone ([`delegated_zone`]): its owner need never act again.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::rotation;
//! let every = Some(std::time::Duration::from_secs(90 * 86_400));
//! let shown = postroom.write(|tx| rotation::set_interval(tx, &caller, &domain::find(tx, &caller, id)?, every))?;
//! assert_eq!(shown.rotation.every, every);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod delegation;
mod stage;
mod table;

use std::collections::HashMap;
use std::time::Duration;

use crate::account::Caller;
use crate::clock::{LONGEST_SPAN, Timestamp};
use crate::db::{Postroom, ReadTx, WriteTx};
use crate::dkim::life;
use crate::dkim::{self, DkimKey, KeyKind, Source, Supply, pool};
use crate::domain::{self, Details, Domain, Holder, holder};
use crate::error::Error;
use crate::event::Change;
use crate::id::{DkimKeyId, DomainId};
use crate::keyring;
use crate::ownership;
use crate::record;
use crate::verify;

use delegation::next_delegated;
pub use delegation::{DELEGATED_SELECTORS, check_not_delegated, delegate, delegated_zone};
pub use stage::{Refusal, Stage, Step};

/// The shortest interval of automatic rotations.
pub const SHORTEST_INTERVAL: Duration = Duration::from_hours(5 * 24);
/// After this long an automatic rotation that could not begin is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_hours(24);
/// The most that [`keep`] does of each kind in one go.
const AT_ONCE: u32 = 64;
/// How many rotations are put back in one transaction.
const PULLED_BACK_AT_ONCE: u32 = 1000;

/// What is known of the rotation of a domain's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// The one under way.
    pub under_way: Option<UnderWay>,
    /// How often one begins by itself.
    pub every: Option<Duration>,
    /// When the next one does.
    pub next_at: Option<Timestamp>,
}

/// A rotation that waits for the record of its new key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// The new key.
    pub key: DkimKeyId,
    /// The one in whose place it will sign.
    pub replaces: Option<DkimKeyId>,
    /// Since when it waits.
    pub since: Timestamp,
}

/// How the rotation of a domain's keys stands.
#[derive(Clone, Debug)]
pub struct RotationView {
    /// The stage.
    pub stage: Stage,
    /// What is stored of it.
    pub rotation: Rotation,
    /// The domain's keys, the oldest first.
    pub keys: Vec<DkimKey>,
}

impl RotationView {
    /// The key with this id.
    pub fn key(&self, id: DkimKeyId) -> Option<&DkimKey> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// Whether the domain's keys are delegated.
    pub fn is_delegated(&self) -> bool {
        self.keys.iter().any(|key| key.delegated_to.is_some())
    }

    /// Until when the record of this retired key must stay in the DNS; none if it need not, or is in use.
    pub fn kept_until(&self, key: &DkimKey, keep: Duration) -> Option<Timestamp> {
        if key.released_at.is_some() { None } else { key.retired_at.map(|at| at + keep) }
    }
}

/// How the rotation of the domain's keys stands.
pub fn status<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<RotationView, Error> {
    let keys = dkim::list(tx, domain)?;
    let rotation = table::find(tx, domain.id)?.unwrap_or_default();
    let stage = Stage::of(rotation.under_way.as_ref(), &keys, tx.settings().keep_retired_for);
    Ok(RotationView { stage, rotation, keys })
}

/// When the next rotation of each of the domains begins by itself, of those of which one does: one statement, however
/// many domains there are.
pub fn next_each<'t>(tx: &ReadTx<'t>, domains: &[Domain<'t>]) -> Result<HashMap<DomainId, Timestamp>, Error> {
    let ids: Vec<DomainId> = domains.iter().map(|domain| domain.id).collect();
    Ok(table::next_each(tx, &ids)?.into_iter().collect())
}

/// Where the new key of the domain's next rotation is to come from. It is of the kind of the current key.
pub fn supply<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Supply, Error> {
    let keys = dkim::list(tx, domain)?;
    let is_delegated = keys.iter().any(|key| key.delegated_to.is_some());
    let kind = keyring::current(&keys).map(|key| KeyKind::of(key.public.algorithm(), Some(key.bits)));
    match kind {
        // A weak key is followed by one of the recommended strength.
        Some(Ok(kind @ (KeyKind::Rsa4096 | KeyKind::Ed25519))) if !is_delegated => Ok(Supply::Make(kind)),
        _ => Ok(Supply::Pool),
    }
}

/// Begins a rotation: a key under the next selector that was never used, or the delegated one whose turn it is.
///
/// `Invalid` if one is under way, no key signs yet, another domain's keys sign, or the domain does not [act](ownership::acts). `NoSpareKey` if a pair is wanted from the
/// pool and there is none: see [`pool::write`]. A released key yields its place to the new one
/// where the domain has as many as it may.
pub fn start<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    source: &Source,
) -> Result<RotationView, Error> {
    domain::check_signs_for_own(tx, caller, domain)?;
    let RotationView { stage, mut rotation, keys } = status(tx, domain)?;
    let keep = tx.settings().keep_retired_for;
    stage.after(Step::Begin, tx.now(), keep).map_err(|refusal| Error::invalid("rotation", refusal))?;
    check_signs_itself(domain)?;
    if !ownership::acts(tx, &domain.holder())? {
        let reason = "the account has not proved that the domain is its own; prove it first";
        return Err(Error::invalid("rotation", reason));
    }
    let current = keyring::current(&keys).filter(|key| key.is_active());
    let current = current.ok_or_else(|| {
        Error::invalid("rotation", "no key of the domain signs yet; publish the record of one first")
    })?;
    let new = if keys.iter().any(|key| key.delegated_to.is_some()) {
        next_delegated(&keys, keep)?.clone()
    } else {
        // Whether a spare pair is ready shows when another key has made room for it.
        tx.part(|| {
            make_room(tx, caller, domain, &keys)?;
            let selector = dkim::next_selector(current, &keys)?;
            Ok::<_, Error>(keyring::add(tx, caller, domain, &selector, source, None)?.key)
        })?
    };
    begin(tx, caller, domain, &mut rotation, &new, Some(current))?;
    status(tx, domain)
}

/// Calls off the rotation under way. Its new key is deleted, unless it is delegated and waits for another turn.
pub fn abort<'t>(tx: &WriteTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<RotationView, Error> {
    domain::check_signs_for_own(tx, caller, domain)?;
    let mut now = status(tx, domain)?;
    now.stage
        .after(Step::Abort, tx.now(), tx.settings().keep_retired_for)
        .map_err(|refusal| Error::invalid("rotation", refusal))?;
    let key = now.rotation.under_way.take().and_then(|under_way| now.key(under_way.key).cloned());
    table::save(tx, domain.id, &now.rotation)?;
    tx.tell(caller.actor(), domain.account, &Change::RotationAborted { domain: domain.into() })?;
    if let Some(key) = key.filter(|key| key.delegated_to.is_none() && !key.is_active()) {
        keyring::delete(tx, caller, domain, &key.selector)?;
    }
    status(tx, domain)
}

/// Has rotations begin by themselves so often, or no more. `Invalid` if that is not every 5 to 36,500 days, or another domain's keys sign.
pub fn set_interval<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    every: Option<Duration>,
) -> Result<RotationView, Error> {
    domain::check_signs_for_own(tx, caller, domain)?;
    if every.is_some_and(|every| !(SHORTEST_INTERVAL..=LONGEST_SPAN).contains(&every)) {
        return Err(Error::invalid("rotation_interval", "the shortest is 5 days, the longest 36500 days"));
    }
    if every.is_some() {
        check_signs_itself(domain)?;
    }
    let mut now = status(tx, domain)?;
    if now.rotation.every != every {
        let hours = |every: Option<Duration>| every.map(|every| every.as_secs() / 3600);
        let (from_hours, to_hours) = (hours(now.rotation.every), hours(every));
        now.rotation.every = every;
        now.rotation.next_at = every.map(|every| tx.now() + every);
        table::save(tx, domain.id, &now.rotation)?;
        let change = Change::RotationIntervalChanged { domain: domain.into(), from_hours, to_hours };
        tx.tell(caller.actor(), domain.account, &change)?;
    }
    Ok(now)
}

/// Takes every step that is due, each in a transaction of its own, and returns how many those were.
///
/// Where a domain is damaged, the steps of the others are taken, and then this fails with what is damaged.
pub fn keep(postroom: &Postroom) -> Result<usize, Error> {
    let mut damage = None;
    let steps = take_steps(postroom, &mut damage)?;
    damage.map_or(Ok(steps), Err)
}

fn take_steps(postroom: &Postroom, damage: &mut Option<Error>) -> Result<usize, Error> {
    let mut steps = 0;
    if postroom.takes_rotations_ahead() {
        // A wrong clock has set them, and it is right again.
        while postroom.write(|tx| table::pull_back(tx, PULLED_BACK_AT_ONCE))? > 0 {}
    }
    for (id, caller) in postroom.read(|tx| table::seen(tx, AT_ONCE).map(|all| for_schedule(&all)))? {
        let switched = postroom.write(|tx| switch(tx, &caller, &domain::find(tx, &caller, id)?));
        steps += usize::from(if_sound(switched, damage)?.unwrap_or(false));
    }
    if postroom.time_held_until().is_some() {
        // What goes by age waits until the clock is believed.
        return Ok(steps);
    }
    // Retired by a wrong clock: the time for which their records are kept begins now.
    while postroom.read(table::is_any_retired_ahead)? {
        postroom.write(|tx| table::pull_back_retired(tx, PULLED_BACK_AT_ONCE))?;
    }
    for (id, caller) in postroom.read(|tx| table::due(tx, AT_ONCE).map(|all| for_schedule(&all)))? {
        let supply = postroom.read(|tx| supply(tx, &domain::find(tx, &caller, id)?));
        let begun = supply.and_then(|supply| {
            let source = supply.source()?;
            pool::write(postroom, |tx| begin_by_itself(tx, &caller, &domain::find(tx, &caller, id)?, &source))
        });
        steps += usize::from(if_sound(begun, damage)?.is_some());
    }
    for key in postroom.read(|tx| table::releasable(tx, last_retirement(tx), AT_ONCE))? {
        steps += usize::from(if_sound(release(postroom, key), damage)?.unwrap_or(false));
    }
    Ok(steps)
}

/// `Invalid` if another domain's keys sign for this one, so that there is nothing to rotate.
pub fn check_signs_itself(domain: &Details) -> Result<(), Error> {
    if domain.authority.is_none() {
        return Ok(());
    }
    Err(Error::invalid("rotation", "the keys of a domain above this one sign for it; rotate those"))
}

fn for_schedule(holders: &[Holder<'_>]) -> Vec<(DomainId, Caller)> {
    holders.iter().map(Holder::for_schedule).collect()
}

/// Keys that were retired before this are to be released.
fn last_retirement(tx: &ReadTx<'_>) -> Timestamp {
    tx.now() - tx.settings().keep_retired_for
}

/// None where the domain, or its account, went away since it was found, and where something of it is damaged: the first such error is
/// kept in `damage`.
fn if_sound<T>(result: Result<T, Error>, damage: &mut Option<Error>) -> Result<Option<T>, Error> {
    match result {
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) if error.is_damage() => {
            damage.get_or_insert(error);
            Ok(None)
        }
        other => other.map(Some),
    }
}

/// Notes that `new` waits to sign in the place of `current`, and has its record looked at soon.
fn begin<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    rotation: &mut Rotation,
    new: &DkimKey,
    current: Option<&DkimKey>,
) -> Result<(), Error> {
    rotation.under_way = Some(UnderWay { key: new.id, replaces: current.map(|key| key.id), since: tx.now() });
    rotation.next_at = rotation.every.map(|every| tx.now() + every);
    table::save(tx, domain.id, rotation)?;
    // What was seen of its record before says nothing of today's DNS.
    record::table::reset_key(tx, new.id)?;
    domain::table::set_next_check(tx, domain.id, tx.now() + domain::FIRST_CHECK_AFTER, 0)?;
    let change = Change::RotationStarted {
        domain: domain.into(),
        key: new.into(),
        replaces: current.map(|key| key.selector.clone()),
    };
    tx.tell(caller.actor(), domain.account, &change)
}

/// The new key's record is right: it signs, and the one before is retired. Returns whether that was so.
fn switch<'t>(tx: &WriteTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<bool, Error> {
    let mut now = status(tx, domain)?;
    if now.stage.after(Step::Seen, tx.now(), tx.settings().keep_retired_for).is_err() {
        return Ok(false);
    }
    let Some(under_way) = now.rotation.under_way.take() else { return Ok(false) };
    let new = now.key(under_way.key).cloned();
    let old = under_way.replaces.and_then(|id| now.key(id).cloned());
    table::save(tx, domain.id, &now.rotation)?;
    if let Some(new) = new.filter(|key| !key.is_active()) {
        life::activate(tx, caller, domain, &new)?;
    }
    // It may have stopped and wait for its record, since the domain was renamed: then it does not start any more.
    if let Some(old) = old {
        life::retire(tx, caller, domain, &old)?;
    }
    verify::follow_keys(tx, caller, domain)?;
    Ok(true)
}

/// Begins what the interval asks for; what cannot begin now is tried again later.
fn begin_by_itself<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    source: &Source,
) -> Result<(), Error> {
    let refused = match start(tx, caller, domain, source) {
        Ok(_) => return Ok(()),
        Err(error @ (Error::Store(_) | Error::NoSpareKey)) => return Err(error),
        Err(refused) => refused,
    };
    let mut rotation = status(tx, domain)?.rotation;
    rotation.next_at = rotation.every.map(|_| tx.now() + TRY_AGAIN_AFTER);
    table::save(tx, domain.id, &rotation)?;
    let hours = TRY_AGAIN_AFTER.as_secs() / 3600;
    let change = Change::RotationPostponed { domain: domain.into(), hours, reason: refused.to_string() };
    tx.tell(caller.actor(), domain.account, &change)
}

/// Releases a key whose time is over, and makes the next one if it is delegated. Returns whether the key was still to be released.
fn release(postroom: &Postroom, key: DkimKeyId) -> Result<bool, Error> {
    pool::write(postroom, |tx| {
        let Some(key) = life::release(tx, key, last_retirement(tx))? else { return Ok(false) };
        let Some(holder) = holder::by_id(tx, key.domain)? else { return Ok(true) };
        let (id, caller) = holder.for_schedule();
        let domain = domain::find(tx, &caller, id)?;
        let change = Change::DkimKeyReleased { domain: (&domain).into(), key: (&key).into() };
        tx.tell(caller.actor(), domain.account, &change)?;
        let Some(target) = &key.delegated_to else { return Ok(true) };
        let renewed = tx.part(|| {
            life::clear_selector(tx, &key)?;
            keyring::add(tx, &caller, &domain, &key.selector, &Source::Pool, Some(target))
        });
        match renewed {
            Err(error @ (Error::Store(_) | Error::NoSpareKey)) => Err(error),
            // It stays as it is, released; one domain's trouble is not the others'.
            _ => Ok(true),
        }
    })
}

/// Deletes the oldest released key where the domain could have no other one else.
fn make_room<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    keys: &[DkimKey],
) -> Result<(), Error> {
    let room = life::check_room(tx, keys.len());
    match keys.iter().find(|key| key.released_at.is_some()).filter(|_| room.is_err()) {
        Some(released) => keyring::delete(tx, caller, domain, &released.selector),
        None => room,
    }
}
