//! Aliases of a domain.

use postroom::domain;
use postroom::key::KeyRequest;

use super::*;

#[test]
fn an_alias_is_made_once_anywhere_and_taken_away() {
    let (app, key) = start();
    let (domain, alias) = (DOMAIN, "Example.ORG");
    let ask = |line: &str| call(&app, &key, line);
    let made = ask(&format!("POST /inbound/v1/domains/{domain}/alias/{alias}"));
    let json = made.json();
    assert_eq!(
        (made.status, &json["alias"], &json["domain"]["aliases"]),
        (200, &json!("example.org"), &json!(["example.org"]))
    );
    refuses(&ask("POST /inbound/v1/domains/example.com/alias/example.org"), 409, "alias");
    refuses(&ask("POST /inbound/v1/domains/example.com/alias/example.com"), 409, "alias");
    provision(&app, &key, "second.example");
    refuses(&ask("POST /inbound/v1/domains/second.example/alias/example.org"), 409, "alias");
    let other = app.account("other");
    app.domain(&other, "other.example");
    refuses(&call(&app, &other, "POST /inbound/v1/domains/other.example/alias/example.org"), 409, "alias");
    refuses(&ask("POST /inbound/v1/domains/example.com/alias/other.example"), 409, "alias");
    refuses(&ask("POST /inbound/v1/domains/example.com/alias/a_b"), 400, "alias");
    // No domain is made of one, in any dialect.
    let taken = with(
        &app,
        &other,
        "POST /inbound/v1/domains",
        &json!({"domain": "example.org", "subscriptionHandle": "default"}),
    );
    refuses(&taken, 409, "alias");
    let gone = ask(&format!("DELETE /inbound/v1/domains/{domain}/alias/{alias}"));
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    refuses(&ask(&format!("DELETE /inbound/v1/domains/{domain}/alias/{alias}")), 404, "alias");
    assert_eq!(app.domain(&other, "example.org"), app.value::<i64>("SELECT max(id) FROM domain"));
}

#[test]
fn whoever_is_limited_to_some_domains_adds_only_aliases_below_them_where_aliases_act_at_once() {
    let (app, key) = start();
    let domains = |key: &Key, name: &str| {
        let domain = app.postroom.read(|tx| {
            domain::find_named(tx, &key.operator(), &name.parse().unwrap()).map(|domain| domain.id)
        });
        Some(Some([domain.unwrap()].into()))
    };
    let request = KeyRequest { domains: domains(&key, DOMAIN), ..Default::default() };
    let limited = app.limited_key(key.account, request);
    refuses(
        &call(&app, &limited, "POST /inbound/v1/domains/example.com/alias/example.org"),
        400,
        "administrator",
    );
    let ok = call(&app, &limited, "POST /inbound/v1/domains/example.com/alias/mail.example.com");
    assert_eq!(ok.status, 200, "{ok:?}");
    // Whoever administers the account is not limited, and a tenant's alias waits for its proof.
    assert_eq!(call(&app, &key, "POST /inbound/v1/domains/example.com/alias/example.org").status, 200);
    let tenant = app.tenant("tenant");
    app.domain(&tenant, "tenant.example");
    let request = KeyRequest { domains: domains(&tenant, "tenant.example"), ..Default::default() };
    let limited = app.limited_key(tenant.account, request);
    assert_eq!(
        call(&app, &limited, "POST /inbound/v1/domains/tenant.example/alias/elsewhere.example").status,
        200
    );
}

#[test]
fn an_alias_is_no_domain_to_its_account_and_unknown_to_others() {
    let (app, key) = start();
    call(&app, &key, "POST /inbound/v1/domains/example.com/alias/example.org");
    let other = app.account("other");
    for line in [
        "GET /inbound/v1/domains/example.org",
        "DELETE /inbound/v1/domains/example.org",
        "GET /inbound/v1/domains/example.org/downstream-address",
        "POST /inbound/v1/domains/example.org/alias/third.example",
    ] {
        refuses(&call(&app, &key, line), 403, "alias");
        refuses(&call(&app, &other, line), 404, "does not exist");
    }
}

#[test]
fn mail_for_an_alias_goes_where_its_domains_goes_and_it_counts_toward_no_limit() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.postroom
        .write(|tx| {
            let limits = postroom::subscription::Limits { max_domains: Some(1), max_recipients: None };
            postroom::subscription::create(tx, key.account, "one", limits)
        })
        .unwrap();
    let body = json!({"domain": DOMAIN, "subscriptionHandle": "one", "aliases": ["a.example", "b.example"]});
    assert_eq!(with(&app, &key, "POST /inbound/v1/domains", &body).status, 201);
    let decide = |address: &str| {
        app.postroom.read(|tx| postroom::route::decide(tx, &address.parse().unwrap())).unwrap()
    };
    assert_eq!(format!("{:?}", decide("jo@a.example")), format!("{:?}", decide("jo@example.com")));
    assert!(format!("{:?}", decide("jo@c.example")).contains("Unknown"));
}

#[test]
fn an_alias_of_an_unproved_domain_gives_way_as_the_domain_would() {
    let (app, key) = start();
    call(&app, &key, "POST /inbound/v1/domains/example.com/alias/example.org");
    postroom::signing::distrust(&app.postroom, "acme").unwrap();
    let other = app.tenant("other");
    let body = json!({"domain": "example.org", "subscriptionHandle": "default"});
    refuses(&with(&app, &other, "POST /inbound/v1/domains", &body), 409, "alias");
    app.advance(8 * 24);
    assert_eq!(with(&app, &other, "POST /inbound/v1/domains", &body).status, 201);
    assert_eq!(call(&app, &key, "GET /inbound/v1/domains/example.com").json()["aliases"], json!([]));
}
