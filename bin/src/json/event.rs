//! Rows of the audit log, in JSON.

use postroom::event::{Change, Datum, Event};
use postroom::id::AccountId;
use serde_json::{Map, Value, json};

/// A row in JSON. A row of an older version has no `change` and no `data`.
pub fn event_json(event: &Event) -> Value {
    let change = event.change();
    json!({
        "id": event.id.number(), "at": event.at.to_string(),
        "account_id": event.account.map(AccountId::number), "actor": event.actor.to_string(),
        "action": event.action(), "subject": event.subject(), "detail": event.detail(),
        "change": change.map(Change::name), "data": change.map(data),
    })
}

fn data(change: &Change) -> Map<String, Value> {
    let value = |datum| match datum {
        Datum::Text(text) => json!(text),
        Datum::Number(number) => json!(number),
        Datum::Flag(flag) => json!(flag),
        Datum::List(items) => json!(items),
    };
    change.data().into_iter().map(|(name, datum)| (name.to_owned(), value(datum))).collect()
}
