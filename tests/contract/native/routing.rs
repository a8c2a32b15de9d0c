//! `/postroom/v1/domains/{name}/route`.

use serde_json::json;

use super::bearer;
use crate::harness::app::{Key, Reply, TestApp};

fn put(app: &TestApp, key: &Key, text: &str) -> Reply {
    let headers =
        [("Authorization", format!("Bearer {}", key.secret)), ("Content-Type", "application/json".into())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let name = "example.com";
    app.send(&format!("PUT /postroom/v1/domains/{name}/route"), &headers, text.as_bytes())
}

#[test]
fn a_route_says_which_recipients_are_known_and_who_takes_the_rest() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    let id = app.domain(&key, "example.com");
    let route = |recipients: &str, catch_all: Option<&str>| {
        json!({ "domain": "example.com", "route": {
            "mode": "store", "webhook_url": null, "has_webhook_secret": false, "forward_to": null,
            "recipients": recipients, "catch_all": catch_all,
        } })
    };
    let name = "example.com";
    let get = |key: &Key| bearer(&app, key, &format!("GET /postroom/v1/domains/{name}/route"));
    get(&key).is(200, &route("any", None));
    put(&app, &key, r#"{"recipients":"known","catch_all":"Jo@example.com"}"#)
        .is(200, &route("known", Some("Jo@example.com")));
    put(&app, &key, "{}").is(200, &route("known", Some("Jo@example.com")));
    put(&app, &key, r#"{"catch_all":""}"#).is(200, &route("known", None));
    get(&key).is(200, &route("known", None));
    for wrong in [
        r#"{"recipients":"some"}"#,
        r#"{"recipients":7}"#,
        r#"{"catch_all":"nobody"}"#,
        r#"{"catch_all":"jo@other.example"}"#,
        r#"{"mode":"store"}"#,
        "",
    ] {
        assert_eq!(put(&app, &key, wrong).status, 400, "{wrong}");
    }
    assert_eq!((get(&other).status, put(&app, &other, "{}").status), (404, 404));
    let audit = app.events(app.details(&key, postroom::id::DomainId::new(id)).account);
    let text =
        |part: &str| audit.iter().any(|event| event.detail().is_some_and(|detail| detail.contains(part)));
    assert!(text("recipients set to \"known\""), "{audit:?}");
    assert!(
        text("catch-all address set to Jo@example.com") && text("catch-all address removed"),
        "{audit:?}"
    );
}

#[test]
fn the_lifecycle_dialect_sets_the_recipients_as_well() {
    use crate::harness::v2::USER;
    let app = TestApp::new();
    let key = app.account("acme");
    app.v2_domain(&key, "customer.com", USER);
    let body = json!({ "user_id": USER, "recipients": "known", "catch_all": "all@customer.com" });
    let route = app.v2_with(&key, "PUT /v2/domains/customer.com/route", &body).json()["route"].clone();
    assert_eq!((&route["recipients"], &route["catch_all"]), (&json!("known"), &json!("all@customer.com")));
    let body = json!({ "user_id": USER, "recipients": "some" });
    assert_eq!(app.v2_with(&key, "PUT /v2/domains/customer.com/route", &body).status, 400);
    let body = json!({ "user_id": USER, "recipients": "any", "catch_all": null });
    let route = app.v2_with(&key, "PUT /v2/domains/customer.com/route", &body).json()["route"].clone();
    assert_eq!((&route["recipients"], &route["catch_all"]), (&json!("any"), &json!(null)));
}
