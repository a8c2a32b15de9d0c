//! Days of a domain's life with real DNS servers, and a clock that is moved instead of waited for.

use std::sync::Arc;
use std::time::Duration;

use postroom::dns::{DnsSettings, NetworkResolver, Resolver};
use postroom::verify::schedule;
use serde_json::{Value, json};

use crate::harness::app::{Key, TestApp, settings};
use crate::harness::dns::{Memory, Nsd, Unbound};
use crate::harness::v2::USER;

fn resolver(unbound: &Unbound) -> Arc<dyn Resolver> {
    let resolvers = vec![unbound.address().parse().expect("an address")];
    let settings = DnsSettings { resolvers, authoritative: false, ..DnsSettings::default() };
    Arc::new(NetworkResolver::new(settings).expect("a resolver"))
}

/// The records that the interface asks for, as a zone file has them.
fn zone(details: &Value) -> String {
    let records = details["dns"].as_array().expect("records").iter();
    let line = |record: &Value| {
        let text = |field: &str| record[field].as_str().expect("a text").to_owned();
        let (host, value) = (text("host"), text("expected_value"));
        match text("record_type").as_str() {
            "MX" => format!("{host} IN MX {} {value}.", record["priority"]),
            "CNAME" => format!("{host} IN CNAME {value}."),
            _ => {
                let (front, back) = value.split_at(value.len().min(200));
                format!(
                    "{host} IN TXT \"{front}\" \"{}\" \"{}\"",
                    &back[..back.len() / 2],
                    &back[back.len() / 2..]
                )
            }
        }
    };
    records.map(line).collect::<Vec<_>>().join("\n")
}

fn info(app: &TestApp, key: &Key) -> Value {
    app.v2(key, &format!("GET /v2/domains/example.com/info?user_id={USER}")).json()
}

/// Lets the time pass hour by hour, with the schedule at work, and returns after how many hours the domain has this
/// status.
fn hours_until(app: &TestApp, key: &Key, dns: &dyn Resolver, status: &str) -> u64 {
    for hours in 1..=100 {
        app.clock.advance(Duration::from_hours(1));
        schedule::run_due(&app.postroom, dns, 10).expect("a check");
        if info(app, key)["domain"]["status"] == status {
            return hours;
        }
    }
    panic!("it never is {status}");
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn a_lost_record_fails_the_domain_after_three_days_and_one_pass_brings_it_back() {
    let nsd = Nsd::start("example.com");
    let unbound = Unbound::start(&nsd, Memory::None);
    let dns = resolver(&unbound);
    let app = TestApp::asking(Arc::clone(&dns), Arc::default(), settings(), 2);
    let key = app.account("acme");
    let zone = zone(&app.v2_domain(&key, "example.com", USER));
    nsd.publish(&zone);
    assert_eq!(hours_until(&app, &key, &*dns, "active"), 1);

    let without_mx: Vec<&str> = zone.lines().filter(|line| !line.contains(" MX ")).collect();
    nsd.publish(&without_mx.join("\n"));
    // The loss is noticed within six hours and a tenth; from then on it takes 72.
    let hours = hours_until(&app, &key, &*dns, "failed");
    assert!((72..=82).contains(&hours), "{hours}");
    let failed = info(&app, &key);
    assert_eq!(
        (&failed["dns"][0]["status"], &failed["dns"][0]["problem"]["code"]),
        (&json!("failed"), &json!("mx_missing"))
    );
    assert!(
        failed["dns"].as_array().expect("records")[1..].iter().all(|record| record["status"] == "verified")
    );

    nsd.publish(&zone);
    assert_eq!(hours_until(&app, &key, &*dns, "active"), 1);
    assert_eq!(info(&app, &key)["dns"][0]["problem"], Value::Null);
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs nsd and unbound: tests/run installs them")]
fn servfail_for_days_changes_nothing() {
    let nsd = Nsd::start("example.com");
    let unbound = Unbound::start(&nsd, Memory::None);
    let (dns, app) = (resolver(&unbound), TestApp::with(settings(), 2));
    let key = app.account("acme");
    nsd.publish(&zone(&app.v2_domain(&key, "example.com", USER)));
    assert_eq!(hours_until(&app, &key, &*dns, "active"), 1);
    let before = info(&app, &key);

    // This one has never had a zone to serve.
    let broken = Nsd::start("example.com");
    let failing = Unbound::start(&broken, Memory::None);
    let dns = resolver(&failing);
    for _ in 0..20 {
        app.clock.advance(Duration::from_hours(7));
        assert_eq!(schedule::run_due(&app.postroom, &*dns, 10).expect("a check"), 1);
        let now = info(&app, &key);
        // What is said of the trouble changes, and nothing else.
        let without_reasons = |info: &Value| {
            let mut domain = info["domain"].as_object().expect("a domain").clone();
            domain.remove("reasons").expect("reasons");
            domain
        };
        assert_eq!(without_reasons(&now), without_reasons(&before), "not even the time of its last change");
        let warnings = now["domain"]["reasons"].as_array().expect("reasons");
        assert!(warnings.iter().all(|reason| reason["severity"] == "warn"), "{warnings:?}");
        for record in now["dns"].as_array().expect("records") {
            assert_eq!(
                (&record["status"], &record["problem"]["code"]),
                (&json!("verified"), &json!("servfail"))
            );
        }
    }
}
