//! A domain with what people want to see beside it: its current DKIM key, its webhook key, what is verified.
//!
//! Two to four statements, for one domain or a page of them.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::overview;
//!
//! let shown = postroom.read(|tx| overview::find(tx, &caller, id))?;
//! assert_eq!((shown.domain.name.as_str(), shown.return_path_verified), ("example.com", false));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use crate::account::Caller;
use crate::db::ReadTx;
use crate::dkim::PublicKey;
use crate::domain::{Details, Order};
use crate::error::{Entity, Error};
use crate::id::DomainId;
use crate::name::Selector;
use crate::page::{Direction, Page};
use crate::signing::{self, Assessment};
use crate::webhook::WebhookPublicKey;

/// A domain, and what hangs on it in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The domain.
    pub domain: Details,
    /// Its current DKIM key: the newest active one, else the newest that starts itself, else the newest. None where another domain's keys sign for it.
    pub dkim: Option<(Selector, PublicKey)>,
    /// Which keys sign for it, and why it is not active.
    pub assessment: Assessment,
    /// Whether its return path's record is verified.
    pub return_path_verified: bool,
    /// The public key with which a receiver checks the domain's webhooks.
    pub webhook_public_key: Option<WebhookPublicKey>,
}

/// The domain with this id.
pub fn find(tx: &ReadTx<'_>, caller: &Caller, id: DomainId) -> Result<Overview, Error> {
    tx.foresee(|tx| signing::foresee(tx, caller, &[id]));
    let found = table::by_id(tx, caller, id)?.into_iter().collect();
    assessed(tx, found)?.pop().ok_or(Error::NotFound(Entity::Domain))
}

/// A page of the caller's domains.
pub fn list(
    tx: &ReadTx<'_>,
    caller: &Caller,
    order: Order,
    direction: Direction,
    page: Page,
) -> Result<Vec<Overview>, Error> {
    assessed(tx, table::page(tx, caller, order, direction, page)?)
}

/// Those of the domains with these ids that the caller may see, in the order of the ids.
pub fn some(tx: &ReadTx<'_>, caller: &Caller, ids: &[DomainId]) -> Result<Vec<Overview>, Error> {
    tx.foresee(|tx| signing::foresee(tx, caller, ids));
    assessed(tx, table::some(tx, caller, ids)?)
}

fn assessed(tx: &ReadTx<'_>, found: Vec<table::Row>) -> Result<Vec<Overview>, Error> {
    let assessments = signing::assessed(tx, &found.iter().map(|row| &row.domain).collect::<Vec<_>>())?;
    let overview = |(row, assessment)| {
        let table::Row { domain, dkim, return_path_verified, webhook_public_key } = row;
        Overview { domain, dkim, assessment, return_path_verified, webhook_public_key }
    };
    Ok(found.into_iter().zip(assessments).map(overview).collect())
}
