//! The data of a domain, for showing.

use std::collections::HashMap;

use crate::clock::Timestamp;
use crate::id::{AccountId, ApiKeyId, DomainId, SubscriptionId};
use crate::name::DomainName;
use crate::tag::Tag;
use crate::word::words;

/// What there is to show of a domain, as it was when it was read.
///
/// Nothing is done with it: who wants to change a domain, or what hangs on it, reads a [`Domain`](super::Domain) in the
/// transaction of the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
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
    pub status: DomainStatus,
    /// Whether its first DKIM key is still to be made.
    pub wants_key: bool,
    /// When a DKIM record of the domain was first seen right in the DNS: the proof that this account owns it.
    pub proved_at: Option<Timestamp>,
    /// How often the schedule has checked it since its status last changed.
    pub checks: u32,
    /// When the schedule checks it next.
    pub next_check_at: Timestamp,
    /// Since when its account's claim to its name counts: from an earlier claim on, if that ended a short time ago.
    pub claimed_at: Timestamp,
    /// Since when its account has it under this name. Mail that came for the name before may be another account's.
    pub held_since: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it, or what its status rests on, last changed.
    pub updated_at: Timestamp,
}

words! {
    /// How far a domain's records are verified.
    pub enum DomainStatus {
        /// Not every required record has been verified yet.
        Pending = "pending",
        /// Every required record is.
        Active = "active",
        /// It was active, and has lost a record for good.
        Failed = "failed",
    }
    else InvalidDomainStatus
}

/// A word that is no status of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a domain's status is pending, active or failed")]
pub struct InvalidDomainStatus;

/// Sorts what was found of some domains in the order in which these were asked for.
pub(crate) fn in_order<T>(found: &mut [T], ids: &[DomainId], id: impl Fn(&T) -> DomainId) {
    let places: HashMap<DomainId, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    found.sort_by_key(|each| places.get(&id(each)).copied());
}
