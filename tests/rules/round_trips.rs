//! How often a request waits for the server of the database, on a connection that is warm. On SQLite there is nothing to wait for.

use postroom::account::{self, Caller};
use postroom::domain;
use postroom::error::{Entity, Error};
use postroom::name::DomainName;
use postroom::overview;
use postroom::provision::{self, NewDomain};
use postroom::subscription::{self, Limits};
use serde_json::json;

use crate::harness::app::{Key, TestApp};

/// How often the App waits for the server in `ask`, when it has been asked the like before.
fn trips(app: &TestApp, ask: impl FnMut(usize) -> u16) -> Option<u64> {
    fewest_trips(app, 24, ask)
}

/// How often the App waits for the server in the best of so many turns: on a busy machine the end of a read may go by itself.
fn fewest_trips(app: &TestApp, turns: usize, mut ask: impl FnMut(usize) -> u16) -> Option<u64> {
    app.postroom.round_trips()?;
    let mut fewest = u64::MAX;
    for turn in 0..turns {
        let before = app.postroom.round_trips()?;
        let status = ask(turn);
        assert!((200..300).contains(&status), "{status}");
        fewest = fewest.min(app.postroom.round_trips()? - before);
    }
    Some(fewest)
}

fn at_most(most: u64, what: &str, trips: Option<u64>) {
    if let Some(trips) = trips {
        println!("{what}: {trips} round trips");
        assert!(trips <= most, "{what}: {trips} round trips, and {most} are enough");
    }
}

fn start() -> (TestApp, Key, i64) {
    let app = TestApp::new();
    let key = app.account("acme");
    let id = app.domain(&key, "example.com");
    (app, key, id)
}

#[test]
fn a_look_at_a_domain_takes_few_round_trips() {
    let (app, key, id) = start();
    at_most(2, "GET one", trips(&app, |_| app.call(&key, &format!("GET /api/v1/domains/{id}")).status));
    at_most(4, "GET a page", trips(&app, |_| app.call(&key, "GET /api/v1/domains").status));
}

#[test]
fn a_creation_takes_few_round_trips() {
    let (app, key, _) = start();
    let made = trips(&app, |turn| {
        let body = json!({"domain": {"url": format!("n{turn}.example")}});
        app.call_with(&key, "POST /api/v1/domains", &body).status
    });
    at_most(6, "a creation", made);
}

#[test]
fn a_batch_of_a_thousand_takes_few_round_trips() {
    let (app, key, _) = start();
    let provisioned = fewest_trips(&app, 3, |turn| {
        let item =
            |number| json!({"domain": format!("b{turn}-{number}.example"), "admins": ["a@example.com"]});
        let body = json!({"domains": (0..1000).map(item).collect::<Vec<_>>()});
        let headers = [("X-API-Key", key.secret.as_str()), ("Content-Type", "application/json")];
        let line = "POST /inbound/v1/domains/batch?subscriptionHandle=default";
        let answer = app.send(line, &headers, body.to_string().as_bytes());
        assert_eq!(answer.json()["successes"].as_array().map(Vec::len), Some(1000), "{answer:?}");
        answer.status
    });
    at_most(40, "a batch of 1,000", provisioned);
}

#[test]
fn a_check_takes_few_round_trips() {
    let (app, key, id) = start();
    let checked = trips(&app, |_| app.call(&key, &format!("POST /api/v1/domains/{id}/verify")).status);
    at_most(7, "a check", checked);
}

/// On a server the reads before a write are asked ahead of it; their answers must not outlive it.
#[test]
fn what_was_read_ahead_of_a_write_is_read_anew_after_it() {
    fn small(name: &DomainName) -> NewDomain<'_> {
        NewDomain { subscription: Some("small"), ..NewDomain::named(name) }
    }
    let app = TestApp::new();
    let (first, second) = ("a.example".parse().unwrap(), "b.example".parse().unwrap());
    app.postroom
        .write(|tx| {
            let account = account::create_trusted(tx, "acme")?;
            let only_one = Limits { max_domains: Some(1), max_recipients: None };
            subscription::create(tx, account.id, "small", only_one)?;
            let caller = Caller::operator(account.id);
            let made = provision::create(tx, &caller, &small(&first))?;
            let again = provision::create(tx, &caller, &small(&first));
            assert!(matches!(again, Err(Error::Conflict(Entity::Domain))), "{again:?}");
            let another = provision::create(tx, &caller, &small(&second));
            assert!(matches!(another, Err(Error::Limit { .. })), "{another:?}");
            assert_eq!(overview::find(tx, &caller, made.id)?.domain.label, None);
            domain::set_label(tx, &caller, &made, Some("ours"))?;
            assert_eq!(overview::find(tx, &caller, made.id)?.domain.label.as_deref(), Some("ours"));
            Ok::<_, Error>(())
        })
        .unwrap();
}
