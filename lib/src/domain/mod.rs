//! Domains: what one is, who may see it, and how they are found and listed.
//!
//! The visibility rule stands in `table.rs`, once: a domain is there for a caller of its account, unless it is
//! tied to another key. A [`Domain`] is only ever read through that rule, so that having one is the proof of
//! being allowed to, and operations on what hangs on a domain take a `&Domain`. How domains begin and end is in
//! [`provision`](crate::provision).

pub(crate) mod table;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::error::{Entity, Error};
use crate::event::{self, Change, DomainRef, Event};
use crate::id::{AccountId, ApiKeyId, DomainId, EventId, SubscriptionId};
use crate::label;
use crate::name::DomainName;
use crate::page::{Direction, Page};
use crate::tag::Tag;

/// How soon after its creation a domain is first looked at by the schedule.
pub const FIRST_CHECK_AFTER: Duration = Duration::from_mins(1);

/// A mail domain of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// The account that owns it.
    pub account: AccountId,
    /// The plan that it counts toward.
    pub subscription: SubscriptionId,
    /// The key that alone may see it, if it is tied to one.
    pub tied_to: Option<ApiKeyId>,
    /// The domain whose keys sign for it, where that is another: its authority.
    pub authority: Option<DomainId>,
    /// Its name.
    pub name: DomainName,
    /// What its owner calls it.
    pub label: Option<String>,
    /// The caller's end user whose domain it is.
    pub user: Option<Tag>,
    /// The caller's group to which that user belongs.
    pub organization: Option<Tag>,
    /// How far its records are verified.
    pub status: Status,
    /// Whether its first DKIM key is still to be made.
    pub wants_key: bool,
    /// When a DKIM record of its was first seen right in the DNS: the proof that its owner is this account.
    pub proved_at: Option<Timestamp>,
    /// How often the schedule has checked it since its status last changed.
    pub checks: u32,
    /// When the schedule checks it next.
    pub next_check_at: Timestamp,
    /// Since when its account holds its name.
    pub claimed_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it, or what its status rests on, last changed.
    pub updated_at: Timestamp,
}

impl From<&Domain> for DomainRef {
    fn from(domain: &Domain) -> DomainRef {
        DomainRef { id: domain.id, name: domain.name.clone() }
    }
}

/// How far a domain's records are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not every required record has been verified yet.
    Pending,
    /// Every required record is.
    Active,
    /// It was active, and has lost a record for good.
    Failed,
}

impl Status {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Active => "active",
            Status::Failed => "failed",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = InvalidStatus;

    fn from_str(text: &str) -> Result<Status, InvalidStatus> {
        match text {
            "pending" => Ok(Status::Pending),
            "active" => Ok(Status::Active),
            "failed" => Ok(Status::Failed),
            _ => Err(InvalidStatus),
        }
    }
}

/// A word that is no status of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a domain's status is pending, active or failed")]
pub struct InvalidStatus;

/// By what a list of domains is sorted; ties are broken by id, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By the time of creation.
    Created,
    /// By id.
    Id,
    /// By label, those without one last in both directions.
    Label,
}

/// The domain with this id.
pub fn find(tx: &ReadTx<'_>, caller: &Caller, id: DomainId) -> Result<Domain, Error> {
    table::by_id(tx, caller, id)?.ok_or(Error::NotFound(Entity::Domain))
}

/// The domain with this name.
pub fn find_named(tx: &ReadTx<'_>, caller: &Caller, name: &DomainName) -> Result<Domain, Error> {
    table::by_name(tx, caller, name)?.ok_or(Error::NotFound(Entity::Domain))
}

/// The operator, acting within the account that owns `name`.
pub fn operator_of(tx: &ReadTx<'_>, name: &DomainName) -> Result<Caller, Error> {
    table::owner(tx, name)?.map(Caller::operator).ok_or(Error::NotFound(Entity::Domain))
}

/// A page of the caller's domains.
pub fn list(
    tx: &ReadTx<'_>,
    caller: &Caller,
    order: Order,
    direction: Direction,
    page: Page,
) -> Result<Vec<Domain>, Error> {
    table::page(tx, caller, order, direction, page)
}

/// How many domains the caller has.
pub fn count(tx: &ReadTx<'_>, caller: &Caller) -> Result<u64, Error> {
    table::count(tx, caller)
}

/// How many of the caller's domains count toward each of its subscriptions that has one.
pub fn count_by_subscription(tx: &ReadTx<'_>, caller: &Caller) -> Result<Vec<(SubscriptionId, u64)>, Error> {
    table::count_by_subscription(tx, caller)
}

/// A page of the caller's domains that have this status, the newest first.
pub fn list_with_status(
    tx: &ReadTx<'_>,
    caller: &Caller,
    status: Status,
    page: Page,
) -> Result<Vec<Domain>, Error> {
    table::with_status(tx, caller, status, page)
}

/// What happened to the domain since it is its account's, under whatever name, with its recipients and lists: the newest
/// `limit` events, the newest first, or the newest before one.
pub fn timeline(
    tx: &ReadTx<'_>,
    domain: &Domain,
    before: Option<EventId>,
    limit: u32,
) -> Result<Vec<Event>, Error> {
    event::timeline(tx, domain.account, domain.id, before, limit)
}

/// Gives the domain another label, or none.
pub fn set_label(
    tx: &WriteTx<'_>,
    caller: &Caller,
    domain: &Domain,
    label: Option<&str>,
) -> Result<Domain, Error> {
    let label = label::parse_optional("label", label)?;
    if label == domain.label {
        return Ok(domain.clone());
    }
    let change =
        Change::LabelChanged { domain: domain.into(), from: domain.label.clone(), to: label.clone() };
    tx.tell(caller.actor(), domain.account, &change)?;
    table::set_label(tx, domain.id, label.as_deref())
}

/// Ties the domain to one key of its account, or frees it for all of them.
///
/// A domain that is tied to a key is not there for the others.
pub fn associate(
    tx: &WriteTx<'_>,
    caller: &Caller,
    domain: &Domain,
    key: Option<ApiKeyId>,
) -> Result<Domain, Error> {
    if let Some(key) = key
        && !table::is_live_key_of(tx, domain.account, key)?
    {
        return Err(Error::NotFound(Entity::ApiKey));
    }
    let change = match key {
        Some(key) => Change::DomainTied { domain: domain.into(), key },
        None => Change::DomainUntied { domain: domain.into(), key: domain.tied_to },
    };
    tx.tell(caller.actor(), domain.account, &change)?;
    table::tie(tx, domain.id, key)
}
