//! `/v1/dkim_management/domains/{name}`: automatic rotation, and rotation now.

use postroom::rotation::keep;
use postroom::settings::Settings;

use super::*;
use crate::harness::app::settings;

#[track_caller]
fn set(app: &TestApp, key: &Key, name: &str, fields: &[(&str, &str)]) -> Reply {
    call_form(app, key, &format!("PUT /v1/dkim_management/domains/{name}/rotation"), fields)
}

fn with_zone() -> Settings {
    Settings { delegation_zone: Some("dkim.mail.example.net".parse().unwrap()), ..settings() }
}

#[test]
fn rotation_is_switched_on_and_off_with_an_interval_of_five_days_at_least() {
    let (app, key) = start();
    let on = set(&app, &key, DOMAIN, &[("rotation_enabled", "true"), ("rotation_interval", "5d")]).json();
    let domain = &on["domain"];
    let fields: Vec<&String> = domain.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "id",
            "account_id",
            "sid",
            "name",
            "state",
            "active_selector",
            "rotation_enabled",
            "rotation_interval",
            "records"
        ]
    );
    assert!(domain.as_object().unwrap().iter().all(|(name, value)| name == "records" || value.is_string()));
    assert_eq!((domain["name"].as_str(), domain["state"].as_str()), (Some(DOMAIN), Some("wait_verify")));
    assert_eq!((&domain["rotation_enabled"], &domain["rotation_interval"]), (&json!("true"), &json!("120h")));
    let record = &domain["records"][0];
    assert_eq!((record["type"].as_str(), record["identifier"].as_str()), (Some("TXT"), Some("DKIM")));
    assert!(record["comment"].is_string());

    // Switched on again without an interval, it stays; switched off, it goes.
    let again = set(&app, &key, DOMAIN, &[("rotation_enabled", "true")]).json();
    assert_eq!(again["domain"]["rotation_interval"], "120h");
    let off = set(&app, &key, DOMAIN, &[("rotation_enabled", "false")]).json();
    assert_eq!(off["domain"]["rotation_enabled"], "false");
}

#[test]
fn what_is_wrong_stands_under_the_names_of_these_routes() {
    let (app, key) = start();
    let reason = |fields: &[(&str, &str)]| {
        let reply = set(&app, &key, DOMAIN, fields);
        assert_eq!(reply.status, 400, "{reply:?}");
        let json = reply.json();
        assert_eq!(json["Reason"], json["message"]);
        json["Reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason(&[]), "Missing mandatory parameter: rotation_enabled");
    assert_eq!(
        reason(&[("rotation_enabled", "false"), ("rotation_interval", "5d")]),
        "rotation_interval is not allowed unless also enabling DKIM rotation"
    );
    assert!(reason(&[("rotation_enabled", "true"), ("rotation_interval", "24h")]).contains("5 days"));
    assert!(reason(&[("rotation_enabled", "true"), ("rotation_interval", "soon")]).contains("soon"));
    assert!(reason(&[("rotation_enabled", "perhaps")]).contains("true or false"));
    let missing = json!({ "Description": "domain not found", "message": "Domain not found" });
    set(&app, &key, "other.example", &[("rotation_enabled", "true")]).is(404, &missing);
    call(&app, &key, "POST /v1/dkim_management/domains/other.example/rotate").is(404, &missing);
    let pending = call(&app, &key, "POST /v1/dkim_management/domains/example.com/rotate");
    assert_eq!(pending.status, 400);
    let text = "only domains in enabled can rotate their keys. Current state: wait_verify";
    assert_eq!(pending.json()["Reason"], text);
}

#[test]
fn a_rotation_makes_a_key_that_takes_over_once_it_is_published() {
    let (app, key) = start();
    let name = DOMAIN;
    app.publish_all(DOMAIN);
    assert_eq!(
        call(&app, &key, &format!("PUT /v4/domains/{name}/verify")).json()["domain"]["state"],
        "active"
    );
    call(&app, &key, &format!("POST /v1/dkim_management/domains/{name}/rotate")).is(200, &message("ok"));
    assert_eq!(key_of(&app, &key, DOMAIN, "pr1")["dns_record"]["is_active"], true);
    let new = key_of(&app, &key, DOMAIN, "pr2");
    assert_eq!(new["dns_record"]["is_active"], false);
    let twice = call(&app, &key, &format!("POST /v1/dkim_management/domains/{name}/rotate"));
    assert!(twice.status == 400 && twice.text().contains("under way"), "{twice:?}");
    publish_key(&app, &new);
    call(&app, &key, &format!("PUT /v4/domains/{name}/verify"));
    assert_eq!(keep(&app.postroom).unwrap(), 1);
    assert_eq!(key_of(&app, &key, DOMAIN, "pr2")["dns_record"]["is_active"], true);
    assert_eq!(key_of(&app, &key, DOMAIN, "pr1")["dns_record"]["is_active"], false);
}

#[test]
fn with_a_zone_of_the_operators_the_domain_publishes_two_cnames() {
    let app = TestApp::with(with_zone(), 40);
    let key = app.account("acme");
    app.domain(&key, DOMAIN);
    let on = set(&app, &key, DOMAIN, &[("rotation_enabled", "yes")]).json();
    let records = on["domain"]["records"].as_array().unwrap();
    let id: i64 = app.value("SELECT id FROM domain");
    for (record, selector) in records.iter().zip(["pdk1", "pdk2"]) {
        assert_eq!(record["name"], format!("{selector}._domainkey.example.com"));
        assert_eq!(record["type"], "CNAME");
        assert_eq!(record["value"], format!("{selector}._domainkey.{id}.dkim.mail.example.net"));
    }
    assert_eq!(records.len(), 2);
    let shown = key_of(&app, &key, DOMAIN, "pdk1");
    assert_eq!(shown["dns_record"]["record_type"], "CNAME");
    // Switched on again, nothing is made twice.
    set(&app, &key, DOMAIN, &[("rotation_enabled", "true")]);
    assert_eq!(keys_of(&app, &key, DOMAIN).len(), 3);
}

#[test]
fn a_domain_for_which_another_one_signs_rotates_nothing_and_is_told_so() {
    let (app, key) = start();
    let child = "news.example.com";
    app.domain(&key, child);
    call_form(&app, &key, &format!("PUT /v3/domains/{child}/dkim_authority"), &[("self", "false")]);
    let on = set(&app, &key, child, &[("rotation_enabled", "true")]);
    let now = call(&app, &key, &format!("POST /v1/dkim_management/domains/{child}/rotate"));
    for refused in [on, now] {
        let text = "the keys of a domain above this one sign for it; rotate those";
        refused.is(400, &json!({ "Reason": text, "message": text }));
    }
    assert_eq!(set(&app, &key, child, &[("rotation_enabled", "false")]).status, 200);
}

#[test]
fn an_interval_that_is_refused_is_named_and_quoted_as_far_as_it_is_shown() {
    let (app, key) = start();
    let told = |text: &str| {
        let fields = [("rotation_enabled", "true"), ("rotation_interval", text)];
        set(&app, &key, DOMAIN, &fields).json()["message"].as_str().unwrap().to_owned()
    };
    assert!(told("4d").starts_with("rotation_interval is not usable: "), "{}", told("4d"));
    let long = format!("{}d", "9".repeat(30));
    assert!(told(&long).contains(&format!("\"{}…\"", "9".repeat(20))), "{}", told(&long));
}
