//! `POST /v2/domain` for a domain that the account made through another dialect: it is adopted, as it is.

use postroom::domain;
use postroom::id::DomainId;
use serde_json::{Value, json};

use super::{DOMAIN, call, calls, error, info};
use crate::harness::app::{Key, Reply, TestApp};
use crate::harness::v2::USER;

fn start() -> (TestApp, Key, i64) {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, DOMAIN);
    (app, key, id)
}

fn adopt(app: &TestApp, key: &Key, user: &str) -> Reply {
    let body = json!({"domain": DOMAIN, "user_id": user, "organization_id": "org_456"});
    app.v2_with(key, "POST /v2/domain", &body)
}

#[test]
fn a_domain_without_a_user_is_404_until_it_is_named() {
    let (app, key, _) = start();
    let before = app.dump();
    for each in calls(DOMAIN, USER) {
        call(&app, &key, &each).is(404, &error("there is no such domain"));
    }
    let listed = app.v2(&key, &format!("GET /v2/domains?user_id={USER}")).json();
    assert_eq!(listed["items"], json!([]));
    assert_eq!(app.dump(), before);
}

#[test]
fn naming_it_adopts_it_with_the_records_and_statuses_that_it_has() {
    let (app, key, id) = start();
    app.publish_all(DOMAIN);
    assert_eq!(app.call(&key, &format!("POST /api/v1/domains/{id}/verify")).status, 200);
    let records = app.dump().remove("record");
    app.advance(1);
    let reply = adopt(&app, &key, USER);
    let made = reply.json();
    assert_eq!((reply.status, &made["message"]), (201, &json!("Domain created")));
    let domain = &made["domain"]["domain"];
    let at = (&domain["created_at"], &domain["updated_at"]);
    assert_eq!(at, (&json!("2026-11-21T10:00:00.120Z"), &json!("2026-11-21T11:00:00.120Z")));
    assert_eq!((&domain["id"], &domain["status"]), (&json!(id), &json!("active")));
    assert_eq!((&domain["user_id"], &domain["organization_id"]), (&json!(USER), &json!("org_456")));
    assert_eq!(app.dump().remove("record"), records, "the records are left alone");
    assert_eq!(info(&app, &key, DOMAIN), made["domain"]);
    assert_eq!(app.call(&key, &format!("GET /api/v1/domains/{id}")).status, 200, "it is there as before");
    let events = app.events(key.account);
    let event = events.last().unwrap();
    assert_eq!((event.action(), event.subject().as_str()), ("domain.changed", DOMAIN));
    assert!(event.detail().unwrap().contains(USER));
}

#[test]
fn an_adopted_domain_is_409_to_everybody_from_then_on() {
    let (app, key, _) = start();
    adopt(&app, &key, USER);
    let before = app.dump();
    for user in [USER, "another"] {
        adopt(&app, &key, user).is(409, &error("domain exists already"));
    }
    assert_eq!(app.dump(), before);
    let other = app.v2(&key, &format!("GET /v2/domains/{DOMAIN}/info?user_id=another"));
    other.is(404, &error("there is no such domain"));
}

#[test]
fn another_account_adopts_nothing() {
    let (app, _, _) = start();
    let other = app.account("other");
    let before = app.dump();
    let refused = adopt(&app, &other, USER);
    assert!(refused.status == 409 && refused.text().contains("domain exists already"), "{refused:?}");
    assert_eq!(app.dump(), before);
}

#[test]
fn a_domain_that_is_tied_to_another_key_is_not_adopted() {
    let (app, key, id) = start();
    let sibling = app.key_of(key.account);
    app.postroom
        .write(|tx| {
            let domain = domain::find(tx, &key.operator(), DomainId::new(id))?;
            domain::associate(tx, &key.operator(), &domain, Some(key.id))
        })
        .unwrap();
    let before = app.dump();
    adopt(&app, &sibling, USER).is(409, &error("domain exists already"));
    assert_eq!(app.dump(), before);
    assert_eq!(adopt(&app, &key, USER).status, 201);
}

#[test]
fn a_full_subscription_is_no_reason_not_to_adopt_what_counts_already() {
    let (app, key, _) = start();
    app.sql().execute("UPDATE subscription SET max_domains = 1", []).unwrap();
    assert_eq!(adopt(&app, &key, USER).status, 201);
}

#[test]
fn one_of_two_adoptions_at_once_wins() {
    let (app, key, _) = start();
    let users = ["one", "two", "three", "four"];
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads = users.map(|user| scope.spawn(|| adopt(&app, &key, user).status));
        threads.map(|thread| thread.join().unwrap()).into()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 3, "{statuses:?}");
    let owner: Value = json!(app.value::<String>("SELECT user_id FROM domain"));
    assert!(users.iter().any(|user| owner == *user));
}
