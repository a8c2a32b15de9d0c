//! What holds of every surface, whatever it is: made from the table of them, so that a new one is in it without a word here.

use postroom_server::app::SURFACES;
use postroom_server::wire::http::BodyFault;
use postroom_server::wire::{Auth, Surface};
use serde_json::Value;

use super::isolation::{USER, World, routes, target};
use crate::harness::app::{KEY_FIELD, Key, Reply, TestApp, basic, credential};

/// The shape of what goes wrong, as far as one surface differs from another.
fn shape(reply: &Reply) -> String {
    if reply.header("content-type") == Some("text/html; charset=utf-8") {
        assert!(reply.text().starts_with("<!DOCTYPE html>") && reply.text().contains("<h1>"), "{reply:?}");
        return "page".to_owned();
    }
    let body = reply.json();
    match body.as_object().map(|object| object.keys().map(String::as_str).collect::<Vec<_>>()) {
        Some(keys) if keys == ["error"] && body["error"].is_object() => "error with a code".to_owned(),
        Some(keys) => keys.join(" "),
        None => panic!("{reply:?}"),
    }
}

fn expected_shape(surface: &Surface) -> &'static str {
    match surface.name {
        "mailpace" | "lifecycle" | "health" | "openapi" => "error",
        "mailgun" => "message",
        "mailchannels" => "code message errors",
        "native" => "error with a code",
        "console" => "page",
        other => panic!("say here in which shape the surface {other} tells what went wrong"),
    }
}

/// What opens the account of this key at a surface: the key itself, or a session of the account's administrator.
fn secret(app: &TestApp, auth: Auth, key: &Key) -> String {
    if matches!(auth, Auth::Session { .. }) { app.session(key.account) } else { key.secret.clone() }
}

fn send(app: &TestApp, surface: &Surface, key: &Key, line: &str, more: &[(&str, &str)]) -> Reply {
    let field = credential(surface.auth, &secret(app, surface.auth, key));
    let mut headers: Vec<(&str, &str)> = field.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.extend(more);
    app.send(line, &headers, b"")
}

#[test]
fn an_unknown_path_or_method_below_a_prefix_is_answered_in_the_surfaces_shape() {
    let app = TestApp::new();
    let key = app.account("acme");
    for surface in SURFACES {
        for prefix in surface.prefixes.iter().filter(|prefix| **prefix != "/") {
            for path in [format!("{prefix}/no/such"), format!("{prefix}/no/such/"), format!("{prefix}/%FF")] {
                let reply = send(&app, surface, &key, &format!("GET {path}"), &[]);
                assert_eq!((reply.status, shape(&reply).as_str()), (404, expected_shape(surface)), "{path}");
            }
        }
        for route in surface.routes {
            let reply = send(&app, surface, &key, &format!("BREW {}", route.path), &[]);
            assert_eq!((reply.status, shape(&reply).as_str()), (405, expected_shape(surface)));
            assert!(reply.header("allow").unwrap().contains(route.method.as_str()), "{}", route.path);
        }
    }
    for line in ["GET /nowhere", "GET //nowhere", "GET /healthzz", "POST /v2domain"] {
        let reply = app.send(line, &[], b"");
        assert_eq!((reply.status, shape(&reply).as_str()), (404, "error"), "{line}");
    }
}

#[test]
fn an_encoded_body_is_415_and_the_answer_says_that_none_is_taken() {
    let app = TestApp::new();
    let key = app.account("acme");
    for (line, field) in [
        ("POST /api/v1/domains", ("MailPace-Organization-Token", key.secret.clone())),
        ("POST /v2/domain", ("x-api-key", key.secret.clone())),
        ("POST /v1/dkim/keys", ("Authorization", basic("api", &key.secret))),
        ("POST /inbound/v1/domains", ("X-API-Key", key.secret.clone())),
        ("POST /postroom/v1/claims", ("Authorization", format!("Bearer {}", key.secret))),
    ] {
        let encoded = |coding: &str| {
            let headers = [
                (field.0, field.1.as_str()),
                ("Content-Type", "application/json"),
                ("Content-Encoding", coding),
            ];
            app.send(line, &headers, b"{}")
        };
        let refused = encoded("gzip");
        assert_eq!((refused.status, refused.header("accept-encoding")), (415, Some("identity")), "{line}");
        assert_ne!(encoded("identity").status, 415, "{line}");
    }
}

#[test]
fn every_answer_is_kept_by_no_cache_and_is_of_the_type_that_it_says() {
    #[track_caller]
    fn is_guarded(reply: &Reply, told: &str) {
        if reply.status == 200 && told.contains("/console/assets/") {
            let cached = "public, max-age=31536000, immutable";
            assert_eq!(reply.header("cache-control"), Some(cached), "its address has its version in it");
            return;
        }
        let fields = ["cache-control", "x-content-type-options"].map(|name| {
            let all: Vec<_> =
                reply.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
            all.join(", ")
        });
        assert_eq!(fields, ["no-store", "nosniff"], "{told}: {reply:?}");
    }
    for (surface, route) in routes() {
        let world = World::new(true);
        let asked = target(surface, route, world.victim, USER);
        let told = format!("{} {}", route.method, asked.path);
        for secret in [Some(world.owner.secret.as_str()), Some("garbage"), None] {
            let field = [("Idempotency-Key", "k")];
            for more in [&[][..], &field, &field] {
                is_guarded(&world.send_with(surface, route.method.as_str(), &asked, secret, more), &told);
            }
        }
        let line = format!("{} {}", route.method, asked.path);
        is_guarded(&world.app.send_body(&line, &[], Err(BodyFault::TooLarge)), &told);
        is_guarded(&world.app.send(&format!("BREW {}", asked.path), &[], b""), &told);
    }
    let app = TestApp::new();
    is_guarded(&app.send("GET /nowhere", &[], b""), "nowhere");
    app.postroom.close();
    for surface in SURFACES {
        is_guarded(&app.send(&format!("GET {}", surface.routes[0].path), &[], b""), surface.name);
    }
}

#[test]
fn two_credentials_in_one_request_are_400() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    let mut seen = 0;
    for (surface, route) in routes().filter(|(_, route)| !route.is_open()) {
        let line = format!("{} {}", route.method, route.path);
        let twice = |name: &str, value: &str| {
            let reply = send(&app, surface, &key, &line, &[(name, value)]);
            assert_eq!(
                (reply.status, shape(&reply).as_str()),
                (400, expected_shape(surface)),
                "{line}, {name}"
            );
        };
        let (name, value) = credential(surface.auth, &secret(&app, surface.auth, &other)).unwrap();
        twice(name, &value);
        twice(name, "garbage");
        for elsewhere in SURFACES {
            let Some((field, value)) = credential(elsewhere.auth, &secret(&app, elsewhere.auth, &other))
            else {
                continue;
            };
            if field != name {
                twice(field, &value);
                seen += 1;
                // One key in two places is one credential. A session is never a key.
                if [surface.auth, elsewhere.auth].iter().any(|auth| matches!(auth, Auth::Session { .. })) {
                    continue;
                }
                let (_, same) = credential(elsewhere.auth, &key.secret).unwrap();
                let reply = send(&app, surface, &key, &line, &[(field, &same)]);
                assert!(!reply.text().contains("more than one credential"), "{line}: {reply:?}");
            }
        }
        // What a proxy asks of those behind it is none of ours.
        if name != "Authorization" {
            let reply = send(&app, surface, &key, &line, &[("Authorization", &basic("jo", "letmein"))]);
            assert!(!reply.text().contains("more than one credential"), "{line}: {reply:?}");
        }
    }
    assert!(seen > 100, "each surface has others: {seen}");
}

#[test]
fn two_credentials_count_as_a_failed_authentication_and_never_as_a_request() {
    let app = TestApp::new().limited(1);
    let (key, other) = (app.account("acme"), app.account("other"));
    let both = [(KEY_FIELD, key.secret.as_str()), ("x-api-key", &other.secret)];
    for _ in 0..10 {
        assert_eq!(app.send("GET /api/v1/domains", &both, b"").status, 400);
    }
    assert_eq!(app.send("GET /api/v1/domains", &both, b"").status, 429);
    assert_eq!(app.call(&key, "GET /api/v1/domains").status, 200);
}

#[test]
fn what_another_sites_page_sends_is_refused_where_a_browser_adds_the_credential_by_itself() {
    let mut refused = 0;
    for (surface, route) in routes() {
        let by_itself = matches!(surface.auth, Auth::Basic { .. } | Auth::Session { .. });
        let world = World::new(true);
        let asked = target(surface, route, world.victim, USER);
        let before = world.app.dump();
        let from = |site| {
            let field = [("Sec-Fetch-Site", site)];
            world.send_with(surface, route.method.as_str(), &asked, Some(&world.owner.secret), &field)
        };
        let told = format!("{} {}", route.method, asked.path);
        if by_itself && route.method != "GET" {
            let reply = from("cross-site");
            assert_eq!((reply.status, shape(&reply).as_str()), (403, expected_shape(surface)), "{told}");
            assert_eq!(world.app.dump(), before, "{told}");
            refused += 1;
        } else {
            assert_ne!(from("cross-site").status, 403, "{told}");
        }
        assert_ne!(from("same-origin").status, 403, "{told}");
        assert_ne!(from("none").status, 403, "{told}");
    }
    assert!(refused >= 10, "Mailgun's routes and the console's forms: {refused}");
}

#[test]
fn a_surface_with_open_routes_counts_the_links_that_it_refuses() {
    let app = TestApp::new().limited(100);
    let ask = || app.send("GET /console/login?link=garbage", &[], b"");
    for _ in 0..10 {
        assert_eq!(ask().status, 404);
    }
    let late = ask();
    assert_eq!((late.status, late.header("retry-after")), (429, Some("1")));
    assert!(late.text().contains("Too many requests"), "{}", late.text());
    assert_eq!(app.send("GET /healthz", &[], b"").json(), serde_json::json!({ "status": "ok" }));
    let found: Value = app.call(&app.account("acme"), "GET /api/v1/domains").json();
    assert_eq!(found, serde_json::json!([]), "a key that opens something goes on");
}
