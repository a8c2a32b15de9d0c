//! Accounts, the operator's own and those of tenants; and the caller, who acts within one.
//!
//! ```
//! # let postroom = postroom::Postroom::open_temporary()?;
//! use postroom::account::{self, Caller};
//!
//! // A tenant's names act when they are proved; those of the first account, and of other trusted ones, act at once.
//! postroom.write(|tx| account::create(tx, "own"))?;
//! let tenant = postroom.write(|tx| account::create(tx, "customer"))?;
//! assert!(!postroom.read(|tx| account::is_trusted(tx, tenant.id))?);
//! // The operator acts within whichever account.
//! let caller = Caller::operator(tenant.id);
//! assert_eq!(caller.account(), tenant.id);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use crate::access::{KeyScopes, Need};
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::{AccountId, ApiKeyId, DomainId, LoginLinkId};
use crate::label;
use crate::secret::fill_random;
use crate::subscription::{self, Limits};
use crate::tag::Tag;
use crate::word::words;

/// The name of the account that the first start makes, for the operator's own domains.
pub const FIRST: &str = "default";

/// Whose domains, keys and lists they are. One account never sees what belongs to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What the operator calls it; unique.
    pub name: String,
    /// Whether the operator trusts it.
    pub trust: Trust,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Who calls, which decides what they see: the things of one account, except those that are tied to another key.
///
/// Made by [`key::authenticate`](crate::key::authenticate), or by [`Caller::operator`] for those who hold the
/// database itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    account: AccountId,
    actor: Actor,
    user: Option<Tag>,
    rights: Rights,
}

/// What the API key of a caller is limited to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    /// None is everything.
    pub(crate) scopes: Option<KeyScopes>,
    /// Whether of the account's domains only those are there that are listed for the key.
    pub(crate) is_of_domains: bool,
    /// Whether the caller brought the secret that the key had before its last rotation.
    pub(crate) is_superseded: bool,
    /// The one domain that is there for a domain's administrator.
    pub(crate) only: Option<DomainId>,
    /// The key that made the link by which a domain's administrator came, who sees no more than that key.
    pub(crate) invited_by: Option<ApiKeyId>,
}

impl Caller {
    /// The operator, acting within `account`; sees also what is tied to a key.
    pub fn operator(account: AccountId) -> Caller {
        Caller { account, actor: Actor::Operator, user: None, rights: Rights::default() }
    }

    /// The schedule of checks, acting within `account`; sees what the operator sees.
    pub(crate) fn schedule(account: AccountId) -> Caller {
        Caller { account, actor: Actor::Schedule, user: None, rights: Rights::default() }
    }

    /// Whoever holds this key of `account`.
    pub(crate) fn key_holder(account: AccountId, key: ApiKeyId, rights: Rights) -> Caller {
        Caller { account, actor: Actor::Key(key), user: None, rights }
    }

    /// The administrator of one domain, who came by a link that this key made, or the operator.
    pub(crate) fn domain_administrator(
        account: AccountId,
        domain: DomainId,
        link: LoginLinkId,
        invited_by: Option<ApiKeyId>,
    ) -> Caller {
        let rights = Rights { only: Some(domain), invited_by, ..Rights::default() };
        Caller { account, actor: Actor::LoginLink(link), user: None, rights }
    }

    /// An administrator of the account, whom the audit log names so.
    pub(crate) fn account_administrator(account: AccountId, actor: Actor) -> Caller {
        Caller { account, actor, user: None, rights: Rights::default() }
    }

    /// Whether the scopes of the caller's key allow this; who has no key, or one without scopes, may do everything.
    pub fn may(&self, need: Need) -> bool {
        self.rights.scopes.as_ref().is_none_or(|scopes| scopes.allow(need))
    }

    /// Whether the caller's key has scopes, and so may not do everything.
    pub fn has_scopes(&self) -> bool {
        self.rights.scopes.is_some()
    }

    /// Whether of the account's domains only some are there: those that are listed for the caller's key, or the one domain
    /// of its administrator.
    pub fn is_of_domains(&self) -> bool {
        self.rights.is_of_domains || self.rights.only.is_some()
    }

    /// The one domain that is there for the caller, if the caller is its administrator.
    pub(crate) fn only(&self) -> Option<DomainId> {
        self.rights.only
    }

    /// The key whose view of the account the caller has: its own, or the one that invited it.
    pub(crate) fn sees_as(&self) -> Option<ApiKeyId> {
        self.key().or(self.rights.invited_by)
    }

    /// Whether the caller brought the secret that its key had before the last rotation.
    pub(crate) fn is_superseded(&self) -> bool {
        self.rights.is_superseded
    }

    /// This caller, acting for one of its end users: it sees that user's domains alone.
    #[must_use]
    pub fn for_user(&self, user: Tag) -> Caller {
        Caller { user: Some(user), ..self.clone() }
    }

    /// This caller, acting for itself and for no end user.
    #[must_use]
    pub(crate) fn for_itself(&self) -> Caller {
        Caller { user: None, ..self.clone() }
    }

    /// The account within which the caller acts.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The key that the caller holds, or `None` for the operator.
    pub fn key(&self) -> Option<ApiKeyId> {
        match self.actor {
            Actor::Key(key) => Some(key),
            _ => None,
        }
    }

    /// The end user for whom the caller acts, if the caller named one.
    pub fn user(&self) -> Option<&Tag> {
        self.user.as_ref()
    }

    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }
}

words! {
    /// Whether the operator trusts an account, so that its names act without proof: see [`ownership`](crate::ownership).
    pub enum Trust {
        /// It is a tenant: its names act when they are proved.
        None = "none",
        /// It is trusted, because it was made by a version that had no tenants.
        Earlier = "earlier",
        /// It is trusted by the operator's decision, or as the first account of its database.
        Given = "given",
    }
    else InvalidTrust
}

impl Trust {
    /// Whether the account is trusted.
    pub fn is_given(self) -> bool {
        self != Trust::None
    }
}

/// A word that does not say whether an account is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is none of none, earlier and given")]
pub struct InvalidTrust;

/// Makes an account with this name, and its subscription `default` without limits. The first account of a database is
/// trusted; every other one is a tenant, until [`signing::trust`](crate::signing::trust) says otherwise.
///
/// `Conflict` if there is one of that name.
pub fn create(tx: &WriteTx<'_>, name: &str) -> Result<Account, Error> {
    let is_first = !table::is_any(tx)?;
    make(tx, name, if is_first { Trust::Given } else { Trust::None })
}

/// Makes an account as [`create`] does, which the operator trusts.
pub fn create_trusted(tx: &WriteTx<'_>, name: &str) -> Result<Account, Error> {
    make(tx, name, Trust::Given)
}

fn make(tx: &WriteTx<'_>, name: &str, trust: Trust) -> Result<Account, Error> {
    let name = label::parse("name", name)?;
    if table::by_name(tx, &name)?.is_some() {
        return Err(Error::Conflict(Entity::Account));
    }
    let mut seed = [0; 32];
    fill_random(&mut seed)?;
    let account = table::insert(tx, &name, trust, &seed)?;
    tx.tell(&Actor::Operator, account.id, &Change::AccountCreated { name: account.name.clone() })?;
    if trust.is_given() {
        tx.tell(&Actor::Operator, account.id, &Change::AccountTrusted { name: account.name.clone() })?;
    }
    subscription::create(tx, account.id, subscription::DEFAULT, Limits::default())?;
    Ok(account)
}

/// Writes down whether the operator trusts the account. What follows from that for its domains is for
/// [`ownership`](crate::ownership) to say.
pub(crate) fn set_trust(tx: &WriteTx<'_>, account: &Account, trust: Trust) -> Result<(), Error> {
    table::set_trust(tx, account.id, trust)?;
    let name = account.name.clone();
    let change =
        if trust.is_given() { Change::AccountTrusted { name } } else { Change::AccountDistrusted { name } };
    tx.tell(&Actor::Operator, account.id, &change)
}

/// The account of this name.
pub fn find(tx: &ReadTx<'_>, name: &str) -> Result<Account, Error> {
    table::by_name(tx, name)?.ok_or(Error::NotFound(Entity::Account))
}

/// The caller's own account.
pub fn own(tx: &ReadTx<'_>, caller: &Caller) -> Result<Account, Error> {
    table::by_id(tx, caller.account)?.ok_or(Error::NotFound(Entity::Account))
}

/// The account with this id.
pub fn by_id(tx: &ReadTx<'_>, id: AccountId) -> Result<Account, Error> {
    table::by_id(tx, id)?.ok_or(Error::NotFound(Entity::Account))
}

/// Whether the operator trusts the account, so that what it says of its domains needs no proof.
pub fn is_trusted(tx: &ReadTx<'_>, account: AccountId) -> Result<bool, Error> {
    Ok(table::trust_of(tx, account)?.is_some_and(Trust::is_given))
}

/// Every account, the oldest first.
pub fn list(tx: &ReadTx<'_>) -> Result<Vec<Account>, Error> {
    table::all(tx)
}
