//! A clock that jumps deletes nothing, makes nothing expire, and moves no schedule by more than its own interval.

use std::time::Duration;

use postroom::clock::Timestamp;
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::idempotency::{self, Asked, Known};
use postroom::report::{self, NewReport, ReportKind};
use postroom::secret::{PlainSecret, SecretKind};
use postroom::verify::{self, schedule};
use postroom::{domain, event, login, provision, rotation, session, setup_link, signing};

use crate::harness::app::{Key, START_MILLIS, TestApp, open, settings};

const HOUR: Duration = Duration::from_hours(1);
const YEAR: Duration = Duration::from_hours(365 * 24);
const MESSAGE: &[u8] = b"From: a@b.example\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\nx\r\n";
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// An account with one of everything that goes by its age.
fn start() -> (TestApp, Key, DomainId) {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = DomainId::new(app.domain(&key, "example.com"));
    let caller = key.operator();
    app.postroom
        .write(|tx| {
            login::create(tx, &caller, &key.own(tx, id)?)?;
            idempotency::keep(tx, &asked(&key), b"an answer")?;
            report::file(tx, &caller, &NewReport::of(ReportKind::FalsePositive, MESSAGE)).map(drop)
        })
        .unwrap();
    (app, key, id)
}

fn asked(key: &Key) -> Asked {
    Asked::new(key.id, &"k".parse().unwrap(), [b"POST", b"/"], [b"", b"", b""])
}

/// Deletes what is too old, as the background does, and returns how many rows there are left that could go.
fn expire(app: &TestApp) -> i64 {
    report::expire(&app.postroom).unwrap();
    app.postroom
        .write(|tx| {
            login::forget_expired(tx, 100)?;
            idempotency::forget_expired(tx, 100)?;
            event::forget_old(tx, 100).map(drop)
        })
        .unwrap();
    app.value(
        "SELECT (SELECT count(*) FROM report) + (SELECT count(*) FROM login_link)
             + (SELECT count(*) FROM idempotency) + (SELECT count(*) FROM event)",
    )
}

fn jump(app: &TestApp, span: Duration) {
    app.clock.set(app.postroom.now() + span);
}

#[test]
fn nothing_is_deleted_until_the_clock_was_steady_for_an_hour() {
    let (app, key, _) = start();
    let all = expire(&app);
    jump(&app, YEAR + YEAR);
    assert_eq!(expire(&app), all);
    let kept = app.postroom.read(|tx| idempotency::find(tx, &asked(&key))).unwrap();
    assert!(matches!(kept, Some(Known::Answered(_))), "a repeat is answered as it was");
    app.clock.advance(HOUR.checked_sub(Duration::from_secs(1)).unwrap());
    assert_eq!(expire(&app), all);
    app.clock.advance(Duration::from_secs(1));
    assert!(expire(&app) < all - 2, "then the clock is believed");
}

#[test]
fn six_seconds_at_a_year_ahead_leave_everything_as_it_was() {
    let (app, _, _) = start();
    let (all, right) = (expire(&app), app.postroom.now());
    jump(&app, YEAR);
    assert_eq!(expire(&app), all);
    app.clock.advance(Duration::from_secs(6));
    schedule::run_due(&app.postroom, &*app.dns, 10).unwrap();
    let next = || app.value::<i64>("SELECT max(next_check_at) FROM domain") - app.postroom.now().millis();
    assert!(next() > 0);
    app.clock.set(right + Duration::from_secs(6));
    assert!(next() > 300 * DAY_MILLIS, "the check has written a wrong time");
    assert_eq!(expire(&app), all);
    schedule::run_due(&app.postroom, &*app.dns, 10).unwrap();
    assert!(next() < DAY_MILLIS * 2, "{} ms", next());
    app.clock.advance(Duration::from_hours(2));
    assert!(schedule::run_due(&app.postroom, &*app.dns, 10).unwrap() > 0, "the checks go on");
    let made: i64 = app.value("SELECT created_at FROM domain");
    assert_eq!(made, START_MILLIS, "when it was made stays");
}

#[test]
fn no_claim_expires_by_a_clock_that_jumped() {
    let (app, _, _) = start();
    let other = app.account("other");
    signing::distrust(&app.postroom, "acme").unwrap();
    let take = || {
        let name = "example.com".parse().unwrap();
        app.postroom.write(|tx| {
            provision::create(tx, &other.operator(), &domain::NewDomain::named(&name)).map(|made| made.id)
        })
    };
    jump(&app, Duration::from_hours(8 * 24));
    assert!(matches!(take(), Err(Error::Taken { .. })));
    app.clock.advance(HOUR);
    take().unwrap();
}

#[test]
fn a_database_knows_the_time_and_a_clock_that_is_behind_or_far_ahead_when_it_is_opened_has_jumped() {
    let (app, _, _) = start();
    assert_eq!(app.postroom.keep_time().unwrap().jump, None);
    let known = app.postroom.now();
    let opened_at = |at: Timestamp| {
        app.clock.set(at);
        let postroom = open(&app.file(), settings(), app.clock.clone(), 0);
        let held = postroom.time_held_until();
        postroom.keep_time().unwrap();
        held
    };
    assert_eq!(opened_at(known + HOUR * 48), None);
    let known = known + HOUR * 48;
    assert_eq!(
        opened_at(known + HOUR * 48 + Duration::from_millis(1)),
        Some(known + HOUR * 49 + Duration::from_millis(1))
    );
    // Whoever opens it next, in the same hour, goes on waiting.
    assert!(opened_at(known + HOUR * 48 + Duration::from_mins(59)).is_some());
    assert_eq!(opened_at(known + HOUR * 50), None);
    assert_eq!(opened_at(known), Some(known + HOUR));
}

#[test]
fn a_rotation_that_a_wrong_clock_put_off_comes_at_its_interval_and_none_begins_early() {
    let (app, key, id) = start();
    let days = |days: u64| Duration::from_hours(24 * days);
    app.postroom
        .write(|tx| rotation::set_interval(tx, &key.operator(), &key.own(tx, id)?, Some(days(10))).map(drop))
        .unwrap();
    let next = || app.value::<i64>("SELECT next_at FROM rotation") - app.postroom.now().millis();
    let right = app.postroom.now();
    jump(&app, YEAR);
    let begun = rotation::keep(&app.postroom).unwrap();
    assert_eq!(begun, 0, "none begins by a clock that is not believed");
    app.sql()
        .execute("UPDATE rotation SET next_at = next_at + ?1", [i64::try_from(YEAR.as_millis()).unwrap()])
        .unwrap();
    app.clock.set(right);
    rotation::keep(&app.postroom).unwrap();
    assert_eq!(next(), 10 * DAY_MILLIS);
    let plan = app.postroom.read(|tx| verify::plan(tx, &key.operator(), id)).unwrap();
    assert!(!plan.expected().is_empty());
}

#[test]
fn links_and_sessions_of_a_clock_that_ran_ahead_open_nothing_and_are_forgotten_when_it_is_right_again() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = DomainId::new(app.domain(&key, "example.com"));
    let caller = key.operator();
    let right = app.postroom.now();
    app.clock.set(right + YEAR * 10);
    app.postroom.keep_time().unwrap();
    let (link, setup) = app
        .postroom
        .write(|tx| {
            let (_, link) = login::create_for_account(tx, &caller)?;
            Ok::<_, Error>((link, setup_link::create(tx, &caller, &key.own(tx, id)?, HOUR)?.1))
        })
        .unwrap();
    let session = app.session(key.account);
    let session = PlainSecret::parse(SecretKind::Session, &session).unwrap();
    let open = || {
        app.postroom
            .read(|tx| {
                let session = session::find(tx, &session)?.is_some();
                Ok::<_, Error>((
                    login::peek(tx, &link)?.is_some(),
                    setup_link::open(tx, &setup)?.is_some(),
                    session,
                ))
            })
            .unwrap()
    };
    assert_eq!(open(), (true, true, true));
    app.clock.set(right + YEAR * 10 - Duration::from_secs(50));
    assert_eq!(open(), (true, true, true), "another server's clock may be somewhat behind");
    app.clock.set(right);
    app.postroom.keep_time().unwrap();
    assert_eq!(open(), (false, false, false));
    let forget = || {
        app.postroom
            .write(|tx| {
                Ok::<_, Error>((
                    login::forget_expired(tx, 10)?,
                    setup_link::forget_expired(tx, 10)?,
                    session::forget_over(tx, 10)?,
                ))
            })
            .unwrap()
    };
    let kept = app.postroom.write(|tx| login::create_for_account(tx, &caller)).unwrap().1;
    assert_eq!(forget(), (0, 0, 0), "it may be wrong now");
    app.advance(2);
    app.postroom.keep_time().unwrap();
    let fresh = app.postroom.write(|tx| login::create_for_account(tx, &caller)).unwrap().1;
    let (_, setup_links, sessions) = forget();
    assert_eq!((setup_links, sessions), (1, 1));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM login_link"), 1);
    let peek = |link| app.postroom.read(|tx| login::peek(tx, link)).unwrap().is_some();
    assert!(peek(&fresh) && !peek(&kept));
}
