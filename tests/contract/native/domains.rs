//! `GET /postroom/v1/domains/{name}`: the whole domain, with which keys sign for it and the reasons of its status.

use serde_json::{Value, json};

use super::bearer;
use crate::harness::app::TestApp;

fn shown(app: &TestApp, key: &crate::harness::app::Key, name: &str) -> Value {
    let reply = bearer(app, key, &format!("GET /postroom/v1/domains/{name}"));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

#[test]
fn a_whole_domain_says_who_signs_for_it_or_why_nobody_does() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    let new = shown(&app, &key, "example.com");
    assert_eq!((&new["domain"], &new["status"]), (&json!("example.com"), &json!("pending")));
    assert_eq!(new["records"].as_array().unwrap().len(), 5);
    let signing = &new["signing"];
    assert_eq!((&signing["state"], &signing["by"]), (&json!("none"), &json!("example.com")));
    assert_eq!((&signing["selectors"], &signing["since"]), (&json!([]), &Value::Null));
    assert_eq!(signing["reason"]["code"], "not_seen");
    assert_eq!(new["reason"], signing["reason"]["text"]);
    assert_eq!(new["reasons"][0]["record"], "dkim");

    app.publish_all("example.com");
    assert_eq!(bearer(&app, &key, "POST /postroom/v1/domains/example.com/verify").status, 200);
    let active = shown(&app, &key, "example.com");
    assert_eq!((&active["status"], &active["reason"]), (&json!("active"), &Value::Null));
    let signing = &active["signing"];
    assert_eq!((&signing["state"], &signing["selectors"]), (&json!("signs"), &json!(["pr1"])));
    assert_eq!((&signing["since"], &signing["reason"]), (&json!("2026-11-21T10:00:00.120Z"), &Value::Null));
    bearer(&app, &key, "GET /postroom/v1/domains/none.example")
        .is(404, &json!({"error": {"code": "no_such_domain", "message": "there is no such domain"}}));
}
