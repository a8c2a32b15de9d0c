//! Every `curl` line of the pages that the lifecycle dialect was written from, run by a shell as it stands.

use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::verify::site_asking;
use crate::harness::dns::{Memory, Nsd, Unbound};
use crate::harness::process::{Server, Site, finish};

/// The lines, in the order of the pages.
fn lines() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/lifecycle/curl.txt");
    let text = std::fs::read_to_string(file).expect("the lines");
    text.split("\n\n").map(str::to_owned).collect()
}

/// Runs the line that has `part` in it, with the host and the key of this server in place of those of the pages.
fn run(site: &Site, server: &Server, part: &str) -> (u16, Value) {
    let lines = lines();
    let mut found = lines.iter().filter(|line| line.contains(part));
    let (Some(line), None) = (found.next(), found.next()) else { panic!("one line with {part}") };
    let line = line
        .replace("http://127.0.0.1:3000", &server.url)
        .replace("YOUR_API_KEY", server.key.as_deref().expect("a key"));
    // curl takes what is not in the line from here: no meter, and the status at the end.
    std::fs::write(site.file(".curlrc"), "silent\nwrite-out = \"\\n%{http_code}\"\n").expect("to write");
    let mut shell = Command::new("sh");
    let finished = finish(shell.args(["-c", &line]).env("CURL_HOME", site.file("")));
    assert_eq!(finished.code, Some(0), "{line}: {finished:?}");
    let (body, status) = finished.stdout.trim_end().rsplit_once('\n').expect("a status");
    (status.parse().expect("a number"), serde_json::from_str(body).expect("JSON"))
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn every_line_of_the_pages_works_as_it_stands() {
    assert_eq!(lines().len(), 6);
    // The webhook of the pages is at example.com, which must lead to a public address.
    let nsd = Nsd::start("example.com");
    nsd.publish("@ IN A 93.184.215.14");
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = site_asking(&unbound.address());
    let server = site.serve();
    // The pages mark the record 123, so that is what the first one shall be.
    let conn = Connection::open(site.db()).expect("a database");
    conn.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('record', 122)", []).expect("to write");

    let (status, created) = run(&site, &server, "/v2/domain\"");
    assert_eq!((status, &created["message"]), (201, &json!("Domain created")), "{created}");
    let details = &created["domain"];
    assert_eq!(
        (&details["domain"]["domain"], &details["domain"]["status"]),
        (&json!("customer.com"), &json!("pending"))
    );
    assert_eq!(details["mx"], json!({"host": "mx.example.net", "priority": 10}));
    assert_eq!(run(&site, &server, "/info?"), (200, details.clone()));

    let (status, routed) = run(&site, &server, "/route\"");
    assert_eq!((status, &routed["route"]["forward_mode"]), (200, &json!("webhook_then_store")), "{routed}");
    assert_eq!(routed["route"]["webhook_url"], "https://example.com/hook");

    let (status, dns) = run(&site, &server, "/dns?");
    assert_eq!((status, &dns["dns"]), (200, &details["dns"]));
    assert_eq!((&dns["dns"][0]["id"], &dns["dns"][0]["record_type"]), (&json!(123), &json!("MX")));

    let (status, marked) = run(&site, &server, "/dns/mark\"");
    assert_eq!(
        (status, &marked["dns"][0]["status"], &marked["dns"][0]["override"]),
        (200, &json!("verified"), &json!(true))
    );

    let deleted = run(&site, &server, "/domains/delete\"");
    assert_eq!(deleted, (200, json!({"ok": true, "deleted": "customer.com"})));
    assert_eq!(run(&site, &server, "/info?"), (404, json!({"error": "there is no such domain"})));
    assert_eq!(run(&site, &server, "/v2/domain\"").0, 201, "and all over again");
    assert_eq!(run(&site, &server, "/v2/domain\""), (409, json!({"error": "domain exists already"})));
}
