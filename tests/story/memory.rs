//! Memory: whatever a client sends or asks for, the process stays within its budget and 64 MiB beside it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::harness::client::{Client, connect};
use crate::harness::process::{PATIENCE, Server, Site};

/// What the process may have beside the budget.
const BESIDE_MIB: usize = 64;

fn site(memory_mib: usize) -> Site {
    Site::new().with("POSTROOM_CONNECTIONS_PER_ADDRESS", &1000).with("POSTROOM_MEMORY_MIB", &memory_mib)
}

/// The most memory that the process has had so far, in MiB.
fn most_mib(server: &Server) -> usize {
    let text = fs::read_to_string(format!("/proc/{}/status", server.process.id())).expect("a process");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a high-water mark");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") / 1024
}

fn stays_within(server: &Server, memory_mib: usize) {
    let most = most_mib(server);
    assert!(most <= memory_mib + BESIDE_MIB, "{most} MiB, with a budget of {memory_mib}");
}

fn request(line: &str, key: &str, body: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: {key}\r\nMailPace-Organization-Token: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
}

/// Sends the same request so many times at once, and returns the statuses of the answers.
fn at_once(server: &Server, count: usize, line: &str, body: &str) -> Vec<u16> {
    let head = request(line, server.key.as_deref().expect("a key"), body);
    let ask = || {
        let mut stream = connect(server.address());
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        // One that is refused by its head may find the connection closed.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).ok()?;
        String::from_utf8_lossy(&answer).rsplit(' ').next()?.parse().ok()
    };
    thread::scope(|scope| {
        let sent: Vec<_> = (0..count).map(|_| scope.spawn(ask)).collect();
        sent.into_iter().filter_map(|each| each.join().expect("no panic")).collect()
    })
}

#[test]
fn reports_of_nothing_but_brackets_stay_within_the_budget() {
    let site = site(256);
    let server = site.serve();
    let body = format!("{{\"x\":[{}[]]}}", "[],".repeat(20 * 1024 * 1024 / 3));
    let statuses = at_once(&server, 8, "POST /inbound/v1/report?report_type=false_positive", &body);
    assert!(statuses.iter().all(|status| [400, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&400), "one at least was read: {statuses:?}");
    stays_within(&server, 256);
}

#[test]
fn reports_of_the_largest_messages_stay_within_the_budget_and_are_kept_whole() {
    let site = site(256);
    let server = site.serve();
    let message = format!("From: jo@example.com\\r\\n\\r\\n{}", "\\u00e9\\\\\\r\\n".repeat(800_000));
    let body = format!("{{\"messageContent\":\"{message}\"}}");
    let statuses = at_once(&server, 8, "POST /inbound/v1/report?report_type=false_positive", &body);
    assert!(
        statuses.iter().all(|status| [204, 503].contains(status)) && statuses.contains(&204),
        "{statuses:?}"
    );
    stays_within(&server, 256);
    let kept = Connection::open(site.db()).expect("a database");
    let octets: i64 = kept
        .query_row("SELECT min(length(octets)) FROM report_message", [], |row| row.get(0))
        .expect("a message");
    assert_eq!(octets, 24 + 5 * 800_000);
}

#[test]
fn bodies_of_many_small_objects_stay_within_the_budget() {
    const MEMORY_MIB: usize = 64;
    let site = site(MEMORY_MIB);
    let server = site.serve();
    let objects = format!("[{}{{}}]", "{\"\":0},".repeat(1024 * 1024 / 7 - 10));
    let pairs = "a=&".repeat(1024 * 1024 / 3 - 10);
    let names = (0..120_000).map(|number| format!("{number:x}=&")).collect::<Vec<_>>().concat();
    for (line, body) in [
        ("POST /v2/domain", &objects),
        ("POST /api/v1/domains", &objects),
        ("POST /inbound/v1/domains", &objects),
        ("POST /inbound/v1/domains/batch?subscriptionHandle=default", &format!("{{\"domains\":{objects}}}")),
        ("PUT /inbound/v1/domains/example.com/settings", &format!("{{\"aliases\":{objects}}}")),
        ("POST /v2/domain", &pairs),
    ] {
        let statuses = at_once(&server, 20, line, body);
        assert!(statuses.iter().all(|status| [400, 422, 404, 503].contains(status)), "{line}: {statuses:?}");
        stays_within(&server, MEMORY_MIB);
    }
    let key = server.key.as_deref().expect("a key");
    let mailgun = Client::new(&server.url, key);
    assert_eq!(mailgun.get("/healthz").status, 200);
    for body in [pairs, names] {
        let head = request("POST /v1/dkim/keys", key, &body)
            .replace("application/json", "application/x-www-form-urlencoded")
            .replace(&format!("X-API-Key: {key}"), &format!("Authorization: Basic {}", basic(key)))
            .replace(&format!("MailPace-Organization-Token: {key}\r\n"), "");
        let mut stream = connect(server.address());
        stream.write_all((head + &body).as_bytes()).expect("to send");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        stays_within(&server, MEMORY_MIB);
    }
}

fn basic(key: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(format!("api:{key}"))
}

/// Clients that ask for the same, and then take nothing of the answer; and what one gets that takes all of it.
fn asked_and_left(server: &Server, count: usize, path: &str) -> (Vec<TcpStream>, serde_json::Value) {
    let key = server.key.as_deref().expect("a key");
    let left: Vec<TcpStream> = (0..count)
        .map(|_| {
            let mut stream = connect(server.address());
            stream.write_all(request(&format!("GET {path}"), key, "").as_bytes()).expect("to send");
            stream
        })
        .collect();
    let mut stream = connect(server.address());
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let plain = request(&format!("GET {path}"), key, "").replace("HTTP/1.1", "HTTP/1.0");
    stream.write_all(plain.as_bytes()).expect("to send");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("a whole answer");
    let text = String::from_utf8(answer).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains(" 200 "), "{head}");
    (left, serde_json::from_str(body).expect("JSON to its end"))
}

#[test]
fn long_lists_are_sent_piece_by_piece_and_whole() {
    const MEMORY_MIB: usize = 32;
    const ENTRIES: usize = 200_000;
    let site = site(MEMORY_MIB);
    let first = site.serve();
    let key = first.key.clone();
    assert!(first.stop().success());
    let filler = Connection::open(site.db()).expect("a database");
    filler
        .execute_batch(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ENTRIES})
             INSERT INTO list_entry (account_id, action, type, item, shown, created_at)
             SELECT 1, 'blocklist', 'domain', 'd:d' || i || '.example.com', 'd' || i || '.example.com', 0 FROM n"
        ))
        .expect("entries");
    drop(filler);
    let server = Server { key, ..site.serve() };
    let (left, list) = asked_and_left(&server, 16, "/inbound/v1/lists/blocklist");
    let items: Vec<&str> =
        list.as_array().expect("a list").iter().filter_map(|e| e["item"].as_str()).collect();
    assert_eq!(
        (items.len(), items[0], items[ENTRIES - 1]),
        (ENTRIES, "d1.example.com", "d200000.example.com")
    );
    stays_within(&server, MEMORY_MIB);
    drop(left);
}

#[test]
fn pages_of_large_domains_are_sent_piece_by_piece_and_whole() {
    const MEMORY_MIB: usize = 32;
    const DOMAINS: usize = 2000;
    let site = site(MEMORY_MIB);
    let first = site.serve();
    let key = first.key.clone();
    assert!(first.stop().success());
    let filler = Connection::open(site.db()).expect("a database");
    filler
        .execute_batch(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {DOMAINS})
             INSERT INTO domain (account_id, subscription_id, name, next_check_at, claimed_at, created_at, updated_at)
             SELECT 1, 1, 'd' || i || '.example.com', 9999999999999, 0, 0, 0 FROM n;
             INSERT INTO domain_total (account_id, subscription_id, api_key_id, domains) VALUES (1, 1, 0, {DOMAINS});
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
             INSERT INTO alias (domain_id, name, created_at)
             SELECT domain.id, 'a-name-of-another-kind-' || i || '.' || name, 0 FROM n, domain;
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
             INSERT INTO domain_admin (domain_id, address)
             SELECT domain.id, 'somebody-of-that-name-' || i || '@example.com' FROM n, domain;"
        ))
        .expect("domains");
    drop(filler);
    let server = Server { key, ..site.serve() };
    let (left, page) = asked_and_left(&server, 12, "/inbound/v1/domains?limit=5000");
    let domains = page["domains"].as_array().expect("domains");
    assert_eq!((page["total"].as_u64(), domains.len()), (Some(DOMAINS as u64), DOMAINS));
    for domain in [&domains[0], &domains[DOMAINS - 1]] {
        for field in ["admins", "aliases"] {
            assert_eq!(domain[field].as_array().map(Vec::len), Some(100), "{}", domain["domain"]);
        }
    }
    stays_within(&server, MEMORY_MIB);
    // Who takes nothing keeps nobody from being answered.
    let client = Client::new(&server.url, server.key.as_deref().expect("a key"));
    let begun = std::time::Instant::now();
    assert_eq!(client.get("/api/v1/domains/1").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(left);
}
