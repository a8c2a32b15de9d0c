//! What would become of a message, in JSON.

use postroom::event::Event;
use postroom::mail::{Addressee, Explained, ExplainedAddress, Treatment};
use serde_json::{Value, json};

use super::domain::whole_domain_json;
use super::list::explanation_json;
use super::route::parts_json;

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
    })
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
