//! The figures of `docs/figures.md`, measured on the real binary over real sockets, as a Markdown table.
//!
//! `cargo bench -p postroom-server --bench figures`, with `-- --quick` for fewer samples.
//!
//! Nothing passes or fails here: times differ from machine to machine, and on a busy one from minute to minute.
//! So every time stands beside that of `/healthz`, asked in turn with it on the same server: the ratio says what
//! a request costs above a bare one.

#[path = "figures/client.rs"]
mod client;
#[path = "figures/load.rs"]
mod load;
#[path = "figures/page.rs"]
mod page;
#[path = "figures/sample.rs"]
mod sample;
#[path = "figures/seed.rs"]
mod seed;
#[path = "figures/server.rs"]
mod server;
#[path = "figures/table.rs"]
mod table;

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::time::Instant;

use client::{Connection, Question};
use sample::{interleaved, median};
use seed::Seeded;
use server::Server;
use table::{Table, mebibytes, milliseconds, ratio};

/// How many domains the small and the large database have.
const FEW: u32 = 1_000;
const MANY: u32 = 100_000;

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    starts: usize,
    rounds: usize,
    /// Rounds of what writes, each of which waits for the disk.
    creations: usize,
    /// Slices of load, half a second each.
    slices: usize,
}

const FULL: Extent = Extent { starts: 10, rounds: 300, creations: 60, slices: 6 };
const QUICK: Extent = Extent { starts: 3, rounds: 40, creations: 15, slices: 1 };

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs this too, and without the argument.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured without --bench, which `cargo bench` gives");
        return Ok(());
    }
    let extent = if arguments.iter().any(|argument| argument == "--quick") { QUICK } else { FULL };

    let directory = tempfile::tempdir()?;
    let path = |name: &str| directory.path().join(name);
    let seeding = Instant::now();
    let few = seed::seed(&path("few.db"), FEW, 0)?;
    let many = seed::seed(&path("many.db"), MANY, 0)?;
    // More spare keys than the rows of creation take.
    let spares = 4 * u32::try_from(extent.creations)?;
    let spare = seed::seed(&path("spare.db"), 0, spares)?;
    eprintln!("seeded {} domains in {:.1} s", FEW + MANY, seeding.elapsed().as_secs_f64());

    let mut table = Table::default();
    starts(&mut table, extent, directory.path(), &many)?;
    memory(&mut table, &many, &path("fresh.db"))?;
    creation(&mut table, extent, &spare)?;
    keys(&mut table, extent, &spare)?;
    let (few, many) = (Running::start(few)?, Running::start(many)?);
    inbound(&mut table, extent, &spare, &many)?;
    one_domain(&mut table, extent, &few, &many)?;
    page::measure(&mut table, extent, &few, &many)?;
    for connections in [4, 32] {
        load::measure(&mut table, extent, &many, connections)?;
    }
    print!("{table}");
    Ok(())
}

/// A server on a seeded database, with the key that opens it.
struct Running {
    server: Server,
    seeded: Seeded,
}

impl Running {
    /// No spare keys are made meanwhile: that takes a core.
    fn start(seeded: Seeded) -> Result<Running, Box<dyn Error>> {
        Ok(Running { server: Server::start(&seeded.file, 0)?, seeded })
    }

    fn connect(&self) -> std::io::Result<Connection> {
        Connection::open(self.server.address)
    }

    fn get(&self, target: &str) -> Question {
        Question::get(target, &self.seeded.key)
    }
}

/// From the start of the process to the last octet of its first answer.
fn starts(table: &mut Table, extent: Extent, directory: &Path, many: &Seeded) -> Result<(), Box<dyn Error>> {
    let (mut fresh, mut existing, mut health) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..extent.starts {
        // 16 spare keys are the default: a new database's are made while the first request is answered.
        let server = Server::start(&directory.join(format!("start-{round}.db")), 16)?;
        fresh.push(server.started_in);
        drop(server);
        let server = Server::start(&many.file, 0)?;
        existing.push(server.started_in);
        let mut connection = Connection::open(server.address)?;
        health.push(connection.time(&Question::health())?);
    }
    let health = median(&mut health);
    for (what, samples) in [("new database", &mut fresh), ("database of 100,000 domains", &mut existing)] {
        let time = median(samples);
        let what = format!("start to the first answered request, {what}");
        table.row(&what, "< 100 ms", &milliseconds(time), &ratio(time, health));
    }
    Ok(())
}

/// What of the process is in memory: after the start, and after it has had to do.
fn memory(table: &mut Table, many: &Seeded, fresh: &Path) -> Result<(), Box<dyn Error>> {
    let server = Server::start(fresh, 16)?;
    let after_start = server.resident()?;
    table.row("memory (VmRSS) after the start, new database", "< 40 MiB", &mebibytes(after_start), "");
    drop(server);
    let server = Server::start(&many.file, 0)?;
    table.row("memory after the start, 100,000 domains", "< 40 MiB", &mebibytes(server.resident()?), "");
    let mut connection = Connection::open(server.address)?;
    for id in 1..=1_000 {
        connection.time(&Question::get(&format!("/api/v1/domains/{id}"), &many.key))?;
    }
    let used = server.resident()?;
    table.row("memory after 1,000 × GET by id, one connection", "", &mebibytes(used), "");
    for (offset, place) in [(0, "the first"), (90_000, "offset 90,000")] {
        let page = Question::get(&format!("/api/v1/domains?offset={offset}"), &many.key);
        load::all_at_once(server.address, &page, 32, 1_000)?;
        let used = server.resident()?;
        let what = format!("memory after 1,000 × GET of 50, {place}, 32 connections");
        table.row(&what, "", &mebibytes(used), "");
    }
    Ok(())
}

/// Creating a domain, in peace and while the pool is being refilled.
fn creation(table: &mut Table, extent: Extent, seeded: &Seeded) -> Result<(), Box<dyn Error>> {
    let mut made = 0;
    // Beside the database, so on the same disk.
    let mut file = File::create(seeded.file.with_extension("sync"))?;
    for (what, spare_keys) in [("warm key pool", 0), ("warm key pool that is being refilled", u32::MAX)] {
        let server = Server::start(&seeded.file, spare_keys)?;
        let mut connection = Connection::open(server.address)?;
        let mut other = Connection::open(server.address)?;
        let [health, sync, create] = interleaved(
            extent.creations,
            [&mut || other.time(&Question::health()), &mut || sample::sync(&mut file), &mut || {
                made += 1;
                let body = format!(r#"{{"domain":{{"url":"new{made}.example.org"}}}}"#);
                connection.time(&Question::post("/api/v1/domains", &seeded.key, &body))
            }],
        )?;
        if spare_keys == 0 {
            let what = "4 KiB written to a file and synced to disk, to compare with";
            table.row(what, "", &milliseconds(sync), &ratio(sync, health));
        }
        let what = format!("POST /api/v1/domains, {what}");
        table.row(&what, "< 10 ms", &milliseconds(create), &ratio(create, health));
    }
    Ok(())
}

/// A DKIM key of a domain, out of the pool and out of a file.
fn keys(table: &mut Table, extent: Extent, seeded: &Seeded) -> Result<(), Box<dyn Error>> {
    const PEM: &str = include_str!("../tests/fixtures/pem/002-2048.pem");
    let server = Server::start(&seeded.file, 0)?;
    let mut connection = Connection::open(server.address)?;
    let mut other = Connection::open(server.address)?;
    let mut made = 0;
    for (what, wanted, pem, rounds) in [
        ("warm key pool", "< 10 ms", None, extent.creations),
        ("a key of 2048 bits imported", "< 250 ms", Some(PEM), extent.starts),
    ] {
        let [health, create] = interleaved(
            rounds,
            [&mut || other.time(&Question::health()), &mut || {
                made += 1;
                let body = serde_json::json!({ "selector": format!("s{made}"), "pem": pem }).to_string();
                let target = "/postroom/v1/domains/new1.example.org/keys";
                connection.time(&Question::post(target, &seeded.key, &body))
            }],
        )?;
        let what = format!("POST /postroom/v1/domains/{{name}}/keys, {what}");
        table.row(&what, wanted, &milliseconds(create), &ratio(create, health));
    }
    Ok(())
}

/// A thousand domains in one request, and five thousand in one answer.
fn inbound(table: &mut Table, extent: Extent, seeded: &Seeded, many: &Running) -> Result<(), Box<dyn Error>> {
    let server = Server::start(&seeded.file, 0)?;
    let mut connection = Connection::open(server.address)?;
    let mut other = Connection::open(server.address)?;
    let mut made = 0;
    let [health, create] = interleaved(
        extent.starts,
        [&mut || other.time(&Question::health()), &mut || {
            let names =
                (0..1000).map(|n| serde_json::json!({ "domain": format!("d{n}.b{made}.example.net") }));
            let body = serde_json::json!({ "domains": names.collect::<Vec<_>>() }).to_string();
            made += 1;
            let target = "/inbound/v1/domains/batch?subscriptionHandle=default";
            connection.time(&Question::post_many(target, &seeded.key, &body))
        }],
    )?;
    let what = "POST /inbound/v1/domains/batch, 1,000 domains";
    table.row(what, "< 300 ms", &milliseconds(create), &ratio(create, health));
    let (mut connection, mut other) = (many.connect()?, many.connect()?);
    let question = many.get("/inbound/v1/domains?limit=5000&offset=50000");
    let [health, found] = interleaved(
        extent.starts,
        [&mut || other.time(&Question::health()), &mut || connection.time(&question)],
    )?;
    let what = "GET /inbound/v1/domains, 5,000 of 100,000";
    table.row(what, "< 150 ms", &milliseconds(found), &ratio(found, health));
    Ok(())
}

fn one_domain(
    table: &mut Table,
    extent: Extent,
    few: &Running,
    many: &Running,
) -> Result<(), Box<dyn Error>> {
    for (running, count, id) in [(few, "1,000", 500), (many, "100,000", 90_000)] {
        let (mut connection, mut other) = (running.connect()?, running.connect()?);
        let question = running.get(&format!("/api/v1/domains/{id}"));
        let [health, found] = interleaved(
            extent.rounds,
            [&mut || other.time(&Question::health()), &mut || connection.time(&question)],
        )?;
        if running.server.address == few.server.address {
            table.row("GET /healthz, to compare with", "", &milliseconds(health), "1.0");
        }
        let what = format!("GET /api/v1/domains/{{id}}, one of {count}");
        table.row(&what, "", &milliseconds(found), &ratio(found, health));
    }
    Ok(())
}
