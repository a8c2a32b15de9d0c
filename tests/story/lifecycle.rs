//! A domain that keeps its own status: the real binary and its schedule, with real DNS servers. Nobody waits for a
//! turn to come: it is made due in the database, beside the running server, and the server's own threads find it.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::verify::{fragment, site_asking};
use crate::harness::client::Client;
use crate::harness::dns::{Memory, Nsd, Silence, Unbound};
use crate::harness::process::{Site, until};

const INFO: &str = "/v2/domains/example.com/info?user_id=user_123";

fn open(site: &Site) -> Connection {
    Connection::open(site.db()).expect("a database")
}

/// It is every domain's turn.
fn make_due(site: &Site) {
    open(site).execute("UPDATE domain SET next_check_at = 0", []).expect("to write");
}

/// In how many milliseconds the next turn is.
fn next_turn(site: &Site) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis();
    let next: i64 =
        open(site).query_row("SELECT next_check_at FROM domain", [], |row| row.get(0)).expect("a domain");
    next - i64::try_from(now).expect("a time")
}

fn create(client: &Client) -> Value {
    let made = client.post("/v2/domain", &json!({"domain": "example.com", "user_id": "user_123"}));
    assert_eq!((made.status, &made.json["message"]), (201, &json!("Domain created")), "{made:?}");
    made.json["domain"].clone()
}

fn info(client: &Client) -> Value {
    let reply = client.get(INFO);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json
}

/// Makes the domain due and waits until the server has checked it of its own accord.
fn checked(site: &Site, client: &Client) -> Value {
    let at = |details: &Value| details["dns"][0]["checked_at"].clone();
    let before = at(&info(client));
    make_due(site);
    until("the server checks what is due", || Some(info(client)).filter(|now| at(now) != before))
}

fn status(details: &Value) -> (&str, &str, Option<&str>) {
    let (domain, mx) = (&details["domain"]["status"], &details["dns"][0]);
    (
        domain.as_str().expect("a status"),
        mx["status"].as_str().expect("a status"),
        mx["problem"]["code"].as_str(),
    )
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn a_domain_turns_active_by_itself_and_a_lost_record_or_servfail_leaves_it_so() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = site_asking(&unbound.address());
    let server = site.serve();
    let client = server.client();
    assert_eq!(status(&create(&client)), ("pending", "pending", None));
    let wait = next_turn(&site);
    assert!((1..=60_000).contains(&wait), "the first check is within a minute: {wait} ms");
    assert_eq!(status(&checked(&site, &client)), ("pending", "pending", Some("mx_missing")));

    let zone = fragment(&site, "example.com");
    nsd.publish(&zone);
    let active = checked(&site, &client);
    assert_eq!(status(&active), ("active", "verified", None), "{active}");
    assert!(active["dns"].as_array().expect("records").iter().all(|record| record["status"] == "verified"));
    let six_hours = 6 * 3_600_000;
    assert!((six_hours - 60_000..six_hours * 11 / 10).contains(&next_turn(&site)));

    let without_mx: Vec<&str> = zone.lines().filter(|line| !line.contains(" MX ")).collect();
    nsd.publish(&without_mx.join("\n"));
    assert_eq!(status(&checked(&site, &client)), ("active", "verified", Some("mx_missing")));
    assert!(next_turn(&site) < 2 * 3_600_000, "it is looked at sooner now");

    // A server whose resolver fails: this one has never had a zone to serve.
    let key = server.key.clone().expect("a key");
    assert!(server.stop().success());
    let broken = Nsd::start("example.com");
    let failing = Unbound::start(&broken, Memory::None);
    let site = site.with("POSTROOM_RESOLVERS", &failing.address());
    let server = site.serve();
    let client = Client::new(&server.url, &key);
    for _ in 0..4 {
        let seen = checked(&site, &client);
        assert_eq!(status(&seen), ("active", "verified", Some("servfail")), "{seen}");
    }
    let audit = site.json(&["audit"]);
    let changes: Vec<&Value> = audit
        .as_array()
        .expect("rows")
        .iter()
        .filter(|row| row["action"].as_str().is_some_and(|action| action.ends_with("status_changed")))
        .collect();
    assert_eq!(changes.len(), 6, "five records and their domain, once each: {audit}");
    assert!(changes.iter().all(|row| row["actor"] == "schedule"), "{audit}");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn a_check_that_kill_9_cut_short_is_made_again_when_its_lease_ends() {
    let silence = Silence::start();
    let site = site_asking(&silence.address());
    let mut server = site.serve();
    let key = server.key.clone().expect("a key");
    create(&server.client());
    make_due(&site);
    silence.wait_for_a_question();
    server.process.kill();
    let lease = next_turn(&site);
    assert!((200_000..=300_000).contains(&lease), "it is lent for 5 minutes: {lease} ms");

    let nsd = Nsd::start("example.com");
    nsd.publish(&fragment(&site, "example.com"));
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = site.with("POSTROOM_RESOLVERS", &unbound.address());
    assert_eq!(site.json(&["domain", "check"]), json!({"checked": 0}), "as long as somebody may be at it");
    let server = site.serve();
    let client = Client::new(&server.url, &key);
    assert_eq!(status(&info(&client)), ("pending", "pending", None), "nothing of the other check was kept");
    assert_eq!(status(&checked(&site, &client)), ("active", "verified", None));
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn a_server_that_is_told_to_stop_in_the_middle_of_a_check_waits_for_no_more_than_that_look() {
    let silence = Silence::start();
    let site = site_asking(&silence.address());
    let server = site.serve();
    create(&server.client());
    make_due(&site);
    silence.wait_for_a_question();
    let began = std::time::Instant::now();
    assert!(server.stop().success());
    // A run of look-ups at silent servers takes 10 s at most.
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
    let sound: String =
        open(&site).query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(sound, "ok");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn the_command_line_checks_what_is_due_and_lists_by_status() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = site_asking(&unbound.address());
    let server = site.serve();
    create(&server.client());
    server.client().create_domain("pending.example.com");
    assert!(server.stop().success());
    assert_eq!(site.json(&["domain", "check"]), json!({"checked": 0}), "nothing is due yet");

    nsd.publish(&fragment(&site, "example.com"));
    make_due(&site);
    assert_eq!(site.json(&["domain", "check", "--limit", "1"]), json!({"checked": 1}));
    assert_eq!(site.run(&["domain", "check"]).stdout, "1 domains were due and are checked.\n");
    let names = |status: &str| {
        let listed = site.json(&["domain", "list", "--status", status]);
        let listed = listed.as_array().expect("domains").clone();
        listed.iter().map(|domain| domain["domain"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("active"), ["example.com"]);
    assert_eq!(names("pending"), ["pending.example.com"]);
    assert!(names("failed").is_empty());
    let odd = site.run(&["domain", "list", "--status", "verified"]);
    assert_eq!(odd.code, Some(2), "{odd:?}");
    assert!(odd.stderr.contains("pending, active or failed"), "{odd:?}");
}
