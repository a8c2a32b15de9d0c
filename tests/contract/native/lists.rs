//! `/postroom/v1/explain` and the lists of the account, a domain and a recipient.

use serde_json::{Value, json};

use super::bearer;
use crate::harness::app::{Key, Reply, TestApp};

/// The three routes of a list of each tier: to show it, to add to it, to take off it.
fn routes(list: &str) -> [(&'static str, [String; 3]); 3] {
    let (name, address) = ("example.com", "jo%2Bx%40example.com");
    [
        (
            "account",
            [
                format!("GET /postroom/v1/lists/{list}"),
                format!("POST /postroom/v1/lists/{list}"),
                format!("DELETE /postroom/v1/lists/{list}"),
            ],
        ),
        (
            "domain",
            [
                format!("GET /postroom/v1/domains/{name}/lists/{list}"),
                format!("POST /postroom/v1/domains/{name}/lists/{list}"),
                format!("DELETE /postroom/v1/domains/{name}/lists/{list}"),
            ],
        ),
        (
            "recipient",
            [
                format!("GET /postroom/v1/recipients/{address}/lists/{list}"),
                format!("POST /postroom/v1/recipients/{address}/lists/{list}"),
                format!("DELETE /postroom/v1/recipients/{address}/lists/{list}"),
            ],
        ),
    ]
}

fn start() -> (TestApp, Key) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    (app, key)
}

fn post(app: &TestApp, key: &Key, path: &str, body: &Value) -> Reply {
    let value = format!("Bearer {}", key.secret);
    let line = format!("POST /postroom/v1{path}");
    app.send(
        &line,
        &[("Authorization", &value), ("Content-Type", "application/json")],
        body.to_string().as_bytes(),
    )
}

fn entry(list: &str, item: &str, kind: &str) -> Value {
    json!({ "list": list, "item": item, "type": kind, "created_at": "2026-11-21T10:00:00.120Z" })
}

#[test]
fn entries_are_added_once_shown_in_order_and_removed_in_every_tier() {
    let (app, key) = start();
    for (tier, [show, add, remove]) in routes("blocklist") {
        let path = add.strip_prefix("POST /postroom/v1").unwrap();
        for (item, kind) in
            [("Z.example", "domain"), ("jo@A.example", "email_address"), ("192.0.2.0/24", "ip_address")]
        {
            let added = post(&app, &key, path, &json!({ "item": item }));
            added.is(201, &json!({ "tier": tier, "entry": entry("blocklist", item, kind), "new": true, "overruled_by": null }));
        }
        let again = post(&app, &key, path, &json!({ "item": "z.EXAMPLE." }));
        assert_eq!(
            (again.status, &again.json()["new"], &again.json()["entry"]["item"]),
            (200, &json!(false), &json!("Z.example"))
        );
        let shown = bearer(&app, &key, &show).json();
        let items: Vec<&Value> =
            shown["entries"].as_array().unwrap().iter().map(|entry| &entry["item"]).collect();
        assert_eq!(items, ["Z.example", "jo@A.example", "192.0.2.0/24"]);
        for removed in [true, false] {
            let line = format!("{remove}?item=z.example");
            bearer(&app, &key, &line).is(200, &json!({ "removed": removed }));
        }
    }
    let shown = bearer(&app, &key, "GET /postroom/v1/recipients/JO+X@Example.com/lists/blocklist");
    assert_eq!(shown.json()["entries"].as_array().unwrap().len(), 2, "a + in a path is a plus, raw or not");
}

#[test]
fn an_entry_that_another_overrules_says_so() {
    let (app, key) = start();
    post(&app, &key, "/domains/example.com/lists/safelist", &json!({ "item": ".sender.example" }));
    let added = post(
        &app,
        &key,
        "/domains/example.com/lists/blocklist",
        &json!({ "item": "jo@mail.sender.example" }),
    );
    added.is(
        201,
        &json!({
            "tier": "domain", "entry": entry("blocklist", "jo@mail.sender.example", "email_address"), "new": true,
            "overruled_by": entry("safelist", ".sender.example", "domain"),
        }),
    );
}

#[test]
fn a_verdict_says_what_decides_and_what_it_overrules() {
    let (app, key) = start();
    post(&app, &key, "/recipients/jo@example.com/lists/blocklist", &json!({ "item": "sender.example" }));
    post(&app, &key, "/domains/example.com/lists/safelist", &json!({ "item": "192.0.2.0/24" }));
    post(&app, &key, "/lists/blocklist", &json!({ "item": ".example" }));
    let before = app.dump();
    let line = "GET /postroom/v1/explain?recipient=JO@example.com&sender=a@sender.example&from=b@sender.example&ip=192.0.2.9";
    bearer(&app, &key, line).is(
        200,
        &json!({
            "recipient": "JO@example.com", "outcome": "blocked",
            "because": {
                "tier": "recipient", "entry": entry("blocklist", "sender.example", "domain"),
                "fields": ["envelope_sender", "header_from"],
            },
            "overruled": [
                { "tier": "domain", "entry": entry("safelist", "192.0.2.0/24", "ip_address"), "fields": ["client_ip"] },
            ],
            "agreeing": [{
                "tier": "account", "entry": entry("blocklist", ".example", "domain"),
                "fields": ["envelope_sender", "header_from"],
            }],
        }),
    );
    let none = bearer(&app, &key, "GET /postroom/v1/explain?recipient=al@example.com").json();
    assert_eq!((&none["outcome"], &none["because"]), (&json!("none"), &Value::Null));
    assert_eq!(app.dump(), before, "a verdict is a read, and makes no recipient");
}

#[test]
fn what_cannot_be_listed_is_400_with_what_to_do_and_an_unknown_list_or_domain_404() {
    let (app, key) = start();
    for (item, words) in [
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("*.example.com", ".example.com"),
        ("", "empty"),
        ("a b", "no address"),
    ] {
        let refused = post(&app, &key, "/lists/safelist", &json!({ "item": item }));
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("invalid")), "{item}");
        assert!(refused.text().contains(words), "{item}: {}", refused.text());
    }
    assert_eq!(post(&app, &key, "/lists/safelist", &json!({ "what": 1 })).status, 400);
    assert_eq!(bearer(&app, &key, "DELETE /postroom/v1/lists/safelist").status, 400);
    assert_eq!(bearer(&app, &key, "GET /postroom/v1/explain").status, 400);
    assert_eq!(bearer(&app, &key, "GET /postroom/v1/explain?recipient=jo").status, 400);
    assert_eq!(bearer(&app, &key, "GET /postroom/v1/explain?recipient=jo@example.com&ip=x").status, 400);
    assert_eq!(bearer(&app, &key, "GET /postroom/v1/lists/greylist").status, 404);
    for path in ["/domains/never.example/lists/safelist", "/recipients/jo@never.example/lists/safelist"] {
        let refused = post(&app, &key, path, &json!({ "item": "a.example" }));
        assert_eq!(
            (refused.status, &refused.json()["error"]["code"]),
            (404, &json!("no_such_domain")),
            "{path}"
        );
    }
}
