//! Claims over the native dialect: the record that proves one, to whom a name goes, and what is refused.

use postroom::cap::Caps;
use postroom::dns::RecordData;
use postroom::settings::Settings;
use serde_json::{Value, json};

use super::bearer;
use crate::harness::app::{Key, Reply, TestApp, settings};

fn post(app: &TestApp, key: &Key, body: &Value) -> Reply {
    let bearer = format!("Bearer {}", key.secret);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    app.send("POST /postroom/v1/claims", &headers, body.to_string().as_bytes())
}

fn claim(app: &TestApp, key: &Key, name: &str) -> Reply {
    post(app, key, &json!({ "name": name }))
}

fn show(app: &TestApp, key: &Key, name: &str) -> Reply {
    bearer(app, key, &format!("GET /postroom/v1/claims/{name}"))
}

fn verify(app: &TestApp, key: &Key, name: &str) -> Reply {
    bearer(app, key, &format!("POST /postroom/v1/claims/{name}/verify"))
}

fn delete(app: &TestApp, key: &Key, name: &str) -> Reply {
    bearer(app, key, &format!("DELETE /postroom/v1/claims/{name}"))
}

#[test]
fn a_free_name_is_held_at_once_and_says_how_it_is_proved() {
    let app = TestApp::new();
    let key = app.tenant("tenant");
    let made = claim(&app, &key, "Example.COM.");
    let mut shown = made.json()["claim"].clone();
    let value = shown["challenge"]["value"].take();
    assert!(value.as_str().unwrap().starts_with("postroom-claim="));
    let text = shown["reason"]["text"].take();
    assert!(text.as_str().unwrap().contains("example.com"));
    let wanted = json!({
        "name": "example.com", "kind": "domain", "of": null, "state": "holds", "proved_at": null, "acts": false,
        "reason": { "code": "unproved", "text": null },
        "challenge": { "name": "_postroom-challenge.example.com", "type": "TXT", "value": null },
        "created_at": "2026-11-21T10:00:00.120Z",
    });
    assert_eq!((made.status, shown), (201, wanted));
    assert_eq!(claim(&app, &key, "example.com").status, 200, "it has it");
    let domain = bearer(&app, &key, "GET /postroom/v1/domains/example.com").json();
    assert_eq!(domain["status"], "pending");
    assert!(domain["records"].as_array().unwrap().iter().any(|record| record["purpose"] == "dkim"));
    let listed = bearer(&app, &key, "GET /postroom/v1/claims?limit=10&offset=0").json();
    assert_eq!(listed["claims"][0]["challenge"]["value"], value);
    let found = show(&app, &key, "example.com").json();
    assert_eq!(found["claim"], listed["claims"][0]);
}

#[test]
fn a_claim_contends_and_takes_the_name_over_when_it_is_proved() {
    let app = TestApp::new();
    let (squatter, owner) = (app.tenant("squatter"), app.tenant("owner"));
    app.domain(&squatter, "example.com");
    let made = claim(&app, &owner, "example.com");
    assert_eq!((made.status, &made.json()["claim"]["state"]), (201, &json!("contends")));
    assert_eq!(claim(&app, &owner, "example.com").status, 200);
    app.dns.set("example.com", vec![RecordData::A([192, 0, 2, 1].into())]);
    let early = verify(&app, &owner, "example.com").json();
    assert_eq!(early["outcome"], "not_yet");
    assert_eq!(early["findings"][0]["code"], "record_missing");
    assert_eq!(early["findings"][0]["wanted"], made.json()["claim"]["challenge"]["value"]);
    app.publish_challenge(&owner, "example.com");
    let late = verify(&app, &owner, "example.com").json();
    assert_eq!((&late["outcome"], &late["claim"]["state"]), (&json!("proved"), &json!("holds")));
    assert_eq!((&late["claim"]["acts"], &late["claim"]["reason"]), (&json!(true), &Value::Null));
    let lost = show(&app, &squatter, "example.com").json();
    assert_eq!((&lost["claim"]["state"], &lost["claim"]["acts"]), (&json!("lost"), &json!(false)));
    assert_eq!(lost["claim"]["reason"]["code"], "lost_to_proof");
    assert_eq!(bearer(&app, &squatter, "GET /postroom/v1/domains/example.com").status, 404);
    assert_eq!(bearer(&app, &owner, "GET /postroom/v1/domains/example.com").status, 200);
}

#[test]
fn an_alias_is_claimed_for_a_domain() {
    let app = TestApp::new();
    let key = app.tenant("tenant");
    app.domain(&key, "example.com");
    let body = json!({ "name": "example.org", "kind": "alias", "of": "example.com" });
    let made = post(&app, &key, &body);
    assert_eq!((made.status, &made.json()["claim"]["of"]), (201, &json!("example.com")));
    app.publish_challenge(&key, "example.org");
    let seen = verify(&app, &key, "example.org").json();
    assert_eq!((&seen["outcome"], &seen["claim"]["acts"]), (&json!("proved"), &json!(false)));
    app.publish_challenge(&key, "example.com");
    verify(&app, &key, "example.com");
    let seen = show(&app, &key, "example.org").json();
    assert_eq!(seen["claim"]["acts"], true, "with its domain");
    assert_eq!(delete(&app, &key, "example.org").status, 200);
    assert_eq!(show(&app, &key, "example.org").status, 404);
}

#[test]
fn what_cannot_be_claimed_is_refused_and_says_why() {
    let app =
        TestApp::with(Settings { caps: Caps { unproved_claims: 1, ..Caps::default() }, ..settings() }, 8);
    let key = app.tenant("tenant");
    let code = |reply: &Reply| (reply.status, reply.json()["error"]["code"].as_str().unwrap().to_owned());
    for name in ["mail.example.net", "example.net", "*.example.com", "com", "a b"] {
        assert_eq!(code(&claim(&app, &key, name)), (422, "not_claimable".to_owned()), "{name}");
    }
    assert_eq!(claim(&app, &key, "one.example").status, 201);
    assert_eq!(code(&claim(&app, &key, "two.example")), (409, "unproved_limit".to_owned()));
    assert!(claim(&app, &key, "two.example").text().contains("limits.unproved_claims"));
    for (body, status) in [
        (json!({}), 400),
        (json!({ "name": 7 }), 400),
        (json!({ "name": "x.example", "kind": "zone" }), 400),
        (json!({ "name": "x.example", "kind": "alias" }), 400),
        (json!({ "name": "x.example", "of": "one.example" }), 400),
        (json!({ "name": "x.example", "kind": "alias", "of": "never.example" }), 404),
    ] {
        assert_eq!(post(&app, &key, &body).status, status, "{body}");
    }
    for reply in [show, verify, delete].map(|ask| ask(&app, &key, "never.example")) {
        assert_eq!(code(&reply), (404, "not_found".to_owned()));
    }
}

#[test]
fn each_dialect_says_of_a_name_that_is_taken_that_it_can_be_claimed() {
    let app = TestApp::new();
    let (owner, other) = (app.tenant("owner"), app.tenant("other"));
    app.domain(&owner, "example.com");
    app.domain(&other, "other.example");
    let way = "POST /postroom/v1/claims";
    for name in ["example.com", "x.example.com"] {
        if name != "example.com" {
            app.publish_challenge(&owner, "example.com");
            verify(&app, &owner, "example.com");
        }
        let mailpace = app.call_with(&other, "POST /api/v1/domains", &json!({ "domain": { "url": name } }));
        let lifecycle = app.v2_with(&other, "POST /v2/domain", &json!({ "domain": name, "user_id": "u" }));
        let inbound = |line: &str, body: &Value| {
            let headers = [("x-api-key", other.secret.as_str()), ("Content-Type", "application/json")];
            app.send(line, &headers, body.to_string().as_bytes())
        };
        let body = json!({ "domain": name, "subscriptionHandle": "default" });
        let provisioned = inbound("POST /inbound/v1/domains", &body);
        let alias = inbound(&format!("POST /inbound/v1/domains/other.example/alias/{name}"), &json!({}));
        for (reply, status) in [(mailpace, 422), (lifecycle, 409), (provisioned, 409), (alias, 409)] {
            assert_eq!(reply.status, status, "{name} {reply:?}");
            assert!(reply.text().contains(way), "{reply:?}");
        }
    }
}

#[test]
fn a_key_of_some_domains_claims_nothing_and_sees_no_other_claim() {
    let app = TestApp::new();
    let key = app.tenant("tenant");
    let id = app.domain(&key, "one.example");
    app.domain(&key, "two.example");
    let other = app.tenant("other");
    app.domain(&other, "theirs.example");
    claim(&app, &key, "theirs.example");
    let domains = Some(Some([postroom::id::DomainId::new(id)].into()));
    let request = postroom::key::KeyRequest { domains, ..postroom::key::KeyRequest::default() };
    let narrow = app.limited_key(key.account, request);
    assert_eq!(claim(&app, &narrow, "new.example").status, 403);
    let listed = bearer(&app, &narrow, "GET /postroom/v1/claims").json();
    let names: Vec<&Value> =
        listed["claims"].as_array().unwrap().iter().map(|claim| &claim["name"]).collect();
    assert_eq!(names, ["one.example"]);
    assert_eq!(show(&app, &narrow, "theirs.example").status, 404);
}
