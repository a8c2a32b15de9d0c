//! Safelists and blocklists of the account, of a domain, and of a user.

use postroom::account::Caller;
use postroom::address::EmailAddress;
use postroom::db::{ReadTx, WriteTx};
use postroom::domain::Domain;
use postroom::error::{Entity, Error};
use postroom::id::ListEntryId;
use postroom::list::{self, InvalidItem, Item, ListEntry, ListKind, Scope};
use postroom::name::DomainName;
use postroom::recipient::{self, Recipient};
use serde_json::{Value, json};

use super::domains::empty;
use super::input::{domain_of, object, path_address, path_domain, path_name, text};
use crate::json::list::{ITEM_TYPE, LIST};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{Member, SOME_TEXT, Shape, TEXT, has};
use crate::wire::{Call, Fault};

/// What [`entry_json`] writes.
pub(super) const ENTRY: Shape =
    Shape::object("ListEntry", &[&[has("action", LIST), has("item", TEXT), has("item_type", ITEM_TYPE)]]);
const SHOWN: Contract = Contract::new("Lists what stands on a list").answers(200, &Shape::List(&ENTRY));
const ADDED: Contract =
    Contract::new("Adds an item to a list").takes(&Shape::object("ItemInput", &[ITEM])).answers(201, &ENTRY);
const REMOVED: Contract = Contract::new("Takes an item off a list").query(ITEM).nothing(204);
const ITEM: &[Member] = &[has("item", SOME_TEXT).text("an address, a domain, an IP address or a CIDR block")];
pub(super) const OF_ACCOUNT: Contract = SHOWN;
pub(super) const OF_DOMAIN: Contract = SHOWN;
pub(super) const OF_USER: Contract = SHOWN;
pub(super) const ADD_TO_ACCOUNT: Contract = ADDED;
pub(super) const ADD_TO_DOMAIN: Contract = ADDED;
pub(super) const ADD_TO_USER: Contract = ADDED;
pub(super) const REMOVE_FROM_ACCOUNT: Contract = REMOVED;
pub(super) const REMOVE_FROM_DOMAIN: Contract = REMOVED;
pub(super) const REMOVE_FROM_USER: Contract = REMOVED;

pub(super) fn of_account(call: &Call<'_>) -> Result<Response, Fault> {
    shown(call, Place::Account, listname(call)?)
}

pub(super) fn add_to_account(call: &Call<'_>) -> Result<Response, Fault> {
    let (list, item) = (listname(call)?, body_item(call)?);
    call.write(|tx| add(call, tx, &Scope::Account(&call.caller), list, &item))
}

/// What is not there is as good as removed: on this list alone the published file knows no 404.
pub(super) fn remove_from_account(call: &Call<'_>) -> Result<Response, Fault> {
    let (list, item) = (listname(call)?, query_item(call)?);
    call.write(|tx| list::remove(tx, &call.caller, &Scope::Account(&call.caller), list, &item))?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) fn of_domain(call: &Call<'_>) -> Result<Response, Fault> {
    let list = listname(call)?;
    shown(call, Place::Domain(path_name(call, "domain")?), list)
}

pub(super) fn add_to_domain(call: &Call<'_>) -> Result<Response, Fault> {
    let (list, item) = (listname(call)?, body_item(call)?);
    call.write(|tx| {
        let domain = path_domain(call, tx)?;
        add(call, tx, &Scope::Domain(&domain), list, &item)
    })
}

pub(super) fn remove_from_domain(call: &Call<'_>) -> Result<Response, Fault> {
    let (list, item) = (listname(call)?, query_item(call)?);
    call.write(|tx| {
        let domain = path_domain(call, tx)?;
        remove(call, tx, &Scope::Domain(&domain), list, &item)
    })
}

pub(super) fn of_user(call: &Call<'_>) -> Result<Response, Fault> {
    let list = listname(call)?;
    shown(call, Place::User(path_address(call)?), list)
}

pub(super) fn add_to_user(call: &Call<'_>) -> Result<Response, Fault> {
    let (list, item, address) = (listname(call)?, body_item(call)?, path_address(call)?);
    call.write(|tx| {
        let domain = domain_of(&call.caller, tx, address.domain())?;
        let user = recipient::ensure(tx, &call.caller, &domain, &address)?;
        add(call, tx, &Scope::Recipient(&domain, &user), list, &item)
    })
}

pub(super) fn remove_from_user(call: &Call<'_>) -> Result<Response, Fault> {
    let (list, item) = (listname(call)?, query_item(call)?);
    call.write(|tx| {
        let found = user(&call.caller, tx, &path_address(call)?)?;
        let (domain, user) = found.ok_or(Fault::Library(Error::NotFound(Entity::ListEntry)))?;
        remove(call, tx, &Scope::Recipient(&domain, &user), list, &item)
    })
}

/// `{"action","item","item_type"}`.
pub(super) fn entry_json(entry: &ListEntry) -> Value {
    json!({
        "action": entry.list.as_str(),
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

/// The user of this address with its domain, if it has been named before.
fn user<'t>(
    caller: &Caller,
    tx: &ReadTx<'t>,
    address: &EmailAddress,
) -> Result<Option<(Domain<'t>, Recipient)>, Fault> {
    let domain = domain_of(caller, tx, address.domain())?;
    match recipient::find(tx, &domain, address) {
        Ok(user) => Ok(Some((domain, user))),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn add<'t>(
    call: &Call<'_>,
    tx: &WriteTx<'t>,
    scope: &Scope<'_, 't>,
    list: ListKind,
    item: &Item,
) -> Result<Response, Fault> {
    let added = list::add(tx, &call.caller, scope, list, item)?;
    Ok(Response::json(StatusCode::CREATED, &entry_json(&added.entry)))
}

fn remove<'t>(
    call: &Call<'_>,
    tx: &WriteTx<'t>,
    scope: &Scope<'_, 't>,
    list: ListKind,
    item: &Item,
) -> Result<Response, Fault> {
    if list::remove(tx, &call.caller, scope, list, item)? {
        Ok(empty(StatusCode::NO_CONTENT))
    } else {
        Err(Fault::Library(Error::NotFound(Entity::ListEntry)))
    }
}

/// Whose list a path names.
enum Place {
    Account,
    Domain(DomainName),
    User(EmailAddress),
}

fn shown(call: &Call<'_>, place: Place, list: ListKind) -> Result<Response, Fault> {
    call.listed("[", "]", entries_in_turn(call.caller.clone(), place, vec![list]))
}

/// Reads the entries of these lists one after the other, some at a time.
fn entries_in_turn(
    caller: Caller,
    place: Place,
    lists: Vec<ListKind>,
) -> impl FnMut(&ReadTx<'_>, usize) -> Result<Option<Vec<Value>>, Fault> + Send + 'static {
    let (mut lists, mut after) = (lists.into_iter().peekable(), None);
    move |tx, most| {
        while let Some(list) = lists.peek() {
            let entries = entries(tx, &caller, &place, *list, after, most)?;
            if let Some(last) = entries.last() {
                after = Some(last.id);
                return Ok(Some(entries.iter().map(entry_json).collect()));
            }
            (after, _) = (None, lists.next());
        }
        Ok(None)
    }
}

/// The entries of a list after one of them. A user that nobody has named yet has empty lists.
fn entries<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    place: &Place,
    list: ListKind,
    after: Option<ListEntryId>,
    most: usize,
) -> Result<Vec<ListEntry>, Fault> {
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    let all = |scope: &Scope<'_, 't>| list::entries(tx, scope, list, after, most);
    Ok(match place {
        Place::Account => all(&Scope::Account(caller))?,
        Place::Domain(name) => all(&Scope::Domain(&domain_of(caller, tx, name)?))?,
        Place::User(address) => match user(caller, tx, address)? {
            Some((domain, user)) => all(&Scope::Recipient(&domain, &user))?,
            None => Vec::new(),
        },
    })
}

/// What stands on both lists of a user, in an answer that has `before` it, and `]}` after it.
pub(super) fn both_of_user(call: &Call<'_>, user: EmailAddress, before: String) -> Result<Response, Fault> {
    let lists = vec![ListKind::Safelist, ListKind::Blocklist];
    call.listed(before, "]}", entries_in_turn(call.caller.clone(), Place::User(user), lists))
}

/// The list in the path; the older words are the same lists. Another is none there is.
fn listname(call: &Call<'_>) -> Result<ListKind, Fault> {
    match call.param("listname") {
        "safelist" | "whitelist" => Ok(ListKind::Safelist),
        "blocklist" | "blacklist" => Ok(ListKind::Blocklist),
        _ => Err(Fault::NoRoute),
    }
}

fn body_item(call: &Call<'_>) -> Result<Item, Fault> {
    parse_item(&text(&object(call)?, "item")?)
}

fn query_item(call: &Call<'_>) -> Result<Item, Fault> {
    let item = call.query("item").filter(|item| !item.trim().is_empty());
    parse_item(&item.ok_or_else(|| Fault::input("item", "is required, in the query"))?)
}
