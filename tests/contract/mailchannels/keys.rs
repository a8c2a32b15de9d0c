//! Domains that belong to one key of their account.

use super::*;

#[test]
fn a_domain_of_one_key_is_there_for_it_alone() {
    let app = TestApp::new();
    let key = app.account("acme");
    let sibling = app.key_of(key.account);
    let body = json!({"domain": DOMAIN, "subscriptionHandle": "default"});
    assert_eq!(with(&app, &key, "POST /inbound/v1/domains?associate-key=true", &body).status, 201);
    provision(&app, &key, "free.example");
    let total = |key: &Key| call(&app, key, "GET /inbound/v1/domains").json()["total"].clone();
    assert_eq!((total(&key), total(&sibling)), (json!(2), json!(1)));
    let named = call(&app, &sibling, "GET /inbound/v1/domains?domains=example.com").json();
    assert_eq!((&named["domains"], &named["total"]), (&json!([]), &json!(0)));
    for line in [
        "GET /inbound/v1/domains/example.com",
        "DELETE /inbound/v1/domains/example.com",
        "GET /inbound/v1/domains/example.com/settings",
    ] {
        refuses(&call(&app, &sibling, line), 403, "another API key");
    }
    refuses(&with(&app, &sibling, "POST /inbound/v1/domains", &body), 403, "another API key");
    // In the other dialects it is not there.
    let id: i64 = app.value("SELECT id FROM domain WHERE name = 'example.com'");
    assert_eq!(app.call(&sibling, &format!("GET /api/v1/domains/{id}")).status, 404);
}

#[test]
fn a_domain_is_handed_to_another_key_and_freed() {
    let (app, key) = start();
    let sibling = app.key_of(key.account);
    let domain = DOMAIN;
    let set = |by: &Key, to: Value| {
        with(&app, by, &format!("PUT /inbound/v1/domains/{domain}/api-key"), &json!({ "apiKey": to }))
    };
    let given = set(&key, json!(sibling.secret));
    assert_eq!((given.status, given.body.len()), (204, 0));
    let show = |key: &Key| call(&app, key, "GET /inbound/v1/domains/example.com").status;
    assert_eq!((show(&key), show(&sibling)), (403, 200));
    refuses(&set(&key, json!(key.secret)), 403, "another API key");
    assert_eq!(set(&sibling, Value::Null).status, 204);
    assert_eq!((show(&key), show(&sibling)), (200, 200));
    let stranger = app.account("other");
    let revoked = app.key_of(key.account);
    app.revoke(&revoked);
    for bad in [json!("garbage"), json!(stranger.secret), json!(revoked.secret), json!(7)] {
        refuses(&set(&key, bad), 400, "apiKey");
    }
    refuses(&with(&app, &key, "PUT /inbound/v1/domains/example.com/api-key", &json!({})), 400, "apiKey");
    // Revoking a key frees its domains in the same transaction.
    set(&key, json!(sibling.secret));
    app.revoke(&sibling);
    assert_eq!(show(&key), 200);
}

#[test]
fn a_domain_is_not_given_to_a_key_that_could_not_work_on_it() {
    use postroom::access::{KeyScope, KeyScopes};
    use postroom::key::KeyRequest;
    let (app, key) = start();
    let other = postroom::id::DomainId::new(app.domain(&key, "other.example"));
    let scopes = |scope| KeyRequest { scopes: Some(KeyScopes::new([scope])), ..KeyRequest::default() };
    let elsewhere = KeyRequest { domains: Some(Some([other].into())), ..KeyRequest::default() };
    let set = |to: &Key| {
        with(&app, &key, "PUT /inbound/v1/domains/example.com/api-key", &json!({ "apiKey": to.secret }))
    };
    for (request, words) in [
        (elsewhere, "apiKey is not usable: it is limited to other domains"),
        (scopes(KeyScope::ReadAll), "domains:write"),
    ] {
        refuses(&set(&app.limited_key(key.account, request)), 400, words);
    }
    assert_eq!(call(&app, &key, "GET /inbound/v1/domains/example.com").status, 200, "it is free");
    assert_eq!(set(&app.limited_key(key.account, scopes(KeyScope::DomainsWrite))).status, 204);
}
