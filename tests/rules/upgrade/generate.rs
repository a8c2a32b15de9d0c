//! Makes the databases in `tests/fixtures/databases` that are not there yet. Run by hand when a migration was added:
//! `cargo test -p postroom-server --test suite -- --ignored make_missing_fixtures`.

use std::fs;

use postroom::dns::RecordData;
use postroom::rotation;
use refinery::{Migration, Runner};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::{Value, json};

use super::{FIRST_RELEASED, column, fixtures, newest_migration, tables};
use crate::harness::app::{Key, Reply, TestApp, basic, settings, txt};
use crate::harness::v2::USER;

/// A schema that a commit on `main` could write before the first release.
struct Unreleased {
    /// `vNN` and a letter; NN is the version that the database says it has.
    name: &'static str,
    version: i32,
    /// The migrations that it has.
    has: &'static [i32],
    /// Those of them that it has in the text of `earlier/`.
    earlier: &'static [i32],
}

#[rustfmt::skip]
const UNRELEASED: &[Unreleased] = &[
    Unreleased { name: "v06a", version: 6, has: &[1, 2, 3, 4, 5, 6], earlier: &[2] },
    Unreleased { name: "v06b", version: 6, has: &[1, 2, 3, 4, 5, 6, 7, 9], earlier: &[] },
    Unreleased { name: "v06c", version: 6, has: &[1, 2, 3, 4, 5, 6, 7, 8, 9], earlier: &[] },
    Unreleased { name: "v11a", version: 11, has: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], earlier: &[10, 11] },
    Unreleased { name: "v14a", version: 14, has: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14], earlier: &[10, 11] },
    Unreleased { name: "v16a", version: 16, has: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 16], earlier: &[10, 11, 16] },
    Unreleased { name: "v16b", version: 16, has: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 16], earlier: &[10, 11, 16] },
    Unreleased { name: "v16c", version: 16, has: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16], earlier: &[10, 11, 16] },
    Unreleased { name: "v16d", version: 16, has: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], earlier: &[10, 11, 16] },
    Unreleased { name: "v16e", version: 16, has: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], earlier: &[10, 11] },
];

#[test]
#[ignore = "it writes into the repository; run it by hand when a migration was added"]
fn make_missing_fixtures() {
    let newest = newest_migration();
    let all: Vec<i32> = (1..=newest).collect();
    let landed = (1..=newest).zip(1..).filter(|(version, _)| *version >= FIRST_RELEASED);
    let landed = landed.filter_map(|(version, count)| {
        Some((format!("v{version:02}"), version, all.get(..count)?, [].as_slice()))
    });
    let mut wanted: Vec<_> = landed.collect();
    wanted.extend(UNRELEASED.iter().map(|it| (it.name.to_owned(), it.version, it.has, it.earlier)));
    let app = filled();
    for (name, version, has, earlier) in wanted {
        if !fixtures().join(format!("{name}.sqlite")).exists() {
            make(&app, &name, version, &migrations(has, earlier));
        }
    }
}

/// The migrations with these numbers, some of them in their earlier text.
fn migrations(has: &[i32], earlier: &[i32]) -> Vec<Migration> {
    let read = |version: &i32| {
        let folder = if earlier.contains(version) {
            fixtures().join("earlier")
        } else {
            fixtures().join("../../../migrations/sqlite")
        };
        let start = format!("V{version:02}__");
        let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        let name = names.map(|name| name.into_string().unwrap()).find(|name| name.starts_with(&start));
        let name = name.unwrap_or_else(|| panic!("no {start} in {}", folder.display()));
        let sql = fs::read_to_string(folder.join(&name)).unwrap();
        Migration::unapplied(name.trim_end_matches(".sql"), &sql).unwrap()
    };
    has.iter().map(read).collect()
}

/// A database with these migrations, applied by refinery, and the rows of `app` that it has tables for.
fn make(app: &TestApp, name: &str, version: i32, migrations: &[Migration]) {
    let has = |number: i32| migrations.iter().any(|migration| migration.version() == number);
    let dir = tempfile::tempdir().unwrap();
    let rows = dir.path().join("rows.db");
    app.sqlite().execute("VACUUM INTO ?1", [rows.to_str().unwrap()]).unwrap();
    let reduced = Connection::open(&rows).unwrap();
    reduced.pragma_update(None, "foreign_keys", true).unwrap();
    if !has(10) {
        // A domain had one key, which signed or waited.
        reduced
            .execute_batch(
                "DELETE FROM dkim_key WHERE id NOT IN (SELECT min(id) FROM dkim_key GROUP BY domain_id);
                 UPDATE dkim_key SET activated_at = created_at, retired_at = NULL WHERE retired_at IS NOT NULL;",
            )
            .unwrap();
    }
    if !has(14) {
        reduced.execute_batch("DELETE FROM domain WHERE wants_key = 1").unwrap();
    }
    drop(reduced);

    let file = fixtures().join(format!("{name}.sqlite"));
    let mut made = Connection::open(&file).unwrap();
    // Small pages for small files.
    made.pragma_update(None, "page_size", 512).unwrap();
    Runner::new(migrations).set_grouped(true).run(&mut made).unwrap();
    made.pragma_update(None, "application_id", 0x506F_7374).unwrap();
    made.pragma_update(None, "user_version", version).unwrap();
    made.pragma_update(None, "foreign_keys", false).unwrap();
    // What they would count is copied as well.
    made.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).unwrap();
    made.execute("ATTACH ?1 AS source", [rows.to_str().unwrap()]).unwrap();
    for table in tables(&made) {
        // The totals are kept by triggers, which run here too.
        if !["refinery_schema_history", "sqlite_sequence"].contains(&table.as_str()) {
            let columns = column(&made, &format!("SELECT name FROM pragma_table_info('{table}')")).join(", ");
            let copy = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}");
            assert!(made.execute(&copy, []).unwrap() > 0, "no row of {table}: fill it in `filled`");
        }
    }
    made.execute("DETACH source", []).unwrap();
    made.execute_batch("VACUUM").unwrap();
    fs::copy(app.file().with_extension("db.key"), file.with_extension("master")).unwrap();
}

/// A database that has rows in every table.
pub(super) fn filled() -> TestApp {
    let app = TestApp::with(settings(), 8);
    let key = app.account("acme");
    // A first key that waits for its record, and a token.
    let waiting = app.domain(&key, "example.com");
    app.token(&key, waiting);
    let line = format!("POST /api/v1/domains/{waiting}/api_tokens");
    let repeatable = [("MailPace-Organization-Token", key.secret.as_str()), ("Idempotency-Key", "one")];
    assert_eq!(app.send(&line, &repeatable, b"").status, 201);
    active_domain(&app, &key);
    provisioned_domain(&app, &key);
    let domains = Some(Some([postroom::id::DomainId::new(waiting)].into()));
    let session = app.session(key.account);
    app.give_password(&session, "jo");
    app.give_passkey(&session, "ann");
    app.limited_key(key.account, postroom::key::KeyRequest { domains, ..Default::default() });
    // A sender for which a return path has no room is kept.
    let sender = format!("{}@b.example", "a".repeat(60)).parse().unwrap();
    let id = postroom::id::DomainId::new(waiting);
    app.postroom.write(|tx| postroom::mail::keep_return_path(tx, id, &sender)).unwrap();
    let day = std::time::Duration::from_hours(24);
    app.postroom
        .write(|tx| postroom::setup_link::create(tx, &key.operator(), &key.own(tx, id)?, day).map(drop))
        .unwrap();
    crate::harness::mail::post(
        &app,
        id,
        "jo@example.com",
        "msg_a",
        postroom::webhook::call::CallOutcome::Answered(204),
    );
    // A tenant that contends for a name, and has given one up.
    let tenant = app.tenant("tenant");
    let name = "customer.com".parse().unwrap();
    app.postroom.write(|tx| postroom::claim::create(tx, &tenant.operator(), &name, None).map(drop)).unwrap();
    let given_up = app.domain(&tenant, "given-up.example");
    app.postroom
        .write(|tx| {
            let domain = tenant.own(tx, postroom::id::DomainId::new(given_up))?;
            postroom::provision::delete(tx, &tenant.operator(), &domain)
        })
        .unwrap();
    while postroom::signing::follow_setting(&app.postroom, 100).unwrap() {}
    // Few spare keys are enough.
    app.sql().execute_batch("DELETE FROM spare_key WHERE id > (SELECT min(id) FROM spare_key)").unwrap();
    app
}

/// A domain of an end user that is active: its first key is retired, its second signs, and a third waits.
fn active_domain(app: &TestApp, key: &Key) {
    app.v2_domain(key, "customer.com", USER);
    app.publish_all("customer.com");
    let native = |line: &str, body: &Value| with(app, "Authorization", &bearer(key), line, body);
    let verify = || ok(&native("POST /postroom/v1/domains/customer.com/verify", &json!({})));
    verify();
    ok(&native("POST /postroom/v1/domains/customer.com/rotation", &json!({})));
    let keys = native("GET /postroom/v1/domains/customer.com/keys", &json!({})).json();
    let record = &keys["keys"][1]["record"];
    app.dns.set(record["name"].as_str().unwrap(), vec![txt(record["value"].as_str().unwrap())]);
    verify();
    rotation::keep(&app.postroom).unwrap();
    ok(&native("PUT /postroom/v1/domains/customer.com/rotation", &json!({ "every_days": 9 })));
    let third = json!({ "selector": "ed", "algorithm": "ed25519" });
    ok(&native("POST /postroom/v1/domains/customer.com/keys", &third));
    app.dns.set("hooks.example.net", vec![RecordData::A([1, 1, 1, 1].into())]);
    let route = json!({
        "user_id": USER, "forward_mode": "webhook", "webhook_url": "https://hooks.example.net/in",
        "webhook_secret": "s3cret", "forward_to_email": "ops@example.net",
    });
    ok(&app.v2_with(key, "PUT /v2/domains/customer.com/route", &route));
    app.domain(key, "news.customer.com");
    let headers = [("Authorization", basic("api", &key.secret))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    ok(&app.send("PUT /v3/domains/news.customer.com/dkim_authority?self=false", &headers, b""));
}

/// A domain that filters incoming mail, and still waits for its first key.
fn provisioned_domain(app: &TestApp, key: &Key) {
    let call = |line: &str, body: &Value| ok(&with(app, "X-API-Key", &key.secret, line, body));
    let domain = json!({
        "domain": "inbound.example", "subscriptionHandle": "default",
        "settings": { "abusePolicy": "quarantine", "spamHeaderName": "X-Spam", "spamHeaderValue": "yes" },
        "admins": ["jo@inbound.example"], "aliases": ["alias.example"],
        "downstreamAddresses": [{ "priority": 1, "weight": 10, "port": 25, "target": "mx.example.net" }],
    });
    call("POST /inbound/v1/domains?associate-key=true", &domain);
    let item = |item: &str| json!({ "item": item });
    call("POST /inbound/v1/lists/blocklist", &item("192.0.2.0/24"));
    call("POST /inbound/v1/domains/inbound.example/lists/safelist", &item("friend.example"));
    call("POST /inbound/v1/users/jo@inbound.example/lists/blocklist", &item("spam@example.net"));
    call("GET /inbound/v1/domains/inbound.example/login-link", &json!({}));
    let message = "From: a@b.example\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\nx\r\n";
    call("POST /inbound/v1/report?report_type=false_positive", &json!({ "messageContent": message }));
}

fn with(app: &TestApp, field: &str, secret: &str, line: &str, body: &Value) -> Reply {
    app.send(line, &[(field, secret), ("Content-Type", "application/json")], body.to_string().as_bytes())
}

fn bearer(key: &Key) -> String {
    format!("Bearer {}", key.secret)
}

#[track_caller]
fn ok(reply: &Reply) {
    assert!(reply.status < 300, "{reply:?}");
}
