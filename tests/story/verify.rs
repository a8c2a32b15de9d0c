//! A domain's life from the first start to verified, with the lines that the first start tells to paste.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::dns::{Memory, Nsd, Silence, Unbound};
use crate::harness::process::{Finished, Running, Site, finish, until};

/// A site whose commands and server ask this resolver and no name servers.
pub(super) fn site_asking(resolver: &str) -> Site {
    Site::new().with("POSTROOM_RESOLVERS", resolver).with("POSTROOM_DNS_AUTHORITATIVE", "false")
}

/// The records of a domain, as they are to be published.
pub(super) fn fragment(site: &Site, domain: &str) -> String {
    let finished = site.run(&["domain", "records", domain, "--zone"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished.stdout
}

/// The statuses of a domain's records that `purposes` names.
pub(super) fn statuses<const N: usize>(site: &Site, domain: &str, purposes: [&str; N]) -> [String; N] {
    let shown = site.json(&["domain", "show", domain]);
    purposes.map(|purpose| find(&shown["records"], purpose)["status"].as_str().expect("a status").to_owned())
}

/// The finding, or the record, of a purpose.
pub(super) fn find<'a>(all: &'a Value, purpose: &str) -> &'a Value {
    let mut all = all.as_array().expect("an array").iter();
    all.find(|each| each["purpose"] == purpose).unwrap_or_else(|| panic!("nothing on {purpose}"))
}

/// Has the pasted line run by a shell, as whoever pasted it would.
fn paste(line: &str) -> Value {
    let finished = finish(Command::new("sh").args(["-c", line]));
    assert_eq!(finished.code, Some(0), "{line}: {finished:?}");
    finished.json()
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn the_pasted_lines_lead_from_the_first_start_to_a_verified_domain() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = site_asking(&unbound.address());
    let server = Running::start(&mut site.command(&["serve", "--listen", "127.0.0.1:0"]));
    let told = server.stdout.wait_for("/verify");
    let lines: Vec<&str> = told.lines().map(str::trim).filter(|line| line.starts_with("curl ")).collect();
    let [create, verify] = lines.as_slice() else { panic!("two lines to paste: {told}") };

    let created = paste(create);
    assert_eq!(
        (&created["url"], &created["dkim_verified"]),
        (&json!("example.com"), &json!(false)),
        "{created}"
    );
    assert_eq!(
        paste(verify),
        json!({
            "dkim_verified": false, "advance_verified": false,
            "errors": { "dkim": "No matching DKIM key found", "advance_verified": "No CNAME keys found" },
        })
    );
    assert_eq!(statuses(&site, "example.com", ["dkim", "return_path"]), ["pending", "pending"]);

    nsd.publish(&fragment(&site, "example.com"));
    assert_eq!(paste(verify), json!({ "dkim_verified": true, "advance_verified": true, "errors": {} }));
    assert_eq!(statuses(&site, "example.com", ["dkim", "return_path"]), ["verified", "verified"]);

    let url =
        create.split_whitespace().nth(2).expect("a URL").strip_suffix("/api/v1/domains").expect("a path");
    let key = create.split('\'').nth(1).and_then(|field| field.split(": ").nth(1)).expect("a key");
    let shown = Client::new(url, key).get("/api/v1/domains/1").json;
    assert_eq!((&shown["dkim_verified"], &shown["advanced_verified"]), (&json!(true), &json!(true)));

    let audit = site.json(&["audit"]);
    let changes: Vec<&Value> = audit
        .as_array()
        .expect("rows")
        .iter()
        .filter(|row| row["action"] == "record.status_changed")
        .collect();
    assert_eq!(changes.len(), 5, "each change of a status is in the audit log: {audit}");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn servfail_changes_nothing_for_a_verified_and_for_a_pending_domain() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = two_domains(&unbound, &nsd);
    // This one has never had a zone to serve.
    let broken = Nsd::start("example.com");
    let failing = Unbound::start(&broken, Memory::None);
    let site = site.with("POSTROOM_RESOLVERS", &failing.address());
    nothing_follows(&site, "example.com", "servfail", "verified");
    nothing_follows(&site, "pending.example.com", "servfail", "pending");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn silence_changes_nothing_for_a_verified_and_for_a_pending_domain() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = two_domains(&unbound, &nsd);
    let silence = Silence::start();
    let site = site.with("POSTROOM_RESOLVERS", &silence.address());
    // Side by side, for each waits its five seconds.
    std::thread::scope(|scope| {
        scope.spawn(|| nothing_follows(&site, "example.com", "timeout", "verified"));
        scope.spawn(|| nothing_follows(&site, "pending.example.com", "timeout", "pending"));
    });
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn one_failing_resolver_of_two_does_not_hide_what_the_other_sees() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let broken = Nsd::start("example.com");
    let failing = Unbound::start(&broken, Memory::None);
    let site = site_asking(&format!("{},{}", failing.address(), unbound.address()));
    site.serve().client().create_domain("example.com");
    nsd.publish(&fragment(&site, "example.com"));
    let verified = verify(&site, "example.com");
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert_eq!(statuses(&site, "example.com", ["dkim", "return_path"]), ["verified", "verified"]);
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn a_record_that_goes_is_told_of_and_not_withdrawn_at_once() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = two_domains(&unbound, &nsd);
    nsd.publish("");
    for _ in 0..4 {
        let finished = verify(&site, "example.com");
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert_eq!(find(&finished.json()["records"], "dkim")["code"], "record_missing");
    }
    assert_eq!(statuses(&site, "example.com", ["dkim", "return_path"]), ["verified", "verified"]);
}

/// A site with `example.com`, verified, and `pending.example.com`, which has no records in the DNS.
fn two_domains(unbound: &Unbound, nsd: &Nsd) -> Site {
    let site = site_asking(&unbound.address());
    let server = site.serve();
    server.client().create_domain("example.com");
    server.client().create_domain("pending.example.com");
    nsd.publish(&fragment(&site, "example.com"));
    assert_eq!(verify(&site, "example.com").code, Some(0));
    assert!(server.stop().success());
    site
}

/// `postroom domain verify NAME --json`.
pub(super) fn verify(site: &Site, domain: &str) -> Finished {
    site.run(&["domain", "verify", domain, "--json"])
}

fn nothing_follows(site: &Site, domain: &str, code: &str, status: &str) {
    let checked = || until("a check is recorded", || checked_at(site, domain));
    let before = if status == "verified" { Some(checked()) } else { None };
    let finished = verify(site, domain);
    assert_eq!(finished.code, Some(1), "it cannot be told now: {finished:?}");
    for purpose in ["dkim", "return_path"] {
        let found = find(&finished.json()["records"], purpose).clone();
        assert_eq!((&found["verdict"], &found["code"]), (&json!("temporary"), &json!(code)), "{found}");
        assert_eq!(found["status"], status);
    }
    assert_eq!(statuses(site, domain, ["dkim", "return_path"]), [status, status]);
    assert_ne!(before, Some(checked()), "the check itself is recorded");
}

fn checked_at(site: &Site, domain: &str) -> Option<String> {
    find(&site.json(&["domain", "show", domain])["records"], "dkim")["checked_at"].as_str().map(str::to_owned)
}
