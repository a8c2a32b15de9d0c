//! What may happen once, or so many times, asked for by two servers of one database at the same moment. On SQLite they are two processes
//! with one file, as a server and the command line are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use postroom::account::{self, Caller};
use postroom::db::{Held, Postroom};
use postroom::error::Error;
use postroom::id::ApiKeyId;
use postroom::idempotency::{self, Asked};
use postroom::name::DomainName;
use postroom::{claim, dkim, domain, key, keyring, login};
use postroom_server::app::App;
use postroom_server::wire::limit::Limits;

use crate::harness::app::{KEY_FIELD, TestApp, send_to};
use crate::harness::sql::Sql;

/// How many ask at once: half of them by each server.
const ASKERS: usize = 8;

/// Asks at the same moment through both servers, and returns how many were granted.
fn race(app: &TestApp, ask: impl Fn(&Postroom, usize) -> bool + Sync) -> usize {
    let other = app.reopened();
    let (start, granted) = (Barrier::new(ASKERS), AtomicUsize::new(0));
    thread::scope(|scope| {
        for asker in 0..ASKERS {
            let (ask, start, granted) = (&ask, &start, &granted);
            let postroom = if asker % 2 == 0 { &*app.postroom } else { &other };
            scope.spawn(move || {
                start.wait();
                granted.fetch_add(usize::from(ask(postroom, asker)), Ordering::Relaxed);
            });
        }
    });
    granted.into_inner()
}

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

/// Whether it was done; an error that is none of the expected ones ends the test.
fn done<T>(result: Result<T, Error>, is_expected: impl Fn(&Error) -> bool) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => {
            assert!(is_expected(&error), "{error:?}");
            false
        }
    }
}

#[test]
fn a_name_is_given_to_one() {
    let app = TestApp::new();
    let keys: Vec<_> = (0..ASKERS).map(|asker| app.account(&format!("account {asker}"))).collect();
    for round in 0..5 {
        let wanted = name(&format!("wanted{round}.example"));
        let granted = race(&app, |postroom, asker| {
            let caller = keys[asker].operator();
            let new = domain::NewDomain::named(&wanted);
            let made = postroom.write(|tx| domain::create(tx, &caller, &new).map(drop));
            done(made, |error| matches!(error, Error::Taken { .. }))
        });
        assert_eq!(granted, 1, "round {round}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain"), 5);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM event WHERE action = 'domain.created'"), 5);
}

#[test]
fn a_plan_is_filled_and_not_overfilled() {
    let app = TestApp::new();
    let key = app.account("acme");
    app.domain(&key, "first.example");
    app.sql().execute("UPDATE subscription SET max_domains = 4", []).unwrap();
    let granted = race(&app, |postroom, asker| {
        let wanted = name(&format!("n{asker}.example"));
        let new = domain::NewDomain::named(&wanted);
        let made = postroom.write(|tx| domain::create(tx, &key.operator(), &new).map(drop));
        done(made, |error| matches!(error, Error::Limit { .. }))
    });
    assert_eq!(granted, 3);
    assert_eq!(app.value::<i64>("SELECT domains FROM domain_total"), 4);
}

#[test]
fn the_last_active_key_stays() {
    let app = TestApp::new();
    let key = app.account("acme");
    let caller = key.operator();
    for round in 0..4 {
        let wanted = name(&format!("keys{round}.example"));
        let id = app.domain(&key, wanted.as_str());
        app.postroom
            .write(|tx| {
                let own = domain::find_named(tx, &caller, &wanted)?;
                keyring::create(tx, &caller, &own, &"second".parse().unwrap(), &dkim::Source::Pool).map(drop)
            })
            .unwrap();
        app.first_key_signs();
        let selectors = ["pdk1", "second"];
        let first: String = app.value(&format!(
            "SELECT min(selector) FROM dkim_key WHERE domain_id = {id} AND selector <> 'second'"
        ));
        let granted = race(&app, |postroom, asker| {
            let selector = if asker % 2 == 0 { first.as_str() } else { selectors[1] };
            let deleted = postroom.write(|tx| {
                let own = domain::find_named(tx, &caller, &wanted)?;
                keyring::delete(tx, &caller, &own, &selector.parse().unwrap()).map(drop)
            });
            done(deleted, |error| matches!(error, Error::InUse { .. } | Error::NotFound(_)))
        });
        assert_eq!(granted, 1, "round {round}");
    }
}

#[test]
fn a_login_link_is_used_once() {
    let app = TestApp::new();
    let key = app.account("acme");
    for _ in 0..5 {
        let (_, link) =
            app.postroom.write(|tx| login::create_for_account(tx, &Caller::operator(key.account))).unwrap();
        let granted =
            race(&app, |postroom, _| postroom.write(|tx| login::consume(tx, &link)).unwrap().is_some());
        assert_eq!(granted, 1);
    }
}

#[test]
fn a_claim_is_new_once_and_what_a_key_has_asked_is_done_once() {
    let app = TestApp::new();
    let (holder, other) = (app.account("holder"), app.account("other"));
    app.domain(&holder, "held.example");
    let granted = race(&app, |postroom, _| {
        let claimed = postroom.write(|tx| claim::create(tx, &other.operator(), &name("held.example"), None));
        claimed.is_ok_and(|(_, is_new)| is_new)
    });
    assert_eq!(granted, 1);
    for round in 0..5 {
        let repeated = format!("key {round}").parse().unwrap();
        let asked = Asked::new(other.id, &repeated, [b"POST", b"/"], [b"", b"", b""]);
        let wanted = name(&format!("asked{round}.example"));
        let granted = race(&app, |postroom, _| {
            let held = Held::new(postroom);
            let session = held.session();
            let is_first = session
                .write(|tx| {
                    if idempotency::find(tx, &asked)?.is_some() {
                        return Ok::<_, Error>(false);
                    }
                    domain::create(tx, &other.operator(), &domain::NewDomain::named(&wanted))?;
                    Ok(true)
                })
                .unwrap();
            if is_first {
                session.write(|tx| idempotency::keep(tx, &asked, b"made")).unwrap();
            }
            held.commit().unwrap();
            is_first
        });
        assert_eq!(granted, 1, "round {round}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM idempotency"), 5);
}

#[test]
fn a_request_that_is_repeated_at_another_server_is_done_once_and_answered_alike() {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    let other = App::new(Arc::new(app.reopened()), app.dns.clone()).limited(Limits::none());
    for round in 0..10 {
        let repeated = format!("round {round}");
        let headers = [
            (KEY_FIELD, key.secret.as_str()),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", repeated.as_str()),
        ];
        let line = format!("POST /api/v1/domains/{id}/api_tokens");
        let start = Barrier::new(2);
        let ask = |app: &App| {
            start.wait();
            send_to(app, &line, &headers, Ok(br#"{"api_token":{"name":"x"}}"#.to_vec()))
        };
        let (one, two) = thread::scope(|scope| {
            let one = scope.spawn(|| ask(&app.app));
            (ask(&other), one.join().unwrap())
        });
        assert_eq!(one.visible(), two.visible(), "round {round}");
        assert!(one.status < 300, "{one:?}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain_token"), 10);
}

#[test]
fn an_account_of_a_name_is_made_once_and_a_key_is_rotated_for_each_who_asks() {
    let app = TestApp::new();
    let made = race(&app, |postroom, _| postroom.write(|tx| account::create(tx, "one name")).is_ok());
    assert_eq!(made, 1);
    let key = app.account("acme");
    let revoked: fn(&Postroom, ApiKeyId) -> bool =
        |postroom, id| postroom.write(|tx| key::revoke(tx, id)).is_ok();
    assert_eq!(race(&app, |postroom, _| revoked(postroom, key.id)), 1);
}

#[test]
fn what_is_counted_is_right_after_many_writes_at_once() {
    let app = TestApp::new();
    let keys: Vec<_> = (0..2).map(|number| app.account(&format!("account {number}"))).collect();
    let granted = race(&app, |postroom, asker| {
        (0..6).all(|turn| {
            let wanted = name(&format!("d{asker}x{turn}.example"));
            let caller = keys[asker % 2].operator();
            postroom
                .write(|tx| domain::create(tx, &caller, &domain::NewDomain::named(&wanted)).map(drop))
                .is_ok()
        })
    });
    assert_eq!(granted, ASKERS);
    let domains = i64::try_from(ASKERS * 6).unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM domain"), domains);
    assert_eq!(app.value::<i64>("SELECT min(domains) FROM domain_total"), domains / 2);
}

#[test]
fn a_server_reads_while_many_of_its_writers_wait_for_another_servers_write() {
    let app = TestApp::new();
    let key = app.account("acme");
    let other = app.sql();
    let begin = match &other {
        Sql::File(_) => "BEGIN IMMEDIATE",
        Sql::Server(_) => "BEGIN; LOCK TABLE schema_history IN EXCLUSIVE MODE",
    };
    other.execute_batch(begin).unwrap();
    let took = thread::scope(|scope| {
        for writer in 0..24 {
            let postroom = &app.postroom;
            scope.spawn(move || postroom.write(|tx| account::create(tx, &format!("{writer}"))).unwrap());
        }
        thread::sleep(Duration::from_millis(300));
        let started = Instant::now();
        for _ in 0..10 {
            app.postroom.check_readable().unwrap();
            assert_eq!(app.call(&key, "GET /api/v1/domains").status, 200);
        }
        let took = started.elapsed();
        other.execute_batch("ROLLBACK").unwrap();
        took
    });
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM account"), 25, "each of them has written then");
}
