//! The audit log: everything that can happen is written to it as a change, and read back as that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postroom::account::Caller;
use postroom::clock::Clock;
use postroom::db::WriteTx;
use postroom::dkim::{KeyPair, Source};
use postroom::domain::{self, Domain};
use postroom::error::Error;
use postroom::event::{self, Actor, Change, Event, Recorded, Search};
use postroom::list::{self, Scope};
use postroom::mail::{self, HeldFate};
use postroom::name::DomainName;
use postroom::provision::{self, NewDomain};
use postroom::recipient::{self, FilterRequest};
use postroom::report::{self, ReportKind};
use postroom::route::{self, Mode, Patch};
use postroom::secret::{PlainSecret, SecretKind};
use postroom::settings::Settings;
use postroom::{claim, inbound, key, keyring, login, record, rotation, setup_link, signing, token, verify};

use crate::harness::app::{Key, PASSWORD, TestApp, settings, txt};

const NAME: &str = "example.com";

struct Desk {
    app: TestApp,
    key: Key,
    caller: Caller,
}

impl Desk {
    fn new(settings: Settings) -> Desk {
        let app = TestApp::with(settings, 40);
        let key = app.account("acme");
        let caller = key.operator();
        Desk { app, key, caller }
    }

    /// What `work` does of this domain, in one transaction.
    fn of<T, W>(&self, name: &str, work: W) -> T
    where
        W: for<'t> Fn(&WriteTx<'t>, &Caller, &Domain<'t>) -> Result<T, Error>,
    {
        let name = name.parse().unwrap();
        self.app
            .postroom
            .write(|tx| work(tx, &self.caller, &domain::find_named(tx, &self.caller, &name)?))
            .unwrap()
    }

    fn create(&self, caller: &Caller, name: &str) {
        let name = name.parse().unwrap();
        self.app
            .postroom
            .write(|tx| provision::create(tx, caller, &NewDomain::named(&name)).map(drop))
            .unwrap();
    }

    fn check(&self) {
        let id = self.of(NAME, |_, _, domain| Ok(domain.id));
        verify::check(&self.app.postroom, &self.caller, id, &*self.app.dns).unwrap();
    }

    fn publish(&self, selector: &str) {
        let entry = self.of(NAME, |tx, _, domain| keyring::find(tx, domain, &selector.parse().unwrap()));
        self.app.dns.set(entry.record_name().as_str(), vec![txt(&entry.key.public.record_value())]);
    }

    fn days(&self, days: u64) {
        self.app.advance(24 * days);
    }

    fn search(&self, search: &Search<'_>) -> Vec<Event> {
        self.app.postroom.read(|tx| event::newest(tx, search, 1000)).unwrap()
    }

    fn every(&self) -> Vec<Event> {
        self.search(&Search::default())
    }

    fn domains(&self) {
        self.create(&self.caller, NAME);
        self.of(NAME, |tx, caller, domain| domain::set_label(tx, caller, domain, Some("Shop")).map(drop));
        self.of(NAME, |tx, caller, domain| {
            domain::associate(tx, caller, domain, Some(self.key.id)).map(drop)
        });
        self.of(NAME, |tx, caller, domain| domain::associate(tx, caller, domain, None).map(drop));
        let user = self.caller.for_user("user 1".parse().unwrap());
        let name = NAME.parse().unwrap();
        self.app
            .postroom
            .write(|tx| provision::create_or_adopt(tx, &user, &NewDomain::named(&name)).map(drop))
            .unwrap();
        self.create(&self.caller, "old.example.org");
        let new = "new.example.org".parse().unwrap();
        self.of("old.example.org", |tx, caller, domain| {
            provision::rename(tx, caller, domain, &new).map(drop)
        });
        self.of("new.example.org", provision::delete);
        self.create(&self.caller, "news.example.com");
        self.of("news.example.com", |tx, caller, domain| {
            keyring::set_authority(tx, caller, domain, false).map(drop)
        });
        self.of("news.example.com", |tx, caller, domain| {
            keyring::set_authority(tx, caller, domain, true).map(drop)
        });
    }

    fn keys_and_records(&self) {
        self.app.publish_all(NAME);
        self.check();
        self.of(NAME, |tx, caller, domain| {
            let mx = record::list(tx, domain)?[0].id;
            verify::mark(tx, caller, domain, mx, record::RecordStatus::Disabled, None)?;
            verify::mark(tx, caller, domain, mx, record::RecordStatus::Pending, None)
        });
        self.check();
        self.of(NAME, |tx, caller, domain| rotation::start(tx, caller, domain, &Source::Pool));
        self.of(NAME, rotation::abort);
        let every = Some(Duration::from_hours(5 * 24));
        self.of(NAME, |tx, caller, domain| rotation::set_interval(tx, caller, domain, every));
        for _ in 0..2 {
            self.days(5);
            assert_eq!(rotation::keep(&self.app.postroom).unwrap(), 1);
        }
        self.of(NAME, |tx, caller, domain| rotation::set_interval(tx, caller, domain, None));
        self.publish("pr2");
        self.check();
        rotation::keep(&self.app.postroom).unwrap();
        self.days(8);
        rotation::keep(&self.app.postroom).unwrap();
        let (extra, main) = ("extra".parse().unwrap(), "main".parse().unwrap());
        let pem = include_bytes!("../fixtures/pem/002-2048.pem");
        let pair = Source::Pair(KeyPair::import(pem).unwrap());
        self.of(NAME, |tx, caller, domain| keyring::create(tx, caller, domain, &extra, &pair));
        self.of(NAME, |tx, caller, domain| keyring::delete(tx, caller, domain, &extra));
        self.of(NAME, |tx, caller, domain| keyring::rename_selector(tx, caller, domain, &main));
        self.of(NAME, |tx, caller, domain| keyring::deactivate(tx, caller, domain, &main));
    }

    fn mail(&self) {
        self.of(NAME, |tx, caller, domain| {
            let change = route::RouteChange {
                mode: Some(Mode::ForwardEmail),
                forward_to: Patch::Set("ops@elsewhere.example".parse().unwrap()),
                ..route::RouteChange::default()
            };
            route::update(tx, caller, domain, change)?;
            let (alias, other) = ("example.net".parse().unwrap(), "example.biz".parse().unwrap());
            let change = inbound::InboundChange {
                admins: Some(vec!["a@example.com".parse().unwrap()]),
                aliases: Some(vec![other]),
                filtering: Some(inbound::Filtering {
                    policy: Some(inbound::AbusePolicy::Flag),
                    header_value: Some("100% spam, maybe".to_owned()),
                    ..inbound::Filtering::default()
                }),
                ..inbound::InboundChange::default()
            };
            inbound::change(tx, caller, domain, &change)?;
            inbound::change(tx, caller, domain, &change)?;
            inbound::add_alias(tx, caller, domain, &alias)?;
            inbound::remove_alias(tx, caller, domain, &alias)?;
            let counts = mail::Counts { stored: 3, posts_failed: 2, logins_refused: 1 };
            mail::record(tx, &[(domain.id, counts)], 60)?;
            let mailbox = "jo@example.com".parse().unwrap();
            for fate in [HeldFate::Released, HeldFate::Deleted] {
                mail::note_held(tx, Some(caller), domain.id, &mailbox, "msg_a", fate)?;
            }
            // What stays as it was is not written again.
            for address in [Some("127.0.0.1:8026"), Some("127.0.0.1:8026"), None, None] {
                mail::note_vault(tx, address)?;
            }
            let address = "Jo@example.com".parse().unwrap();
            let (jo, _) = recipient::save(tx, caller, &address, false, None)?;
            recipient::save(tx, caller, &address, true, Some(FilterRequest::Off))?;
            let item = "192.0.2.0/24".parse().unwrap();
            for scope in [Scope::Account(caller), Scope::Domain(domain), Scope::Recipient(domain, &jo)] {
                list::add(tx, caller, &scope, list::ListKind::Blocklist, &item)?;
                list::remove(tx, caller, &scope, list::ListKind::Blocklist, &item)?;
            }
            recipient::save(tx, caller, &"gone@example.com".parse().unwrap(), false, None)?;
            recipient::delete(tx, caller, domain, &"Gone@example.com".parse().unwrap())?;
            let recipient = Some("jo@example.com");
            let new =
                report::NewReport::of(ReportKind::FalsePositive, b"From: a@example.org\r\n\r\nhello\r\n");
            report::file(tx, caller, &report::NewReport { recipient, ..new })
        });
    }

    fn access(&self) {
        let link = self.of(NAME, |tx, caller, domain| {
            let (token, _) = token::create(tx, caller, domain, Some("printer"))?;
            token::rename(tx, caller, domain, token.id, None)?;
            token::revoke(tx, caller, domain, token.id)?;
            let (setup, _) = setup_link::create(tx, caller, domain, Duration::from_hours(1))?;
            setup_link::revoke(tx, caller, domain, setup.id)?;
            login::create(tx, caller, domain)
        });
        self.app.postroom.write(|tx| login::consume(tx, &link.1)).unwrap().unwrap();
        let session = self.app.session(self.key.account);
        let (totp, recovery) = self.app.give_password(&session, "jo");
        assert_eq!(self.app.enter("jo@acme", PASSWORD, &recovery).status, 303);
        self.app.advance(1);
        let code = totp.code(self.app.clock.now()).unwrap();
        let entered = self.app.enter("jo@acme", PASSWORD, &code);
        let cookie = entered.header("set-cookie").unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
        self.app.advance_minutes(1);
        let code = totp.code(self.app.clock.now()).unwrap();
        let form = format!("current=four+words+in+a+row&code={code}");
        assert_eq!(self.app.visit(&cookie, "POST /console/password/codes", &form).status, 200);
        let form = "administrator=1&sure=yes";
        assert_eq!(self.app.visit(&cookie, "POST /console/password/remove", form).status, 200);
        self.passkeys();
        let session = self.app.session(self.key.account);
        self.app.visit(&session, "POST /console/sign-out", "");
        let session = self.app.operator_session();
        let form = format!("account={}", self.key.account);
        self.app.visit(&session, "POST /console/accounts/open", &form);
        let hour = Duration::from_hours(1);
        self.app.postroom.write(|tx| key::rotate(tx, &self.caller, self.key.id, hour)).unwrap();
        let secret = PlainSecret::parse(SecretKind::AccountKey, &self.key.secret).unwrap();
        self.app
            .postroom
            .write(|tx| {
                let holder = key::authenticate(tx, &secret)?.unwrap();
                key::note_refusal(tx, &holder, "POST /v2/domain", "it lacks the scope domains:write")
            })
            .unwrap();
        self.app.postroom.write(|tx| key::revoke(tx, self.key.id)).unwrap();
    }

    fn passkeys(&self) {
        let mut device = self.app.give_passkey(&self.app.session(self.key.account), "ann");
        device.count = 2;
        let cookie = self.app.enter_with(&mut device).unwrap();
        device.count = 1;
        assert!(self.app.enter_with(&mut device).is_err());
        for (path, form) in [("rename", "passkey=1&label=phone"), ("remove", "passkey=1&sure=yes")] {
            let line = format!("POST /console/password/passkeys/{path}");
            assert_eq!(self.app.visit(&cookie, &line, form).status, 200, "{path}");
        }
    }

    fn claims(&self) {
        let other = self.app.tenant("contender").operator();
        let (name, alias) =
            ("contended.example".parse().unwrap(), "contended-alias.example".parse().unwrap());
        self.create(&self.caller, "contended.example");
        let postroom = &self.app.postroom;
        for _ in 0..2 {
            postroom.write(|tx| claim::create(tx, &other, &name, None).map(drop)).unwrap();
            postroom.write(|tx| claim::delete(tx, &other, &name)).unwrap();
        }
        postroom.write(|tx| claim::create(tx, &other, &name, None).map(drop)).unwrap();
        let publish = |name: &DomainName| {
            let claim = postroom.read(|tx| claim::find(tx, &other, name)).unwrap();
            self.app.dns.set(claim.challenge.name.as_str(), vec![txt(&claim.challenge.value)]);
            claim::verify(postroom, &other, name, &*self.app.dns).unwrap();
        };
        publish(&name);
        postroom.write(|tx| claim::create(tx, &other, &alias, Some(&name)).map(drop)).unwrap();
        publish(&alias);
        signing::trust(postroom, "contender").unwrap();
    }

    fn two_accounts(&self) {
        signing::distrust(&self.app.postroom, "acme").unwrap();
        let other = self.app.account("other").operator();
        self.create(&self.caller, "late.example");
        self.create(&self.caller, "host.example");
        let alias = "alias.example".parse().unwrap();
        self.of("host.example", |tx, caller, domain| inbound::add_alias(tx, caller, domain, &alias));
        self.days(8);
        self.create(&other, "late.example");
        self.create(&other, "alias.example");
        self.of(NAME, |tx, caller, domain| provision::transfer(tx, caller, domain, other.account()));
    }
}

/// Everything that can happen, in two databases.
fn all_that_can_happen() -> Vec<Event> {
    let desk = Desk::new(settings());
    desk.domains();
    desk.keys_and_records();
    desk.mail();
    desk.access();
    desk.claims();
    desk.two_accounts();
    let mut events = desk.every();
    // A domain that can have no key at all.
    let without = Desk::new(Settings { most_dkim_keys: 0, ..settings() });
    let name = NAME.parse().unwrap();
    let new = NewDomain { key_later: true, ..NewDomain::named(&name) };
    without.app.postroom.write(|tx| provision::create(tx, &without.caller, &new).map(drop)).unwrap();
    provision::equip_some(&without.app.postroom, 10).unwrap();
    events.extend(without.every());
    events
}

#[test]
fn whatever_happens_is_a_change_with_its_sentence_and_is_read_back_as_that() {
    let events = all_that_can_happen();
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for event in &events {
        let Recorded::Change(change) = &event.change else { panic!("{event:?}") };
        let sentence = change.to_string();
        assert_eq!((event.action(), event.subject()), (change.action(), change.subject()));
        assert!(!matches!(event.actor, Actor::Other(_)), "{event:?}");
        let internal =
            ["by word", "Some(", "None", "DomainRef", "KeyRef", "{", "}", "::", "  ", "return_path"];
        assert!(!sentence.is_empty() && internal.iter().all(|word| !sentence.contains(word)), "{sentence}");
        assert!(!change.data().is_empty(), "{sentence}");
        seen.insert(change.name(), sentence);
    }
    let all: BTreeSet<&str> = Change::ALL.iter().map(|(name, _)| *name).collect();
    let missing: Vec<&&str> = all.iter().filter(|name| !seen.contains_key(**name)).collect();
    assert!(missing.is_empty(), "nothing here makes these happen: {missing:?}");
    for (name, sentence) in [
        ("domain.status_changed", "status of example.com changed from pending to active"),
        ("record.marked", "record MX of example.com marked disabled manually (was verified)"),
        ("dkim_key.deactivated", "key main of example.com deactivated"),
        ("domain.adopted", "domain example.com assigned to user user 1"),
        ("domain.transferred", "domain example.com transferred from account 1 to account 3"),
        ("list_entry.added", "192.0.2.0/24 added to the blocklist of account 1"),
        ("mail.stored", "mail of example.com stored: 3 messages in 60 minutes"),
        ("domain.renamed", "domain old.example.org renamed to new.example.org"),
        ("recipient.deleted", "recipient gone@example.com deleted"),
        (
            "recipient.changed",
            "recipient Jo@example.com changed: mail not filtered, administrator of its domain",
        ),
        (
            "domain.alias_gave_way",
            "alias alias.example of host.example claimed by another account because it was never verified",
        ),
        (
            "domain.inbound_changed",
            "incoming mail settings of example.com changed; spam policy flag; spam header value \"100% spam, maybe\"; \
             administrators: a@example.com; aliases: example.biz",
        ),
    ] {
        assert!(
            events.iter().any(|event| event.detail().as_deref() == Some(sentence)),
            "{name}: {}",
            seen[name]
        );
    }
    let inbound = events.iter().filter(|event| event.change().unwrap().name() == "domain.inbound_changed");
    assert_eq!(inbound.count(), 1, "what changes nothing is not told");
}

#[test]
fn rows_are_found_by_account_domain_action_and_name_of_the_change() {
    let desk = Desk::new(settings());
    desk.domains();
    desk.mail();
    desk.two_accounts();
    let all = desk.every();
    let count = |search: Search<'_>, keeps: &dyn Fn(&Event) -> bool| {
        let found = desk.search(&search);
        assert!(!found.is_empty() && found.iter().all(keeps), "{search:?}");
        found.len()
    };
    let changed = |event: &Event| event.action() == "domain.changed";
    let family = count(Search { action: Some("domain.changed"), ..Search::default() }, &changed);
    assert_eq!(family, all.iter().filter(|event| changed(event)).count());
    let is_tied = |event: &Event| event.change().unwrap().name() == "domain.tied";
    assert_eq!(count(Search { action: Some("domain.tied"), ..Search::default() }, &is_tied), 1);
    let account = Some(desk.key.account);
    let own = |event: &Event| event.account == account;
    let of_account = count(Search { account, ..Search::default() }, &own);
    assert_eq!(of_account, all.iter().filter(|event| own(event)).count());
    let before = Some(all[4].id);
    assert_eq!(desk.search(&Search { before, ..Search::default() }), all[5..]);

    let domain = NAME.parse().unwrap();
    let found = desk.search(&Search { domain: Some(&domain), ..Search::default() });
    let names: BTreeSet<&str> = found.iter().map(|event| event.change().unwrap().name()).collect();
    for name in ["domain.created", "recipient.created", "list_entry.added", "domain.transferred"] {
        assert!(names.contains(name), "{names:?}");
    }
    assert!(found.iter().all(|event| event.subject() != "late.example"));
}

#[test]
fn a_domains_timeline_follows_it_through_its_names_and_stays_within_its_account() {
    let desk = Desk::new(settings());
    desk.create(&desk.caller, "one.example");
    desk.of("one.example", provision::delete);
    desk.create(&desk.caller, "one.example");
    let two = "two.example".parse().unwrap();
    desk.of("one.example", |tx, caller, domain| provision::rename(tx, caller, domain, &two).map(drop));
    desk.create(&desk.caller, "one.example");
    let timeline = |desk: &Desk, name: &str, before, limit| {
        let events = desk.of(name, |tx, _, domain| domain::timeline(tx, domain, before, limit));
        events.into_iter().map(|event| (event.id, event.detail().unwrap())).collect::<Vec<_>>()
    };
    let told = timeline(&desk, "two.example", None, 10);
    let sentences: Vec<&str> = told.iter().map(|(_, sentence)| sentence.as_str()).collect();
    assert_eq!(
        sentences,
        ["domain one.example renamed to two.example", "domain one.example created"],
        "and nothing of the other two that had its first name"
    );
    assert_eq!(timeline(&desk, "two.example", Some(told[0].0), 10), told[1..]);
    assert_eq!(timeline(&desk, "two.example", None, 1), told[..1]);

    let other = desk.app.account("other").operator();
    desk.of("two.example", |tx, caller, domain| provision::transfer(tx, caller, domain, other.account()));
    let desk = Desk { caller: other, ..desk };
    assert_eq!(
        timeline(&desk, "two.example", None, 10).len(),
        1,
        "what it was before is the former account's matter"
    );
}

#[test]
fn a_row_that_this_version_does_not_know_is_shown_in_its_own_words() {
    let desk = Desk::new(settings());
    desk.create(&desk.caller, NAME);
    let sql = desk.app.sql();
    let data: String = desk.app.value("SELECT data FROM event WHERE action = 'domain.created'");
    for strange in
        ["", "v2 domain.created", "v1 domain.created domain=example.com", &format!("{data} more=1")]
    {
        sql.execute(
            "UPDATE event SET data = ?1, actor = 'staff:9' WHERE action = 'domain.created'",
            [strange.to_owned()],
        )
        .unwrap();
        let event = desk.every().remove(0);
        assert!(matches!(event.change, Recorded::Text { .. }), "{strange:?}: {event:?}");
        assert_eq!(
            (event.action(), event.subject().as_str(), event.detail().as_deref()),
            ("domain.created", NAME, Some("domain example.com created"))
        );
        assert_eq!(event.actor, Actor::Other("staff:9".to_owned()), "nor is whoever did it lost");
    }
}
