//! Provision, list, show and deprovision one domain.

use super::*;

#[test]
fn a_new_domain_is_shown_whole_with_arrays_that_are_never_null() {
    let app = TestApp::new();
    let key = app.account("acme");
    let shown = provision(&app, &key, "Example.COM");
    assert!(shown["reason"].as_str().unwrap().contains("example.com has no DKIM key"), "{shown}");
    assert_eq!(shown["signing"]["state"], "none");
    let made = without_reasons(shown.clone());
    assert_eq!(
        made,
        json!({
            "domain": "example.com",
            "subscriptionHandle": "default",
            "settings": {
                "abusePolicy": null, "abusePolicyOverride": null, "spamHeaderName": null, "spamHeaderValue": null
            },
            "admins": [], "downstreamAddresses": [], "aliases": [],
        })
    );
    let domain = DOMAIN;
    assert_eq!(call(&app, &key, &format!("GET /inbound/v1/domains/{domain}")).json(), shown);
}

/// What a dialect shows of a domain beside its signing and the reasons of its status.
fn without_reasons(mut domain: Value) -> Value {
    let fields = domain.as_object_mut().unwrap();
    for name in ["reason", "reasons", "signing"] {
        assert!(fields.remove(name).is_some(), "{name}");
    }
    domain
}

#[test]
fn a_domain_is_provisioned_with_everything_at_once() {
    let app = TestApp::new();
    let key = app.account("acme");
    let wish = json!({
        "domain": "example.com", "subscriptionHandle": "default",
        "settings": {
            "abusePolicy": "flag", "abusePolicyOverride": true, "spamHeaderName": "X-Spam", "spamHeaderValue": "yes"
        },
        "admins": ["Jo@Example.com", "al@example.net"],
        "downstreamAddresses": [server(10, "mx1.example.net."), server(20, "mx2.example.net")],
        "aliases": ["example.org", "bücher.example"],
    });
    let made = with(&app, &key, "POST /inbound/v1/domains", &wish);
    assert_eq!(made.status, 201, "{made:?}");
    let mut expected = wish.clone();
    expected["admins"] = json!(["Jo@example.com", "al@example.net"]);
    expected["aliases"] = json!(["example.org", "xn--bcher-kva.example"]);
    assert_eq!(without_reasons(made.json()), expected);
    // Again it is there already, and keeps what it has unless that is overwritten.
    let other = json!({
        "domain": "example.com", "subscriptionHandle": "default", "admins": [], "settings": {"abusePolicy": "block"},
    });
    let again = with(&app, &key, "POST /inbound/v1/domains", &other);
    assert_eq!((again.status, without_reasons(again.json())), (200, expected.clone()));
    let over = with(&app, &key, "POST /inbound/v1/domains?overwrite=true", &other);
    assert_eq!(over.status, 200);
    expected["admins"] = json!([]);
    expected["settings"] = json!({
        "abusePolicy": "block", "abusePolicyOverride": null, "spamHeaderName": null, "spamHeaderValue": null
    });
    assert_eq!(without_reasons(over.json()), expected, "a section that is left out is carried forward");
}

/// The published file: "unless … there is problem updating a setting in which case the previous settings are carried forward".
#[test]
fn an_overwrite_keeps_the_aliases_where_it_cannot_set_them_and_sets_the_rest() {
    let app = TestApp::new();
    let key = app.account("acme");
    for (domain, alias) in [("one.example", "first.example"), ("two.example", "second.example")] {
        let wish = json!({ "domain": domain, "subscriptionHandle": "default", "aliases": [alias] });
        assert_eq!(with(&app, &key, "POST /inbound/v1/domains", &wish).status, 201);
    }
    let wish = json!({
        "domain": "two.example", "subscriptionHandle": "default", "aliases": ["first.example"],
        "settings": { "abusePolicy": "block" },
    });
    let over = with(&app, &key, "POST /inbound/v1/domains?overwrite=true", &wish);
    assert_eq!((over.status, &over.json()["aliases"]), (200, &json!(["second.example"])), "{over:?}");
    assert_eq!(over.json()["settings"]["abusePolicy"], "block");
    let line = "POST /inbound/v1/domains/batch?subscriptionHandle=default&overwrite=true";
    let batch = with(&app, &key, line, &json!({ "domains": [wish] })).json();
    let comment = batch["successes"][0]["comment"].as_str().unwrap();
    assert!(comment.contains("already") && comment.contains("its aliases stay as they were"), "{batch}");
}

#[test]
fn the_subscription_may_stand_in_the_query_and_must_be_ones_own() {
    let app = TestApp::new();
    let key = app.account("acme");
    let body = json!({ "domain": "a.example" });
    let queried = with(&app, &key, "POST /inbound/v1/domains?subscriptionHandle=default", &body);
    assert_eq!(queried.status, 201, "{queried:?}");
    refuses(&with(&app, &key, "POST /inbound/v1/domains", &body), 400, "subscriptionHandle");
    let line = "POST /inbound/v1/domains?subscriptionHandle=default";
    for (own, status) in [("", 200), ("default", 200), ("gold", 400)] {
        let both = json!({ "domain": "a.example", "subscriptionHandle": own });
        assert_eq!(with(&app, &key, line, &both).status, status, "{own}");
    }
    let foreign = json!({ "domain": "b.example", "subscriptionHandle": "gold" });
    refuses(&with(&app, &key, "POST /inbound/v1/domains", &foreign), 403, "no such subscription");
    app.postroom
        .write(|tx| {
            let limits = postroom::subscription::Limits { max_domains: Some(1), max_recipients: Some(5) };
            postroom::subscription::create(tx, key.account, "small", limits)
        })
        .unwrap();
    let small = |name: &str| json!({ "domain": name, "subscriptionHandle": "small" });
    assert_eq!(with(&app, &key, "POST /inbound/v1/domains", &small("c.example")).status, 201);
    refuses(&with(&app, &key, "POST /inbound/v1/domains", &small("d.example")), 403, "limit");
    let shown = call(&app, &key, "GET /inbound/v1/subscriptions").json();
    assert_eq!(
        shown[1],
        json!({
            "handle": "small", "active": true, "plan": {"handle": "small", "name": "small"},
            "limits": [
                {"featureHandle": "domains", "value": "1"}, {"featureHandle": "protected-addresses", "value": "5"}
            ],
            "activeAccountsCount": 1,
        })
    );
    assert_eq!((&shown[0]["limits"], &shown[0]["activeAccountsCount"]), (&json!([]), &json!(1)));
}

#[test]
fn what_is_anothers_is_a_conflict_or_unknown_and_names_are_names() {
    let (app, key) = start();
    let other = app.account("other");
    let body = json!({ "domain": DOMAIN, "subscriptionHandle": "default" });
    refuses(&with(&app, &other, "POST /inbound/v1/domains", &body), 409, "already");
    for line in ["GET /inbound/v1/domains/example.com", "DELETE /inbound/v1/domains/example.com"] {
        refuses(&call(&app, &other, line), 404, "does not exist");
        refuses(&call(&app, &key, &line.replace("example.com", "never.example")), 404, "does not exist");
    }
    for bad in ["", "no name", "a_b.example", "xn--a.example", "example", "192.0.2.1"] {
        let body = json!({ "domain": bad, "subscriptionHandle": "default" });
        refuses(&with(&app, &key, "POST /inbound/v1/domains", &body), 400, "domain");
    }
    refuses(&call(&app, &key, "GET /inbound/v1/domains/no%20name"), 400, "domain");
    let domain = DOMAIN;
    let gone = call(&app, &key, &format!("DELETE /inbound/v1/domains/{domain}"));
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(call(&app, &key, &format!("DELETE /inbound/v1/domains/{domain}")).status, 404);
}

#[test]
fn domains_are_listed_by_page_and_by_name_with_how_many_there_are() {
    let app = TestApp::new();
    let key = app.account("acme");
    (0..12).for_each(|n| drop(provision(&app, &key, &format!("d{n}.example"))));
    app.domain(&app.account("other"), "other.example");
    let list = |query: &str| call(&app, &key, &format!("GET /inbound/v1/domains{query}")).json();
    let names = |list: &Value| -> Vec<String> {
        let domains = list["domains"].as_array().unwrap().iter();
        domains.map(|each| each["domain"].as_str().unwrap().to_owned()).collect()
    };
    let first = list("");
    assert_eq!((names(&first).len(), &first["total"]), (10, &json!(12)));
    assert_eq!(names(&list("?offset=10")), ["d10.example", "d11.example"]);
    assert_eq!(names(&list("?limit=2&offset=1")), ["d1.example", "d2.example"]);
    for query in [
        "?domains=d1.example&domains=D3.example.",
        "?domains=d1.example,d3.example",
        "?domains=d1.example%2Cd3.example,other.example",
    ] {
        let some = list(query);
        assert_eq!(
            (names(&some), &some["total"]),
            (vec!["d1.example".into(), "d3.example".into()], &json!(2)),
            "{query}"
        );
    }
    let none = list("?domains=never.example");
    assert_eq!((names(&none).len(), &none["total"]), (0, &json!(0)));
    assert_eq!(names(&list("?limit=0")).len(), 0);
    assert_eq!(names(&list("?limit=5000")).len(), 12);
    for bad in ["limit=5001", "limit=-1", "limit=x", "offset=-1", "offset=1.5", "domains=no%20name"] {
        let field = bad.split('=').next().unwrap();
        refuses(&call(&app, &key, &format!("GET /inbound/v1/domains?{bad}")), 400, field);
    }
    assert_eq!(call(&app, &key, "GET /inbound/v1/domains").status, 200);
}

#[test]
fn a_domains_first_dkim_key_comes_from_the_background_or_with_what_needs_it_and_no_get_makes_it() {
    let app = TestApp::new();
    let key = app.account("acme");
    provision(&app, &key, DOMAIN);
    let keys = || app.value::<i64>("SELECT count(*) FROM dkim_key");
    let id: i64 = app.value("SELECT id FROM domain");
    let shown = app.call(&key, &format!("GET /api/v1/domains/{id}")).json();
    assert_eq!((&shown["dkim_string"], &shown["dkim_selector"]), (&Value::Null, &Value::Null));
    let info = app.v2(&key, "GET /v2/domains/example.com/info?user_id=u");
    assert_eq!(info.status, 404, "it has no user");
    assert_eq!(keys(), 0);
    // A check needs it.
    app.call(&key, &format!("POST /api/v1/domains/{id}/verify"));
    assert_eq!(keys(), 1);
    provision(&app, &key, "second.example");
    provision(&app, &key, "third.example");
    // One domain of an account at a time, for the accounts take turns.
    for made in [2, 3] {
        assert!(postroom::provision::equip_some(&app.postroom, 16).unwrap());
        assert_eq!(keys(), made);
    }
    assert!(!postroom::provision::equip_some(&app.postroom, 16).unwrap());
    let records: i64 = app.value("SELECT count(*) FROM record WHERE purpose = 'dkim'");
    assert_eq!(records, 3);
    let shown = app.call(&key, &format!("GET /api/v1/domains/{}", id + 1)).json();
    assert_eq!(shown["dkim_selector"], "pr1");
}
