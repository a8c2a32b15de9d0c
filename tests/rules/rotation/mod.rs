//! Rotation, over days: by hand and by itself.

mod delegated;

use std::time::Duration;

use postroom::dkim::{DkimKey, KeyKind, KeyPair, Source, Supply};
use postroom::dns::RecordData;
use postroom::domain::{self, Details, Domain};
use postroom::error::Error;
use postroom::rotation::{self, RotationView, Stage};
use postroom::settings::Settings;
use postroom::verify;

use crate::harness::app::{Key, TestApp, settings, txt};

const NAME: &str = "example.com";

struct Desk {
    app: TestApp,
    key: Key,
}

/// Settings of an operator who has a zone for delegated keys.
fn with_zone() -> Settings {
    Settings { delegation_zone: Some("dkim.mail.example.net".parse().unwrap()), ..settings() }
}

impl Desk {
    /// A desk with one domain whose first key signs.
    fn new(settings: Settings) -> Desk {
        let app = TestApp::with(settings, 40);
        let key = app.account("acme");
        app.domain(&key, NAME);
        let desk = Desk { app, key };
        desk.app.publish_all(NAME);
        desk.verify();
        assert_eq!(desk.active(), ["pr1"]);
        desk
    }

    fn domain(&self) -> Details {
        let name = NAME.parse().unwrap();
        self.app
            .postroom
            .read(|tx| domain::find_named(tx, &self.key.operator(), &name).map(Domain::into_details))
            .unwrap()
    }

    fn status(&self) -> RotationView {
        self.app.postroom.read(|tx| rotation::status(tx, &self.key.own(tx, self.domain().id)?)).unwrap()
    }

    fn stage(&self) -> Stage {
        self.status().stage
    }

    fn start(&self) -> Result<RotationView, Error> {
        let domain = self.domain();
        self.app.postroom.write(|tx| {
            rotation::start(tx, &self.key.operator(), &self.key.own(tx, domain.id)?, &Source::Pool)
        })
    }

    fn delegate(&self) -> Result<RotationView, Error> {
        let domain = self.domain();
        self.app
            .postroom
            .write(|tx| rotation::delegate(tx, &self.key.operator(), &self.key.own(tx, domain.id)?))
    }

    fn verify(&self) {
        verify::check(&self.app.postroom, &self.key.operator(), self.domain().id, &*self.app.dns).unwrap();
    }

    fn keep(&self) -> usize {
        rotation::keep(&self.app.postroom).unwrap()
    }

    fn active(&self) -> Vec<String> {
        self.status().keys.iter().filter(|key| key.is_active()).map(|key| key.selector.to_string()).collect()
    }

    fn key(&self, selector: &str) -> DkimKey {
        let keys = self.status().keys;
        keys.into_iter().find(|key| key.selector.as_str() == selector).unwrap()
    }

    /// How often this was told.
    fn told(&self, action: &str) -> usize {
        let is_told = |event: &&String| event.split(' ').next() == Some(action);
        self.app.actions(self.key.account).iter().filter(is_told).count()
    }

    fn publish(&self, selector: &str) {
        let value = self.key(selector).public.record_value();
        self.app.dns.set(&format!("{selector}._domainkey.{NAME}"), vec![txt(&value)]);
    }

    /// What the operator does after `postroom zone delegated`, and the domain's owner has done once.
    fn publish_zone(&self) {
        for key in self.status().keys.iter().filter(|key| key.delegated_to.is_some()) {
            let target = key.delegated_to.clone().unwrap();
            let host = format!("{}._domainkey.{NAME}", key.selector);
            self.app.dns.set(&host, vec![RecordData::Cname(target.clone())]);
            self.app.dns.set(target.as_str(), vec![txt(&key.public.record_value())]);
        }
    }
}

#[test]
fn a_new_key_takes_over_when_its_record_is_right_and_the_old_ones_record_is_kept_for_a_week() {
    let desk = Desk::new(settings());
    let started = desk.start().unwrap();
    assert!(matches!(started.stage, Stage::Waiting { .. }));
    desk.app.advance(24);
    desk.verify();
    assert_eq!(desk.keep(), 0, "it waits as long as it takes");
    assert_eq!(desk.active(), ["pr1"]);
    desk.publish("pr2");
    desk.verify();
    assert_eq!(desk.active(), ["pr1"], "a check alone changes nothing");
    assert_eq!(desk.keep(), 1);
    assert_eq!(desk.active(), ["pr2"]);
    let Stage::Keeping { until } = desk.stage() else { panic!("{:?}", desk.stage()) };
    assert_eq!(until.since(desk.app.postroom.now()), Duration::from_hours(7 * 24));
    assert_eq!(desk.domain().status, domain::DomainStatus::Active, "at no time was it anything else");
    desk.app.advance(7 * 24 - 1);
    assert_eq!(desk.keep(), 0);
    desk.app.advance(1);
    assert_eq!(desk.keep(), 1);
    assert_eq!(desk.stage(), Stage::Done);
    assert!(desk.key("pr1").released_at.is_some());
    assert_eq!(desk.keep(), 0, "it is told once");
    let told = desk.app.actions(desk.key.account);
    assert_eq!(told.iter().filter(|event| event.starts_with("dkim_key.released")).count(), 1);
    // What is safe to remove is not asked for any more, and its loss is nobody's.
    let records = desk
        .app
        .postroom
        .read(|tx| postroom::record::list(tx, &desk.key.own(tx, desk.domain().id)?))
        .unwrap();
    assert!(records.iter().all(|record| record.host != "pr1._domainkey"), "{records:?}");
    desk.app.dns.set("pr1._domainkey.example.com", vec![]);
    (0..5).for_each(|_| {
        desk.app.advance(48);
        desk.verify();
    });
    assert_eq!(desk.domain().status, domain::DomainStatus::Active);
}

#[test]
fn one_is_under_way_at_a_time_and_can_be_called_off() {
    let desk = Desk::new(settings());
    desk.start().unwrap();
    assert!(desk.start().unwrap_err().to_string().contains("under way"));
    let domain = desk.domain();
    let abort = || {
        desk.app.postroom.write(|tx| rotation::abort(tx, &desk.key.operator(), &desk.key.own(tx, domain.id)?))
    };
    assert_eq!(abort().unwrap().stage, Stage::Idle);
    assert_eq!(desk.status().keys.len(), 1, "its key is gone");
    assert!(abort().unwrap_err().to_string().contains("no rotation is under way"));
    assert_eq!(desk.active(), ["pr1"]);
    desk.start().unwrap();
    // The new key deleted by hand is as good as called off, and so is one that is deactivated.
    let selector = "pr2".parse().unwrap();
    let caller = desk.key.operator();
    desk.app
        .postroom
        .write(|tx| postroom::keyring::delete(tx, &caller, &desk.key.own(tx, domain.id)?, &selector))
        .unwrap();
    assert_eq!(desk.stage(), Stage::Idle);
    assert_eq!(desk.told("rotation.aborted"), 2);
    desk.start().unwrap();
    desk.app
        .postroom
        .write(|tx| postroom::keyring::deactivate(tx, &caller, &desk.key.own(tx, domain.id)?, &selector))
        .unwrap();
    assert_eq!(desk.stage(), Stage::Idle);
    assert_eq!(desk.told("rotation.aborted"), 3);
    desk.publish("pr2");
    desk.verify();
    assert_eq!((desk.keep(), desk.active()), (0, vec!["pr1".to_owned()]), "what was switched off stays off");
}

#[test]
fn a_word_for_the_new_keys_record_is_not_enough() {
    let desk = Desk::new(settings());
    desk.start().unwrap();
    let (domain, caller) = (desk.domain(), desk.key.operator());
    let records =
        desk.app.postroom.read(|tx| postroom::record::list(tx, &desk.key.own(tx, domain.id)?)).unwrap();
    let new = records.iter().find(|record| record.host == "pr2._domainkey").unwrap().id;
    let word = postroom::record::RecordStatus::Verified;
    desk.app
        .postroom
        .write(|tx| verify::mark(tx, &caller, &desk.key.own(tx, domain.id)?, new, word, None))
        .unwrap();
    assert_eq!(desk.keep(), 0);
    assert_eq!(desk.active(), ["pr1"]);
}

#[test]
fn looking_for_rotations_to_go_on_with_reads_no_record_of_others() {
    let desk = Desk::new(settings());
    let sql = desk.app.sqlite();
    let query = "EXPLAIN QUERY PLAN
        SELECT d.* FROM rotation o CROSS JOIN record r JOIN domain d ON d.id = o.domain_id
        WHERE o.key_id IS NOT NULL AND r.dkim_key_id = o.key_id AND r.status = 'verified' AND r.failures = 0
            AND r.pinned = 0 AND r.checked_at >= o.started_at LIMIT 9";
    let mut steps = sql.prepare(query).unwrap();
    let steps = steps.query_map([], |row| row.get::<_, String>(3)).unwrap();
    let steps: Vec<String> = steps.map(Result::unwrap).collect();
    assert!(steps[0].contains(" o USING") && steps.iter().all(|step| !step.contains("SCAN r")), "{steps:?}");
}

#[test]
fn nothing_is_rotated_before_a_key_signs_or_where_anothers_keys_do() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, NAME);
    let desk = Desk { app, key };
    assert!(desk.start().unwrap_err().to_string().contains("no key of the domain signs yet"));
    desk.app.domain(&desk.key, "news.example.com");
    let name = "news.example.com".parse().unwrap();
    let refused = desk.app.postroom.write(|tx| {
        let child = domain::find_named(tx, &desk.key.operator(), &name)?;
        let (child, _) = postroom::keyring::set_authority(tx, &desk.key.operator(), &child, false)?;
        rotation::start(tx, &desk.key.operator(), &child, &Source::Pool)
    });
    assert!(refused.unwrap_err().to_string().contains("a domain above"));
}

#[test]
fn the_next_selector_was_never_used_and_a_released_key_makes_room() {
    let desk = Desk::new(Settings { most_dkim_keys: 3, ..settings() });
    for next in ["pr2", "pr3", "pr4", "pr5"] {
        let started = desk.start().unwrap();
        assert_eq!(started.keys.last().unwrap().selector.as_str(), next);
        desk.publish(next);
        desk.verify();
        desk.keep();
        assert_eq!(desk.active(), [next]);
        desk.app.advance(7 * 24);
        desk.keep();
        assert!(desk.status().keys.len() <= 3);
    }
    let full = Desk::new(Settings { most_dkim_keys: 1, ..settings() });
    assert!(matches!(full.start(), Err(Error::Limit { .. })));
}

#[test]
fn a_rotation_begins_by_itself_so_often_and_what_cannot_begin_is_put_off() {
    let desk = Desk::new(settings());
    let domain = desk.domain();
    let every = |days: u64| {
        let span = Some(Duration::from_hours(24 * days)).filter(|_| days > 0);
        desk.app
            .postroom
            .write(|tx| rotation::set_interval(tx, &desk.key.operator(), &desk.key.own(tx, domain.id)?, span))
    };
    assert!(every(4).is_err());
    every(30).unwrap();
    desk.app.advance(30 * 24 - 1);
    assert_eq!(desk.keep(), 0);
    desk.app.advance(1);
    assert_eq!(desk.keep(), 1);
    assert!(matches!(desk.stage(), Stage::Waiting { .. }));
    // The new record is not published within the next interval: nothing is started twice.
    desk.app.advance(30 * 24);
    assert_eq!(desk.keep(), 1);
    assert_eq!(desk.status().keys.len(), 2);
    let next = desk.status().rotation.next_at.unwrap();
    assert_eq!(next.since(desk.app.postroom.now()), Duration::from_hours(24));
    let events = desk.app.events(desk.key.account);
    assert!(events.iter().any(|event| event.detail().is_some_and(|text| text.contains("put off for 24 h"))));
    every(0).unwrap();
    assert_eq!(desk.status().rotation.next_at, None);
}

#[test]
fn a_rotation_goes_on_with_the_kind_of_key_that_there_is() {
    let desk = Desk::new(settings());
    let (domain, caller) = (desk.domain(), desk.key.operator());
    let supply = || desk.app.postroom.read(|tx| rotation::supply(tx, &desk.key.own(tx, domain.id)?)).unwrap();
    assert_eq!(supply(), Supply::Pool);
    let source = Source::Pair(KeyPair::generate(KeyKind::Ed25519).unwrap());
    let selector = "ed".parse().unwrap();
    desk.app
        .postroom
        .write(|tx| {
            let domain = desk.key.own(tx, domain.id)?;
            postroom::keyring::create(tx, &caller, &domain, &selector, &source)
        })
        .unwrap();
    desk.publish("ed");
    postroom::keyring::activate(&desk.app.postroom, &caller, domain.id, &selector, &*desk.app.dns).unwrap();
    assert_eq!(supply(), Supply::Make(KeyKind::Ed25519));
    let source = supply().source().unwrap();
    assert!(matches!(source, Source::Pair(_)));
    let started = desk
        .app
        .postroom
        .write(|tx| rotation::start(tx, &caller, &desk.key.own(tx, domain.id)?, &source))
        .unwrap();
    let new = started.keys.last().unwrap();
    assert_eq!((new.selector.as_str(), new.public.algorithm().as_str()), ("ed2", "ed25519"));
    desk.publish("ed2");
    desk.verify();
    desk.keep();
    assert_eq!(desk.active(), ["pr1", "ed2"], "the RSA key signs on beside it");
}

#[test]
fn a_key_that_was_replaced_while_it_waited_for_its_record_does_not_start_itself() {
    let desk = Desk::new(settings());
    desk.start().unwrap();
    let (domain, caller) = (desk.domain(), desk.key.operator());
    let name = "renamed.example".parse().unwrap();
    desk.app
        .postroom
        .write(|tx| postroom::provision::rename(tx, &caller, &desk.key.own(tx, domain.id)?, &name).map(drop))
        .unwrap();
    let publish = |selector: &str| {
        let keys = desk.app.postroom.read(|tx| postroom::dkim::list(tx, &desk.key.own(tx, domain.id)?));
        let key = keys.unwrap().into_iter().find(|key| key.selector.as_str() == selector).unwrap();
        let host = format!("{selector}._domainkey.renamed.example");
        desk.app.dns.set(&host, vec![txt(&key.public.record_value())]);
        verify::check(&desk.app.postroom, &caller, domain.id, &*desk.app.dns).unwrap();
        desk.keep();
    };
    let active = || {
        let keys = desk.app.postroom.read(|tx| postroom::dkim::list(tx, &desk.key.own(tx, domain.id)?));
        let active = keys.unwrap().into_iter().filter(DkimKey::is_active);
        active.map(|key| key.selector.to_string()).collect::<Vec<_>>()
    };
    publish("pr2");
    assert_eq!(active(), ["pr2"]);
    desk.app.advance(24);
    publish("pr1");
    assert_eq!(active(), ["pr2"], "the other one signs in its place");
    assert_eq!(desk.told("dkim_key.deactivated"), 2, "it stopped, and then it was retired");
}

#[test]
fn after_a_clock_that_ran_ahead_a_retired_keys_record_is_kept_for_the_usual_time_from_now() {
    let desk = Desk::new(with_zone());
    desk.delegate().unwrap();
    desk.publish_zone();
    desk.verify();
    desk.keep();
    let right = desk.app.postroom.now();
    let ahead = right + Duration::from_hours(10 * 365 * 24);
    desk.app.clock.set(ahead);
    desk.app.postroom.keep_time().unwrap();
    desk.start().unwrap();
    desk.verify();
    desk.keep();
    assert_eq!(desk.active(), ["pdk2"]);
    desk.app.clock.set(right);
    desk.app.postroom.keep_time().unwrap();
    desk.keep();
    assert!(desk.key("pdk1").retired_at.unwrap() > right, "nothing is changed before the clock is believed");
    desk.app.advance(2);
    desk.app.postroom.keep_time().unwrap();
    desk.keep();
    let Stage::Keeping { until } = desk.stage() else { panic!("{:?}", desk.stage()) };
    assert_eq!(until.since(desk.app.postroom.now()), Duration::from_hours(7 * 24));
    desk.app.advance(7 * 24);
    desk.keep();
    desk.publish_zone();
    desk.start().unwrap();
    desk.verify();
    desk.keep();
    assert_eq!(desk.active(), ["pdk1"]);
}

#[test]
fn a_domain_that_changes_hands_is_not_rotated_any_more_and_a_needed_key_makes_no_room_for_the_new_one() {
    let desk = Desk::new(Settings { most_dkim_keys: 4, ..settings() });
    let (domain, caller) = (desk.domain(), desk.key.operator());
    let buyer = desk.app.account("buyer");
    let pem = include_bytes!("../../fixtures/pem/002-2048.pem");
    let sources = [("x1", Source::Pool), ("x2", Source::Pair(KeyPair::import(pem).unwrap()))];
    desk.start().unwrap();
    desk.app
        .postroom
        .write(|tx| {
            let own = desk.key.own(tx, domain.id)?;
            rotation::set_interval(tx, &caller, &own, Some(Duration::from_hours(30 * 24)))?;
            for (text, source) in &sources {
                postroom::keyring::create(tx, &caller, &own, &text.parse().unwrap(), source)?;
            }
            postroom::provision::transfer(tx, &caller, &own, buyer.account).map(drop)
        })
        .unwrap();
    assert_eq!((desk.told("rotation.aborted"), desk.told("rotation.changed")), (1, 2));
    let now = desk.app.postroom.read(|tx| rotation::status(tx, &buyer.own(tx, domain.id)?)).unwrap();
    let selectors: Vec<&str> = now.keys.iter().map(|key| key.selector.as_str()).collect();
    assert_eq!(selectors, ["pr1", "x1", "x2", "x3"], "the key that waited has made room");
    assert_eq!(now.rotation, rotation::Rotation::default());
    // The next owner's new key takes the place of the imported one.
    let third = desk.app.account("third");
    desk.app
        .postroom
        .write(|tx| {
            let own = buyer.own(tx, domain.id)?;
            postroom::provision::transfer(tx, &buyer.operator(), &own, third.account).map(drop)
        })
        .unwrap();
    let now = desk.app.postroom.read(|tx| rotation::status(tx, &third.own(tx, domain.id)?)).unwrap();
    let selectors: Vec<&str> = now.keys.iter().map(|key| key.selector.as_str()).collect();
    assert_eq!(selectors, ["pr1", "x1", "x3", "x4"]);
}
