//! The native dialect.

mod account;
mod api_keys;
mod claims;
mod deliveries;
mod dns;
mod domains;
mod explain;
mod faults;
mod keys;
mod lists;
mod routing;
mod setup_links;

use serde_json::Value;

use crate::harness::app::{Key, Reply, TestApp};

/// Sends a request without a body, as the holder of this key.
fn bearer(app: &TestApp, key: &Key, line: &str) -> Reply {
    app.send(line, &[("Authorization", &format!("Bearer {}", key.secret))], b"")
}

/// What was found of the record that serves this purpose.
fn record(seen: &Value, purpose: &str) -> Value {
    let mut records = seen["records"].as_array().unwrap().iter();
    records.find(|record| record["purpose"] == purpose).unwrap().clone()
}
