//! Up to a thousand domains in one request, with an outcome an item, in the order given. They are written in pieces, so that
//! nobody waits for all of them.

use std::borrow::Cow;
use std::collections::HashMap;

use postroom::account::Caller;
use postroom::db::WriteTx;
use postroom::domain::Domain;
use postroom::error::Error;
use postroom::inbound::{self, Downstream, Inbound};
use postroom::name::DomainName;
use postroom::{provision as provisioning, signing, subscription};
use serde_json::{Value, json};

use super::domains::WISH;
use super::domains::{Flags, Provisioned, Wish};
use super::input::{FIELDS, domain_of, name, object};
use super::said;
use super::shape::Handles;
use crate::wire::Contract;
use crate::wire::http::{Response, StatusCode};
use crate::wire::json::{Json, Members};
use crate::wire::shape::{Member, NAME, Shape, TEXT, has, may};
use crate::wire::{Call, Fault, LookingCall};

const CODE: Shape = Shape::Integer { least: 200, most: 599 };
const OUTCOME: &[Member] = &[has("code", CODE).text("the status of this item"), may("comment", TEXT)];
/// What became of an item: [`commented`].
const PROVISIONED: Shape =
    Shape::object("ProvisionOutcome", &[&[has("domain", super::shape::DOMAIN)], OUTCOME]);
const REFUSED: Shape = Shape::object(
    "ProvisionRefusal",
    &[
        &[has(
            "domain",
            Shape::object("RefusedDomain", &[&[has("domain", NAME), has("subscriptionHandle", TEXT)]]),
        )],
        OUTCOME,
    ],
);
/// The domain of an item as it was given.
const GIVEN: &[Member] = &[has("domain", TEXT)];
const DONE: Shape = Shape::object("Outcome", &[GIVEN, OUTCOME]);
const LINKED: Shape = Shape::object("LinkOutcome", &[GIVEN, OUTCOME, &[has("loginLink", TEXT)]]);
const NAMED: Shape =
    Shape::Either(&[&NAME, &Shape::object("NamedDomain", &[&[has("domain", NAME)]]), &Shape::Any]);
/// A body that names domains.
pub(super) const NAMES: Shape = Shape::object(
    "DomainNames",
    &[&[has("domains", Shape::List(&NAMED))
        .text("1000 at most; what is no such item gets an error of its own")]],
);
pub(super) const PROVISION: Contract =
    Contract::new("Provisions up to a thousand domains, with an outcome for each")
        .query(&[
            has("subscriptionHandle", super::domains::HANDLE),
            may("associate-key", Shape::Flag),
            may("overwrite", Shape::Flag),
        ])
        .takes(&Shape::object(
            "ProvisionBatch",
            &[&[has("domains", Shape::List(&Shape::Either(&[&WISH, &Shape::Any])))
                .text("1000 at most; what is no such item gets an error of its own")]],
        ))
        .answers(
            200,
            &Shape::object(
                "ProvisionOutcomes",
                &[&[has("successes", Shape::List(&PROVISIONED)), has("errors", Shape::List(&REFUSED))]],
            ),
        );
pub(super) const DEPROVISION: Contract = Contract::new(
    "Deprovisions up to a thousand domains, with an outcome for each",
)
.takes(&NAMES)
.answers(
    200,
    &Shape::object("Outcomes", &[&[has("successes", Shape::List(&DONE)), has("errors", Shape::List(&DONE))]]),
);
pub(super) const LINKS: Shape = Shape::object(
    "LinkOutcomes",
    &[&[has("successes", Shape::List(&LINKED)), has("errors", Shape::List(&DONE))]],
);

/// The most items of a request.
const MOST: usize = 1000;
/// The most characters of an item's name that its outcome repeats: more than any domain name has.
const MOST_SHOWN: usize = 300;

/// What became of the items, in JSON already: a thousand large domains would take several times the memory as values.
#[derive(Default)]
struct Outcome {
    successes: Vec<u8>,
    errors: Vec<u8>,
}

impl Outcome {
    fn success(&mut self, item: &Value) {
        add(&mut self.successes, item);
    }

    /// An item that went wrong.
    fn failure(&mut self, fault: &Fault, item: impl FnOnce(u16, &str) -> Value) {
        let (status, text) = said(fault);
        add(&mut self.errors, &item(status.as_u16(), &text));
    }

    fn response(self) -> Response {
        let mut body = self.successes;
        body.splice(..0, *b"{\"successes\":[");
        body.extend_from_slice(b"],\"errors\":[");
        body.extend_from_slice(&self.errors);
        body.extend_from_slice(b"]}");
        Response::of_json(StatusCode::OK, body)
    }
}

/// An item of a request that provisions, and the place of the one before it that has the same name.
type Item = (Result<Wish, Fault>, Option<usize>);

/// What came of an item. That the database fails is the request's: it would fail with every other one as well. A limit that is reached is
/// the item's, for others before it were done, and some after it may need no room.
fn of_item<T>(done: Result<T, Fault>) -> Result<Result<T, Fault>, Fault> {
    match done {
        Err(fault @ Fault::Library(Error::Store(_))) => Err(fault),
        done => Ok(done),
    }
}

/// Adds an item to a list in JSON that has no brackets yet.
fn add(list: &mut Vec<u8>, item: &Value) {
    if !list.is_empty() {
        list.push(b',');
    }
    // Writing to memory does not fail, and a `Value` has no key that is not a text.
    let _ = serde_json::to_writer(list, item);
}

/// The items of a body: `{"domains":[…]}`.
pub(super) fn items<'a>(call: &'a Call<'_>) -> Result<Vec<Json<'a>>, Fault> {
    let given = match object(call)?.get("domains") {
        Some(Json::Array(given)) => given,
        None | Some(Json::Null) => return Err(Fault::input("domains", "is required")),
        Some(_) => return Err(Fault::input("domains", "must be an array")),
    };
    let (mut items, mut count) = (Vec::new(), 0);
    given.each(|item| {
        count += 1;
        if count <= MOST {
            items.push(item);
        }
        Ok::<_, Fault>(())
    })?;
    if count > MOST {
        return Err(Fault::input("domains", format_args!("has {count} items; {MOST} are the most")));
    }
    Ok(items)
}

pub(super) fn provision(call: &LookingCall<'_>) -> Result<Response, Fault> {
    let (items, flags) = (items(call)?, Flags::read(call)?);
    let handle = call.query("subscriptionHandle");
    let handle = handle.ok_or_else(|| Fault::input("subscriptionHandle", "is required, in the query"))?;
    let mut wishes = Vec::with_capacity(items.len());
    let mut seen: HashMap<DomainName, usize> = HashMap::new();
    for (at, item) in items.iter().enumerate() {
        let wish = read(&call.caller, item, &handle);
        let before = wish.as_ref().ok().and_then(|wish| seen.insert(wish.name().clone(), at));
        wishes.push((wish, before));
    }
    let handles = call.read(|tx| {
        let subscription = subscription::find(tx, call.caller.account(), &handle)?;
        // Nothing is begun that cannot be finished.
        provisioning::make_room_for(tx, &call.caller, &subscription, seen.keys())?;
        Handles::of(tx, &call.caller)
    })?;
    look_at_downstream(call, &mut wishes);
    let rows = |(wish, _): &Item| wish.as_ref().map_or(0, Wish::rows);
    let done = call.write_some(&wishes, rows, |tx, run| {
        let firsts = run.iter().map(|(wish, before)| wish.as_ref().ok().filter(|_| before.is_none()));
        let firsts: Vec<Option<&Wish>> = firsts.collect();
        let made = Wish::provision_some(call, tx, &firsts, &handle, flags)?;
        let domains: Vec<Domain<'_>> = made.iter().flatten().map(|(domain, _)| domain.clone()).collect();
        let mut assessments = signing::list(tx, &domains)?.into_iter();
        let tell = |((wish, before), made): (&Item, Option<(Domain<'_>, Inbound)>)| {
            if let Some((domain, inbound)) = made {
                let assessment = assessments.next();
                return Ok(
                    assessment.map(|assessment| Ok((handles.json(&domain, &inbound, &assessment), None)))
                );
            }
            let Ok(wish) = wish else { return Ok(None) };
            let done = tx.part(|| wish.provision(call, tx, &handle, flags)).and_then(|provisioned| {
                let Provisioned { made, domain, left } = provisioned;
                let same = before
                    .filter(|_| !made)
                    .map(|first| format!("the same name as item {} of this request", first + 1));
                let there = (!made).then(|| "the domain was provisioned already".to_owned());
                let comments: Vec<String> = [same.or(there), left].into_iter().flatten().collect();
                let comment = (!comments.is_empty()).then(|| comments.join("; "));
                let (inbound, assessment) = (inbound::find(tx, &domain)?, signing::find(tx, &domain)?);
                Ok((handles.json(&domain, &inbound, &assessment), comment))
            });
            of_item(done).map(Some)
        };
        run.iter().zip(made).map(tell).collect()
    })?;
    let mut outcome = Outcome::default();
    for (at, (((wish, _), done), item)) in wishes.into_iter().zip(done).zip(&items).enumerate() {
        match wish.and_then(|_| done.unwrap_or_else(|| Err(Fault::input("domains", "has an odd item")))) {
            Ok((domain, comment)) => outcome.success(&commented(&domain, 201, comment)),
            Err(fault) => outcome.failure(&fault, |code, text| {
                // What names nothing is named by its place, for the published file wants a host name here.
                let name = Some(given(item)).filter(|name| !name.is_empty());
                let name = name.unwrap_or_else(|| format!("item-{}.invalid", at + 1));
                let domain = json!({ "domain": name, "subscriptionHandle": handle });
                // The published file knows no 403 of an item: it is provisioned, and not for this caller.
                let code = if code == 403 { 409 } else { code };
                commented(&domain, code, Some(format!("item {}: {text}", at + 1)))
            }),
        }
    }
    Ok(outcome.response())
}

/// Refuses the items with a downstream server to which no mail may be sent, as far as the DNS says now.
fn look_at_downstream(call: &LookingCall<'_>, wishes: &mut [Item]) {
    let servers: Vec<&[Downstream]> =
        wishes.iter().map(|(wish, _)| wish.as_ref().map_or(&[][..], Wish::downstream)).collect();
    let checked = inbound::check_downstream_of_each(call.resolver, &call.settings().egress, &servers);
    for ((wish, _), checked) in wishes.iter_mut().zip(checked) {
        if let Err(error) = checked {
            *wish = Err(error.into());
        }
    }
}

pub(super) fn deprovision(call: &Call<'_>) -> Result<Response, Fault> {
    in_order(call, &items(call)?, Order::ChildrenFirst, |tx, name| {
        let domain = domain_of(&call.caller, tx, name)?;
        provisioning::delete(tx, &call.caller, &domain)?;
        Ok(json!({ "code": 204 }))
    })
}

/// In which order what is to be done is done; its outcomes are told in the order of the items.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    AsGiven,
    /// Domains below others first, for one whose keys sign for another one cannot go before that.
    ChildrenFirst,
}

/// Does with the domain of each item what is to be done, and tells of each under the name that it was given.
pub(super) fn each_of(
    call: &Call<'_>,
    items: &[Json<'_>],
    done: impl Fn(&WriteTx<'_>, &DomainName) -> Result<Value, Fault>,
) -> Result<Response, Fault> {
    in_order(call, items, Order::AsGiven, done)
}

fn in_order(
    call: &Call<'_>,
    items: &[Json<'_>],
    order: Order,
    done: impl Fn(&WriteTx<'_>, &DomainName) -> Result<Value, Fault>,
) -> Result<Response, Fault> {
    let mut names: Vec<(usize, Result<DomainName, Fault>)> = items.iter().map(named).enumerate().collect();
    if order == Order::ChildrenFirst {
        // A name has more labels than the one above it; of equals the first stays the first.
        let labels = |name: &DomainName| name.as_str().split('.').count();
        names.sort_by_key(|(_, name)| std::cmp::Reverse(name.as_ref().map_or(0, labels)));
    }
    let done = call.write_each(&names, |tx, (_, name)| {
        let Ok(name) = name else { return Ok(None) };
        of_item(tx.part(|| done(tx, name))).map(Some)
    })?;
    let mut all: Vec<_> = names.into_iter().zip(done).collect();
    all.sort_by_key(|((at, _), _)| *at);
    let mut outcome = Outcome::default();
    for (((at, name), done), item) in all.into_iter().zip(items) {
        match name.and_then(|_| done.unwrap_or_else(|| Err(Fault::input("domains", "has an odd item")))) {
            Ok(mut told) => {
                if let Some(fields) = told.as_object_mut() {
                    fields.insert("domain".to_owned(), json!(given(item)));
                }
                outcome.success(&told);
            }
            Err(fault) => outcome.failure(&fault, |code, text| {
                json!({ "domain": given(item), "code": code, "comment": format!("item {}: {text}", at + 1) })
            }),
        }
    }
    Ok(outcome.response())
}

/// An item of a request that provisions in the subscription `handle`; it may name that one, and no other.
fn read(caller: &Caller, item: &Json<'_>, handle: &str) -> Result<Wish, Fault> {
    let item = as_object(item)?;
    match item.get("subscriptionHandle") {
        None | Some(Json::Null) => {}
        Some(Json::String(own)) if own.is_empty() || own == handle => {}
        Some(_) => {
            return Err(Fault::input("subscriptionHandle", "must be that of the request, in the query"));
        }
    }
    Wish::read(caller, &item)
}

fn as_object<'a>(item: &Json<'a>) -> Result<Members<'a>, Fault> {
    match item {
        Json::Object(object) => Ok(object.members(FIELDS)),
        _ => Err(Fault::input("domains", "has an item that is no object")),
    }
}

/// The name in an item that is a text, or an object with one.
fn named(item: &Json<'_>) -> Result<DomainName, Fault> {
    match item {
        Json::String(text) => name(text, "domain"),
        item => name(&super::input::text(&as_object(item)?, "domain")?, "domain"),
    }
}

/// What an item calls its domain, as far as a name can be long.
fn given(item: &Json<'_>) -> String {
    let text = match item {
        Json::String(text) => text.clone(),
        Json::Object(object) => match object.members(FIELDS).get("domain") {
            Some(Json::String(text)) => text,
            _ => Cow::Borrowed(""),
        },
        _ => Cow::Borrowed(""),
    };
    text.chars().take(MOST_SHOWN).collect()
}

fn commented(domain: &Value, code: u16, comment: Option<String>) -> Value {
    let mut item = json!({ "domain": domain, "code": code });
    if let (Some(comment), Some(fields)) = (comment, item.as_object_mut()) {
        fields.insert("comment".to_owned(), json!(comment));
    }
    item
}
