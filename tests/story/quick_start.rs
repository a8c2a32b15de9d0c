//! The first chapter of the guide: its commands as they stand, with real name servers, and how long they take.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::dns::{Memory, Nsd, Unbound};
use crate::harness::process::{Running, Site, until};

/// What the page promises.
const PROMISED: Duration = Duration::from_mins(10);

/// The blocks that are run, in their order.
fn blocks() -> Vec<String> {
    let page = include_str!("../../docs/operate/quick-start.md");
    let blocks = page.split("```sh quick\n").skip(1);
    blocks.map(|rest| rest.split("```").next().expect("a block").to_owned()).collect()
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn the_first_chapter_leads_from_nothing_to_an_active_domain_in_ten_minutes() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let (site, blocks) = (Site::new(), blocks());
    let at = blocks.iter().position(|block| block.contains("example.com.records")).expect("the records");
    // Whoever enters the records at the provider stands between two blocks.
    let entering = "touch written\nuntil [ -e entered ]; do sleep 0.1; done\n";
    let script = [
        "set -eu\ntrap 'kill $! 2>/dev/null' EXIT\n",
        &blocks[..=at].concat(),
        entering,
        &blocks[at + 1..].concat(),
    ]
    .concat();
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let folder = Path::new(env!("CARGO_BIN_EXE_postroom")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.current_dir(site.file("")).args(["-c", &script]).env_clear();
    shell.env("PATH", format!("{}:{path}", folder.display()));
    // What differs from a server of one's own: where it listens, and the DNS that it asks.
    shell.env("POSTROOM_LISTEN", free.to_string()).env("POSTROOM_RESOLVERS", unbound.address());
    shell.env("POSTROOM_DNS_AUTHORITATIVE", "false");
    let begun = Instant::now();
    let mut running = Running::start(&mut shell);
    until("the records", || site.file("written").exists().then_some(()));
    nsd.publish(&fs::read_to_string(site.file("example.com.records")).expect("the records"));
    fs::write(site.file("entered"), "").expect("to write");
    let status = running.wait();
    let (taken, told) = (begun.elapsed(), running.stdout.whole());
    println!("from the first command to an active domain: {:.1} s", taken.as_secs_f64());
    assert!(status.success(), "{status}: {told}{}", running.stderr.now());
    assert!(told.lines().any(|line| line.contains("example.com") && line.contains("active")), "{told}");
    assert!(taken < PROMISED, "{taken:?}");
}
