//! Subscriptions: the plans of an account, with their limits.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::subscription::{self, Limits};
//!
//! let small = Limits { max_domains: Some(2), max_recipients: Some(10) };
//! let made = postroom.write(|tx| subscription::create(tx, caller.account(), "small", small))?;
//! assert_eq!(made.handle, "small");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::error::{Entity, Error};
use crate::event::{Actor, Change};
use crate::id::{AccountId, SubscriptionId};
use crate::label;

/// The handle of the subscription that every account starts with.
pub const DEFAULT: &str = "default";

/// How much a subscription allows; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many domains.
    pub max_domains: Option<u32>,
    /// How many protected recipients.
    pub max_recipients: Option<u32>,
}

/// A plan of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// The account whose plan it is.
    pub account: AccountId,
    /// What the account calls it; unique within the account.
    pub handle: String,
    /// What it allows.
    pub limits: Limits,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Makes a subscription of `account`. `Conflict` if it has one with that handle.
pub fn create(
    tx: &WriteTx<'_>,
    account: AccountId,
    handle: &str,
    limits: Limits,
) -> Result<Subscription, Error> {
    let handle = label::parse("handle", handle)?;
    if table::by_handle(tx, account, &handle)?.is_some() {
        return Err(Error::Conflict(Entity::Subscription));
    }
    let subscription = table::insert(tx, account, &handle, limits)?;
    let change = Change::SubscriptionCreated {
        handle,
        max_domains: limits.max_domains,
        max_recipients: limits.max_recipients,
    };
    tx.tell(&Actor::Operator, account, &change)?;
    Ok(subscription)
}

/// The subscription of `account` with this handle. `NotFound(Account)` if there is no such account.
pub fn find(tx: &ReadTx<'_>, account: AccountId, handle: &str) -> Result<Subscription, Error> {
    // No subscription has a handle that none can have. Some of those PostgreSQL does not even take as a text.
    let found =
        if label::parse("handle", handle).is_ok() { table::by_handle(tx, account, handle)? } else { None };
    let of = |there| if there { Entity::Subscription } else { Entity::Account };
    match found {
        Some(found) => Ok(found),
        None => Err(Error::NotFound(of(table::is_account(tx, account)?))),
    }
}

/// The subscriptions of one account, or of all, the oldest first.
pub fn list(tx: &ReadTx<'_>, account: Option<AccountId>) -> Result<Vec<Subscription>, Error> {
    table::all(tx, account)
}

/// `Limit` if the subscription has as many domains as it allows.
pub(crate) fn make_room_for_domain(tx: &ReadTx<'_>, subscription: &Subscription) -> Result<(), Error> {
    make_room_for_domains(tx, subscription, 1)
}

/// `Limit` if the subscription does not allow so many domains more.
pub(crate) fn make_room_for_domains(
    tx: &ReadTx<'_>,
    subscription: &Subscription,
    more: u32,
) -> Result<(), Error> {
    let Some(most) = subscription.limits.max_domains else {
        return Ok(());
    };
    let room = most.saturating_add(1).checked_sub(more);
    if more == 0 || room.map_or(Ok(false), |room| table::has_fewer_domains(tx, subscription.id, room))? {
        Ok(())
    } else {
        Err(Error::Limit { what: Entity::Subscription, most: u64::from(most) })
    }
}

/// Whether the subscription allows one more protected recipient; if not, how many it allows.
pub(crate) fn room_for_recipient(tx: &ReadTx<'_>, id: SubscriptionId) -> Result<Result<(), u32>, Error> {
    let most = table::by_id(tx, id)?.and_then(|subscription| subscription.limits.max_recipients);
    Ok(match most {
        Some(most) if !table::has_fewer_recipients(tx, id, most)? => Err(most),
        _ => Ok(()),
    })
}
