//! What every route answers alike: credentials, methods, unknown paths, look-ups at once, the server's own trouble.

use std::sync::Arc;

use postroom::secret::{PlainSecret, SecretKind};
use postroom_server::dialect::DIALECTS;
use serde_json::json;

use super::{DOMAIN, error, info, start};
use crate::harness::app::{TestApp, settings};
use crate::harness::held::Held;
use crate::harness::v2::{USER, V2_FIELD};

fn lines() -> Vec<String> {
    let lifecycle = DIALECTS.iter().find(|dialect| dialect.name == "lifecycle").unwrap();
    assert_eq!(lifecycle.routes.len(), 8);
    let fill = |path: &str| path.replace("{domain}", DOMAIN);
    lifecycle.routes.iter().map(|route| format!("{} {}", route.method, fill(route.path))).collect()
}

#[test]
fn no_key_is_401_missing() {
    let (app, key) = start();
    for line in lines() {
        app.send(&line, &[], b"").is(401, &error("x-api-key is missing"));
        app.send(&line, &[(V2_FIELD, " ")], b"").is(401, &error("x-api-key is missing"));
        for elsewhere in ["Authorization", "MailPace-Organization-Token", "api-key"] {
            app.send(&line, &[(elsewhere, &key.secret)], b"").is(401, &error("x-api-key is missing"));
        }
        let in_query = format!("{line}?api_key={0}&x-api-key={0}", key.secret);
        app.send(&in_query, &[], b"").is(401, &error("x-api-key is missing"));
    }
}

#[test]
fn a_key_that_opens_nothing_is_401_unknown_or_revoked() {
    let (app, key) = start();
    let (id, revoked) = (info(&app, &key, DOMAIN)["domain"]["id"].as_i64().unwrap(), app.key_of(key.account));
    let (_, token) = app.token(&key, id);
    app.revoke(&revoked);
    let unknown = PlainSecret::generate(SecretKind::AccountKey).unwrap();
    for secret in [unknown.reveal(), &revoked.secret, &token, &key.secret[1..], "YOUR_API_KEY", "kéy"] {
        for line in lines() {
            let reply = app.send(&line, &[(V2_FIELD, secret)], b"");
            reply.is(401, &error("x-api-key is unknown or revoked"));
        }
    }
}

#[test]
fn the_key_counts_before_the_input() {
    let app = TestApp::new();
    let headers = [("Content-Type", "text/plain")];
    for line in lines() {
        app.send(&line, &headers, b"\xff").is(401, &error("x-api-key is missing"));
    }
}

#[test]
fn the_name_of_the_field_is_read_in_any_case() {
    let (app, key) = start();
    let line = format!("GET /v2/domains/{DOMAIN}/info?user_id={USER}");
    for name in ["x-api-key", "X-API-Key", "X-Api-Key"] {
        assert_eq!(app.send(&line, &[(name, &key.secret)], b"").status, 200);
    }
}

#[test]
fn an_unknown_path_is_404_in_the_dialects_shape() {
    let (app, key) = start();
    for line in [
        "GET /v2/domain/customer.com",
        "GET /v2/domains/customer.com",
        "GET /v2/domains/customer.com/dns/mark/1",
        "GET /v2/domains//info",
        "GET /v2/domains/a/b/info",
        "GET /v2/unknown",
        "POST /v2/domains/customer.com/verify",
    ] {
        app.v2(&key, line).is(404, &error("there is no such route"));
    }
}

#[test]
fn another_method_is_405_with_allow() {
    let (app, key) = start();
    for (path, allowed) in [
        ("/v2/domain", "POST"),
        ("/v2/domains", "GET, HEAD"),
        ("/v2/domains/delete", "POST"),
        ("/v2/domains/customer.com/info", "GET, HEAD"),
        ("/v2/domains/customer.com/dns", "GET, HEAD"),
        ("/v2/domains/customer.com/route", "PUT"),
        ("/v2/domains/customer.com/dns/mark", "POST"),
        ("/v2/domains/customer.com/dns/verify", "POST"),
    ] {
        for method in ["DELETE", "PATCH", "OPTIONS"] {
            let reply = app.v2(&key, &format!("{method} {path}"));
            assert_eq!((reply.status, reply.header("allow")), (405, Some(allowed)), "{method} {path}");
            assert!(reply.json()["error"].is_string());
        }
    }
}

#[test]
fn a_last_slash_makes_no_difference() {
    let (app, key) = start();
    let (plain, slash) = (
        app.v2(&key, &format!("GET /v2/domains/{DOMAIN}/info?user_id={USER}")),
        app.v2(&key, &format!("GET /v2/domains/{DOMAIN}/info/?user_id={USER}")),
    );
    assert_eq!(plain.visible(), slash.visible());
    assert_eq!(plain.status, 200);
}

#[test]
fn an_accounts_fifth_look_up_at_once_is_429_with_retry_after_in_both_routes_that_look() {
    let held = Arc::new(Held::default());
    let app = TestApp::asking(held.clone(), Arc::default(), settings(), 2);
    let key = app.account("acme");
    app.v2_domain(&key, DOMAIN, USER);
    let body = json!({"user_id": USER});
    let (verify, route) =
        (format!("POST /v2/domains/{DOMAIN}/dns/verify"), format!("PUT /v2/domains/{DOMAIN}/route"));
    std::thread::scope(|scope| {
        let running: Vec<_> =
            (0..4).map(|_| scope.spawn(|| app.v2_with(&key, &verify, &body).status)).collect();
        held.wait_for(4);
        for line in [&verify, &route] {
            let refused = app.v2_with(&key, line, &body);
            refused.is(429, &error("too many at once; try again in 1 s"));
            assert_eq!(refused.header("retry-after"), Some("1"));
        }
        assert_eq!(info(&app, &key, DOMAIN)["domain"]["status"], "pending", "what does not look is let in");
        held.release();
        assert!(running.into_iter().all(|thread| thread.join().unwrap() == 200));
    });
    assert_eq!(app.v2_with(&key, &route, &body).status, 200, "the places are given back");
}

#[test]
fn the_servers_own_trouble_is_500_and_tells_nothing_of_its_inside() {
    let (app, key) = start();
    app.sql().execute_batch("ALTER TABLE record RENAME TO gone").unwrap();
    let reply = app.v2(&key, &format!("GET /v2/domains/{DOMAIN}/info?user_id={USER}"));
    assert_eq!(reply.status, 500);
    let text = reply.json()["error"].as_str().unwrap().to_lowercase();
    assert!(text.contains("x-request-id"), "{text}");
    for inner in ["sql", "table", "record", "no such"] {
        assert!(!text.contains(inner), "{text}");
    }
}
