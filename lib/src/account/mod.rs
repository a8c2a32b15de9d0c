//! Accounts, the tenants; and the caller, who acts within one.

mod table;

use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::error::{Entity, Error};
use crate::event::{self, Action, Actor};
use crate::id::{AccountId, ApiKeyId};
use crate::label;
use crate::subscription::{self, Limits};

/// A tenant. What belongs to one is not there for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What the operator calls it; unique.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Who calls, and so what there is for them: one account, and of it what is tied to no other key.
///
/// Made by [`key::authenticate`](crate::key::authenticate), or by [`Caller::operator`] for those who hold the
/// database itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub(crate) account: AccountId,
    pub(crate) key: Option<ApiKeyId>,
}

impl Caller {
    /// The operator, acting within `account`; sees also what is tied to a key.
    pub fn operator(account: AccountId) -> Caller {
        Caller { account, key: None }
    }

    /// The account within which the caller acts.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The key that the caller holds; none for the operator.
    pub fn key(&self) -> Option<ApiKeyId> {
        self.key
    }

    pub(crate) fn actor(&self) -> Actor {
        self.key.map_or(Actor::Operator, Actor::Key)
    }
}

/// Makes an account with this name, and its subscription `default` without limits.
///
/// `Conflict` if there is one of that name.
pub fn create(tx: &WriteTx<'_>, name: &str) -> Result<Account, Error> {
    let name = label::parse("name", name)?;
    if table::by_name(tx, &name)?.is_some() {
        return Err(Error::Conflict(Entity::Account));
    }
    let account = table::insert(tx, &name)?;
    event::write(tx, account.id, Actor::Operator, Action::AccountCreated, &account.name, None)?;
    subscription::create(tx, account.id, subscription::DEFAULT, Limits::default())?;
    Ok(account)
}

/// The account of this name.
pub fn find(tx: &ReadTx<'_>, name: &str) -> Result<Account, Error> {
    table::by_name(tx, name)?.ok_or(Error::NotFound(Entity::Account))
}

/// Every account, the oldest first.
pub fn list(tx: &ReadTx<'_>) -> Result<Vec<Account>, Error> {
    table::all(tx)
}
