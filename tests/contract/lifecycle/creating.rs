//! `POST /v2/domain`: what a new domain looks like, which inputs are refused, and whose claim gives way.

use postroom::event::Actor;
use std::time::Duration;

use serde_json::{Value, json};

use super::{DOMAIN, call, error, info, keys, refuses, start};
use crate::harness::app::{Key, Reply, TestApp, settings};
use crate::harness::v2::USER;

fn create(app: &TestApp, key: &Key, body: &Value) -> Reply {
    app.v2_with(key, "POST /v2/domain", body)
}

#[test]
fn a_new_domain_is_201_double_nested_with_every_record() {
    let app = TestApp::new();
    let key = app.account("acme");
    let body = json!({"domain": "customer.com", "user_id": "user_123", "organization_id": "org_456"});
    let reply = create(&app, &key, &body);
    let record = |id: u8, record_type: &str, host: &str, value: &str, priority: Value| {
        json!({
            "id": id, "record_type": record_type, "host": host, "expected_value": value, "priority": priority,
            "status": "pending", "observed_value": null, "checked_at": null, "override": false, "problem": null,
        })
    };
    let none = || Value::Null;
    let shown = &reply.json()["domain"]["domain"];
    let (reason, reasons, signing) =
        (shown["reason"].clone(), shown["reasons"].clone(), shown["signing"].clone());
    assert_eq!((&signing["state"], &signing["reason"]["code"]), (&json!("none"), &json!("not_seen")));
    assert_eq!(reason, signing["reason"]["text"], "what keeps it from being active first");
    let at = "2026-11-21T10:00:00.120Z";
    reply.is(
        201,
        &json!({
            "message": "Domain created",
            "domain": {
                "domain": {
                    "id": 1, "domain": "customer.com", "status": "pending", "user_id": "user_123",
                    "organization_id": "org_456", "created_at": at, "updated_at": at,
                    "reason": reason, "reasons": reasons, "signing": signing,
                },
                "dns": [
                    record(1, "MX", "@", "mx.mail.example.net", json!(10)),
                    record(2, "TXT", "@", "v=spf1 mx ~all", none()),
                    record(3, "TXT", "_dmarc", "v=DMARC1; p=none", none()),
                    record(4, "TXT", "pr1._domainkey", &app.key_record(DOMAIN), none()),
                    record(5, "CNAME", "mailer", "return-path.mail.example.net", none()),
                ],
                "route": {
                    "domain": "customer.com", "forward_mode": "store", "webhook_url": null,
                    "has_webhook_secret": false, "forward_to_email": null,
                    "recipients": "any", "catch_all": null,
                },
                "mx": {"host": "mx.mail.example.net", "priority": 10},
            },
        }),
    );
    assert_eq!(info(&app, &key, DOMAIN), reply.json()["domain"], "info is the inner object");
    let made = reply.json();
    assert_eq!(keys(&made), ["message", "domain"]);
    assert_eq!(keys(&made["domain"]), ["domain", "dns", "route", "mx"]);
}

#[test]
fn records_are_seeded_from_the_configuration() {
    let mut settings = settings();
    settings.mx_host = "in.example.org".parse().unwrap();
    settings.mx_priority = 0;
    settings.spf_mechanism = "include:spf.example.org".parse().unwrap();
    settings.dmarc_policy = "reject".parse().unwrap();
    settings.dmarc_rua = Some("reports@example.org".parse().unwrap());
    settings.dkim_selector = "s2026".parse().unwrap();
    settings.return_path_host = "bounce.example.org".parse().unwrap();
    let app = TestApp::with(settings, 2);
    let key = app.account("acme");
    let made = app.v2_domain(&key, DOMAIN, USER);
    assert_eq!(made["mx"], json!({"host": "in.example.org", "priority": 0}));
    let values: Vec<&Value> =
        made["dns"].as_array().unwrap().iter().map(|record| &record["expected_value"]).collect();
    assert_eq!(
        [values[0], values[1], values[2], values[4]],
        [
            "in.example.org",
            "v=spf1 include:spf.example.org ~all",
            "v=DMARC1; p=reject; rua=mailto:reports@example.org",
            "bounce.example.org"
        ]
    );
    assert_eq!(made["dns"][3]["host"], "s2026._domainkey");
}

#[test]
fn a_domain_in_any_spelling_is_held_in_lower_case_a_labels() {
    let app = TestApp::new();
    let key = app.account("acme");
    for (domain, held) in [
        ("Example.COM", "example.com"),
        ("example.org.", "example.org"),
        (" example.net ", "example.net"),
        ("bücher.example", "xn--bcher-kva.example"),
    ] {
        assert_eq!(app.v2_domain(&key, domain, USER)["domain"]["domain"], held);
    }
}

#[test]
fn a_domain_that_is_none_is_400_naming_it_and_leaves_nothing() {
    let app = TestApp::new();
    let key = app.account("acme");
    let before = app.dump();
    for (domain, words) in [
        (json!(null), "is required"),
        (json!(""), "is empty"),
        (json!("  "), "is invalid"),
        (json!(5), "must be a string"),
        (json!(["customer.com"]), "must be a string"),
        (json!({"domain": "customer.com"}), "must be a string"),
        (json!("192.0.2.1"), "is invalid: "),
        (json!("co.uk"), "is invalid: "),
        (json!("localhost"), "is invalid: "),
        (json!("https://customer.com"), "is invalid: "),
        (json!("*.customer.com"), "is invalid: "),
        (json!("a_b.customer.com"), "is invalid: "),
        (json!("customer.com\u{0}"), "is invalid: "),
        (json!("a".repeat(100_000)), "is invalid: "),
    ] {
        refuses(&create(&app, &key, &json!({"domain": domain, "user_id": USER})), "domain", &[words]);
    }
    refuses(&create(&app, &key, &json!({"user_id": USER})), "domain", &["is required"]);
    assert_eq!(app.dump(), before);
}

#[test]
fn an_organization_may_be_left_out_and_is_held_to_the_rules_of_a_user() {
    let app = TestApp::new();
    let key = app.account("acme");
    let body = |name: &str, organization: &Value| json!({"domain": name, "user_id": USER, "organization_id": organization});
    for (name, organization) in
        [("a.example", json!(null)), ("b.example", json!("ü".repeat(255))), ("c.example", json!(" /x"))]
    {
        let reply = create(&app, &key, &body(name, &organization));
        assert_eq!(reply.json()["domain"]["domain"]["organization_id"], organization);
    }
    let before = app.dump();
    for bad in [json!(""), json!("x".repeat(256)), json!("a\nb"), json!(7), json!(true), json!([])] {
        refuses(&create(&app, &key, &body("d.example", &bad)), "organization_id", &[]);
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn a_domain_that_is_there_is_409_whoever_has_it() {
    let (app, key) = start();
    let other = app.account("other");
    let before = app.dump();
    for (caller, user, domain) in [
        (&key, USER, "customer.com"),
        (&key, USER, "CUSTOMER.com."),
        (&key, "another", "customer.com"),
        (&other, USER, "customer.com"),
        (&other, "another", "customer.com"),
    ] {
        let reply = create(&app, caller, &json!({"domain": domain, "user_id": user}));
        if caller.account == key.account {
            reply.is(409, &error("domain exists already"));
            continue;
        }
        let text = reply.json()["error"].as_str().unwrap().to_owned();
        let is_told = text.starts_with("domain exists already") && text.contains("POST /postroom/v1/claims");
        assert_eq!((reply.status, is_told), (409, true), "{text}");
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn an_unproved_claim_of_another_account_gives_way_after_7_days() {
    let (app, key) = start();
    postroom::signing::distrust(&app.postroom, "acme").unwrap();
    let other = app.tenant("other");
    let claim = || create(&app, &other, &json!({"domain": DOMAIN, "user_id": "theirs"})).status;
    app.advance(7 * 24);
    assert_eq!(claim(), 409);
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(claim(), 201);
    postroom::signing::trust(&app.postroom, "acme").unwrap();
    for each in calls_of_the_loser() {
        call(&app, &key, &each).is(404, &error("there is no such domain"));
    }
}

fn calls_of_the_loser() -> Vec<(String, Value)> {
    super::calls(DOMAIN, USER)
}

#[test]
fn a_full_subscription_is_403_and_says_how_many_it_allows() {
    let (app, key) = start();
    app.sql().execute("UPDATE subscription SET max_domains = 1", []).unwrap();
    let before = app.dump();
    let reply = create(&app, &key, &json!({"domain": "two.example", "user_id": USER}));
    reply.is(403, &error("the subscription allows 1 domains, and has them"));
    assert_eq!(app.dump(), before);
}

#[test]
fn what_a_caller_may_not_set_is_not_read_from_the_body() {
    let app = TestApp::new();
    let key = app.account("acme");
    let body = json!({
        "domain": DOMAIN, "user_id": USER, "id": 77, "status": "active", "account_id": 9, "created_at": 0,
        "dns": [{"status": "verified"}], "proved_at": 1,
    });
    let made = create(&app, &key, &body).json()["domain"].clone();
    assert_eq!((&made["domain"]["id"], &made["domain"]["status"]), (&json!(1), &json!("pending")));
    assert_eq!(app.value::<Option<i64>>("SELECT proved_at FROM domain"), None);
}

#[test]
fn a_creation_is_one_audit_row_by_its_key() {
    let (app, key) = start();
    let events = app.events(key.account);
    let event = events.last().unwrap();
    assert_eq!((event.action(), event.subject().as_str()), ("domain.created", DOMAIN));
    assert_eq!(event.actor, Actor::Key(key.id));
    assert_eq!(events.iter().filter(|event| event.subject() == DOMAIN).count(), 1);
}

#[test]
fn a_creation_costs_one_commit() {
    let (app, key) = start();
    let before = commits(&app);
    app.v2_domain(&key, "other.example", USER);
    assert_eq!(commits(&app), before + 1);
    info(&app, &key, DOMAIN);
    assert_eq!(commits(&app), before + 1, "and a look none");
}

/// How many commits stand in the write-ahead log: frames whose header has a size of the database in it
/// (<https://sqlite.org/fileformat2.html#walformat>).
fn commits(app: &TestApp) -> usize {
    let log = std::fs::read(app.file().with_file_name("postroom.db-wal")).unwrap();
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let (page, salts) = (usize::try_from(number(8)).unwrap(), (number(16), number(20)));
    (32..log.len())
        .step_by(24 + page)
        .take_while(|at| (number(at + 8), number(at + 12)) == salts)
        .filter(|at| number(at + 4) != 0)
        .count()
}
