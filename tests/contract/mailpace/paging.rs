//! `GET /api/v1/domains`: limits, offsets, orders.

use std::cmp::Ordering;
use std::time::Duration;

use postroom::provision::{self, NewDomain};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::invalid;
use crate::harness::app::{Key, TestApp, settings};

/// Domains with these labels, in one transaction; the clock moves on by one tick before every third.
fn fill(app: &TestApp, key: &Key, labels: &[Option<&str>]) {
    for (index, label) in labels.iter().enumerate() {
        if index % 3 == 2 {
            app.clock.advance(Duration::from_millis(1));
        }
        let name = format!("d{index}.example").parse().unwrap();
        let new = NewDomain { label: *label, ..NewDomain::named(&name) };
        app.postroom.write(|tx| provision::create(tx, &key.operator(), &new).map(drop)).unwrap();
    }
}

fn page(app: &TestApp, key: &Key, query: &str) -> Vec<Value> {
    let reply = app.call(key, &format!("GET /api/v1/domains?{query}"));
    assert_eq!(reply.status, 200, "{query}");
    reply.json().as_array().unwrap().clone()
}

fn ids(domains: &[Value]) -> Vec<i64> {
    domains.iter().map(|domain| domain["id"].as_i64().unwrap()).collect()
}

/// More domains than the largest page. One write each is slow, so the rest is copied behind the library.
fn many(count: usize) -> (TestApp, Key) {
    let app = TestApp::with(settings(), 1);
    let key = app.account("acme");
    fill(&app, &key, &[None]);
    app.sql()
        .execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO domain (account_id, subscription_id, name, claimed_at, created_at, updated_at)
             SELECT account_id, subscription_id, 'n' || i || '.example', claimed_at, created_at, updated_at
             FROM domain, n",
            [i64::try_from(count).unwrap()],
        )
        .unwrap();
    (app, key)
}

#[test]
fn a_page_has_50_by_default_and_200_at_most() {
    let (app, key) = many(205);
    let count = |query: &str| page(&app, &key, query).len();
    assert_eq!(count(""), 50);
    assert_eq!(count("limit=1"), 1);
    assert_eq!(count("limit=200"), 200);
    assert_eq!(count("limit=201"), 200);
    assert_eq!(count("limit=4294967297"), 200);
    assert_eq!(count(&format!("limit={}", "9".repeat(400))), 200);
    assert_eq!(count("limit=&offset="), 50);
    assert_eq!(count("limit=200&offset=200"), 5);
    assert_eq!(count("limit=007"), 7);
}

#[test]
fn a_limit_that_is_no_positive_integer_is_422() {
    let app = TestApp::new();
    let key = app.account("acme");
    for limit in
        ["0", "00", "-1", "abc", "1.5", "1e3", "0x10", "%2B5", "+5", "5+", "%00", "%D9%A1", "NaN", "null"]
    {
        let reply = app.call(&key, &format!("GET /api/v1/domains?limit={limit}"));
        reply.is(422, &invalid("limit", "must be a positive integer"));
    }
}

#[test]
fn an_offset_that_is_no_integer_is_422_and_a_huge_one_is_an_empty_page() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    for offset in ["-1", "abc", "1.5", "1e3", "%2B5", "+5", "%20", "0x1"] {
        let reply = app.call(&key, &format!("GET /api/v1/domains?offset={offset}"));
        reply.is(422, &invalid("offset", "must be an integer, 0 or more"));
    }
    for offset in
        ["1", "9223372036854775807", "9223372036854775808", "18446744073709551616", &"9".repeat(400)]
    {
        assert!(page(&app, &key, &format!("offset={offset}")).is_empty(), "{offset}");
    }
    assert_eq!(page(&app, &key, "offset=0").len(), 1);
}

#[test]
fn an_unknown_order_or_direction_is_422() {
    let app = TestApp::new();
    let key = app.account("acme");
    for sort in ["url", "NAME", "created_at;", "id%20desc", "1", "created_at,id"] {
        let reply = app.call(&key, &format!("GET /api/v1/domains?sort={sort}"));
        reply.is(422, &invalid("sort", "must be created_at, id or name"));
    }
    for direction in ["up", "DESC", "asc%20", "1"] {
        let reply = app.call(&key, &format!("GET /api/v1/domains?direction={direction}"));
        reply.is(422, &invalid("direction", "must be asc or desc"));
    }
    for fine in ["sort=&direction=", "sort=created_at&direction=desc", "unknown=1", "limit", "&&", "%ff=%ff"]
    {
        assert!(page(&app, &key, fine).is_empty(), "{fine}");
    }
}

#[test]
fn the_default_is_the_newest_first() {
    let app = TestApp::new();
    let key = app.account("acme");
    fill(&app, &key, &[None; 7]);
    let all = page(&app, &key, "");
    assert_eq!(ids(&all), [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(page(&app, &key, "sort=created_at&direction=desc"), all);
    assert_eq!(ids(&page(&app, &key, "direction=asc")), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn domains_without_a_name_come_last_both_ways_and_ties_follow_the_direction() {
    let app = TestApp::new();
    let key = app.account("acme");
    fill(&app, &key, &[None, Some("b"), Some("a"), None, Some("b"), Some("ä"), Some("B")]);
    assert_eq!(ids(&page(&app, &key, "sort=name&direction=asc")), [7, 3, 2, 5, 6, 1, 4]);
    assert_eq!(ids(&page(&app, &key, "sort=name&direction=desc")), [6, 5, 2, 3, 7, 4, 1]);
}

/// What the contract says of an order, over replies: the model that pages are held against.
fn model(all: &[Value], sort: &str, descending: bool) -> Vec<i64> {
    let mut sorted = all.to_vec();
    sorted.sort_by(|a, b| {
        let nulls = a["name"].is_null().cmp(&b["name"].is_null());
        let key = |domain: &Value| match sort {
            "name" => domain["name"].as_str().unwrap_or_default().to_owned(),
            "created_at" => domain["created_at"].as_str().unwrap().to_owned(),
            _ => String::new(),
        };
        let rest = key(a).cmp(&key(b)).then(a["id"].as_i64().cmp(&b["id"].as_i64()));
        let rest = if descending { rest.reverse() } else { rest };
        if sort == "name" { nulls.then(rest) } else { Ordering::Equal.then(rest) }
    });
    ids(&sorted)
}

#[test]
fn pages_of_any_size_neither_repeat_nor_skip() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    let labels: Vec<Option<String>> =
        (0..36).map(|i| (i % 4 != 0).then(|| format!("label {}", i * 7 % 5))).collect();
    fill(&app, &key, &labels.iter().map(Option::as_deref).collect::<Vec<_>>());
    app.postroom
        .write(|tx| {
            let name = "foreign.example".parse().unwrap();
            let new = NewDomain { label: Some("label"), ..NewDomain::named(&name) };
            provision::create(tx, &other.operator(), &new).map(drop)
        })
        .unwrap();
    let all = page(&app, &key, "limit=200");
    assert_eq!(all.len(), 36);
    let orders = (prop::sample::select(vec!["created_at", "id", "name"]), any::<bool>(), 1_usize..40);
    TestRunner::new(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })
        .run(&orders, |(sort, descending, limit)| {
            let direction = if descending { "desc" } else { "asc" };
            let mut seen = Vec::new();
            loop {
                let query = format!("sort={sort}&direction={direction}&limit={limit}&offset={}", seen.len());
                let next = page(&app, &key, &query);
                prop_assert!(next.len() <= limit);
                if next.is_empty() {
                    break;
                }
                seen.extend(ids(&next));
            }
            prop_assert_eq!(seen, model(&all, sort, descending));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_listed_domain_is_the_same_as_a_shown_one() {
    let app = TestApp::new();
    let key = app.account("acme");
    fill(&app, &key, &[Some("x"), None, None]);
    app.publish(&key, 2);
    app.call(&key, "POST /api/v1/domains/2/verify");
    for listed in page(&app, &key, "sort=name") {
        let id = &listed["id"];
        app.call(&key, &format!("GET /api/v1/domains/{id}")).is(200, &listed);
        assert_eq!(listed["dkim_verified"], json!(*id == json!(2)));
    }
}

#[test]
fn the_last_of_two_values_of_a_parameter_counts() {
    let app = TestApp::new();
    let key = app.account("acme");
    fill(&app, &key, &[None; 3]);
    assert_eq!(page(&app, &key, "limit=abc&limit=2").len(), 2);
}
