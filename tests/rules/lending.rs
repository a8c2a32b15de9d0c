//! Lending: whose turn it is is taken by one thread at a time, and nobody waits for another one's slow name servers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use postroom::dns::{Answer, Question, RecordType, Resolver, Sighting};
use postroom::id::DomainId;
use postroom::verify::schedule;
use postroom::{domain, provision};

use crate::harness::app::{Key, TestApp, settings};
use crate::harness::held::Held;

const NAME: &str = "example.com";

fn start() -> (TestApp, Key, i64) {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, NAME);
    (app, key, id)
}

fn now(app: &TestApp) -> i64 {
    app.postroom.now().millis()
}

fn run(app: &TestApp, limit: u32) -> usize {
    schedule::run_due(&app.postroom, &*app.dns, limit).unwrap()
}

#[test]
fn a_domain_that_is_lent_is_nobody_elses_for_5_minutes() {
    let (app, _, id) = start();
    app.clock.advance(Duration::from_mins(1));
    let take = || schedule::take_due(&app.postroom, 10).unwrap();
    let taken = take();
    assert_eq!(taken.iter().map(|due| due.domain.number()).collect::<Vec<_>>(), [id]);
    assert!(take().is_empty());
    app.clock.advance(Duration::from_mins(5) - Duration::from_millis(1));
    assert!(take().is_empty(), "whoever has it may be at work still");
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(take().len(), 1, "whoever had it is gone");
}

#[test]
fn the_longest_due_come_first_and_no_more_than_were_asked_for() {
    let app = TestApp::new();
    let key = app.account("acme");
    let ids: Vec<i64> = (0..5)
        .map(|number| {
            app.clock.advance(Duration::from_secs(1));
            app.domain(&key, &format!("d{number}.example"))
        })
        .collect();
    app.sql().execute("UPDATE domain SET next_check_at = 0 WHERE id = ?1", [ids[3]]).unwrap();
    app.clock.advance(Duration::from_mins(1));
    let take = |limit| {
        let taken = schedule::take_due(&app.postroom, limit).unwrap();
        let mut taken: Vec<i64> = taken.iter().map(|due| due.domain.number()).collect();
        taken.sort_unstable();
        taken
    };
    assert!(take(0).is_empty());
    assert_eq!(take(2), [ids[0], ids[3]]);
    assert_eq!(take(9), [ids[1], ids[2], ids[4]]);
}

#[test]
fn no_domain_is_checked_twice_by_threads_side_by_side() {
    let app = TestApp::new();
    let key = app.account("acme");
    let names: Vec<String> = (0..24).map(|number| format!("d{number}.example")).collect();
    for name in &names {
        app.domain(&key, name);
    }
    app.clock.advance(Duration::from_mins(1));
    let run_dry = |limit| {
        let mut all = 0;
        loop {
            match run(&app, limit) {
                0 => return all,
                some => all += some,
            }
        }
    };
    let checked: usize = std::thread::scope(|scope| {
        let threads = [1, 1, 2, 3].map(|limit| scope.spawn(move || run_dry(limit)));
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(checked, 24);
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    // Nothing but a check of the domain asks for its DMARC record, and that once.
    for question in app.dns.asked().iter().filter(|question| question.record_type == RecordType::Txt) {
        *asked.entry(question.name.to_string()).or_default() += 1;
    }
    for name in names {
        assert_eq!(asked.get(&format!("_dmarc.{name}")), Some(&1), "{name}");
    }
}

#[test]
fn a_slow_domain_holds_up_its_own_thread_alone() {
    let app = TestApp::with(settings(), 5);
    let key = app.account("acme");
    app.domain(&key, "slow.example");
    app.clock.advance(Duration::from_secs(1));
    (0..4).for_each(|number| _ = app.domain(&key, &format!("d{number}.example")));
    app.clock.advance(Duration::from_mins(1));
    let slow = Held::below("slow.example", Arc::clone(&app.dns));
    let checked =
        || app.value::<i64>("SELECT count(DISTINCT domain_id) FROM record WHERE checked_at IS NOT NULL");
    std::thread::scope(|scope| {
        let held = scope.spawn(|| schedule::run_due(&app.postroom, &slow, 1).unwrap());
        slow.wait_for(1);
        assert_eq!(schedule::run_due(&app.postroom, &slow, 10).unwrap(), 4);
        assert_eq!(checked(), 4, "all the others are done while it hangs");
        // A write is not held up either.
        app.account("meanwhile");
        slow.release();
        assert_eq!(held.join().unwrap(), 1);
    });
    assert_eq!(checked(), 5);
}

/// A DNS so slow that each check takes two minutes; it counts the checks whose lease was over when they began.
struct Slow<'a> {
    app: &'a TestApp,
    late: AtomicUsize,
}

impl Resolver for Slow<'_> {
    fn lookup(&self, question: &Question) -> Answer {
        self.app.dns.lookup(question)
    }

    fn look(&self, questions: &[Question]) -> Vec<Sighting> {
        let name = &questions[0].name;
        let until: i64 =
            self.app.value(&format!("SELECT next_check_at FROM domain WHERE '.{name}' LIKE '%.' || name"));
        self.late.fetch_add(usize::from(until <= now(self.app)), Ordering::Relaxed);
        self.app.clock.advance(Duration::from_mins(2));
        self.app.dns.look(questions)
    }
}

#[test]
fn a_domain_is_lent_when_its_own_check_begins_however_many_come_before() {
    let app = TestApp::new();
    let key = app.account("acme");
    for number in 0..6 {
        app.domain(&key, &format!("d{number}.example"));
    }
    app.clock.advance(Duration::from_mins(1));
    let slow = Slow { app: &app, late: AtomicUsize::new(0) };
    assert_eq!(schedule::run_due(&app.postroom, &slow, 6).unwrap(), 6);
    assert_eq!(slow.late.load(Ordering::Relaxed), 0, "somebody else could have taken them");
}

#[test]
fn a_domain_that_goes_during_its_check_is_no_trouble() {
    let (app, key, id) = start();
    app.clock.advance(Duration::from_mins(1));
    let slow = Held::below(NAME, Arc::clone(&app.dns));
    std::thread::scope(|scope| {
        let held = scope.spawn(|| schedule::run_due(&app.postroom, &slow, 1));
        slow.wait_for(1);
        app.postroom
            .write(|tx| {
                let domain = domain::find(tx, &key.operator(), DomainId::new(id))?;
                provision::delete(tx, &key.operator(), &domain)
            })
            .unwrap();
        slow.release();
        assert_eq!(held.join().unwrap().unwrap(), 1);
    });
    assert_eq!(app.value::<i64>("SELECT count(*) FROM record"), 0);
}
