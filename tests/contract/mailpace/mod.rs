//! The MailPace dialect, one file a resource; `paging` and `bodies` are what every route has in common.

mod api_tokens;
mod bodies;
mod creating;
mod domains;
mod faults;
mod paging;
mod renaming;
mod verify;

use serde_json::{Value, json};

/// What a 422 for one field looks like, with nothing said beyond the rule.
fn invalid(field: &str, reason: &str) -> Value {
    json!({ "errors": { field: [reason] } })
}

/// Whether a text is RFC 3339 in UTC with three decimals: `2026-11-21T10:00:00.120Z`.
fn is_moment(value: &Value) -> bool {
    let shape: String = value
        .as_str()
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
}

/// The keys of an object, in the order of the reply.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
