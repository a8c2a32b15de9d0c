//! Login links: whoever opens a link is signed in to one domain, one account, or as the operator to all of them; once, within
//! a short time.
//!
//! Whoever opens a link to a domain is its administrator, and may do everything there, whatever scopes and networks the API key has
//! that made the link. The link and the session stop working once that key is revoked or has expired, or no longer sees the domain,
//! and when the domain is deleted, renamed or given to another owner. Links to accounts and links for the operator are made by people who hold the
//! database, or are signed in as what the link is for. [`peek`] shows what a link opens and does not use it up, for a page with a
//! button: programs that scan mail follow links, and must not use them up. [`session::sign_in`](crate::session::sign_in) is
//! called for the button.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::login;
//!
//! let (_, secret) = postroom.write(|tx| login::create(tx, &caller, &domain::find(tx, &caller, id)?))?;
//! // It opens once.
//! assert!(postroom.write(|tx| login::consume(tx, &secret))?.is_some());
//! assert!(postroom.write(|tx| login::consume(tx, &secret))?.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use crate::account::{self, Account, Caller};
use crate::cap::Cap;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Details, Domain};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::{ApiKeyId, DomainId, LoginLinkId};
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
    /// The domain that it opens; none if it opens more than one.
    pub domain: Option<DomainId>,
    /// The last four characters of its secret.
    pub last4: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// What a link opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opens {
    /// One domain.
    Domain(Box<Details>),
    /// One account, with all its domains.
    Account(Account),
    /// All accounts, for the operator.
    Operator,
}

/// A link that was used up: what it opens, and who made it.
pub(crate) struct Way {
    pub(crate) link: LoginLinkId,
    /// None if the operator, or somebody signed in, made it.
    pub(crate) key: Option<ApiKeyId>,
    pub(crate) opens: Opens,
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
    let (account, key) = (caller.account(), caller.sees_as());
    let (link, secret) = make(tx, &table::For::Domain { domain: domain.id, account, key })?;
    let change = Change::LoginLinkCreated { domain: (&domain).into(), link: link.id };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok((link, secret))
}

/// Makes a link to the caller's account. The secret is returned only here.
///
/// `NotFound` if the caller is not there for the whole account.
pub fn create_for_account(tx: &WriteTx<'_>, caller: &Caller) -> Result<(LoginLink, PlainSecret), Error> {
    if caller.is_of_domains() || caller.sees_as().is_some() {
        return Err(Error::NotFound(Entity::Account));
    }
    let account = account::by_id(tx, caller.account())?;
    ledger::make_room(tx, account.id, Cap::LoginLinks, 1)?;
    let (link, secret) = make(tx, &table::For::Account(account.id))?;
    let change = Change::AccountLinkCreated { account: account.name, link: link.id };
    tx.tell(caller.actor(), account.id, &change)?;
    Ok((link, secret))
}

/// Makes a link for the operator. The secret is returned only here.
pub fn create_for_operator(tx: &WriteTx<'_>) -> Result<(LoginLink, PlainSecret), Error> {
    let (link, secret) = make(tx, &table::For::Operator)?;
    tx.tell_if_any(&Actor::Operator, None, &Change::OperatorLinkCreated { link: link.id })?;
    Ok((link, secret))
}

/// The newest unused link to a domain, if there is one.
pub fn newest<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Option<LoginLinkId>, Error> {
    table::newest(tx, domain.id)
}

/// The newest unused link to the caller's whole account, if there is one.
pub fn newest_for_account(tx: &ReadTx<'_>, caller: &Caller) -> Result<Option<LoginLinkId>, Error> {
    table::newest_of_account(tx, caller.account())
}

fn make(tx: &WriteTx<'_>, made_for: &table::For) -> Result<(LoginLink, PlainSecret), Error> {
    forget_expired(tx, FORGOTTEN_AT_ONCE)?;
    let secret = PlainSecret::generate(SecretKind::LoginLink)?;
    let link = table::insert(tx, made_for, &secret, tx.now() + tx.settings().login_link_life)?;
    Ok((link, secret))
}

/// What this link opens, or `None` if the link is not valid (any more). The link stays usable.
pub fn peek(tx: &ReadTx<'_>, secret: &PlainSecret) -> Result<Option<Opens>, Error> {
    Ok(opened(tx, secret)?.map(|way| way.opens))
}

/// Uses the link up, and returns what to sign in to, as its account sees it, or `None` if the link is not valid (any more).
///
/// If two people try at the same time, only one gets in, because write transactions run one after the other.
pub fn consume(tx: &WriteTx<'_>, secret: &PlainSecret) -> Result<Option<Opens>, Error> {
    Ok(take(tx, secret)?.map(|way| way.opens))
}

/// Uses the link up.
pub(crate) fn take(tx: &WriteTx<'_>, secret: &PlainSecret) -> Result<Option<Way>, Error> {
    let Some(way) = opened(tx, secret)? else { return Ok(None) };
    let link = way.link;
    if !table::delete(tx, link)? {
        return Ok(None);
    }
    let (account, change) = match &way.opens {
        Opens::Domain(domain) => {
            (Some(domain.account), Change::LoginLinkUsed { domain: (&**domain).into(), link })
        }
        Opens::Account(account) => {
            (Some(account.id), Change::AccountLinkUsed { account: account.name.clone(), link })
        }
        Opens::Operator => (None, Change::OperatorLinkUsed { link }),
    };
    tx.tell_if_any(&Actor::LoginLink(link), account, &change)?;
    Ok(Some(way))
}

/// Deletes at most `limit` expired links, and returns how many it deleted: none as long as the clock is not believed. A background thread calls it; without one, expired
/// links are deleted as new ones are made.
pub fn forget_expired(tx: &WriteTx<'_>, limit: u32) -> Result<usize, Error> {
    tx.expire(|| table::forget_expired(tx, limit))
}

/// Ends every link to the domain.
pub(crate) fn withdraw<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::delete_all(tx, domain.id)
}

/// The valid link with this secret, and what it opens; a domain as the key that made the link sees it.
fn opened(tx: &ReadTx<'_>, secret: &PlainSecret) -> Result<Option<Way>, Error> {
    let Some(table::Found { id: link, made_for }) = table::by_hash(tx, &secret.hashed())? else {
        return Ok(None);
    };
    let (account, domain, key) = match made_for {
        table::For::Operator => return Ok(Some(Way { link, key: None, opens: Opens::Operator })),
        table::For::Account(id) => {
            let opens = Opens::Account(account::by_id(tx, id)?);
            return Ok(Some(Way { link, key: None, opens }));
        }
        table::For::Domain { domain, account, key } => (account, domain, key),
    };
    let Some(maker) = key::maker(tx, account, key)? else { return Ok(None) };
    match domain::find(tx, &maker, domain) {
        Ok(domain) => Ok(Some(Way { link, key, opens: Opens::Domain(Box::new(domain.into_details())) })),
        Err(Error::NotFound(Entity::Domain)) => Ok(None),
        Err(error) => Err(error),
    }
}
