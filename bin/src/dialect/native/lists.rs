//! Safelists and blocklists of the account, a domain and a recipient; and what they say of a message.

use postroom::account::Caller;
use postroom::address::EmailAddress;
use postroom::db::{ReadTx, WriteTx};
use postroom::error::{Entity, Error};
use postroom::inbound;
use postroom::list::{self, Added, InvalidItem, Item, ListKind, ListQuery, Scope};
use postroom::name::DomainName;
use postroom::recipient;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body;
use crate::json::list::{ADDED, ENTRY, EXPLANATION, LIST};
use crate::json::list::{added_json, entry_json, explanation_json};
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::shape::{ADDRESS, Shape, TEXT, has, may};
use crate::wire::{Call, Fault};

pub(super) const EXPLAIN: Contract = Contract::new("Tells what the lists say of a message")
    .query(&[has("recipient", ADDRESS), may("sender", TEXT), may("from", TEXT), may("ip", TEXT)])
    .answers(200, &EXPLANATION);
pub(super) const SHOW: Contract = Contract::new("Lists what stands on a list").answers(
    200,
    &Shape::object("ListEntries", &[&[has("list", LIST), has("entries", Shape::List(&ENTRY))]]),
);
pub(super) const ADD: Contract = Contract::new("Adds an item to a list")
    .takes(&Shape::closed(
        "ItemInput",
        &[&[has("item", TEXT).text("an address, a domain, an IP address or a CIDR block")]],
    ))
    .answers(201, &ADDED)
    .answers(200, &ADDED);
pub(super) const REMOVE: Contract = Contract::new("Takes an item off a list")
    .query(&[has("item", TEXT)])
    .answers(200, &Shape::object("Removed", &[&[has("removed", Shape::Flag)]]));

/// What is added.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    item: String,
}

/// Whose list the path names; of no other is there word of.
enum Place {
    Account,
    Domain(DomainName),
    Recipient(EmailAddress),
}

pub(super) fn explain(call: &Call<'_>) -> Result<Response, Fault> {
    let recipient =
        call.query("recipient").ok_or_else(|| Fault::input("recipient", "must be given in the query"))?;
    let (sender, from, ip) = (call.query("sender"), call.query("from"), call.query("ip"));
    let query = ListQuery::parse(&recipient, sender.as_deref(), from.as_deref(), ip.as_deref())
        .map_err(|e| Fault::input(e.part, format_args!("is not usable: {}", e.reason)))?;
    let explanation = call.read(|tx| list::explain_for(tx, &call.caller, &query))?;
    Ok(Response::json(StatusCode::OK, &explanation_json(&query, &explanation)))
}

pub(super) fn show(call: &Call<'_>) -> Result<Response, Fault> {
    let (place, list) = (place(call)?, listname(call)?);
    let (caller, mut after) = (call.caller.clone(), None);
    call.listed(format!("{{\"list\":\"{list}\",\"entries\":["), "]}", move |tx, most| {
        let entries = read(tx, &caller, &place, |tx, scope| {
            list::entries(tx, scope, list, after, u32::try_from(most).unwrap_or(u32::MAX))
        })?;
        let Some(id) = entries.last().map(|entry| entry.id) else { return Ok(None) };
        after = Some(id);
        Ok(Some(entries.iter().map(entry_json).collect()))
    })
}

fn read<'t>(
    tx: &ReadTx<'t>,
    caller: &Caller,
    place: &Place,
    entries: impl Fn(&ReadTx<'t>, &Scope<'_, 't>) -> Result<Vec<list::ListEntry>, Error>,
) -> Result<Vec<list::ListEntry>, Error> {
    match place {
        Place::Account => entries(tx, &Scope::Account(caller)),
        Place::Domain(name) => entries(tx, &Scope::Domain(&inbound::domain_named(tx, caller, name)?)),
        Place::Recipient(address) => {
            let domain = recipient::domain_of(tx, caller, address.domain())?;
            match recipient::find(tx, &domain, address) {
                Ok(recipient) => entries(tx, &Scope::Recipient(&domain, &recipient)),
                // Of whom nothing is known yet, nothing is listed.
                Err(Error::NotFound(Entity::Recipient)) => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        }
    }
}

pub(super) fn add(call: &Call<'_>) -> Result<Response, Fault> {
    let (place, list, new): (_, _, New) = (place(call)?, listname(call)?, body(call)?);
    let item = item(&new.item)?;
    let (added, json) = call.write(|tx| {
        let add = |scope| {
            let added = list::add(tx, &call.caller, scope, list, &item)?;
            let json = added_json(scope, &added);
            Ok::<(Added, Value), Error>((added, json))
        };
        match &place {
            Place::Account => add(&Scope::Account(&call.caller)),
            Place::Domain(name) => add(&Scope::Domain(&inbound::domain_named(tx, &call.caller, name)?)),
            Place::Recipient(address) => {
                let domain = recipient::domain_of(tx, &call.caller, address.domain())?;
                let recipient = recipient::ensure(tx, &call.caller, &domain, address)?;
                add(&Scope::Recipient(&domain, &recipient))
            }
        }
    })?;
    let status = if added.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Response::json(status, &json))
}

pub(super) fn remove(call: &Call<'_>) -> Result<Response, Fault> {
    let (place, list) = (place(call)?, listname(call)?);
    let given = call.query("item").ok_or_else(|| Fault::input("item", "must be given in the query"))?;
    let item = item(&given)?;
    let removed = call.write(|tx| take_off(tx, call, &place, list, &item))?;
    Ok(Response::json(StatusCode::OK, &json!({ "removed": removed })))
}

fn take_off(
    tx: &WriteTx<'_>,
    call: &Call<'_>,
    place: &Place,
    list: ListKind,
    item: &Item,
) -> Result<bool, Error> {
    let remove = |scope| list::remove(tx, &call.caller, scope, list, item);
    match place {
        Place::Account => remove(&Scope::Account(&call.caller)),
        Place::Domain(name) => remove(&Scope::Domain(&inbound::domain_named(tx, &call.caller, name)?)),
        Place::Recipient(address) => {
            let domain = recipient::domain_of(tx, &call.caller, address.domain())?;
            match recipient::find(tx, &domain, address) {
                Ok(recipient) => remove(&Scope::Recipient(&domain, &recipient)),
                Err(Error::NotFound(Entity::Recipient)) => Ok(false),
                Err(error) => Err(error),
            }
        }
    }
}

/// What is no name, or no address, is at no domain of the caller's.
fn place(call: &Call<'_>) -> Result<Place, Fault> {
    let unknown = || Fault::Library(Error::NotFound(Entity::Domain));
    match (call.param("name"), call.param("address")) {
        ("", "") => Ok(Place::Account),
        ("", address) => address.parse().map(Place::Recipient).map_err(|_| unknown()),
        (name, _) => name.parse().map(Place::Domain).map_err(|_| unknown()),
    }
}

fn listname(call: &Call<'_>) -> Result<ListKind, Fault> {
    call.param("list").parse().map_err(|_| Fault::NoRoute)
}

fn item(text: &str) -> Result<Item, Fault> {
    text.parse().map_err(|e: InvalidItem| super::unusable("item", text, e))
}
