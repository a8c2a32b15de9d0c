//! `/api/v1/domains/{id}/api_tokens`.

use postroom::event::{Actor, Event};
use postroom::id::{DomainId, DomainTokenId};
use postroom::secret::{PlainSecret, SecretKind};
use postroom::token;
use serde_json::{Value, json};

use super::{invalid, is_moment, keys};
use crate::harness::app::{KEY_FIELD, TestApp};

const FIELDS: [&str; 7] = ["id", "name", "token", "created_at", "modified_at", "last_used_at", "revoked_at"];

fn not_found() -> Value {
    json!({"error": "API token not found"})
}

/// What a token opens.
fn opens(app: &TestApp, secret: &str) -> Option<(DomainId, DomainTokenId)> {
    let secret = PlainSecret::parse(SecretKind::DomainToken, secret).unwrap();
    app.postroom.read(|tx| token::authenticate(tx, &secret)).unwrap()
}

#[test]
fn a_token_has_the_fields_of_the_contract_in_their_types() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let body = json!({"api_token": {"name": "Production sender key"}});
    let made = app.call_with(&key, &format!("POST /api/v1/domains/{id}/api_tokens"), &body);
    assert_eq!(made.status, 201);
    let token = made.json();
    assert_eq!(keys(&token), FIELDS);
    assert!(token["id"].is_i64());
    assert_eq!(token["name"], "Production sender key");
    assert!(token["token"].as_str().is_some_and(|secret| secret.starts_with("prt_") && secret.len() == 37));
    assert!(is_moment(&token["created_at"]) && is_moment(&token["modified_at"]));
    assert_eq!((&token["last_used_at"], &token["revoked_at"]), (&json!(null), &json!(null)));
}

#[test]
fn the_secret_is_in_the_reply_to_its_creation_and_nowhere_else() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (token_id, secret) = app.token(&key, id);
    for reply in [
        app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens")),
        app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens/{token_id}")),
        app.call_with(
            &key,
            &format!("PATCH /api/v1/domains/{id}/api_tokens/{token_id}"),
            &json!({"api_token": {"name": "x"}}),
        ),
        app.call(&key, &format!("DELETE /api/v1/domains/{id}/api_tokens/{token_id}")),
    ] {
        assert!(!reply.text().contains(&secret[4..]), "{reply:?}");
    }
    let kept = app.dump().into_values().flatten().any(|row| row.contains(&secret[4..]));
    assert!(!kept, "only a hash is kept");
}

#[test]
fn a_token_reads_and_lists_as_it_was_created_but_for_the_secret() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let line = format!("POST /api/v1/domains/{id}/api_tokens");
    let mut made: Vec<Value> =
        (0..3).map(|n| app.call_with(&key, &line, &json!({"name": format!("t{n}")})).json()).collect();
    for token in &mut made {
        token["token"] = json!(null);
    }
    let token_id = &made[1]["id"];
    app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens/{token_id}")).is(200, &made[1]);
    app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens")).is(200, &json!(made));
}

#[test]
fn a_domain_without_tokens_has_an_empty_list() {
    let app = TestApp::new();
    let key = app.account("acme");
    let (id, other) = (app.domain(&key, "example.com"), app.domain(&key, "other.example"));
    app.token(&key, other);
    app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens")).is(200, &json!([]));
}

#[test]
fn a_name_is_optional_and_its_body_too() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let line = format!("POST /api/v1/domains/{id}/api_tokens");
    for (body, name) in [
        ("", json!(null)),
        ("{}", json!(null)),
        (r#"{"api_token":{}}"#, json!(null)),
        (r#"{"api_token":{"name":null}}"#, json!(null)),
        (r#"{"api_token":{"name":"  "}}"#, json!(null)),
        (r#"{"name":"flat"}"#, json!("flat")),
        (r#"{"api_token":{"name":" trimmed "}}"#, json!("trimmed")),
    ] {
        let reply = app.call_text(&key, &line, body);
        assert_eq!((reply.status, &reply.json()["name"]), (201, &name), "{body}");
    }
}

#[test]
fn a_secret_opens_its_domain_until_it_is_revoked() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (token_id, secret) = app.token(&key, id);
    assert_eq!(opens(&app, &secret), Some((DomainId::new(id), DomainTokenId::new(token_id))));
    let reply = app.call(&key, &format!("DELETE /api/v1/domains/{id}/api_tokens/{token_id}"));
    reply.is(200, &json!({"message": "API token revoked"}));
    assert_eq!(opens(&app, &secret), None);
}

#[test]
fn a_revoked_token_is_404_on_every_route_and_not_listed() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (token_id, _) = app.token(&key, id);
    let (kept, _) = app.token(&key, id);
    app.call(&key, &format!("DELETE /api/v1/domains/{id}/api_tokens/{token_id}"));
    let before = app.dump();
    app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens/{token_id}")).is(404, &not_found());
    app.call_with(&key, &format!("PATCH /api/v1/domains/{id}/api_tokens/{token_id}"), &json!({"name": "x"}))
        .is(404, &not_found());
    app.call(&key, &format!("PATCH /api/v1/domains/{id}/api_tokens/{token_id}")).is(404, &not_found());
    app.call(&key, &format!("DELETE /api/v1/domains/{id}/api_tokens/{token_id}")).is(404, &not_found());
    assert_eq!(app.dump(), before);
    let listed = app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens")).json();
    assert_eq!(
        listed.as_array().unwrap().iter().map(|token| &token["id"]).collect::<Vec<_>>(),
        [&json!(kept)]
    );
}

#[test]
fn a_token_of_another_domain_is_404_under_this_one() {
    let app = TestApp::new();
    let key = app.account("acme");
    let (id, other) = (app.domain(&key, "example.com"), app.domain(&key, "other.example"));
    let (token_id, secret) = app.token(&key, other);
    let before = app.dump();
    app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens/{token_id}")).is(404, &not_found());
    app.call_with(&key, &format!("PATCH /api/v1/domains/{id}/api_tokens/{token_id}"), &json!({"name": "x"}))
        .is(404, &not_found());
    app.call(&key, &format!("DELETE /api/v1/domains/{id}/api_tokens/{token_id}")).is(404, &not_found());
    assert_eq!(app.dump(), before);
    assert!(opens(&app, &secret).is_some());
}

#[test]
fn a_token_id_that_names_nothing_is_404_and_an_unknown_domain_is_told_first() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (known, _) = app.token(&key, id);
    for token_id in ["999", "0", "-1", "abc", "9223372036854775808", "%20", &format!("+{known}")] {
        for method in ["GET", "DELETE"] {
            let line = format!("{method} /api/v1/domains/{id}/api_tokens/{token_id}");
            app.call(&key, &line).is(404, &not_found());
        }
    }
    for line in ["GET /api/v1/domains/99/api_tokens", "POST /api/v1/domains/abc/api_tokens"] {
        app.call(&key, line).is(404, &json!({"error": "Domain not found"}));
    }
    let line = format!("GET /api/v1/domains/99/api_tokens/{known}");
    app.call(&key, &line).is(404, &json!({"error": "Domain not found"}));
}

#[test]
fn a_token_can_be_renamed_and_keeps_its_secret() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (token_id, secret) = app.token(&key, id);
    app.advance(1);
    let line = format!("PATCH /api/v1/domains/{id}/api_tokens/{token_id}");
    for (body, name) in [
        (json!({"api_token": {"name": "Primary sender key"}}), json!("Primary sender key")),
        (json!({"api_token": {}}), json!("Primary sender key")),
        (json!({"name": "flat"}), json!("flat")),
        (json!({"api_token": {"name": null}}), json!(null)),
    ] {
        let reply = app.call_with(&key, &line, &body);
        let token = reply.json();
        assert_eq!((reply.status, &token["name"], &token["token"]), (200, &name, &json!(null)), "{body}");
        assert_eq!(token["created_at"], "2026-11-21T10:00:00.120Z");
        assert_eq!(token["modified_at"], "2026-11-21T11:00:00.120Z");
        app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens/{token_id}")).is(200, &token);
    }
    assert!(opens(&app, &secret).is_some());
}

#[test]
fn a_name_that_breaks_a_rule_is_422_and_changes_nothing() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (token_id, _) = app.token(&key, id);
    let before = app.dump();
    let lines = [
        format!("POST /api/v1/domains/{id}/api_tokens"),
        format!("PATCH /api/v1/domains/{id}/api_tokens/{token_id}"),
    ];
    for line in &lines {
        for name in [json!(1), json!(false), json!(["x"]), json!({})] {
            app.call_with(&key, line, &json!({"api_token": {"name": name}}))
                .is(422, &invalid("name", "must be a string"));
        }
        for name in ["a".repeat(256), "a\u{0}".to_owned(), "a\r\nb".to_owned()] {
            let reply = app.call_with(&key, line, &json!({"api_token": {"name": name}}));
            assert_eq!((reply.status, &reply.json()["errors"]["name"][0]), (422, &json!("is invalid")));
        }
        for wrapper in [json!("x"), json!(null), json!([]), json!(1)] {
            app.call_with(&key, line, &json!({"api_token": wrapper}))
                .is(422, &invalid("api_token", "must be an object"));
        }
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn the_last_use_of_a_token_is_shown() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (token_id, _) = app.token(&key, id);
    app.advance(2);
    let use_now = [(DomainTokenId::new(token_id), app.postroom.now())];
    app.postroom.write(|tx| token::note_uses(tx, &use_now)).unwrap();
    let shown = app.call(&key, &format!("GET /api/v1/domains/{id}/api_tokens/{token_id}")).json();
    assert_eq!(shown["last_used_at"], "2026-11-21T12:00:00.120Z");
}

#[test]
fn each_change_of_a_token_is_one_audit_row() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (token_id, _) = app.token(&key, id);
    app.call_with(&key, &format!("PATCH /api/v1/domains/{id}/api_tokens/{token_id}"), &json!({"name": "x"}));
    app.call(&key, &format!("DELETE /api/v1/domains/{id}/api_tokens/{token_id}"));
    let rows: Vec<_> =
        app.events(key.account).into_iter().filter(|e| e.action().starts_with("token.")).collect();
    let actions: Vec<&str> = rows.iter().map(Event::action).collect();
    assert_eq!(actions, ["token.created", "token.changed", "token.revoked"]);
    for row in &rows {
        assert_eq!((&row.actor, row.subject().as_str()), (&Actor::Key(key.id), "example.com"));
    }
    let told: Vec<String> = rows.iter().filter_map(Event::detail).collect();
    assert_eq!(
        told,
        [
            format!("token {token_id} of example.com created"),
            format!("token {token_id} of example.com named \"x\""),
            format!("token {token_id} \"x\" of example.com revoked"),
        ]
    );
}

#[test]
fn a_domain_token_is_no_key() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (_, secret) = app.token(&key, id);
    let reply = app.send("GET /api/v1/domains", &[(KEY_FIELD, &secret)], b"");
    reply.is(401, &json!({"error": "Invalid API Token"}));
}
