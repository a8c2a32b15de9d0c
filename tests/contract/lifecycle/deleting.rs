//! `POST /v2/domains/delete`: the domain goes, with everything that hangs on it.

use serde_json::json;

use super::{DOMAIN, call, calls, error, info, start};
use crate::harness::app::{Key, Reply, TestApp};
use crate::harness::v2::USER;

fn delete(app: &TestApp, key: &Key, domain: &str) -> Reply {
    app.v2_with(key, "POST /v2/domains/delete", &json!({"domain": domain, "user_id": USER}))
}

/// Gives the domain something in every table.
fn furnish(app: &TestApp, key: &Key) {
    let id = info(app, key, DOMAIN)["domain"]["id"].as_i64().unwrap();
    app.token(key, id);
    app.dns.set("hooks.example.com", vec![postroom::dns::RecordData::A([93, 184, 215, 14].into())]);
    let route = json!({
        "user_id": USER, "forward_mode": "webhook", "webhook_url": "https://hooks.example.com/in",
        "webhook_secret": "s3cret",
    });
    assert_eq!(app.v2_with(key, &format!("PUT /v2/domains/{DOMAIN}/route"), &route).status, 200);
    app.publish_all(DOMAIN);
    let verify = format!("POST /v2/domains/{DOMAIN}/dns/verify");
    assert_eq!(app.v2_with(key, &verify, &json!({"user_id": USER})).status, 200);
    assert_eq!(info(app, key, DOMAIN)["domain"]["status"], "active");
}

#[test]
fn a_domain_goes_with_records_keys_tokens_and_route() {
    let (app, key) = start();
    let before = app.dump();
    furnish(&app, &key);
    let furnished = app.dump();
    let tables = ["domain", "record", "dkim_key", "webhook_key", "domain_token", "route"];
    for table in tables {
        assert!(!furnished[table].is_empty(), "{table} has something to go");
    }
    delete(&app, &key, DOMAIN).is(200, &json!({"ok": true, "deleted": DOMAIN}));
    let mut after = app.dump();
    for table in tables {
        assert_eq!(after.remove(table), Some(Vec::new()), "{table}");
    }
    let events = after.remove("event").unwrap();
    assert!(events.len() > before["event"].len(), "the log keeps what happened");
    for (table, rows) in after {
        assert!(rows.iter().all(|row| !row.contains(DOMAIN)), "{table} still names it");
    }
    assert_eq!(app.actions(key.account).last().unwrap(), &format!("domain.deleted {DOMAIN}"));
    let orphans: i64 = app.value("SELECT count(*) FROM pragma_foreign_key_check");
    assert_eq!(orphans, 0);
}

#[test]
fn a_deleted_domain_is_404_and_can_be_made_anew_with_other_ids() {
    let (app, key) = start();
    furnish(&app, &key);
    let old = info(&app, &key, DOMAIN);
    delete(&app, &key, DOMAIN);
    for each in calls(DOMAIN, USER) {
        call(&app, &key, &each).is(404, &error("there is no such domain"));
    }
    let new = app.v2_domain(&key, DOMAIN, "another");
    assert!(new["domain"]["id"].as_i64() > old["domain"]["id"].as_i64());
    assert!(new["dns"][0]["id"].as_i64() > old["dns"][4]["id"].as_i64(), "an id is never given twice");
    assert_eq!(
        (&new["domain"]["status"], &new["route"]["forward_mode"]),
        (&json!("pending"), &json!("store"))
    );
}

#[test]
fn the_name_is_read_in_any_spelling_and_answered_in_ours() {
    for spelling in ["CUSTOMER.com", "customer.com.", " customer.com "] {
        let (app, key) = start();
        delete(&app, &key, spelling).is(200, &json!({"ok": true, "deleted": DOMAIN}));
    }
}

#[test]
fn a_name_that_is_none_is_400_and_one_that_is_not_there_404() {
    let (app, key) = start();
    let before = app.dump();
    delete(&app, &key, "never.example").is(404, &error("there is no such domain"));
    for (domain, words) in [
        (json!(null), "is required"),
        (json!(""), "is empty"),
        (json!(1), "string"),
        (json!("a b"), "invalid"),
    ] {
        let body = json!({"domain": domain, "user_id": USER});
        super::refuses(&app.v2_with(&key, "POST /v2/domains/delete", &body), "domain", &[words]);
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn the_others_stay() {
    let (app, key) = start();
    let (sibling, other) = (app.v2_domain(&key, "sub.customer.com", USER), app.account("other"));
    let theirs = app.v2_domain(&other, "theirs.example", USER);
    delete(&app, &key, DOMAIN);
    assert_eq!(info(&app, &key, "sub.customer.com"), sibling);
    assert_eq!(info(&app, &other, "theirs.example"), theirs);
}
