//! How quickly domains are looked at, against DNS servers in this process, as a Markdown table.
//!
//! `cargo bench -p postroom --bench lookups`, with `-- --quick` for less of it. The table stands in `docs/verification.md`.
//!
//! Nothing passes or fails here: times differ from machine to machine. The servers share the processors with what is
//! measured.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement says by a panic that something is not as it must be"
)]

#[path = "lookups/server.rs"]
mod server;

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use postroom::dkim::PublicKey;
use postroom::dns::{DnsSettings, NetworkResolver};
use postroom::egress::EgressPolicy;
use postroom::name::{DnsName, DomainName};
use postroom::settings::DmarcPolicy;
use postroom::verify::{
    self, CnameExpectation, DkimExpectation, DmarcExpectation, Expectation, MxExpectation, SpfExpectation,
};

use server::Server;

/// The key of RFC 8463 appendix A.2.
const KEY: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const DOMAINS: usize = 1_000;
/// How many records a domain has.
const RECORDS: usize = 5;
/// How many domains are looked at side by side.
const SIDE_BY_SIDE: [usize; 3] = [8, 32, 64];
const DELAY: Duration = Duration::from_millis(30);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs this too, and without the argument.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured without --bench, which `cargo bench` gives");
        return;
    }
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    println!("| what | wanted | measured |\n|---|---|---|");
    // First, while nothing has been taken and given back that could be taken again.
    memory();
    check_now(if is_quick { 20 } else { 200 });
    for (delay, wanted) in [(Duration::ZERO, "≥ 10,000 / s"), (DELAY, "≥ 3,000 / s")] {
        for threads in SIDE_BY_SIDE {
            load(delay, wanted, threads, if is_quick { DOMAINS / 5 } else { DOMAINS });
        }
    }
}

/// The five records of a domain.
fn expected(domain: &str) -> Vec<Expectation> {
    let name = |host: &str| -> DnsName { format!("{host}{domain}").parse().unwrap() };
    let key: PublicKey = KEY.parse().unwrap();
    vec![
        Expectation::Dkim(DkimExpectation { name: name("pr1._domainkey."), key, others: Vec::new() }),
        Expectation::Spf(SpfExpectation {
            name: name(""),
            mechanisms: vec!["ip4:192.0.2.1".into()],
            addresses: Vec::new(),
            whole: "v=spf1 ip4:192.0.2.1 ~all".into(),
        }),
        Expectation::Dmarc(DmarcExpectation {
            name: name("_dmarc."),
            policy: DmarcPolicy::None,
            whole: "v=DMARC1; p=none".into(),
        }),
        Expectation::Mx(MxExpectation {
            name: name(""),
            host: "mx.example.net".parse().unwrap(),
            priority: 10,
        }),
        Expectation::Cname(CnameExpectation {
            name: name("mailer."),
            target: "bounce.example.net".parse().unwrap(),
        }),
    ]
}

fn domain(number: usize) -> String {
    format!("d{number}.example.com")
}

/// Looks at a domain, which must be as it must be.
fn look(resolver: &NetworkResolver, number: usize) {
    let domain = domain(number);
    let looks = verify::look(&domain.parse::<DomainName>().unwrap(), &expected(&domain), resolver);
    let wrong = looks.iter().find(|look| !look.finding.verdict.passes());
    assert!(wrong.is_none(), "{}", wrong.unwrap().finding.text);
}

fn resolver_of(resolvers: Vec<SocketAddr>, name_server_port: Option<u16>) -> NetworkResolver {
    NetworkResolver::new(DnsSettings {
        resolvers,
        authoritative: name_server_port.is_some(),
        authoritative_port: name_server_port.unwrap_or(53),
        // The servers are on this machine.
        egress: EgressPolicy::allowing(vec!["127.0.0.0/8".parse().unwrap()]),
        ..DnsSettings::default()
    })
    .unwrap()
}

/// "Check now": two resolvers and the zone's name server, each of the five records at each.
fn check_now(rounds: usize) {
    let servers = [Server::start(KEY, Duration::ZERO), Server::start(KEY, Duration::ZERO)];
    let name_server = Server::start(KEY, Duration::ZERO);
    let resolvers: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
    for (what, port) in [
        ("two resolvers", None),
        ("two resolvers and a name server of the zone", Some(name_server.address.port())),
    ] {
        let resolver = resolver_of(resolvers.clone(), port);
        look(&resolver, 0);
        let before: usize = servers.iter().chain([&name_server]).map(Server::asked).sum();
        let mut times: Vec<Duration> = (0..rounds)
            .map(|_| {
                let started = Instant::now();
                look(&resolver, 0);
                started.elapsed()
            })
            .collect();
        times.sort_unstable();
        let asked: usize = servers.iter().chain([&name_server]).map(Server::asked).sum();
        let (median, late) = (times[rounds / 2], times[rounds * 99 / 100]);
        println!(
            "| check now, five records, {what}: median, with {} questions | < 50 ms | {:.1} ms (99 % in {:.1} ms) |",
            (asked - before) / rounds,
            median.as_secs_f64() * 1e3,
            late.as_secs_f64() * 1e3
        );
    }
}

/// What one look takes beside: the most that is resident during looks, less what is before.
fn memory() {
    let server = Server::start(KEY, Duration::ZERO);
    let before = resident();
    let resolver = resolver_of(vec![server.address], None);
    let mut most = 0;
    for number in 0..200 {
        look(&resolver, number);
        most = most.max(resident());
    }
    println!(
        "| memory beside (VmRSS), one domain after the other, 200 | ≤ 8 MB | {} |",
        megabytes(most - before.min(most))
    );
}

/// Look-ups a second, counted as the five records of each of 1,000 domains, so many domains side by side; beside it, as
/// the questions that these take.
fn load(delay: Duration, wanted: &str, threads: usize, domains: usize) {
    let server = Server::start(KEY, delay);
    let resolver = resolver_of(vec![server.address], None);
    look(&resolver, 0);
    let (asked, before, next) = (server.asked(), resident(), AtomicUsize::new(0));
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && number < domains
                {
                    look(&resolver, number);
                }
            });
        }
    });
    let took = started.elapsed().as_secs_f64();
    let beside = resident().saturating_sub(before);
    let asked = server.asked() - asked;
    let records = domains * RECORDS;
    #[expect(clippy::cast_precision_loss, reason = "thousands, shown without decimals")]
    let [rate, questions] = [records, asked].map(|count| count as f64 / took);
    println!(
        "| {records} records, {threads} domains side by side, {} ms of delay | {wanted} | {rate:.0} / s, in {questions:.0} questions / s, {} beside |",
        delay.as_millis(),
        megabytes(beside)
    );
}

/// What of this process is in memory, in kilobytes.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn megabytes(kilobytes: usize) -> String {
    format!("{}.{} MB", kilobytes / 1024, kilobytes % 1024 * 10 / 1024)
}
