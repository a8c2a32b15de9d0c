//! What goes wrong before a route is reached, and what must not be told.

use super::*;

#[test]
fn basic_with_the_user_api_lets_in_and_nothing_else() {
    let (app, key) = start();
    let with = |value: &str| app.send("GET /v1/dkim/keys", &[("Authorization", value)], b"");
    assert_eq!(with(&basic("api", &key.secret)).status, 200);
    let refused = message("Invalid private key");
    for bad in [
        basic("API", &key.secret),
        basic("", &key.secret),
        basic("api", ""),
        basic("api", "key-3ax6xnjp29jd6fds4gc373sgvjxteol0"),
        basic(&key.secret, ""),
        format!("Bearer {}", key.secret),
        "Basic".to_owned(),
        "Basic !!!".to_owned(),
    ] {
        let reply = with(&bad);
        reply.is(401, &refused);
        assert_eq!(reply.header("www-authenticate"), Some("Basic realm=\"MG API\""));
    }
    let none = app.send("GET /v1/dkim/keys", &[], b"");
    none.is(401, &refused);
    assert_eq!(none.header("www-authenticate"), Some("Basic realm=\"MG API\""));
}

#[test]
fn unknown_paths_and_methods_are_told_in_this_dialects_shape() {
    let (app, key) = start();
    for path in ["/v1", "/v1/nothing", "/v3/domains/example.com/nothing", "/v4/nothing"] {
        let reply = call(&app, &key, &format!("GET {path}"));
        assert!(reply.status == 404 && reply.json()["message"].is_string(), "{path}: {reply:?}");
    }
    let reply = call(&app, &key, "PATCH /v1/dkim/keys");
    assert_eq!(reply.status, 405);
    assert_eq!(reply.header("allow"), Some("GET, POST, DELETE, HEAD"));
    // What only begins like it is no path of this dialect.
    assert!(call(&app, &key, "GET /v1beta/x").json().get("message").is_none());
}

#[test]
fn another_accounts_keys_are_not_there() {
    let (app, key) = start();
    let other = app.account("other");
    app.domain(&other, "other.example");
    let listed = call(&app, &key, "GET /v1/dkim/keys?limit=100");
    assert!(!listed.text().contains("other.example"), "{listed:?}");
    call(&app, &key, "GET /v4/domains/other.example/keys").is(200, &json!({ "items": [] }));
    let fields = [("signing_domain", "other.example"), ("selector", "pr1")];
    call_form(&app, &key, "DELETE /v1/dkim/keys", &fields).is(404, &message("domain key not found"));
    assert_eq!(keys_of(&app, &other, "other.example").len(), 1);
}
