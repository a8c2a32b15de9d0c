//! A domain with what people want to see beside it: its current DKIM key, its webhook key, what is verified.
//!
//! One statement for one domain, and one for a page of them.

mod table;

use crate::account::Caller;
use crate::db::ReadTx;
use crate::dkim::PublicKey;
use crate::domain::{Details, Order};
use crate::error::{Entity, Error};
use crate::id::DomainId;
use crate::name::Selector;
use crate::page::{Direction, Page};
use crate::webhook::WebhookPublicKey;

/// A domain, and what hangs on it in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The domain.
    pub domain: Details,
    /// Its current DKIM key: the newest active one, else the newest. None where another domain's keys sign for it.
    pub dkim: Option<(Selector, PublicKey)>,
    /// Whether that key's record is verified.
    pub dkim_verified: bool,
    /// Whether its return path's record is verified.
    pub return_path_verified: bool,
    /// The half of its webhook key pair that is told.
    pub webhook_public_key: Option<WebhookPublicKey>,
}

/// The domain with this id.
pub fn find(tx: &ReadTx<'_>, caller: &Caller, id: DomainId) -> Result<Overview, Error> {
    table::by_id(tx, caller, id)?.ok_or(Error::NotFound(Entity::Domain))
}

/// A page of the caller's domains.
pub fn list(
    tx: &ReadTx<'_>,
    caller: &Caller,
    order: Order,
    direction: Direction,
    page: Page,
) -> Result<Vec<Overview>, Error> {
    table::page(tx, caller, order, direction, page)
}
