//! The schedule: when a domain's turn is; `lending` has who takes it.

use postroom::event::Actor;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use postroom::dns::{Outcome, RecordType};
use postroom::domain;
use postroom::id::{DomainId, RecordId};
use postroom::record::RecordStatus;
use postroom::verify::{self, schedule};

use crate::harness::app::{Key, START_MILLIS, TestApp, txt};

const NAME: &str = "example.com";
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn start() -> (TestApp, Key, i64) {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, NAME);
    (app, key, id)
}

fn next(app: &TestApp) -> i64 {
    app.value("SELECT next_check_at FROM domain")
}

fn now(app: &TestApp) -> i64 {
    app.postroom.now().millis()
}

fn run(app: &TestApp, limit: u32) -> usize {
    schedule::run_due(&app.postroom, &*app.dns, limit).unwrap()
}

/// Waits until the only domain's turn, runs its check, and says how long it waits for the next one.
#[track_caller]
fn turn(app: &TestApp) -> i64 {
    let wait = Duration::from_millis(u64::try_from(next(app) - now(app)).unwrap());
    app.clock.advance(wait.checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!(run(app, 9), 0, "a millisecond too soon");
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(run(app, 9), 1);
    next(app) - now(app)
}

/// Whether a wait is as long as it must be, with a tenth of jitter on top.
#[track_caller]
fn is_about(wait: i64, least: i64) {
    assert!((least..=least + least / 10).contains(&wait), "{wait} ms instead of {least} ms");
}

#[test]
fn a_pending_domain_waits_1_2_5_10_30_minutes_then_hours_for_3_days_then_days() {
    let (app, _, _) = start();
    assert_eq!(next(&app), START_MILLIS + MINUTE, "the first check is a minute after its creation");
    for minutes in [2, 5, 10, 30] {
        is_about(turn(&app), minutes * MINUTE);
    }
    for _ in 0..72 {
        is_about(turn(&app), HOUR);
    }
    for _ in 0..3 {
        is_about(turn(&app), 24 * HOUR);
    }
}

#[test]
fn an_active_domain_waits_6_hours_and_1_after_a_failure() {
    let (app, _, _) = start();
    app.publish_all(NAME);
    for _ in 0..5 {
        is_about(turn(&app), 6 * HOUR);
    }
    app.dns.set("_dmarc.example.com", vec![txt("v=DMARC1; p=nonsense")]);
    for _ in 0..3 {
        is_about(turn(&app), HOUR);
    }
    app.publish_all(NAME);
    is_about(turn(&app), 6 * HOUR);
    app.dns.set_outcome("_dmarc.example.com", RecordType::Txt, Outcome::Timeout);
    is_about(turn(&app), 6 * HOUR);
}

#[test]
fn a_domain_that_failed_is_looked_at_as_often_as_a_new_one() {
    let (app, _, _) = start();
    app.publish_all(NAME);
    turn(&app);
    app.dns.clear("_dmarc.example.com");
    let mut checks = 0;
    while app.value::<String>("SELECT status FROM domain") == "active" {
        assert!(now(&app) < START_MILLIS + 100 * HOUR, "it is lost at some time");
        turn(&app);
        checks += 1;
    }
    assert!((72 * 10 / 11..=74).contains(&checks), "hourly for 72 hours: {checks}");
    is_about(next(&app) - now(&app), MINUTE);
    for minutes in [2, 5, 10, 30, 60] {
        is_about(turn(&app), minutes * MINUTE);
    }
    app.publish_all(NAME);
    is_about(turn(&app), 6 * HOUR);
    assert_eq!(app.value::<String>("SELECT status FROM domain"), "active", "one pass brings it back");
}

#[test]
fn domains_made_together_do_not_stay_together() {
    let app = TestApp::new();
    let key = app.account("acme");
    (0..30).for_each(|number| _ = app.domain(&key, &format!("d{number}.example")));
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(run(&app, 100), 30);
    let different: i64 = app.value("SELECT count(DISTINCT next_check_at) FROM domain");
    assert!(different > 25, "{different} of 30");
}

#[test]
fn a_check_by_hand_moves_nothing_unless_it_changes_the_status() {
    let (app, key, id) = start();
    let before = next(&app);
    let by_hand = || verify::check(&app.postroom, &key.operator(), DomainId::new(id), &*app.dns).unwrap();
    app.clock.advance(Duration::from_secs(10));
    by_hand();
    app.dns.set_outcome(NAME, RecordType::Mx, Outcome::Timeout);
    by_hand();
    assert_eq!((next(&app), app.value::<i64>("SELECT checks FROM domain")), (before, 0));
    app.publish_all(NAME);
    by_hand();
    is_about(next(&app) - now(&app), 6 * HOUR);
    let before = next(&app);
    app.dns.clear("_dmarc.example.com");
    by_hand();
    assert_eq!(next(&app), before, "seen wrong, and active still");
}

#[test]
fn an_unpinned_record_is_looked_at_within_a_minute() {
    let (app, key, id) = start();
    app.publish_all(NAME);
    turn(&app);
    for word in [RecordStatus::Disabled, RecordStatus::Pending] {
        app.postroom
            .write(|tx| {
                let domain = domain::find(tx, &key.operator(), DomainId::new(id))?;
                verify::mark(tx, &key.operator(), &domain, RecordId::new(3), word, None)
            })
            .unwrap();
    }
    assert_eq!(next(&app), now(&app) + MINUTE);
}

#[test]
fn the_turns_of_every_account_come_and_are_the_schedules_own() {
    let app = TestApp::new();
    let (one, two) = (app.account("one"), app.account("two"));
    app.v2_domain(&one, "one.example", "user_123");
    let tied = app.domain(&two, "two.example");
    app.postroom
        .write(|tx| {
            let domain = domain::find(tx, &two.operator(), DomainId::new(tied))?;
            domain::associate(tx, &two.operator(), &domain, Some(two.id))
        })
        .unwrap();
    for name in ["one.example", "two.example"] {
        app.publish_all(name);
    }
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(run(&app, 10), 2);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain WHERE status = 'active'"), 2);
    for key in [one, two] {
        let events = app.events(key.account);
        let changed = events.iter().find(|event| event.action() == "domain.status_changed").unwrap();
        assert_eq!(changed.actor, Actor::Schedule);
    }
}

#[test]
fn what_is_due_is_one_indexed_statement_at_100_000_domains() {
    const LEND: &str = "UPDATE domain SET next_check_at = :lease WHERE id = \
                        (SELECT id FROM domain WHERE account_id = :account AND next_check_at <= :now \
                        ORDER BY next_check_at LIMIT 1) RETURNING *";
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lib/src/domain/holder/table.rs");
    let source = fs::read_to_string(source).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(source.contains(LEND), "the statement has changed; change it here too");
    let app = TestApp::new();
    app.account("acme");
    let sql = app.sqlite();
    sql.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
         INSERT INTO domain (account_id, subscription_id, name, status, claimed_at, created_at, updated_at, next_check_at)
         SELECT 1, 1, 'd' || i || '.example', 'active', 0, 0, 0, ?1 + (i * 7919) % 21600000 FROM n",
        [START_MILLIS],
    )
    .unwrap();
    let mut plan = sql.prepare(&format!("EXPLAIN QUERY PLAN {LEND}")).unwrap();
    let values = rusqlite::named_params! {":lease": 1, ":now": START_MILLIS, ":account": 1};
    let plan: Vec<String> =
        plan.query_map(values, |row| row.get("detail")).unwrap().collect::<Result<_, _>>().unwrap();
    let is = |text: &str| plan.iter().any(|line| line.contains(text));
    assert!(
        is("USING COVERING INDEX domain_by_account_and_check (account_id=? AND next_check_at<?)"),
        "{plan:?}"
    );
    assert!(!is("SCAN") && !is("TEMP B-TREE"), "{plan:?}");
    app.clock.advance(Duration::from_secs(10));
    let due: i64 = app.value("SELECT count(*) FROM domain WHERE next_check_at <= 1795255210120");
    assert!((20..100).contains(&due), "{due}");
    let began = Instant::now();
    assert_eq!(schedule::take_due(&app.postroom, 16).unwrap().len(), 16);
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
}
