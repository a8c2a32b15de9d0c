//! Which keys sign for a domain below another one, and after its authority has ended.

use postroom::dkim;
use postroom::domain::{self, Details};
use postroom::keyring;
use postroom::verify;

use super::{domain_of, selector, start};
use crate::harness::app::{Key, TestApp, txt};

#[test]
fn mail_of_a_domain_is_signed_by_its_authority() {
    let (app, key) = start();
    app.domain(&key, "news.example.com");
    let (parent, child) = (domain_of(&app, &key, "example.com"), domain_of(&app, &key, "news.example.com"));
    let message = b"From: a@news.example.com\r\n\r\n";
    let signed = |app: &TestApp| app.postroom.read(|tx| dkim::sign(tx, &child.name, message)).unwrap();
    assert!(signed(&app).is_empty(), "no key signs yet");
    let entry =
        app.postroom.read(|tx| keyring::find(tx, &key.own(tx, parent.id)?, &selector("pr1"))).unwrap();
    app.dns.set(entry.record_name().as_str(), vec![txt(&entry.key.public.record_value())]);
    keyring::activate(&app.postroom, &key.operator(), parent.id, &selector("pr1"), &*app.dns).unwrap();
    assert!(signed(&app).is_empty(), "it is its own authority");
    app.postroom
        .write(|tx| keyring::set_authority(tx, &key.operator(), &key.own(tx, child.id)?, false).map(drop))
        .unwrap();
    let headers = signed(&app);
    let text = headers[0].text(dkim::LineEnd::CrLf);
    assert!(headers.len() == 1 && text.contains("d=example.com;"), "{text}");
}

#[test]
fn a_domain_that_changes_hands_is_its_own_authority_and_judged_anew() {
    let (app, key) = start();
    app.domain(&key, "news.example.com");
    app.publish_all("example.com");
    app.publish_all("news.example.com");
    app.dns.set("pr1._domainkey.news.example.com", vec![]);
    let child = domain_of(&app, &key, "news.example.com");
    app.postroom
        .write(|tx| keyring::set_authority(tx, &key.operator(), &key.own(tx, child.id)?, false).map(drop))
        .unwrap();
    for name in ["example.com", "news.example.com"] {
        let id = domain_of(&app, &key, name).id;
        verify::check(&app.postroom, &key.operator(), id, &*app.dns).unwrap();
    }
    let child = domain_of(&app, &key, "news.example.com");
    assert_eq!(child.status, domain::DomainStatus::Active);
    // What its authority's keys do is looked at soon.
    let parent = domain_of(&app, &key, "example.com");
    app.postroom
        .write(|tx| keyring::rename_selector(tx, &key.operator(), &key.own(tx, parent.id)?, &selector("pr9")))
        .unwrap();
    assert!(domain_of(&app, &key, "news.example.com").next_check_at <= app.postroom.now());
    let other = app.account("other");
    let moved = app
        .postroom
        .write(|tx| {
            postroom::provision::transfer(tx, &key.operator(), &key.own(tx, child.id)?, other.account)
        })
        .unwrap();
    let now = app.details(&other, moved.id);
    assert_eq!((now.status, now.authority), (domain::DomainStatus::Pending, None));
}

/// A domain below another one, both with records that are right.
fn below() -> (TestApp, Key, Details) {
    let (app, key) = start();
    app.domain(&key, "news.example.com");
    for name in ["example.com", "news.example.com"] {
        app.publish_all(name);
        let id = domain_of(&app, &key, name).id;
        verify::check(&app.postroom, &key.operator(), id, &*app.dns).unwrap();
    }
    let child = domain_of(&app, &key, "news.example.com");
    (app, key, child)
}

fn signed(app: &TestApp, name: &str) -> usize {
    let message = format!("From: a@{name}\r\n\r\n");
    app.postroom.read(|tx| dkim::sign(tx, &name.parse().unwrap(), message.as_bytes())).unwrap().len()
}

#[test]
fn after_an_authority_a_domain_signs_with_a_key_whose_record_was_seen_lately_and_with_others_when_it_is_seen_again()
 {
    let (app, key, child) = below();
    let caller = key.operator();
    let set = |own| {
        app.postroom
            .write(|tx| keyring::set_authority(tx, &caller, &key.own(tx, child.id)?, own).map(drop))
            .unwrap();
    };
    let check = || drop(verify::check(&app.postroom, &caller, child.id, &*app.dns).unwrap());
    set(false);
    set(true);
    assert_eq!(signed(&app, "news.example.com"), 1, "its record was seen a moment ago");
    set(false);
    app.dns.set("pr1._domainkey.news.example.com", vec![]);
    (0..40).for_each(|_| {
        app.advance(24);
        check();
    });
    assert_eq!(signed(&app, "news.example.com"), 1, "by its authority");
    set(true);
    assert_eq!(signed(&app, "news.example.com"), 0, "nobody has looked for 40 days");
    let now = domain_of(&app, &key, "news.example.com");
    assert_eq!(now.status, domain::DomainStatus::Pending);
    assert!(
        now.next_check_at.since(app.postroom.now()) < domain::FIRST_CHECK_AFTER * 2,
        "it is looked at soon"
    );
    assert!(app.actions(key.account).contains(&"dkim_key.deactivated news.example.com".to_owned()));
    check();
    assert_eq!(signed(&app, "news.example.com"), 0);
    app.publish_all("news.example.com");
    check();
    assert_eq!(signed(&app, "news.example.com"), 1, "its key has started itself");
    // What somebody has switched off stays off.
    set(false);
    app.postroom
        .write(|tx| keyring::deactivate(tx, &caller, &key.own(tx, child.id)?, &selector("pr1")))
        .unwrap();
    app.advance(40 * 24);
    set(true);
    check();
    assert_eq!(signed(&app, "news.example.com"), 0);
}

#[test]
fn a_domain_whose_authority_is_lost_or_that_changes_hands_signs_with_no_key_that_nobody_has_looked_for() {
    for is_lost in [true, false] {
        let (app, key, child) = below();
        let (caller, other) = (key.operator(), app.account("other"));
        app.postroom
            .write(|tx| keyring::set_authority(tx, &caller, &key.own(tx, child.id)?, false).map(drop))
            .unwrap();
        app.advance(40 * 24);
        let holder = if is_lost {
            app.postroom
                .write(|tx| postroom::claim::free(tx, &"example.com".parse().unwrap()).map(drop))
                .unwrap();
            &key
        } else {
            app.postroom
                .write(|tx| {
                    postroom::provision::transfer(tx, &caller, &key.own(tx, child.id)?, other.account)
                        .map(drop)
                })
                .unwrap();
            &other
        };
        assert_eq!(signed(&app, "news.example.com"), 0);
        verify::check(&app.postroom, &holder.operator(), child.id, &*app.dns).unwrap();
        assert_eq!(signed(&app, "news.example.com"), 1, "is lost: {is_lost}");
    }
}
