//! Bodies and formats: what is JSON, what is not, and that neither is ever a 500.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::invalid;
use crate::harness::app::{KEY_FIELD, TestApp};

const FORMAT: &str = "Invalid request format or content type";

#[test]
fn a_body_that_is_no_json_is_400() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let before = app.dump();
    let lines = [
        "POST /api/v1/domains".to_owned(),
        format!("PATCH /api/v1/domains/{id}"),
        format!("POST /api/v1/domains/{id}/api_tokens"),
    ];
    let deep = "[".repeat(10_000);
    for line in &lines {
        for body in [
            "{",
            "{\"domain\":",
            "{'url':'x'}",
            "url=example.com",
            "{\"url\":\"a.example\"} trailing",
            "{\"url\":\"a.example\",}",
            "\u{feff}{}",
            "NaN",
            "{\"url\":\"\\ud800\"}",
            "{\"url\":\"\\ud800\\u0041\"}",
            "{\"url\":\"a\u{0}b\"}",
            &deep,
            &format!("{deep}{}", "]".repeat(10_000)),
            &format!("{{\"domain\":{}{}}}", "{\"domain\":".repeat(10_000), "}".repeat(10_000)),
        ] {
            let reply = app.call_text(&key, line, body);
            assert_eq!(reply.status, 400, "{body:.60}");
            assert!(reply.json()["error"].as_str().unwrap().starts_with("Invalid JSON: "), "{body:.60}");
        }
        let headers = [(KEY_FIELD, key.secret.as_str()), ("Content-Type", "application/json")];
        assert_eq!(app.send(line, &headers, b"{\"url\":\"\xff\xfe\"}").status, 400, "not UTF-8");
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn json_of_another_shape_is_422_naming_the_field() {
    let app = TestApp::new();
    let key = app.account("acme");
    let before = app.dump();
    for body in ["[]", "[{\"url\":\"example.com\"}]", "\"example.com\"", "5", "true", "null", "1e400000"] {
        let reply = app.call_text(&key, "POST /api/v1/domains", body);
        if body == "1e400000" {
            assert_eq!(reply.status, 400, "a number that is none");
            continue;
        }
        reply.is(422, &invalid("domain", "must be an object"));
    }
    for wrapper in [json!(null), json!("example.com"), json!([]), json!(5), json!(true)] {
        let reply = app.call_with(&key, "POST /api/v1/domains", &json!({"domain": wrapper}));
        reply.is(422, &invalid("domain", "must be an object"));
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn the_last_of_two_equal_keys_counts() {
    let app = TestApp::new();
    let key = app.account("acme");
    let body = r#"{"domain":{"url":"first.example","url":"last.example"}}"#;
    let reply = app.call_text(&key, "POST /api/v1/domains", body);
    assert_eq!((reply.status, &reply.json()["url"]), (201, &json!("last.example")));
}

#[test]
fn json_may_have_escapes_white_space_and_pairs_of_surrogates() {
    let app = TestApp::new();
    let key = app.account("acme");
    let body = " \r\n{ \"domain\" :\t{\"url\": \"ex\\u0061mple.com\", \"name\": \"\\ud83e\\uddc0\"} } \n";
    let made = app.call_text(&key, "POST /api/v1/domains", body);
    assert_eq!((made.status, &made.json()["name"]), (201, &json!("🧀")));
}

#[test]
fn a_content_type_may_be_missing_and_may_have_a_charset() {
    let app = TestApp::new();
    let key = app.account("acme");
    let body = |n: u8| format!("{{\"url\":\"d{n}.example\"}}").into_bytes();
    let send = |headers: &[(&str, &str)], n| {
        let mut all = vec![(KEY_FIELD, key.secret.as_str())];
        all.extend(headers);
        app.send("POST /api/v1/domains", &all, &body(n))
    };
    assert_eq!(send(&[], 0).status, 201);
    for (n, fine) in
        (1..).zip(["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"])
    {
        assert_eq!(send(&[("Content-Type", fine)], n).status, 201, "{fine}");
    }
    let before = app.dump();
    for other in [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/xml",
    ] {
        send(&[("Content-Type", other)], 9).is(406, &json!({"error": FORMAT}));
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn without_a_body_its_type_is_of_no_matter() {
    let app = TestApp::new();
    let key = app.account("acme");
    let form = [(KEY_FIELD, key.secret.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    app.send("GET /api/v1/domains", &form, b"").is(200, &json!([]));
}

#[test]
fn accept_may_be_missing_or_take_json_and_another_one_is_406() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (token_id, _) = app.token(&key, id);
    let lines = [
        "GET /api/v1/domains".to_owned(),
        format!("GET /api/v1/domains/{id}"),
        format!("PATCH /api/v1/domains/{id}"),
        format!("POST /api/v1/domains/{id}/verify"),
        format!("GET /api/v1/domains/{id}/api_tokens"),
        format!("GET /api/v1/domains/{id}/api_tokens/{token_id}"),
        format!("PATCH /api/v1/domains/{id}/api_tokens/{token_id}"),
    ];
    for line in &lines {
        for fine in [
            "",
            " , ",
            "*/*",
            "application/json",
            "application/*",
            "text/html, application/json;q=0.9",
            "APPLICATION/JSON",
        ] {
            let reply = app.send(line, &[(KEY_FIELD, &key.secret), ("Accept", fine)], b"");
            assert_eq!(reply.status, 200, "{line} {fine}");
        }
    }
    let before = app.dump();
    let creating = ["POST /api/v1/domains".to_owned(), format!("POST /api/v1/domains/{id}/api_tokens")];
    let deleting = [format!("DELETE /api/v1/domains/{id}/api_tokens/{token_id}")];
    for line in lines.iter().chain(&creating).chain(&deleting) {
        for other in ["text/html", "application/xml, text/*"] {
            let reply = app.send(line, &[(KEY_FIELD, &key.secret), ("Accept", other)], b"");
            reply.is(406, &json!({"error": FORMAT}));
        }
    }
    assert_eq!(app.dump(), before);
}

/// Texts that are nearly what a route takes: most hostile bodies are not noise.
fn hostile() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<f64>().prop_map(|n| n.to_string()),
        any::<i128>().prop_map(|n| n.to_string()),
        ".{0,40}".prop_map(|text| json!(text).to_string()),
        Just("\"\\u0000\"".to_owned()),
        Just("\"example.com\"".to_owned()),
    ];
    let key = prop::sample::select(vec!["domain", "url", "name", "api_token", "id", "", "\u{0}"]);
    let tree = leaf.prop_recursive(4, 24, 4, move |inner| {
        let member = (key.clone(), inner.clone()).prop_map(|(key, value)| format!("{}:{value}", json!(key)));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec(member, 0..4).prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    });
    prop_oneof![3 => tree, 1 => ".{0,200}"]
}

#[test]
fn no_body_at_all_is_a_500_and_a_refused_one_leaves_nothing() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.org");
    let (token_id, _) = app.token(&key, id);
    let lines = [
        "POST /api/v1/domains".to_owned(),
        format!("PATCH /api/v1/domains/{id}"),
        format!("POST /api/v1/domains/{id}/api_tokens"),
        format!("PATCH /api/v1/domains/{id}/api_tokens/{token_id}"),
    ];
    let counts = || {
        app.value::<String>(
            "SELECT (SELECT count(*) FROM domain) || ' ' || (SELECT count(*) FROM event) || ' '
                 || (SELECT count(*) FROM domain_token) || ' ' || (SELECT count(*) FROM spare_key)",
        )
    };
    TestRunner::new(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })
        .run(&(hostile(), 0..lines.len()), |(body, at)| {
            let before = counts();
            let reply = app.call_text(&key, &lines[at], &body);
            prop_assert!([200, 201, 400, 422].contains(&reply.status), "{} {}", reply.status, body);
            prop_assert!(reply.status < 400 || counts() == before, "{}", body);
            Ok(())
        })
        .unwrap();
}
