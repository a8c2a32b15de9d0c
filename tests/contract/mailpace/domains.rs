//! `GET` and `PATCH` of a domain, and the list; what creates one is in `creating`, what renames one in `renaming`.

use serde_json::json;

use super::{invalid, is_moment, keys};
use crate::harness::app::TestApp;

const FIELDS: [&str; 13] = [
    "id",
    "name",
    "url",
    "dkim_selector",
    "dkim_string",
    "dkim_verified",
    "advanced_verified",
    "webhook_public_key",
    "created_at",
    "modified_at",
    "reason",
    "reasons",
    "signing",
];

#[test]
fn a_domain_has_the_fields_of_the_contract_in_their_types() {
    let app = TestApp::new();
    let key = app.account("acme");
    let body = json!({"domain": {"url": "example.com", "name": "Production"}});
    let made = app.call_with(&key, "POST /api/v1/domains", &body);
    assert_eq!(made.status, 201);
    let domain = made.json();
    assert_eq!(keys(&domain), FIELDS);
    assert!(domain["id"].is_i64());
    assert_eq!(domain["name"], "Production");
    assert_eq!(domain["url"], "example.com");
    assert_eq!(domain["dkim_selector"], "pr1");
    assert_eq!((&domain["dkim_verified"], &domain["advanced_verified"]), (&json!(false), &json!(false)));
    assert_eq!(domain["created_at"], "2026-11-21T10:00:00.120Z");
    assert!(is_moment(&domain["created_at"]) && is_moment(&domain["modified_at"]));
    // 2048 bits as SubjectPublicKeyInfo are 294 octets, which Base64 makes 392 without padding.
    let dkim = domain["dkim_string"].as_str().unwrap();
    let base64 = dkim.strip_prefix("v=DKIM1; k=rsa; p=").unwrap();
    assert!(base64.len() == 392 && base64.bytes().all(|o| o.is_ascii_alphanumeric() || b"+/".contains(&o)));
    // 32 octets are 44 characters with one of padding.
    let webhook = domain["webhook_public_key"].as_str().unwrap();
    assert!(webhook.len() == 44 && webhook.ends_with('=') && !webhook.ends_with("=="), "{webhook}");
}

#[test]
fn a_domain_reads_as_it_was_created() {
    let app = TestApp::new();
    let key = app.account("acme");
    let made = app.call_with(&key, "POST /api/v1/domains", &json!({"domain": {"url": "example.com"}})).json();
    let id = &made["id"];
    app.call(&key, &format!("GET /api/v1/domains/{id}")).is(200, &made);
    app.call(&key, "GET /api/v1/domains").is(200, &json!([made]));
    assert_eq!(made["name"], json!(null));
}

#[test]
fn each_domain_has_a_webhook_key_of_its_own() {
    let app = TestApp::new();
    let key = app.account("acme");
    let (one, other) = (app.domain(&key, "one.example"), app.domain(&key, "other.example"));
    let webhook_key =
        |id| app.call(&key, &format!("GET /api/v1/domains/{id}")).json()["webhook_public_key"].clone();
    assert_ne!(webhook_key(one), webhook_key(other));
}

#[test]
fn the_list_of_an_account_without_domains_is_an_empty_array() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    app.domain(&other, "example.com");
    app.call(&key, "GET /api/v1/domains").is(200, &json!([]));
}

#[test]
fn no_private_key_is_in_any_reply() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    for line in [format!("GET /api/v1/domains/{id}"), "GET /api/v1/domains".to_owned()] {
        let reply = app.call(&key, &line);
        assert!(!reply.text().contains("sealed") && !reply.text().contains("private"), "{line}");
    }
}

#[test]
fn an_id_that_names_nothing_is_404_whatever_it_is() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    for unknown in [
        "999999",
        "0",
        "-1",
        &format!("-{id}"),
        &format!("+{id}"),
        &format!("%2B{id}"),
        &format!("{id}.0"),
        &format!("{id}x"),
        &format!("0x{id}"),
        "abc",
        "example.com",
        "null",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        &"9".repeat(5000),
        "%00",
        "%20",
        &format!("%20{id}"),
        "%D9%A1",
        "1%2F2",
        "..",
        "%2e%2e",
        "'%20OR%201=1--",
    ] {
        for line in
            [format!("GET /api/v1/domains/{unknown}"), format!("POST /api/v1/domains/{unknown}/verify")]
        {
            app.call(&key, &line).is(404, &json!({"error": "Domain not found"}));
        }
        let line = format!("PATCH /api/v1/domains/{unknown}");
        let reply = app.call_with(&key, &line, &json!({"domain": {"name": "x"}}));
        reply.is(404, &json!({"error": "Domain not found"}));
    }
}

#[test]
fn an_id_that_is_no_utf_8_is_404() {
    let app = TestApp::new();
    let key = app.account("acme");
    for id in ["%FF", "%C3", "%", "%zz"] {
        let reply = app.call(&key, &format!("GET /api/v1/domains/{id}"));
        assert_eq!(reply.status, 404, "{id}");
        assert_eq!(keys(&reply.json()), ["error"], "{id}");
    }
}

#[test]
fn an_id_in_percent_encoding_is_the_id_it_encodes() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let encoded = id.to_string().bytes().map(|octet| format!("%{octet:02X}")).collect::<Vec<_>>().concat();
    let plain = app.call(&key, &format!("GET /api/v1/domains/{id}"));
    assert_eq!(app.call(&key, &format!("GET /api/v1/domains/{encoded}")).visible(), plain.visible());
}

#[test]
fn a_name_can_be_given_changed_and_taken_away() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let line = format!("PATCH /api/v1/domains/{id}");
    for (body, name) in [
        (json!({"domain": {"name": "Production EU"}}), json!("Production EU")),
        (json!({"domain": {"name": "  Käse 🧀  "}}), json!("Käse 🧀")),
        (json!({"domain": {}}), json!("Käse 🧀")),
        (json!({"domain": {"name": null}}), json!(null)),
        (json!({"name": "flat"}), json!("flat")),
        (json!({"domain": {"name": ""}}), json!(null)),
    ] {
        let reply = app.call_with(&key, &line, &body);
        assert_eq!((reply.status, &reply.json()["name"]), (200, &name), "{body}");
        app.call(&key, &format!("GET /api/v1/domains/{id}")).is(200, &reply.json());
    }
}

#[test]
fn an_empty_patch_answers_the_domain_and_changes_nothing() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let before = app.dump();
    app.advance(1);
    let shown = app.call(&key, &format!("GET /api/v1/domains/{id}")).json();
    app.call(&key, &format!("PATCH /api/v1/domains/{id}")).is(200, &shown);
    app.call_with(&key, &format!("PATCH /api/v1/domains/{id}"), &json!({"domain": {}})).is(200, &shown);
    assert_eq!(app.dump(), before);
}

#[test]
fn a_change_moves_modified_at_and_leaves_created_at() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    app.advance(1);
    let changed =
        app.call_with(&key, &format!("PATCH /api/v1/domains/{id}"), &json!({"domain": {"name": "x"}})).json();
    assert_eq!(changed["created_at"], "2026-11-21T10:00:00.120Z");
    assert_eq!(changed["modified_at"], "2026-11-21T11:00:00.120Z");
}

#[test]
fn a_name_that_is_too_long_or_of_the_wrong_type_is_422_and_changes_nothing() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let before = app.dump();
    let line = format!("PATCH /api/v1/domains/{id}");
    for name in [json!(5), json!(true), json!([]), json!({})] {
        let reply = app.call_with(&key, &line, &json!({"domain": {"name": name}}));
        reply.is(422, &invalid("name", "must be a string"));
    }
    for name in ["a".repeat(256), "ü".repeat(256), "a\u{0}b".to_owned(), "a\nb".to_owned()] {
        let reply = app.call_with(&key, &line, &json!({"domain": {"name": name}}));
        assert_eq!((reply.status, &reply.json()["errors"]["name"][0]), (422, &json!("is invalid")));
    }
    assert_eq!(app.dump(), before);
    let longest = json!({"domain": {"name": "ü".repeat(255)}});
    assert_eq!(app.call_with(&key, &line, &longest).status, 200);
}

#[test]
fn what_a_caller_may_not_set_is_never_read_from_a_body() {
    let app = TestApp::new();
    let key = app.account("acme");
    let body = json!({"domain": {
        "url": "example.com", "id": 77, "status": "active", "dkim_verified": true, "advanced_verified": true,
        "account_id": 99, "created_at": "1999-01-01T00:00:00.000Z", "dkim_selector": "evil", "dkim_string": "x",
        "webhook_public_key": "x",
    }});
    let made = app.call_with(&key, "POST /api/v1/domains", &body).json();
    let id = made["id"].as_i64().unwrap();
    assert_eq!((&made["dkim_verified"], &made["advanced_verified"]), (&json!(false), &json!(false)));
    assert_eq!((made["dkim_selector"].as_str(), id == 77), (Some("pr1"), false));
    assert_eq!(made["created_at"], "2026-11-21T10:00:00.120Z");
    app.call_with(&key, &format!("PATCH /api/v1/domains/{id}"), &body).is(200, &made);
    assert_eq!(app.value::<i64>("SELECT account_id FROM domain"), key.account.number());
    assert_eq!(app.value::<String>("SELECT status FROM domain"), "pending");
}

#[test]
fn each_change_of_a_domain_is_one_audit_row_by_its_key() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let line = format!("PATCH /api/v1/domains/{id}");
    for body in [json!({"name": "x"}), json!({"name": "x"}), json!({"url": "example.org"})] {
        assert_eq!(app.call_with(&key, &line, &body).status, 200);
    }
    // The second one changed nothing.
    let events: Vec<_> = app
        .events(key.account)
        .into_iter()
        .filter(|event| event.action().starts_with("domain."))
        .map(|event| (event.actor.to_string(), event.action().to_owned(), event.subject(), event.detail()))
        .collect();
    let by = format!("key:{}", key.id);
    let row = |action: &str, name: &str, detail: &str| {
        (by.clone(), action.to_owned(), name.to_owned(), Some(detail.to_owned()))
    };
    assert_eq!(
        events,
        [
            row("domain.created", "example.com", "domain example.com created"),
            row("domain.changed", "example.com", "label of example.com set to \"x\""),
            row("domain.renamed", "example.org", "domain example.com renamed to example.org"),
        ]
    );
}
