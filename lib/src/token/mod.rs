//! Domain tokens: the credentials with which somebody sends for one domain.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::token;
//!
//! let (token, secret) = postroom.write(|tx| {
//!     token::create(tx, &caller, &domain::find(tx, &caller, id)?, Some("printer"))
//! })?;
//! assert!(secret.reveal().starts_with("prt_"));
//! postroom.write(|tx| token::revoke(tx, &caller, &domain::find(tx, &caller, id)?, token.id))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use crate::account::Caller;
use crate::cap::Cap;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{Domain, holder};
use crate::error::{Entity, Error};
use crate::event::Change;
use crate::id::{DomainId, DomainTokenId};
use crate::label;
use crate::ledger;
use crate::ownership;
use crate::secret::{PlainSecret, SecretKind};

/// How many revoked tokens of a domain are kept, until they go with the audit log.
const MOST_REVOKED: u32 = 1_000;

/// A sending token of a domain, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainToken {
    /// Its id.
    pub id: DomainTokenId,
    /// The domain that may be sent for with it.
    pub domain: DomainId,
    /// What its owner calls it.
    pub name: Option<String>,
    /// The last four characters of its secret.
    pub last4: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its name last changed.
    pub updated_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
}

/// Makes a token of `domain`. The secret is returned this once, and only its hash is kept.
///
/// `Cap` if the account has as many tokens as it may have.
pub fn create<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    name: Option<&str>,
) -> Result<(DomainToken, PlainSecret), Error> {
    let name = label::parse_optional("name", name)?;
    ledger::make_room(tx, domain.account, Cap::Tokens, 1)?;
    let secret = PlainSecret::generate(SecretKind::DomainToken)?;
    let token = table::insert(tx, domain.id, &secret, name.as_deref())?;
    let change = Change::TokenCreated { domain: domain.into(), token: token.id, name };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok((token, secret))
}

/// At most `limit` live tokens of a domain, the oldest first: from the first on, or from the first after one of them.
pub fn list<'t>(
    tx: &ReadTx<'t>,
    domain: &Domain<'t>,
    after: Option<DomainTokenId>,
    limit: u32,
) -> Result<Vec<DomainToken>, Error> {
    table::page(tx, domain.id, after, limit)
}

/// The newest live token of a domain, if it has any.
pub fn newest<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Option<DomainTokenId>, Error> {
    table::newest(tx, domain.id)
}

/// The live token of `domain` with this id.
pub fn find<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, id: DomainTokenId) -> Result<DomainToken, Error> {
    table::by_id(tx, domain.id, id)?.ok_or(Error::NotFound(Entity::DomainToken))
}

/// Gives the token another name, or none.
pub fn rename<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    id: DomainTokenId,
    name: Option<&str>,
) -> Result<DomainToken, Error> {
    let name = label::parse_optional("name", name)?;
    let token = find(tx, domain, id)?;
    if token.name == name {
        return Ok(token);
    }
    let from = token.name;
    let token =
        table::rename(tx, domain.id, id, name.as_deref())?.ok_or(Error::NotFound(Entity::DomainToken))?;
    let change = Change::TokenRenamed { domain: domain.into(), token: id, from, to: name };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok(token)
}

/// Revokes the token, from now on and for good.
pub fn revoke<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    id: DomainTokenId,
) -> Result<DomainToken, Error> {
    let token = table::revoke(tx, domain.id, id)?.ok_or(Error::NotFound(Entity::DomainToken))?;
    tell_revoked(tx, caller, domain, &token)?;
    table::delete_oldest_revoked(tx, domain.id, MOST_REVOKED)?;
    Ok(token)
}

/// Revokes all tokens of a domain.
pub(crate) fn revoke_all<'t>(tx: &WriteTx<'t>, caller: &Caller, domain: &Domain<'t>) -> Result<(), Error> {
    for token in table::revoke_all(tx, domain.id)? {
        tell_revoked(tx, caller, domain, &token)?;
    }
    table::delete_oldest_revoked(tx, domain.id, MOST_REVOKED)
}

fn tell_revoked<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    token: &DomainToken,
) -> Result<(), Error> {
    let change = Change::TokenRevoked { domain: domain.into(), token: token.id, name: token.name.clone() };
    tx.tell(caller.actor(), domain.account, &change)
}

/// The domain for which this secret may send; none if it opens nothing, or nothing any more, or if nobody may send for
/// its domain.
///
/// For what accepts mail to be sent. It grants nothing else: no dialect takes a domain token for a key.
pub fn authenticate(
    tx: &ReadTx<'_>,
    secret: &PlainSecret,
) -> Result<Option<(DomainId, DomainTokenId)>, Error> {
    let Some((domain, token)) = table::by_hash(tx, &secret.hashed())? else { return Ok(None) };
    match holder::by_id(tx, domain)? {
        Some(holder) if ownership::acts(tx, &holder)? => Ok(Some((holder.id, token))),
        _ => Ok(None),
    }
}

/// Deletes at most `most` tokens that were revoked as long ago as the audit log reaches back, and returns how many it deleted:
/// none as long as the clock is not believed.
pub fn forget_revoked(tx: &WriteTx<'_>, most: u32) -> Result<usize, Error> {
    tx.expire(|| table::delete_revoked_before(tx, tx.now() - tx.settings().keep_events_for, most))
}

/// Notes when tokens were last used. Meant to be called now and then with what has come together.
pub fn note_uses(tx: &WriteTx<'_>, uses: &[(DomainTokenId, Timestamp)]) -> Result<(), Error> {
    uses.iter().try_for_each(|&(token, at)| table::note_use(tx, token, at))
}
