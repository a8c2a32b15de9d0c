//! The Mailgun dialect, one file a subject.

mod authority;
mod domains;
mod encodings;
mod faults;
mod keys;
mod paging;
mod rotation;

use serde_json::{Value, json};

use crate::harness::app::{Key, Reply, TestApp, basic, txt};

/// The domain of most tests.
const DOMAIN: &str = "example.com";

/// An account with [`DOMAIN`].
fn start() -> (TestApp, Key) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, DOMAIN);
    (app, key)
}

/// A request without a body.
fn call(app: &TestApp, key: &Key, line: &str) -> Reply {
    app.send(line, &[("Authorization", &basic("api", &key.secret))], b"")
}

/// A request with a body of this type.
fn call_with(app: &TestApp, key: &Key, line: &str, content_type: &str, body: &[u8]) -> Reply {
    let headers = [("Authorization", basic("api", &key.secret)), ("Content-Type", content_type.to_owned())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    app.send(line, &headers, body)
}

/// A request with these parameters in a multipart body, as the documentation has it.
fn call_form(app: &TestApp, key: &Key, line: &str, fields: &[(&str, &str)]) -> Reply {
    call_with(app, key, line, "multipart/form-data; boundary=xYz", multipart("xYz", fields).as_bytes())
}

fn multipart(boundary: &str, fields: &[(&str, &str)]) -> String {
    let parts = fields.iter().map(|(name, value)| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    parts.chain([format!("--{boundary}--\r\n")]).collect()
}

/// Makes a key.
#[track_caller]
fn make(app: &TestApp, key: &Key, domain: &str, selector: &str) -> Value {
    let fields = [("signing_domain", domain), ("selector", selector)];
    let made = call_form(app, key, "POST /v1/dkim/keys", &fields);
    assert_eq!(made.status, 200, "{made:?}");
    made.json()
}

/// The keys of a domain.
#[track_caller]
fn keys_of(app: &TestApp, key: &Key, name: &str) -> Vec<Value> {
    let reply = call(app, key, &format!("GET /v4/domains/{name}/keys"));
    assert_eq!(reply.status, 200, "{reply:?}");
    let json = reply.json();
    assert_eq!(json.as_object().unwrap().len(), 1, "no paging here: {json}");
    json["items"].as_array().unwrap().clone()
}

/// The key under this selector.
#[track_caller]
fn key_of(app: &TestApp, key: &Key, name: &str, selector: &str) -> Value {
    let keys = keys_of(app, key, name);
    let found = keys.iter().find(|found| found["selector"] == selector);
    found.unwrap_or_else(|| panic!("no {selector} in {keys:?}")).clone()
}

/// Publishes a key's record, as the API says it must be.
fn publish_key(app: &TestApp, shown: &Value) {
    let record = &shown["dns_record"];
    app.dns.set(record["name"].as_str().unwrap(), vec![txt(record["value"].as_str().unwrap())]);
}

/// Publishes the domain's first key and activates it.
#[track_caller]
fn activate_first(app: &TestApp, key: &Key, name: &str) {
    publish_key(app, &key_of(app, key, name, "pr1"));
    let reply = call(app, key, &format!("PUT /v4/domains/{name}/keys/pr1/activate"));
    assert_eq!(reply.status, 200, "{reply:?}");
}

fn message(text: &str) -> Value {
    json!({ "message": text })
}
