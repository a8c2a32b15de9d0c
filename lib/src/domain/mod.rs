//! Domains: what one is, who may see it, and how they are found and listed.
//!
//! The visibility rule stands in `visibility/`, once: a domain is there for a caller of its account, unless it is
//! tied to another key, is not among the domains that the caller's key is limited to, or belongs to another of the caller's users. Only that rule makes a [`Domain`], so that having one
//! proves that its caller may see it, within the transaction that read it. Operations on what hangs on a domain take a
//! `&Domain` of their own transaction. What may be kept and shown afterwards is its [`Details`].
//!
//! Whoever else's domain it is, for conflicts, authorities, the schedule and incoming mail, is a [`Holder`], which
//! shows nothing. How a domain begins and ends stands above what hangs on it, in [`provision`](crate::provision), and is reached from
//! here as well: [`create`], [`rename`], [`transfer`], [`delete`].
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! // Read again in each transaction: the caller may have lost it in between.
//! let shown = postroom.read(|tx| Ok::<_, postroom::Error>(domain::find(tx, &caller, id)?.into_details()))?;
//! assert_eq!(shown.name.as_str(), "example.com");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod details;
pub(crate) mod holder;
pub(crate) mod listing;
pub(crate) mod table;
pub(crate) mod total;
pub(crate) mod visibility;

use std::time::Duration;

use crate::account::Caller;
use crate::db::{ReadTx, WriteTx};
use crate::error::{Entity, Error};
use crate::event::{self, Change, DomainRef, Event};
use crate::id::{ApiKeyId, DomainId, EventId};
use crate::key;
use crate::label;
use crate::name::DomainName;

// Named here for those who look for them; used from where they stand.
#[doc(no_inline)]
pub use crate::provision::{NewDomain, create, create_or_adopt, delete, equip, rename, transfer};
pub use details::{Details, DomainStatus, InvalidDomainStatus};
pub use holder::Holder;
pub use listing::{
    DomainSearch, Order, count, count_by_status, count_by_subscription, first_limits_of_keys, ids,
    limits_of_key, limits_of_keys, list, list_with_status, search, some, tied_to_keys,
};
pub use visibility::Domain;

/// How soon after its creation a domain is first looked at by the schedule.
pub const FIRST_CHECK_AFTER: Duration = Duration::from_mins(1);

impl From<&Details> for DomainRef {
    fn from(domain: &Details) -> DomainRef {
        DomainRef { id: domain.id, name: domain.name.clone() }
    }
}

impl From<&Holder<'_>> for DomainRef {
    fn from(holder: &Holder<'_>) -> DomainRef {
        DomainRef { id: holder.id, name: holder.name.clone() }
    }
}

impl From<&Domain<'_>> for DomainRef {
    fn from(domain: &Domain<'_>) -> DomainRef {
        domain.details().into()
    }
}

/// The domain with this id.
pub fn find<'t>(tx: &ReadTx<'t>, caller: &Caller, id: DomainId) -> Result<Domain<'t>, Error> {
    table::by_id(tx, caller, id)?.ok_or(Error::NotFound(Entity::Domain))
}

/// The domain with this name.
pub fn find_named<'t>(tx: &ReadTx<'t>, caller: &Caller, name: &DomainName) -> Result<Domain<'t>, Error> {
    table::by_name(tx, caller, name)?.ok_or(Error::NotFound(Entity::Domain))
}

/// The domain with this id, if it is there for the caller: for who acts on behalf of an end user, one that the user has or may adopt, which
/// each of them may where it has no user.
pub(crate) fn there_for<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    id: DomainId,
) -> Result<Option<Domain<'t>>, Error> {
    let is_there = |domain: &Domain<'t>| {
        domain.user.is_none() || caller.user().is_none_or(|user| domain.user.as_ref() == Some(user))
    };
    Ok(table::by_id(tx, &caller.for_itself(), id)?.filter(is_there))
}

/// Whether the caller may know that the holder's domain is its account's. Whoever is limited to some domains learns of no other one, not even
/// that.
pub(crate) fn is_told_of<'t>(tx: &ReadTx<'t>, caller: &Caller, holder: &Holder<'t>) -> Result<bool, Error> {
    Ok(holder.account == caller.account()
        && (!caller.is_of_domains() || there_for(tx, caller, holder.id)?.is_some()))
}

/// Those of these names that are domains which the caller may see, in any order: one statement, however many there are.
pub fn find_all_named<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    names: &[DomainName],
) -> Result<Vec<Domain<'t>>, Error> {
    table::by_names(tx, caller, names)
}

/// The names of the servers of the domain's zone, as the last check that asked them had them; none if no check did.
pub fn name_servers<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Vec<String>, Error> {
    table::name_servers(tx, domain.id)
}

/// The operator, acting within the account that owns `name`.
pub fn operator_of(tx: &ReadTx<'_>, name: &DomainName) -> Result<Caller, Error> {
    let holder = holder::named(tx, name)?.ok_or(Error::NotFound(Entity::Domain))?;
    Ok(Caller::operator(holder.account))
}

/// What happened to the domain since it is its account's, under whatever name, with its recipients and lists: the newest
/// `limit` events, the newest first, or the newest before one.
pub fn timeline<'t>(
    tx: &ReadTx<'t>,
    domain: &Domain<'t>,
    before: Option<EventId>,
    limit: u32,
) -> Result<Vec<Event>, Error> {
    event::timeline(tx, domain.account, domain.id, before, limit)
}

/// `InUse` if the keys of this domain sign for others that the caller may not see, such as one that is tied to another
/// key: what the caller does with these keys would change them. It says how many, and names none.
pub(crate) fn check_signs_for_own<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
) -> Result<(), Error> {
    let number = match table::count_hidden_dependents(tx, caller, domain.id)? {
        0 => return Ok(()),
        1 => "1 domain".to_owned(),
        number => format!("{number} domains"),
    };
    let reason =
        format!("its keys sign for {number} to which this API key has no access; the operator can do this");
    Err(Error::InUse { what: Entity::Domain, reason })
}

/// Gives the domain another label, or none.
pub fn set_label<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    label: Option<&str>,
) -> Result<Domain<'t>, Error> {
    let label = label::parse_optional("label", label)?;
    if label == domain.label {
        return Ok(domain.clone());
    }
    let change =
        Change::LabelChanged { domain: domain.into(), from: domain.label.clone(), to: label.clone() };
    tx.tell(caller.actor(), domain.account, &change)?;
    table::set_label(tx, domain, label.as_deref())
}

/// Ties the domain to one key of its account, or frees it for all of them. `Invalid` if that key could not work on the domain: nobody of the
/// account could then.
///
/// A domain that is tied to a key is not there for the others, and so perhaps not for the caller any more: what is returned
/// is for showing.
pub fn associate<'t>(
    tx: &WriteTx<'t>,
    caller: &Caller,
    domain: &Domain<'t>,
    key: Option<ApiKeyId>,
) -> Result<Details, Error> {
    if let Some(key) = key {
        key::check_can_have(tx, domain.account, key, domain.id)?;
    }
    let change = match key {
        Some(key) => Change::DomainTied { domain: domain.into(), key },
        None => Change::DomainUntied { domain: domain.into(), key: domain.tied_to },
    };
    tx.tell(caller.actor(), domain.account, &change)?;
    table::tie(tx, domain, key)
}
