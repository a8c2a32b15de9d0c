//! What a mark means to the checks that follow, and to whoever else claims the name.

use std::time::Duration;

use postroom::verify::schedule;
use serde_json::{Value, json};

use super::{DOMAIN, info, start, statuses};
use crate::harness::app::{Key, TestApp, txt};
use crate::harness::v2::USER;

fn mark(app: &TestApp, key: &Key, id: i64, status: &str) -> Value {
    let body = json!({"user_id": USER, "id": id, "status": status, "observed_value": "by word"});
    let reply = app.v2_with(key, &format!("POST /v2/domains/{DOMAIN}/dns/mark"), &body);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

fn verify(app: &TestApp, key: &Key) -> Value {
    let reply = app.v2_with(key, &format!("POST /v2/domains/{DOMAIN}/dns/verify"), &json!({"user_id": USER}));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

#[test]
fn checks_leave_a_pinned_record_alone_and_still_show_its_problem() {
    for (word, published) in
        [("verified", false), ("failed", true), ("failed", false), ("disabled", true), ("disabled", false)]
    {
        let (app, key) = start();
        if published {
            app.publish_all(DOMAIN);
        }
        mark(&app, &key, 3, word);
        for round in 0..4 {
            app.advance(48);
            if round % 2 == 0 {
                schedule::run_due(&app.postroom, &*app.dns, 10).unwrap();
            } else {
                verify(&app, &key);
            }
            let record = info(&app, &key, DOMAIN)["dns"][2].clone();
            assert_eq!((&record["status"], &record["override"]), (&json!(word), &json!(true)), "{published}");
            assert_eq!(record["observed_value"], "by word");
            assert_eq!(record["checked_at"], json!(app.postroom.now().to_string()), "it is looked for");
            assert_eq!(record["problem"].is_null(), published);
        }
    }
}

#[test]
fn an_unpinned_record_is_pending_until_its_next_check_decides() {
    let (app, key) = start();
    app.publish_all(DOMAIN);
    assert_eq!(statuses(&verify(&app, &key)).1, "active");
    let pinned = mark(&app, &key, 3, "failed");
    assert_eq!(statuses(&pinned), (vec!["verified", "verified", "failed", "verified", "verified"], "failed"));
    assert_eq!(statuses(&verify(&app, &key)).1, "failed", "though the DNS has it");
    let unpinned = mark(&app, &key, 3, "pending");
    assert_eq!(statuses(&unpinned).0[2], "pending");
    assert_eq!(statuses(&unpinned).1, "pending");
    assert_eq!(unpinned["dns"][2]["override"], json!(false));
    // The schedule comes to it soon, whatever it had in mind.
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(schedule::run_due(&app.postroom, &*app.dns, 10).unwrap(), 1);
    let checked = info(&app, &key, DOMAIN);
    assert_eq!((statuses(&checked).0[2], statuses(&checked).1), ("verified", "active"));
}

#[test]
fn a_record_that_was_pinned_and_unpinned_starts_anew() {
    let (app, key) = start();
    app.publish_all(DOMAIN);
    verify(&app, &key);
    app.dns.set("_dmarc.customer.com", vec![txt("v=DMARC1; p=nonsense")]);
    for _ in 0..2 {
        verify(&app, &key);
        app.advance(100);
    }
    mark(&app, &key, 3, "verified");
    mark(&app, &key, 3, "pending");
    app.publish_all(DOMAIN);
    verify(&app, &key);
    app.dns.set("_dmarc.customer.com", vec![txt("v=DMARC1; p=nonsense")]);
    assert_eq!(statuses(&verify(&app, &key)).0[2], "verified", "the failures before the pin are forgotten");
}

#[test]
fn a_key_whose_record_is_verified_by_word_does_not_sign() {
    let (app, key) = start();
    mark(&app, &key, 4, "verified");
    let active = || app.value::<i64>("SELECT count(activated_at) FROM dkim_key");
    verify(&app, &key);
    assert_eq!(active(), 0, "the world could not verify it");
    mark(&app, &key, 4, "pending");
    app.publish_all(DOMAIN);
    verify(&app, &key);
    assert_eq!(active(), 1);
}

#[test]
fn a_domain_that_is_active_by_word_gives_way_to_another_accounts_claim() {
    let (app, key) = start();
    let other = app.tenant("other");
    app.first_key_signs();
    for id in 1..=5 {
        mark(&app, &key, id, "verified");
    }
    assert_eq!(statuses(&info(&app, &key, DOMAIN)).1, "active");
    verify(&app, &key);
    assert_eq!(app.value::<Option<i64>>("SELECT proved_at FROM domain"), None);
    // Of an account that the operator trusts no more nothing counts but proof.
    postroom::signing::distrust(&app.postroom, "acme").unwrap();
    assert_eq!(statuses(&info(&app, &key, DOMAIN)).1, "pending");
    let claim =
        || app.v2_with(&other, "POST /v2/domain", &json!({"domain": DOMAIN, "user_id": "theirs"})).status;
    app.advance(7 * 24);
    assert_eq!(claim(), 409);
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(claim(), 201);
    let lost = app.v2(&key, &format!("GET /v2/domains/{DOMAIN}/info?user_id={USER}"));
    assert_eq!(lost.status, 404);
}

#[test]
fn a_domain_whose_key_was_seen_stays_whatever_is_marked_then() {
    let (app, key) = start();
    let other = app.account("other");
    app.publish_all(DOMAIN);
    verify(&app, &key);
    for id in 1..=5 {
        mark(&app, &key, id, "failed");
    }
    app.advance(30 * 24);
    let claim = app.v2_with(&other, "POST /v2/domain", &json!({"domain": DOMAIN, "user_id": "theirs"}));
    assert_eq!(claim.status, 409);
}
