//! Steps by chance: whatever is done to two domains and the DNS, their states are true and every dialect says the same.

use std::collections::BTreeMap;

use postroom::dkim::{self, Source};
use postroom::dns::RecordData;
use postroom::domain::{Details, DomainStatus};
use postroom::keyring;
use postroom::name::Selector;
use postroom::provision;
use postroom::record::{self, Purpose, RecordStatus};
use postroom::signing::{self, Assessment};
use postroom::verify;
use proptest::prelude::*;
use serde_json::Value;

use super::{CHILD, PARENT, details, selector, signed_under, start};
use crate::harness::app::{Key, TestApp, basic, txt};

/// What somebody does, or what happens to the DNS.
#[derive(Clone, Debug)]
enum Step {
    Check(bool),
    Activate(bool),
    Deactivate(bool),
    Create(bool),
    Delete(bool),
    RenameSelector(bool, u8),
    Rename(bool),
    Mark(bool, usize, RecordStatus),
    Authority(bool),
    Lose(bool),
    Publish(bool),
    Advance(u64),
}

fn steps() -> impl Strategy<Value = Step> {
    let child = any::<bool>;
    let status = prop_oneof![
        Just(RecordStatus::Pending),
        Just(RecordStatus::Verified),
        Just(RecordStatus::Failed),
        Just(RecordStatus::Disabled)
    ];
    prop_oneof![
        4 => child().prop_map(Step::Check),
        2 => child().prop_map(Step::Activate),
        2 => child().prop_map(Step::Deactivate),
        1 => child().prop_map(Step::Create),
        1 => child().prop_map(Step::Delete),
        2 => (child(), 0_u8..3).prop_map(|(child, to)| Step::RenameSelector(child, to)),
        1 => child().prop_map(Step::Rename),
        2 => (child(), 0_usize..6, status).prop_map(|(child, at, status)| Step::Mark(child, at, status)),
        2 => child().prop_map(Step::Authority),
        1 => child().prop_map(Step::Lose),
        3 => child().prop_map(Step::Publish),
        2 => (1_u64..50).prop_map(Step::Advance),
    ]
}

struct World {
    app: TestApp,
    key: Key,
    ids: [postroom::id::DomainId; 2],
}

impl World {
    fn new() -> World {
        let (app, key) = start(&[PARENT, CHILD]);
        let ids = [PARENT, CHILD].map(|name| details(&app, &key, name).id);
        World { app, key, ids }
    }

    /// Publishes the records of a domain as they are wanted, or takes them away.
    fn publish(&self, domain: &Details, there: bool) {
        let records = self.app.postroom.read(|tx| record::list(tx, &self.key.own(tx, domain.id)?)).unwrap();
        // The MX and the SPF record stand at one name, and are set together.
        let mut zone: BTreeMap<String, Vec<RecordData>> = BTreeMap::new();
        for record in &records {
            let data = match record.purpose {
                Purpose::Mx => RecordData::Mx { preference: 10, exchange: record.value.parse().unwrap() },
                Purpose::ReturnPath => RecordData::Cname(record.value.parse().unwrap()),
                _ => txt(&record.value),
            };
            let at = zone.entry(record.name(domain).to_string()).or_default();
            at.extend(there.then_some(data));
        }
        for (name, data) in zone {
            self.app.dns.set(&name, data);
        }
    }

    /// Takes a step. What the rules refuse changes nothing, and is no failure.
    fn take(&self, step: &Step) {
        let (app, key, caller) = (&self.app, &self.key, self.key.operator());
        let id = |child: &bool| self.ids[usize::from(*child)];
        let first = |child: &bool, active: bool| {
            let keys = app.postroom.read(|tx| dkim::list(tx, &key.own(tx, id(child))?)).unwrap();
            keys.into_iter().find(|key| key.is_active() == active).map(|key| key.selector)
        };
        match step {
            Step::Check(child) => {
                verify::check(&app.postroom, &caller, id(child), &*app.dns).map(drop).unwrap();
            }
            Step::Activate(child) => {
                if let Some(selector) = first(child, false) {
                    keyring::activate(&app.postroom, &caller, id(child), &selector, &*app.dns)
                        .map(drop)
                        .unwrap();
                }
            }
            Step::Deactivate(child) => {
                if let Some(selector) = first(child, true) {
                    let done = app
                        .postroom
                        .write(|tx| keyring::deactivate(tx, &caller, &key.own(tx, id(child))?, &selector));
                    done.map(drop).unwrap();
                }
            }
            Step::Create(child) => {
                let number = app.value::<i64>("SELECT coalesce(max(id), 0) FROM dkim_key");
                let _ = app.postroom.write(|tx| {
                    let (domain, name) = (key.own(tx, id(child))?, selector(&format!("k{number}")));
                    keyring::create(tx, &caller, &domain, &name, &Source::Pool)
                });
            }
            Step::Delete(child) => {
                if let Some(selector) = first(child, false).or_else(|| first(child, true)) {
                    let _ = app
                        .postroom
                        .write(|tx| keyring::delete(tx, &caller, &key.own(tx, id(child))?, &selector));
                }
            }
            Step::RenameSelector(child, to) => {
                let _ = app.postroom.write(|tx| {
                    let to = selector(["pr1", "one", "two"][usize::from(*to)]);
                    keyring::rename_selector(tx, &caller, &key.own(tx, id(child))?, &to)
                });
            }
            Step::Rename(child) => {
                let _ = app.postroom.write(|tx| {
                    let domain = key.own(tx, id(child))?;
                    let other = ["other.example", "x.example.com"][usize::from(*child)];
                    let name = if domain.name.as_str() == other {
                        [PARENT, CHILD][usize::from(*child)]
                    } else {
                        other
                    };
                    provision::rename(tx, &caller, &domain, &name.parse().unwrap()).map(drop)
                });
            }
            Step::Mark(child, at, status) => {
                let _ = app.postroom.write(|tx| {
                    let domain = key.own(tx, id(child))?;
                    let records = record::list(tx, &domain)?;
                    let record = records.get(*at % records.len().max(1)).map(|record| record.id);
                    record.map_or(Ok(()), |id| verify::mark(tx, &caller, &domain, id, *status, None))
                });
            }
            Step::Authority(own) => {
                app.postroom
                    .write(|tx| {
                        let domain = key.own(tx, self.ids[1])?;
                        keyring::set_authority(tx, &caller, &domain, *own).map(drop)
                    })
                    .unwrap();
            }
            Step::Lose(child) => self.publish(&app.details(key, id(child)), false),
            Step::Publish(child) => self.publish(&app.details(key, id(child)), true),
            Step::Advance(hours) => app.advance(*hours),
        }
    }

    fn hold(&self, after: &Step) {
        for id in self.ids {
            let domain = self.app.details(&self.key, id);
            let found = self.app.postroom.read(|tx| signing::find(tx, &self.key.own(tx, id)?)).unwrap();
            let is_active = domain.status == DomainStatus::Active;
            assert_eq!(is_active, found.reason().is_none(), "after {after:?}: {domain:?} {found:?}");
            let is_left_out = found
                .reasons
                .iter()
                .any(|reason| reason.record == Some(Purpose::Dkim) && reason.code == "left_out");
            assert!(!is_active || found.signing.signs() || is_left_out, "after {after:?}: {found:?}");
            // What is said to sign is what signs.
            let under = signed_under(&self.app, domain.name.as_str());
            let selectors: Vec<&str> = found.signing.selectors.iter().map(Selector::as_str).collect();
            assert_eq!(under, selectors, "after {after:?}");
            assert!(!found.dkim_verified || found.signing.signs(), "after {after:?}");
            self.agree(&domain, &found);
        }
    }

    /// Every dialect says it alike.
    fn agree(&self, domain: &Details, found: &Assessment) {
        let (app, secret, name) = (&self.app, &self.key.secret, &domain.name);
        let bearer = format!("Bearer {secret}");
        let get = |line: String, field: (&str, &str)| app.send(&line, &[field], b"").json();
        let basic = basic("api", secret);
        let shown: BTreeMap<&str, Value> = [
            ("native", get(format!("GET /postroom/v1/domains/{name}"), ("Authorization", &bearer))),
            ("mailgun", get(format!("GET /v4/domains/{name}"), ("Authorization", &basic))["domain"].clone()),
            ("mailpace", app.call(&self.key, &format!("GET /api/v1/domains/{}", domain.id)).json()),
            ("inbound", get(format!("GET /inbound/v1/domains/{name}"), ("X-API-Key", secret))),
        ]
        .into();
        let native = shown["native"].clone();
        for (dialect, shown) in &shown {
            let reason = found.reason().map(|reason| reason.text.as_str());
            assert_eq!(shown["reason"].as_str(), reason, "{dialect}: {shown}");
            assert_eq!(
                (&shown["reasons"], &shown["signing"]),
                (&native["reasons"], &native["signing"]),
                "{dialect}"
            );
        }
        assert_eq!(shown["mailpace"]["dkim_verified"], found.dkim_verified);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn active_means_that_something_signs_and_every_other_status_has_a_reason(
        steps in prop::collection::vec(steps(), 1..30)
    ) {
        let world = World::new();
        for step in &steps {
            world.take(step);
            world.hold(step);
        }
    }
}
