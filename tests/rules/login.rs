//! Login links: what one opens, how often, until when, and what ends it before.

use std::cell::Cell;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use postroom::account::Caller;
use postroom::domain;
use postroom::error::{Entity, Error};
use postroom::id::DomainId;
use postroom::login::Opens;
use postroom::secret::{PlainSecret, SecretKind};
use postroom::{key, login, provision};

use crate::harness::app::{Key, START_MILLIS, TestApp, settings};

/// The name of the domain that a link opens.
fn opened(opens: &Opens) -> String {
    match opens {
        Opens::Domain(domain) => domain.name.to_string(),
        other => panic!("{other:?} is no domain"),
    }
}

/// Who calls with this key.
fn holder(app: &TestApp, key: &Key) -> Caller {
    let secret = PlainSecret::parse(SecretKind::AccountKey, &key.secret).unwrap();
    app.postroom.read(|tx| key::authenticate(tx, &secret)).unwrap().unwrap()
}

/// A link that this caller makes.
fn link(app: &TestApp, caller: &Caller, id: i64) -> PlainSecret {
    let made = app.postroom.write(|tx| {
        let domain = domain::find(tx, caller, DomainId::new(id))?;
        login::create(tx, caller, &domain)
    });
    made.unwrap().1
}

fn peek(app: &TestApp, secret: &PlainSecret) -> Option<String> {
    let domain = app.postroom.read(|tx| login::peek(tx, secret)).unwrap();
    domain.map(|opens| opened(&opens))
}

fn consume(app: &TestApp, secret: &PlainSecret) -> Option<String> {
    let domain = app.postroom.write(|tx| login::consume(tx, secret)).unwrap();
    domain.map(|opens| opened(&opens))
}

#[test]
fn a_link_opens_its_domain_once_and_a_look_does_not_use_it_up() {
    let app = TestApp::new();
    let key = app.account("acme");
    let (id, other) = (app.domain(&key, "example.com"), app.domain(&key, "example.org"));
    let caller = holder(&app, &key);
    let (one, two) = (link(&app, &caller, id), link(&app, &caller, other));
    for _ in 0..3 {
        assert_eq!(peek(&app, &one).as_deref(), Some("example.com"));
    }
    assert_eq!(consume(&app, &one).as_deref(), Some("example.com"));
    assert_eq!((consume(&app, &one), peek(&app, &one)), (None, None));
    assert_eq!(consume(&app, &two).as_deref(), Some("example.org"), "the other is whole");
    let of_links: Vec<String> = app
        .events(key.account)
        .iter()
        .filter(|event| event.action().starts_with("login_link."))
        .map(|event| format!("{} {} {}", event.actor, event.action(), event.subject()))
        .collect();
    let by = format!("key:{}", key.id);
    assert_eq!(
        of_links,
        [
            format!("{by} login_link.created example.com"),
            format!("{by} login_link.created example.org"),
            "login_link:1 login_link.used example.com".to_owned(),
            "login_link:2 login_link.used example.org".to_owned(),
        ]
    );
}

#[test]
fn a_link_expires_to_the_millisecond() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let (made, secret) = app
        .postroom
        .write(|tx| {
            login::create(tx, &key.operator(), &domain::find(tx, &key.operator(), DomainId::new(id))?)
        })
        .unwrap();
    assert_eq!(made.expires_at.millis(), START_MILLIS + 15 * 60 * 1000);
    assert_eq!(made.last4, secret.last4());
    app.clock.advance(Duration::from_mins(15) - Duration::from_millis(1));
    assert!(peek(&app, &secret).is_some());
    app.clock.advance(Duration::from_millis(1));
    assert_eq!((peek(&app, &secret), consume(&app, &secret)), (None, None));
}

#[test]
fn the_life_of_a_link_is_a_setting() {
    let mut settings = settings();
    settings.login_link_life = Duration::from_mins(1);
    let app = TestApp::with(settings, 1);
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let secret = link(&app, &key.operator(), id);
    app.clock.advance(Duration::from_secs(59));
    assert!(peek(&app, &secret).is_some());
    app.clock.advance(Duration::from_secs(1));
    assert!(peek(&app, &secret).is_none());
}

#[test]
fn of_many_who_open_a_link_at_once_one_gets_in() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    for _ in 0..20 {
        let secret = link(&app, &key.operator(), id);
        let barrier = Barrier::new(4);
        let open = || {
            barrier.wait();
            consume(&app, &secret).is_some()
        };
        let opened: usize = thread::scope(|scope| {
            let all: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            all.into_iter().map(|one| usize::from(one.join().unwrap())).sum()
        });
        assert_eq!(opened, 1);
    }
    let used = "SELECT count(*) FROM event WHERE action = 'login_link.used'";
    assert_eq!(app.value::<i64>(used), 20);
}

#[test]
fn a_link_of_a_transaction_that_is_undone_opens_nothing_and_one_whose_use_is_undone_is_whole() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let lost = Cell::new(None);
    let undone: Result<(), Error> = app.postroom.write(|tx| {
        let domain = domain::find(tx, &key.operator(), DomainId::new(id))?;
        lost.set(Some(login::create(tx, &key.operator(), &domain)?.1));
        Err(Error::NotFound(Entity::Domain))
    });
    assert!(undone.is_err());
    assert_eq!(peek(&app, &lost.take().unwrap()), None);
    let secret = link(&app, &key.operator(), id);
    let undone: Result<(), Error> = app.postroom.write(|tx| {
        assert!(login::consume(tx, &secret)?.is_some());
        assert!(login::consume(tx, &secret)?.is_none(), "not twice in one transaction either");
        Err(Error::NotFound(Entity::Domain))
    });
    assert!(undone.is_err());
    assert!(consume(&app, &secret).is_some());
}

#[test]
fn nobody_makes_a_link_to_a_domain_that_is_not_there_for_them() {
    let app = TestApp::new();
    let (key, stranger) = (app.account("acme"), app.account("other"));
    let sibling = app.key_of(key.account);
    let id = app.domain(&key, "example.com");
    let id = DomainId::new(id);
    app.postroom.write(|tx| domain::associate(tx, &key.operator(), &key.own(tx, id)?, Some(key.id))).unwrap();
    for caller in [holder(&app, &stranger), stranger.operator(), holder(&app, &sibling)] {
        let before = app.dump();
        // A `Domain` is proof for whom it was read; it may have been handed on.
        let made = app.postroom.write(|tx| login::create(tx, &caller, &key.own(tx, id)?));
        assert!(matches!(made, Err(Error::NotFound(Entity::Domain))), "{caller:?}");
        assert_eq!(app.dump(), before);
    }
    assert!(app.postroom.write(|tx| login::create(tx, &holder(&app, &key), &key.own(tx, id)?)).is_ok());
}

#[test]
fn a_link_ends_with_its_domain_and_when_that_changes_its_name_or_its_owner() {
    let app = TestApp::new();
    let (key, other) = (app.account("acme"), app.account("other"));
    let caller = key.operator();
    let id = app.domain(&key, "example.com");
    let secret = link(&app, &caller, id);
    app.postroom
        .write(|tx| {
            let domain = domain::find(tx, &caller, DomainId::new(id))?;
            provision::rename(tx, &caller, &domain, &"example.net".parse().unwrap()).map(drop)
        })
        .unwrap();
    assert_eq!(consume(&app, &secret), None, "renamed");

    let (mine, operators) = (link(&app, &holder(&app, &key), id), link(&app, &caller, id));
    let of = DomainId::new(id);
    app.postroom.write(|tx| provision::transfer(tx, &caller, &key.own(tx, of)?, other.account)).unwrap();
    assert_eq!((consume(&app, &mine), consume(&app, &operators)), (None, None), "another's");
    // Nor when it comes back.
    app.postroom
        .write(|tx| provision::transfer(tx, &other.operator(), &other.own(tx, of)?, key.account))
        .unwrap();
    assert_eq!((consume(&app, &mine), consume(&app, &operators)), (None, None), "back again");

    let secret = link(&app, &caller, id);
    app.postroom.write(|tx| provision::delete(tx, &caller, &key.own(tx, of)?)).unwrap();
    assert_eq!(consume(&app, &secret), None, "deleted");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM login_link"), 0);
    // Nor when there is one of that name again.
    app.domain(&key, "example.net");
    assert_eq!(consume(&app, &secret), None);
}

#[test]
fn a_link_is_worth_what_its_maker_may_do_when_it_is_opened() {
    let app = TestApp::new();
    let key = app.account("acme");
    let sibling = app.key_of(key.account);
    let id = app.domain(&key, "example.com");
    let (its, siblings, operators) = (
        link(&app, &holder(&app, &key), id),
        link(&app, &holder(&app, &sibling), id),
        link(&app, &key.operator(), id),
    );
    let of = DomainId::new(id);
    app.postroom.write(|tx| domain::associate(tx, &key.operator(), &key.own(tx, of)?, Some(key.id))).unwrap();
    assert_eq!(peek(&app, &siblings), None, "it is not there for the sibling");
    assert!(peek(&app, &its).is_some() && peek(&app, &operators).is_some());
    app.revoke(&key);
    assert_eq!(consume(&app, &its), None, "the key that made it is revoked");
    assert!(consume(&app, &siblings).is_some(), "freed by the revocation");
    assert!(consume(&app, &operators).is_some());
}

#[test]
fn a_thousand_links_are_made_in_one_transaction_and_expired_ones_go_as_new_ones_come() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let make = |count: usize| {
        let made: Result<Vec<PlainSecret>, Error> = app.postroom.write(|tx| {
            let domain = domain::find(tx, &key.operator(), DomainId::new(id))?;
            (0..count)
                .map(|_| login::create(tx, &key.operator(), &domain).map(|(_, secret)| secret))
                .collect()
        });
        made.unwrap()
    };
    let rows = || app.value::<i64>("SELECT count(*) FROM login_link");
    let first = make(1000);
    assert_eq!(rows(), 1000);
    assert!(peek(&app, &first[0]).is_some() && peek(&app, &first[999]).is_some());
    app.advance(1);
    make(10);
    assert_eq!(rows(), 1000 - 40 + 10);
    assert_eq!(app.postroom.write(|tx| login::forget_expired(tx, 500)).unwrap(), 500);
    assert_eq!(app.postroom.write(|tx| login::forget_expired(tx, 500)).unwrap(), 460);
    assert_eq!(app.postroom.write(|tx| login::forget_expired(tx, 500)).unwrap(), 0);
    assert_eq!(rows(), 10, "those that live stay");
}

#[test]
fn of_a_link_only_a_hash_and_four_characters_are_kept() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let secret = link(&app, &key.operator(), id);
    let rows: Vec<String> = app.dump().into_values().flatten().collect();
    assert!(rows.iter().any(|row| row.contains(&format!("Text(\"{}\")", secret.last4()))));
    assert!(!rows.iter().any(|row| row.contains(&secret.reveal()[..12])));
    for file in ["postroom.db", "postroom.db-wal"] {
        let octets = std::fs::read(app.file().with_file_name(file)).unwrap_or_default();
        assert!(!octets.windows(12).any(|window| window == &secret.reveal().as_bytes()[..12]), "{file}");
    }
}
