//! An operation that is refused has changed nothing, also where whoever asked goes on and commits.

use postroom::db::WriteTx;
use postroom::dkim::Source;
use postroom::domain::Domain;
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::inbound::{self, InboundChange};
use postroom::name::{DomainName, Selector};
use postroom::provision::{self, NewDomain};
use postroom::route::{self, Mode, Patch, RouteChange};
use postroom::settings::Settings;
use postroom::subscription::{self, Limits};
use postroom::{keyring, rotation, token, verify};

use crate::harness::app::{Key, TestApp, settings, txt};

const HOURS_OF_A_WEEK: u64 = 7 * 24;

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn selector(text: &str) -> Selector {
    text.parse().unwrap()
}

/// A name with so little room that no selector but a short one fits.
fn long_name() -> DomainName {
    let label = |letter: &str, count| letter.repeat(count);
    name(&format!("{}.{}.{}.{}.example", label("a", 60), label("b", 60), label("c", 60), label("d", 35)))
}

struct Desk {
    app: TestApp,
    key: Key,
}

impl Desk {
    fn new(settings: Settings) -> Desk {
        let app = TestApp::with(settings, 20);
        let key = app.account("acme");
        Desk { app, key }
    }

    fn domain(&self, text: &str) -> DomainId {
        DomainId::new(self.app.domain(&self.key, text))
    }

    /// Has the work refused in a transaction that is committed.
    #[track_caller]
    fn refused<W>(&self, what: &str, work: W)
    where
        W: for<'t> Fn(&WriteTx<'t>) -> Result<(), Error>,
    {
        let before = self.app.dump();
        let error = self.app.postroom.write(|tx| Ok::<_, Error>(work(tx).err())).unwrap();
        let error = error.unwrap_or_else(|| panic!("{what} is not refused"));
        assert!(!matches!(error, Error::Store(_)), "{what}: {error}");
        assert_eq!(self.app.dump(), before, "{what}: {error}");
    }

    /// The same of work with a domain.
    #[track_caller]
    fn refused_of<W>(&self, what: &str, id: DomainId, work: W)
    where
        W: for<'t> Fn(&WriteTx<'t>, &Domain<'t>) -> Result<(), Error>,
    {
        self.refused(what, |tx| work(tx, &self.key.own(tx, id)?));
    }

    fn write<W>(&self, id: DomainId, work: W)
    where
        W: for<'t> Fn(&WriteTx<'t>, &Domain<'t>) -> Result<(), Error>,
    {
        self.app.postroom.write(|tx| work(tx, &self.key.own(tx, id)?)).unwrap();
    }

    fn drain_the_pool(&self) {
        self.app.sql().execute("DELETE FROM spare_key", []).unwrap();
    }
}

#[test]
fn a_domain_that_is_refused_is_not_there_and_has_taken_nothing_from_anybody() {
    let selector = selector("production-key-1");
    let desk = Desk::new(Settings { dkim_selector: selector, ..settings() });
    let (app, caller) = (&desk.app, desk.key.operator());
    let victim = app.tenant("victim");
    let id = DomainId::new(app.domain(&victim, "wanted.example"));
    app.postroom.write(|tx| token::create(tx, &victim.operator(), &victim.own(tx, id)?, None)).unwrap();
    let none = Limits { max_domains: Some(0), max_recipients: None };
    app.postroom.write(|tx| subscription::create(tx, desk.key.account, "full", none)).unwrap();
    app.advance(HOURS_OF_A_WEEK + 1);
    let (wanted, long) = (name("wanted.example"), long_name());
    desk.refused("an expired claim's name, and a full subscription", |tx| {
        let new = NewDomain { subscription: Some("full"), ..NewDomain::named(&wanted) };
        provision::create(tx, &caller, &new).map(drop)
    });
    desk.refused("a name that is too long for the selector", |tx| {
        provision::create(tx, &caller, &NewDomain::named(&long)).map(drop)
    });
    let none = Desk::new(Settings { most_dkim_keys: 0, ..settings() });
    none.refused("a domain that can have no key", |tx| {
        provision::create(tx, &none.key.operator(), &NewDomain::named(&wanted)).map(drop)
    });
    // What the refusals left alone can be had.
    app.postroom.write(|tx| provision::create(tx, &caller, &NewDomain::named(&wanted)).map(drop)).unwrap();
}

#[test]
fn a_name_that_is_refused_is_neither_a_domains_nor_an_alias_and_the_rest_of_the_change_is_not_made() {
    let desk = Desk::new(settings());
    let caller = desk.key.operator();
    let other = desk.app.account("other");
    desk.app.domain(&other, "theirs.example");
    let (old, to) = (desk.domain("old.example"), name("new.example"));
    desk.app.publish_all("old.example");
    verify::check(&desk.app.postroom, &caller, old, &*desk.app.dns).unwrap();
    let second = desk.domain("second.example");
    for (from, to) in [(second, "jo@new.example"), (old, "jo@second.example")] {
        desk.write(from, |tx, domain| {
            let forward_to = Patch::Set(to.parse().unwrap());
            let change = RouteChange { mode: Some(Mode::ForwardEmail), forward_to, ..RouteChange::default() };
            route::update(tx, &caller, domain, change).map(drop)
        });
    }
    desk.refused_of("a name to which the domain forwards", old, |tx, domain| {
        provision::rename(tx, &caller, domain, &to).map(drop)
    });
    desk.refused_of("an alias to which the domain forwards", old, |tx, domain| {
        inbound::add_alias(tx, &caller, domain, &to)
    });
    let change = InboundChange {
        admins: Some(vec!["jo@elsewhere.example".parse().unwrap()]),
        aliases: Some(vec![name("free.example"), name("theirs.example")]),
        ..InboundChange::default()
    };
    desk.refused_of("a change with another account's name", old, |tx, domain| {
        inbound::change(tx, &caller, domain, &change)
    });
    desk.refused_of("the same at the beginning", old, |tx, domain| {
        inbound::begin(tx, &caller, domain, &change).map(drop)
    });
    desk.refused_of("a route with a bad secret", old, |tx, domain| {
        let change = RouteChange {
            webhook_secret: Patch::Set("whsec_!!".to_owned()),
            catch_all: Patch::Set("jo@old.example".parse().unwrap()),
            ..RouteChange::default()
        };
        route::update(tx, &caller, domain, change).map(drop)
    });
    desk.write(old, |tx, domain| {
        keyring::rename_selector(tx, &caller, domain, &selector(&"s".repeat(60))).map(drop)
    });
    desk.refused_of("a name that is too long for a key", old, |tx, domain| {
        provision::rename(tx, &caller, domain, &long_name()).map(drop)
    });
}

#[test]
fn keys_that_are_refused_are_not_there_and_leave_the_others_and_the_rotation_alone() {
    let zone = Some("dkim.mail.example.net".parse().unwrap());
    let desk = Desk::new(Settings { most_dkim_keys: 2, spare_keys: 0, delegation_zone: zone, ..settings() });
    let caller = desk.key.operator();
    let (one, two) = (desk.domain("one.example"), desk.domain("two.example"));
    for (text, id) in [("one.example", one), ("two.example", two)] {
        desk.app.publish_all(text);
        verify::check(&desk.app.postroom, &caller, id, &*desk.app.dns).unwrap();
    }
    desk.refused_of("a pair of delegated keys for which there is half the room", one, |tx, domain| {
        rotation::delegate(tx, &caller, domain).map(drop)
    });
    // The key before is released, and would make room for the next one.
    desk.write(one, |tx, domain| rotation::start(tx, &caller, domain, &Source::Pool).map(drop));
    let keys = || desk.app.postroom.read(|tx| postroom::dkim::list(tx, &desk.key.own(tx, one)?)).unwrap();
    let new = keys()[1].public.record_value();
    desk.app.dns.set("pr2._domainkey.one.example", vec![txt(&new)]);
    verify::check(&desk.app.postroom, &caller, one, &*desk.app.dns).unwrap();
    rotation::keep(&desk.app.postroom).unwrap();
    desk.app.advance(HOURS_OF_A_WEEK + 1);
    rotation::keep(&desk.app.postroom).unwrap();
    assert!(keys().len() == 2 && keys()[0].released_at.is_some(), "{:?}", keys());
    desk.drain_the_pool();
    desk.refused_of("a rotation without a spare pair", one, |tx, domain| {
        rotation::start(tx, &caller, domain, &Source::Pool).map(drop)
    });
    let buyer = desk.app.account("buyer");
    desk.refused_of("a transfer without a spare pair", one, |tx, domain| {
        provision::transfer(tx, &caller, domain, buyer.account).map(drop)
    });
    let bare = name("bare.example");
    let made = desk
        .app
        .postroom
        .write(|tx| provision::create(tx, &caller, &NewDomain::named(&bare)).map(|domain| domain.id));
    let bare = made.unwrap();
    desk.refused_of("a first key without a spare pair", bare, provision::equip);
    desk.refused_of("a key beside it", bare, |tx, domain| {
        keyring::create(tx, &caller, domain, &selector("s1"), &Source::Pool).map(drop)
    });
    desk.refused_of("a key in its place", bare, |tx, domain| {
        keyring::adopt(tx, &caller, domain, &selector("s1"), &Source::Pool).map(drop)
    });
    desk.refused_of("another selector for it", bare, |tx, domain| {
        keyring::rename_selector(tx, &caller, domain, &selector("s1")).map(drop)
    });
}
