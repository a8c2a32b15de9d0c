//! Crowds: what many clients at once, with a key and without one, can take from the others.
//!
//! Each test has a small crowd; `POSTROOM_TEST_CROWD=10` makes it ten times as large.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::watching::{get, metrics_of, value};
use crate::harness::client::{Client, connect, exchange};
use crate::harness::process::{Server, Site, until};

/// So many clients, or as many times that as the variable says.
fn crowd(usual: usize) -> usize {
    let times = std::env::var("POSTROOM_TEST_CROWD").ok().and_then(|times| times.parse().ok());
    usual * times.unwrap_or(1)
}

/// All clients of a test come from one address.
fn site() -> Site {
    Site::new().with("POSTROOM_CONNECTIONS_PER_ADDRESS", &100_000).with("POSTROOM_RATE_LIMIT", &0)
}

/// A line of `/proc/PID/status`, as a number.
fn status(server: &Server, field: &str) -> usize {
    let text = fs::read_to_string(format!("/proc/{}/status", server.process.id())).expect("a process");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).expect(field);
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// The key of another account.
fn other_key(site: &Site, name: &str) -> String {
    let made = site.json(&["account", "create", name, "--trusted"]);
    made["api_key"].as_str().expect("a key").to_owned()
}

fn head(line: &str, key: Option<&str>, length: usize) -> String {
    let key = key
        .map_or(String::new(), |key| format!("X-API-Key: {key}\r\nMailPace-Organization-Token: {key}\r\n"));
    format!(
        "{line} HTTP/1.1\r\nHost: x\r\n{key}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[test]
fn bodies_without_a_key_are_not_read_and_cost_no_memory() {
    const OCTETS: usize = 1024 * 1024;
    let site = site();
    let server = site.serve();
    let before = status(&server, "VmRSS");
    let head = head("POST /api/v1/domains", None, OCTETS);
    let body = vec![b'x'; OCTETS];
    let clients: Vec<TcpStream> = (0..crowd(90))
        .map(|_| {
            let mut stream = connect(server.address());
            stream.set_write_timeout(Some(Duration::from_secs(5))).expect("a socket");
            // Refused by its head: the rest may find the connection closed.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            stream
        })
        .collect();
    let grown = status(&server, "VmHWM").saturating_sub(before) / 1024;
    assert!(grown < 64, "{} connections without a key took {grown} MiB", clients.len());
    let mut answer = String::new();
    let mut first = clients.into_iter().next().expect("one");
    let _ = first.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[test]
fn clients_that_trickle_large_bodies_keep_no_batch_of_another_account_waiting() {
    const OCTETS: usize = 8 * 1024 * 1024;
    let site = site();
    let server = site.serve();
    let client = server.client();
    let (line, slow_key) = ("POST /inbound/v1/domains/batch", other_key(&site, "slow"));
    let mut answers = Vec::new();
    for key in [None, Some(slow_key.as_str())] {
        for _ in 0..crowd(12) {
            let mut stream = connect(server.address());
            stream.write_all(head(line, key, OCTETS).as_bytes()).expect("to send");
            let _ = stream.write_all(b"{");
            answers.push((key, stream));
        }
    }
    let begun = Instant::now();
    let reply = client.post(
        "/inbound/v1/domains/batch?subscriptionHandle=default",
        &json!({ "domains": [{ "domain": "example.com" }] }),
    );
    assert!(reply.status == 200, "{reply:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "it waited {:?}", begun.elapsed());
    // Of the one account as many are read as a quarter of 256 MiB takes, and the next is told to come again.
    let mut refused = 0;
    for (key, mut stream) in answers {
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket");
        let mut answer = [0; 12];
        let answered = stream.read_exact(&mut answer).is_ok();
        match key {
            None => assert_eq!(&answer, b"HTTP/1.1 401"),
            Some(_) if answered => {
                assert_eq!(&answer, b"HTTP/1.1 503");
                refused += 1;
            }
            Some(_) => {}
        }
    }
    assert_eq!(refused, crowd(12) - 4);
}

#[test]
fn idle_connections_without_a_key_make_room_for_who_comes() {
    let site = site().with("POSTROOM_CONNECTIONS", &50);
    let server = site.serve();
    let client = server.client();
    assert_eq!(client.get("/api/v1/domains").status, 200);
    let polite: Vec<TcpStream> = (0..crowd(60))
        .map(|_| {
            let mut stream = connect(server.address());
            stream.write_all(b"GET /api/v1/domains HTTP/1.1\r\nHost: x\r\n\r\n").expect("to send");
            stream
        })
        .collect();
    let begun = Instant::now();
    for _ in 0..10 {
        let fresh = Client::new(&server.url, server.key.as_deref().expect("a key"));
        assert_eq!(fresh.get("/api/v1/domains").status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "they waited {:?}", begun.elapsed());
    drop(polite);
}

#[test]
fn a_crowd_of_slow_clients_has_no_more_than_thirty_two_threads() {
    let site = site();
    let server = site.serve();
    server.client().create_domain("example.com");
    let _slow: Vec<TcpStream> = (0..crowd(300))
        .map(|_| {
            let mut stream = connect(server.address());
            let _ = stream.write_all(b"GET /api/v1/domains HTTP/1.1\r\nHost: x\r\nX-Slow");
            stream
        })
        .collect();
    let mut most = 0;
    for _ in 0..50 {
        assert_eq!(server.client().get("/api/v1/domains/1").status, 200);
        most = most.max(status(&server, "Threads"));
    }
    assert!(most <= 32, "{most} threads");
}

/// Takes the database's write lock, as another process can, until this is dropped.
fn write_lock(site: &Site) -> rusqlite::Connection {
    let other = rusqlite::Connection::open(site.db()).expect("a database");
    other.busy_timeout(Duration::from_secs(10)).expect("a timeout");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    other
}

/// Requests of this account that have to wait for the lock; each ends with its answer, in lower case.
fn writers(server: &Server, count: usize) -> Vec<thread::JoinHandle<String>> {
    let (address, key) = (server.address().to_owned(), server.key.clone().expect("a key"));
    let begun = (0..count).map(|number| {
        let (address, key) = (address.clone(), key.clone());
        thread::spawn(move || {
            let body = json!({ "domain": { "url": format!("d{number}.example.com") } }).to_string();
            let request = head("POST /api/v1/domains", Some(&key), body.len())
                .replace("Host: x", "Host: x\r\nConnection: close");
            exchange(&address, (request + &body).as_bytes()).to_lowercase()
        })
    });
    begun.collect()
}

/// Waits until so many requests, or more, wait to write.
fn until_waiting(server: &Server, number: u32) {
    let address = metrics_of(server);
    until("the requests wait to write", || {
        let waiting = value(&get(&address, "/metrics").1, "postroom_requests_waiting{lane=\"writes\"}");
        (waiting >= f64::from(number)).then_some(())
    });
}

fn count(answers: &[String], status: u16) -> usize {
    answers.iter().filter(|answer| answer.starts_with(&format!("http/1.1 {status} "))).count()
}

#[test]
fn while_another_process_holds_the_write_lock_health_and_reads_are_answered() {
    let site = site();
    let server = site.serve();
    let client = server.client();
    client.create_domain("example.com");
    let lock = write_lock(&site);
    let waiting = writers(&server, crowd(20));
    let slowest = (0..20)
        .map(|_| {
            let begun = Instant::now();
            assert_eq!(client.get("/healthz").status, 200);
            assert_eq!(client.get("/api/v1/domains/1").status, 200);
            begun.elapsed()
        })
        .max();
    assert!(slowest < Some(Duration::from_secs(1)), "{slowest:?}");
    drop(lock);
    let answers: Vec<String> = waiting.into_iter().map(|writer| writer.join().expect("no panic")).collect();
    assert_eq!(count(&answers, 201), crowd(20), "{answers:?}");
}

#[test]
fn a_stop_ends_in_time_though_bodies_drip_and_another_process_holds_the_write_lock() {
    let site = site().with("POSTROOM_METRICS_LISTEN", "127.0.0.1:0");
    let mut server = server_with_a_read_key(&site);
    let _lock = write_lock(&site);
    let waiting = writers(&server, crowd(20));
    let mut dripping = Vec::new();
    for key in [None, server.key.as_deref()] {
        let mut stream = connect(server.address());
        stream.write_all(head("POST /api/v1/domains", key, 1000).as_bytes()).expect("to send");
        stream.write_all(b"{").expect("to send");
        dripping.push(stream);
    }
    until_waiting(&server, 19);
    let begun = Instant::now();
    server.process.signal("TERM");
    let status = server.process.wait();
    assert_eq!(status.code(), Some(0), "{}", server.process.stderr.whole());
    // Some writes are being done, and what waits in memory is written: each waits for the lock for five seconds, and all for no longer than
    // the grace of a stop.
    assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
    let answers: Vec<String> = waiting.into_iter().map(|writer| writer.join().expect("no panic")).collect();
    assert_eq!(count(&answers, 503), crowd(20), "{answers:?}");
}

#[test]
fn a_stop_takes_no_longer_than_its_grace() {
    let site = site().with("POSTROOM_METRICS_LISTEN", "127.0.0.1:0").with("POSTROOM_STOP_GRACE_S", &4);
    let mut server = server_with_a_read_key(&site);
    let _lock = write_lock(&site);
    let waiting = writers(&server, 4);
    until_waiting(&server, 3);
    let begun = Instant::now();
    server.process.signal("TERM");
    assert_eq!(server.process.wait().code(), Some(0), "{}", server.process.stderr.whole());
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    drop(waiting);
}

/// A server whose key was used, so that there is something to write down at the end.
fn server_with_a_read_key(site: &Site) -> Server {
    let server = site.serve();
    assert_eq!(server.client().get("/api/v1/domains").status, 200);
    server
}

#[test]
fn past_its_queue_an_account_is_refused_at_once_with_retry_after() {
    let site = site().with("POSTROOM_WRITE_QUEUE", &3);
    let server = site.serve();
    let lock = write_lock(&site);
    let writers = writers(&server, 8);
    // One is being done and three wait, or the first was not begun when the others came.
    until("those past the queue are answered", || {
        let answered = writers.iter().filter(|writer| writer.is_finished()).count();
        (answered >= 4).then_some(())
    });
    drop(lock);
    let answers: Vec<String> = writers.into_iter().map(|writer| writer.join().expect("no panic")).collect();
    let refused = count(&answers, 503);
    assert!((4..=5).contains(&refused) && refused + count(&answers, 201) == 8, "{answers:?}");
    let told = |answer: &&String| {
        answer.contains("\r\nretry-after: 1\r\n") && answer.contains("the server is full; try again in 1 s")
    };
    assert_eq!(answers.iter().filter(told).count(), refused, "{answers:?}");
}
