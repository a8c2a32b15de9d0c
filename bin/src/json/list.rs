//! What the lists say, in JSON: for the native dialect and the command line.

use crate::wire::shape::{ADDRESS, Shape, TEXT, TIME, has};
use postroom::list::{Added, Because, Explanation, ListEntry, ListQuery, Scope};
use serde_json::{Value, json};

/// The two lists.
pub(crate) const LIST: Shape = Shape::Word(&["safelist", "blocklist"]);
/// The types of items.
pub(crate) const ITEM_TYPE: Shape = Shape::Word(&["email_address", "domain", "ip_address"]);
const TIER: Shape = Shape::Word(&["account", "domain", "recipient"]);
/// What [`entry_json`] writes.
pub(crate) const ENTRY: Shape = Shape::object(
    "ListEntry",
    &[&[has("list", LIST), has("item", TEXT), has("type", ITEM_TYPE), has("created_at", TIME)]],
);
/// What [`added_json`] writes.
pub(crate) const ADDED: Shape = Shape::object(
    "AddedEntry",
    &[&[
        has("tier", TIER),
        has("entry", ENTRY),
        has("new", Shape::Flag),
        has("overruled_by", Shape::Maybe(&ENTRY)),
    ]],
);
const BECAUSE: Shape = Shape::object(
    "Because",
    &[&[
        has("tier", TIER),
        has("entry", ENTRY),
        has("fields", Shape::List(&Shape::Word(&["envelope_sender", "header_from", "client_ip"]))),
    ]],
);
/// What [`explanation_json`] writes.
pub(crate) const EXPLANATION: Shape = Shape::object(
    "ListExplanation",
    &[&[
        has("recipient", ADDRESS),
        has("outcome", Shape::Word(&["safe", "blocked", "none"])),
        has("because", Shape::Maybe(&BECAUSE)),
        has("overruled", Shape::List(&BECAUSE)),
        has("agreeing", Shape::List(&BECAUSE)),
    ]],
);

/// An entry.
pub fn entry_json(entry: &ListEntry) -> Value {
    json!({
        "list": entry.list.as_str(), "item": entry.item.given(), "type": entry.item.kind().as_str(),
        "created_at": entry.created_at.to_string(),
    })
}

/// An entry that was added, and the one that overrules it.
pub fn added_json(scope: &Scope<'_, '_>, added: &Added) -> Value {
    json!({
        "tier": scope.tier().as_str(), "entry": entry_json(&added.entry), "new": added.is_new,
        "overruled_by": added.overruled_by.as_ref().map(entry_json),
    })
}

/// A verdict with its reasons.
pub fn explanation_json(query: &ListQuery, explanation: &Explanation) -> Value {
    let all = |some: &[Because]| some.iter().map(because_json).collect::<Vec<_>>();
    json!({
        "recipient": query.recipient.to_string(), "outcome": explanation.verdict.outcome.as_str(),
        "because": explanation.verdict.because.as_ref().map(because_json),
        "overruled": all(&explanation.overruled), "agreeing": all(&explanation.agreeing),
    })
}

fn because_json(because: &Because) -> Value {
    let fields: Vec<&str> = because.fields.iter().map(|field| field.as_str()).collect();
    json!({ "tier": because.tier.as_str(), "entry": entry_json(&because.entry), "fields": fields })
}
