//! What would become of a message, in JSON.

use postroom::event::Event;
use postroom::mail::{Addressee, Explained, ExplainedAddress, NotTaken, Treatment};
use serde_json::{Value, json};

use super::domain::whole_domain_json;
use super::list::explanation_json;
use super::route::parts_json;
use crate::wire::shape::{ADDRESS, MAYBE_TEXT, SHORT, Shape, TEXT, TIME, has};

/// A server to which mail is delivered.
pub(crate) const DOWNSTREAM: Shape = Shape::object(
    "DownstreamAddress",
    &[&[
        has("priority", SHORT),
        has("weight", SHORT),
        has("port", SHORT),
        has("target", Shape::Text { format: "", least: 1, example: "mail.example.net" }),
    ]],
);
const EXPLAINED_ADDRESS: Shape = Shape::object(
    "ExplainedAddress",
    &[&[
        has("address", ADDRESS),
        has("known", Shape::Flag),
        has("mailbox", MAYBE_TEXT),
        has("returns_to", MAYBE_TEXT),
        has("lists", Shape::Maybe(&super::list::EXPLANATION)),
        has("spam", Shape::Maybe(&Shape::Word(&["block", "flag", "quarantine"]))),
        has("refused", Shape::Maybe(&Shape::Word(&["unknown", "has_sender", "blocked", "spam"])))
            .text("why a mail server refuses it; null if it is taken"),
    ]],
);
const CHANGE: Shape =
    Shape::object("PastChange", &[&[has("at", TIME), has("action", TEXT), has("text", TEXT)]]);
/// What [`explained_json`] writes.
pub(crate) const EXPLAINED: Shape = Shape::object(
    "Explained",
    &[&[
        has("domain", super::domain::WHOLE_DOMAIN),
        has("acts", Shape::Flag),
        has("address", Shape::Maybe(&EXPLAINED_ADDRESS)),
        has("route", super::route::ROUTE),
        has("downstream", Shape::List(&DOWNSTREAM)),
        has("changes", Shape::List(&CHANGE)),
    ]],
);

/// `{"domain","acts","address","route","downstream","changes"}`.
pub fn explained_json(it: &Explained) -> Value {
    let downstream = it.downstream.iter().map(|server| {
        json!({ "priority": server.priority, "weight": server.weight, "port": server.port, "target": server.target })
    });
    json!({
        "domain": whole_domain_json(&it.domain, &it.records, &it.assessment),
        "acts": it.acts,
        "address": it.address.as_ref().map(address_json),
        "route": parts_json(&it.route),
        "downstream": downstream.collect::<Vec<_>>(),
        "changes": it.changes.iter().map(change_json).collect::<Vec<_>>(),
    })
}

fn address_json(it: &ExplainedAddress) -> Value {
    let (mailbox, returns_to) = match &it.addressee {
        Some(Addressee::Mailbox(mailbox)) => (Some(mailbox.address.to_string()), None),
        Some(Addressee::ReturnPath { sender, .. }) => (None, Some(sender.to_string())),
        None => (None, None),
    };
    json!({
        "address": it.address.to_string(), "known": it.addressee.is_some(), "mailbox": mailbox, "returns_to": returns_to,
        "lists": it.judged.as_ref().map(|(_, query, explanation)| explanation_json(query, explanation)),
        "spam": it.judged.as_ref().and_then(|(judged, ..)| judged.spam.as_ref()).map(treatment),
        "refused": it.not_taken.map(not_taken),
    })
}

fn not_taken(reason: NotTaken) -> &'static str {
    match reason {
        NotTaken::Unknown => "unknown",
        NotTaken::HasSender => "has_sender",
        NotTaken::Blocked => "blocked",
        NotTaken::Spam => "spam",
    }
}

/// The word for what is done with spam.
pub fn treatment(treatment: &Treatment) -> &'static str {
    match treatment {
        Treatment::Block => "block",
        Treatment::Flag { .. } => "flag",
        Treatment::Quarantine => "quarantine",
    }
}

fn change_json(event: &Event) -> Value {
    json!({ "at": event.at.to_string(), "action": event.action(), "text": event.detail() })
}
