//! Login links: each signs whoever opens it in to one domain, once, and not for long.
//!
//! A link is worth what its maker may do, looked at when it is opened and not when it was made: it opens nothing any more
//! once the key that made it is revoked or has expired, or the domain is not there for that key. It ends with its domain, and when the
//! domain changes its name or its owner. [`peek`] shows what a link opens and leaves it whole, for a page with a button:
//! programs that look into mail follow links, and must not use them up. [`consume`] is the button.

mod table;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Details, Domain};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::{DomainId, LoginLinkId};
use crate::key;
use crate::secret::{PlainSecret, SecretKind};

/// How many expired links go when a new one is made: more than one, so that they cannot gather.
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
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
}

/// Makes a link to `domain`. The secret is returned this once, and only its hash is kept.
///
/// `NotFound` if the domain is not there for the caller. Many links in one transaction are a loop.
pub fn create<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
) -> Result<(LoginLink, PlainSecret), Error> {
    // What was read for one caller may have been handed to another.
    let domain = domain::find(tx, caller, domain.id)?;
    table::forget_expired(tx, FORGOTTEN_AT_ONCE)?;
    let secret = PlainSecret::generate(SecretKind::LoginLink)?;
    let expires_at = tx.now() + tx.settings().login_link_life;
    let link = table::insert(tx, caller, domain.id, &secret, expires_at)?;
    let change = Change::LoginLinkCreated { domain: (&domain).into(), link: link.id };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok((link, secret))
}

/// The domain that this link opens; none if it opens nothing, or nothing any more. The link stays as it is.
pub fn peek(tx: &ReadTx<'_>, secret: &PlainSecret) -> Result<Option<Details>, Error> {
    Ok(opened(tx, secret)?.map(|(_, domain)| domain.into_details()))
}

/// Uses the link up, and returns the domain that whoever opened it is signed in to, as its account sees it; none if it
/// opens nothing, or nothing any more.
///
/// Of two who try at the same time one gets the domain: transactions that write follow one another.
pub fn consume(tx: &WriteTx<'_>, secret: &PlainSecret) -> Result<Option<Details>, Error> {
    let Some((link, domain)) = opened(tx, secret)? else { return Ok(None) };
    if !table::delete(tx, link)? {
        return Ok(None);
    }
    let change = Change::LoginLinkUsed { domain: (&domain).into(), link };
    tx.tell(&Actor::LoginLink(link), domain.account, &change)?;
    Ok(Some(domain.into_details()))
}

/// Deletes links that have expired, so many at the most, and returns how many those were. Meant for a background thread;
/// without one they go as new ones are made.
pub fn forget_expired(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    table::forget_expired(tx, limit)
}

/// Ends every link to the domain.
pub(crate) fn withdraw<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::delete_all(tx, domain.id)
}

/// The live link with this secret and what it opens, seen with its maker's eyes.
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
