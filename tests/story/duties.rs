//! What the server does by itself: it is done, it costs nothing while there is nothing to do, and a stop waits for it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::verify::site_asking;
use crate::harness::client::Client;
use crate::harness::dns::Silence;
use crate::harness::process::{Site, until};

/// The processor's time that a process has taken, in ticks of 10 ms (`proc_pid_stat(5)`, fields 14 and 15).
#[cfg(target_os = "linux")]
fn ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum()
}

/// Provisions a domain through the dialect that leaves its first key to the server.
fn provision(client: &Client, name: &str) {
    let body = json!({ "domain": name, "subscriptionHandle": "default" });
    let reply = client.post("/inbound/v1/domains", &body);
    assert!(reply.status < 300, "{reply:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_pool_a_domain_gets_its_key_and_nothing_spins() {
    let site = Site::new().with("POSTROOM_DKIM_SPARE_KEYS", "0");
    let server = site.serve();
    provision(&server.client(), "example.com");
    until("the domain has its key", || {
        let shown = server.client().get("/api/v1/domains").json;
        shown[0]["dkim_string"].as_str().map(|_| ())
    });
    let before = ticks(server.process.id());
    std::thread::sleep(Duration::from_secs(3));
    let taken = ticks(server.process.id()) - before;
    assert!(taken < 30, "{taken} of 300 ticks while there is nothing to do");
    assert!(server.stop().success());
}

/// A server whose schedule is in the middle of a look at a silent name server.
#[test]
fn a_stop_waits_for_a_look_in_hand_and_what_it_found_is_written_down() {
    let silence = Silence::start();
    let site = site_asking(&silence.address());
    let server = site.serve();
    server.client().create_domain("example.com");
    rusqlite::Connection::open(site.db())
        .and_then(|conn| conn.execute("UPDATE domain SET next_check_at = 0", []))
        .expect("to write");
    silence.wait_for_a_question();
    let started = Instant::now();
    let log = server.process.stderr.clone();
    assert!(server.stop().success(), "{}", log.whole());
    assert!(started.elapsed() < Duration::from_secs(35), "it took {:?}", started.elapsed());
    assert!(!log.whole().contains("left behind"), "{}", log.whole());
    assert!(!site.file("postroom.db-wal").exists(), "the database was not closed");
    let checked: i64 = rusqlite::Connection::open(site.db())
        .and_then(|conn| {
            conn.query_row("SELECT count(*) FROM record WHERE checked_at IS NOT NULL", [], |row| row.get(0))
        })
        .expect("a count");
    assert!(checked > 0, "the look was not thrown away");
}
