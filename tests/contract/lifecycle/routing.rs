//! `PUT /v2/domains/{domain}/route`: modes, what each needs, what a change keeps, and the secret.

use postroom::dns::RecordData;
use serde_json::{Value, json};

use super::{DOMAIN, info, keys, refuses, start};
use crate::harness::app::{Key, Reply, TestApp};
use crate::harness::v2::USER;

const URL: &str = "https://hooks.example.com/in?token=hidden";

fn begin() -> (TestApp, Key) {
    let (app, key) = start();
    app.dns.set("hooks.example.com", vec![RecordData::A([93, 184, 215, 14].into())]);
    (app, key)
}

/// Changes the route by these fields.
fn put(app: &TestApp, key: &Key, fields: &Value) -> Reply {
    let domain = DOMAIN;
    let mut body = json!({ "user_id": USER });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    app.v2_with(key, &format!("PUT /v2/domains/{domain}/route"), &body)
}

/// The route after a change that must succeed: mode, URL, secret, address.
#[track_caller]
fn changed(app: &TestApp, key: &Key, fields: &Value) -> Value {
    let reply = put(app, key, fields);
    assert_eq!(reply.status, 200, "{fields}: {reply:?}");
    let details = reply.json();
    assert_eq!(keys(&details), ["domain", "dns", "route", "mx"]);
    assert_eq!(details, info(app, key, DOMAIN));
    assert_eq!(details["dns"].as_array().map(Vec::len), Some(5), "the full list");
    let route = &details["route"];
    assert_eq!(route["domain"], DOMAIN);
    json!([
        route["forward_mode"],
        route["webhook_url"],
        route["has_webhook_secret"],
        route["forward_to_email"]
    ])
}

#[test]
fn each_mode_is_taken_with_what_it_needs() {
    let (app, key) = begin();
    for (fields, want) in [
        (json!({"forward_mode": "store"}), json!(["store", null, false, null])),
        (json!({"forward_mode": "webhook", "webhook_url": URL}), json!(["webhook", URL, false, null])),
        (json!({"forward_mode": "webhook_then_store"}), json!(["webhook_then_store", URL, false, null])),
        (
            json!({"forward_mode": "forward_email", "forward_to_email": "Inbox@Elsewhere.ORG"}),
            json!(["forward_email", URL, false, "Inbox@elsewhere.org"]),
        ),
    ] {
        assert_eq!(changed(&app, &key, &fields), want, "{fields}");
    }
}

#[test]
fn a_mode_without_what_it_needs_is_400_naming_the_field_and_the_mode() {
    let (app, key) = begin();
    let before = app.dump();
    for (mode, field) in [
        ("webhook", "webhook_url"),
        ("webhook_then_store", "webhook_url"),
        ("forward_email", "forward_to_email"),
    ] {
        let needed = format!("forward_mode {mode} needs one");
        refuses(&put(&app, &key, &json!({"forward_mode": mode})), field, &[&needed]);
        refuses(&put(&app, &key, &json!({"forward_mode": mode, field: null})), field, &[&needed]);
    }
    let other =
        json!({"forward_mode": "webhook", "forward_to_email": "a@elsewhere.org", "webhook_secret": "s"});
    refuses(&put(&app, &key, &other), "webhook_url", &["forward_mode webhook needs one"]);
    let other = json!({"forward_mode": "forward_email", "webhook_url": URL});
    refuses(&put(&app, &key, &other), "forward_to_email", &["forward_mode forward_email needs one"]);
    assert_eq!(app.dump(), before);
}

#[test]
fn absent_keeps_null_clears_and_the_rule_is_asked_of_the_outcome() {
    let (app, key) = begin();
    let whole = json!({
        "forward_mode": "webhook", "webhook_url": URL, "webhook_secret": "s3cret", "forward_to_email": "a@elsewhere.org",
    });
    let full = json!(["webhook", URL, true, "a@elsewhere.org"]);
    assert_eq!(changed(&app, &key, &whole), full);
    assert_eq!(changed(&app, &key, &json!({})), full, "nothing said, nothing changed");
    // What the mode in force needs cannot go, whether or not the mode is named.
    for fields in [json!({"webhook_url": null}), json!({"webhook_url": null, "forward_mode": "webhook"})] {
        refuses(&put(&app, &key, &fields), "webhook_url", &["forward_mode webhook needs one"]);
    }
    assert_eq!(changed(&app, &key, &json!({})), full, "a refusal leaves everything");
    for (fields, want) in [
        (json!({"webhook_secret": null}), json!(["webhook", URL, false, "a@elsewhere.org"])),
        (json!({"webhook_secret": "again"}), json!(["webhook", URL, true, "a@elsewhere.org"])),
        (json!({"forward_to_email": null}), json!(["webhook", URL, true, null])),
        // In one change the mode goes and what it needed with it.
        (json!({"forward_mode": "store", "webhook_url": null}), json!(["store", null, true, null])),
        (
            json!({"webhook_url": "https://hooks.example.com"}),
            json!(["store", "https://hooks.example.com/", true, null]),
        ),
        (
            json!({"forward_mode": "webhook_then_store"}),
            json!(["webhook_then_store", "https://hooks.example.com/", true, null]),
        ),
        (
            json!({"forward_to_email": "b@elsewhere.org"}),
            json!(["webhook_then_store", "https://hooks.example.com/", true, "b@elsewhere.org"]),
        ),
        (
            json!({"forward_mode": "forward_email", "webhook_url": null, "webhook_secret": null}),
            json!(["forward_email", null, false, "b@elsewhere.org"]),
        ),
    ] {
        assert_eq!(changed(&app, &key, &fields), want, "{fields}");
    }
    refuses(
        &put(&app, &key, &json!({"forward_to_email": null})),
        "forward_to_email",
        &["forward_email needs"],
    );
}

#[test]
fn recipients_that_are_null_are_all_taken_again() {
    let (app, key) = begin();
    let recipients = |fields: Value| {
        let reply = put(&app, &key, &fields);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["route"]["recipients"].clone()
    };
    assert_eq!(recipients(json!({"recipients": "known"})), "known");
    assert_eq!(recipients(json!({})), "known");
    assert_eq!(recipients(json!({"recipients": null})), "any");
}

#[test]
fn a_domain_does_not_forward_to_itself_by_the_way_of_others_and_its_own_address_is_a_mailbox() {
    let (app, key) = begin();
    let make = |name: &str| app.v2_domain(&key, name, USER);
    make("second.org");
    make("third.org");
    let id = app.sql().query_row("SELECT id FROM domain WHERE name = 'customer.com'", [], |row| row.get(0));
    let id: i64 = id.unwrap();
    app.sql()
        .execute("INSERT INTO alias (domain_id, name, created_at) VALUES (?1, 'customer-alias.com', 0)", [id])
        .unwrap();
    let forward = |to: &str| json!({"forward_mode": "forward_email", "forward_to_email": to});
    let forward_of = |name: &str, to: &str| {
        let mut fields = forward(to);
        fields["user_id"] = json!(USER);
        app.v2_with(&key, &format!("PUT /v2/domains/{name}/route"), &fields)
    };
    let circle = ["comes back to this domain"];
    // The seed's own example: all mail is kept in this mailbox.
    assert_eq!(put(&app, &key, &forward("inbox@customer.com")).status, 200);
    assert_eq!(put(&app, &key, &forward("a@customer-alias.com")).status, 200);
    assert_eq!(forward_of("third.org", "a@customer-alias.com").status, 200);
    assert_eq!(forward_of("second.org", "a@third.org").status, 200);
    refuses(&put(&app, &key, &forward("a@second.org")), "forward_to_email", &circle);
    assert_eq!(put(&app, &key, &forward("a@elsewhere.org")).status, 200);
    // A domain of this server that keeps its mail ends the way.
    assert_eq!(forward_of("third.org", "a@elsewhere.org").status, 200);
    assert_eq!(put(&app, &key, &forward("a@second.org")).status, 200);
    for private in ["a@printer.local", "a@metadata.google.internal"] {
        refuses(&put(&app, &key, &forward(private)), "forward_to_email", &[]);
    }
}

#[test]
fn a_mode_that_is_none_of_the_four_is_400_and_names_them() {
    let (app, key) = begin();
    for bad in [json!(null), json!(""), json!("Store"), json!("bounce"), json!(1), json!(["store"])] {
        let words = ["store", "webhook", "webhook_then_store", "forward_email"];
        refuses(&put(&app, &key, &json!({"forward_mode": bad})), "forward_mode", &words);
    }
}

#[test]
fn an_address_that_is_none_is_400_naming_it() {
    let (app, key) = begin();
    let before = app.dump();
    for bad in [
        json!(""),
        json!("nobody"),
        json!("@customer.com"),
        json!("a@"),
        json!("a b@customer.com"),
        json!("Jo <jo@customer.com>"),
        json!("a@customer.com, b@customer.com"),
        json!("a@customer.com\r\nBcc: x@customer.com"),
        json!("a@localhost"),
        json!("a@[192.0.2.1]"),
        json!(format!("{}@customer.com", "x".repeat(65))),
        json!(7),
        json!(["a@customer.com"]),
    ] {
        refuses(&put(&app, &key, &json!({"forward_to_email": bad})), "forward_to_email", &[]);
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn a_secret_is_1_to_255_characters_and_a_text_and_base64_if_it_says_so() {
    let (app, key) = begin();
    let published = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
    for good in ["x".to_owned(), "ü".repeat(255), " \u{0} ".to_owned(), published] {
        assert_eq!(put(&app, &key, &json!({"webhook_secret": good})).status, 200);
    }
    let before = app.dump();
    for bad in [json!(""), json!("x".repeat(256)), json!(7), json!(true), json!({"a": "b"})] {
        refuses(&put(&app, &key, &json!({"webhook_secret": bad})), "webhook_secret", &[]);
    }
    for bad in ["whsec_", "whsec_!!!", "whsec_c2hvcnQ="] {
        refuses(&put(&app, &key, &json!({"webhook_secret": bad})), "webhook_secret", &["Base64"]);
    }
    assert_eq!(app.dump(), before);
}

#[test]
fn the_secret_is_sealed_and_shown_nowhere() {
    let (app, key) = begin();
    let secret = "correct-horse-battery-staple";
    let fields = json!({"forward_mode": "webhook", "webhook_url": URL, "webhook_secret": secret});
    let reply = put(&app, &key, &fields);
    assert!(!reply.text().contains(secret));
    let shown = [
        format!("GET /v2/domains/{DOMAIN}/info?user_id={USER}"),
        format!("GET /v2/domains/{DOMAIN}/dns?user_id={USER}"),
        format!("GET /v2/domains?user_id={USER}"),
        "GET /api/v1/domains".to_owned(),
    ];
    for line in shown {
        let field = if line.contains("/api/") { "MailPace-Organization-Token" } else { "x-api-key" };
        assert!(!app.send(&line, &[(field, &key.secret)], b"").text().contains(secret), "{line}");
    }
    for (table, rows) in app.dump() {
        assert!(rows.iter().all(|row| !row.contains(secret)), "{table}");
        assert!(
            table == "route" || rows.iter().all(|row| !row.contains("token=hidden")),
            "{table} has the URL"
        );
    }
    for file in ["postroom.db", "postroom.db-wal"] {
        let octets = std::fs::read(app.file().with_file_name(file)).unwrap();
        assert!(!octets.windows(12).any(|window| window == &secret.as_bytes()[..12]), "{file}");
    }
    let sealed = || app.value::<Option<Vec<u8>>>("SELECT sealed_secret FROM route");
    let (first, _) = (sealed().unwrap(), put(&app, &key, &json!({"webhook_secret": secret})));
    assert_ne!(sealed().unwrap(), first, "the same secret is never sealed alike twice");
    put(&app, &key, &json!({"webhook_secret": null}));
    assert_eq!(sealed(), None);
}

#[test]
fn each_change_is_an_audit_row_with_the_mode_and_no_secret() {
    let (app, key) = begin();
    let fields = json!({"forward_mode": "webhook", "webhook_url": URL, "webhook_secret": "s3cret"});
    changed(&app, &key, &fields);
    let events = app.events(key.account);
    let event = events.last().unwrap();
    assert_eq!((event.action(), event.subject().as_str()), ("route.changed", DOMAIN));
    assert_eq!(
        event.detail().unwrap(),
        format!(
            "route of {DOMAIN} changed from \"store\" to \"webhook\"; webhook URL changed; webhook secret changed"
        )
    );
    let row = app.dump()["event"].last().unwrap().clone();
    assert!(!row.contains("s3cret") && !row.contains(URL), "the URL may hold a token: {row}");
}
