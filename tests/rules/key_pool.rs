//! Keys where no spare pair is ready. A debug build, as tests are, panics where a pair is made inside a transaction.

use std::time::Duration;

use postroom::db::ReadTx;
use postroom::dkim::{KeyKind, KeyPair, Source, pool};
use postroom::domain::{self, Details, Domain};
use postroom::error::Error;
use postroom::name::DnsName;
use postroom::provision::{self, NewDomain};
use postroom::settings::Settings;
use postroom::{keyring, record, rotation, verify};
use serde_json::json;

use crate::harness::app::{Key, TestApp, basic, settings, txt};

/// An App whose pool is empty and stays so.
fn start() -> (TestApp, Key) {
    let zone: DnsName = "dkim.mail.example.net".parse().unwrap();
    let app = TestApp::with(Settings { spare_keys: 0, delegation_zone: Some(zone), ..settings() }, 0);
    let key = app.account("acme");
    (app, key)
}

#[track_caller]
fn keys(app: &TestApp, name: &str) -> i64 {
    assert_eq!(app.value::<i64>("SELECT count(*) FROM spare_key"), 0, "no pair is left over");
    app.value(&format!(
        "SELECT count(*) FROM dkim_key k JOIN domain d ON d.id = k.domain_id WHERE d.name = '{name}'"
    ))
}

/// A domain without its key, as an embedder makes it.
fn bare(app: &TestApp, key: &Key, name: &str) -> Details {
    let name = name.parse().unwrap();
    let made = app.postroom.write(|tx| {
        provision::create(tx, &key.operator(), &NewDomain::named(&name)).map(Domain::into_details)
    });
    made.unwrap()
}

fn read(app: &TestApp, key: &Key, name: &str) -> Details {
    app.postroom.read(|tx| read_in(tx, key, name).map(Domain::into_details)).unwrap()
}

#[test]
fn no_key_is_made_inside_a_transaction() {
    let (app, _) = start();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        app.postroom.write(|_| KeyPair::generate(KeyKind::Ed25519))
    }));
    assert_eq!(outcome.is_err(), cfg!(debug_assertions));
    KeyPair::generate(KeyKind::Ed25519).unwrap();
}

#[test]
fn a_domain_made_in_a_transaction_of_ones_own_waits_for_its_key_and_gets_it_outside() {
    let (app, key) = start();
    let made = bare(&app, &key, "a.example");
    assert!(made.wants_key);
    assert_eq!(keys(&app, "a.example"), 0);
    let records = app.postroom.read(|tx| record::list(tx, &read_in(tx, &key, "a.example")?)).unwrap();
    assert!(records.iter().all(|record| record.dkim_key.is_none()));
    let refused = app.postroom.write(|tx| provision::equip(tx, &read_in(tx, &key, "a.example")?));
    assert!(matches!(refused, Err(Error::NoSpareKey)), "{refused:?}");
    pool::write(&*app.postroom, |tx| provision::equip(tx, &read_in(tx, &key, "a.example")?)).unwrap();
    assert_eq!(keys(&app, "a.example"), 1);
    // A check makes it as well.
    let other = bare(&app, &key, "b.example");
    verify::check(&app.postroom, &key.operator(), other.id, &*app.dns).unwrap();
    assert_eq!(keys(&app, "b.example"), 1);
}

#[test]
fn the_background_thread_gives_every_domain_its_key_though_no_spare_one_is_kept() {
    let (app, key) = start();
    for name in ["a.example", "b.example"] {
        bare(&app, &key, name);
    }
    let mut rounds = 0;
    while provision::equip_some(&app.postroom, 16).unwrap() {
        rounds += 1;
        assert!(rounds < 4, "it ends");
    }
    assert_eq!((keys(&app, "a.example"), keys(&app, "b.example")), (1, 1));
}

#[test]
fn a_dialect_that_answers_with_the_key_has_it_made_before_its_transaction() {
    let (app, key) = start();
    let line = "POST /api/v1/domains";
    let made = app.call_with(&key, line, &json!({"domain": {"url": "a.example"}}));
    assert_eq!(made.status, 201, "{made:?}");
    assert!(made.json()["dkim_string"].as_str().unwrap().starts_with("v=DKIM1"));
    // Its writes are held until the answer is kept.
    let headers = [
        ("MailPace-Organization-Token", key.secret.as_str()),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "\"once\""),
    ];
    let body = json!({"domain": {"url": "b.example"}}).to_string();
    let held = app.send(line, &headers, body.as_bytes());
    assert_eq!(held.status, 201, "{held:?}");
    assert_eq!(app.send(line, &headers, body.as_bytes()).body, held.body);
    app.v2_domain(&key, "c.example", "user");
    for name in ["a.example", "b.example", "c.example"] {
        assert_eq!(keys(&app, name), 1, "{name}");
    }
}

#[test]
fn whatever_else_makes_a_key_has_it_made_before_its_transaction() {
    let (app, key) = start();
    let bearer = format!("Bearer {}", key.secret);
    let json = |line: &str, body: serde_json::Value| {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let reply = app.send(line, &headers, body.to_string().as_bytes());
        assert!(reply.status < 300, "{line}: {reply:?}");
    };
    let form = |line: &str, body: &str| {
        let user = basic("api", &key.secret);
        let headers =
            [("Authorization", user.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
        let reply = app.send(line, &headers, body.as_bytes());
        assert!(reply.status < 300, "{line}: {reply:?}");
    };
    // Of a domain that has no key yet, these make the first one as well.
    bare(&app, &key, "a.example");
    json("POST /postroom/v1/domains/a.example/keys", json!({"selector": "s1"}));
    assert_eq!(keys(&app, "a.example"), 2);
    bare(&app, &key, "b.example");
    form("POST /v1/dkim/keys", "signing_domain=b.example&selector=s1");
    assert_eq!(keys(&app, "b.example"), 2);
    bare(&app, &key, "c.example");
    form("PUT /v3/domains/c.example/dkim_selector", "dkim_selector=s1");
    assert_eq!(keys(&app, "c.example"), 1);
    // Two delegated ones.
    bare(&app, &key, "d.example");
    json("PUT /postroom/v1/domains/d.example/rotation", json!({"delegated": true}));
    assert_eq!(keys(&app, "d.example"), 3);
    bare(&app, &key, "e.example");
    form("PUT /v1/dkim_management/domains/e.example/rotation", "rotation_enabled=true");
    assert_eq!(keys(&app, "e.example"), 3);
}

#[test]
fn a_rotation_has_its_key_made_before_its_transaction() {
    let (app, key) = start();
    let bearer = format!("Bearer {}", key.secret);
    let name = "a.example";
    app.domain(&key, name);
    let check = || {
        let domain = read(&app, &key, name);
        for entry in app.postroom.read(|tx| keyring::of_domain(tx, &read_in(tx, &key, name)?)).unwrap() {
            app.dns.set(entry.record_name().as_str(), vec![txt(&entry.key.public.record_value())]);
        }
        verify::check(&app.postroom, &key.operator(), domain.id, &*app.dns).unwrap();
    };
    check();
    let begun =
        app.send(&format!("POST /postroom/v1/domains/{name}/rotation"), &[("Authorization", &bearer)], b"");
    assert_eq!(begun.status, 200, "{begun:?}");
    assert_eq!(keys(&app, name), 2);
    check();
    assert_eq!(rotation::keep(&app.postroom).unwrap(), 1);
    // The next one begins by itself.
    let every = Some(Duration::from_hours(10 * 24));
    app.postroom
        .write(|tx| rotation::set_interval(tx, &key.operator(), &read_in(tx, &key, name)?, every))
        .unwrap();
    app.advance(11 * 24);
    check();
    assert!(rotation::keep(&app.postroom).unwrap() >= 1);
    assert_eq!(keys(&app, name), 3);
}

fn read_in<'t>(tx: &ReadTx<'t>, key: &Key, name: &str) -> Result<Domain<'t>, Error> {
    domain::find_named(tx, &key.operator(), &name.parse().unwrap())
}

#[test]
fn a_delegated_key_that_is_released_has_the_next_one_made_before_its_transaction() {
    let (app, key) = start();
    let name = "a.example";
    app.domain(&key, name);
    pool::write(&*app.postroom, |tx| rotation::delegate(tx, &key.operator(), &read_in(tx, &key, name)?))
        .unwrap();
    let before: String = app.value("SELECT group_concat(id) FROM dkim_key WHERE selector = 'pdk2'");
    // As after a rotation, a long time ago.
    app.sql().execute("UPDATE dkim_key SET retired_at = 1 WHERE selector = 'pdk2'", []).unwrap();
    assert!(rotation::keep(&app.postroom).unwrap() >= 1);
    assert_ne!(app.value::<String>("SELECT group_concat(id) FROM dkim_key WHERE selector = 'pdk2'"), before);
    assert_eq!(keys(&app, name), 3);
}

#[test]
fn a_pair_that_is_brought_needs_no_spare_one() {
    let (app, key) = start();
    app.domain(&key, "a.example");
    let source = Source::Pair(KeyPair::generate(KeyKind::Ed25519).unwrap());
    let selector = "ed".parse().unwrap();
    let made = app.postroom.write(|tx| {
        keyring::create(tx, &key.operator(), &read_in(tx, &key, "a.example")?, &selector, &source)
    });
    made.unwrap();
    assert_eq!(keys(&app, "a.example"), 2);
}

#[test]
fn the_pool_takes_pairs_of_its_kind_that_were_generated_alone() {
    let (app, _) = start();
    let imported = KeyPair::import(include_bytes!("../fixtures/pem/002-2048.pem")).unwrap();
    let others = [KeyKind::Ed25519, KeyKind::Rsa1024].map(|kind| KeyPair::generate(kind).unwrap());
    for (pair, reason) in [(&imported, "imported"), (&others[0], "2048 bits"), (&others[1], "2048 bits")] {
        let refused = app.postroom.write(|tx| pool::add(tx, pair)).unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: "pair", .. }), "{refused:?}");
        assert!(refused.to_string().contains(reason), "{refused}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM spare_key"), 0);
}
