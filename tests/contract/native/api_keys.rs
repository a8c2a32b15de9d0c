//! API keys over the native dialect: limits, what may be asked for, rotation.

use std::time::Duration;

use postroom::access::{KeyScope, KeyScopes};
use postroom::domain;
use postroom::id::DomainId;
use postroom::key::KeyRequest;
use serde_json::{Value, json};

use super::bearer;
use crate::harness::app::{Key, Reply, TestApp};

fn ask(app: &TestApp, key: &Key, line: &str, body: &Value) -> Reply {
    let field = format!("Bearer {}", key.secret);
    app.send(
        line,
        &[("Authorization", &field), ("Content-Type", "application/json")],
        body.to_string().as_bytes(),
    )
}

/// A key that was made by a request, for requests of its own.
fn made(key: &Key, reply: &Reply) -> Key {
    assert!([200, 201].contains(&reply.status), "{reply:?}");
    let (id, secret) =
        (reply.json()["id"].as_i64().unwrap(), reply.json()["api_key"].as_str().unwrap().to_owned());
    Key { account: key.account, id: postroom::id::ApiKeyId::new(id), secret }
}

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn tie(app: &TestApp, key: &Key, id: i64) {
    app.postroom
        .write(|tx| domain::associate(tx, &key.operator(), &key.own(tx, DomainId::new(id))?, Some(key.id)))
        .unwrap();
}

#[test]
fn a_limit_whose_name_is_misspelt_or_there_twice_makes_no_key_that_may_do_everything() {
    let app = TestApp::new();
    let key = app.account("acme");
    let before = app.dump();
    let send = |line: &str, body: &str| {
        let field = format!("Bearer {}", key.secret);
        app.send(line, &[("Authorization", &field), ("Content-Type", "application/json")], body.as_bytes())
    };
    for (line, body) in [
        ("POST /postroom/v1/keys", r#"{"scope":["domains:read"]}"#),
        ("POST /postroom/v1/keys", r#"{"scopes":["domains:read"],"scopes":null}"#),
        ("POST /postroom/v1/keys", r#"{"grace_minutes":1}"#),
        ("POST /postroom/v1/keys/rotate", r#"{"grace_minute":0}"#),
    ] {
        assert_eq!(code(&send(line, body)), (400, "invalid_json".to_owned()), "{body}");
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn a_key_is_made_with_its_limits_and_listed_without_its_secret() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "one.example");
    let wish = json!({
        "description": "robot", "expires_at": "2027-01-01T00:00:00Z", "networks": ["127.0.0.0/8", "2001:db8::/32"],
        "scopes": ["tokens:write", "*:read"], "domains": ["one.example"],
    });
    let reply = ask(&app, &key, "POST /postroom/v1/keys", &wish);
    let robot = made(&key, &reply);
    let mut shown = reply.json();
    assert!(shown.as_object_mut().unwrap().remove("api_key").is_some());
    let last4 = &robot.secret[robot.secret.len() - 4..];
    assert_eq!(
        shown,
        json!({
            "id": robot.id.number(), "description": "robot", "last4": last4, "created_at": "2026-11-21T10:00:00.120Z",
            "last_used_at": null, "expires_at": "2027-01-01T00:00:00.000Z",
            "networks": ["127.0.0.0/8", "2001:db8::/32"], "scopes": ["*:read", "tokens:write"],
            "domains": ["one.example"],
        })
    );
    let listed = bearer(&app, &key, "GET /postroom/v1/keys").json();
    assert_eq!((listed["keys"].as_array().unwrap().len(), &listed["keys"][1]), (2, &shown));
    assert_eq!(listed["keys"][0]["scopes"], Value::Null);
    assert_eq!(listed["keys"][0]["networks"], json!([]));
    assert_eq!(
        bearer(&app, &robot, "GET /postroom/v1/keys").json()["keys"],
        json!([shown]),
        "it sees itself"
    );
}

#[test]
fn a_new_key_inherits_what_is_left_out_and_never_reaches_further() {
    let app = TestApp::new();
    let key = app.account("acme");
    let (one, two) = (app.domain(&key, "one.example"), app.domain(&key, "two.example"));
    app.domain(&app.account("other"), "foreign.example");
    let request = KeyRequest {
        expires_at: Some(Some("2027-01-01".parse().unwrap())),
        networks: Some(vec!["127.0.0.0/8".parse().unwrap()]),
        scopes: Some(KeyScopes::new([KeyScope::AccountWrite, KeyScope::DomainsRead])),
        domains: Some(Some([one, two].map(DomainId::new).into())),
    };
    let limited = app.limited_key(key.account, request);
    let child = ask(&app, &limited, "POST /postroom/v1/keys", &json!({}));
    let limits = |reply: &Reply| {
        let shown = reply.json();
        ["expires_at", "networks", "scopes", "domains"].map(|field| shown[field].clone())
    };
    assert_eq!(
        limits(&child),
        [
            json!("2027-01-01T00:00:00.000Z"),
            json!(["127.0.0.0/8"]),
            json!(["domains:read", "account:write"]),
            json!(["one.example", "two.example"])
        ]
    );
    let before = app.value::<i64>("SELECT count(*) FROM api_key");
    for wider in [
        json!({ "expires_at": null }),
        json!({ "expires_at": "2027-01-01T00:00:00.001Z" }),
        json!({ "networks": [] }),
        json!({ "networks": null }),
        json!({ "networks": ["127.0.0.1", "192.0.2.0/24"] }),
        json!({ "scopes": null }),
        json!({ "scopes": ["domains:read", "tokens:write"] }),
        json!({ "scopes": ["*:read"] }),
        json!({ "domains": null }),
        json!({ "domains": ["one.example", "foreign.example"] }),
        json!({ "domains": ["never.example"] }),
    ] {
        let reply = ask(&app, &limited, "POST /postroom/v1/keys", &wider);
        assert_eq!(code(&reply), (403, "denied".to_owned()), "{wider}: {reply:?}");
    }
    for bad in [
        json!({ "expires_at": "2026-11-21T10:00:00.120Z" }),
        json!({ "expires_at": 7 }),
        json!({ "networks": ["127.0.0.1/8"] }),
        json!({ "networks": "127.0.0.1" }),
        json!({ "scopes": [] }),
        json!({ "scopes": ["domains"] }),
        json!({ "domains": [] }),
        json!({ "description": 7 }),
    ] {
        let reply = ask(&app, &key, "POST /postroom/v1/keys", &bad);
        assert_eq!(code(&reply), (400, "invalid".to_owned()), "{bad}: {reply:?}");
    }
    for absent in ["foreign.example", "never.example", "?"] {
        let reply = ask(&app, &key, "POST /postroom/v1/keys", &json!({ "domains": [absent] }));
        assert_eq!(code(&reply), (404, "no_such_domain".to_owned()), "{absent}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM api_key"), before);
}

#[test]
fn a_key_of_some_domains_finds_lists_and_counts_those_alone() {
    let app = TestApp::new();
    let key = app.account("acme");
    let (one, two) = (app.domain(&key, "one.example"), app.domain(&key, "two.example"));
    let domains = Some(Some([DomainId::new(one)].into()));
    let narrow = app.limited_key(key.account, KeyRequest { domains, ..KeyRequest::default() });
    let names = |list: &Value| list.as_array().unwrap().iter().map(|d| d["url"].clone()).collect::<Vec<_>>();
    for sort in ["", "?sort=id", "?sort=name&direction=asc"] {
        let reply = app.call(&narrow, &format!("GET /api/v1/domains{sort}"));
        assert_eq!(names(&reply.json()), ["one.example"], "{sort}");
    }
    assert_eq!(app.call(&narrow, &format!("GET /api/v1/domains/{one}")).status, 200);
    assert_eq!(app.call(&narrow, &format!("GET /api/v1/domains/{two}")).status, 404);
    let field = [("X-API-Key", narrow.secret.as_str())];
    let listed = app.send("GET /inbound/v1/domains", &field, b"").json();
    assert_eq!((listed["total"].as_u64(), listed["domains"].as_array().unwrap().len()), (Some(1), 1));
    assert_eq!(app.send("GET /inbound/v1/domains/two.example", &field, b"").status, 404);
    // Neither may it make others, nor change what counts for all.
    let more = json!({ "domain": { "url": "three.example" } });
    assert_eq!(app.call_with(&narrow, "POST /api/v1/domains", &more).status, 403);
    let item = json!({ "item": "spam.example" });
    assert_eq!(ask(&app, &narrow, "POST /postroom/v1/lists/safelist", &item).status, 403);
    assert_eq!(ask(&app, &narrow, "POST /postroom/v1/domains/one.example/lists/safelist", &item).status, 201);
    // Its list does not grow when its domain goes.
    app.sql()
        .execute_batch(&format!("PRAGMA foreign_keys = ON; DELETE FROM domain WHERE id = {one}"))
        .unwrap();
    assert_eq!(app.call(&narrow, "GET /api/v1/domains").json(), json!([]));
}

#[test]
fn a_rotated_key_keeps_its_id_and_its_domains_and_the_old_secret_lives_for_the_grace() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "one.example");
    tie(&app, &key, id);
    let path = format!("GET /api/v1/domains/{id}");
    let first =
        made(&key, &ask(&app, &key, "POST /postroom/v1/keys/rotate", &json!({ "grace_minutes": 10 })));
    assert_eq!(first.id, key.id);
    for secret in [&key, &first] {
        assert_eq!(app.call(secret, &path).status, 200);
    }
    let again = ask(&app, &key, "POST /postroom/v1/keys/rotate", &json!({}));
    assert_eq!(code(&again), (409, "in_use".to_owned()), "a secret that was rotated away rotates nothing");
    // What it made would outlive it.
    let sibling = app.key_of(key.account);
    assert_eq!(code(&ask(&app, &key, "POST /postroom/v1/keys", &json!({}))), (409, "in_use".to_owned()));
    let revoked = bearer(&app, &key, &format!("DELETE /postroom/v1/keys/{}", sibling.id));
    assert_eq!(code(&revoked), (409, "in_use".to_owned()));
    app.clock.advance(Duration::from_mins(10));
    assert_eq!(app.call(&key, &path).status, 401);
    assert_eq!(app.call(&first, &path).status, 200);
    let second =
        made(&key, &ask(&app, &first, "POST /postroom/v1/keys/rotate", &json!({ "grace_minutes": 0 })));
    assert_eq!(app.call(&first, &path).status, 401);
    assert_eq!(app.call(&second, &path).status, 200);
    for bad in [json!(-1), json!(1.5), json!("10"), json!(43_201)] {
        let reply = ask(&app, &second, "POST /postroom/v1/keys/rotate", &json!({ "grace_minutes": bad }));
        assert_eq!(code(&reply).0, 400, "{bad}");
    }
    // What is revoked is so with both of its secrets.
    let longest = json!({ "grace_minutes": 43_200 });
    let third = made(&key, &ask(&app, &second, "POST /postroom/v1/keys/rotate", &longest));
    app.revoke(&third);
    assert_eq!([&second, &third].map(|secret| app.call(secret, &path).status), [401, 401]);
}

#[test]
fn a_key_is_revoked_by_another_of_its_account_and_not_by_itself_or_where_domains_are_tied() {
    let app = TestApp::new();
    let (key, stranger) = (app.account("acme"), app.account("other"));
    let (sibling, tied) = (app.key_of(key.account), app.key_of(key.account));
    let id = app.domain(&key, "one.example");
    tie(&app, &tied, id);
    let scopes = Some(KeyScopes::new([KeyScope::AccountWrite]));
    let limited = app.limited_key(key.account, KeyRequest { scopes, ..KeyRequest::default() });
    let revoke = |by: &Key, id: String| code(&bearer(&app, by, &format!("DELETE /postroom/v1/keys/{id}")));
    assert_eq!(revoke(&key, key.id.to_string()), (409, "in_use".to_owned()));
    assert_eq!(revoke(&key, tied.id.to_string()), (409, "in_use".to_owned()));
    for absent in ["99", "x", "-1", &stranger.id.to_string()] {
        assert_eq!(revoke(&key, absent.to_owned()), (404, "not_found".to_owned()), "{absent}");
    }
    assert_eq!(revoke(&limited, sibling.id.to_string()), (403, "denied".to_owned()), "it is wider");
    assert_eq!(revoke(&key, sibling.id.to_string()).0, 200);
    assert_eq!(revoke(&key, sibling.id.to_string()).0, 404);
    assert_eq!(bearer(&app, &sibling, "GET /postroom/v1/keys").status, 401);
    assert_eq!(app.call(&key, &format!("GET /api/v1/domains/{id}")).status, 404, "what is tied stays tied");
    // For the test of the shapes: DELETE /postroom/v1/keys/{id} is the route.
    assert_eq!(bearer(&app, &limited, "DELETE /postroom/v1/keys/{id}").status, 404);
}

#[test]
fn a_key_opens_nothing_from_another_network_and_is_not_taken_for_dead() {
    let app = TestApp::new().limited(100);
    let key = app.account("acme");
    let networks =
        |text: &str| KeyRequest { networks: Some(vec![text.parse().unwrap()]), ..KeyRequest::default() };
    let (here, elsewhere) = (
        app.limited_key(key.account, networks("127.0.0.1")),
        app.limited_key(key.account, networks("192.0.2.0/24")),
    );
    assert_eq!(bearer(&app, &here, "GET /postroom/v1/keys").status, 200);
    let refused = bearer(&app, &elsewhere, "GET /postroom/v1/keys");
    assert_eq!(code(&refused), (401, "credential_invalid".to_owned()));
    app.sql()
        .execute("UPDATE api_key SET networks = '127.0.0.0/8' WHERE id = ?1", [elsewhere.id.number()])
        .unwrap();
    assert_eq!(bearer(&app, &elsewhere, "GET /postroom/v1/keys").status, 200);
}

#[test]
fn a_login_link_of_a_key_that_has_expired_opens_nothing() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "one.example");
    let expires_at = Some(Some("2026-11-21T10:05:00Z".parse().unwrap()));
    let brief = app.limited_key(key.account, KeyRequest { expires_at, ..KeyRequest::default() });
    let field = [("X-API-Key", brief.secret.as_str())];
    let link = app.send("GET /inbound/v1/domains/one.example/login-link", &field, b"").json();
    let link = link["loginLink"].as_str().unwrap().to_owned();
    let opens = || app.send(&format!("GET {}", &link[link.find("/console").unwrap()..]), &[], b"").status;
    assert_eq!(opens(), 200);
    app.clock.advance(Duration::from_mins(5));
    assert_eq!(opens(), 404);
    assert_eq!(bearer(&app, &brief, "GET /postroom/v1/keys").status, 401);
}

#[test]
fn a_refusal_names_the_scope_or_the_network_that_was_wrong() {
    let app = TestApp::new();
    let key = app.account("acme");
    for (body, begins) in [
        (json!({"scopes": ["*:read", "domains"]}), "scopes is not usable: \"domains\": it is not a scope"),
        (json!({"networks": ["127.0.0.1", "127.0.0.1/8"]}), "networks is not usable: \"127.0.0.1/8\": "),
    ] {
        let told = ask(&app, &key, "POST /postroom/v1/keys", &body);
        let text = told.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(told.status == 400 && text.starts_with(begins), "{text}");
    }
}

#[test]
fn a_key_too_many_is_refused_with_409_and_a_revoked_one_makes_room() {
    let caps = postroom::cap::Caps { keys: 2, ..postroom::cap::Caps::default() };
    let settings = postroom::settings::Settings { caps, ..crate::harness::app::settings() };
    let app = TestApp::with(settings, 4);
    let key = app.account("acme");
    let make = || ask(&app, &key, "POST /postroom/v1/keys", &json!({}));
    let second = made(&key, &make());
    let refused = make();
    assert_eq!(code(&refused), (409, "limit_reached".to_owned()));
    assert!(refused.text().contains("limits.keys"), "{refused:?}");
    // A rotation makes no key, and other accounts have their own.
    assert_eq!(ask(&app, &second, "POST /postroom/v1/keys/rotate", &json!({})).status, 200);
    app.account("other");
    let revoke = format!("DELETE /postroom/v1/keys/{}", second.id);
    assert_eq!(ask(&app, &key, &revoke, &Value::Null).status, 200);
    assert_eq!(make().status, 201);
}

#[test]
fn a_key_that_has_expired_is_revoked_with_its_domains_tied_to_it() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "one.example");
    let soon = Some(Some(app.postroom.now() + Duration::from_mins(5)));
    let tied = app.limited_key(key.account, KeyRequest { expires_at: soon, ..KeyRequest::default() });
    tie(&app, &tied, id);
    let revoke = || bearer(&app, &key, &format!("DELETE /postroom/v1/keys/{}", tied.id)).status;
    assert_eq!(revoke(), 409);
    app.clock.advance(Duration::from_mins(5));
    assert_eq!(app.call(&key, &format!("GET /api/v1/domains/{id}")).status, 404, "nobody reaches it");
    assert_eq!(revoke(), 200);
    assert_eq!(app.call(&key, &format!("GET /api/v1/domains/{id}")).status, 200);
}

#[test]
fn a_time_of_expiry_that_cannot_be_kept_is_refused_with_the_last_one_that_can() {
    let app = TestApp::new();
    let key = app.account("acme");
    let make = |at: &str| ask(&app, &key, "POST /postroom/v1/keys", &json!({ "expires_at": at }));
    let refused = make("9999-12-31T23:59:59Z");
    assert!(refused.status == 400 && refused.text().contains("no later than 9999-12-30"), "{refused:?}");
    assert_eq!(make("9999-12-30").status, 201);
    assert_eq!(make("2027-01-01").json()["expires_at"], "2027-01-01T00:00:00.000Z");
}
