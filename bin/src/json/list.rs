//! What the lists say, in JSON: for the native dialect and the command line.

use postroom::account::Caller;
use postroom::address::EmailAddress;
use postroom::db::ReadTx;
use postroom::error::Error;
use postroom::list::{self, Added, Because, Entry, Explanation, Query, Scope, Sender};
use postroom::recipient;
use serde_json::{Value, json};

/// A message to ask about, as it is given: whatever names no sender is none.
pub fn query(
    recipient: &str,
    sender: Option<&str>,
    from: Option<&str>,
    ip: Option<&str>,
) -> Result<Query, (&'static str, String)> {
    let recipient: EmailAddress =
        recipient.parse().map_err(|e| ("recipient", format!("is no address: {e}")))?;
    let ip = ip.map(|ip| ip.parse().map_err(|_| ("ip", "is no IP address".to_owned()))).transpose()?;
    Ok(Query {
        envelope_sender: sender.and_then(Sender::parse),
        header_from: from.and_then(Sender::parse),
        client_ip: ip,
        ..Query::to(recipient)
    })
}

/// What the lists say of it; `caller` sees the recipient's domain, or there is none.
pub fn explain(tx: &ReadTx<'_>, caller: &Caller, query: &Query) -> Result<Explanation, Error> {
    let domain = recipient::domain_of(tx, caller, query.recipient.domain())?;
    list::explain(tx, &domain, query)
}

/// An entry.
pub fn entry_json(entry: &Entry) -> Value {
    json!({
        "list": entry.action.as_str(), "item": entry.item.given(), "type": entry.item.kind().as_str(),
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
pub fn explanation_json(query: &Query, explanation: &Explanation) -> Value {
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
