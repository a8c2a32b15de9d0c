//! Lists of the domains that a caller may see: pages of them, in several orders, how many there are, and searches.

mod table;

use crate::account::Caller;
use crate::db::ReadTx;
use crate::domain::{Domain, DomainStatus};
use crate::error::Error;
use crate::id::{ApiKeyId, DomainId, SubscriptionId};
use crate::name::DomainName;
use crate::page::{Direction, Page};

pub(crate) use table::{page_of_ids, sorting};

/// By what a list of domains is sorted; ties are broken by id, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By the time of creation.
    Created,
    /// By id.
    Id,
    /// By label, those without one last in both directions.
    Label,
    /// By name.
    Name,
    /// By the word of the status, and then by the time of creation.
    Status,
}

/// A page of the caller's domains.
pub fn list<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    order: Order,
    direction: Direction,
    page: Page,
) -> Result<Vec<Domain<'t>>, Error> {
    table::page(tx, caller, order, direction, page)
}

/// The ids of a page of the caller's domains: for who shows a long page in parts, each with [`some`].
pub fn ids(
    tx: &ReadTx<'_>,
    caller: &Caller,
    order: Order,
    direction: Direction,
    page: Page,
) -> Result<Vec<DomainId>, Error> {
    table::ids(tx, caller, order, direction, page)
}

/// Those of the domains with these ids that the caller may see, in the order of the ids.
pub fn some<'t>(tx: &ReadTx<'t>, caller: &Caller, ids: &[DomainId]) -> Result<Vec<Domain<'t>>, Error> {
    table::some(tx, caller, ids)
}

/// How many domains the caller has.
pub fn count(tx: &ReadTx<'_>, caller: &Caller) -> Result<u64, Error> {
    table::count(tx, caller)
}

/// The domains to which the account's keys are limited that are not revoked, as far as the caller may see them, by key and then by name.
pub fn limits_of_keys(tx: &ReadTx<'_>, caller: &Caller) -> Result<Vec<(ApiKeyId, DomainName)>, Error> {
    table::limits_of_keys(tx, caller)
}

/// The first names, sorted, of the domains to which each of these keys is limited, as far as the caller may see them: at most `most` of
/// each key, and one more where there are more.
pub fn first_limits_of_keys(
    tx: &ReadTx<'_>,
    caller: &Caller,
    keys: &[ApiKeyId],
    most: u32,
) -> Result<Vec<(ApiKeyId, DomainName)>, Error> {
    table::first_limits_of_keys(tx, caller, keys, most.saturating_add(1))
}

/// The domains to which one key of the account is limited, as far as the caller may see them, by name.
pub fn limits_of_key(tx: &ReadTx<'_>, caller: &Caller, key: ApiKeyId) -> Result<Vec<DomainName>, Error> {
    table::limits_of_key(tx, caller, key)
}

/// How many of the caller's domains count toward each of its subscriptions that has one.
pub fn count_by_subscription(tx: &ReadTx<'_>, caller: &Caller) -> Result<Vec<(SubscriptionId, u64)>, Error> {
    table::count_by_subscription(tx, caller)
}

/// A page of the caller's domains that have this status, the newest first.
pub fn list_with_status<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    status: DomainStatus,
    page: Page,
) -> Result<Vec<Domain<'t>>, Error> {
    table::with_status(tx, caller, status, page)
}

/// Which of the caller's domains are wanted: those that meet every condition that is set.
#[derive(Clone, Copy, Debug, Default)]
pub struct DomainSearch<'a> {
    /// This text, without regard to the case of ASCII letters, stands somewhere in the name or the label. Of a text with other letters
    /// than those of ASCII all internationalised names are found that have its ASCII letters in the same order.
    pub text: Option<&'a str>,
    /// The domain has this status.
    pub status: Option<DomainStatus>,
    /// A record of the domain has a problem with this code.
    pub problem: Option<&'a str>,
}

/// A page of the caller's domains that a search finds.
pub fn search<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    search: &DomainSearch<'_>,
    order: Order,
    direction: Direction,
    page: Page,
) -> Result<Vec<Domain<'t>>, Error> {
    table::search(tx, caller, search, order, direction, page)
}

/// The names of some of the caller's domains that are tied to each of these keys, sorted: at most `most` of each, and one more
/// where there are more.
pub fn tied_to_keys(
    tx: &ReadTx<'_>,
    caller: &Caller,
    keys: &[ApiKeyId],
    most: u32,
) -> Result<Vec<(ApiKeyId, Vec<DomainName>)>, Error> {
    keys.iter().map(|key| Ok((*key, table::tied_to(tx, caller, *key, most.saturating_add(1))?))).collect()
}

/// How many of the caller's domains have each status. A status that no domain has is left out.
pub fn count_by_status(tx: &ReadTx<'_>, caller: &Caller) -> Result<Vec<(DomainStatus, u64)>, Error> {
    table::count_by_status(tx, caller)
}
