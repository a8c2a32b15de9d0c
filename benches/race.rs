//! Postroom beside `PocketBase`, each as a server of its own on this machine, asked by the same clients in turn.
//!
//! `benches/race.sh` installs `PocketBase` and runs this. `PocketBase` is a well-made server over SQLite in one binary, so it says how
//! fast such a thing is on a machine: the ratios mean something, the numbers beside them change with the machine. It does
//! not sync each change to disk (`synchronous=NORMAL`); Postroom does. A record there has the five fields that a domain has
//! here at first sight, and a unique index over its name.

#[path = "figures/client.rs"]
mod client;
#[path = "figures/seed.rs"]
mod seed;
#[path = "figures/server.rs"]
#[expect(dead_code, reason = "shared with the bench `figures`, which reads more of a server")]
mod server;

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use client::{Connection, Question};
use server::Server;

/// How many domains there are at first.
const DOMAINS: u32 = 10_000;
/// How many rounds, in each of which both have their turn.
const ROUNDS: u32 = 3;
/// How many are created in one turn.
const CREATED: u32 = 4_000;
/// How long one turn of reading is.
const TURN: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let Some(pocketbase) = std::env::var_os("POCKETBASE").map(PathBuf::from) else {
        println!("nothing is measured without POCKETBASE, the path of its binary: run `benches/race.sh`");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let seeded = seed::seed(&folder.path().join("postroom.db"), DOMAINS, CREATED * (ROUNDS + 1) * 2)?;
    let ours = Server::start(&seeded.file, 0)?;
    let theirs = Pocketbase::start(&pocketbase, folder.path())?;
    theirs.fill(DOMAINS)?;

    let key = seeded.key.as_str();
    println!("| what | Postroom | PocketBase | ratio |\n|---|---|---|---|");
    for clients in [1, 32] {
        let number = AtomicU32::new(0);
        let mine = |_: u32| {
            let name = format!("c{clients}-{}.example.net", number.fetch_add(1, Ordering::Relaxed));
            Question::post("/api/v1/domains", key, &format!(r#"{{"domain":{{"url":"{name}"}}}}"#))
        };
        let other = AtomicU32::new(0);
        let other = |_: u32| {
            let name = format!("c{clients}-{}.example.net", other.fetch_add(1, Ordering::Relaxed));
            Question::post_many("/api/collections/domains/records", "", &record(&name))
        };
        let mut spent = [Duration::ZERO; 2];
        for _ in 0..ROUNDS {
            let created = if clients == 1 { CREATED / 8 } else { CREATED };
            spent[0] += create(ours.address, clients, created, mine)?;
            spent[1] += create(theirs.address, clients, created, other)?;
        }
        let created = f64::from(ROUNDS * if clients == 1 { CREATED / 8 } else { CREATED });
        row(&format!("creations, {clients} clients"), spent.map(|spent| created / spent.as_secs_f64()));
    }
    for (what, our_target, their_target) in [
        ("GET of one", "/api/v1/domains/5000", theirs.target_of_one()?),
        ("page of 50", "/api/v1/domains?per_page=50", Pocketbase::list(true)),
        ("page of 50 with its total", "/v4/domains?limit=50", Pocketbase::list(false)),
    ] {
        let questions = [Question::get(our_target, key), Question::get(&their_target, "")];
        let mut answered = [0; 2];
        for _ in 0..ROUNDS {
            answered[0] += read(ours.address, 32, &questions[0])?;
            answered[1] += read(theirs.address, 32, &questions[1])?;
        }
        row(
            &format!("{what}, 32 clients"),
            answered.map(|count| f64::from(count) / (TURN * ROUNDS).as_secs_f64()),
        );
    }
    Ok(())
}

fn row(what: &str, [ours, theirs]: [f64; 2]) {
    println!("| {what} | {ours:.0}/s | {theirs:.0}/s | {:.2} |", ours / theirs);
}

fn record(name: &str) -> String {
    format!(r#"{{"name":"{name}","label":"","status":"pending","selector":"pr1","host":"mx.example.net"}}"#)
}

/// How long so many creations take.
fn create(
    address: SocketAddr,
    clients: u32,
    count: u32,
    question: impl Fn(u32) -> Question + Sync,
) -> io::Result<Duration> {
    let started = Instant::now();
    on_each(address, clients, |connection, client| {
        (0..count / clients).try_for_each(|_| connection.time(&question(client)).map(drop)).map(|()| 0)
    })?;
    Ok(started.elapsed())
}

/// How many answers come in one turn.
fn read(address: SocketAddr, clients: u32, question: &Question) -> io::Result<u32> {
    on_each(address, clients, |connection, _| {
        let end = Instant::now() + TURN;
        let mut answered = 0;
        while Instant::now() < end {
            connection.time(question)?;
            answered += 1;
        }
        Ok(answered)
    })
}

/// Does `work` on so many connections, all at the same time.
fn on_each(
    address: SocketAddr,
    clients: u32,
    work: impl Fn(&mut Connection, u32) -> io::Result<u32> + Sync,
) -> io::Result<u32> {
    let opened = (0..clients).map(|_| Connection::open(address)).collect::<io::Result<Vec<_>>>()?;
    let start = Barrier::new(opened.len());
    thread::scope(|scope| {
        let begun = opened.into_iter().zip(0..).map(|(mut connection, client)| {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(&mut connection, client)
            })
        });
        let threads: Vec<_> = begun.collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined.map(|done| done.unwrap_or_else(|_| Err(io::Error::other("a client panicked")))).sum()
    })
}

/// `PocketBase` with a collection that anybody may read and write.
struct Pocketbase {
    process: Child,
    address: SocketAddr,
}

impl Pocketbase {
    fn start(binary: &Path, folder: &Path) -> Result<Pocketbase, Box<dyn Error>> {
        let migrations = folder.join("pb_migrations");
        std::fs::create_dir(&migrations)?;
        std::fs::write(migrations.join("1_domains.js"), COLLECTION)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = Command::new(binary)
            .arg("serve")
            .arg(format!("--http={address}"))
            .arg(format!("--dir={}", folder.join("pb_data").display()))
            .arg(format!("--migrationsDir={}", migrations.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pocketbase = Pocketbase { process, address };
        let health = Question::get("/api/health", "");
        for _ in 0..200 {
            if Connection::open(address).and_then(|mut connection| connection.time(&health)).is_ok() {
                return Ok(pocketbase);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("PocketBase does not answer".into())
    }

    fn fill(&self, count: u32) -> io::Result<Duration> {
        let number = AtomicU32::new(0);
        create(self.address, 32, count, |_| {
            let name = format!("d{}.example.com", number.fetch_add(1, Ordering::Relaxed));
            Question::post_many("/api/collections/domains/records", "", &record(&name))
        })
    }

    fn list(without_total: bool) -> String {
        format!("/api/collections/domains/records?perPage=50&sort=name&skipTotal={without_total}")
    }

    /// The path of one record, whose id only its server knows.
    fn target_of_one(&self) -> io::Result<String> {
        let id = "pocketbaserace1";
        let body = record("one.example.org").replacen('{', &format!(r#"{{"id":"{id}","#), 1);
        let question = Question::post_many("/api/collections/domains/records", "", &body);
        Connection::open(self.address)?.time(&question)?;
        Ok(format!("/api/collections/domains/records/{id}"))
    }
}

impl Drop for Pocketbase {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const COLLECTION: &str = r#"migrate((app) => {
  const fields = ["name", "label", "status", "selector", "host"].map((name) => ({ name, type: "text" }));
  app.save(new Collection({
    type: "base", name: "domains", fields,
    listRule: "", viewRule: "", createRule: "",
    indexes: ["CREATE UNIQUE INDEX domain_name ON domains (name)"],
  }));
  const settings = app.settings();
  settings.rateLimits.enabled = false;
  app.save(settings);
});
"#;
