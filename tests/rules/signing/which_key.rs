//! Where no key signs: whose record is to be published, and what is to be done then.

use postroom::overview;
use postroom::settings::Settings;

use super::*;
use crate::harness::app::settings;

/// The reason for which nothing signs, and the selector of the key that is shown.
fn told(app: &TestApp, key: &Key) -> (String, String) {
    let id = details(app, key, PARENT).id;
    let shown = app.postroom.read(|tx| overview::find(tx, &key.operator(), id)).unwrap();
    let text = shown.assessment.signing.reason.unwrap().text;
    (text, shown.dkim.unwrap().0.to_string())
}

fn starting(under: &str) -> (String, String) {
    let text = format!(
        "example.com does not sign yet: publish the DKIM record at {under}._domainkey.example.com. The key signs as soon as a \
         check sees it."
    );
    (text, under.to_owned())
}

fn create(app: &TestApp, key: &Key, under: &str) {
    let id = details(app, key, PARENT).id;
    let made = app
        .postroom
        .write(|tx| keyring::create(tx, &key.operator(), &key.own(tx, id)?, &selector(under), &Source::Pool));
    made.unwrap();
}

#[test]
fn the_record_to_publish_is_that_of_the_key_that_starts_itself_also_beside_a_newer_one() {
    let (app, key) = start(&[PARENT]);
    let id = details(&app, &key, PARENT).id;
    assert_eq!(told(&app, &key), starting("pr1"));
    create(&app, &key, "pr2");
    assert_eq!(told(&app, &key), starting("pr1"));
    // Whoever does what is said is done.
    check(&app, &key, PARENT);
    assert_eq!(state(&app, &key, PARENT), ("signs", DomainStatus::Active));
    // At another name the key that signed starts itself again, whichever is newer.
    let renamed = |to: &str| {
        app.postroom
            .write(|tx| {
                let name = to.parse().unwrap();
                postroom::provision::rename(tx, &key.operator(), &key.own(tx, id)?, &name).map(drop)
            })
            .unwrap();
    };
    renamed("example.net");
    renamed(PARENT);
    assert_eq!(told(&app, &key), starting("pr1"));
    // What does not start itself is activated.
    app.postroom
        .write(|tx| keyring::delete(tx, &key.operator(), &key.own(tx, id)?, &selector("pr1")))
        .unwrap();
    let text = "example.com does not sign yet: publish the DKIM record at pr2._domainkey.example.com. Then activate the key pr2.";
    assert_eq!(told(&app, &key), (text.to_owned(), "pr2".to_owned()));
}

#[test]
fn of_delegated_keys_the_one_that_starts_itself_is_named() {
    let zone = Some("dkim.mail.example.net".parse().unwrap());
    let app = TestApp::with(Settings { delegation_zone: zone, ..settings() }, 8);
    let key = app.account("acme");
    app.domain(&key, PARENT);
    let id = details(&app, &key, PARENT).id;
    app.postroom
        .write(|tx| postroom::rotation::delegate(tx, &key.operator(), &key.own(tx, id)?).map(drop))
        .unwrap();
    assert_eq!(told(&app, &key), starting("pdk1"));
}

#[test]
fn a_record_that_is_marked_verified_and_was_seen_is_verified() {
    let (app, key) = start(&[PARENT]);
    let id = details(&app, &key, PARENT).id;
    app.postroom
        .write(|tx| {
            let domain = key.own(tx, id)?;
            let records = record::list(tx, &domain)?;
            let of_key = records.iter().find(|record| record.dkim_key.is_some()).unwrap().id;
            verify::mark(tx, &key.operator(), &domain, of_key, RecordStatus::Verified, None)
        })
        .unwrap();
    assert!(!assessment(&app, &key, PARENT).dkim_verified);
    keyring::activate(&app.postroom, &key.operator(), id, &selector("pr1"), &*app.dns).unwrap();
    let reply = app.call(&key, &format!("POST /api/v1/domains/{id}/verify")).json();
    assert_eq!((&reply["dkim_verified"], reply["errors"].get("dkim")), (&json!(true), None), "{reply}");
}
