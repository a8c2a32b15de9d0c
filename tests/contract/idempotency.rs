//! `Idempotency-Key`, over every POST route that needs an API key, made from the route tables as the isolation matrix is.

use std::sync::Arc;
use std::time::Duration;

use postroom_server::wire::{Auth, Route, Surface};
use serde_json::{Value, json};

use super::isolation::{Target, USER, World, routes, target};
use crate::harness::app::{KEY_FIELD, Key, Reply, TestApp, settings};
use crate::harness::held::Held;

const FIELD: &str = "Idempotency-Key";

/// The POST routes that need an API key, each with a world, and a request that its owner makes there.
fn posts() -> impl Iterator<Item = (&'static Surface, &'static Route, World, Target)> {
    // A page takes a session, and no key.
    let with_key =
        |surface: &Surface, route: &Route| !route.is_open() && !matches!(surface.auth, Auth::Session { .. });
    routes().filter(move |(surface, route)| route.method == "POST" && with_key(surface, route)).map(|(dialect, route)| {
        let world = World::new(true);
        let mut asked = target(dialect, route, world.victim, USER);
        // What a thief asks for is there already; the owner asks for what is new.
        let body = match (dialect.name, route.path) {
            ("mailpace", "/api/v1/domains") => json!({ "domain": { "url": "fresh.example" } }),
            ("lifecycle", "/v2/domain") => json!({ "domain": "fresh.example", "user_id": USER }),
            ("mailgun", "/v1/dkim/keys") => {
                json!({ "signing_domain": world.victim.name, "selector": "fresh" })
            }
            ("mailchannels", "/inbound/v1/domains") => {
                json!({ "domain": "fresh.example", "subscriptionHandle": "default" })
            }
            ("mailchannels", "/inbound/v1/lists/{listname}") => json!({ "item": "fresh.example" }),
            ("mailchannels", "/inbound/v1/report") => {
                json!({ "messageContent": "From: a@b.example\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\nx" })
            }
            ("native", "/postroom/v1/keys" | "/postroom/v1/keys/rotate") => json!({}),
            _ => Value::Null,
        };
        if !body.is_null() {
            asked.body = body.to_string();
        }
        (dialect, route, world, asked)
    })
}

/// How a dialect says that an input will not do.
fn bad_input(dialect: &Surface, reply: &Reply) -> bool {
    let status = if dialect.name == "mailpace" { 422 } else { 400 };
    reply.status == status && reply.text().contains(FIELD) && reply.json().is_object()
}

/// A request with a JSON body and an idempotency key.
fn call(app: &TestApp, key: &Key, line: &str, idempotency_key: &str, body: &Value) -> Reply {
    let headers =
        [(KEY_FIELD, key.secret.as_str()), ("Content-Type", "application/json"), (FIELD, idempotency_key)];
    app.send(line, &headers, body.to_string().as_bytes())
}

fn domain(name: &str) -> Value {
    json!({ "domain": { "url": name } })
}

#[test]
fn a_repeat_of_any_post_is_answered_to_the_byte_as_the_first_was_and_changes_nothing() {
    let mut done = 0;
    for (dialect, route, world, asked) in posts() {
        let send = |asked: &Target, key: &str| {
            let secret = Some(world.owner.secret.as_str());
            world.send_with(dialect, "POST", asked, secret, &[(FIELD, key)])
        };
        let told = format!("{} {}", dialect.name, asked.path);
        let first = send(&asked, "one");
        done += usize::from(first.status < 300);
        assert!(first.status < 300 || [400, 409, 422].contains(&first.status), "{told}: {first:?}");
        let after = world.app.dump();
        assert_eq!(after["idempotency"].len(), 1, "{told}");
        world.app.clock.advance(Duration::from_secs(1));
        let repeat = send(&asked, "one");
        assert_eq!(repeat.visible(), first.visible(), "{told}");
        assert_ne!(repeat.header("x-request-id"), first.header("x-request-id"), "{told}: an id of its own");
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let slash = Target { path: format!("{path}/?{query}"), body: asked.body.clone() };
        let slash = if query.is_empty() { Target { path: format!("{path}/"), ..slash } } else { slash };
        assert_eq!(send(&slash, "one").visible(), first.visible(), "{told}");
        for other in [
            Target { path: asked.path.clone(), body: format!("{} ", asked.body) },
            Target { path: asked.path.clone(), body: String::new() },
            Target { path: format!("{path}?{query}&a=b"), body: asked.body.clone() },
        ] {
            let refused = send(&other, "one");
            assert!(bad_input(dialect, &refused), "{told}: {refused:?}");
        }
        for key in ["", &"k".repeat(256), "a\tb"] {
            let refused = send(&asked, key);
            assert!(bad_input(dialect, &refused), "{told}, {key:?}: {refused:?}");
        }
        let twice = [(FIELD, "one"), (FIELD, "one")];
        let twice = world.send_with(dialect, "POST", &asked, Some(&world.owner.secret), &twice);
        assert!(bad_input(dialect, &twice), "{told}: {twice:?}");
        assert_eq!(world.app.dump(), after, "{told}");
        // Under another key it is another request.
        send(&asked, &"k".repeat(255));
        assert_eq!(world.app.dump()["idempotency"].len(), 2, "{told}");
        assert!(routes().any(|(_, other)| std::ptr::eq(other, route)));
    }
    assert!(done >= 10, "most of the requests do something: {done}");
}

#[test]
fn a_key_counts_for_one_api_key_and_one_path() {
    let app = TestApp::new();
    let acme = app.account("acme");
    let (sibling, other) = (app.key_of(acme.account), app.account("other"));
    let (one, two) = (app.domain(&acme, "one.example"), app.domain(&acme, "two.example"));
    let token = |key: &Key, id: i64| {
        let reply = call(&app, key, &format!("POST /api/v1/domains/{id}/api_tokens"), "k", &json!({}));
        (reply.status, reply.json()["token"].clone())
    };
    let first = token(&acme, one);
    assert_eq!(first.0, 201);
    assert_eq!(token(&acme, one), first);
    let another_path = token(&acme, two);
    let another_key = token(&sibling, one);
    assert!(another_path.0 == 201 && another_key.0 == 201);
    assert!(first != another_path && first != another_key && another_path != another_key);
    assert_eq!(token(&other, one).0, 404, "who may not see the domain sees no answer about it");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain_token"), 3);
}

#[test]
fn a_secret_in_an_answer_is_kept_sealed_alone() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let line = format!("POST /api/v1/domains/{id}/api_tokens");
    let secret = call(&app, &key, &line, "the-clients-own-name", &json!({})).json()["token"].clone();
    let secret = secret.as_str().unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM idempotency"), 1);
    let file = app.file();
    for file in [file.clone(), file.with_extension("db-wal")] {
        let octets = std::fs::read(&file).unwrap();
        for text in [secret, "the-clients-own-name"] {
            let found = octets.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{text} stands in {}", file.display());
        }
    }
}

#[test]
fn an_answer_is_kept_for_a_day_and_then_forgotten() {
    let app = TestApp::new();
    let key = app.account("acme");
    let make = || call(&app, &key, "POST /api/v1/domains", "k", &domain("example.com")).status;
    assert_eq!(make(), 201);
    app.clock.advance(Duration::from_millis(24 * 3_600_000 - 1));
    app.app.forget().unwrap();
    assert_eq!(make(), 201);
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(make(), 422, "it is done again, and the name is taken");
    assert_eq!(make(), 422);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM idempotency"), 1);
    // More than one transaction's worth.
    app.sql()
        .execute_batch(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1200)
             INSERT INTO idempotency (api_key_id, name, content, answer, expires_at)
             SELECT 1, randomblob(32), randomblob(32), randomblob(99), 0 FROM n",
        )
        .unwrap();
    app.app.forget().unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM idempotency"), 1);
    app.advance(24);
    app.app.forget().unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM idempotency"), 0);
}

#[test]
fn a_repeat_while_the_first_is_being_answered_is_409() {
    let held = Arc::new(Held::default());
    let app = TestApp::asking(held.clone(), Arc::default(), settings(), 2);
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let verify = || call(&app, &key, &format!("POST /api/v1/domains/{id}/verify"), "k", &json!({}));
    std::thread::scope(|scope| {
        let first = scope.spawn(verify);
        held.wait_for(1);
        let text = "a request with this Idempotency-Key is being answered; ask again when it is done";
        verify().is(409, &json!({ "error": text }));
        held.release();
        let first = first.join().unwrap();
        assert_eq!(first.status, 200);
        assert_eq!(verify().visible(), first.visible());
    });
}

#[test]
fn of_many_at_once_one_is_done() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let line = format!("POST /api/v1/domains/{id}/api_tokens");
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..12).map(|_| scope.spawn(|| call(&app, &key, &line, "k", &json!({})))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let tokens: Vec<Value> = replies
        .iter()
        .filter(|reply| reply.status == 201)
        .map(|reply| reply.json()["token"].clone())
        .collect();
    assert!(!tokens.is_empty() && tokens.iter().all(|token| *token == tokens[0]));
    assert!(replies.iter().all(|reply| [201, 409].contains(&reply.status)));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain_token"), 1);
}

#[test]
fn what_is_done_and_its_answer_are_kept_together_or_not_at_all() {
    let app = TestApp::new();
    let key = app.account("acme");
    let make = || call(&app, &key, "POST /api/v1/domains", "k", &domain("example.com")).status;
    app.sql().execute_batch("ALTER TABLE idempotency RENAME COLUMN answer TO gone").unwrap();
    // The look-up fails as well.
    assert_eq!(make(), 500);
    app.sql().execute_batch("ALTER TABLE idempotency RENAME COLUMN gone TO answer").unwrap();
    app.sql()
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT, 'no room'); END",
        )
        .unwrap();
    assert_eq!(make(), 500);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain"), 0, "what is not acknowledged is not done");
    app.sql().execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(make(), 201, "the server's own trouble is not kept");
    assert_eq!(make(), 201);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain"), 1);
}

#[test]
fn a_key_of_the_first_answer_does_not_outlive_its_api_key() {
    let app = TestApp::new();
    let key = app.account("acme");
    let make = || call(&app, &key, "POST /api/v1/domains", "k", &domain("example.com")).status;
    assert_eq!(make(), 201);
    app.revoke(&key);
    assert_eq!(make(), 401);
}

#[test]
fn other_methods_take_no_notice_of_it() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let line = |method: &str| format!("{method} /api/v1/domains/{id}");
    for idempotency_key in ["k", "k", ""] {
        let changed = |name: &str| {
            call(&app, &key, &line("PATCH"), idempotency_key, &json!({ "domain": { "name": name } }))
        };
        assert_eq!(changed("a").json()["name"], "a");
        assert_eq!(changed("b").json()["name"], "b");
        assert_eq!(call(&app, &key, &line("GET"), idempotency_key, &Value::Null).json()["name"], "b");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM idempotency"), 0);
}

#[test]
fn a_replayed_answer_never_shows_a_secret_that_was_revoked_since() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    // A token.
    let line = format!("POST /api/v1/domains/{id}/api_tokens");
    let made = call(&app, &key, &line, "token", &json!({}));
    assert_eq!(call(&app, &key, &line, "token", &json!({})).visible(), made.visible());
    let token = made.json();
    assert_eq!(app.call(&key, &format!("DELETE {}/{}", &line[5..], token["id"])).status, 200);
    let refused = |reply: &Reply, secret: &Value| {
        assert!([400, 422].contains(&reply.status), "{reply:?}");
        let text = reply.text();
        assert!(!text.contains(secret.as_str().unwrap()) && text.contains("secret"), "{text}");
    };
    refused(&call(&app, &key, &line, "token", &json!({})), &token["token"]);
    // An API key, revoked and rotated away.
    let bearer = |line: &str, name: &str, body: &Value| {
        let field = format!("Bearer {}", key.secret);
        let headers =
            [("Authorization", field.as_str()), ("Content-Type", "application/json"), (FIELD, name)];
        app.send(line, &headers, body.to_string().as_bytes())
    };
    let another = || bearer("POST /postroom/v1/keys", "key", &json!({}));
    let made = another();
    assert_eq!(another().visible(), made.visible());
    let made = made.json();
    assert_eq!(bearer(&format!("DELETE /postroom/v1/keys/{}", made["id"]), "-", &json!({})).status, 200);
    refused(&another(), &made["api_key"]);
    // Login links: one that was used, among others that were not.
    let name = json!({ "domains": [{ "domain": "example.com" }, { "domain": "example.com" }] });
    let links = || {
        let headers =
            [("X-API-Key", key.secret.as_str()), ("Content-Type", "application/json"), (FIELD, "links")];
        app.send("POST /inbound/v1/domains/batch/login-link", &headers, name.to_string().as_bytes())
    };
    let first = links();
    assert_eq!((first.status, links().visible()), (200, first.visible()));
    assert!(first.text().contains("prl_"), "{}", first.text());
    app.sql().execute_batch("DELETE FROM login_link WHERE id = (SELECT min(id) FROM login_link)").unwrap();
    assert!(links().status == 400 && !links().text().contains("prl_"), "{:?}", links());
}
