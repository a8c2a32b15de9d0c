//! Deciding, as a machine: any order of publications, troubles, checks, marks and time, through the library. What it
//! may lead to is said here a second time, in other words than the code's.

use std::time::Duration;

use postroom::clock::Timestamp;
use postroom::dns::{Outcome, RecordData, RecordType};
use postroom::domain::{Details, DomainStatus};
use postroom::event::{Change, Recorded};
use postroom::id::{DomainId, RecordId};
use postroom::record::{self, Record, RecordStatus};
use postroom::verify::{self, decide};
use proptest::prelude::*;

use crate::harness::app::{Key, TestApp, settings, txt};

const NAME: &str = "example.com";
/// Where the records are that are looked for, in the order of their making: MX, SPF, DMARC, DKIM, return path.
const PLACES: [(&str, RecordType); 5] = [
    (NAME, RecordType::Mx),
    (NAME, RecordType::Txt),
    ("_dmarc.example.com", RecordType::Txt),
    ("pr1._domainkey.example.com", RecordType::Txt),
    ("mailer.example.com", RecordType::Cname),
];
const DKIM: usize = 3;

/// What the DNS has of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Zone {
    Right,
    Wrong,
    Absent,
    Silent,
    Broken,
}

#[derive(Clone, Debug)]
enum Step {
    Publish(usize, Zone),
    PublishAll(Zone),
    Advance(u64),
    Check,
    Mark(usize, RecordStatus),
}

fn zones() -> impl Strategy<Value = Zone> {
    prop_oneof![
        4 => Just(Zone::Right), 2 => Just(Zone::Wrong), 2 => Just(Zone::Absent), 1 => Just(Zone::Silent),
        1 => Just(Zone::Broken)
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let word = prop_oneof![
        2 => Just(RecordStatus::Pending), 1 => Just(RecordStatus::Verified), 1 => Just(RecordStatus::Failed), 1 => Just(RecordStatus::Disabled)
    ];
    let step = prop_oneof![
        3 => (0_usize..5, zones()).prop_map(|(at, zone)| Step::Publish(at, zone)),
        2 => zones().prop_map(Step::PublishAll),
        3 => (0_u64..50).prop_map(Step::Advance),
        6 => Just(Step::Check),
        1 => (0_usize..5, word).prop_map(|(at, word)| Step::Mark(at, word)),
    ];
    prop::collection::vec(step, 1..50)
}

struct Machine {
    app: TestApp,
    key: Key,
    zones: [Zone; 5],
    /// Definitive failures of each record since it was last right, or marked.
    failures: [u32; 5],
    /// For how much of the time since then each was known to fail.
    known: [Duration; 5],
    /// When each was last found to fail, if no check since then found anything else.
    failed_at: [Option<Timestamp>; 5],
    /// When the key's record was first seen right: the proof.
    proved: Option<Timestamp>,
    /// When the key became active.
    activated: Option<Timestamp>,
    /// How many changes of records' statuses checks have made.
    changes: usize,
}

impl Machine {
    fn new() -> Machine {
        let app = TestApp::with(settings(), 1);
        let key = app.account("acme");
        app.domain(&key, NAME);
        let machine = Machine {
            app,
            key,
            zones: [Zone::Absent; 5],
            failures: [0; 5],
            known: [Duration::ZERO; 5],
            failed_at: [None; 5],
            proved: None,
            activated: None,
            changes: 0,
        };
        machine.publish();
        machine
    }

    /// Brings the DNS to `zones`.
    fn publish(&self) {
        let dns = &self.app.dns;
        let right = |at: usize| match at {
            0 => mx("mx.mail.example.net"),
            1 => txt("v=spf1 mx ~all"),
            2 => txt("v=DMARC1; p=none"),
            DKIM => txt(&self.app.key_record(NAME)),
            _ => RecordData::Cname("return-path.mail.example.net".parse().unwrap()),
        };
        let wrong = |at: usize| match at {
            0 => mx("mx.elsewhere.example"),
            1 => txt("v=spf1 -all"),
            2 => txt("v=DMARC1; p=nonsense"),
            DKIM => txt("v=DKIM1; p="),
            _ => RecordData::Cname("elsewhere.example".parse().unwrap()),
        };
        let data = |at: usize| match self.zones[at] {
            Zone::Right => Some(right(at)),
            Zone::Wrong => Some(wrong(at)),
            _ => None,
        };
        dns.set(NAME, [Some(txt("unrelated")), data(0), data(1)].into_iter().flatten().collect());
        (2..5).for_each(|at| dns.set(PLACES[at].0, data(at).into_iter().collect()));
        for (zone, (name, record_type)) in self.zones.iter().zip(PLACES) {
            match zone {
                Zone::Silent => dns.set_outcome(name, record_type, Outcome::Timeout),
                Zone::Broken => {
                    dns.set_outcome(name, record_type, Outcome::ServFail { detail: String::new() });
                }
                _ => {}
            }
        }
    }

    fn state(&self) -> (Details, Vec<Record>) {
        let read = self.app.postroom.read(|tx| {
            let domain = self.key.own(tx, DomainId::new(1))?;
            let records = record::list(tx, &domain)?;
            Ok::<_, postroom::error::Error>((domain.into_details(), records))
        });
        read.unwrap()
    }

    fn take(&mut self, step: &Step) {
        let (domain, records) = self.state();
        let (postroom, caller, now) = (&self.app.postroom, self.key.operator(), self.app.postroom.now());
        let mut wanted: Vec<(RecordStatus, bool)> =
            records.iter().map(|record| (record.standing.status, record.standing.pinned)).collect();
        match step {
            Step::Publish(at, zone) => self.zones[*at] = *zone,
            Step::PublishAll(zone) => self.zones = [*zone; 5],
            Step::Advance(hours) => self.app.advance(*hours),
            Step::Mark(at, word) => {
                let id = RecordId::new(records[*at].id.number());
                postroom
                    .write(|tx| verify::mark(tx, &caller, &self.key.own(tx, domain.id)?, id, *word, None))
                    .unwrap();
                self.forget(*at);
                wanted[*at] = (*word, *word != RecordStatus::Pending);
            }
            Step::Check => {
                verify::check(postroom, &caller, domain.id, &*self.app.dns).unwrap();
                for (at, want) in wanted.iter_mut().enumerate() {
                    *want = self.after_check(at, *want, now);
                }
            }
        }
        if matches!(step, Step::Publish(..) | Step::PublishAll(_)) {
            self.publish();
        }
        self.compare(step, &domain, &wanted);
    }

    /// Forgets the failures of a record.
    fn forget(&mut self, at: usize) {
        (self.failures[at], self.known[at], self.failed_at[at]) = (0, Duration::ZERO, None);
    }

    /// Whether nothing can be told of a record now. The SPF record says `mx`, so that the mail hosts decide whether it is right.
    fn is_unknown(&self, at: usize) -> bool {
        let is_silent = |at: usize| matches!(self.zones[at], Zone::Silent | Zone::Broken);
        is_silent(at) || (at == 1 && self.zones[at] == Zone::Right && is_silent(0))
    }

    /// How a record that stood so must stand after a check.
    fn after_check(
        &mut self,
        at: usize,
        (status, pinned): (RecordStatus, bool),
        now: Timestamp,
    ) -> (RecordStatus, bool) {
        if at == DKIM && self.zones[at] == Zone::Right {
            self.proved = self.proved.or(Some(now));
        }
        if pinned {
            return (status, pinned);
        }
        if self.is_unknown(at) {
            self.failed_at[at] = None;
            return (status, pinned);
        }
        let after = if self.zones[at] == Zone::Right {
            self.forget(at);
            RecordStatus::Verified
        } else {
            let known = self.failed_at[at].map_or(Duration::ZERO, |last| now.since(last));
            self.known[at] += known.min(Duration::from_hours(36));
            self.failures[at] += 1;
            self.failed_at[at] = Some(now);
            let is_lost = self.failures[at] >= 3 && self.known[at] >= Duration::from_hours(72);
            if status == RecordStatus::Verified && is_lost { RecordStatus::Failed } else { status }
        };
        self.changes += usize::from(after != status);
        if at == DKIM && after == RecordStatus::Verified && status != RecordStatus::Verified {
            self.activated = self.activated.or(Some(now));
        }
        (after, false)
    }

    fn compare(&self, step: &Step, was: &Details, wanted: &[(RecordStatus, bool)]) {
        let (domain, records) = self.state();
        let stand: Vec<(RecordStatus, bool)> =
            records.iter().map(|record| (record.standing.status, record.standing.pinned)).collect();
        assert_eq!(stand, wanted, "after {step:?} with {:?}", self.zones);
        // All but the return path are required.
        let mut required: Vec<RecordStatus> = stand[..4].iter().map(|(status, _)| *status).collect();
        // A mark makes no key sign, and without one that signs DKIM is missing, unless it is left out.
        if self.activated.is_none() && required[DKIM] != RecordStatus::Disabled {
            required[DKIM] = RecordStatus::Pending;
        }
        assert_eq!(domain.status, decide::domain(was.status, &required), "after {step:?}");
        let mut counted = required.iter().filter(|status| **status != RecordStatus::Disabled).peekable();
        let is_complete = counted.peek().is_some() && counted.all(|status| *status == RecordStatus::Verified);
        assert_eq!(domain.status == DomainStatus::Active, is_complete, "after {step:?}: {required:?}");
        if domain.status == DomainStatus::Failed {
            assert!(
                was.status != DomainStatus::Pending && required.contains(&RecordStatus::Failed),
                "after {step:?}"
            );
        }
        assert_eq!(domain.proved_at, self.proved, "after {step:?}");
        let keys =
            self.app.postroom.read(|tx| postroom::dkim::list(tx, &self.key.own(tx, domain.id)?)).unwrap();
        assert_eq!(keys[0].activated_at, self.activated, "after {step:?}");
        let count =
            |action: &str| self.app.events(self.key.account).iter().filter(|e| e.action() == action).count();
        assert_eq!(count("record.status_changed"), self.changes, "each change is a row");
        assert_eq!(count("dkim_key.activated"), usize::from(self.activated.is_some()));
    }
}

fn mx(host: &str) -> RecordData {
    RecordData::Mx { preference: 10, exchange: host.parse().unwrap() }
}

/// Runs the steps, each of which is compared with what it must lead to.
fn run(steps: &[Step]) -> Machine {
    let mut machine = Machine::new();
    for step in steps {
        machine.take(step);
    }
    machine
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_leads_where_the_rules_say(steps in steps()) {
        run(&steps);
    }

    #[test]
    fn no_order_of_troubles_takes_back_what_is_verified(
        steps in prop::collection::vec((0_usize..5, prop_oneof![Just(Zone::Silent), Just(Zone::Broken)], 0_u64..100), 1..20)
    ) {
        let mut machine = run(&[Step::PublishAll(Zone::Right), Step::Check]);
        for (at, zone, hours) in steps {
            for step in [Step::Publish(at, zone), Step::Advance(hours), Step::Check] {
                machine.take(&step);
                prop_assert_eq!(machine.state().0.status, DomainStatus::Active);
            }
        }
    }
}

#[test]
fn a_loss_takes_three_failures_and_72_known_hours_and_one_pass_mends_it() {
    use Step::{Advance, Check, PublishAll};
    let mut machine = run(&[PublishAll(Zone::Right), Check, PublishAll(Zone::Absent), Check]);
    let mut after = |steps: &[Step]| {
        for step in steps {
            machine.take(step);
        }
        machine.state().0.status
    };
    assert_eq!(after(&[Advance(35), Check, Advance(36), Check, Check]), DomainStatus::Active, "71 hours");
    assert_eq!(after(&[Advance(1), Check]), DomainStatus::Failed, "72 hours");
    assert_eq!(after(&[Advance(500), Check]), DomainStatus::Failed);
    assert_eq!(after(&[PublishAll(Zone::Right), Check]), DomainStatus::Active);
    assert_eq!(after(&[PublishAll(Zone::Wrong), Check, Advance(100), Check]), DomainStatus::Active, "two");
    assert_eq!(after(&[PublishAll(Zone::Silent), Advance(100), Check]), DomainStatus::Active, "no word");
    assert_eq!(after(&[PublishAll(Zone::Wrong), Check]), DomainStatus::Active, "36 hours are known");
    assert_eq!(after(&[Advance(35), Check]), DomainStatus::Active, "71 hours are known");
    assert_eq!(after(&[Advance(1), Check]), DomainStatus::Failed, "72 hours are known");
}

#[test]
fn hours_in_which_nobody_looked_lose_nothing() {
    use Step::{Advance, Check, PublishAll};
    let mut machine = run(&[PublishAll(Zone::Right), Check, PublishAll(Zone::Absent), Check]);
    for step in [Advance(71), Check, Advance(1), Check, Check, Advance(34), Check] {
        machine.take(&step);
        assert_eq!(machine.state().0.status, DomainStatus::Active, "{step:?}");
    }
    machine.take(&Advance(1));
    machine.take(&Check);
    assert_eq!(machine.state().0.status, DomainStatus::Failed);
}

#[test]
fn the_audit_row_of_a_change_names_the_finding_the_servers_and_the_count() {
    use Step::{Advance, Check, PublishAll};
    let mut machine = run(&[PublishAll(Zone::Right), Check, PublishAll(Zone::Wrong), Check]);
    for step in [Advance(36), Check, Advance(36), Check] {
        machine.take(&step);
    }
    let events = machine.app.events(machine.key.account);
    let of_key = |wanted: &str| {
        events.iter().find_map(|event| {
            let Recorded::Change(change) = &event.change else { return None };
            match change.as_ref() {
                Change::RecordStatusChanged { kind, to, finding, servers, failures, .. }
                    if kind == "dkim" && to == wanted =>
                {
                    Some((finding.clone(), servers.clone()?, *failures))
                }
                _ => None,
            }
        })
    };
    let servers = vec!["script".to_owned()];
    assert_eq!(of_key("verified"), Some((None, servers.clone(), Some(0))));
    assert_eq!(of_key("failed"), Some((Some("dkim_revoked".to_owned()), servers, Some(3))));
}
