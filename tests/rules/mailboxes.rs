//! Who an address is, through the library: aliases, tags, known recipients, the catch-all address; and who may send.

use postroom::domain::Details;
use postroom::error::Error;
use postroom::id::{DomainId, DomainTokenId};
use postroom::inbound::{self, Downstream, InboundChange};
use postroom::mail;
use postroom::recipient;
use postroom::route::{self, Patch, Recipients, RouteChange};
use postroom::token;

use crate::harness::app::{Key, TestApp};

fn start() -> (TestApp, Key, Details) {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = DomainId::new(app.domain(&key, "example.com"));
    let domain = app.details(&key, id);
    app.postroom
        .write(|tx| {
            let own = key.own(tx, id)?;
            inbound::add_alias(tx, &key.operator(), &own, &"alias.example".parse().unwrap())?;
            let jo = "Jo@example.com".parse().unwrap();
            recipient::save(tx, &key.operator(), &jo, false, None).map(drop)
        })
        .unwrap();
    (app, key, domain)
}

fn set(app: &TestApp, key: &Key, domain: &Details, recipients: Recipients, catch_all: &Patch<&str>) {
    let catch_all = match catch_all {
        Patch::Set(text) => Patch::Set(text.parse().unwrap()),
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
    };
    let change = RouteChange { recipients: Some(recipients), catch_all, ..RouteChange::default() };
    let set =
        app.postroom.write(|tx| route::update(tx, &key.operator(), &key.own(tx, domain.id)?, change.clone()));
    assert_eq!(set.unwrap().recipients, recipients);
}

fn mailbox(app: &TestApp, address: &str) -> Option<String> {
    let address = address.parse().unwrap();
    let found = app.postroom.read(|tx| mail::mailbox(tx, &address)).unwrap();
    found.map(|mailbox| mailbox.address.to_string())
}

#[test]
fn an_address_leads_to_one_mailbox_however_it_is_written() {
    let (app, key, domain) = start();
    for (address, any, known, caught) in [
        ("jo@example.com", Some("jo@example.com"), Some("jo@example.com"), Some("jo@example.com")),
        ("JO+x@Alias.Example", Some("jo@example.com"), Some("jo@example.com"), Some("jo@example.com")),
        ("bo+x@example.com", Some("bo@example.com"), None, Some("all@example.com")),
        ("\"b o\"@example.com", Some("\"b o\"@example.com"), None, Some("all@example.com")),
        (
            "Postmaster@example.com",
            Some("postmaster@example.com"),
            Some("postmaster@example.com"),
            Some("postmaster@example.com"),
        ),
        (
            "abuse@alias.example",
            Some("abuse@example.com"),
            Some("abuse@example.com"),
            Some("abuse@example.com"),
        ),
        ("jo@sub.example.com", None, None, None),
        ("jo@never.example", None, None, None),
    ] {
        set(&app, &key, &domain, Recipients::Any, &Patch::Clear);
        assert_eq!(mailbox(&app, address).as_deref(), any, "any: {address}");
        set(&app, &key, &domain, Recipients::Known, &Patch::Keep);
        assert_eq!(mailbox(&app, address).as_deref(), known, "known: {address}");
        set(&app, &key, &domain, Recipients::Known, &Patch::Set("All@alias.example"));
        assert_eq!(mailbox(&app, address).as_deref(), caught, "with a catch-all: {address}");
    }
}

#[test]
fn a_letter_and_its_mark_are_one_character_of_an_address_however_they_are_written() {
    let (app, key, domain) = start();
    let (composed, apart) = ("j\u{f6}rg@example.com", "Jo\u{308}rg@example.com");
    set(&app, &key, &domain, Recipients::Any, &Patch::Clear);
    assert_eq!(mailbox(&app, apart).as_deref(), Some(composed));
    set(&app, &key, &domain, Recipients::Known, &Patch::Set("All\u{e4}@example.com"));
    assert_eq!(mailbox(&app, apart).as_deref(), Some("all\u{e4}@example.com"));
    let save = |address: &str| {
        let address = address.parse().unwrap();
        app.postroom.write(|tx| recipient::save(tx, &key.operator(), &address, false, None)).unwrap()
    };
    assert!(save(apart).1 && !save(composed).1, "one recipient");
    // As an earlier version kept it.
    let old = "UPDATE recipient SET local = ?1 WHERE local = ?2";
    for local in ["j\u{f6}rg", "jo\u{308}rg"] {
        for address in [composed, apart] {
            assert_eq!(mailbox(&app, address).as_deref(), Some(composed), "{address} with {local}");
            assert!(!save(address).1, "{address} with {local}");
        }
        app.sql().execute(old, ("jo\u{308}rg".to_owned(), "j\u{f6}rg".to_owned())).unwrap();
    }
}

#[test]
fn an_address_whose_folder_could_have_no_name_is_unknown() {
    let (app, ..) = start();
    // Two octets of each letter become three in lower case, and those nine characters of a name.
    let long = "\u{23a}".repeat(32);
    assert_eq!(mailbox(&app, &format!("{long}@example.com")), None);
    let short = "\u{23a}".repeat(28);
    assert_eq!(
        mailbox(&app, &format!("{short}@example.com")),
        Some(format!("{}@example.com", "\u{2c65}".repeat(28)))
    );
}

#[test]
fn a_recipient_whose_local_part_has_a_delimiter_is_one_of_its_own() {
    let (app, key, domain) = start();
    let tagged = "jo+team@example.com".parse().unwrap();
    app.postroom.write(|tx| recipient::save(tx, &key.operator(), &tagged, false, None)).unwrap();
    for recipients in [Recipients::Any, Recipients::Known] {
        set(&app, &key, &domain, recipients, &Patch::Clear);
        assert_eq!(mailbox(&app, "Jo+Team@example.com").as_deref(), Some("jo+team@example.com"));
        assert_eq!(mailbox(&app, "jo+other@example.com").as_deref(), Some("jo@example.com"));
    }
}

#[test]
fn a_catch_all_address_is_at_the_domain_and_goes_with_its_route() {
    let (app, key, domain) = start();
    app.domain(&key, "other.example");
    for wrong in ["jo@other.example", "jo@sub.example.com", "jo@never.example"] {
        let change = RouteChange { catch_all: Patch::Set(wrong.parse().unwrap()), ..RouteChange::default() };
        let refused = app
            .postroom
            .write(|tx| route::update(tx, &key.operator(), &key.own(tx, domain.id)?, change.clone()));
        assert!(matches!(refused, Err(Error::Invalid { field: "catch_all", .. })), "{wrong}: {refused:?}");
    }
    set(&app, &key, &domain, Recipients::Known, &Patch::Set("All@alias.example"));
    let route = app.postroom.read(|tx| route::find(tx, &key.own(tx, domain.id)?)).unwrap();
    assert_eq!(route.catch_all.unwrap().to_string(), "All@example.com");
}

#[test]
fn mail_goes_on_to_the_preferred_server_only_where_it_is_kept() {
    let (app, key, domain) = start();
    let server =
        |priority, target: &str| Downstream { priority, weight: 1, port: 25, target: target.to_owned() };
    let downstream = Some(vec![server(20, "b.example.net"), server(10, "a.example.net")]);
    let change = InboundChange { downstream, ..InboundChange::default() };
    app.postroom.write(|tx| inbound::change(tx, &key.operator(), &key.own(tx, domain.id)?, &change)).unwrap();
    let onward = |name: &str| {
        let servers = app.postroom.read(|tx| mail::onward(tx, &name.parse().unwrap())).unwrap();
        servers.into_iter().map(|server| server.target).collect::<Vec<_>>()
    };
    for name in ["example.com", "alias.example"] {
        assert_eq!(onward(name), ["a.example.net", "b.example.net"], "{name}");
    }
    assert!(onward("never.example").is_empty());
    let forward = RouteChange {
        mode: Some(route::Mode::ForwardEmail),
        forward_to: Patch::Set("ops@example.net".parse().unwrap()),
        ..RouteChange::default()
    };
    app.postroom
        .write(|tx| route::update(tx, &key.operator(), &key.own(tx, domain.id)?, forward.clone()))
        .unwrap();
    assert!(onward("example.com").is_empty());
}

#[test]
fn a_token_logs_in_for_its_own_domain_until_it_is_revoked() {
    let (app, key, domain) = start();
    let (id, secret) = app.token(&key, domain.id.number());
    app.domain(&key, "other.example");
    let open = |name: &str, password: &str| app.postroom.read(|tx| mail::log_in(tx, name, password)).unwrap();
    let login = open("example.com", &secret).unwrap();
    assert_eq!((login.token, login.domain.as_str()), (DomainTokenId::new(id), "example.com"));
    assert_eq!(open("Jo+x@EXAMPLE.com", &secret).as_ref(), Some(&login));
    for name in ["other.example", "jo@other.example", "alias.example", "sub.example.com", "", "@"] {
        assert_eq!(open(name, &secret), None, "{name}");
    }
    for password in ["", &key.secret, &secret[..secret.len() - 1]] {
        assert_eq!(open("example.com", password), None);
    }
    let holds = || app.postroom.read(|tx| mail::still_holds(tx, &login)).unwrap();
    assert!(holds());
    let revoked =
        app.postroom.write(|tx| token::revoke(tx, &key.operator(), &key.own(tx, domain.id)?, login.token));
    revoked.unwrap();
    assert!(!holds());
    assert_eq!(open("example.com", &secret), None);
}
