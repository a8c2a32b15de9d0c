//! In every queue the accounts take turns: what one has piled up keeps no other waiting.

use std::sync::Arc;
use std::time::Duration;

use postroom::id::DomainId;
use postroom::provision::{self, NewDomain};
use postroom::settings::Settings;
use postroom::verify::schedule;

use crate::harness::app::{Key, START_MILLIS, TestApp, settings};
use crate::harness::held::Held;

/// Makes so many domains that wait for their first key.
fn waiting(app: &TestApp, key: &Key, count: usize, below: &str) -> Vec<DomainId> {
    let names = (0..count).map(|number| format!("d{number}.{below}").parse().unwrap());
    let make = |name| {
        let new = NewDomain { key_later: true, ..NewDomain::named(&name) };
        app.postroom.write(|tx| provision::create(tx, &key.operator(), &new).map(|made| made.id)).unwrap()
    };
    names.map(make).collect()
}

#[test]
fn the_domains_of_an_account_whose_name_servers_are_silent_leave_half_of_the_threads_to_the_others() {
    const THREADS: u32 = 4;
    let app = TestApp::new();
    let (many, few) = (app.account("many"), app.account("few"));
    for number in 0..20 {
        app.domain(&many, &format!("d{number}.slow.example"));
    }
    app.clock.advance(Duration::from_mins(1));
    let quick = app.domain(&few, "quick.example");
    let slow = Held::below("slow.example", Arc::clone(&app.dns));
    let checked =
        || app.value::<i64>(&format!("SELECT count(checked_at) FROM record WHERE domain_id = {quick}"));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| schedule::run_turn(&app.postroom, &slow, THREADS, || ()).unwrap());
        }
        slow.wait_for(2);
        app.sql()
            .execute("UPDATE domain SET next_check_at = ?1 WHERE id = ?2", (START_MILLIS + 60_000, quick))
            .unwrap();
        // The third thread has the other account's domain, although 18 of the first have waited for longer.
        assert!(schedule::run_turn(&app.postroom, &slow, THREADS, || ()).unwrap());
        assert!(checked() > 0);
        assert!(
            !schedule::run_turn(&app.postroom, &slow, THREADS, || ()).unwrap(),
            "half of the threads stay free"
        );
        slow.release();
    });
    // Those who have had their share may go on when it is given back.
    assert!(schedule::run_turn(&app.postroom, &slow, THREADS, || ()).unwrap());
}

#[test]
fn the_accounts_take_turns_when_their_checks_are_due() {
    let app = TestApp::new();
    let keys = ["a", "b", "c"].map(|name| app.account(name));
    for (key, count) in keys.iter().zip([5, 2, 1]) {
        (0..count)
            .for_each(|number| _ = app.domain(key, &format!("d{number}.account{}.example", key.account)));
    }
    app.clock.advance(Duration::from_mins(1));
    let taken = schedule::take_due(&app.postroom, 100).unwrap();
    let of: Vec<i64> = taken.iter().map(|due| due.caller.account().number()).collect();
    let [a, b, c] = keys.map(|key| key.account.number());
    assert_eq!(of, [a, b, c, a, b, a, a, a]);
}

#[test]
fn the_accounts_take_turns_where_first_keys_are_made() {
    let app = TestApp::with(Settings { spare_keys: 0, ..settings() }, 12);
    let [a, b] = ["a", "b"].map(|name| app.account(name));
    let of_a = waiting(&app, &a, 20, "a.example");
    let of_b = waiting(&app, &b, 2, "b.example");
    let has_key = |ids: &[DomainId]| {
        ids.iter()
            .filter(|id| {
                app.value::<i64>(&format!("SELECT count(*) FROM dkim_key WHERE domain_id = {id}")) == 1
            })
            .count()
    };
    assert!(provision::equip_some(&app.postroom, 16).unwrap());
    assert_eq!((has_key(&of_a), has_key(&of_b)), (1, 1));
    // One place a time is given to each in turn as well.
    let order: Vec<(usize, usize)> = (0..3)
        .map(|_| {
            provision::equip_some(&app.postroom, 1).unwrap();
            (has_key(&of_a), has_key(&of_b))
        })
        .collect();
    assert_eq!(order, [(2, 1), (2, 2), (3, 2)]);
}
