//! Set-up links by the interface: what the console's page "Access" and `postroom setup-link` do.

use postroom::access::{KeyScope, KeyScopes};
use postroom::key::KeyRequest;
use serde_json::{Value, json};

use super::bearer;
use crate::harness::app::{Key, Reply, TestApp};

fn world() -> (TestApp, Key) {
    let app = TestApp::new().at("https://desk.example.net");
    let key = app.account("acme");
    app.domain(&key, "example.com");
    (app, key)
}

fn post(app: &TestApp, key: &Key, body: &Value) -> Reply {
    let headers = [
        ("Authorization", format!("Bearer {}", key.secret)),
        ("Content-Type", "application/json".to_owned()),
    ];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let name = "example.com";
    app.send(&format!("POST /postroom/v1/domains/{name}/setup-links"), &headers, body.to_string().as_bytes())
}

#[test]
fn a_link_is_made_listed_opened_and_revoked() {
    let (app, key) = world();
    let name = "example.com";
    let made = post(&app, &key, &json!({ "days": 7 }));
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    assert_eq!(made["domain"], "example.com");
    let link = &made["setup_link"];
    assert_eq!(link["created_at"], "2026-11-21T10:00:00.120Z");
    assert_eq!(link["expires_at"], "2026-11-28T10:00:00.120Z");
    let url = link["url"].as_str().unwrap();
    let target = url.strip_prefix("https://desk.example.net").unwrap();
    assert!(target.starts_with("/setup?link=pru_") && target.ends_with(link["last4"].as_str().unwrap()));
    assert_eq!(app.send(&format!("GET {target}"), &[], b"").status, 200);

    let listed = bearer(&app, &key, &format!("GET /postroom/v1/domains/{name}/setup-links"));
    assert_eq!(listed.status, 200);
    let text = listed.text().to_owned();
    assert!(!text.contains("pru_"), "the address is told once: {text}");
    let listed = listed.json();
    assert_eq!(listed["setup_links"][0]["id"], link["id"]);
    assert_eq!(listed["setup_links"][0]["looked_at"], Value::Null);

    let link_id = link["id"].as_i64().unwrap();
    let revoked = bearer(&app, &key, &format!("DELETE /postroom/v1/domains/{name}/setup-links/{link_id}"));
    assert_eq!((revoked.status, revoked.json()), (200, json!({ "revoked": link_id })));
    assert_eq!(app.send(&format!("GET {target}"), &[], b"").status, 404);
    for link_id in [link_id.to_string(), "x".to_owned(), "0".to_owned()] {
        let gone = bearer(&app, &key, &format!("DELETE /postroom/v1/domains/{name}/setup-links/{link_id}"));
        assert_eq!((gone.status, gone.json()["error"]["code"].as_str()), (404, Some("not_found")));
    }
}

#[test]
fn a_link_works_for_thirty_days_if_nothing_is_said_and_for_ninety_at_most() {
    let (app, key) = world();
    let headers = format!("Bearer {}", key.secret);
    let path = "POST /postroom/v1/domains/example.com/setup-links";
    let usual = app.send(path, &[("Authorization", &headers)], b"");
    assert_eq!(usual.json()["setup_link"]["expires_at"], "2026-12-21T10:00:00.120Z");
    assert_eq!(post(&app, &key, &json!({ "days": 90 })).status, 201);
    for bad in [
        json!({ "days": 0 }),
        json!({ "days": 91 }),
        json!({ "days": "7" }),
        json!({ "days": -1 }),
        json!([]),
    ] {
        let refused = post(&app, &key, &bad);
        assert_eq!(refused.status, 400, "{bad}: {refused:?}");
    }
    for _ in 0..18 {
        assert_eq!(post(&app, &key, &json!({})).status, 201);
    }
    let full = post(&app, &key, &json!({}));
    assert_eq!((full.status, full.json()["error"]["code"].as_str()), (403, Some("limit_reached")));
}

#[test]
fn a_key_needs_the_scope_for_links_and_a_link_ends_with_its_key() {
    let (app, key) = world();
    let limited = |scope| {
        let scopes = Some(KeyScopes::new([scope]));
        app.limited_key(key.account, KeyRequest { scopes, ..KeyRequest::default() })
    };
    assert_eq!(post(&app, &limited(KeyScope::DomainsWrite), &json!({})).status, 403);
    let own = limited(KeyScope::LinksWrite);
    let made = post(&app, &own, &json!({}));
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let url = made["setup_link"]["url"].as_str().unwrap();
    let target = url.strip_prefix("https://desk.example.net").unwrap().to_owned();
    assert_eq!(app.send(&format!("GET {target}"), &[], b"").status, 200);
    app.revoke(&own);
    assert_eq!(app.send(&format!("GET {target}"), &[], b"").status, 404);
}
