//! The lifecycle dialect, one file a resource; `users`, `bodies` and `faults` are what every route has in common.

mod adopting;
mod bodies;
mod creating;
mod deleting;
mod faults;
mod listing;
mod marking;
mod pinning;
mod routing;
mod showing;
mod users;
mod verifying;
mod webhooks;

use serde_json::{Value, json};

use crate::harness::app::{Key, Reply, TestApp};
use crate::harness::v2::USER;

/// The domain of most tests.
const DOMAIN: &str = "customer.com";

/// The keys of a domain, in their order.
const DOMAIN_KEYS: [&str; 10] = [
    "id",
    "domain",
    "status",
    "user_id",
    "organization_id",
    "created_at",
    "updated_at",
    "reason",
    "reasons",
    "signing",
];

/// An account with the domain of [`USER`].
fn start() -> (TestApp, Key) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.v2_domain(&key, DOMAIN, USER);
    (app, key)
}

/// What an error looks like.
fn error(text: &str) -> Value {
    json!({ "error": text })
}

/// Asserts that a reply is 400 and that its text starts with the field.
#[track_caller]
fn refuses(reply: &Reply, field: &str, words: &[&str]) {
    let text = reply.json()["error"].as_str().unwrap().to_owned();
    assert_eq!(reply.status, 400, "{text}");
    assert!(text.starts_with(&format!("{field} ")), "{field}: {text}");
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

/// The details of a domain of [`USER`].
#[track_caller]
fn info(app: &TestApp, key: &Key, domain: &str) -> Value {
    let reply = app.v2(key, &format!("GET /v2/domains/{domain}/info?user_id={USER}"));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// The record at this host of this type.
#[track_caller]
fn record<'a>(details: &'a Value, record_type: &str, host: &str) -> &'a Value {
    let mut records = details["dns"].as_array().unwrap().iter();
    let found = records.find(|record| record["record_type"] == record_type && record["host"] == host);
    found.unwrap_or_else(|| panic!("no {record_type} at {host}: {details}"))
}

/// The statuses of MX, SPF, DMARC, DKIM and the return path, and that of the domain.
fn statuses(details: &Value) -> (Vec<&str>, &str) {
    let records = details["dns"].as_array().unwrap().iter();
    let records = records.map(|record| record["status"].as_str().unwrap()).collect();
    (records, details["domain"]["status"].as_str().unwrap())
}

/// The keys of an object, in the order of the reply.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// One call of every route that is about one domain, as a user makes it.
fn calls(domain: &str, user: &str) -> Vec<(String, Value)> {
    let body = |more: Value| {
        let mut body = json!({ "user_id": user });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    vec![
        (format!("GET /v2/domains/{domain}/info?user_id={user}"), Value::Null),
        (format!("GET /v2/domains/{domain}/dns?user_id={user}"), Value::Null),
        (format!("PUT /v2/domains/{domain}/route"), body(json!({"forward_mode": "store"}))),
        (format!("POST /v2/domains/{domain}/dns/mark"), body(json!({"id": 1, "status": "verified"}))),
        (format!("POST /v2/domains/{domain}/dns/verify"), body(json!({}))),
        ("POST /v2/domains/delete".to_owned(), body(json!({"domain": domain}))),
    ]
}

/// Makes a call of [`calls`].
fn call(app: &TestApp, key: &Key, (line, body): &(String, Value)) -> Reply {
    if body.is_null() { app.v2(key, line) } else { app.v2_with(key, line, body) }
}
