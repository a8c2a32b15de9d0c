//! The limits on rates, in the shape of each dialect: of an account, and of failed authentications from one address.

use std::time::Duration;

use postroom::secret::{PlainSecret, SecretKind};
use postroom_server::dialect::DIALECTS;
use postroom_server::wire::Surface;
use serde_json::{Value, json};

use crate::harness::app::{Key, Reply, TestApp, credential};

/// A request of this dialect for what is not there.
fn ask(app: &TestApp, dialect: &Surface, secret: &str) -> Reply {
    let (field, value) = credential(dialect.auth, secret).unwrap();
    let route = dialect.routes.iter().find(|route| route.method == "GET").unwrap();
    app.send(&format!("GET {}", route.path), &[(field, &value)], b"")
}

/// What is answered past a limit.
fn refusal(dialect: &Surface) -> (u16, Value) {
    match dialect.name {
        "mailpace" => (429, json!({ "error": "Too many requests" })),
        "lifecycle" => (429, json!({ "error": "too many requests; try again in 1 s" })),
        "mailgun" => (429, json!({ "message": "too many requests; try again in 1 s" })),
        "native" => {
            let message = "too many requests; try again in 1 s";
            (429, json!({ "error": { "code": "rate_limited", "message": message } }))
        }
        "mailchannels" => {
            let (message, error) = ("Service Unavailable", "too many requests; try again in 1 s");
            (503, json!({ "code": 503, "message": message, "errors": [error] }))
        }
        other => panic!("say here what the dialect {other} answers past a limit"),
    }
}

#[track_caller]
fn is_refused(reply: &Reply, dialect: &Surface) {
    let (status, body) = refusal(dialect);
    reply.is(status, &body);
    assert_eq!(reply.header("retry-after"), Some("1"), "{}", dialect.name);
}

#[test]
fn an_accounts_requests_are_counted_over_its_keys_and_dialects_and_refused_in_the_shape_of_each() {
    let app = TestApp::new().limited(100);
    let key = app.account("acme");
    let keys: [Key; 2] = [app.key_of(key.account), key];
    let other = app.account("other");
    let passes = |reply: &Reply| ![401, 429, 503].contains(&reply.status);
    for number in 0..100 {
        let reply = ask(&app, DIALECTS[number % DIALECTS.len()], &keys[number % 2].secret);
        assert!(passes(&reply), "{number}: {reply:?}");
    }
    for dialect in DIALECTS {
        for key in &keys {
            is_refused(&ask(&app, dialect, &key.secret), dialect);
        }
        assert!(passes(&ask(&app, dialect, &other.secret)));
    }
    // What was told is true.
    app.clock.advance(Duration::from_secs(1));
    assert!((0..100).all(|_| passes(&ask(&app, DIALECTS[0], &keys[0].secret))));
    is_refused(&ask(&app, DIALECTS[0], &keys[0].secret), DIALECTS[0]);
}

#[test]
fn past_ten_failures_an_address_is_told_to_wait_and_a_key_that_opens_goes_on() {
    for dialect in DIALECTS {
        let app = TestApp::new().limited(100);
        let (key, revoked) = (app.account("acme"), app.account("gone"));
        app.revoke(&revoked);
        let unknown = || PlainSecret::generate(SecretKind::AccountKey).unwrap().reveal().to_owned();
        let bad = ["garbage".to_owned(), String::new(), revoked.secret, unknown(), unknown()];
        for secret in bad.iter().cycle().take(10) {
            assert_eq!(ask(&app, dialect, secret).status, 401, "{}", dialect.name);
        }
        for secret in bad.iter().chain([&unknown()]) {
            is_refused(&ask(&app, dialect, secret), dialect);
        }
        assert_ne!(ask(&app, dialect, &key.secret).status, 401);
        assert_ne!(ask(&app, dialect, &app.account("new").secret).status, 429, "a key that is new as well");
        app.clock.advance(Duration::from_secs(1));
        assert_eq!(ask(&app, dialect, "garbage").status, 401);
        is_refused(&ask(&app, dialect, "garbage"), dialect);
    }
}

#[test]
fn a_secret_that_opened_nothing_is_not_looked_up_again() {
    let app = TestApp::new().limited(100);
    let revoked = app.account("gone");
    app.revoke(&revoked);
    assert_eq!(ask(&app, DIALECTS[0], &revoked.secret).status, 401);
    app.sql().execute_batch("ALTER TABLE api_key RENAME TO away").unwrap();
    assert_eq!(ask(&app, DIALECTS[0], &revoked.secret).status, 401, "without the database");
}
