//! `POST /v2/domains/{domain}/dns/verify`: the DNS is looked at now.

use postroom::dns::{Outcome, RecordType};
use serde_json::{Value, json};

use super::{DOMAIN, info, keys, start, statuses};
use crate::harness::app::{Key, TestApp};
use crate::harness::v2::USER;

fn verify(app: &TestApp, key: &Key) -> Value {
    let domain = DOMAIN;
    let reply = app.v2_with(key, &format!("POST /v2/domains/{domain}/dns/verify"), &json!({"user_id": USER}));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

#[test]
fn what_was_asked_for_makes_the_domain_active_at_the_first_look() {
    let (app, key) = start();
    let nothing = verify(&app, &key);
    assert_eq!(keys(&nothing), ["domain", "dns", "route", "mx"]);
    assert_eq!(statuses(&nothing), (vec!["pending"; 5], "pending"));
    app.publish_all(DOMAIN);
    app.advance(1);
    let all = verify(&app, &key);
    assert_eq!(statuses(&all), (vec!["verified"; 5], "active"));
    assert_eq!(all, info(&app, &key, DOMAIN));
    assert_eq!(all["domain"]["updated_at"], "2026-11-21T11:00:00.120Z");
    assert!(all["dns"].as_array().unwrap().iter().all(|record| record["problem"].is_null()));
}

#[test]
fn three_of_four_are_not_enough_and_the_return_path_is_not_needed() {
    let names = ["_dmarc.customer.com", "pr1._domainkey.customer.com", "customer.com"];
    for name in names {
        let (app, key) = start();
        app.publish_all(DOMAIN);
        app.dns.clear(name);
        assert_eq!(statuses(&verify(&app, &key)).1, "pending", "without {name}");
    }
    let (app, key) = start();
    app.publish_all(DOMAIN);
    app.dns.clear("mailer.customer.com");
    let without = verify(&app, &key);
    assert_eq!(
        statuses(&without),
        (vec!["verified", "verified", "verified", "verified", "pending"], "active")
    );
}

#[test]
fn a_lost_mx_record_shows_its_problem_while_the_domain_stays_active() {
    let (app, key) = start();
    app.publish_all(DOMAIN);
    verify(&app, &key);
    app.dns.set_outcome(DOMAIN, RecordType::Mx, Outcome::NoData { remaining: None });
    for hours in [0, 36] {
        app.advance(hours);
        let seen = verify(&app, &key);
        assert_eq!(statuses(&seen), (vec!["verified"; 5], "active"));
        assert_eq!(seen["dns"][0]["problem"]["code"], "mx_missing");
    }
    app.advance(36);
    let lost = verify(&app, &key);
    assert_eq!((statuses(&lost).0[0], statuses(&lost).1), ("failed", "failed"));
    app.publish_all(DOMAIN);
    let back = verify(&app, &key);
    assert_eq!(
        (statuses(&back), &back["dns"][0]["problem"]),
        ((vec!["verified"; 5], "active"), &Value::Null)
    );
}

#[test]
fn a_hiccup_is_shown_and_changes_no_status_however_long_it_lasts() {
    let (app, key) = start();
    app.publish_all(DOMAIN);
    verify(&app, &key);
    let before = info(&app, &key, DOMAIN);
    for (record_type, name) in [
        (RecordType::Mx, DOMAIN),
        (RecordType::Txt, DOMAIN),
        (RecordType::Txt, "_dmarc.customer.com"),
        (RecordType::Txt, "pr1._domainkey.customer.com"),
        (RecordType::Cname, "mailer.customer.com"),
    ] {
        app.dns.set_outcome(name, record_type, Outcome::ServFail { detail: String::new() });
    }
    for _ in 0..5 {
        app.advance(48);
        let seen = verify(&app, &key);
        let mut domain = seen["domain"].clone();
        let reasons = std::mem::replace(&mut domain["reasons"], json!([]));
        assert_eq!(domain, before["domain"]);
        let warns =
            |reason: &Value| (&reason["code"], &reason["severity"]) == (&json!("servfail"), &json!("warn"));
        assert!(reasons.as_array().unwrap().iter().all(warns), "{reasons}");
        assert_eq!(statuses(&seen), (vec!["verified"; 5], "active"));
        for record in seen["dns"].as_array().unwrap() {
            assert_eq!(record["problem"]["code"], "servfail");
            assert_eq!(record["checked_at"], json!(app.postroom.now().to_string()));
        }
    }
}

#[test]
fn a_warning_counts_as_a_pass_with_the_problem_shown() {
    let (app, key) = start();
    app.publish_all(DOMAIN);
    app.dns.set("_dmarc.customer.com", vec![crate::harness::app::txt("v=DMARC1; p=none; pct=50")]);
    let seen = verify(&app, &key);
    assert_eq!(statuses(&seen), (vec!["verified"; 5], "active"));
    assert_eq!(seen["dns"][2]["problem"]["code"], "dmarc_removed_tag");
}
