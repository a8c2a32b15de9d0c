//! Login links: whoever opens a link is signed in to one domain, once, within a short time.
//!
//! A link has the rights of the API key that made it, checked when the link is opened and not when it was made: it stops
//! working once that key is revoked or has expired, or no longer sees the domain. It ends when its domain is deleted, renamed or given to
//! another owner. [`peek`] shows which domain a link opens and does not use it up, for a page with a button: programs that
//! scan mail follow links, and must not use them up. [`consume`] is called for the button.

mod table;

use crate::account::Caller;
use crate::cap::Cap;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Details, Domain};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::{DomainId, LoginLinkId};
use crate::key;
use crate::ledger;
use crate::secret::{PlainSecret, SecretKind};

/// How many expired links are deleted when a new one is made: more than one, so that their number cannot grow.
const FORGOTTEN_AT_ONCE: u32 = 4;

/// A login link, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginLink {
    /// Its id.
    pub id: LoginLinkId,
    /// The domain that it opens.
    pub domain: DomainId,
    /// The last four characters of its secret.
    pub last4: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Makes a link to `domain`. The secret is returned only here; the database keeps its hash.
///
/// Fails with `NotFound` if the caller does not see the domain, and with `Cap` if the account has as many unused links as it may have. To make many links in one transaction, call this in a loop.
pub fn create<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
) -> Result<(LoginLink, PlainSecret), Error> {
    // The domain may have been read for another caller.
    let domain = domain::find(tx, caller, domain.id)?;
    ledger::make_room(tx, caller.account(), Cap::LoginLinks, 1)?;
    forget_expired(tx, FORGOTTEN_AT_ONCE)?;
    let secret = PlainSecret::generate(SecretKind::LoginLink)?;
    let expires_at = tx.now() + tx.settings().login_link_life;
    let link = table::insert(tx, caller, domain.id, &secret, expires_at)?;
    let change = Change::LoginLinkCreated { domain: (&domain).into(), link: link.id };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok((link, secret))
}

/// The domain that this link opens, or `None` if the link is not valid (any more). The link stays usable.
pub fn peek(tx: &ReadTx<'_>, secret: &PlainSecret) -> Result<Option<Details>, Error> {
    Ok(opened(tx, secret)?.map(|(_, domain)| domain.into_details()))
}

/// Uses the link up, and returns the domain to sign in to, as its account sees it, or `None` if the link is not valid (any
/// more).
///
/// If two people try at the same time, only one gets the domain, because write transactions run one after the other.
pub fn consume(tx: &WriteTx<'_>, secret: &PlainSecret) -> Result<Option<Details>, Error> {
    let Some((link, domain)) = opened(tx, secret)? else { return Ok(None) };
    if !table::delete(tx, link)? {
        return Ok(None);
    }
    let change = Change::LoginLinkUsed { domain: (&domain).into(), link };
    tx.tell(&Actor::LoginLink(link), domain.account, &change)?;
    Ok(Some(domain.into_details()))
}

/// Deletes at most `limit` expired links, and returns how many it deleted: none as long as the clock is not believed. A background thread calls it; without one, expired
/// links are deleted as new ones are made.
pub fn forget_expired(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    if !tx.may_expire() {
        return Ok(0);
    }
    table::forget_expired(tx, limit)
}

/// Ends every link to the domain.
pub(crate) fn withdraw<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::delete_all(tx, domain.id)
}

/// The valid link with this secret and the domain that it opens, as the key that made it sees the domain.
fn opened<'t>(tx: &ReadTx<'t>, secret: &PlainSecret) -> Result<Option<(LoginLinkId, Domain<'t>)>, Error> {
    let Some(found) = table::by_hash(tx, &secret.hashed())? else { return Ok(None) };
    let maker = match found.key {
        None => Caller::operator(found.account),
        Some(key) => match key::live(tx, found.account, key)? {
            Some(holder) => holder,
            None => return Ok(None),
        },
    };
    match domain::find(tx, &maker, found.domain) {
        Ok(domain) => Ok(Some((found.id, domain))),
        Err(Error::NotFound(Entity::Domain)) => Ok(None),
        Err(error) => Err(error),
    }
}
