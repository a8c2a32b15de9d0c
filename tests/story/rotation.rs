//! A key's rotation by the command line, with real DNS servers: published by hand, and in the operator's own zone.

use serde_json::json;

use super::verify::{fragment, site_asking};
use crate::harness::dns::{Memory, Nsd, Unbound};
use crate::harness::process::Site;

const NAME: &str = "customer.example.com";

/// What is published: the domain's records, the operator's zone, and what a mail host needs.
fn publish(nsd: &Nsd, site: &Site) {
    let zone = site.run(&["zone", "delegated"]);
    assert_eq!(zone.code, Some(0), "{zone:?}");
    nsd.publish(&format!("{}{}mx.example.com. IN A 192.0.2.25\n", fragment(site, NAME), zone.stdout));
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn a_key_is_rotated_by_hand_and_then_in_the_operators_zone_without_the_domains_owner() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = site_asking(&unbound.address())
        .with("POSTROOM_MX_HOST", "mx.example.com")
        .with("POSTROOM_DKIM_DELEGATION_ZONE", "dkim.example.com")
        .with("POSTROOM_SCHEDULE_AT_ONCE", "0");
    let server = site.serve();
    server.client().create_domain(NAME);
    let status = || site.json(&["key-rotation", "status", NAME]);
    let verify = || site.run(&["domain", "verify", NAME]);
    publish(&nsd, &site);
    assert_eq!(verify().code, Some(0), "{:?}", verify());
    assert_eq!(status()["active"], json!(["pr1"]));

    let started = site.run(&["key-rotation", "start", NAME]);
    assert!(
        started.stdout.contains("pr2._domainkey.customer.example.com TXT v=DKIM1; k=rsa; p="),
        "{started:?}"
    );
    assert_eq!(status()["stage"], "waiting");
    publish(&nsd, &site);
    verify();
    assert_eq!(status()["active"], json!(["pr2"]));
    let told = site.run(&["key-rotation", "status", NAME]).stdout;
    assert!(told.contains("keep until") && told.contains("pr1._domainkey.customer.example.com"), "{told}");

    // The owner publishes two CNAMEs, this once.
    let delegated = site.run(&["key-rotation", "delegate", NAME]);
    assert!(delegated.stdout.contains("pdk2._domainkey.customer.example.com CNAME"), "{delegated:?}");
    publish(&nsd, &site);
    verify();
    assert_eq!(status()["active"], json!(["pdk1"]));
    let before = fragment(&site, NAME);
    site.run(&["key-rotation", "start", NAME]);
    verify();
    assert_eq!(status()["active"], json!(["pdk2"]));
    assert_eq!(fragment(&site, NAME), before, "what the owner publishes is what it was");
    assert_eq!(verify().code, Some(0), "{:?}", verify());
}

#[test]
fn a_rotation_that_cannot_be_is_refused_with_what_to_do() {
    let site = Site::new();
    let server = site.serve();
    server.client().create_domain(NAME);
    for (arguments, code, words) in [
        (&["key-rotation", "start", NAME][..], 4, "no key of the domain signs yet"),
        (&["key-rotation", "abort", NAME], 4, "no rotation is under way"),
        (&["key-rotation", "delegate", NAME], 4, "no zone"),
        (&["key-rotation", "every", NAME, "3"], 2, "5 days"),
        (&["key-rotation", "start", "nobody.example"], 3, "no such domain"),
        (&["zone", "delegated"], 2, "POSTROOM_DKIM_DELEGATION_ZONE"),
    ] {
        let refused = site.run(arguments);
        assert_eq!(refused.code, Some(code), "{arguments:?}: {refused:?}");
        assert!(
            refused.stderr.contains(words) && refused.stderr.lines().count() == 1,
            "{arguments:?}: {refused:?}"
        );
    }
    let every = site.json(&["key-rotation", "every", NAME, "30"]);
    assert_eq!(every["every_days"], 30);
}
