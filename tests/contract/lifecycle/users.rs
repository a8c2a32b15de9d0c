//! `user_id`: what it may be, where it stands, and what it hides.

use serde_json::{Value, json};

use super::{DOMAIN, call, calls, error, refuses, start};
use crate::harness::app::{Key, Reply, TestApp};
use crate::harness::v2::USER;

/// Every route that takes a body, and a body that lacks nothing but the user.
fn writes() -> Vec<(&'static str, Value)> {
    vec![
        ("POST /v2/domain", json!({"domain": "new.example"})),
        ("POST /v2/domains/delete", json!({"domain": DOMAIN})),
        ("PUT /v2/domains/customer.com/route", json!({"forward_mode": "store"})),
        ("POST /v2/domains/customer.com/dns/mark", json!({"id": 1, "status": "verified"})),
        ("POST /v2/domains/customer.com/dns/verify", json!({})),
    ]
}

const READS: [&str; 3] =
    ["GET /v2/domains", "GET /v2/domains/customer.com/info", "GET /v2/domains/customer.com/dns"];

fn with_user(app: &TestApp, key: &Key, line: &str, body: &Value, user: &Value) -> Reply {
    let mut body = body.clone();
    body["user_id"] = user.clone();
    app.v2_with(key, line, &body)
}

#[test]
fn another_users_domain_is_404_byte_for_byte_as_one_that_never_was() {
    let (app, key) = start();
    app.v2_domain(&key, "others.example", "another");
    let before = app.dump();
    for user in ["another", "USER_123", "user_12", "user_1234", "%20user_123", "user_123%20", "%25"] {
        // A body is not percent-encoded.
        let plain = user.replace("%20", " ").replace("%25", "%");
        for (there, never) in calls(DOMAIN, user).into_iter().zip(calls("never.example", user)) {
            let in_body = |(line, body): (String, Value)| {
                let body = if body.is_null() { body } else { with(body, &plain) };
                (line, body)
            };
            let (there, never) = (call(&app, &key, &in_body(there)), call(&app, &key, &in_body(never)));
            there.is(404, &error("there is no such domain"));
            assert_eq!(there.visible(), never.visible(), "{user}");
        }
    }
    assert_eq!(app.dump(), before);
    assert!(app.dns.asked().is_empty(), "and nobody was asked about it");
}

fn with(mut body: Value, user: &str) -> Value {
    body["user_id"] = json!(user);
    body
}

#[test]
fn the_same_user_of_another_account_is_somebody_else() {
    let (app, _) = start();
    let other = app.account("other");
    for each in calls(DOMAIN, USER) {
        call(&app, &other, &each).is(404, &error("there is no such domain"));
    }
}

#[test]
fn a_body_without_a_lawful_user_is_400_naming_it_on_every_route() {
    let (app, key) = start();
    let before = app.dump();
    for (line, body) in writes() {
        refuses(&app.v2_with(&key, line, &body), "user_id", &["is required"]);
        for (bad, words) in [
            (json!(null), "is required"),
            (json!(""), "is empty"),
            (json!("x".repeat(256)), "longer than 255"),
            (json!("ü".repeat(256)), "longer than 255"),
            (json!("a\nb"), "control character"),
            (json!("\u{0}"), "control character"),
            (json!("a\u{7f}"), "control character"),
            (json!("\u{85}"), "control character"),
            (json!(123), "must be a string"),
            (json!(1.5), "must be a string"),
            (json!(true), "must be a string"),
            (json!([USER]), "must be a string"),
            (json!({"id": USER}), "must be a string"),
        ] {
            refuses(&with_user(&app, &key, line, &body, &bad), "user_id", &[words]);
        }
        refuses(&app.v2(&key, line), "user_id", &["is required"]);
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn a_query_without_a_lawful_user_is_400_naming_it_on_every_route() {
    let (app, key) = start();
    let long = "x".repeat(256);
    for line in READS {
        for query in ["", "?", "?user=user_123", "?USER_ID=user_123", "?limit=1"] {
            refuses(&app.v2(&key, &format!("{line}{query}")), "user_id", &["is required, in the query"]);
        }
        for (user, words) in [
            ("", "is empty"),
            (long.as_str(), "longer than 255"),
            ("a%0Ab", "control character"),
            ("%00", "control character"),
            ("a%7F", "control character"),
        ] {
            refuses(&app.v2(&key, &format!("{line}?user_id={user}")), "user_id", &[words]);
        }
        let in_body = app.v2_with(&key, line, &json!({"user_id": USER}));
        refuses(&in_body, "user_id", &["is required, in the query"]);
    }
}

#[test]
fn a_user_that_is_there_twice_must_be_the_same_one() {
    let (app, key) = start();
    let before = app.dump();
    for line in READS {
        let twice = app.v2(&key, &format!("{line}?user_id=user_123&user_id=another"));
        refuses(&twice, "user_id", &["twice, with different values"]);
        assert_eq!(app.v2(&key, &format!("{line}?user_id=user_123&user_id=user%5F123")).status, 200);
    }
    for (line, body) in writes() {
        for query in ["user_id=another", "user_id=user_123&user_id=another", "user_id=", "user_id=USER_123"] {
            let reply = with_user(&app, &key, &format!("{line}?{query}"), &body, &json!(USER));
            refuses(&reply, "user_id", &["another one in the query than in the body"]);
        }
    }
    assert_eq!(app.dump(), before);
    let line = format!("PUT /v2/domains/{DOMAIN}/route?user_id=user_123");
    assert_eq!(app.v2_with(&key, &line, &json!({"user_id": USER})).status, 200);
}

#[test]
fn a_user_only_in_the_query_of_a_write_is_400() {
    let (app, key) = start();
    let before = app.dump();
    for (line, body) in writes() {
        let reply = app.v2_with(&key, &format!("{line}?user_id={USER}"), &body);
        refuses(&reply, "user_id", &["is required"]);
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn a_user_is_any_printable_text_of_255_characters_and_stays_as_it_is() {
    let app = TestApp::new();
    let key = app.account("acme");
    for (number, (user, encoded)) in [
        ("a".to_owned(), "a".to_owned()),
        ("x".repeat(255), "x".repeat(255)),
        ("ü".repeat(255), "%C3%BC".repeat(255)),
        (" user one ".to_owned(), "+user%20one+".to_owned()),
        ("a&b=c#d?e/f%20+".to_owned(), "a%26b%3Dc%23d%3Fe%2Ff%2520%2B".to_owned()),
        ("'; DROP TABLE domain;--".to_owned(), "'%3B%20DROP%20TABLE%20domain%3B--".to_owned()),
        ("👩‍👧".to_owned(), "%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7".to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("d{number}.example");
        let made = app.v2_domain(&key, &name, &user);
        assert_eq!(made["domain"]["user_id"], json!(user));
        app.v2(&key, &format!("GET /v2/domains/{name}/info?user_id={encoded}")).is(200, &made);
        let listed = app.v2(&key, &format!("GET /v2/domains?user_id={encoded}")).json();
        assert_eq!(listed["items"], json!([made["domain"]]));
    }
}

#[test]
fn an_alias_of_another_users_domain_is_404_byte_for_byte_as_a_name_that_never_was() {
    let (app, key) = start();
    app.v2_domain(&key, "others.example", "another");
    for (alias, domain) in [("own.alias", DOMAIN), ("others.alias", "others.example")] {
        let line = format!("POST /inbound/v1/domains/{domain}/alias/{alias}.example");
        assert_eq!(app.send(&line, &[("X-API-Key", &key.secret)], b"").status, 200, "{alias}");
    }
    let before = app.dump();
    let alias = "others.alias.example";
    for (there, never) in calls(alias, USER).into_iter().zip(calls("never.example", USER)) {
        let (there, never) = (call(&app, &key, &there), call(&app, &key, &never));
        there.is(404, &error("there is no such domain"));
        assert_eq!(there.visible(), never.visible());
    }
    let made = app.v2_with(&key, "POST /v2/domain", &json!({"domain": alias, "user_id": USER}));
    made.is(409, &error("domain exists already"));
    for own in calls("own.alias.example", USER) {
        let told = call(&app, &key, &own);
        assert!(told.status == 409 && told.text().contains(DOMAIN), "{told:?}");
    }
    assert_eq!(app.dump(), before);
}
