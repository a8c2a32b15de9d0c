//! Set-up links: what an account sends to whoever enters a domain's records at a DNS provider.
//!
//! A link opens one domain: its records and what was seen of them, and nothing else of the account but its name. Whoever has it
//! changes nothing; all that it lets anybody do is to have the DNS asked now. It may be opened any number of times, until it expires or is revoked. It has
//! the rights of the API key that made it, and ends with the same things as a [login link](crate::login): with that key, and when its domain
//! is deleted, renamed or given to another owner.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use std::time::Duration;
//! use postroom::setup_link;
//!
//! let (_, secret) = postroom.write(|tx| {
//!     setup_link::create(tx, &caller, &domain::find(tx, &caller, id)?, Duration::from_secs(86_400))
//! })?;
//! let name = postroom.read(|tx| {
//!     Ok::<_, postroom::Error>(setup_link::open(tx, &secret)?.map(|opened| opened.domain.name.to_string()))
//! })?;
//! assert_eq!(name.as_deref(), Some("example.com"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use std::time::Duration;

use crate::account::{self, Caller};
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Domain};
use crate::error::{Entity, Error};
use crate::event::Change;
use crate::id::{DomainId, SetupLinkId};
use crate::key;
use crate::secret::{PlainSecret, SecretKind};

/// The most links of one domain that can be used at a time.
pub const MOST_OF_DOMAIN: u32 = 20;
/// How long a link may be usable, and no longer.
pub const LONGEST: Duration = Duration::from_hours(24 * 90);
/// How long after one look at the DNS a link lets nobody have another.
pub const BETWEEN_LOOKS: Duration = Duration::from_secs(20);

/// A set-up link, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupLink {
    /// Its id.
    pub id: SetupLinkId,
    /// The domain whose records it shows.
    pub domain: DomainId,
    /// The last four characters of its secret.
    pub last4: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When somebody last had the DNS asked by it.
    pub looked_at: Option<Timestamp>,
}

/// What a link opens, in the transaction in which it was found.
pub struct SetUp<'t> {
    /// The link.
    pub link: SetupLink,
    /// The domain, as whoever made the link sees it.
    pub domain: Domain<'t>,
    /// Whoever made the link: as them the domain is looked at.
    pub maker: Caller,
    /// The name of the account that has sent the link.
    pub sender: String,
}

/// Makes a link to `domain` that works for so long. The secret is returned only here; the database keeps its hash.
///
/// `NotFound` if the caller does not see the domain, `Invalid` if `life` is nothing or longer than [`LONGEST`], `Limit` if the domain has
/// [`MOST_OF_DOMAIN`] links already.
pub fn create<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    life: Duration,
) -> Result<(SetupLink, PlainSecret), Error> {
    // The domain may have been read for another caller.
    let domain = domain::find(tx, caller, domain.id)?;
    if life.is_zero() || life > LONGEST {
        let reason = format!("it is not between one second and {} days", LONGEST.as_secs() / 86_400);
        return Err(Error::Invalid { field: "life", reason });
    }
    // A link that has ended in the meantime does not count, and goes now, so that no more rows than links pile up.
    let (working, ended) = of_domain(tx, &domain)?;
    for link in ended {
        table::delete(tx, domain.id, link.id)?;
    }
    if working.len() >= MOST_OF_DOMAIN as usize {
        return Err(Error::Limit { what: Entity::SetupLink, most: MOST_OF_DOMAIN.into() });
    }
    let secret = PlainSecret::generate(SecretKind::SetupLink)?;
    let made_by = table::MadeBy { account: caller.account(), key: caller.sees_as() };
    let link = table::insert(tx, domain.id, &made_by, &secret, tx.now() + life)?;
    let change = Change::SetupLinkCreated {
        domain: (&domain).into(),
        link: link.id,
        until: link.expires_at.to_string(),
    };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok((link, secret))
}

/// The links of a domain that can still be used, the newest first.
pub fn list<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Vec<SetupLink>, Error> {
    of_domain(tx, domain).map(|(working, _)| working)
}

/// The links of a domain that have not expired, the newest first: those that work, and those that have ended with the key that made
/// them, or when that key no longer saw the domain.
fn of_domain(tx: &ReadTx<'_>, domain: &Domain<'_>) -> Result<(Vec<SetupLink>, Vec<SetupLink>), Error> {
    let (mut working, mut ended) = (Vec::new(), Vec::new());
    for (link, made_by) in table::of_domain(tx, domain.id)? {
        let is_working = maker_and_domain(tx, &link, &made_by)?.is_some();
        if is_working { &mut working } else { &mut ended }.push(link);
    }
    Ok((working, ended))
}

/// Whoever made a link, and its domain as they see it; `None` if the link has ended with their rights.
fn maker_and_domain<'t>(
    tx: &ReadTx<'t>,
    link: &SetupLink,
    made_by: &table::MadeBy,
) -> Result<Option<(Caller, Domain<'t>)>, Error> {
    let Some(maker) = key::maker(tx, made_by.account, made_by.key)? else { return Ok(None) };
    match domain::find(tx, &maker, link.domain) {
        Ok(domain) => Ok(Some((maker, domain))),
        Err(Error::NotFound(Entity::Domain)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Ends a link of the domain. `NotFound` if the domain has no such link.
pub fn revoke<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    id: SetupLinkId,
) -> Result<(), Error> {
    if !table::delete(tx, domain.id, id)? {
        return Err(Error::NotFound(Entity::SetupLink));
    }
    tx.tell(caller.actor(), domain.account, &Change::SetupLinkRevoked { domain: domain.into(), link: id })
}

/// What the link with this secret opens, or `None` if it is not valid (any more).
pub fn open<'t>(tx: &ReadTx<'t>, secret: &PlainSecret) -> Result<Option<SetUp<'t>>, Error> {
    let Some((link, made_by)) = table::by_hash(tx, &secret.hashed())? else { return Ok(None) };
    let Some((maker, domain)) = maker_and_domain(tx, &link, &made_by)? else { return Ok(None) };
    let sender = account::by_id(tx, domain.account)?.name;
    Ok(Some(SetUp { link, domain, maker, sender }))
}

/// Notes that somebody has the DNS asked by this link now. How long to wait first, if that was done less than [`BETWEEN_LOOKS`] ago; nothing is
/// noted then. A look that a clock noted which was ahead does not count.
pub fn note_look(tx: &WriteTx<'_>, link: SetupLinkId) -> Result<Option<Duration>, Error> {
    let now = tx.now();
    if table::note_look(tx, link, now, now - BETWEEN_LOOKS)? { Ok(None) } else { Ok(Some(BETWEEN_LOOKS)) }
}

/// Deletes at most `limit` expired links, and returns how many it deleted: none as long as the clock is not believed. A background
/// thread calls it.
pub fn forget_expired(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    tx.expire(|| table::forget_expired(tx, limit))
}

/// Ends every link to the domain.
pub(crate) fn withdraw<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::delete_all(tx, domain.id)
}
