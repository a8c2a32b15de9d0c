//! SPF by the addresses that we send from: where they are configured, what each of them gets decides.

use std::net::IpAddr;

use postroom::dns::{Outcome, RecordType, ScriptedResolver};
use postroom::name::DomainName;
use postroom::verify::{Code, Expectation, Finding, Verdict, look};

/// What a look finds of a record, for a sender at each of these addresses.
fn found(record: &str, addresses: &[&str], dns: ScriptedResolver) -> Finding {
    let domain: DomainName = "example.com".parse().unwrap();
    let expected = Expectation::Spf {
        name: domain.dns().clone(),
        mechanisms: vec!["include:spf.example.net".to_owned()],
        addresses: addresses.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect(),
        whole: "v=spf1 include:spf.example.net ~all".to_owned(),
    };
    let dns = dns.txt("example.com", &[record]);
    look(&domain, &[expected], &dns).remove(0).finding
}

fn zone() -> ScriptedResolver {
    ScriptedResolver::new().txt("spf.example.net", &["v=spf1 ip4:192.0.2.0/28 ip6:2001:db8::/64 -all"])
}

#[test]
fn a_record_is_right_that_passes_each_address_however_it_does() {
    for record in [
        "v=spf1 include:spf.example.net ~all",
        "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all",
        "v=spf1 redirect=spf.example.net",
    ] {
        let finding = found(record, &["192.0.2.1", "2001:db8::1"], zone());
        assert_eq!((finding.verdict, finding.code), (Verdict::Pass, None), "{record}: {}", finding.text);
    }
}

#[test]
fn an_address_that_does_not_pass_is_named_with_what_it_gets() {
    for (record, addresses, result) in [
        ("v=spf1 include:spf.example.net ~all", ["192.0.2.2", "192.0.2.16"], "softfail"),
        ("v=spf1 -ip4:192.0.2.1 include:spf.example.net ~all", ["192.0.2.2", "192.0.2.1"], "fail"),
        ("v=spf1 ip4:192.0.2.1", ["192.0.2.1", "2001:db8::1"], "neutral"),
    ] {
        let finding = found(record, &addresses, zone());
        let told = format!("{}, which is ours, gets {result}", addresses[1]);
        assert_eq!(
            (finding.verdict, finding.code),
            (Verdict::Fail, Some(Code::SpfMechanismMissing)),
            "{record}"
        );
        assert!(finding.text.contains(&told), "{}", finding.text);
    }
}

#[test]
fn an_error_on_the_way_is_told_and_a_hiccup_settles_nothing() {
    let finding = found("v=spf1 include:nowhere.example.net ~all", &["192.0.2.1"], zone());
    assert_eq!(
        (finding.verdict, finding.code),
        (Verdict::Fail, Some(Code::SpfIncludeMissing)),
        "{}",
        finding.text
    );
    let silent = zone().fail("slow.example.net", RecordType::Txt, Outcome::Timeout);
    let finding = found("v=spf1 include:slow.example.net ~all", &["192.0.2.1"], silent);
    assert_eq!(finding.verdict, Verdict::Temporary, "{}", finding.text);
}
