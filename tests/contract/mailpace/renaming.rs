//! `PATCH /api/v1/domains/{id}` with another `url`.

use serde_json::{Value, json};

use super::invalid;
use crate::harness::app::{Key, Reply, TestApp};

fn rename(app: &TestApp, key: &Key, id: i64, url: &Value) -> Reply {
    app.call_with(key, &format!("PATCH /api/v1/domains/{id}"), &json!({"domain": {"url": url}}))
}

fn verified(app: &TestApp, key: &Key, name: &str) -> i64 {
    let id = app.domain(key, name);
    app.publish(key, id);
    let reply = app.call(key, &format!("POST /api/v1/domains/{id}/verify"));
    reply.is(200, &json!({"dkim_verified": true, "advance_verified": true, "errors": {}}));
    id
}

#[test]
fn another_url_resets_every_verification_and_keeps_key_and_webhook_key() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = verified(&app, &key, "example.com");
    let before = app.call(&key, &format!("GET /api/v1/domains/{id}")).json();
    app.advance(1);
    let reply = rename(&app, &key, id, &json!("Example.ORG"));
    assert_eq!(reply.status, 200);
    let after = reply.json();
    assert_eq!(after["url"], "example.org");
    assert_eq!((&after["dkim_verified"], &after["advanced_verified"]), (&json!(false), &json!(false)));
    for kept in ["id", "name", "dkim_selector", "dkim_string", "webhook_public_key", "created_at"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    assert_eq!(after["modified_at"], "2026-11-21T11:00:00.120Z");
    app.call(&key, &format!("GET /api/v1/domains/{id}")).is(200, &after);
    let state =
        "SELECT status || coalesce(proved_at, '-') || (SELECT count(activated_at) FROM dkim_key) FROM domain";
    assert_eq!(app.value::<String>(state), "pending-0", "no proof and no signing key for the new name");
}

#[test]
fn another_url_makes_every_record_new_and_pending() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = verified(&app, &key, "example.com");
    app.sql().execute("UPDATE record SET pinned = 1", []).unwrap();
    let newest: i64 = app.value("SELECT max(id) FROM record");
    let count: i64 = app.value("SELECT count(*) FROM record");
    rename(&app, &key, id, &json!("example.org"));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM record"), count);
    assert!(app.value::<i64>("SELECT min(id) FROM record") > newest);
    let untouched = "SELECT count(*) FROM record WHERE status = 'pending' AND pinned = 0 AND failures = 0
                         AND checked_at IS NULL AND observed IS NULL AND problem_code IS NULL";
    assert_eq!(app.value::<i64>(untouched), count);
}

#[test]
fn another_url_keeps_the_tokens_and_they_still_open() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    app.token(&key, id);
    let before = app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens"));
    rename(&app, &key, id, &json!("example.org"));
    let after = app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens"));
    assert_eq!(after.visible(), before.visible());
    assert_eq!(after.json().as_array().unwrap().len(), 1);
}

#[test]
fn a_renamed_domain_is_verified_at_its_new_name() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = verified(&app, &key, "example.com");
    rename(&app, &key, id, &json!("example.org"));
    let reply = app.call(&key, &format!("POST /api/v1/domains/{id}/verify")).json();
    assert_eq!(
        reply["dkim_verified"],
        json!(false),
        "what stands at the old name is no proof of the new one"
    );
    app.publish(&key, id);
    let reply = app.call(&key, &format!("POST /api/v1/domains/{id}/verify"));
    reply.is(200, &json!({"dkim_verified": true, "advance_verified": true, "errors": {}}));
    assert_eq!(app.value::<i64>("SELECT count(activated_at) FROM dkim_key"), 1, "the key signs again");
}

#[test]
fn the_same_url_changes_nothing() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = verified(&app, &key, "example.com");
    let (before, shown) = (app.dump(), app.call(&key, &format!("GET /api/v1/domains/{id}")).json());
    app.advance(1);
    for url in ["example.com", "EXAMPLE.com", "example.com."] {
        rename(&app, &key, id, &json!(url)).is(200, &shown);
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn the_old_name_is_free_again() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    let id = verified(&app, &key, "example.com");
    rename(&app, &key, id, &json!("example.org"));
    app.domain(&other, "example.com");
}

#[test]
fn a_url_that_is_taken_is_422_and_not_even_the_name_beside_it_changes() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    let id = verified(&app, &key, "example.com");
    app.domain(&key, "mine.example");
    app.domain(&other, "theirs.example");
    let before = app.dump();
    for url in ["mine.example", "theirs.example"] {
        let body = json!({"domain": {"name": "half written", "url": url}});
        let reply = app.call_with(&key, &format!("PATCH /api/v1/domains/{id}"), &body);
        assert_eq!(
            (reply.status, &reply.json()["errors"]["url"][0]),
            (422, &json!("has already been taken"))
        );
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn a_url_that_is_no_mail_domain_is_422_and_changes_nothing() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let before = app.dump();
    for url in ["co.uk", "192.0.2.1", "*.example.com", "https://example.org"] {
        let body = json!({"domain": {"name": "half written", "url": url}});
        let reply = app.call_with(&key, &format!("PATCH /api/v1/domains/{id}"), &body);
        assert_eq!((reply.status, &reply.json()["errors"]["url"][0]), (422, &json!("is invalid")), "{url}");
    }
    for blank in [json!(null), json!(""), json!("  ")] {
        rename(&app, &key, id, &blank).is(422, &invalid("url", "can't be blank"));
    }
    rename(&app, &key, id, &json!(7)).is(422, &invalid("url", "must be a string"));
    assert_eq!(app.dump(), before);
}

#[test]
fn a_rename_wins_against_an_unproved_claim_of_more_than_7_days() {
    let app = TestApp::new();
    let (first, second) = (app.tenant("first"), app.tenant("second"));
    app.domain(&first, "example.com");
    let id = app.domain(&second, "example.org");
    app.advance(6 * 24);
    assert_eq!(
        rename(&app, &second, id, &json!("example.com")).json()["errors"]["url"][0],
        "has already been taken"
    );
    app.advance(2 * 24);
    assert_eq!(rename(&app, &second, id, &json!("example.com")).status, 200);
    assert!(app.actions(first.account).contains(&"domain.gave_way example.com".to_owned()));
    assert!(app.actions(second.account).contains(&"domain.gave_way example.com".to_owned()));
}

#[test]
fn the_7_days_of_a_claim_start_anew_with_a_new_name() {
    let app = TestApp::new();
    let (first, second) = (app.tenant("first"), app.tenant("second"));
    let id = app.domain(&first, "example.com");
    app.advance(8 * 24);
    rename(&app, &first, id, &json!("example.org"));
    app.advance(24);
    let body = json!({"domain": {"url": "example.org"}});
    let reply = app.call_with(&second, "POST /api/v1/domains", &body);
    assert_eq!(reply.json()["errors"]["url"][0], "has already been taken");
}

#[test]
fn a_name_and_a_url_can_change_in_one_request() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let body = json!({"domain": {"name": "EU", "url": "example.eu"}});
    let reply = app.call_with(&key, &format!("PATCH /api/v1/domains/{id}"), &body);
    let domain = reply.json();
    assert_eq!((reply.status, &domain["name"], &domain["url"]), (200, &json!("EU"), &json!("example.eu")));
}

#[test]
fn a_key_that_is_limited_to_some_domains_gains_no_name_by_another_url() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let domains = Some(Some([postroom::id::DomainId::new(id)].into()));
    let limited = app.limited_key(key.account, postroom::key::KeyRequest { domains, ..Default::default() });
    let refused = rename(&app, &limited, id, &json!("free.example"));
    let text = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(refused.status == 403 && text.contains("limited to some domains"), "{refused:?}");
    // The same name is no other one.
    let same = json!({"domain": {"url": "Example.com", "name": "Production"}});
    let labelled = app.call_with(&limited, &format!("PATCH /api/v1/domains/{id}"), &same);
    assert_eq!((labelled.status, &labelled.json()["name"]), (200, &json!("Production")));
}
