//! The life of DKIM keys beyond what a dialect shows of it: kinds, sealing, delegation, the audit log.

mod authority;

use postroom::dkim::{self, Algorithm, KeyKind, KeyPair, Source};
use postroom::dns::{Outcome, RecordType, ScriptedResolver};
use postroom::domain::{self, Details, Domain};
use postroom::error::{Entity, Error};
use postroom::keyring::{self, Activation, DnsState, Filter, Window};
use postroom::name::Selector;
use postroom::verify;

use crate::harness::app::{Key, TestApp, settings, txt};

fn start() -> (TestApp, Key) {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "example.com");
    (app, key)
}

fn domain_of(app: &TestApp, key: &Key, name: &str) -> Details {
    let name = name.parse().unwrap();
    app.postroom.read(|tx| domain::find_named(tx, &key.operator(), &name).map(Domain::into_details)).unwrap()
}

fn selector(text: &str) -> Selector {
    text.parse().unwrap()
}

fn make(app: &TestApp, key: &Key, text: &str, source: &Source) -> Result<keyring::KeyEntry, Error> {
    let domain = domain_of(app, key, "example.com");
    app.postroom
        .write(|tx| keyring::create(tx, &key.operator(), &key.own(tx, domain.id)?, &selector(text), source))
}

#[test]
fn keys_of_two_algorithms_sign_side_by_side() {
    let (app, key) = start();
    let pair = KeyPair::generate(KeyKind::Ed25519).unwrap();
    let made = make(&app, &key, "ed", &Source::Pair(pair)).unwrap();
    assert_eq!((made.key.public.algorithm(), made.key.bits), (Algorithm::Ed25519, 256));
    let domain = domain_of(&app, &key, "example.com");
    for text in ["pr1", "ed"] {
        let entry =
            app.postroom.read(|tx| keyring::find(tx, &key.own(tx, domain.id)?, &selector(text))).unwrap();
        app.dns.set(entry.record_name().as_str(), vec![txt(&entry.key.public.record_value())]);
        let done =
            keyring::activate(&app.postroom, &key.operator(), domain.id, &selector(text), &*app.dns).unwrap();
        assert!(matches!(done, Activation::Done(key) if key.is_active()), "{text}");
    }
    let message = b"From: a@example.com\r\nSubject: x\r\n\r\nhello\r\n";
    let signed = app.postroom.read(|tx| dkim::sign(tx, &domain.name, message)).unwrap();
    let texts: Vec<String> = signed.iter().map(|header| header.text(dkim::LineEnd::CrLf)).collect();
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains("a=rsa-sha256") && texts[0].contains("s=pr1"), "{texts:?}");
    assert!(texts[1].contains("a=ed25519-sha256") && texts[1].contains("s=ed"), "{texts:?}");
}

#[test]
fn only_a_first_key_begins_by_itself_and_what_was_deactivated_stays_so() {
    let (app, key) = start();
    let domain = domain_of(&app, &key, "example.com");
    let entry = |text: &str| {
        app.postroom.read(|tx| keyring::find(tx, &key.own(tx, domain.id)?, &selector(text))).unwrap()
    };
    let check = || drop(verify::check(&app.postroom, &key.operator(), domain.id, &*app.dns).unwrap());
    let publish = |text: &str| {
        let entry = entry(text);
        app.dns.set(entry.record_name().as_str(), vec![txt(&entry.key.public.record_value())]);
    };
    make(&app, &key, "s1", &Source::Pool).unwrap();
    publish("s1");
    check();
    assert!(!entry("s1").key.is_active(), "a later key waits for a word");
    publish("pr1");
    check();
    assert!(entry("pr1").key.is_active());
    app.postroom
        .write(|tx| keyring::deactivate(tx, &key.operator(), &key.own(tx, domain.id)?, &selector("pr1")))
        .unwrap();
    app.dns.set("pr1._domainkey.example.com", vec![]);
    (0..4).for_each(|_| {
        app.advance(48);
        check();
    });
    publish("pr1");
    check();
    assert!(!entry("pr1").key.is_active() && !entry("s1").key.is_active());
}

#[test]
fn after_a_domain_is_renamed_the_keys_that_signed_do_so_again_and_no_others() {
    let (app, key) = start();
    let domain = domain_of(&app, &key, "example.com");
    make(&app, &key, "s1", &Source::Pool).unwrap();
    for text in ["pr1", "s1"] {
        let entry =
            app.postroom.read(|tx| keyring::find(tx, &key.own(tx, domain.id)?, &selector(text))).unwrap();
        app.dns.set(entry.record_name().as_str(), vec![txt(&entry.key.public.record_value())]);
        keyring::activate(&app.postroom, &key.operator(), domain.id, &selector(text), &*app.dns).unwrap();
    }
    app.postroom
        .write(|tx| keyring::deactivate(tx, &key.operator(), &key.own(tx, domain.id)?, &selector("pr1")))
        .unwrap();
    let name = "renamed.example".parse().unwrap();
    let renamed = app
        .postroom
        .write(|tx| {
            let domain = key.own(tx, domain.id)?;
            postroom::provision::rename(tx, &key.operator(), &domain, &name).map(Domain::into_details)
        })
        .unwrap();
    let keys = || app.postroom.read(|tx| keyring::of_domain(tx, &key.own(tx, renamed.id)?)).unwrap();
    assert!(keys().iter().all(|entry| !entry.key.is_active()));
    for entry in keys() {
        app.dns.set(entry.record_name().as_str(), vec![txt(&entry.key.public.record_value())]);
    }
    verify::check(&app.postroom, &key.operator(), renamed.id, &*app.dns).unwrap();
    let active: Vec<String> =
        keys().iter().filter(|e| e.key.is_active()).map(|e| e.key.selector.to_string()).collect();
    assert_eq!(active, ["s1"]);
}

#[test]
fn a_domain_without_any_key_is_not_active() {
    let (app, key) = start();
    app.publish_all("example.com");
    let domain = domain_of(&app, &key, "example.com");
    verify::check(&app.postroom, &key.operator(), domain.id, &*app.dns).unwrap();
    assert_eq!(domain_of(&app, &key, "example.com").status, domain::DomainStatus::Active);
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, domain.id)?;
            keyring::deactivate(tx, &key.operator(), &domain, &selector("pr1"))?;
            keyring::delete(tx, &key.operator(), &domain, &selector("pr1"))
        })
        .unwrap();
    assert_eq!(domain_of(&app, &key, "example.com").status, domain::DomainStatus::Pending);
}

#[test]
fn one_domain_whose_first_key_cannot_be_made_holds_up_no_other() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.postroom
        .write(|tx| {
            for name in ["a.example", "b.example"] {
                let name = name.parse().unwrap();
                let new = postroom::provision::NewDomain {
                    key_later: true,
                    ..postroom::provision::NewDomain::named(&name)
                };
                postroom::provision::create(tx, &key.operator(), &new)?;
            }
            Ok::<_, Error>(())
        })
        .unwrap();
    // As if it had been made under other settings.
    let long =
        format!("{}.example", ["x".repeat(63), "x".repeat(63), "x".repeat(63), "x".repeat(48)].join("."));
    app.sql()
        .execute("UPDATE domain SET name = ?1, checksum = NULL WHERE name = 'a.example'", [long.clone()])
        .unwrap();
    // One key of an account at a time.
    while postroom::provision::equip_some(&app.postroom, 16).unwrap() {}
    assert_eq!(app.value::<i64>("SELECT count(*) FROM dkim_key"), 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain WHERE wants_key = 1"), 0);
}

#[test]
fn a_private_key_opens_in_its_own_row_alone() {
    let (app, key) = start();
    app.domain(&key, "other.example");
    // The same pair lies in both domains, as tests have it; its sealed half was moved from one row to the other.
    app.sql()
        .execute(
            "UPDATE dkim_key SET activated_at = 1, sealed = (SELECT sealed FROM dkim_key WHERE domain_id = 1)
             WHERE domain_id = 2",
            [],
        )
        .unwrap();
    let refused = app.postroom.read(|tx| dkim::signing_keys(tx, &"other.example".parse().unwrap()));
    assert!(matches!(refused, Err(Error::Store(_))), "{refused:?}");
}

#[test]
fn the_state_of_the_dns_is_what_was_last_seen_and_a_hiccup_is_nothing() {
    let (app, key) = start();
    let domain = domain_of(&app, &key, "example.com");
    let state = || {
        app.postroom
            .read(|tx| keyring::find(tx, &key.own(tx, domain.id)?, &selector("pr1")))
            .unwrap()
            .dns_state()
    };
    let activate =
        || keyring::activate(&app.postroom, &key.operator(), domain.id, &selector("pr1"), &*app.dns).unwrap();
    assert_eq!(state(), DnsState::Unknown);
    let silent =
        ScriptedResolver::new().fail("pr1._domainkey.example.com", RecordType::Txt, Outcome::Timeout);
    let asked =
        keyring::activate(&app.postroom, &key.operator(), domain.id, &selector("pr1"), &silent).unwrap();
    assert!(matches!(asked, Activation::Refused(_)));
    assert_eq!(state(), DnsState::Unknown);
    app.dns.set("pr1._domainkey.example.com", vec![txt("v=DKIM1; p=")]);
    assert!(matches!(activate(), Activation::Refused(_)));
    assert_eq!(state(), DnsState::Invalid);
    let entry =
        app.postroom.read(|tx| keyring::find(tx, &key.own(tx, domain.id)?, &selector("pr1"))).unwrap();
    app.dns.set("pr1._domainkey.example.com", vec![txt(&entry.key.public.record_value())]);
    assert!(matches!(activate(), Activation::Done(_)));
    assert_eq!(state(), DnsState::Valid);
}

#[test]
fn a_limit_of_keys_is_the_operators_and_a_store_of_none_is_refused() {
    let few = postroom::settings::Settings { most_dkim_keys: 2, ..settings() };
    let app = TestApp::with(few, 10);
    let key = app.account("acme");
    app.domain(&key, "example.com");
    make(&app, &key, "s1", &Source::Pool).unwrap();
    let refused = make(&app, &key, "s2", &Source::Pool);
    assert!(matches!(refused, Err(Error::Limit { what: Entity::DkimKey, most: 2 })), "{refused:?}");
    // Nothing of it was kept: the spare pair is where it was.
    assert_eq!(app.value::<i64>("SELECT count(*) FROM spare_key"), 8);
}

#[test]
fn a_list_looks_at_the_callers_own_rows_alone() {
    let (app, key) = start();
    for n in 0..20 {
        app.domain(&app.account(&format!("other{n}")), &format!("d{n}.example"));
    }
    let listed = app
        .postroom
        .read(|tx| keyring::list(tx, &key.operator(), &Filter::default(), Window::After(None), 100))
        .unwrap();
    assert_eq!((listed.entries.len(), listed.damaged.len()), (1, 0));
    let sql = app.sqlite();
    let plan = |more: &str| -> String {
        let query = format!(
            "EXPLAIN QUERY PLAN SELECT k.id FROM domain d JOIN dkim_key k ON k.domain_id = d.id
                 JOIN record r ON r.dkim_key_id = k.id
             WHERE d.account_id = 1 AND NULL IS NULL AND (1 IS NULL OR d.api_key_id IS NULL OR d.api_key_id = 1) {more}"
        );
        let mut steps = sql.prepare(&query).unwrap();
        let steps = steps.query_map([], |row| row.get::<_, String>(3)).unwrap();
        steps.map(Result::unwrap).collect::<Vec<_>>().join("\n")
    };
    for more in [
        "ORDER BY d.id, k.id LIMIT 10",
        "AND d.id >= 3 AND (d.id > 3 OR k.id > 7) ORDER BY d.id, k.id LIMIT 10",
        "AND d.id <= 3 AND (d.id < 3 OR k.id < 7) ORDER BY d.id DESC, k.id DESC LIMIT 10",
    ] {
        let plan = plan(more);
        assert!(!plan.contains("SCAN") && plan.contains("SEARCH d USING"), "{more}: {plan}");
    }
}

#[test]
fn a_key_whose_record_was_never_seen_is_not_published_under_the_selector_that_it_had() {
    let (app, key) = start();
    let id = domain_of(&app, &key, "example.com").id;
    app.first_key_signs();
    let caller = key.operator();
    let renamed = app
        .postroom
        .write(|tx| keyring::rename_selector(tx, &caller, &key.own(tx, id)?, &"new".parse().unwrap()))
        .unwrap();
    assert!(renamed.is_active());
    assert_eq!(renamed.published_as, None);
}

#[test]
fn after_a_key_was_deactivated_by_hand_none_starts_itself() {
    let (app, key) = start();
    let id = domain_of(&app, &key, "example.com").id;
    let caller = key.operator();
    app.first_key_signs();
    app.postroom
        .write(|tx| keyring::deactivate(tx, &caller, &key.own(tx, id)?, &"pr1".parse().unwrap()))
        .unwrap();
    app.publish(&key, id.number());
    verify::check(&app.postroom, &caller, id, &*app.dns).unwrap();
    let keys = app.postroom.read(|tx| dkim::list(tx, &key.own(tx, id)?)).unwrap();
    assert!(keys.iter().all(|key| !key.is_active()), "{keys:?}");
}

#[test]
fn a_key_that_waits_for_its_record_signs_when_that_is_seen() {
    let (app, key) = start();
    let (id, caller) = (domain_of(&app, &key, "example.com").id, key.operator());
    let pair = |text| make(&app, &key, text, &Source::Pair(KeyPair::generate(KeyKind::Ed25519).unwrap()));
    let made = [pair("waits").unwrap(), pair("rests").unwrap()];
    let check = || {
        verify::check(&app.postroom, &caller, id, &*app.dns).unwrap();
        let keys = app.postroom.read(|tx| dkim::list(tx, &key.own(tx, id)?)).unwrap();
        keys.into_iter()
            .filter(dkim::DkimKey::is_active)
            .map(|key| key.selector.to_string())
            .collect::<Vec<_>>()
    };
    let wait = || {
        app.postroom
            .write(|tx| keyring::activate_when_seen(tx, &caller, &key.own(tx, id)?, &selector("waits")))
    };
    wait().unwrap();
    assert!(check().is_empty(), "its record is not there");
    for entry in &made {
        app.dns.set(entry.record_name().as_str(), vec![txt(&entry.key.public.record_value())]);
    }
    assert_eq!(check(), ["waits"], "nobody has said that the other one is to sign");
    wait().unwrap();
    assert_eq!(check(), ["waits"]);
}

#[test]
fn a_first_key_that_is_deactivated_before_its_record_is_seen_does_not_start_itself() {
    let (app, key) = start();
    let (id, caller) = (domain_of(&app, &key, "example.com").id, key.operator());
    let deactivate = || {
        app.postroom
            .write(|tx| keyring::deactivate(tx, &caller, &key.own(tx, id)?, &selector("pr1")))
            .unwrap()
    };
    assert!(!deactivate().is_active() && !deactivate().is_active());
    let told = app.actions(key.account);
    assert_eq!(told.iter().filter(|event| event.starts_with("dkim_key.deactivated")).count(), 1, "{told:?}");
    app.publish(&key, id.number());
    verify::check(&app.postroom, &caller, id, &*app.dns).unwrap();
    let keys = app.postroom.read(|tx| dkim::list(tx, &key.own(tx, id)?)).unwrap();
    assert!(keys.iter().all(|key| !key.is_active()), "{keys:?}");
}

#[test]
fn of_a_renamed_domain_it_is_told_that_it_is_not_active_and_which_keys_stopped() {
    let (app, key) = start();
    app.publish_all("example.com");
    let (id, caller) = (domain_of(&app, &key, "example.com").id, key.operator());
    verify::check(&app.postroom, &caller, id, &*app.dns).unwrap();
    let name = "renamed.example".parse().unwrap();
    let renamed = app
        .postroom
        .write(|tx| {
            let domain = key.own(tx, id)?;
            postroom::provision::rename(tx, &caller, &domain, &name).map(Domain::into_details)
        })
        .unwrap();
    assert_eq!(renamed.status, domain::DomainStatus::Pending);
    assert_eq!(renamed, domain_of(&app, &key, "renamed.example"));
    let told = app.actions(key.account);
    let told: Vec<&str> = told.iter().rev().take(3).rev().map(String::as_str).collect();
    assert_eq!(
        told,
        [
            "domain.renamed renamed.example",
            "dkim_key.deactivated renamed.example",
            "domain.status_changed renamed.example"
        ]
    );
}
