//! "Check now" asks the zone's own name servers as well: where a resolver's cache is behind, that is told.

use serde_json::json;

use super::verify::{find, fragment, statuses, verify};
use crate::harness::dns::{Memory, Nsd, Unbound};
use crate::harness::process::{Finished, Site};

/// A site that asks `nsd` itself beside the resolver. The zone's NS record leads to 127.0.0.1.
fn site_asking_both(unbound: &Unbound, nsd: &Nsd) -> Site {
    Site::new()
        .with("POSTROOM_RESOLVERS", &unbound.address())
        .with("POSTROOM_DNS_AUTHORITATIVE", "true")
        .with("POSTROOM_DNS_AUTHORITATIVE_PORT", &nsd.port)
        .with("POSTROOM_EGRESS_ALLOW", "127.0.0.1/32")
}

/// A verification that exits with `code`, and finds the same of both records.
fn verify_as(site: &Site, exit: i32, verdict: &str, code: Option<&str>) -> Finished {
    let finished = verify(site, "example.com");
    assert_eq!(finished.code, Some(exit), "{finished:?}");
    for purpose in ["dkim", "return_path"] {
        let found = find(&finished.json()["records"], purpose).clone();
        assert_eq!((&found["verdict"], &found["code"]), (&json!(verdict), &json!(code)), "{found}");
    }
    finished
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn a_resolver_that_remembers_an_absence_is_told_from_a_record_that_is_absent() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::Usual);
    let site = site_asking_both(&unbound, &nsd);
    site.serve().client().create_domain("example.com");
    verify_as(&site, 1, "fail", Some("record_missing"));

    nsd.publish(&fragment(&site, "example.com"));
    let finished = verify_as(&site, 1, "temporary", Some("negative_cached"));
    let text = find(&finished.json()["records"], "dkim")["text"].as_str().expect("a sentence").to_owned();
    assert!(text.contains(&unbound.address()) && text.contains(" s; wait."), "who, and how long: {text}");
    assert_eq!(statuses(&site, "example.com", ["dkim", "return_path"]), ["pending", "pending"]);

    // A resolver that has not asked before remembers nothing.
    let fresh = Unbound::start(&nsd, Memory::Usual);
    let site = site.with("POSTROOM_RESOLVERS", &fresh.address());
    verify_as(&site, 0, "pass", None);
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn a_resolver_that_remembers_a_record_is_told_from_a_record_that_is_there() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::Usual);
    let site = site_asking_both(&unbound, &nsd);
    site.serve().client().create_domain("example.com");
    nsd.publish(&fragment(&site, "example.com"));
    verify_as(&site, 0, "pass", None);

    nsd.publish("");
    let finished = verify_as(&site, 1, "temporary", Some("stale_cached"));
    let text = find(&finished.json()["records"], "dkim")["text"].as_str().expect("a sentence").to_owned();
    assert!(text.contains(&unbound.address()) && text.contains("ns.example.com"), "both are named: {text}");
    assert_eq!(statuses(&site, "example.com", ["dkim", "return_path"]), ["verified", "verified"]);
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn a_resolver_that_remembers_another_value_is_waited_for() {
    let nsd = Nsd::start("example.com");
    nsd.publish("pr1._domainkey IN TXT \"old\"\nmailer IN CNAME old.example.net.");
    let unbound = Unbound::start(&nsd, Memory::Usual);
    let site = site_asking_both(&unbound, &nsd);
    site.serve().client().create_domain("example.com");
    assert_eq!(verify(&site, "example.com").code, Some(1));
    nsd.publish(&fragment(&site, "example.com"));
    verify_as(&site, 1, "temporary", Some("propagating"));
}
