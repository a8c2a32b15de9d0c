//! Recipients: the addresses at a domain of which something is known: whether their mail is filtered, whether they
//! administer the domain, and what they list ([`list`](crate::list)).
//!
//! Mail is taken for an address whether or not it is here. One appears when it is first saved, or when a list of its own
//! is first written to ([`ensure`]). Asking for a verdict makes none: it is asked for every message, so it must
//! be a read that waits for no writer, and whoever sends to made-up addresses must not fill the table or use up the
//! subscription.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::recipient;
//!
//! let (saved, is_new) =
//!     postroom.write(|tx| recipient::save(tx, &caller, &"jo@example.com".parse()?, true, None))?;
//! assert!(is_new && saved.is_admin);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod table;

use crate::account::Caller;
use crate::address::{EmailAddress, comparable_local};
use crate::cap::Cap;
use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::{self, Domain, holder};
use crate::error::{Entity, Error};
use crate::event::Change;
use crate::id::{DomainId, RecipientId};
use crate::ledger;
use crate::name::DomainName;
use crate::page::Page;
use crate::subscription;

/// A recipient at a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Its id.
    pub id: RecipientId,
    /// The domain at which it is.
    pub domain: DomainId,
    /// Its address, with the local part as it was first given. Addresses are compared without regard to case.
    pub address: EmailAddress,
    /// Whether its mail is filtered.
    pub filter: FilterMode,
    /// Whether it administers its domain.
    pub is_admin: bool,
    /// When it first appeared.
    pub created_at: Timestamp,
}

/// Whether a recipient's mail is filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterMode {
    /// It is, and the recipient counts toward the subscription's limit of protected ones.
    Filtered,
    /// It is not.
    Unfiltered,
}

/// What is asked for of a recipient's filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterRequest {
    /// Filter: refused where the subscription protects as many as it may.
    On,
    /// Do not filter.
    Off,
    /// Filter if the subscription has room, else do not.
    Compute,
}

/// The domain of this name, as it is meant where mail, recipients and lists are concerned.
///
/// The one place that leads from the domain in an address to the domain whose lists hold for it.
pub fn domain_of<'t>(tx: &ReadTx<'t>, caller: &Caller, name: &DomainName) -> Result<Domain<'t>, Error> {
    match domain::find_named(tx, caller, name) {
        Err(Error::NotFound(what)) => match holder::at(tx, name)? {
            // An alias shares its domain's lists and recipients.
            Some(holder) => domain::find(tx, caller, holder.id),
            None => Err(Error::NotFound(what)),
        },
        found => found,
    }
}

/// The operator, acting within the account whose mail is at `name`: a domain's, or an alias's.
pub fn operator_of(tx: &ReadTx<'_>, name: &DomainName) -> Result<Caller, Error> {
    let holder = holder::at(tx, name)?.ok_or(Error::NotFound(Entity::Domain))?;
    Ok(Caller::operator(holder.account))
}

/// The recipient with this address, at whatever name of its domain.
pub fn find<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, address: &EmailAddress) -> Result<Recipient, Error> {
    table::by_local(tx, domain, &comparable(address))?.ok_or(Error::NotFound(Entity::Recipient))
}

/// A page of a domain's recipients, by their addresses.
pub fn list<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, page: Page) -> Result<Vec<Recipient>, Error> {
    table::page(tx, domain, page)
}

/// Makes the recipient with this address, or changes it if it is there: what is not asked for stays, and of a new one is
/// [`FilterRequest::Compute`]. Returns whether it is new.
///
/// `NotFound` of the domain if the address is at none of the caller's, `Limit` as [`FilterRequest::On`] says,
/// `Cap` if the account has as many recipients as it may have.
pub fn save(
    tx: &WriteTx<'_>,
    caller: &Caller,
    address: &EmailAddress,
    admin: bool,
    filter: Option<FilterRequest>,
) -> Result<(Recipient, bool), Error> {
    let domain = domain_of(tx, caller, address.domain())?;
    match table::by_local(tx, &domain, &comparable(address))? {
        Some(known) => Ok((update(tx, caller, &domain, &known, Some(admin), filter)?, false)),
        None => Ok((make(tx, caller, &domain, address, admin, filter)?, true)),
    }
}

/// The recipient with this address at `domain`, made if need be: [`FilterRequest::Compute`], no administrator. For what
/// is written of a recipient that may not be there yet.
pub fn ensure<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    address: &EmailAddress,
) -> Result<Recipient, Error> {
    match table::by_local(tx, domain, &comparable(address))? {
        Some(known) => Ok(known),
        None => make(tx, caller, domain, address, false, None),
    }
}

/// Changes a recipient of `domain`; what is `None` stays.
pub fn update<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    recipient: &Recipient,
    admin: Option<bool>,
    filter: Option<FilterRequest>,
) -> Result<Recipient, Error> {
    let filter = match filter {
        // It has its place already.
        Some(FilterRequest::On | FilterRequest::Compute) if recipient.filter == FilterMode::Filtered => {
            FilterMode::Filtered
        }
        Some(request) => granted(tx, domain, request)?,
        None => recipient.filter,
    };
    let is_admin = admin.unwrap_or(recipient.is_admin);
    if (filter, is_admin) == (recipient.filter, recipient.is_admin) {
        return Ok(recipient.clone());
    }
    let changed = table::update(tx, domain, recipient.id, filter, is_admin)?
        .ok_or(Error::NotFound(Entity::Recipient))?;
    let change = Change::RecipientChanged {
        domain: domain.into(),
        recipient: changed.id,
        address: changed.address.clone(),
        filtered: changed.filter == FilterMode::Filtered,
        administrator: changed.is_admin,
    };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok(changed)
}

/// Deletes the recipient with this address, with what it lists. Mail for it is taken as for any address of which nothing is
/// known.
pub fn delete<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    address: &EmailAddress,
) -> Result<Recipient, Error> {
    let known = find(tx, domain, address)?;
    table::delete(tx, domain, known.id)?;
    let change = Change::RecipientDeleted {
        domain: domain.into(),
        recipient: known.id,
        address: known.address.clone(),
    };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok(known)
}

/// Forgets every recipient of the domain, with what they list.
pub(crate) fn clear<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    table::delete_all(tx, domain.id)
}

/// The local part as it is compared.
pub(crate) fn comparable(address: &EmailAddress) -> String {
    comparable_local(address.local())
}

fn make<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    address: &EmailAddress,
    is_admin: bool,
    filter: Option<FilterRequest>,
) -> Result<Recipient, Error> {
    ledger::make_room(tx, domain.account, Cap::Recipients, 1)?;
    let filter = granted(tx, domain, filter.unwrap_or(FilterRequest::Compute))?;
    let made = table::insert(tx, domain, address, filter, is_admin)?;
    let change = Change::RecipientCreated {
        domain: domain.into(),
        recipient: made.id,
        address: made.address.clone(),
        filtered: made.filter == FilterMode::Filtered,
        administrator: made.is_admin,
    };
    tx.tell(caller.actor(), domain.account, &change)?;
    Ok(made)
}

/// What becomes of a request for one that is not filtered yet.
fn granted<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, request: FilterRequest) -> Result<FilterMode, Error> {
    if request == FilterRequest::Off {
        return Ok(FilterMode::Unfiltered);
    }
    match subscription::room_for_recipient(tx, domain.subscription)? {
        Ok(()) => Ok(FilterMode::Filtered),
        Err(_) if request == FilterRequest::Compute => Ok(FilterMode::Unfiltered),
        Err(most) => Err(Error::Limit { what: Entity::Subscription, most: u64::from(most) }),
    }
}
