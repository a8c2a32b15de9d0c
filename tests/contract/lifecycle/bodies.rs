//! Bodies: what is no JSON object is 400 in this dialect, and nothing is ever 422.

use postroom_server::wire::http::BodyFault;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{DOMAIN, error, start};
use crate::harness::app::{Key, Reply, TestApp};
use crate::harness::v2::{USER, V2_FIELD};

const WRITES: [&str; 5] = [
    "POST /v2/domain",
    "POST /v2/domains/delete",
    "PUT /v2/domains/customer.com/route",
    "POST /v2/domains/customer.com/dns/mark",
    "POST /v2/domains/customer.com/dns/verify",
];

/// A body that every one of those routes can use.
fn good() -> Value {
    json!({"user_id": USER, "domain": DOMAIN, "id": 1, "status": "pending", "forward_mode": "store"})
}

fn send(app: &TestApp, key: &Key, line: &str, content_type: Option<&str>, body: &[u8]) -> Reply {
    let mut headers = vec![(V2_FIELD, key.secret.as_str())];
    headers.extend(content_type.map(|content_type| ("Content-Type", content_type)));
    app.send(line, &headers, body)
}

#[test]
fn another_content_type_is_400_and_changes_nothing() {
    let (app, key) = start();
    let (before, body) = (app.dump(), good().to_string());
    for line in WRITES {
        for odd in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonx",
            "application",
            "json",
            "",
        ] {
            let reply = send(&app, &key, line, Some(odd), body.as_bytes());
            reply.is(400, &error("the body must be JSON, with Content-Type: application/json"));
        }
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn json_is_taken_with_parameters_in_any_case_or_unsaid() {
    let (app, key) = start();
    let body = json!({"user_id": USER}).to_string();
    let line = format!("PUT /v2/domains/{DOMAIN}/route");
    for fine in [
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("Application/JSON"),
        Some(" application/json ;charset=utf-8"),
        None,
    ] {
        assert_eq!(send(&app, &key, &line, fine, body.as_bytes()).status, 200, "{fine:?}");
    }
}

#[test]
fn what_is_no_json_object_is_400_and_says_why() {
    let (app, key) = start();
    let before = app.dump();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for line in WRITES {
        for body in [
            b"{".as_slice(),
            b"nothing",
            b"{\"user_id\":\"user_123\",}",
            b"{\"user_id\":\"user_123\"} {}",
            b"{'user_id':'user_123'}",
            b"\xff\xfe",
            b"{\"user_id\":\"\xff\"}",
            b"{\"user_id\":\"\\ud800\"}",
            b"[]",
            b"\"user_123\"",
            b"null",
            b"17",
            b"user_id=user_123",
            deep.as_bytes(),
        ] {
            let reply = send(&app, &key, line, Some("application/json"), body);
            let text = reply.json()["error"].as_str().unwrap().to_owned();
            assert_eq!(reply.status, 400, "{line}: {text}");
            assert!(text.starts_with("the body is not JSON: "), "{line}: {text}");
        }
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn a_body_that_is_too_large_is_413_and_one_that_did_not_arrive_408() {
    let (app, key) = start();
    for line in WRITES {
        for (fault, status) in [(BodyFault::TooLarge, 413), (BodyFault::Incomplete, 408)] {
            let headers = [(V2_FIELD, key.secret.as_str()), ("Content-Type", "application/json")];
            let reply = app.send_body(line, &headers, Err(fault));
            assert_eq!(reply.status, status, "{line}");
            assert!(reply.json()["error"].is_string());
        }
    }
}

/// Values that a client might send by mistake or in malice.
fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        Just(json!(USER)),
        Just(json!(DOMAIN)),
        Just(json!("webhook")),
        Just(json!("disabled")),
        Just(json!("https://127.0.0.1/")),
        Just(json!([USER])),
        Just(json!({"user_id": USER})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_body_is_422_or_the_servers_fault(
        fields in prop::collection::vec((0_usize..9, values()), 0..6), line in 0_usize..5
    ) {
        let names = [
            "user_id", "domain", "organization_id", "id", "status", "observed_value", "forward_mode", "webhook_url",
            "forward_to_email",
        ];
        let mut body = json!({ "user_id": USER });
        for (name, value) in fields {
            body[names[name]] = value;
        }
        let (app, key) = start();
        let reply = app.v2_with(&key, WRITES[line], &body);
        prop_assert!([200, 201, 400, 404, 409].contains(&reply.status), "{} {}: {:?}", WRITES[line], body, reply);
        prop_assert!(reply.status < 400 || reply.json()["error"].is_string());
    }
}
