//! `/postroom/v1/domains/{name}/keys` and `…/rotation`.

use serde_json::{Value, json};

use super::bearer;
use crate::harness::app::{Key, Reply, TestApp, settings, txt};

const NAME: &str = "example.com";

fn start() -> (TestApp, Key) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, NAME);
    (app, key)
}

/// A request with a JSON body.
fn with(app: &TestApp, key: &Key, line: &str, body: &Value) -> Reply {
    let bearer = format!("Bearer {}", key.secret);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    app.send(line, &headers, body.to_string().as_bytes())
}

#[track_caller]
fn make(app: &TestApp, key: &Key, body: &Value) -> Value {
    let name = NAME;
    let made = with(app, key, &format!("POST /postroom/v1/domains/{name}/keys"), body);
    assert_eq!(made.status, 201, "{made:?}");
    made.json()
}

fn publish(app: &TestApp, shown: &Value) {
    let record = &shown["record"];
    app.dns.set(record["name"].as_str().unwrap(), vec![txt(record["value"].as_str().unwrap())]);
}

#[test]
fn keys_of_every_kind_are_made_and_listed_with_their_records() {
    let (app, key) = start();
    let ed = make(&app, &key, &json!({"selector": "ed", "algorithm": "ed25519"}));
    assert_eq!(
        (&ed["algorithm"], &ed["bits"], &ed["active"]),
        (&json!("ed25519"), &json!(256), &json!(false))
    );
    assert!(ed["record"]["value"].as_str().unwrap().starts_with("v=DKIM1; k=ed25519; p="));
    let weak = make(&app, &key, &json!({"selector": "w", "bits": 1024}));
    assert_eq!(weak["bits"], 1024);
    let pem = include_str!("../../fixtures/pem/002-2048.pem");
    let brought = make(&app, &key, &json!({"selector": "own", "pem": pem}));
    assert_eq!((&brought["algorithm"], &brought["bits"]), (&json!("rsa"), &json!(2048)));
    let name = NAME;
    let all = bearer(&app, &key, &format!("GET /postroom/v1/domains/{name}/keys")).json();
    let selectors: Vec<&str> =
        all["keys"].as_array().unwrap().iter().map(|key| key["selector"].as_str().unwrap()).collect();
    assert_eq!(selectors, ["pr1", "ed", "w", "own"]);
    assert_eq!(all["keys"][1], ed);
    assert_eq!(ed["record"]["dns"], "unknown");
}

#[test]
fn a_long_key_is_made_too() {
    let (app, key) = start();
    let long = make(&app, &key, &json!({"selector": "long", "bits": 4096}));
    assert_eq!(long["bits"], 4096);
    publish(&app, &long);
    let reply = bearer(&app, &key, "POST /postroom/v1/domains/example.com/keys/long/activate");
    assert_eq!((reply.status, &reply.json()["active"]), (200, &json!(true)));
}

#[test]
fn what_is_wrong_with_a_new_key_is_told() {
    let (app, key) = start();
    for (body, word) in [
        (json!({}), "selector"),
        (json!({"selector": "a b"}), "selector is not usable: \"a b\": "),
        (json!({"selector": "s", "algorithm": "dsa"}), "algorithm"),
        (json!({"selector": "s", "bits": 3072}), "bits"),
        (json!({"selector": "s", "algorithm": "ed25519", "bits": 2048}), "bits"),
        (json!({"selector": "s", "pem": "no key"}), "-----BEGIN PRIVATE KEY-----"),
        (json!({"selector": "s", "pem": "x", "bits": 2048}), "pem"),
        (json!({"selector": "s", "bitz": 2048}), "bitz"),
        (json!([]), ""),
    ] {
        let reply = with(&app, &key, "POST /postroom/v1/domains/example.com/keys", &body);
        let text = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(reply.status == 400 && text.contains(word), "{body}: {text}");
    }
    let again = with(&app, &key, "POST /postroom/v1/domains/example.com/keys", &json!({"selector": "PR1"}));
    assert_eq!(again.status, 409);
    let nobodys = with(&app, &key, "POST /postroom/v1/domains/other.example/keys", &json!({"selector": "s"}));
    assert_eq!(nobodys.status, 404);
}

#[test]
fn a_key_is_activated_when_its_record_is_right_deactivated_and_deleted() {
    let (app, key) = start();
    let made = make(&app, &key, &json!({"selector": "s1"}));
    let (name, selector) = (NAME, "s1");
    let activate =
        || bearer(&app, &key, &format!("POST /postroom/v1/domains/{name}/keys/{selector}/activate"));
    let refused = activate();
    let error = &refused.json()["error"];
    assert_eq!(
        (refused.status, &error["code"], &error["finding"]),
        (409, &json!("dns_not_right"), &json!("domain_nxdomain"))
    );
    publish(&app, &made);
    assert_eq!(activate().json()["active"], true);
    let delete = || bearer(&app, &key, &format!("DELETE /postroom/v1/domains/{name}/keys/{selector}"));
    let held = delete();
    assert_eq!((held.status, &held.json()["error"]["code"]), (409, &json!("in_use")));
    let off = bearer(&app, &key, &format!("POST /postroom/v1/domains/{name}/keys/{selector}/deactivate"));
    assert_eq!(off.json()["active"], false);
    delete().is(200, &json!({ "deleted": "s1" }));
    assert_eq!(delete().status, 404);
}

#[test]
fn a_rotation_is_begun_shown_and_called_off() {
    let (app, key) = start();
    let name = NAME;
    let show = || bearer(&app, &key, &format!("GET /postroom/v1/domains/{name}/rotation")).json();
    let start = || bearer(&app, &key, &format!("POST /postroom/v1/domains/{name}/rotation"));
    assert_eq!(show()["stage"], "idle");
    let early = start();
    assert!(early.status == 409 && early.text().contains("no key of the domain signs yet"), "{early:?}");
    app.publish_all(NAME);
    bearer(&app, &key, "POST /postroom/v1/domains/example.com/verify");
    let begun = start().json();
    assert_eq!(
        (&begun["stage"], &begun["new_selector"], &begun["replaces"], &begun["active"]),
        (&json!("waiting"), &json!("pr2"), &json!("pr1"), &json!(["pr1"]))
    );
    assert_eq!(show(), begun);
    let twice = start();
    assert_eq!((twice.status, &twice.json()["error"]["code"]), (409, &json!("not_now")));
    let off = bearer(&app, &key, &format!("DELETE /postroom/v1/domains/{name}/rotation"));
    assert_eq!((off.status, &off.json()["stage"]), (200, &json!("idle")));
    assert_eq!(bearer(&app, &key, &format!("DELETE /postroom/v1/domains/{name}/rotation")).status, 409);
}

#[test]
fn a_finished_rotation_says_when_the_old_record_may_go() {
    let (app, key) = start();
    app.publish_all(NAME);
    let verify = || bearer(&app, &key, "POST /postroom/v1/domains/example.com/verify");
    verify();
    bearer(&app, &key, "POST /postroom/v1/domains/example.com/rotation");
    let keys = bearer(&app, &key, "GET /postroom/v1/domains/example.com/keys").json();
    publish(&app, &keys["keys"][1]);
    verify();
    postroom::rotation::keep(&app.postroom).unwrap();
    let show = || bearer(&app, &key, "GET /postroom/v1/domains/example.com/rotation").json();
    let kept = show();
    assert_eq!((&kept["stage"], &kept["active"]), (&json!("keeping"), &json!(["pr2"])));
    assert_eq!(kept["retired"][0]["keep_record_until"], "2026-11-28T10:00:00.120Z");
    app.advance(7 * 24);
    postroom::rotation::keep(&app.postroom).unwrap();
    let done = show();
    assert_eq!((&done["stage"], &done["retired"][0]["safe_to_remove"]), (&json!("done"), &json!(true)));
}

#[test]
fn automatic_rotation_and_delegation_are_set() {
    let zone = Some("dkim.mail.example.net".parse().unwrap());
    let app = TestApp::with(postroom::settings::Settings { delegation_zone: zone, ..settings() }, 40);
    let key = app.account("acme");
    app.domain(&key, NAME);
    let name = NAME;
    let set = |body: Value| with(&app, &key, &format!("PUT /postroom/v1/domains/{name}/rotation"), &body);
    let every = set(json!({"every_days": 30})).json();
    assert_eq!((&every["every_days"], &every["next_at"]), (&json!(30), &json!("2026-12-21T10:00:00.120Z")));
    assert_eq!(set(json!({"delegated": false})).json()["delegated"], false, "they are not");
    let delegated = set(json!({"delegated": true})).json();
    assert_eq!((&delegated["delegated"], &delegated["every_days"]), (&json!(true), &json!(30)));
    let held = set(json!({"delegated": false, "every_days": 60}));
    assert!(held.status == 409 && held.text().contains("to end that"), "{held:?}");
    assert_eq!(set(json!({})).json()["every_days"], 30, "nothing of it is done");
    assert_eq!(set(json!({"every_days": 0})).json()["every_days"], Value::Null);
    for bad in [json!({"every_days": -1}), json!({"often": true})] {
        assert_eq!(set(bad.clone()).status, 400, "{bad}");
    }
    // Not longer than a time of RFC 3339 can be shown.
    for (days, reason) in [(4, "the shortest is 5 days"), (36_501, "36500 days"), (u32::MAX, "36500 days")] {
        let told = set(json!({ "every_days": days }));
        let text = told.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(told.status == 400 && text.starts_with("every_days is not usable: "), "{text}");
        assert!(text.contains(reason), "{text}");
    }
    assert_eq!(set(json!({"every_days": 36_500})).json()["next_at"], "2126-10-28T10:00:00.120Z");
    let zone = bearer(&app, &key, "GET /postroom/v1/domains/example.com/zone");
    assert!(
        zone.text().contains("pdk2._domainkey.example.com. 3600 IN CNAME pdk2._domainkey.1.dkim."),
        "{zone:?}"
    );
}
