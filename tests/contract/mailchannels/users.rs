//! Users.

use super::*;

#[test]
fn a_user_is_made_with_its_lists_and_those_stay_when_it_is_there() {
    let (app, key) = start();
    let body = json!({ "list_entries": { "safelist": ["friend.example"], "blocklist": ["spam@example.net", "192.0.2.1"] } });
    let made = with(&app, &key, "PUT /inbound/v1/users?email_address=Jo@example.com&admin=true", &body);
    let entries = json!([
        {"action": "safelist", "item": "friend.example", "item_type": "domain"},
        {"action": "blocklist", "item": "spam@example.net", "item_type": "email_address"},
        {"action": "blocklist", "item": "192.0.2.1", "item_type": "ip_address"},
    ]);
    let recipient = json!({ "email_address": "Jo@example.com", "roles": ["admin"], "filter": true });
    made.is(201, &json!({ "recipient": recipient, "list_entries": entries }));
    let other = json!({ "list_entries": { "safelist": ["other.example"] } });
    let again = with(&app, &key, "PUT /inbound/v1/users?email_address=jo@example.com&admin=false", &other);
    let recipient = json!({ "email_address": "Jo@example.com", "roles": ["user"], "filter": true });
    again.is(200, &json!({ "recipient": recipient, "list_entries": entries }));
    let bare =
        call(&app, &key, "PUT /inbound/v1/users?email_address=al@example.com&admin=false&filter=false");
    let recipient = json!({ "email_address": "al@example.com", "roles": ["user"], "filter": false });
    bare.is(201, &json!({ "recipient": recipient, "list_entries": [] }));
    let older =
        json!({ "list_entries": { "whitelist": ["w.example"], "blacklist": ["b.example"], "safelist": [] } });
    let made = with(&app, &key, "PUT /inbound/v1/users?email_address=ed@example.com&admin=false", &older);
    let entries = json!([
        {"action": "safelist", "item": "w.example", "item_type": "domain"},
        {"action": "blocklist", "item": "b.example", "item_type": "domain"},
    ]);
    assert_eq!((made.status, &made.json()["list_entries"]), (201, &entries), "the older names of the lists");
}

#[test]
fn a_filter_is_refused_or_computed_at_the_limit() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.postroom
        .write(|tx| {
            let limits = postroom::subscription::Limits { max_domains: None, max_recipients: Some(1) };
            postroom::subscription::create(tx, key.account, "one", limits)
        })
        .unwrap();
    with(&app, &key, "POST /inbound/v1/domains", &json!({"domain": DOMAIN, "subscriptionHandle": "one"}));
    let put = |name: &str, filter: &str| {
        call(
            &app,
            &key,
            &format!("PUT /inbound/v1/users?email_address={name}@example.com&admin=false&filter={filter}"),
        )
    };
    assert_eq!(put("a", "true").json()["recipient"]["filter"], true);
    refuses(&put("b", "true"), 403, "limit");
    assert_eq!(put("b", "compute").json()["recipient"]["filter"], false);
    let email = "b@example.com";
    let set = |body: Value| with(&app, &key, &format!("PUT /inbound/v1/users/{email}/settings"), &body);
    refuses(&set(json!({ "filter": true })), 403, "limit");
    assert_eq!(put("a", "false").json()["recipient"]["filter"], false);
    let changed = set(json!({ "filter": true, "admin": true }));
    changed.is(200, &json!({ "email_address": "b@example.com", "roles": ["admin"], "filter": true }));
    assert_eq!(set(json!({ "filter": "compute" })).json()["roles"], json!(["admin"]));
    for bad in [json!({"filter": "perhaps"}), json!({"filter": 1}), json!({"admin": "yes"}), json!([])] {
        assert_eq!(set(bad.clone()).status, 400, "{bad}");
    }
}

#[test]
fn what_is_wrong_with_a_user_is_named() {
    let (app, key) = start();
    let put = |query: &str, body: &Value| with(&app, &key, &format!("PUT /inbound/v1/users?{query}"), body);
    let none = json!({});
    refuses(&put("admin=true", &none), 400, "email_address");
    refuses(&put("email_address=jo@example.com", &none), 400, "admin");
    refuses(&put("email_address=nobody&admin=true", &none), 400, "email_address");
    refuses(&put("email_address=jo@example.com&admin=perhaps", &none), 400, "admin");
    refuses(&put("email_address=jo@example.com&admin=true&filter=maybe", &none), 400, "filter");
    refuses(&put("email_address=jo@never.example&admin=true", &none), 404, "does not exist");
    let before = app.dump();
    for bad in [
        json!({"list_entries": []}),
        json!({"list_entries": {"safelist": ["a b"]}}),
        json!({"list_entries": {"blocklist": [7]}}),
    ] {
        assert_eq!(put("email_address=jo@example.com&admin=true", &bad).status, 400, "{bad}");
    }
    assert_eq!(app.dump(), before);
    assert_eq!(call(&app, &key, "PUT /inbound/v1/users").status, 400);
}
