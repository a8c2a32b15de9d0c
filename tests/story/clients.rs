//! The published clients of an interface against the real binary, unmodified, with real DNS servers.

use std::path::Path;
use std::process::{Command, ExitStatus};

use super::verify::site_asking;
use crate::harness::dns::{Memory, Nsd, Silence, Unbound};
use crate::harness::process::{Server, Site, text};

/// The most octets of one string of a TXT record (RFC 1035 section 3.3.14).
const MAX_STRING_OCTETS: usize = 255;

/// The domain whose records are in the DNS, and the selectors that the scripts import one key under.
const SERVED: (&str, [&str; 3]) = ("example.com", ["text", "file", "both"]);
const UNSERVED: &str = "example.org";
const CHILD: &str = "sub.example.com";
const PAGED: [&str; 3] = ["one.example.org", "two.example.org", "three.example.org"];

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd, unbound and Node: tests/run installs them")]
fn mailgun_js_finds_every_call_as_it_expects_it() {
    every_call_succeeds("js");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd, unbound and Python: tests/run installs them")]
fn mailgun_of_pypi_finds_every_call_as_it_expects_it() {
    every_call_succeeds("py");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs Node: tests/run installs it")]
fn mailchannels_sdk_finds_every_call_as_it_expects_it() {
    every_inbound_call_succeeds("js");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs Python: tests/run installs it")]
fn bravado_finds_every_operation_as_the_swagger_file_has_it() {
    every_inbound_call_succeeds("py");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs Python: tests/run installs it")]
fn schemathesis_finds_no_reply_that_the_swagger_file_does_not_have() {
    every_inbound_call_succeeds("schemathesis");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs Python: tests/run installs it")]
fn every_document_of_openapi_is_sound_and_no_answer_differs_from_it() {
    let silence = Silence::start();
    let site = site_asking(&silence.address()).with("POSTROOM_RATE_LIMIT", "0");
    succeeds("openapi", "documents", site.serve(), &[]);
}

#[test]
#[cfg_attr(
    not(feature = "system-tests"),
    ignore = "needs BIND's tools, Node and Python: tests/run installs them"
)]
fn the_tools_that_keep_zones_read_what_is_exported_for_them_and_understand_the_same() {
    let site = Site::new();
    assert!(site.serve().stop().success());
    let names = ["a.example", "mail.a.example", "b.co.uk", "xn--bcher-kva.example", "s1.s2.s10.c.example"];
    site.json(&[&["domain", "create", "--account", "default"], names.as_slice()].concat());
    for format in ["bind", "octodns", "dnscontrol", "terraform"] {
        site.json(&["export", "--format", format, "--to", &format!("zones/{format}")]);
    }
    let (status, told) = ran("zones", "tools", &[("POSTROOM_EXPORT", text(&site.file("zones")))]);
    assert!(status.success(), "{status}: {told}");
    assert!(told.contains("a.example: 10 records") && told.contains("b.co.uk: 5 records"), "{told}");
}

/// Runs a client of the domain-keys interface against a server of its own. What it is told stands in
/// `tests/clients/mailgun/README.md`.
fn every_call_succeeds(client: &str) {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients");
    let public = std::fs::read_to_string(clients.join("mailgun/public.p")).expect("a public key");
    let nsd = Nsd::start(SERVED.0);
    nsd.publish(&zone(&format!("k=rsa; p={}", public.trim())));
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = site_asking(&unbound.address());
    let server = site.serve();
    for name in [SERVED.0, UNSERVED, CHILD].iter().chain(&PAGED) {
        server.client().create_domain(name);
    }
    let variables = [
        ("POSTROOM_SERVED", SERVED.0),
        ("POSTROOM_UNSERVED", UNSERVED),
        ("POSTROOM_CHILD", CHILD),
        ("POSTROOM_PAGED", &PAGED.join(",")),
        ("POSTROOM_ALSO", "domains,rotation"),
    ];
    succeeds("mailgun", client, server, &variables);
}

/// Runs a client of the inbound interface against a server of its own. What it is told stands in
/// `tests/clients/mailchannels/README.md`.
fn every_inbound_call_succeeds(client: &str) {
    // To be deleted with the arrival of the dialect.
    let silence = Silence::start();
    // The clients ask faster than an account may.
    let site = site_asking(&silence.address()).with("POSTROOM_RATE_LIMIT", "0");
    let server = site.serve();
    let key = |arguments: &[&str]| site.json(arguments)["api_key"].as_str().expect("a key").to_owned();
    let second = key(&["key", "create", "--account", "default"]);
    let foreign = key(&["account", "create", "foreign"]);
    let small = ["--handle", "small", "--max-domains", "2", "--max-recipients", "1"];
    site.json(&[&["subscription", "create", "--account", "default"], small.as_slice()].concat());
    let variables = [("POSTROOM_SECOND_KEY", second.as_str()), ("POSTROOM_FOREIGN_KEY", &foreign)];
    succeeds("mailchannels", client, server, &variables);
}

/// Runs the script of a client, and stops the server.
fn succeeds(dialect: &str, client: &str, server: Server, variables: &[(&str, &str)]) {
    let key = server.key.as_deref().expect("the first start's key");
    let known = [("POSTROOM_URL", server.url.as_str()), ("POSTROOM_KEY", key)];
    let (status, told) = ran(dialect, client, &[&known, variables].concat());
    assert!(status.success(), "{status}: {told}{}", server.process.stderr.now());
    assert!(server.stop().success());
}

/// Runs the script of a client, and returns what it said.
fn ran(dialect: &str, client: &str, variables: &[(&str, &str)]) -> (ExitStatus, String) {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/run");
    let finished = Command::new("bash")
        .args([run.as_path(), Path::new(env!("CARGO_TARGET_TMPDIR"))])
        .args([dialect, client])
        .envs(variables.iter().copied())
        .output()
        .expect("a shell");
    let told =
        format!("{}{}", String::from_utf8_lossy(&finished.stdout), String::from_utf8_lossy(&finished.stderr));
    println!("{told}");
    (finished.status, told)
}

/// The TXT records of the served domain, each in strings that are short enough.
fn zone(value: &str) -> String {
    let strings: Vec<&str> = value
        .as_bytes()
        .chunks(MAX_STRING_OCTETS)
        .map(|octets| std::str::from_utf8(octets).expect("ASCII"))
        .collect();
    let value = strings.join("\" \"");
    SERVED
        .1
        .iter()
        .map(|selector| format!("{selector}._domainkey IN TXT \"{value}\""))
        .collect::<Vec<_>>()
        .join("\n")
}
