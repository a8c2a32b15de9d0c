//! `GET /v2/domains`: a user's domains, page by page.

use serde_json::{Value, json};

use super::{DOMAIN_KEYS, keys, refuses, start};
use crate::harness::app::{Key, TestApp};
use crate::harness::v2::USER;

/// Seven domains of one user, the newest last, with others' among them.
fn seven() -> (TestApp, Key, Vec<Value>) {
    let app = TestApp::new();
    let (key, stranger) = (app.account("acme"), app.account("other"));
    let mut own = Vec::new();
    for number in 0..7 {
        own.push(app.v2_domain(&key, &format!("d{number}.example"), USER)["domain"].clone());
        app.v2_domain(&key, &format!("u{number}.example"), "another");
        app.v2_domain(&stranger, &format!("s{number}.example"), USER);
        app.domain(&key, &format!("m{number}.example"));
        // Two at a time are made at the same moment.
        if number % 2 == 1 {
            app.advance(1);
        }
    }
    own.reverse();
    (app, key, own)
}

fn page(app: &TestApp, key: &Key, query: &str) -> Value {
    let reply = app.v2(key, &format!("GET /v2/domains?user_id={USER}{query}"));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

#[test]
fn a_users_own_domains_are_listed_the_newest_first() {
    let (app, key, own) = seven();
    let all = page(&app, &key, "");
    assert_eq!(all, json!({"items": own, "limit": 50, "offset": 0}));
    assert_eq!(keys(&all), ["items", "limit", "offset"]);
    assert_eq!(keys(&all["items"][0]), DOMAIN_KEYS, "the inner object alone");
}

#[test]
fn pages_follow_on_each_other_without_gap_or_overlap() {
    let (app, key, own) = seven();
    for size in 1..=8_usize {
        let mut seen = Vec::new();
        for offset in (0..9).step_by(size) {
            let page = page(&app, &key, &format!("&limit={size}&offset={offset}"));
            assert_eq!((&page["limit"], &page["offset"]), (&json!(size), &json!(offset)));
            seen.extend(page["items"].as_array().unwrap().clone());
        }
        assert_eq!(seen, own, "{size}");
    }
}

#[test]
fn a_limit_is_at_most_200_and_an_offset_anything() {
    let (app, key) = start();
    for (query, limit, offset, count) in [
        ("&limit=200", json!(200), json!(0), 1),
        ("&limit=201", json!(200), json!(0), 1),
        ("&limit=99999999999999999999999", json!(200), json!(0), 1),
        ("&limit=&offset=", json!(50), json!(0), 1),
        ("&offset=1", json!(50), json!(1), 0),
        ("&offset=18446744073709551615", json!(50), json!(i64::MAX), 0),
        ("&limit=1&limit=7", json!(7), json!(0), 1),
    ] {
        let page = page(&app, &key, query);
        assert_eq!((&page["limit"], &page["offset"]), (&limit, &offset), "{query}");
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
}

#[test]
fn a_limit_or_offset_that_is_no_number_is_400_naming_it() {
    let (app, key) = start();
    for bad in ["-1", "1.5", "ten", "0x10", "+1", "1e3", "%20", "1;2"] {
        for field in ["limit", "offset"] {
            let reply = app.v2(&key, &format!("GET /v2/domains?user_id={USER}&{field}={bad}"));
            refuses(&reply, field, &["must be"]);
        }
    }
    let none = app.v2(&key, &format!("GET /v2/domains?user_id={USER}&limit=0"));
    refuses(&none, "limit", &["positive"]);
}

#[test]
fn a_user_without_domains_has_an_empty_list() {
    let (app, key) = start();
    let reply = app.v2(&key, "GET /v2/domains?user_id=nobody");
    reply.is(200, &json!({"items": [], "limit": 50, "offset": 0}));
}
