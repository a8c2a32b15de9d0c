//! What an owner does with the DKIM keys of a domain: makes or imports one, activates it once the DNS is right, deactivates,
//! renames, deletes it; and whose keys sign for a domain: its authority. The steps themselves are in `dkim/life.rs`.
//!
//! A new key is inactive. It signs from when its record has been seen right: when its owner activates it ([`activate`]); a domain's
//! first key, until somebody decides otherwise, by itself. Several may sign at once, such as one of RSA and one of Ed25519.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::dkim::{KeyKind, KeyPair, Source};
//! use postroom::keyring;
//!
//! // Made outside of any transaction, because it may take a second.
//! let source = Source::Pair(KeyPair::generate(KeyKind::Ed25519)?);
//! let made = postroom::dkim::pool::write(&postroom, |tx| {
//!     keyring::create(tx, &caller, &domain::find(tx, &caller, id)?, &"s1".parse()?, &source)
//! })?;
//! assert_eq!(made.record_name().as_str(), "s1._domainkey.example.com");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authority;
mod table;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{Postroom, ReadTx, WriteTx};
use crate::dkim::{self, DkimKey, Source, life};
use crate::dns::Resolver;
use crate::domain::{self, Domain};
use crate::error::{Entity, Error};
use crate::id::{DkimKeyId, DomainId};
use crate::name::{DnsName, DomainName, Selector};
use crate::provision;
use crate::record::{self, Problem, RecordStatus, Standing};
use crate::verify::{self, Checked};

pub use authority::set_authority;

/// A key, and how its record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// The name of the domain whose key it is.
    pub signing_domain: DomainName,
    /// The key.
    pub key: DkimKey,
    /// How its record stands.
    pub standing: Standing,
    /// When its record was last looked for.
    pub checked_at: Option<Timestamp>,
    /// What was seen then.
    pub observed: Option<String>,
    /// What was wrong with that.
    pub problem: Option<Problem>,
}

/// Some keys of a caller, in the order of a list.
#[derive(Debug)]
pub struct KeyList {
    /// Those that are sound.
    pub entries: Vec<KeyEntry>,
    /// What is wrong with each that is damaged and therefore left out: one for the log.
    pub damaged: Vec<Error>,
    /// The places of the first and the last one, damaged ones too: there the list goes on. None if there is none at all.
    pub ends: Option<(Cursor, Cursor)>,
}

/// What the DNS was last seen to say of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsState {
    /// It was not looked at, or would not say.
    Unknown,
    /// The record is right.
    Valid,
    /// The record is wrong, or not there.
    Invalid,
}

impl DnsState {
    /// What was last seen of a record that stands so.
    pub fn of(standing: &Standing) -> DnsState {
        match standing.status {
            // What a person has marked was not seen.
            _ if standing.pinned => DnsState::Unknown,
            _ if standing.failures > 0 => DnsState::Invalid,
            RecordStatus::Verified => DnsState::Valid,
            RecordStatus::Failed => DnsState::Invalid,
            RecordStatus::Pending | RecordStatus::Disabled => DnsState::Unknown,
        }
    }
}

impl KeyEntry {
    /// What the DNS was last seen to say of the key.
    pub fn dns_state(&self) -> DnsState {
        DnsState::of(&self.standing)
    }

    /// The name at which the key's record stands.
    pub fn record_name(&self) -> DnsName {
        self.signing_domain.record(&self.key.selector.host())
    }
}

/// Which of the caller's keys are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Those of this domain.
    pub signing_domain: Option<&'a DomainName>,
    /// Those under this selector.
    pub selector: Option<&'a Selector>,
}

/// A place in the list of an account's keys, which is sorted by domain, then by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The domain.
    pub domain: DomainId,
    /// The key.
    pub key: DkimKeyId,
}

/// Which part of the list is wanted. Its entries come in the list's order, from whichever end it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The first ones, or the first after a place.
    After(Option<Cursor>),
    /// The last ones, or the last before a place.
    Before(Option<Cursor>),
}

/// At most `limit` of the caller's keys. One that is damaged is left out of the entries.
pub fn list(
    tx: &ReadTx<'_>,
    caller: &Caller,
    filter: &Filter<'_>,
    window: Window,
    limit: u32,
) -> Result<KeyList, Error> {
    table::list(tx, caller, filter, window, limit)
}

/// The keys of a domain, the oldest first.
pub fn of_domain<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Vec<KeyEntry>, Error> {
    table::of_domain(tx, domain.id)
}

/// The key of a domain under this selector.
pub fn find<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, selector: &Selector) -> Result<KeyEntry, Error> {
    table::by_selector(tx, domain.id, selector)?.ok_or(Error::NotFound(Entity::DkimKey))
}

/// Makes a key of the domain, inactive, and the record that publishes it.
///
/// `Conflict` if the domain has a key under this selector, `Limit` if it has as many as it may. `NoSpareKey` if a pair is
/// wanted from the pool, for this key or for the first one that the domain still waits for, and there is none: see
/// [`pool::write`](crate::dkim::pool::write).
pub fn create<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    selector: &Selector,
    source: &Source,
) -> Result<KeyEntry, Error> {
    // Whether the new key has room shows when the first one is made for which the domain waits.
    tx.part(|| add(tx, caller, domain, selector, source, None))
}

/// Takes over a key with which the domain's owner signs elsewhere: as [`create`] does, and if the domain still waits for its
/// first key, this is it, so that no other is made.
pub fn adopt<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    selector: &Selector,
    source: &Source,
) -> Result<KeyEntry, Error> {
    tx.part(|| {
        domain::table::stop_waiting_for_key(tx, domain.id)?;
        add(tx, caller, domain, selector, source, None)
    })
}

/// Makes a key of the domain and the record that publishes it: a CNAME to `delegated_to`, if it is delegated.
pub(crate) fn add<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    selector: &Selector,
    source: &Source,
    delegated_to: Option<&DnsName>,
) -> Result<KeyEntry, Error> {
    // A first key that is still to be made would take the selector that is asked for.
    let is_first =
        domain.wants_key && *selector == tx.settings().dkim_selector && dkim::list(tx, domain)?.is_empty();
    if is_first {
        domain::table::stop_waiting_for_key(tx, domain.id)?;
    } else {
        provision::equip(tx, domain)?;
    }
    let key = life::make(tx, caller, domain, selector, source, delegated_to)?;
    if is_first && !matches!(source, Source::Pair(pair) if pair.is_imported()) {
        life::let_start_itself(tx, &key)?;
    }
    record::add_key(tx, &key)?;
    verify::follow_keys(tx, caller, domain)?;
    find(tx, domain, selector)
}

/// What an attempt to activate a key came to.
#[derive(Debug)]
pub enum Activation {
    /// It signs.
    Done(DkimKey),
    /// Its record is not right: the record as it stands now, and what was found.
    Refused(Box<Checked>),
}

/// Looks at the key's record now, writes down what was found, and lets the key sign if the record is right.
///
/// It takes as long as the DNS does, outside any transaction. The domain is read again for the caller when the outcome is
/// written down: `NotFound` if it is not there for the caller any more.
pub fn activate(
    postroom: &Postroom,
    caller: &Caller,
    domain: DomainId,
    selector: &Selector,
    resolver: &dyn Resolver,
) -> Result<Activation, Error> {
    let plan = postroom.read(|tx| {
        let domain = domain::find(tx, caller, domain)?;
        domain::check_signs_for_own(tx, caller, &domain)?;
        let id = find(tx, &domain, selector)?.key.id;
        verify::plan_key(tx, &domain, id)
    })?;
    let seen = plan.look(resolver);
    postroom.write(|tx| {
        let mut checked = verify::settle(tx, caller, &plan, &seen)?;
        // Deleted, renamed or made anew while the DNS was asked.
        let Some(checked) = checked.pop() else { return Err(Error::NotFound(Entity::DkimKey)) };
        let domain = &domain::find(tx, caller, domain)?;
        let key = find(tx, domain, selector)?.key;
        if !checked.finding.verdict.passes() {
            return Ok(Activation::Refused(Box::new(checked)));
        }
        if !key.is_active() {
            domain::check_signs_for_own(tx, caller, domain)?;
            life::let_none_start_itself(tx, domain)?;
            life::activate(tx, caller, domain, &key)?;
            verify::follow_keys(tx, caller, domain)?;
        }
        Ok(Activation::Done(find(tx, domain, selector)?.key))
    })
}

/// Has a key that does not sign begin by itself, as soon as its record is seen right. A key that signs, or is retired, stays as it is.
pub fn activate_when_seen<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    selector: &Selector,
) -> Result<(), Error> {
    let key = find(tx, domain, selector)?.key;
    if key.is_active() || key.retired_at.is_some() {
        return Ok(());
    }
    domain::check_signs_for_own(tx, caller, domain)?;
    life::let_start_itself(tx, &key)
}

/// Has the key sign no more, or not start itself when its record is seen; a rotation that waits for it is aborted. It stays, and so may its
/// record: mail is under way that it has signed.
pub fn deactivate<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    selector: &Selector,
) -> Result<DkimKey, Error> {
    let key = find(tx, domain, selector)?.key;
    if key.is_active() {
        domain::check_signs_for_own(tx, caller, domain)?;
    }
    life::call_off_rotation(tx, caller, domain, key.id)?;
    if life::deactivate(tx, caller, domain, &key)? && key.is_active() {
        life::let_none_start_itself(tx, domain)?;
        verify::follow_keys(tx, caller, domain)?;
    }
    Ok(DkimKey { activated_at: None, published_as: None, ..key })
}

/// Deletes the key, which cannot be brought back, also one that is damaged. A rotation that waits for it is aborted.
///
/// `InUse` if it is the only one that signs, or a delegated key that takes turns with one that signs.
pub fn delete<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    selector: &Selector,
) -> Result<(), Error> {
    let keys = dkim::list_unchecked(tx, domain)?;
    let key = keys.iter().find(|key| key.selector == *selector).ok_or(Error::NotFound(Entity::DkimKey))?;
    if key.is_active() && !keys.iter().any(|other| other.id != key.id && other.is_active()) {
        let reason = "it is the only active one; activate another first, or deactivate it".to_owned();
        return Err(Error::InUse { what: Entity::DkimKey, reason });
    }
    let signs_by_turns =
        keys.iter().find(|other| other.id != key.id && other.delegated_to.is_some() && other.is_active());
    if let Some(other) = signs_by_turns.filter(|_| key.delegated_to.is_some()) {
        let reason =
            format!("it takes turns with {}, which signs; deactivate that one first", other.selector);
        return Err(Error::InUse { what: Entity::DkimKey, reason });
    }
    if key.is_active() {
        domain::check_signs_for_own(tx, caller, domain)?;
    }
    life::call_off_rotation(tx, caller, domain, key.id)?;
    life::delete(tx, caller, domain, key)?;
    match verify::follow_keys(tx, caller, domain) {
        // Another one is damaged: the status follows when that one is gone as well.
        Err(error) if error.is_damage() => Ok(()),
        followed => followed,
    }
}

/// Gives the domain's current key, which is the newest active one, else the newest, another selector. The pair stays, and
/// so does whether it signs; its record is to be published anew. A key that signs goes on doing so under the selector at which
/// its record was seen, until it is seen at the new one.
///
/// `Conflict` if another of the domain's keys has that selector. `NoSpareKey` as of [`create`].
pub fn rename_selector<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    selector: &Selector,
) -> Result<DkimKey, Error> {
    dkim::check_fit(&domain.name, selector)?;
    domain::check_signs_for_own(tx, caller, domain)?;
    provision::equip(tx, domain)?;
    let keys = dkim::list(tx, domain)?;
    let key = current(&keys).ok_or(Error::NotFound(Entity::DkimKey))?;
    if key.selector == *selector {
        return Ok(key.clone());
    }
    if keys.iter().any(|other| other.id != key.id && other.occupies(selector)) {
        return Err(Error::Conflict(Entity::DkimKey));
    }
    if key.delegated_to.is_some() {
        return Err(Error::invalid(
            "selector",
            "the key is delegated, and the domain's CNAME fixes its selector",
        ));
    }
    let standing = find(tx, domain, &key.selector)?.standing;
    let was_seen = key.is_active() && standing.status == RecordStatus::Verified && !standing.pinned;
    let published_as = key.published_as.clone().or_else(|| was_seen.then(|| key.selector.clone()));
    life::rename(tx, caller, domain, key, selector, published_as.as_ref())?;
    record::table::reset_key(tx, key.id)?;
    verify::follow_keys(tx, caller, domain)?;
    Ok(DkimKey { selector: selector.clone(), published_as, ..key.clone() })
}

/// The newest active key, else the newest that is not retired, else the newest.
pub fn current(keys: &[DkimKey]) -> Option<&DkimKey> {
    keys.iter().max_by_key(|key| (key.is_active(), key.retired_at.is_none(), key.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_has_marked_was_not_seen_in_the_dns() {
        let standing = |pinned| Standing {
            status: RecordStatus::Verified,
            pinned,
            failures: 0,
            failing_since: None,
            failing_for: std::time::Duration::ZERO,
            failed_at: None,
        };
        assert_eq!(DnsState::of(&standing(false)), DnsState::Valid);
        assert_eq!(DnsState::of(&standing(true)), DnsState::Unknown);
    }
}
