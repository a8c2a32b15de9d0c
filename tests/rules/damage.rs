//! Damage in the file: it is noticed before anything of it is shown, and the rest is served.

use postroom::error::Error;
use postroom::id::DomainId;
use postroom::integrity::{self, Next, Round};
use postroom::keyring::{self, Filter, Window};

use crate::harness::app::{Key, TestApp};

/// Changes the file behind the library's back.
fn change(app: &TestApp, sql: &str) {
    assert!(app.sql().execute(sql, []).unwrap() > 0, "{sql}");
}

fn damaged(app: &TestApp) -> Vec<String> {
    app.postroom.read(integrity::damaged_rows).unwrap()
}

/// An app with two domains, and the path of the first in each dialect that shows what is published.
fn two_domains() -> (TestApp, Key, i64) {
    let app = TestApp::new();
    let key = app.account("acme");
    let first = app.domain(&key, "one.example.com");
    app.domain(&key, "two.example.com");
    (app, key, first)
}

#[test]
fn a_published_value_that_was_changed_in_the_file_is_refused_with_a_sentence_and_left_out_of_lists() {
    for sql in [
        "UPDATE dkim_key SET public_key = zeroblob(294) WHERE domain_id = 1",
        "UPDATE dkim_key SET selector = 'other' WHERE domain_id = 1",
        "UPDATE webhook_key SET public_key = zeroblob(32) WHERE domain_id = 1",
        "UPDATE domain SET name = 'won.example.com' WHERE id = 1",
    ] {
        let (app, key, first) = two_domains();
        assert_eq!(damaged(&app), Vec::<String>::new());
        change(&app, sql);
        let shown = app.call(&key, &format!("GET /api/v1/domains/{first}"));
        let text = shown.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(shown.status == 500 && text.contains("damaged, so it is not shown"), "{sql}: {shown:?}");
        let listed = app.call(&key, "GET /api/v1/domains").json();
        let names: Vec<&str> = listed.as_array().unwrap().iter().filter_map(|d| d["url"].as_str()).collect();
        assert_eq!(names, ["two.example.com"], "{sql}");
        assert!(!damaged(&app).is_empty(), "{sql}");
    }
}

#[test]
fn a_list_of_keys_leaves_a_damaged_one_out_and_says_what_is_wrong_with_it() {
    let (app, key, _) = two_domains();
    change(&app, "UPDATE dkim_key SET selector = 'other' WHERE domain_id = 1");
    let listed = app
        .postroom
        .read(|tx| keyring::list(tx, &key.operator(), &Filter::default(), Window::After(None), 100))
        .unwrap();
    let names: Vec<&str> = listed.entries.iter().map(|entry| entry.signing_domain.as_str()).collect();
    assert_eq!(names, ["two.example.com"]);
    let said: Vec<String> = listed.damaged.iter().map(ToString::to_string).collect();
    assert!(matches!(&said[..], [one] if one.contains("damaged")), "{said:?}");
}

#[test]
fn a_record_that_was_changed_in_the_file_is_refused_and_the_other_domains_are_not() {
    for sql in [
        "UPDATE record SET value = 'v=spf1 include:evil.example ~all' WHERE domain_id = 1 AND purpose = 'spf'",
        "UPDATE record SET priority = 11 WHERE domain_id = 1 AND purpose = 'mx'",
        "UPDATE record SET host = 'x' || host WHERE domain_id = 1 AND purpose = 'dmarc'",
    ] {
        let (app, key, _) = two_domains();
        change(&app, sql);
        let bearer = format!("Bearer {}", key.secret);
        let zone = |name: &str| {
            app.send(&format!("GET /postroom/v1/domains/{name}/zone"), &[("Authorization", &bearer)], b"")
                .status
        };
        assert_eq!((zone("one.example.com"), zone("two.example.com")), (500, 200), "{sql}");
        assert_eq!(damaged(&app).len(), 1, "{sql}");
    }
}

#[test]
fn a_round_makes_the_checksums_that_are_missing_and_finds_what_is_damaged() {
    let (app, key, first) = two_domains();
    for table in ["domain", "dkim_key", "webhook_key", "record"] {
        change(&app, &format!("UPDATE {table} SET checksum = NULL"));
    }
    // Its private half is sealed for another public one.
    change(&app, "UPDATE webhook_key SET public_key = zeroblob(32) WHERE domain_id = 2");
    let (mut round, mut found, mut pieces) = (Round::default(), Vec::new(), 0);
    loop {
        let piece = round.step(&app.postroom).unwrap();
        found.extend(piece.damage);
        pieces += 1;
        if piece.next == Next::Ended {
            break;
        }
        assert!(pieces < 1000, "a round ends");
    }
    assert!(found.iter().all(|line| line.contains("webhook key of the domain 2")), "{found:?}");
    assert_eq!(found.len(), 2, "when its checksum was to be made, and when it was compared: {found:?}");
    let left: i64 = app.value(
        "SELECT (SELECT count(*) FROM domain WHERE checksum IS NULL) + (SELECT count(*) FROM record WHERE checksum IS NULL)
             + (SELECT count(*) FROM dkim_key WHERE checksum IS NULL)
             + (SELECT count(*) FROM webhook_key WHERE checksum IS NULL)",
    );
    assert_eq!(left, 1, "that of the damaged row");
    assert_eq!(app.call(&key, &format!("GET /api/v1/domains/{first}")).status, 200);
}

#[test]
fn a_domain_that_is_renamed_or_changes_its_account_keeps_its_checksums_right() {
    let (app, key, first) = two_domains();
    let renamed = app.call_with(
        &key,
        &format!("PATCH /api/v1/domains/{first}"),
        &serde_json::json!({ "domain": { "url": "other.example.com" } }),
    );
    assert_eq!(renamed.status, 200, "{renamed:?}");
    let other = app.account("other");
    let moved: Result<(), Error> = app.postroom.write(|tx| {
        let domain = key.own(tx, DomainId::new(first))?;
        postroom::provision::transfer(tx, &key.operator(), &domain, other.account).map(drop)
    });
    moved.unwrap();
    assert_eq!(damaged(&app), Vec::<String>::new());
    assert_eq!(app.call(&other, "GET /api/v1/domains").json()[0]["url"], "other.example.com");
}
