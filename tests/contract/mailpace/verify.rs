//! `POST /api/v1/domains/{id}/verify`: what is kept, what is seen now, and when a status changes.

use postroom::dns::{Outcome, RecordData, RecordType};
use postroom::event::Event;
use serde_json::{Value, json};

use super::keys;
use crate::harness::app::{Key, TestApp, add_other_pair, settings, txt};

const NO_KEY: &str = "No matching DKIM key found";
const NO_CNAME: &str = "No CNAME keys found";
const KEY_NAME: &str = "pr1._domainkey.example.com";
const RETURN_PATH: &str = "mailer.example.com";
/// What is asked in a check.
const QUESTIONS: [(&str, RecordType); 5] = [
    ("example.com", RecordType::Mx),
    ("example.com", RecordType::Txt),
    ("_dmarc.example.com", RecordType::Txt),
    (KEY_NAME, RecordType::Txt),
    (RETURN_PATH, RecordType::Cname),
];

fn start() -> (TestApp, Key, i64) {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    // The domain is there, with nothing of ours in it.
    app.dns.set("example.com", vec![txt("unrelated")]);
    (app, key, id)
}

fn verify(app: &TestApp, key: &Key, id: i64) -> Value {
    let reply = app.call(key, &format!("POST /api/v1/domains/{id}/verify"));
    assert_eq!(reply.status, 200, "{reply:?}");
    let body = reply.json();
    assert_eq!(keys(&body), ["dkim_verified", "advance_verified", "errors"]);
    body
}

/// What an outcome that says nothing may leave as it is.
fn standing(app: &TestApp) -> String {
    app.value(
        "SELECT group_concat(purpose || status || failures || coalesce(failing_since, '-'), ' ')
             || (SELECT status || coalesce(proved_at, '-') || updated_at FROM domain)
             || (SELECT count(*) FROM event) FROM (SELECT * FROM record ORDER BY id)",
    )
}

fn hiccups() -> Vec<Outcome> {
    let detail = || "DNSSEC bogus".to_owned();
    vec![
        Outcome::ServFail { detail: String::new() },
        Outcome::ServFail { detail: detail() },
        Outcome::Refused { detail: String::new() },
        Outcome::Timeout,
        Outcome::Malformed { detail: detail() },
        Outcome::Unreachable { detail: detail() },
    ]
}

#[test]
fn nothing_published_is_the_seeds_example_reply() {
    let (app, key, id) = start();
    let reply = app.call(&key, &format!("POST /api/v1/domains/{id}/verify"));
    reply.is(
        200,
        &json!({
            "dkim_verified": false, "advance_verified": false,
            "errors": {"dkim": NO_KEY, "advance_verified": NO_CNAME},
        }),
    );
}

#[test]
fn what_the_api_says_to_publish_is_verified() {
    let (app, key, id) = start();
    app.publish(&key, id);
    let good = json!({"dkim_verified": true, "advance_verified": true, "errors": {}});
    assert_eq!(verify(&app, &key, id), good);
    let shown = app.call(&key, &format!("GET /api/v1/domains/{id}")).json();
    assert_eq!((&shown["dkim_verified"], &shown["advanced_verified"]), (&json!(true), &json!(true)));
    assert_eq!(app.call(&key, "GET /api/v1/domains").json(), json!([shown]));
}

#[test]
fn each_record_is_verified_on_its_own() {
    let (app, key, id) = start();
    app.publish(&key, id);
    app.dns.clear(RETURN_PATH);
    let reply = verify(&app, &key, id);
    let half =
        json!({"dkim_verified": true, "advance_verified": false, "errors": {"advance_verified": NO_CNAME}});
    assert_eq!(reply, half);
    app.publish(&key, id);
    app.dns.clear(KEY_NAME);
    let reply = verify(&app, &key, id);
    assert_eq!(reply["advance_verified"], json!(true));
    assert_eq!(keys(&reply["errors"]), ["dkim"]);
}

#[test]
fn each_error_starts_with_the_seeds_text_and_goes_on_with_the_finding() {
    let (app, key, id) = start();
    let ours = app.call(&key, &format!("GET /api/v1/domains/{id}")).json()["dkim_string"].clone();
    let ours = ours.as_str().unwrap();
    add_other_pair(&app.postroom);
    for (records, word) in [
        (vec![txt("v=DKIM1; k=rsa; p=")], "revokes"),
        (vec![txt(&format!("\"{ours}\""))], "quotation marks"),
        (vec![txt(ours), txt("v=DKIM1; p=AAAA")], "2 TXT records"),
        (vec![txt("hello")], "no DKIM record"),
        (vec![txt(&ours.to_lowercase())], "capital letters"),
    ] {
        app.dns.set(KEY_NAME, records);
        let error = verify(&app, &key, id)["errors"]["dkim"].as_str().unwrap().to_owned();
        assert!(error.starts_with(&format!("{NO_KEY}: TXT {KEY_NAME}: ")), "{error}");
        assert!(error.contains(word), "{word}: {error}");
    }
    app.dns.set(RETURN_PATH, vec![RecordData::Cname("elsewhere.example".parse().unwrap())]);
    let error = verify(&app, &key, id)["errors"]["advance_verified"].as_str().unwrap().to_owned();
    assert!(
        error.starts_with(&format!("{NO_CNAME}: CNAME {RETURN_PATH}: leads to elsewhere.example.")),
        "{error}"
    );
    assert!(error.contains("return-path.mail.example.net"), "{error}");
}

#[test]
fn a_record_at_the_doubled_name_is_told() {
    let (app, key, id) = start();
    let ours = app.call(&key, &format!("GET /api/v1/domains/{id}")).json()["dkim_string"].clone();
    app.dns.set(&format!("{KEY_NAME}.example.com"), vec![txt(ours.as_str().unwrap())]);
    let error = verify(&app, &key, id)["errors"]["dkim"].as_str().unwrap().to_owned();
    assert!(error.starts_with(NO_KEY) && error.contains("enter pr1._domainkey as its name"), "{error}");
}

#[test]
fn a_finding_that_warns_is_no_error() {
    let (app, key, id) = start();
    app.publish(&key, id);
    let ours = app.call(&key, &format!("GET /api/v1/domains/{id}")).json()["dkim_string"].clone();
    app.dns.set(KEY_NAME, vec![txt(&format!("{}; t=y", ours.as_str().unwrap()))]);
    assert_eq!(
        verify(&app, &key, id),
        json!({"dkim_verified": true, "advance_verified": true, "errors": {}})
    );
}

#[test]
fn no_hiccup_of_the_dns_changes_what_is_pending() {
    for outcome in hiccups() {
        let (app, key, id) = start();
        let before = standing(&app);
        for (name, record_type) in QUESTIONS {
            app.dns.set_outcome(name, record_type, outcome.clone());
        }
        let reply = verify(&app, &key, id);
        assert_eq!((&reply["dkim_verified"], &reply["advance_verified"]), (&json!(false), &json!(false)));
        for (field, known) in [("dkim", NO_KEY), ("advance_verified", NO_CNAME)] {
            let error = reply["errors"][field].as_str().unwrap();
            assert!(error.starts_with(&format!("{known}: ")), "{error}");
        }
        assert_eq!(standing(&app), before, "{outcome:?}");
    }
}

#[test]
fn no_hiccup_of_the_dns_takes_back_what_is_verified_however_long_it_lasts() {
    let (app, key, id) = start();
    app.publish(&key, id);
    verify(&app, &key, id);
    let before = standing(&app);
    for outcome in hiccups() {
        for (name, record_type) in QUESTIONS {
            app.dns.set_outcome(name, record_type, outcome.clone());
        }
        app.advance(30);
        let reply = verify(&app, &key, id);
        assert_eq!((&reply["dkim_verified"], &reply["advance_verified"]), (&json!(true), &json!(true)));
        assert_eq!(keys(&reply["errors"]), ["dkim", "advance_verified"], "it is shown all the same");
        assert_eq!(standing(&app), before, "{outcome:?}");
    }
}

#[test]
fn a_verified_record_is_lost_by_the_third_failure_once_72_hours_have_passed() {
    let (app, key, id) = start();
    app.publish(&key, id);
    verify(&app, &key, id);
    app.dns.clear(KEY_NAME);
    for hours in [0, 36] {
        app.advance(hours);
        let reply = verify(&app, &key, id);
        assert_eq!(reply["dkim_verified"], json!(true), "{hours}");
        assert_eq!(reply["errors"], json!({"dkim": NO_KEY}));
    }
    app.advance(36);
    let reply = verify(&app, &key, id);
    assert_eq!((&reply["dkim_verified"], &reply["advance_verified"]), (&json!(false), &json!(true)));
    let shown = app.call(&key, &format!("GET /api/v1/domains/{id}")).json();
    assert_eq!(shown["dkim_verified"], json!(false));
    app.publish(&key, id);
    assert_eq!(verify(&app, &key, id)["dkim_verified"], json!(true), "one pass brings it back");
}

#[test]
fn many_failures_within_72_hours_lose_nothing() {
    let (app, key, id) = start();
    app.publish(&key, id);
    verify(&app, &key, id);
    app.dns.clear(KEY_NAME);
    for _ in 0..8 {
        assert_eq!(verify(&app, &key, id)["dkim_verified"], json!(true));
        app.advance(10);
    }
}

#[test]
fn two_failures_lose_nothing_however_far_apart() {
    let (app, key, id) = start();
    app.publish(&key, id);
    verify(&app, &key, id);
    app.dns.clear(KEY_NAME);
    verify(&app, &key, id);
    app.advance(1000);
    assert_eq!(verify(&app, &key, id)["dkim_verified"], json!(true));
}

#[test]
fn the_limits_of_a_loss_can_be_set() {
    let mut settings = settings();
    settings.loss.failures = 1;
    settings.loss.span = std::time::Duration::ZERO;
    let app = TestApp::with(settings, 2);
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    app.publish(&key, id);
    verify(&app, &key, id);
    app.dns.clear(KEY_NAME);
    assert_eq!(verify(&app, &key, id)["dkim_verified"], json!(false));
}

#[test]
fn the_first_key_becomes_active_when_its_record_is_first_seen_right() {
    let (app, key, id) = start();
    let active = || app.value::<i64>("SELECT count(activated_at) FROM dkim_key");
    verify(&app, &key, id);
    assert_eq!(active(), 0);
    app.publish(&key, id);
    verify(&app, &key, id);
    assert_eq!(active(), 1);
}

#[test]
fn a_return_path_alone_activates_no_key() {
    let (app, key, id) = start();
    app.publish(&key, id);
    app.dns.clear(KEY_NAME);
    assert_eq!(verify(&app, &key, id)["advance_verified"], json!(true));
    assert_eq!(app.value::<i64>("SELECT count(activated_at) FROM dkim_key"), 0);
}

#[test]
fn each_change_of_a_status_is_an_audit_row_and_a_check_without_one_is_not() {
    let (app, key, id) = start();
    let rows = || app.actions(key.account).len();
    let before = rows();
    verify(&app, &key, id);
    assert_eq!(rows(), before, "nothing changed");
    app.publish(&key, id);
    verify(&app, &key, id);
    let events = app.events(key.account).split_off(before);
    let told: Vec<&str> = events.iter().map(Event::action).collect();
    assert_eq!(
        told,
        ["record.status_changed", "dkim_key.activated", "record.status_changed", "domain.proved"]
    );
    let before = rows();
    verify(&app, &key, id);
    assert_eq!(rows(), before, "nothing changed again");
}

#[test]
fn a_check_that_changes_a_status_moves_modified_at_and_another_does_not() {
    let (app, key, id) = start();
    let modified = || app.call(&key, &format!("GET /api/v1/domains/{id}")).json()["modified_at"].clone();
    app.advance(1);
    verify(&app, &key, id);
    assert_eq!(modified(), "2026-11-21T10:00:00.120Z");
    app.publish(&key, id);
    verify(&app, &key, id);
    assert_eq!(modified(), "2026-11-21T11:00:00.120Z");
}

#[test]
fn a_record_that_was_pinned_is_left_alone() {
    let (app, key, id) = start();
    app.sql().execute("UPDATE record SET pinned = 1, status = 'verified'", []).unwrap();
    for _ in 0..4 {
        app.advance(48);
        let reply = verify(&app, &key, id);
        assert_eq!(
            (&reply["dkim_verified"], &reply["advance_verified"]),
            (&json!(false), &json!(true)),
            "a mark is no key that was seen"
        );
        assert_eq!(keys(&reply["errors"]), ["dkim", "advance_verified"]);
    }
}

#[test]
fn what_is_not_verified_is_named_where_every_record_is_right_and_no_key_is_called_missing_that_was_seen() {
    let (app, key, id) = start();
    app.publish(&key, id);
    assert_eq!(verify(&app, &key, id)["errors"], json!({}));
    app.sql()
        .execute(
            "UPDATE record SET pinned = 1, status = 'failed' WHERE purpose IN ('return_path', 'dkim')",
            [],
        )
        .unwrap();
    let reply = verify(&app, &key, id);
    assert_eq!((&reply["dkim_verified"], &reply["advance_verified"]), (&json!(false), &json!(false)));
    for (field, begins) in [("dkim", "The DKIM record"), ("advance_verified", NO_CNAME)] {
        let error = reply["errors"][field].as_str().unwrap();
        assert!(error.starts_with(begins) && error.contains("marked failed manually"), "{error}");
    }
}

#[test]
fn a_verify_takes_no_notice_of_a_body() {
    let (app, key, id) = start();
    let plain = verify(&app, &key, id);
    for body in ["{}", "[]", "no json", "{\"dkim_verified\":true}"] {
        app.call_text(&key, &format!("POST /api/v1/domains/{id}/verify"), body).is(200, &plain);
    }
}

#[test]
fn mx_spf_and_dmarc_are_no_errors_of_this_dialect() {
    let (app, key, id) = start();
    app.publish(&key, id);
    let good = json!({"dkim_verified": true, "advance_verified": true, "errors": {}});
    assert_eq!(verify(&app, &key, id), good, "though none of the three is there");
    app.publish_all("example.com");
    app.dns.set("_dmarc.example.com", vec![txt("v=DMARC1; p=nonsense")]);
    assert_eq!(verify(&app, &key, id), good);
}

#[test]
fn what_every_domain_has_is_no_proof_of_whose_it_is() {
    let app = TestApp::new();
    let key = app.tenant("squatter");
    let id = app.domain(&key, "example.com");
    let proved = || app.value::<Option<i64>>("SELECT proved_at FROM domain");
    // A squatter's domain: its SPF and DMARC records are lawful, its mail and its bounces come here for somebody else.
    app.publish_all("example.com");
    app.dns.clear(KEY_NAME);
    assert_eq!(verify(&app, &key, id)["advance_verified"], json!(true));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM record WHERE status = 'verified'"), 4);
    assert_eq!(proved(), None);
    app.advance(8 * 24);
    let owner = app.account("owner");
    app.domain(&owner, "example.com");
    app.publish_all("example.com");
    let id: i64 = app.value("SELECT id FROM domain");
    verify(&app, &owner, id);
    assert_eq!(proved(), Some(app.postroom.now().millis()), "the key is the proof");
}
