//! Two tenants and an operator do whatever they like, in any order: at most one account acts for a name, a tenant that acts has
//! shown that the name is its own, and no status is without its reason.

use std::collections::BTreeSet;

use postroom::claim;
use postroom::dkim::{self, pool};
use postroom::domain::{self, DomainStatus};
use postroom::error::Error;
use postroom::id::AccountId;
use postroom::name::DomainName;
use postroom::page::Page;
use postroom::provision::{self, NewDomain};
use postroom::record::{self, RecordStatus};
use postroom::verify;
use postroom::{inbound, keyring, signing};
use proptest::prelude::*;
use serde_json::Value;

use crate::harness::app::{Key, TestApp, basic, settings, txt};

const NAMES: [&str; 5] = ["a.example", "x.a.example", "y.x.a.example", "b.example", "x.b.example"];

/// What somebody does: by which account, to which name, and with which other one.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create,
    Alias,
    Claim,
    Give,
    PublishChallenge,
    PublishAll,
    Wildcard,
    Clear,
    Check,
    Verify,
    Rename,
    Transfer,
    Deactivate,
    Mark,
    Wait,
    Free,
}

const STEPS: [Step; 16] = [
    Step::Create,
    Step::Alias,
    Step::Claim,
    Step::Give,
    Step::PublishChallenge,
    Step::PublishAll,
    Step::Wildcard,
    Step::Clear,
    Step::Check,
    Step::Verify,
    Step::Rename,
    Step::Transfer,
    Step::Deactivate,
    Step::Mark,
    Step::Wait,
    Step::Free,
];

struct World {
    app: TestApp,
    /// The operator's own account, and two tenants.
    keys: [Key; 3],
    /// Which account has shown, or was given, which name.
    shown: BTreeSet<(AccountId, DomainName)>,
}

impl World {
    fn new() -> World {
        let app = TestApp::with(settings(), 300);
        let keys = [app.account("own"), app.tenant("one"), app.tenant("two")];
        World { app, keys, shown: BTreeSet::new() }
    }

    fn domain<T>(
        &self,
        name: &DomainName,
        work: impl for<'t> Fn(
            &postroom::db::WriteTx<'t>,
            &postroom::Caller,
            &domain::Domain<'t>,
        ) -> Result<T, Error>,
    ) -> Option<T> {
        let done = pool::write(&*self.app.postroom, |tx| {
            let caller = domain::operator_of(tx, name)?;
            work(tx, &caller, &domain::find_named(tx, &caller, name)?)
        });
        allowed(done)
    }

    /// The text of a record at a name in the DNS of now, which no wildcard makes.
    fn is_published(&self, at: &str, value: &str) -> bool {
        use postroom::dns::{Question, RecordType, Resolver};
        let ask = |name: &str| {
            let answer = self.app.dns.lookup(&Question::new(name.parse().unwrap(), RecordType::Txt));
            answer.outcome.records().to_vec()
        };
        let parent = at.split_once('.').unwrap().1;
        ask(at).contains(&txt(value)) && !ask(&format!("nobody-made-this.{parent}")).contains(&txt(value))
    }

    /// What the DNS shows of the account's claim to a name.
    fn is_shown(&self, key: &Key, name: &DomainName) -> bool {
        let claim = self.app.postroom.read(|tx| claim::find(tx, &key.operator(), name));
        let Ok(claim) = claim else { return false };
        let by_challenge = self.is_published(claim.challenge.name.as_str(), &claim.challenge.value);
        let keys = self.app.postroom.read(|tx| {
            let domain = domain::find_named(tx, &key.operator(), name)?;
            dkim::list(tx, &domain)
        });
        let mut keys = keys.unwrap_or_default().into_iter();
        by_challenge
            || keys.any(|key| {
                self.is_published(&format!("{}.{name}", key.selector.host()), &key.public.record_value())
            })
    }

    fn run(&mut self, step: Step, who: usize, name: &DomainName, other: &DomainName) {
        let key = self.keys[who].clone();
        let caller = key.operator();
        let postroom = self.app.postroom.clone();
        match step {
            Step::Create => {
                allowed(pool::write(&*postroom, |tx| {
                    let domain = provision::create(tx, &caller, &NewDomain::named(name))?;
                    provision::equip(tx, &domain)
                }));
            }
            Step::Alias => {
                allowed(postroom.write(|tx| {
                    let domain = domain::find_named(tx, &caller, other)?;
                    inbound::add_alias(tx, &caller, &domain, name)
                }));
            }
            Step::Claim => {
                allowed(postroom.write(|tx| claim::create(tx, &caller, name, None).map(drop)));
            }
            Step::Give => {
                allowed(postroom.write(|tx| claim::delete(tx, &caller, name)));
            }
            Step::PublishChallenge => {
                if let Ok(claim) = postroom.read(|tx| claim::find(tx, &caller, name)) {
                    self.app.dns.set(claim.challenge.name.as_str(), vec![txt(&claim.challenge.value)]);
                }
            }
            Step::PublishAll => {
                let is_there = postroom.read(|tx| domain::operator_of(tx, name)).is_ok();
                if is_there && self.value_of_key(name).is_some() {
                    self.publish(name);
                }
            }
            Step::Wildcard => {
                if let Some(value) = self.value_of_key(name) {
                    self.app.dns.set(&format!("*._domainkey.{name}"), vec![txt(&value)]);
                }
            }
            Step::Clear => {
                for host in ["", "_dmarc.", "pr1._domainkey.", "*._domainkey.", "_postroom-challenge."] {
                    self.app.dns.clear(&format!("{host}{name}"));
                }
            }
            Step::Check => {
                let found = postroom.read(|tx| {
                    let caller = domain::operator_of(tx, name)?;
                    Ok::<_, Error>((domain::find_named(tx, &caller, name)?.id, caller))
                });
                if let Ok((id, caller)) = found {
                    self.note(name);
                    allowed(verify::check(&postroom, &caller, id, &*self.app.dns));
                }
            }
            Step::Verify => {
                self.note(name);
                allowed(claim::verify(&postroom, &caller, name, &*self.app.dns));
            }
            Step::Rename => {
                self.domain(name, |tx, caller, domain| {
                    provision::rename(tx, caller, domain, other).map(drop)
                });
            }
            Step::Transfer => {
                let to = key.account;
                let done = self.domain(name, |tx, caller, domain| {
                    provision::transfer(tx, caller, domain, to).map(|_| domain.account != to)
                });
                if done == Some(true) {
                    self.shown.insert((to, name.clone()));
                }
            }
            Step::Deactivate => {
                let selector = "pr1".parse().unwrap();
                self.domain(name, |tx, caller, domain| {
                    keyring::deactivate(tx, caller, domain, &selector).map(drop)
                });
            }
            Step::Mark => {
                self.domain(name, |tx, caller, domain| {
                    let first = record::list(tx, domain)?.first().map(|record| record.id);
                    first.map_or(Ok(()), |id| {
                        verify::mark(tx, caller, domain, id, RecordStatus::Verified, None)
                    })
                });
            }
            Step::Wait => self.app.advance(36),
            Step::Free => {
                allowed(postroom.write(|tx| claim::free(tx, name).map(drop)));
            }
        }
    }

    /// Remembers who has shown a name by now, before somebody looks.
    fn note(&mut self, name: &DomainName) {
        for key in self.keys.clone() {
            if self.is_shown(&key, name) {
                self.shown.insert((key.account, name.clone()));
            }
        }
    }

    fn value_of_key(&self, name: &DomainName) -> Option<String> {
        let keys = self.app.postroom.read(|tx| {
            let caller = domain::operator_of(tx, name)?;
            dkim::list(tx, &domain::find_named(tx, &caller, name)?)
        });
        keys.ok()?.first().map(|key| key.public.record_value())
    }

    /// Publishes what the domain's records ask for.
    fn publish(&self, name: &DomainName) {
        let zone = self.app.postroom.read(|tx| {
            let caller = domain::operator_of(tx, name)?;
            let domain = domain::find_named(tx, &caller, name)?;
            let records = record::list(tx, &domain)?;
            Ok::<_, Error>((domain.into_details(), records))
        });
        let (details, records) = zone.unwrap();
        let mut all: std::collections::BTreeMap<String, Vec<postroom::dns::RecordData>> =
            std::collections::BTreeMap::default();
        for record in records {
            let data = match record.purpose {
                record::Purpose::Mx => postroom::dns::RecordData::Mx {
                    preference: record.priority.unwrap(),
                    exchange: record.value.parse().unwrap(),
                },
                record::Purpose::ReturnPath => {
                    postroom::dns::RecordData::Cname(record.value.parse().unwrap())
                }
                _ => txt(&record.value),
            };
            all.entry(record.name(&details).to_string()).or_default().push(data);
        }
        for (name, records) in all {
            self.app.dns.set(&name, records);
        }
    }

    /// What must hold after each step.
    fn check_rules(&self) -> Result<(), TestCaseError> {
        let mut acting: BTreeSet<String> = BTreeSet::new();
        for (at, key) in self.keys.iter().enumerate() {
            let page = Page { limit: 100, offset: 0 };
            let claims = self.app.postroom.read(|tx| claim::list(tx, &key.operator(), page)).unwrap();
            for claim in claims {
                prop_assert_eq!(claim.acts, claim.reason.is_none());
                if !claim.acts {
                    continue;
                }
                prop_assert!(acting.insert(claim.name.to_string()), "two accounts act for {}", claim.name);
                let above = std::iter::successors(Some(claim.name.clone()), DomainName::parent);
                let has_shown = above.into_iter().any(|name| self.shown.contains(&(key.account, name)));
                prop_assert!(at == 0 || has_shown, "{} acts without proof", claim.name);
            }
        }
        for name in NAMES.map(|text| text.parse::<DomainName>().unwrap()) {
            let found = self.app.postroom.read(|tx| {
                let caller = domain::operator_of(tx, &name)?;
                let domain = domain::find_named(tx, &caller, &name)?;
                let assessment = signing::find(tx, &domain)?;
                let keys = dkim::signing_keys(tx, &name)?.len();
                Ok::<_, Error>((domain.status, assessment, keys))
            });
            let Ok((status, assessment, keys)) = found else { continue };
            let is_active = status == DomainStatus::Active;
            prop_assert_eq!(assessment.signing.signs(), keys > 0, "{}", &name);
            prop_assert!(!is_active || keys > 0, "{} is active and nothing signs", name);
            prop_assert_eq!(is_active, assessment.reason().is_none(), "{}: {:?}", &name, assessment);
        }
        Ok(())
    }

    /// The reason of each domain is the same in every dialect.
    fn check_dialects(&self) -> Result<(), TestCaseError> {
        // The lifecycle dialect shows an end user's domains.
        self.app.sql().execute("UPDATE domain SET user_id = 'user_123'", []).unwrap();
        for key in &self.keys {
            let listed = self.app.call(key, "GET /api/v1/domains?limit=200").json();
            for domain in listed.as_array().unwrap() {
                let name = domain["url"].as_str().unwrap();
                let get = |line: String, field: &str, value: String| {
                    self.app.send(&line, &[(field, &value)], b"").json()
                };
                let bearer = format!("Bearer {}", key.secret);
                let native = get(format!("GET /postroom/v1/domains/{name}"), "Authorization", bearer);
                let mailgun =
                    get(format!("GET /v4/domains/{name}"), "Authorization", basic("api", &key.secret));
                let inbound = get(format!("GET /inbound/v1/domains/{name}"), "x-api-key", key.secret.clone());
                let wanted: &Value = &domain["reason"];
                prop_assert_eq!(&native["reason"], wanted);
                prop_assert_eq!(&mailgun["domain"]["reason"], wanted);
                prop_assert_eq!(&inbound["reason"], wanted);
                let user = "user_id=user_123";
                let shown =
                    get(format!("GET /v2/domains/{name}/info?{user}"), "x-api-key", key.secret.clone());
                let all = get(format!("GET /v2/domains?{user}&limit=200"), "x-api-key", key.secret.clone());
                let in_list = all["items"].as_array().unwrap().iter().find(|item| item["domain"] == name);
                prop_assert_eq!(&shown["domain"]["reason"], wanted, "{}", &shown);
                prop_assert_eq!(&in_list.unwrap()["reason"], wanted, "{}", &all);
                prop_assert_eq!(shown["domain"]["status"] == "active", wanted.is_null());
                prop_assert_eq!(native["status"] == "active", wanted.is_null());
            }
            for domain in listed.as_array().unwrap() {
                let verified =
                    self.app.call(key, &format!("POST /api/v1/domains/{}/verify", domain["id"])).json();
                let has_reason = verified["dkim_verified"] == true || verified["errors"]["dkim"].is_string();
                prop_assert!(has_reason, "{}", verified);
            }
        }
        Ok(())
    }
}

/// What the rules refuse is refused; nothing else may go wrong.
fn allowed<T>(done: Result<T, Error>) -> Option<T> {
    match done {
        Ok(done) => Some(done),
        Err(Error::Store(error)) => panic!("{error}"),
        Err(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_two_tenants_and_an_operator_do_at_most_one_account_acts_and_it_has_proved_the_name(
        steps in proptest::collection::vec((0..STEPS.len(), 0..3_usize, 0..NAMES.len(), 0..NAMES.len()), 1..60)
    ) {
        let mut world = World::new();
        for (step, who, name, other) in steps {
            let (name, other) = (NAMES[name].parse().unwrap(), NAMES[other].parse().unwrap());
            world.run(STEPS[step], who, &name, &other);
            world.check_rules()?;
        }
        world.check_dialects()?;
    }
}
