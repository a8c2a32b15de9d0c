//! API keys: the credentials of an account. One key works in every dialect.
//!
//! A key can be limited: to a time, to networks, to scopes, and to some of its account's domains ([`KeyLimits`]). A key that
//! makes another one makes none that reaches further than itself. The limits of a key never change.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::key::{self, KeyRequest};
//!
//! let (made, secret) = postroom.write(|tx| key::create_for(tx, &caller, Some("shop"), KeyRequest::default()))?;
//! // The secret is there this once; afterwards it leads to whoever calls.
//! let calls = postroom.read(|tx| key::authenticate(tx, &secret))?.ok_or("it is not revoked")?;
//! assert_eq!(calls.key(), Some(made.id));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod limits;
mod table;

use std::net::IpAddr;
use std::time::Duration;

use crate::access::{KeyScope, Need};
use crate::account::{self, Caller, Rights};
use crate::cap::Cap;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::{AccountId, ApiKeyId, DomainId};
use crate::label;
use crate::ledger;
use crate::page::Page;
use crate::secret::{PlainSecret, SecretKind};

pub use limits::{KeyLimits, KeyRequest, MAX_DOMAINS, MAX_NETWORKS};

/// For how long the secret before a rotation still opens the key, where nothing else is said.
pub const USUAL_GRACE: Duration = Duration::from_hours(1);
/// The longest time for which it can.
pub const LONGEST_GRACE: Duration = Duration::from_hours(30 * 24);

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The account that it opens.
    pub account: AccountId,
    /// The last four characters of its secret.
    pub last4: String,
    /// What it is for, in its owner's words.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
    /// Since when it opens nothing.
    pub revoked_at: Option<Timestamp>,
    /// What it is limited to.
    pub limits: KeyLimits,
}

/// What a secret opens, for a client at some address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Its account, within the limits of the key.
    ToCaller(Caller),
    /// Nothing from this address: the key is bound to other networks.
    NotFromHere,
    /// Nothing, or nothing any more.
    Nothing,
}

/// Makes a key of `account` without limits. The secret is returned this once, and only its hash is kept.
///
/// `NotFound(Account)` if there is no such account, `Cap` if it has as many keys as it may.
pub fn create(
    tx: &WriteTx<'_>,
    account: AccountId,
    description: Option<&str>,
) -> Result<(ApiKey, PlainSecret), Error> {
    let account = account::by_id(tx, account)?.id;
    create_for(tx, &Caller::operator(account), description, KeyRequest::default())
}

/// Makes another key of the caller's account. The secret is returned this once, and only its hash is kept.
///
/// `Wider` if it would reach further than the caller's own key. `Cap` if the account has as many keys as it may. `InUse` if the caller brought a
/// secret from before a rotation: what that makes would outlive it.
pub fn create_for(
    tx: &WriteTx<'_>,
    caller: &Caller,
    description: Option<&str>,
    request: KeyRequest,
) -> Result<(ApiKey, PlainSecret), Error> {
    check_is_newest(caller)?;
    let description = label::parse_optional("description", description)?;
    let limits = limits_of(tx, caller)?.for_request(request)?;
    limits.check(tx.now())?;
    ledger::make_room(tx, caller.account(), Cap::Keys, 1)?;
    if let Some(domains) = &limits.domains {
        ledger::make_room(tx, caller.account(), Cap::KeyDomains, domains.len() as u64)?;
    }
    let secret = PlainSecret::generate(SecretKind::AccountKey)?;
    let key = table::insert(tx, caller.account(), &secret, description, limits)?;
    let change = Change::ApiKeyCreated { key: key.id, description: key.description.clone() };
    tx.tell(caller.actor(), key.account, &change)?;
    Ok((key, secret))
}

/// The keys of one account, or of all, revoked ones too, the oldest first.
pub fn list(tx: &ReadTx<'_>, account: Option<AccountId>) -> Result<Vec<ApiKey>, Error> {
    table::all(tx, account)
}

/// The keys of the caller's account that are not revoked, the oldest first. A key that is limited to some domains sees
/// those alone that are limited to the same ones or fewer.
pub fn list_for(tx: &ReadTx<'_>, caller: &Caller) -> Result<Vec<ApiKey>, Error> {
    let own = limits_of(tx, caller)?;
    let mut keys = table::unrevoked(tx, caller.account())?;
    keys.retain(|key| sees(&own, key));
    Ok(keys)
}

/// A page of the keys of the caller's account that are not revoked, the newest first. Of a page, a key that is limited to some domains
/// sees those alone that [`list_for`] has.
pub fn page_for(tx: &ReadTx<'_>, caller: &Caller, page: Page) -> Result<Vec<ApiKey>, Error> {
    let own = limits_of(tx, caller)?;
    let mut keys = table::page(tx, caller.account(), page)?;
    keys.retain(|key| sees(&own, key));
    Ok(keys)
}

/// Whether a key with these limits sees another one.
fn sees(own: &KeyLimits, key: &ApiKey) -> bool {
    match (&own.domains, &key.limits.domains) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(own), Some(others)) => others.is_subset(own),
    }
}

/// The newest key of an account, revoked or not.
pub fn newest(tx: &ReadTx<'_>, account: AccountId) -> Result<Option<ApiKeyId>, Error> {
    table::newest(tx, account)
}

/// The key with this id, of whichever account, also one that is revoked: for the operator.
pub fn find(tx: &ReadTx<'_>, id: ApiKeyId) -> Result<ApiKey, Error> {
    table::of_any(tx, id)?.ok_or(Error::NotFound(Entity::ApiKey))
}

/// Revokes a key, from now on and for good; domains that are tied to it become free for all keys of its account.
pub fn revoke(tx: &WriteTx<'_>, id: ApiKeyId) -> Result<ApiKey, Error> {
    let key = table::revoke(tx, id)?.ok_or(Error::NotFound(Entity::ApiKey))?;
    tell_revoked(tx, &Actor::Operator, key)
}

/// Revokes another key of the caller's account, from now on and for good.
///
/// `InUse` if it is the caller's own, or if domains are tied to it, which would then be open to every key: the operator can
/// do that, and once the key has expired every key can, for nobody else reaches them. `InUse` also if the caller itself brought a secret from
/// before a rotation. `Wider` if it reaches further than the caller's own.
pub fn revoke_for(tx: &WriteTx<'_>, caller: &Caller, id: ApiKeyId) -> Result<ApiKey, Error> {
    check_is_newest(caller)?;
    let own = limits_of(tx, caller)?;
    let found = table::by_id(tx, caller.account(), id)?.filter(|key| sees(&own, key));
    let found = found.ok_or(Error::NotFound(Entity::ApiKey))?;
    let in_use = |reason: String| Error::InUse { what: Entity::ApiKey, reason };
    if caller.key() == Some(id) {
        return Err(in_use("it is the key that asks".to_owned()));
    }
    if !own.cover(&found.limits) {
        return Err(Error::Wider { field: "id" });
    }
    let has_expired = found.limits.expires_at.is_some_and(|at| at <= tx.now());
    let tied = table::count_tied(tx, id)?;
    if tied > 0 && !has_expired {
        return Err(in_use(format!(
            "{tied} of the account's domains are tied to it; the operator can revoke it"
        )));
    }
    let key = table::revoke(tx, id)?.ok_or(Error::NotFound(Entity::ApiKey))?;
    tell_revoked(tx, caller.actor(), key)
}

/// Gives a key of the caller's account a new secret, which is returned this once. The one before opens it for `grace` more,
/// and not a moment if that is zero. Everything else of the key stays, such as the domains that are tied to it.
///
/// `InUse` if the caller itself brought a secret from before a rotation.
pub fn rotate(
    tx: &WriteTx<'_>,
    caller: &Caller,
    id: ApiKeyId,
    grace: Duration,
) -> Result<(ApiKey, PlainSecret), Error> {
    check_is_newest(caller)?;
    if grace > LONGEST_GRACE {
        return Err(Error::invalid("grace", "it is longer than 30 days"));
    }
    let secret = PlainSecret::generate(SecretKind::AccountKey)?;
    let until = (!grace.is_zero()).then(|| tx.now() + grace);
    table::rotate(tx, caller.account(), id, &secret, until)?;
    let key = table::by_id(tx, caller.account(), id)?.ok_or(Error::NotFound(Entity::ApiKey))?;
    let grace_minutes = grace.as_secs() / 60;
    let change = Change::ApiKeyRotated { key: id, description: key.description.clone(), grace_minutes };
    tx.tell(caller.actor(), key.account, &change)?;
    Ok((key, secret))
}

/// Who calls with this secret; none if it opens nothing, or nothing any more.
///
/// For who knows no address of the client's: a key that is bound to networks opens nothing here, but to [`authenticate_at`].
pub fn authenticate(tx: &ReadTx<'_>, secret: &PlainSecret) -> Result<Option<Caller>, Error> {
    Ok(match table::by_hash(tx, &secret.hashed())? {
        Some((caller, networks)) if networks.is_empty() => Some(caller),
        _ => None,
    })
}

/// What this secret opens for a client at this address.
pub fn authenticate_at(tx: &ReadTx<'_>, secret: &PlainSecret, from: IpAddr) -> Result<Opened, Error> {
    Ok(match table::by_hash(tx, &secret.hashed())? {
        Some((caller, networks)) => {
            if networks.is_empty() || networks.iter().any(|network| network.contains(from)) {
                Opened::ToCaller(caller)
            } else {
                Opened::NotFromHere
            }
        }
        None => Opened::Nothing,
    })
}

/// The live key with this secret, wherever that may be used: for who names a key by its secret and does not call with it.
pub fn named(tx: &ReadTx<'_>, secret: &PlainSecret) -> Result<Option<(AccountId, ApiKeyId)>, Error> {
    let found = table::by_hash(tx, &secret.hashed())?;
    Ok(found.and_then(|(caller, _)| Some((caller.account(), caller.key()?))))
}

/// Writes down that the caller's key was refused: which request, and what it lacks.
pub fn note_refusal(tx: &WriteTx<'_>, caller: &Caller, request: &str, reason: &str) -> Result<(), Error> {
    let Some(key) = caller.key() else { return Ok(()) };
    let change = Change::ApiKeyRefused { key, request: request.to_owned(), reason: reason.to_owned() };
    tx.tell(caller.actor(), caller.account(), &change)
}

/// Notes when keys were last used. Meant to be called now and then with what has come together.
pub fn note_uses(tx: &WriteTx<'_>, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), Error> {
    uses.iter().try_for_each(|&(key, at)| table::note_use(tx, key, at))
}

/// Deletes at most `most` keys that were revoked as long ago as the audit log reaches back, and returns how many it deleted:
/// none as long as the clock is not believed.
pub fn forget_revoked(tx: &WriteTx<'_>, most: u32) -> Result<usize, Error> {
    tx.expire(|| table::delete_revoked_before(tx, tx.now() - tx.settings().keep_events_for, most))
}

/// Whoever holds this key of this account, if it opens something now.
pub(crate) fn live(tx: &ReadTx<'_>, account: AccountId, id: ApiKeyId) -> Result<Option<Caller>, Error> {
    table::live(tx, account, id)
}

/// Refuses a key to which this domain of its account cannot be tied, for it alone would be there for the key: `NotFound` if the key opens
/// nothing, `Invalid` if it is limited to other domains, or cannot change one.
pub(crate) fn check_can_have(
    tx: &ReadTx<'_>,
    account: AccountId,
    id: ApiKeyId,
    domain: DomainId,
) -> Result<(), Error> {
    let missing = || Error::NotFound(Entity::ApiKey);
    let holder = live(tx, account, id)?.ok_or_else(missing)?;
    let limits = table::by_id(tx, account, id)?.ok_or_else(missing)?.limits;
    if limits.domains.is_some_and(|domains| !domains.contains(&domain)) {
        return Err(Error::invalid("api_key", "it is limited to other domains"));
    }
    if !holder.may(Need::Write(KeyScope::DomainsWrite)) {
        return Err(Error::invalid("api_key", "it lacks the scope domains:write"));
    }
    Ok(())
}

/// Whoever made something within this account: the holder of the key, if there was one and it opens something now; else whoever was signed in,
/// or the operator.
pub(crate) fn maker(
    tx: &ReadTx<'_>,
    account: AccountId,
    key: Option<ApiKeyId>,
) -> Result<Option<Caller>, Error> {
    match key {
        None => Ok(Some(Caller::operator(account))),
        Some(key) => live(tx, account, key),
    }
}

/// Refuses a secret from before a rotation, which may be known to somebody from whom the rotation is to take the key.
fn check_is_newest(caller: &Caller) -> Result<(), Error> {
    if !caller.is_superseded() {
        return Ok(());
    }
    let reason = "it has a newer secret, and that one alone makes, rotates and revokes keys".to_owned();
    Err(Error::InUse { what: Entity::ApiKey, reason })
}

/// What the caller's key is limited to.
fn limits_of(tx: &ReadTx<'_>, caller: &Caller) -> Result<KeyLimits, Error> {
    if caller.only().is_some() {
        // The keys of an account are none of a domain administrator's business.
        return Err(Error::NotFound(Entity::ApiKey));
    }
    let Some(id) = caller.key() else { return Ok(KeyLimits::default()) };
    let key = table::by_id(tx, caller.account(), id)?.ok_or(Error::NotFound(Entity::ApiKey))?;
    Ok(key.limits)
}

fn tell_revoked(tx: &WriteTx<'_>, actor: &Actor, key: ApiKey) -> Result<ApiKey, Error> {
    let change = Change::ApiKeyRevoked { key: key.id, description: key.description.clone() };
    tx.tell(actor, key.account, &change)?;
    Ok(key)
}

/// What a caller may do by this row of its key.
fn rights(scopes: Option<&str>, is_of_domains: bool, is_superseded: bool) -> Rights {
    let scopes = scopes.map(crate::access::KeyScopes::stored);
    Rights { scopes, is_of_domains, is_superseded, ..Rights::default() }
}
