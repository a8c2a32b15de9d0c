//! What every route answers alike: credentials, methods, unknown paths, limits, request ids.

use std::collections::HashSet;
use std::sync::Arc;

use postroom::secret::{PlainSecret, SecretKind};
use postroom_server::dialect::DIALECTS;
use postroom_server::wire::http::BodyFault;
use serde_json::json;

use crate::harness::app::{KEY_FIELD, Key, TestApp, settings};
use crate::harness::held::Held;

/// Every route of the dialect with ids that name nothing.
fn lines() -> Vec<String> {
    let mailpace = DIALECTS.iter().find(|dialect| dialect.name == "mailpace").unwrap();
    let fill = |path: &str| path.replace("{id}", "7").replace("{token_id}", "7");
    mailpace.routes.iter().map(|route| format!("{} {}", route.method, fill(route.path))).collect()
}

#[test]
fn no_key_is_401_missing_api_token() {
    let app = TestApp::new();
    app.account("acme");
    for line in lines() {
        app.send(&line, &[], b"").is(401, &json!({"error": "Missing API Token"}));
        for empty in ["", "   "] {
            app.send(&line, &[(KEY_FIELD, empty)], b"").is(401, &json!({"error": "Missing API Token"}));
        }
        let elsewhere = [("Authorization", "Bearer x"), ("X-Api-Key", "x")];
        app.send(&line, &elsewhere, b"").is(401, &json!({"error": "Missing API Token"}));
    }
}

#[test]
fn a_key_that_opens_nothing_is_401_invalid_api_token() {
    let app = TestApp::new();
    let key = app.account("acme");
    let unknown = PlainSecret::generate(SecretKind::AccountKey).unwrap();
    let revoked = app.key_of(key.account);
    app.revoke(&revoked);
    let other_kind = PlainSecret::generate(SecretKind::DomainToken).unwrap();
    let mut mistyped = key.secret.clone();
    let last = if mistyped.pop() == Some('0') { '1' } else { '0' };
    mistyped.push(last);
    for secret in [
        unknown.reveal(),
        &revoked.secret,
        other_kind.reveal(),
        &mistyped,
        &key.secret[..36],
        &format!("{}0", key.secret),
        &key.secret.to_lowercase(),
        &format!("Bearer {}", key.secret),
        "pra_",
        "garbage",
        &"a".repeat(10_000),
    ] {
        for line in lines() {
            let reply = app.send(&line, &[(KEY_FIELD, secret)], b"");
            reply.is(401, &json!({"error": "Invalid API Token"}));
        }
    }
}

#[test]
fn a_key_that_is_no_text_is_401_invalid_api_token() {
    let app = TestApp::new();
    let reply = app.send("GET /api/v1/domains", &[(KEY_FIELD, "kéy")], b"");
    reply.is(401, &json!({"error": "Invalid API Token"}));
}

#[test]
fn a_malformed_key_is_refused_without_a_look_at_the_database() {
    let app = TestApp::new();
    let key = app.account("acme");
    // From here on a look at the database fails.
    app.sql()
        .execute_batch("ALTER TABLE domain_token RENAME TO tokens; ALTER TABLE api_key RENAME TO gone")
        .unwrap();
    let reply = app.send("GET /api/v1/domains", &[(KEY_FIELD, &key.secret)], b"");
    assert_eq!(reply.status, 500, "a well-formed one is looked up");
    for malformed in ["garbage", &key.secret[..36], &format!("{}x", &key.secret[..36])] {
        if malformed != key.secret {
            let reply = app.send("GET /api/v1/domains", &[(KEY_FIELD, malformed)], b"");
            reply.is(401, &json!({"error": "Invalid API Token"}));
        }
    }
}

#[test]
fn what_the_database_says_stays_inside() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.sql().execute_batch("ALTER TABLE domain RENAME TO gone").unwrap();
    let reply = app.call(&key, "GET /api/v1/domains");
    assert_eq!(reply.status, 500);
    let text = reply.json()["error"].as_str().unwrap().to_lowercase();
    assert!(text.contains("x-request-id"), "{text}");
    for inner in ["sql", "table", "domain", "column", "no such"] {
        assert!(!text.contains(inner), "{text}");
    }
}

#[test]
fn the_name_of_the_key_field_is_read_in_any_case_and_has_an_alias() {
    let app = TestApp::new();
    let key = app.account("acme");
    for name in [
        "MailPace-Organization-Token",
        "mailpace-organization-token",
        "MAILPACE-ORGANIZATION-TOKEN",
        "MailPace-Server-Token",
        "mailpace-server-token",
    ] {
        app.send("GET /api/v1/domains", &[(name, &key.secret)], b"").is(200, &json!([]));
    }
    let padded = format!(" {} ", key.secret);
    app.send("GET /api/v1/domains", &[(KEY_FIELD, &padded)], b"").is(200, &json!([]));
}

#[test]
fn the_organization_token_counts_before_its_alias() {
    let app = TestApp::new();
    let key = app.account("acme");
    let both = [("MailPace-Server-Token", key.secret.as_str()), ("MailPace-Organization-Token", "garbage")];
    app.send("GET /api/v1/domains", &both, b"").is(401, &json!({"error": "Invalid API Token"}));
    let text = "the request carries more than one credential; send one";
    for other in ["garbage", &app.account("other").secret] {
        let both = [("MailPace-Server-Token", other), ("MailPace-Organization-Token", &key.secret)];
        app.send("GET /api/v1/domains", &both, b"").is(400, &json!({ "error": text }));
    }
    let same = [("MailPace-Server-Token", &*key.secret), ("MailPace-Organization-Token", &key.secret)];
    app.send("GET /api/v1/domains", &same, b"").is(200, &json!([]));
}

#[test]
fn a_revoked_key_opens_nothing_from_that_moment() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    assert_eq!(app.call(&key, &format!("GET /api/v1/domains/{id}")).status, 200);
    app.revoke(&key);
    let reply = app.call(&key, &format!("GET /api/v1/domains/{id}"));
    reply.is(401, &json!({"error": "Invalid API Token"}));
}

#[test]
fn the_last_use_of_a_key_is_written_down_later() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.advance(1);
    app.call(&key, "GET /api/v1/domains");
    let last_use = || app.value::<Option<i64>>("SELECT last_used_at FROM api_key");
    assert_eq!(last_use(), None, "a request that reads writes nothing");
    app.app.note_uses().unwrap();
    assert_eq!(last_use(), Some(app.postroom.now().millis()));
}

#[test]
fn an_unknown_path_is_404_in_the_dialects_shape() {
    let app = TestApp::new();
    let key = app.account("acme");
    for line in [
        "GET /api/v1",
        "GET /api/v1/",
        "GET /api/v1/domain",
        "GET /api/v1/domains//",
        "GET /api/v1/domains/1/unknown",
        "GET /api/v1/domains/1/api_tokens/1/x",
        "GET /API/V1/DOMAINS",
        "POST /api/v2/domains",
    ] {
        let reply = app.call(&key, line);
        assert_eq!(reply.status, 404, "{line}");
        assert!(reply.json()["error"].is_string(), "{line}");
    }
    app.call(&key, "GET /api/v1/unknown").is(404, &json!({"error": "Not Found"}));
}

#[test]
fn another_method_is_405_with_allow() {
    let app = TestApp::new();
    let key = app.account("acme");
    for (path, allowed) in [
        ("/api/v1/domains", &["GET", "POST"][..]),
        ("/api/v1/domains/7", &["GET", "PATCH"]),
        ("/api/v1/domains/7/verify", &["POST"]),
        ("/api/v1/domains/7/api_tokens", &["GET", "POST"]),
        ("/api/v1/domains/7/api_tokens/7", &["DELETE", "GET", "PATCH"]),
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let reply = app.call(&key, &format!("{method} {path}"));
            if allowed.contains(&method) {
                assert_ne!(reply.status, 405, "{method} {path}");
                continue;
            }
            assert_eq!(reply.status, 405, "{method} {path}");
            let mut named: Vec<&str> = reply.header("allow").unwrap().split(", ").collect();
            named.retain(|method| *method != "HEAD");
            named.sort_unstable();
            assert_eq!(named, allowed, "{method} {path}");
            assert!(reply.json()["error"].is_string());
        }
    }
}

#[test]
fn head_answers_as_get_does() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    for path in
        ["/api/v1/domains".to_owned(), format!("/api/v1/domains/{id}"), "/api/v1/domains/9".to_owned()]
    {
        let (get, head) = (app.call(&key, &format!("GET {path}")), app.call(&key, &format!("HEAD {path}")));
        assert_eq!((head.status, head.visible().1), (get.status, get.visible().1), "{path}");
    }
    assert_eq!(app.call(&key, &format!("HEAD /api/v1/domains/{id}/verify")).status, 405);
}

#[test]
fn a_slash_at_the_end_of_a_path_changes_nothing() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    for path in ["/api/v1/domains".to_owned(), format!("/api/v1/domains/{id}/api_tokens")] {
        let (without, with) =
            (app.call(&key, &format!("GET {path}")), app.call(&key, &format!("GET {path}/")));
        assert_eq!(with.visible(), without.visible());
        assert_eq!(with.status, 200);
    }
}

#[test]
fn a_body_that_is_too_large_is_413_and_changes_nothing() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let before = app.dump();
    let headers = [(KEY_FIELD, key.secret.as_str()), ("Content-Type", "application/json")];
    for line in ["POST /api/v1/domains".to_owned(), format!("PATCH /api/v1/domains/{id}")] {
        let reply = app.send_body(&line, &headers, Err(BodyFault::TooLarge));
        reply.is(413, &json!({"error": "Request body too large"}));
        assert_eq!(app.send_body(&line, &headers, Err(BodyFault::Incomplete)).status, 408);
    }
    // Whoever has no key learns that first.
    let reply = app.send_body("POST /api/v1/domains", &[], Err(BodyFault::TooLarge));
    reply.is(401, &json!({"error": "Missing API Token"}));
    assert_eq!(app.dump(), before);
}

#[test]
fn the_fifth_verification_of_an_account_and_the_17th_of_all_are_429_with_retry_after() {
    let held = Arc::new(Held::default());
    let app = TestApp::asking(held.clone(), Arc::default(), settings(), 2);
    let [key, others @ ..] = ["acme", "b", "c", "d", "e"].map(|account| app.account(account));
    let domain = |key: &Key| {
        let name = format!("of-{}.example", key.account);
        (key.clone(), format!("POST /api/v1/domains/{}/verify", app.domain(key, &name)))
    };
    let (line, others) = (domain(&key).1, others.each_ref().map(domain));
    let (refused, last, other_route, statuses) = std::thread::scope(|scope| {
        let mut running: Vec<_> = (0..4).map(|_| scope.spawn(|| app.call(&key, &line).status)).collect();
        held.wait_for(4);
        let refused = app.call(&key, &line);
        let [next @ .., (last, its_line)] = &others;
        for (key, line) in next {
            running.extend((0..4).map(|_| scope.spawn(|| app.call(key, line).status)));
        }
        held.wait_for(16);
        let last = app.call(last, its_line).status;
        let other_route = app.call(&key, "GET /api/v1/domains").status;
        held.release();
        let statuses: Vec<u16> = running.into_iter().map(|thread| thread.join().unwrap()).collect();
        (refused, last, other_route, statuses)
    });
    refused.is(429, &json!({"error": "Too many verifications at once"}));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(last, 429, "another account finds all places taken");
    assert_eq!(other_route, 200, "what asks no DNS is not held up");
    assert_eq!(statuses, [200; 16]);
    assert_eq!(app.call(&key, &line).status, 200, "the places are given back");
}

#[test]
fn every_reply_has_a_request_id_of_its_own() {
    let app = TestApp::new();
    let key = app.account("acme");
    let mut seen = HashSet::new();
    for line in lines().into_iter().chain([
        "GET /nowhere".into(),
        "PUT /api/v1/domains".into(),
        "GET /healthz".into(),
    ]) {
        for reply in [app.call(&key, &line), app.send(&line, &[], b""), app.call_text(&key, &line, "no json")]
        {
            let id = reply.header("x-request-id").unwrap().to_owned();
            assert!(!id.is_empty() && seen.insert(id), "{line}");
        }
    }
}

#[test]
fn a_sane_request_id_of_the_clients_is_kept_and_another_is_not() {
    let app = TestApp::new();
    let id = |text: &str| {
        let reply = app.send("GET /api/v1/domains", &[("X-Request-Id", text)], b"");
        reply.header("x-request-id").unwrap().to_owned()
    };
    for sane in ["abc", "0195-7f.E_9", &"a".repeat(64)] {
        assert_eq!(id(sane), sane);
    }
    for odd in ["", "a b", "a\"b", "ü", "<script>", &"a".repeat(65)] {
        assert_ne!(id(odd), odd);
        assert!(!id(odd).is_empty());
    }
}
