//! What one account at its limits costs another one: the fairness table of `docs/figures.md`, measured on the real binary over
//! real sockets.
//!
//! `cargo bench -p postroom-server --bench fairness`, with `-- --quick` for fewer samples.
//!
//! Nothing passes or fails here. Each time under load stands beside that of the same server in the same run when nobody else
//! asks: the ratio is what the load costs.

#[path = "figures/client.rs"]
mod client;
#[path = "figures/sample.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod sample;
#[path = "figures/seed.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod seed;
#[path = "figures/server.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod server;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use client::{Connection, Question};
use postroom::account::{self, Caller};
use postroom::db::{Options, Postroom};
use postroom::domain::NewDomain;
use postroom::settings::Settings;
use postroom::{key, provision};
use sample::median;
use server::Server;

/// How long a load runs before anything is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// What one account does, on so many connections.
struct Load {
    what: &'static str,
    connections: usize,
    next: fn(&str, u32) -> Question,
}

const LOADS: &[Load] = &[
    Load { what: "writes on 100 connections", connections: 100, next: write_something },
    Load { what: "creates domains on 4 connections, with no spare keys", connections: 4, next: create },
    Load { what: "batches of 1,000 on 40 connections", connections: 40, next: batch },
    Load { what: "reads a list of 10,000 on 16 connections", connections: 16, next: read_list },
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs this too, and without the argument.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured without --bench, which `cargo bench` gives");
        return Ok(());
    }
    let rounds = if arguments.iter().any(|argument| argument == "--quick") { 30 } else { 200 };
    println!("| while another account … | request | quiet | under load | × |\n|---|---|---|---|---|");
    for load in LOADS {
        let directory = tempfile::tempdir()?;
        let (greedy, other) = seeded(&directory.path().join("fair.db"))?;
        let server = Server::start(&directory.path().join("fair.db"), 0)?;
        let quiet = times(server.address, &other, rounds)?;
        let loaded = under(load, server.address, &greedy, || times(server.address, &other, rounds))?;
        row(load.what, &quiet, &loaded);
    }
    locked(rounds)
}

/// While another process holds the database's write lock nothing can be written, and the rest goes on.
fn locked(rounds: usize) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("fair.db");
    let (greedy, other) = seeded(&file)?;
    let server = Server::start(&file, 0)?;
    let quiet = times(server.address, &other, rounds)?;
    let lock = rusqlite::Connection::open(&file)?;
    lock.execute_batch("BEGIN IMMEDIATE")?;
    let waiting = Load { what: "", connections: 20, next: write_something };
    let [_, health, read] = quiet;
    let measured = under(&waiting, server.address, &greedy, || {
        let (mut connection, get) = (Connection::open(server.address)?, get(&other));
        let mut health = Vec::new();
        let mut reads = Vec::new();
        for _ in 0..rounds {
            health.push(connection.time(&Question::health())?);
            reads.push(connection.time(&get)?);
        }
        Ok([median(&mut health), median(&mut reads)])
    })?;
    drop(lock);
    let what = "waits on 20 connections for a write lock that another process holds";
    for (request, quiet, loaded) in [("GET /healthz", health, measured[0]), ("GET by id", read, measured[1])]
    {
        line(what, request, quiet, loaded);
    }
    Ok(())
}

/// A database with a greedy account, which has a list of 10,000, and another one, which has a domain; the keys of both.
fn seeded(file: &Path) -> Result<(String, String), Box<dyn Error>> {
    let greedy = seed::seed(file, 1, 0)?.key;
    let settings = Settings::for_server(&"mail.example.net".parse()?);
    let postroom = Postroom::open(file, Options::new(settings))?;
    let other = postroom.write(|tx| {
        let account = account::create(tx, "other")?;
        let (_, secret) = key::create(tx, account.id, None)?;
        let name = "other.example".parse().map_err(|e: postroom::name::InvalidName| e.of("name"))?;
        provision::create(
            tx,
            &Caller::operator(account.id),
            &NewDomain { key_later: true, ..NewDomain::named(&name) },
        )?;
        Ok::<_, postroom::Error>(secret.reveal().to_owned())
    })?;
    drop(postroom);
    let sql = rusqlite::Connection::open(file)?;
    sql.execute_batch(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO list_entry (account_id, action, type, item, shown, created_at)
         SELECT 1, 'blocklist', 'domain', 'd' || i || '.example', 'd' || i || '.example', 0 FROM n",
    )?;
    Ok((greedy, other))
}

/// The medians of a write, of `/healthz` and of a read of this account's, asked in turn.
fn times(address: SocketAddr, key: &str, rounds: usize) -> io::Result<[Duration; 3]> {
    let (mut connection, mut times) = (Connection::open(address)?, [const { Vec::new() }; 3]);
    for _ in 0..rounds {
        for (times, question) in times.iter_mut().zip([write_something(key, 2), Question::health(), get(key)])
        {
            times.push(connection.time(&question)?);
        }
    }
    Ok(times.map(|mut times| median(&mut times)))
}

/// Measures while the load runs.
fn under<T>(
    load: &Load,
    address: SocketAddr,
    key: &str,
    measure: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let (is_over, number) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..load.connections {
            scope.spawn(|| {
                let mut connection = None;
                while !is_over.load(Ordering::Relaxed) {
                    let question = (load.next)(key, number.fetch_add(1, Ordering::Relaxed));
                    let asked = match &mut connection {
                        Some(connection) => Connection::time(connection, &question).is_ok(),
                        None => Connection::open(address).map(|opened| connection = Some(opened)).is_ok(),
                    };
                    // One that is refused, for its queue is full, comes again as a polite client would.
                    if !asked {
                        connection = None;
                        thread::sleep(Duration::from_millis(20));
                    }
                }
            });
        }
        thread::sleep(WARM_UP);
        let measured = measure();
        is_over.store(true, Ordering::Relaxed);
        measured
    })
}

/// A write of about a millisecond. The greedy account's domain has the number 1, the other one's 2.
fn write_something(key: &str, number: u32) -> Question {
    let domain = if number == 2 { 2 } else { 1 };
    Question::post(&format!("/api/v1/domains/{domain}/api_tokens"), key, "{}")
}

fn get(key: &str) -> Question {
    Question::get("/api/v1/domains/2", key)
}

fn create(key: &str, number: u32) -> Question {
    Question::post("/api/v1/domains", key, &format!(r#"{{"domain":{{"url":"new{number}.example.org"}}}}"#))
}

fn batch(key: &str, number: u32) -> Question {
    let names = (0..1000).map(|n| serde_json::json!({ "domain": format!("d{n}.b{number}.example.net") }));
    let body = serde_json::json!({ "domains": names.collect::<Vec<_>>() }).to_string();
    Question::post_many("/inbound/v1/domains/batch?subscriptionHandle=default", key, &body)
}

fn read_list(key: &str, _: u32) -> Question {
    Question::get("/inbound/v1/lists/blocklist", key)
}

fn row(what: &str, quiet: &[Duration; 3], loaded: &[Duration; 3]) {
    let requests = ["POST, a token", "GET /healthz", "GET by id"];
    for ((request, quiet), loaded) in requests.iter().zip(quiet).zip(loaded) {
        line(what, request, *quiet, *loaded);
    }
}

fn line(what: &str, request: &str, quiet: Duration, loaded: Duration) {
    let milliseconds = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1000.0);
    let ratio = loaded.as_secs_f64() / quiet.as_secs_f64();
    println!("| {what} | {request} | {} | {} | {ratio:.1} |", milliseconds(quiet), milliseconds(loaded));
}
