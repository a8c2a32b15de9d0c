//! `postroom verify` and `postroom domain watch`: looking at domains for a person at a terminal.

use serde_json::json;

use super::verify::find;
use crate::harness::dns::{Memory, Nsd, Unbound};
use crate::harness::process::Site;

/// A zone as a customer of `mx.example.net` has it, but for the key.
const ZONE: &str = "example.com. IN MX 10 mx.example.net.\n\
    example.com. IN TXT \"v=spf1 mx ~all\"\n\
    _dmarc.example.com. IN TXT \"v=DMARC1; p=quarantine\"\n\
    mailer.example.com. IN CNAME return-path.example.net.\n";

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn anybodys_domain_is_judged_without_a_database() {
    let nsd = Nsd::start("example.com");
    nsd.publish(ZONE);
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = Site::new()
        .with("POSTROOM_RESOLVERS", &unbound.address())
        .with("POSTROOM_DNS_AUTHORITATIVE", "false");
    let expected = |policy: &'static str| {
        [
            "verify",
            "example.com",
            "--expect-mx",
            "mx.example.net",
            "--expect-spf",
            "mx",
            "--expect-dmarc",
            policy,
            "--expect-cname",
            "mailer=return-path.example.net",
            "--json",
        ]
    };
    let finished = site.run(&expected("none"));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let verdicts: Vec<_> = finished.json()["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|each| each["verdict"].clone())
        .collect();
    assert_eq!(verdicts, [json!("pass"), json!("pass"), json!("pass"), json!("pass")], "{finished:?}");
    let finished = site.run(&expected("reject"));
    assert_eq!(finished.code, Some(1));
    assert_eq!(finished.json()["records"][2]["code"], "dmarc_policy_weaker");
    assert!(!site.db().exists(), "no database was made");
    let finished = site.run(&["verify", "example.com"]);
    assert_eq!((finished.code, finished.stderr.lines().count()), (Some(2), 1), "{finished:?}");
    assert!(finished.stderr.contains("--expect-mx"), "{finished:?}");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn watching_ends_when_all_is_right_and_tells_what_changed() {
    let nsd = Nsd::start("example.com");
    nsd.publish("");
    let unbound = Unbound::start(&nsd, Memory::None);
    let site = Site::new()
        .with("POSTROOM_RESOLVERS", &unbound.address())
        .with("POSTROOM_DNS_AUTHORITATIVE", "false")
        .with("POSTROOM_MX_HOST", "mx.example.net")
        .with("POSTROOM_RETURN_PATH_HOST", "return-path.example.net");
    let server = site.serve();
    let client = crate::harness::client::Client::new(&server.url, server.key.as_deref().expect("a key"));
    client.post("/api/v1/domains", &json!({"domain": {"url": "example.com"}}));
    let zone = site.run(&["domain", "records", "example.com", "--zone"]).stdout;
    let mut watching = crate::harness::process::Running::start(&mut site.command(&[
        "domain",
        "watch",
        "example.com",
        "--every",
        "1",
    ]));
    watching.stdout.wait_for("[record_missing]");
    nsd.publish(&zone);
    assert_eq!(watching.wait().code(), Some(0));
    let told = watching.stdout.whole();
    assert!(told.matches("pr1._domainkey.example.com").count() > 1, "{told}");
    let shown = site.run(&["domain", "show", "example.com", "--json"]).json();
    assert_eq!(shown["status"], "active");
    assert_eq!(find(&shown["records"], "dkim")["status"], "verified");
}
