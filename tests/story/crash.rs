//! kill -9 in the middle of writes: whatever was acknowledged is there afterwards, and the file is sound.
//!
//! `POSTROOM_CRASH_ROUNDS` says how often; 15 times by default.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::process::{Running, Site};

/// How many clients write at once: enough that they share commits.
const WRITERS: usize = 16;
/// Each creates a domain after so many other writes: that takes a DKIM key, which takes a while to make.
const WRITES_A_DOMAIN: usize = 40;

/// What the server has acknowledged.
#[derive(Default)]
struct Acknowledged {
    /// Domains by id, with their names.
    domains: BTreeMap<i64, String>,
    /// Tokens that are there, by id, with their domains.
    tokens: BTreeMap<i64, i64>,
    /// Tokens whose revocation was asked for; it may have happened without being acknowledged.
    leaving: BTreeMap<i64, bool>,
    /// The labels of the writers' domains: what was asked last, and whether that was acknowledged.
    labels: BTreeMap<i64, (String, Option<String>)>,
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_9() {
    let rounds = std::env::var("POSTROOM_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(15);
    let site = Site::new();
    let mut server = site.serve();
    let key = server.key.clone().expect("a key");
    let acknowledged = Mutex::new(Acknowledged::default());
    let own: Vec<i64> = (0..WRITERS)
        .map(|writer| {
            create_domain(&server.client(), &acknowledged, &format!("own{writer}.example.com"))
                .expect("a domain")
        })
        .collect();

    for round in 0..rounds {
        let client = Client::new(&server.url, &key);
        thread::scope(|scope| {
            for (writer, domain) in own.iter().enumerate() {
                let (client, acknowledged) = (client.clone(), &acknowledged);
                scope.spawn(move || {
                    write_until_it_breaks(&client, acknowledged, *domain, &format!("{round}-{writer}"));
                });
            }
            thread::sleep(Duration::from_millis(40 + some_number() % 200));
            server.process.kill();
        });
        server = site.serve();
        let mut acknowledged = acknowledged.lock().expect("no panic");
        all_is_there(&Client::new(&server.url, &key), &mut acknowledged, round);
    }

    let acknowledged = acknowledged.into_inner().expect("no panic");
    assert!(acknowledged.tokens.len() > rounds, "too little was written to tell anything");
    assert!(server.stop().success());
    let conn = Connection::open(site.db()).expect("a database");
    let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(sound, "ok");
    let halves = "SELECT (SELECT count(*) FROM domain d WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.domain_id = d.id)
                       OR NOT EXISTS (SELECT 1 FROM dkim_key k WHERE k.domain_id = d.id)
                       OR NOT EXISTS (SELECT 1 FROM webhook_key w WHERE w.domain_id = d.id)
                       OR NOT EXISTS (SELECT 1 FROM event e WHERE e.subject = d.name AND e.action = 'domain.created'))
                  + (SELECT count(*) FROM pragma_foreign_key_check)
                  + abs((SELECT count(*) FROM domain) - (SELECT sum(domains) FROM domain_total))";
    let halves: i64 = conn.query_row(halves, [], |row| row.get(0)).expect("a count");
    assert_eq!(halves, 0, "domains that are there by halves");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs strace: tests/run installs it")]
fn when_a_sync_fails_no_writer_who_shared_it_is_told_that_all_is_well_and_the_server_ends() {
    let site = Site::new();
    let mut server = site.serve();
    let client = Client::new(&server.url, server.key.as_deref().expect("a key"));
    let domain = create_domain(&client, &Mutex::default(), "example.com").expect("a domain");
    let mut disk = Command::new("strace");
    disk.args(["-f", "-o", "/dev/null", "-e", "inject=fsync,fdatasync:error=EIO", "-p"]);
    let disk = Running::start(disk.arg(server.process.id().to_string()));
    disk.stderr.wait_for("attached");
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                let path = format!("/api/v1/domains/{domain}/api_tokens");
                // One that comes when the server has ended gets no answer.
                if let Ok(reply) = client.send("POST", &path, Some("{}")) {
                    assert!(reply.status >= 500, "{reply:?}");
                }
            });
        }
    });
    assert_eq!(server.process.wait().code(), Some(74));
    drop(disk);
    let conn = Connection::open(site.db()).expect("a database");
    let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(sound, "ok");
}

fn write_until_it_breaks(client: &Client, acknowledged: &Mutex<Acknowledged>, domain: i64, name: &str) {
    for turn in 0.. {
        let went_well = match turn % 4 {
            _ if turn % WRITES_A_DOMAIN == WRITES_A_DOMAIN - 1 => {
                create_domain(client, acknowledged, &format!("d{name}-{turn}.example.org")).map(|_| ())
            }
            0 | 1 => create_token(client, acknowledged, domain),
            2 => set_label(client, acknowledged, domain, &format!("{name}-{turn}")),
            _ => revoke_token(client, acknowledged, domain),
        };
        if went_well.is_none() {
            return;
        }
    }
}

/// The answer, if there is one; a server that was killed gives none, and a status of its own would be an error.
fn ask(client: &Client, method: &str, path: &str, body: &Value) -> Option<Value> {
    let reply = client.send(method, path, (method != "DELETE").then(|| body.to_string()).as_deref()).ok()?;
    assert!(reply.status < 300, "{method} {path}: {reply:?}");
    Some(reply.json)
}

fn create_domain(client: &Client, acknowledged: &Mutex<Acknowledged>, name: &str) -> Option<i64> {
    let made = ask(client, "POST", "/api/v1/domains", &json!({ "url": name }))?;
    let id = made["id"].as_i64()?;
    acknowledged.lock().expect("no panic").domains.insert(id, name.to_owned());
    Some(id)
}

fn create_token(client: &Client, acknowledged: &Mutex<Acknowledged>, domain: i64) -> Option<()> {
    let made = ask(client, "POST", &format!("/api/v1/domains/{domain}/api_tokens"), &json!({}))?;
    acknowledged.lock().expect("no panic").tokens.insert(made["id"].as_i64()?, domain);
    Some(())
}

fn set_label(client: &Client, acknowledged: &Mutex<Acknowledged>, domain: i64, label: &str) -> Option<()> {
    {
        let mut all = acknowledged.lock().expect("no panic");
        let before = all.labels.get(&domain).and_then(|(_, acknowledged)| acknowledged.clone());
        all.labels.insert(domain, (label.to_owned(), before));
    }
    ask(client, "PATCH", &format!("/api/v1/domains/{domain}"), &json!({ "domain": { "name": label } }))?;
    acknowledged.lock().expect("no panic").labels.insert(domain, (label.to_owned(), Some(label.to_owned())));
    Some(())
}

/// Revokes the newest token of the domain, which no other writer touches.
fn revoke_token(client: &Client, acknowledged: &Mutex<Acknowledged>, domain: i64) -> Option<()> {
    let token = {
        let mut all = acknowledged.lock().expect("no panic");
        let newest = all.tokens.iter().rev().find(|(_, of)| **of == domain).map(|(id, _)| *id);
        let Some(token) = newest else { return Some(()) };
        all.tokens.remove(&token);
        all.leaving.insert(token, false);
        token
    };
    ask(client, "DELETE", &format!("/api/v1/domains/{domain}/api_tokens/{token}"), &Value::Null)?;
    acknowledged.lock().expect("no panic").leaving.insert(token, true);
    Some(())
}

/// Compares what there is with what was acknowledged.
fn all_is_there(client: &Client, acknowledged: &mut Acknowledged, round: usize) {
    let mut names = BTreeMap::new();
    let mut labels = BTreeMap::new();
    for offset in (0..).step_by(200) {
        let page =
            client.get(&format!("/api/v1/domains?limit=200&sort=id&direction=asc&offset={offset}")).json;
        let page = page.as_array().expect("a page");
        for domain in page {
            let id = domain["id"].as_i64().expect("an id");
            names.insert(id, domain["url"].as_str().expect("a name").to_owned());
            labels.insert(id, domain["name"].as_str().map(str::to_owned));
        }
        if page.len() < 200 {
            break;
        }
    }
    for (id, name) in &acknowledged.domains {
        assert_eq!(names.get(id), Some(name), "round {round}: a domain is lost");
    }
    for (domain, (asked, last)) in &mut acknowledged.labels {
        let label = labels.get(domain).cloned().flatten();
        assert!(
            label == *last || label.as_ref() == Some(asked),
            "round {round}: {label:?} is not {last:?} or {asked}"
        );
        *last = label;
    }
    let mut tokens = BTreeMap::new();
    for domain in acknowledged.labels.keys().chain(acknowledged.tokens.values()) {
        if tokens.values().any(|of| of == domain) {
            continue;
        }
        let listed = client.get(&format!("/api/v1/domains/{domain}/api_tokens")).json;
        let ids = listed.as_array().expect("tokens").iter().filter_map(|token| token["id"].as_i64());
        tokens.extend(ids.map(|id| (id, *domain)));
    }
    for (id, domain) in &acknowledged.tokens {
        assert_eq!(tokens.get(id), Some(domain), "round {round}: a token is lost");
    }
    for (id, revoked) in &acknowledged.leaving {
        assert!(!(*revoked && tokens.contains_key(id)), "round {round}: token {id} was revoked and is back");
    }
}

/// A number that differs each time, for when the server is killed.
fn some_number() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| u64::from(passed.subsec_nanos()) / 1000)
}
