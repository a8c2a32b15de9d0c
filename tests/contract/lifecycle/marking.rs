//! `POST /v2/domains/{domain}/dns/mark`: a record's status by word; its inputs and refusals.

use postroom::event::Actor;
use postroom_server::wire::Switches;
use serde_json::{Value, json};

use super::{DOMAIN, error, info, keys, refuses, start, statuses};
use crate::harness::app::{Key, Reply, TestApp};
use crate::harness::v2::USER;

fn mark(app: &TestApp, key: &Key, id: &Value, status: &Value) -> Reply {
    let domain = DOMAIN;
    let body = json!({"user_id": USER, "id": id, "status": status});
    app.v2_with(key, &format!("POST /v2/domains/{domain}/dns/mark"), &body)
}

#[test]
fn a_mark_answers_with_everything_and_pins_what_is_not_pending() {
    for (status, pinned) in [("verified", true), ("failed", true), ("disabled", true), ("pending", false)] {
        let (app, key) = start();
        let before = info(&app, &key, DOMAIN);
        let reply = mark(&app, &key, &json!(2), &json!(status));
        let after = reply.json();
        assert_eq!((reply.status, keys(&after)), (200, vec!["domain", "dns", "route", "mx"]));
        assert_eq!(info(&app, &key, DOMAIN), after);
        let mut wanted = before.clone();
        wanted["dns"][1]["status"] = json!(status);
        wanted["dns"][1]["override"] = json!(pinned);
        assert_eq!(after["dns"], wanted["dns"], "one record changes, the full list is shown");
        assert_eq!(after["domain"]["status"], "pending", "one of four is not enough");
    }
}

#[test]
fn the_domains_status_follows_each_mark() {
    let (app, key) = start();
    app.first_key_signs();
    for (id, word, domain) in [
        (1, "verified", "pending"),
        (2, "verified", "pending"),
        (3, "verified", "pending"),
        (4, "verified", "active"),
        (5, "failed", "active"),
        (3, "failed", "failed"),
        (3, "disabled", "active"),
        (1, "disabled", "active"),
        (2, "disabled", "active"),
        (4, "disabled", "pending"),
        (4, "failed", "pending"),
        (4, "verified", "active"),
        (4, "pending", "pending"),
        (4, "verified", "active"),
        (1, "failed", "failed"),
        (2, "failed", "failed"),
        (1, "verified", "failed"),
        (2, "verified", "active"),
        (5, "disabled", "active"),
        (5, "pending", "active"),
    ] {
        let details = mark(&app, &key, &json!(id), &json!(word)).json();
        assert_eq!(details["domain"]["status"], domain, "{id} {word}: {:?}", statuses(&details));
        assert_eq!(app.value::<String>("SELECT status FROM domain"), domain);
    }
}

#[test]
fn a_required_return_path_counts() {
    let mut settings = crate::harness::app::settings();
    settings.return_path_required = true;
    let app = TestApp::with(settings, 2);
    let key = app.account("acme");
    app.v2_domain(&key, DOMAIN, USER);
    app.first_key_signs();
    for id in 1..=4 {
        assert_eq!(mark(&app, &key, &json!(id), &json!("verified")).json()["domain"]["status"], "pending");
    }
    assert_eq!(mark(&app, &key, &json!(5), &json!("verified")).json()["domain"]["status"], "active");
}

#[test]
fn an_id_that_no_record_of_the_domain_has_is_404() {
    let (app, key) = start();
    let theirs = app.v2_domain(&key, "other.example", USER)["dns"][0]["id"].clone();
    let before = app.dump();
    for id in [
        json!(0),
        json!(6 + 5),
        json!(-1),
        json!(987_654_321),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(1_u64 << 63),
        json!(u64::MAX),
        theirs,
    ] {
        let reply = mark(&app, &key, &id, &json!("verified"));
        reply.is(404, &error("id: the domain has no such record"));
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn an_id_that_is_no_integer_is_400_naming_it() {
    let (app, key) = start();
    let before = app.dump();
    for (id, words) in [
        (json!(null), "is required"),
        (json!("1"), "must be an integer"),
        (json!(""), "must be an integer"),
        (json!(1.5), "must be an integer"),
        (json!(1.0), "must be an integer"),
        (json!(true), "must be an integer"),
        (json!([1]), "must be an integer"),
        (json!({"id": 1}), "must be an integer"),
    ] {
        refuses(&mark(&app, &key, &id, &json!("verified")), "id", &[words]);
    }
    let line = format!("POST /v2/domains/{DOMAIN}/dns/mark");
    for number in ["18446744073709551616", "1e2", "-9223372036854775809"] {
        let body = format!(r#"{{"user_id":"{USER}","id":{number},"status":"verified"}}"#);
        refuses(&app.v2_text(&key, &line, &body), "id", &["must be an integer"]);
    }
    let without = json!({"user_id": USER, "status": "verified"});
    refuses(&app.v2_with(&key, &line, &without), "id", &["is required"]);
    assert_eq!(app.dump(), before);
}

#[test]
fn a_status_that_is_none_of_the_four_is_400_and_names_them() {
    let (app, key) = start();
    let before = app.dump();
    for bad in [
        json!(null),
        json!(""),
        json!("active"),
        json!("VERIFIED"),
        json!(" verified"),
        json!("verified\u{0}"),
        json!(1),
        json!(true),
        json!(["verified"]),
    ] {
        let reply = mark(&app, &key, &json!(1), &bad);
        refuses(&reply, "status", &["pending", "verified", "failed", "disabled"]);
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn an_observed_value_is_kept_and_shown_and_another_stays() {
    let (app, key) = start();
    let line = format!("POST /v2/domains/{DOMAIN}/dns/mark");
    let with = |observed: &Value| {
        let body = json!({"user_id": USER, "id": 2, "status": "verified", "observed_value": observed});
        app.v2_with(&key, &line, &body)
    };
    let text = "ü".repeat(4096);
    for (observed, shown) in [
        (json!("v=spf1 mx ~all"), json!("v=spf1 mx ~all")),
        (json!(null), json!("v=spf1 mx ~all")),
        (json!(text), json!(text)),
        (json!(""), json!("")),
    ] {
        assert_eq!(with(&observed).json()["dns"][1]["observed_value"], shown);
    }
    assert_eq!(mark(&app, &key, &json!(2), &json!("failed")).json()["dns"][1]["observed_value"], json!(""));
    let before = app.dump();
    for bad in [json!(1), json!(false), json!(["x"])] {
        refuses(&with(&bad), "observed_value", &["must be a string"]);
    }
    refuses(&with(&json!("x".repeat(4097))), "observed_value", &["longer than 4096"]);
    for control in ["a\u{0}b", "a\nb", "\u{7f}"] {
        refuses(&with(&json!(control)), "observed_value", &["a control character"]);
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn a_mark_is_written_to_the_audit_log_with_what_followed() {
    let (app, key) = start();
    app.first_key_signs();
    for id in [1, 2, 3, 4] {
        mark(&app, &key, &json!(id), &json!("verified"));
    }
    mark(&app, &key, &json!(4), &json!("pending"));
    let events = app.events(key.account);
    let told: Vec<(&str, String)> = events
        .iter()
        .filter(|event| event.subject() == DOMAIN && event.actor == Actor::Key(key.id))
        .map(|event| (event.action(), event.detail().unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            ("domain.created", "domain customer.com created for user user_123"),
            ("record.marked", "record MX of customer.com marked verified manually (was pending)"),
            ("record.marked", "record SPF of customer.com marked verified manually (was pending)"),
            ("record.marked", "record DMARC _dmarc of customer.com marked verified manually (was pending)"),
            (
                "record.marked",
                "record DKIM pr1._domainkey of customer.com marked verified manually (was pending)"
            ),
            ("domain.status_changed", "status of customer.com changed from pending to active"),
            (
                "record.marked",
                "record DKIM pr1._domainkey of customer.com given back to the checks (was verified)"
            ),
            ("domain.status_changed", "status of customer.com changed from active to pending"),
        ]
        .map(|(action, detail)| (action, detail.to_owned()))
    );
}

#[test]
fn the_switch_turns_the_route_off_and_no_other() {
    let (app, key) = start();
    let app = app.switched(Switches { dns_mark: Some(false), ..Switches::default() });
    let before = app.dump();
    let told = error("the operator of this server has switched off marking records manually");
    mark(&app, &key, &json!(1), &json!("verified")).is(403, &told);
    mark(&app, &key, &json!("x"), &json!("x")).is(403, &told);
    app.v2(&key, "POST /v2/domains/never.example/dns/mark").is(403, &told);
    assert_eq!(app.dump(), before);
    let verify = format!("POST /v2/domains/{DOMAIN}/dns/verify");
    assert_eq!(app.v2_with(&key, &verify, &json!({"user_id": USER})).status, 200);
    assert_eq!(app.send("POST /v2/domains/x/dns/mark", &[], b"").status, 401, "nobody is told without a key");
}
