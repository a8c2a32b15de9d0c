//! What every route of the dialect has in common: the credential, and the shape of what went wrong.

use postroom_server::wire::http::BodyFault;
use serde_json::json;

use super::bearer;
use crate::harness::app::TestApp;

#[test]
fn the_key_comes_as_a_bearer_token_in_whatever_case_the_scheme_is_written() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let line = "GET /postroom/v1/domains/example.com/zone";
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let value = format!("{scheme} {}", key.secret);
        assert_eq!(app.send(line, &[("Authorization", &value)], b"").status, 200, "{scheme}");
    }
    for value in ["Bearer", "Bearer x", "Basic YXBpOng=", &key.secret, &format!("Bearer{}", key.secret)] {
        let reply = app.send(line, &[("Authorization", value)], b"");
        assert_eq!(reply.status, 401, "{value}");
        assert_eq!(reply.json()["error"]["code"], "credential_invalid", "{value}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
    let reply = app.send(line, &[("X-Api-Key", &key.secret)], b"");
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (401, &json!("credential_missing")));
}

#[test]
fn a_domain_that_is_not_there_and_a_word_that_is_no_domain_are_404_alike() {
    let app = TestApp::new();
    let key = app.account("acme");
    let shown = |name: &str| bearer(&app, &key, &format!("GET /postroom/v1/domains/{name}/dns")).visible();
    let unknown = shown("nowhere.example");
    assert_eq!(unknown.0, 404);
    for name in ["a_b.example", "1", "co.uk", "%FF", "..", "*.example.com"] {
        assert_eq!(shown(name), unknown, "{name}");
    }
}

#[test]
fn routes_and_methods_that_are_not_there_say_so() {
    let app = TestApp::new();
    let key = app.account("acme");
    let reply = bearer(&app, &key, "GET /postroom/v1/nothing");
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (404, &json!("no_such_route")));
    let reply = bearer(&app, &key, "DELETE /postroom/v1/domains/example.com/zone");
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (405, &json!("method_not_allowed")));
    assert!(reply.header("allow").unwrap().contains("GET"));
}

#[test]
fn a_body_that_is_too_large_is_413() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let value = format!("Bearer {}", key.secret);
    let line = "POST /postroom/v1/domains/example.com/verify";
    let reply = app.send_body(line, &[("Authorization", &value)], Err(BodyFault::TooLarge));
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (413, &json!("body_too_large")));
}
