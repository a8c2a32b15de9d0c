//! The MailChannels inbound dialect, one file a subject.

mod aliases;
mod batch;
mod domains;
mod faults;
mod keys;
mod links;
mod lists;
mod settings;
mod users;

use serde_json::{Value, json};

use crate::harness::app::{Key, Reply, TestApp};

/// The domain of most tests.
const DOMAIN: &str = "example.com";

fn start() -> (TestApp, Key) {
    let app = TestApp::new();
    let key = app.account("acme");
    provision(&app, &key, DOMAIN);
    (app, key)
}

/// A request without a body.
fn call(app: &TestApp, key: &Key, line: &str) -> Reply {
    app.send(line, &[("X-API-Key", &key.secret)], b"")
}

/// A request with a JSON body.
fn with(app: &TestApp, key: &Key, line: &str, body: &Value) -> Reply {
    let headers = [("X-API-Key", key.secret.as_str()), ("Content-Type", "application/json")];
    app.send(line, &headers, body.to_string().as_bytes())
}

/// Provisions a domain with nothing set.
#[track_caller]
fn provision(app: &TestApp, key: &Key, name: &str) -> Value {
    let made =
        with(app, key, "POST /inbound/v1/domains", &json!({"domain": name, "subscriptionHandle": "default"}));
    assert_eq!(made.status, 201, "{made:?}");
    made.json()
}

/// Asserts a status, and the shape of an error that has these words.
#[track_caller]
fn refuses(reply: &Reply, status: u16, words: &str) {
    let json = reply.json();
    assert_eq!((reply.status, &json["code"]), (status, &json!(status)), "{json}");
    assert!(json["message"].is_string());
    let errors = json["errors"].as_array().unwrap();
    assert!(errors.iter().any(|error| error.as_str().unwrap().contains(words)), "{words}: {json}");
}

/// A downstream address.
fn server(priority: u16, target: &str) -> Value {
    json!({ "priority": priority, "weight": 10, "port": 25, "target": target })
}
