//! Safelists and blocklists of the account, of a domain, and of a user.

use postroom::db::{ReadTx, WriteTx};
use postroom::domain::Domain;
use postroom::error::{Entity, Error};
use postroom::list::{self, InvalidItem, Item, ListEntry, ListKind, Scope};
use postroom::recipient::{self, Recipient};
use serde_json::{Value, json};

use super::domains::empty;
use super::input::{domain_of, object, path_address, path_domain, text};
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault};

pub(super) fn of_account(call: &Call<'_>) -> Result<Response, Fault> {
    let action = action(call)?;
    let entries = call.read(|tx| list::entries(tx, &Scope::Account(&call.caller), action))?;
    Ok(shown(&entries))
}

pub(super) fn add_to_account(call: &Call<'_>) -> Result<Response, Fault> {
    let (action, item) = (action(call)?, body_item(call)?);
    call.write(|tx| add(call, tx, &Scope::Account(&call.caller), action, &item))
}

/// What is not there is as good as removed: on this list alone the published file knows no 404.
pub(super) fn remove_from_account(call: &Call<'_>) -> Result<Response, Fault> {
    let (action, item) = (action(call)?, query_item(call)?);
    call.write(|tx| list::remove(tx, &call.caller, &Scope::Account(&call.caller), action, &item))?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) fn of_domain(call: &Call<'_>) -> Result<Response, Fault> {
    let action = action(call)?;
    let entries = call.read(|tx| {
        let domain = path_domain(call, tx)?;
        list::entries(tx, &Scope::Domain(&domain), action).map_err(Fault::from)
    })?;
    Ok(shown(&entries))
}

pub(super) fn add_to_domain(call: &Call<'_>) -> Result<Response, Fault> {
    let (action, item) = (action(call)?, body_item(call)?);
    call.write(|tx| {
        let domain = path_domain(call, tx)?;
        add(call, tx, &Scope::Domain(&domain), action, &item)
    })
}

pub(super) fn remove_from_domain(call: &Call<'_>) -> Result<Response, Fault> {
    let (action, item) = (action(call)?, query_item(call)?);
    call.write(|tx| {
        let domain = path_domain(call, tx)?;
        remove(call, tx, &Scope::Domain(&domain), action, &item)
    })
}

/// A user that nobody has named yet has empty lists.
pub(super) fn of_user(call: &Call<'_>) -> Result<Response, Fault> {
    let action = action(call)?;
    let entries = call.read(|tx| match user(call, tx)? {
        Some((domain, user)) => {
            list::entries(tx, &Scope::Recipient(&domain, &user), action).map_err(Fault::from)
        }
        None => Ok(Vec::new()),
    })?;
    Ok(shown(&entries))
}

pub(super) fn add_to_user(call: &Call<'_>) -> Result<Response, Fault> {
    let (action, item, address) = (action(call)?, body_item(call)?, path_address(call)?);
    call.write(|tx| {
        let domain = domain_of(call, tx, address.domain())?;
        let user = recipient::ensure(tx, &call.caller, &domain, &address)?;
        add(call, tx, &Scope::Recipient(&domain, &user), action, &item)
    })
}

pub(super) fn remove_from_user(call: &Call<'_>) -> Result<Response, Fault> {
    let (action, item) = (action(call)?, query_item(call)?);
    call.write(|tx| {
        let found = user(call, tx)?;
        let (domain, user) = found.ok_or(Fault::Library(Error::NotFound(Entity::ListEntry)))?;
        remove(call, tx, &Scope::Recipient(&domain, &user), action, &item)
    })
}

/// `{"action","item","item_type"}`.
pub(super) fn entry_json(entry: &ListEntry) -> Value {
    json!({
        "action": entry.action.as_str(),
        "item": entry.item.given(),
        "item_type": entry.item.kind().as_str(),
    })
}

/// An item in a text.
pub(super) fn parse_item(text: &str) -> Result<Item, Fault> {
    text.trim().parse().map_err(|reason: InvalidItem| {
        Fault::input("item", format_args!("is no address, domain, IP address or CIDR block: {reason}"))
    })
}

/// The user in the path with its domain, if it has been named before.
fn user<'t>(call: &Call<'_>, tx: &ReadTx<'t>) -> Result<Option<(Domain<'t>, Recipient)>, Fault> {
    let address = path_address(call)?;
    let domain = domain_of(call, tx, address.domain())?;
    match recipient::find(tx, &domain, &address) {
        Ok(user) => Ok(Some((domain, user))),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn add<'t>(
    call: &Call<'_>,
    tx: &WriteTx<'t>,
    scope: &Scope<'_, 't>,
    action: ListKind,
    item: &Item,
) -> Result<Response, Fault> {
    let added = list::add(tx, &call.caller, scope, action, item)?;
    Ok(Response::json(StatusCode::CREATED, &entry_json(&added.entry)))
}

fn remove<'t>(
    call: &Call<'_>,
    tx: &WriteTx<'t>,
    scope: &Scope<'_, 't>,
    action: ListKind,
    item: &Item,
) -> Result<Response, Fault> {
    if list::remove(tx, &call.caller, scope, action, item)? {
        Ok(empty(StatusCode::NO_CONTENT))
    } else {
        Err(Fault::Library(Error::NotFound(Entity::ListEntry)))
    }
}

fn shown(entries: &[ListEntry]) -> Response {
    Response::json(StatusCode::OK, &entries.iter().map(entry_json).collect::<Vec<_>>())
}

/// The list in the path; the older words are the same lists. Another is none there is.
fn action(call: &Call<'_>) -> Result<ListKind, Fault> {
    match call.param("listname") {
        "safelist" | "whitelist" => Ok(ListKind::Safelist),
        "blocklist" | "blacklist" => Ok(ListKind::Blocklist),
        _ => Err(Fault::NoRoute),
    }
}

fn body_item(call: &Call<'_>) -> Result<Item, Fault> {
    parse_item(text(&object(call)?, "item")?)
}

fn query_item(call: &Call<'_>) -> Result<Item, Fault> {
    let item = call.query("item").filter(|item| !item.trim().is_empty());
    parse_item(&item.ok_or_else(|| Fault::input("item", "is required, in the query"))?)
}
