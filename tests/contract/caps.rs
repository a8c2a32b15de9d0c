//! A cap that is reached, in the shape of each dialect.

use postroom::cap::{Cap, Caps};
use postroom::error::Error;
use postroom::settings::Settings;
use postroom_server::dialect::DIALECTS;
use postroom_server::wire::{Fault, RequestPlace};
use serde_json::{Value, json};

use crate::harness::app::{Key, Reply, TestApp, settings};

/// An App where an account may have one of everything.
fn start() -> (TestApp, Key) {
    let caps =
        Caps { list_entries: 1, recipients: 1, aliases: 1, tokens: 1, login_links: 1, ..Caps::default() };
    let app = TestApp::with(Settings { caps, ..settings() }, 4);
    let key = app.account("acme");
    app.domain(&key, "example.com");
    (app, key)
}

fn inbound(app: &TestApp, key: &Key, line: &str, body: &Value) -> Reply {
    let headers = [("X-API-Key", key.secret.as_str()), ("Content-Type", "application/json")];
    app.send(line, &headers, body.to_string().as_bytes())
}

fn native(app: &TestApp, key: &Key, line: &str, body: &Value) -> Reply {
    let bearer = format!("Bearer {}", key.secret);
    app.send(
        line,
        &[("Authorization", &bearer), ("Content-Type", "application/json")],
        body.to_string().as_bytes(),
    )
}

#[test]
fn every_dialect_has_its_status_for_a_cap_and_names_it() {
    for dialect in DIALECTS {
        for cap in Cap::ALL {
            let response =
                (dialect.render)(&Fault::Library(Error::Cap { cap, most: 1 }), &RequestPlace::default());
            let wanted = match dialect.name {
                "mailpace" => 422,
                "lifecycle" | "native" => 409,
                "mailgun" => 400,
                "mailchannels" => 403,
                other => panic!("say here how the dialect {other} refuses what is past a cap"),
            };
            assert_eq!(response.status, wanted, "{} {cap:?}", dialect.name);
            let body = String::from_utf8(response.body.into_whole().unwrap()).unwrap();
            assert!(body.contains(cap.setting()), "{}: {body}", dialect.name);
        }
    }
}

#[test]
fn a_token_too_many_is_refused_as_rails_refuses_a_whole_record() {
    let (app, key) = start();
    app.token(&key, 1);
    let refused = app.call(&key, "POST /api/v1/domains/1/api_tokens");
    let reason = "limits.tokens is reached: there are at most 1 sending tokens in an account";
    refused.is(422, &json!({ "errors": { "base": [reason] } }));
}

#[test]
fn what_is_one_too_many_of_incoming_mail_is_refused_with_403() {
    let (app, key) = start();
    for (line, body, second, cap) in [
        (
            "POST /inbound/v1/domains/example.com/alias/a.example",
            json!({}),
            "POST /inbound/v1/domains/example.com/alias/b.example",
            Cap::Aliases,
        ),
        (
            "POST /inbound/v1/domains/example.com/lists/safelist",
            json!({ "item": "a.example" }),
            "POST /inbound/v1/domains/example.com/lists/safelist",
            Cap::ListEntries,
        ),
        (
            "POST /inbound/v1/users/jo@example.com/lists/safelist",
            json!({ "item": "a.example" }),
            "POST /inbound/v1/users/al@example.com/lists/safelist",
            Cap::Recipients,
        ),
        (
            "GET /inbound/v1/domains/example.com/login-link",
            json!({}),
            "GET /inbound/v1/domains/example.com/login-link",
            Cap::LoginLinks,
        ),
    ] {
        let first = inbound(&app, &key, line, &body);
        assert!(first.status < 300, "{line}: {first:?}");
        let refused = inbound(&app, &key, second, &json!({ "item": "b.example" }));
        assert_eq!(refused.status, 403, "{second}: {refused:?}");
        assert!(refused.json()["errors"][0].as_str().unwrap().contains(cap.setting()), "{refused:?}");
    }
}

#[test]
fn a_batch_goes_on_where_one_item_has_no_room() {
    let (app, key) = start();
    app.domain(&key, "other.example");
    let body = json!({ "domains": [{ "domain": "example.com" }, { "domain": "other.example" }] });
    let answered = inbound(&app, &key, "POST /inbound/v1/domains/batch/login-link", &body);
    assert_eq!(answered.status, 200, "{answered:?}");
    let answered = answered.json();
    assert_eq!(answered["successes"].as_array().map(Vec::len), Some(1), "{answered}");
    let comment = answered["errors"][0]["comment"].as_str().unwrap();
    assert!(comment.contains("limits.login_links"), "{comment}");
}

#[test]
fn the_native_dialect_refuses_an_entry_too_many_with_409() {
    let (app, key) = start();
    let add = |item: &str| native(&app, &key, "POST /postroom/v1/lists/safelist", &json!({ "item": item }));
    assert_eq!(add("a.example").status, 201);
    assert_eq!(add("A.example").status, 200, "it is there already");
    let message = "limits.list_entries is reached: there are at most 1 entries in one list";
    add("b.example").is(409, &json!({ "error": { "code": "limit_reached", "message": message } }));
}
