//! A key that loses a domain to another key while it changes that: what it changes it changes before, or not at all.

use std::sync::Barrier;
use std::thread;

use postroom::dkim::Source;
use postroom::domain;
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::rotation::{self, Stage};
use postroom::settings::Settings;
use postroom::verify;
use serde_json::json;

use crate::harness::app::{Key, Reply, TestApp, basic, settings};

const ROUNDS: usize = 40;

/// An account with two keys, and a domain that is free for both and whose first key signs.
struct World {
    app: TestApp,
    loses: Key,
    wins: Key,
    domain: DomainId,
}

impl World {
    fn new(settings: Settings) -> World {
        let app = TestApp::with(settings, 60);
        let loses = app.account("acme");
        let wins = app.key_of(loses.account);
        let domain = DomainId::new(app.domain(&loses, "example.com"));
        app.publish_all("example.com");
        verify::check(&app.postroom, &loses.operator(), domain, &*app.dns).unwrap();
        World { app, loses, wins, domain }
    }

    fn tie(&self, to: Option<&Key>) {
        let operator = self.loses.operator();
        self.app
            .postroom
            .write(|tx| {
                let domain = self.loses.own(tx, self.domain)?;
                domain::associate(tx, &operator, &domain, to.map(|key| key.id)).map(drop)
            })
            .unwrap_or_else(|e: Error| panic!("{e}"));
    }

    /// Ties the domain to the other key while the one that loses it asks for a change; so often, and each time what was
    /// done must stand in the audit log before the domain was tied.
    fn race(&self, prepare: impl Fn(), change: impl Fn(usize) -> Reply + Sync) {
        let by = format!("key:{}", self.loses.id);
        let mut told = [0, 0];
        for round in 0..ROUNDS {
            prepare();
            let before = self.app.events(self.loses.account).len();
            let barrier = Barrier::new(2);
            let reply = thread::scope(|scope| {
                let reply = scope.spawn(|| {
                    barrier.wait();
                    change(round)
                });
                barrier.wait();
                self.tie(Some(&self.wins));
                reply.join().unwrap()
            });
            let events = self.app.events(self.loses.account).split_off(before);
            let tied = events.iter().position(|event| event.action() == "domain.changed").unwrap();
            let done: Vec<usize> =
                (0..events.len()).filter(|at| events[*at].actor.to_string() == by).collect();
            assert!(done.iter().all(|at| *at < tied), "round {round}, {reply:?}: {events:#?}");
            match reply.status {
                200 => assert!(!done.is_empty(), "round {round}: {events:#?}"),
                404 => assert!(done.is_empty(), "round {round}: {events:#?}"),
                _ => panic!("round {round}: {reply:?}"),
            }
            told[usize::from(reply.status == 404)] += 1;
            self.tie(None);
        }
        assert_eq!(told.iter().sum::<usize>(), ROUNDS);
        // The domain is free for every key again, and the change goes through.
        prepare();
        assert_eq!(change(ROUNDS).status, 200);
    }

    fn start_rotation(&self) {
        let operator = self.loses.operator();
        self.app
            .postroom
            .write(|tx| {
                let domain = self.loses.own(tx, self.domain)?;
                match rotation::status(tx, &domain)?.stage {
                    Stage::Waiting { .. } => Ok(()),
                    _ => rotation::start(tx, &operator, &domain, &Source::Pool).map(drop),
                }
            })
            .unwrap_or_else(|e: Error| panic!("{e}"));
    }

    fn abort_rotation(&self) {
        let operator = self.loses.operator();
        self.app
            .postroom
            .write(|tx| {
                let domain = self.loses.own(tx, self.domain)?;
                match rotation::status(tx, &domain)?.stage {
                    Stage::Waiting { .. } => rotation::abort(tx, &operator, &domain).map(drop),
                    _ => Ok(()),
                }
            })
            .unwrap_or_else(|e: Error| panic!("{e}"));
    }

    fn native(&self, line: &str, body: &str) -> Reply {
        let bearer = format!("Bearer {}", self.loses.secret);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        self.app.send(line, &headers, body.as_bytes())
    }
}

#[test]
fn a_key_that_loses_a_domain_sets_no_rotation_of_it_afterwards() {
    let world = World::new(settings());
    let set = |round: usize| {
        let body = json!({ "every_days": 5 + round }).to_string();
        world.native("PUT /postroom/v1/domains/example.com/rotation", &body)
    };
    world.race(|| {}, set);
}

#[test]
fn a_key_that_loses_a_domain_calls_no_rotation_of_it_off_afterwards() {
    let world = World::new(settings());
    let abort = |_| world.native("DELETE /postroom/v1/domains/example.com/rotation", "");
    world.race(|| world.start_rotation(), abort);
}

#[test]
fn a_key_that_loses_a_domain_with_delegated_keys_begins_no_rotation_of_it_afterwards() {
    let zone = Some("dkim.mail.example.net".parse().unwrap());
    for by_mailgun in [false, true] {
        let world = World::new(Settings { delegation_zone: zone.clone(), ..settings() });
        let operator = world.loses.operator();
        world
            .app
            .postroom
            .write(|tx| rotation::delegate(tx, &operator, &world.loses.own(tx, world.domain)?))
            .unwrap();
        let start = |_| {
            if by_mailgun {
                let basic = basic("api", &world.loses.secret);
                let line = "POST /v1/dkim_management/domains/example.com/rotate";
                world.app.send(line, &[("Authorization", &basic)], b"")
            } else {
                world.native("POST /postroom/v1/domains/example.com/rotation", "")
            }
        };
        // The delegated key that waits is called off, and waits for another turn.
        world.race(|| world.abort_rotation(), start);
    }
}

#[test]
fn a_key_that_loses_a_domain_deactivates_no_key_of_it_afterwards() {
    let world = World::new(settings());
    let activate = || {
        let selector = "pr1".parse().unwrap();
        let (postroom, operator) = (&world.app.postroom, world.loses.operator());
        postroom::keyring::activate(postroom, &operator, world.domain, &selector, &*world.app.dns).unwrap();
    };
    let deactivate = |_| world.native("POST /postroom/v1/domains/example.com/keys/pr1/deactivate", "");
    world.race(activate, deactivate);
}
