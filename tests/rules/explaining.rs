//! Explaining: a failed judgement is followed by few look-ups that find the usual mistake, and only that.

use std::net::{Ipv4Addr, Ipv6Addr};

use postroom::dns::{Outcome, RecordData, RecordType, ScriptedResolver};
use postroom::id::DomainId;
use postroom::record::Purpose;
use postroom::verify::{self, Code, Finding, Plan, Verdict, plan};

use crate::harness::app::{TestApp, settings, txt};

const TARGET: &str = "return-path.mail.example.net";
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// A plan for a domain of this name, and the value of its key's record.
fn planned(name: &str) -> (Plan, String) {
    let app = TestApp::with(settings(), 1);
    let key = app.account("acme");
    let id = app.domain(&key, name);
    let plan = app.postroom.read(|tx| plan(tx, &key.operator(), DomainId::new(id))).unwrap();
    let value = plan.expected()[at(&plan, Purpose::Dkim)].wanted();
    (plan, value)
}

/// Where the record of this purpose stands in a plan.
fn at(plan: &Plan, purpose: Purpose) -> usize {
    plan.records().iter().position(|record| record.purpose == purpose).unwrap()
}

/// What a look at everything in a plan finds.
fn look(plan: &Plan, dns: &ScriptedResolver) -> Vec<Finding> {
    let looks = verify::look(&plan.domain().name, plan.expected(), dns);
    looks.into_iter().map(|look| look.finding).collect()
}

/// A zone with MX, SPF and DMARC as they must be, and neither a key nor a return path.
fn zone() -> ScriptedResolver {
    ScriptedResolver::new()
        .a("mx.mail.example.net", ADDRESS)
        .txt("example.com", &["unrelated"])
        .txt("example.com", &["v=spf1 mx ~all"])
        .mx("example.com", 10, "mx.mail.example.net")
        .txt("_dmarc.example.com", &["v=DMARC1; p=none"])
}

fn finding(dns: &ScriptedResolver, purpose: Purpose) -> Finding {
    look(&PLAN.0, dns).swap_remove(at(&PLAN.0, purpose))
}

fn key_finding(dns: &ScriptedResolver) -> Finding {
    finding(dns, Purpose::Dkim)
}

fn cname_finding(dns: &ScriptedResolver) -> Finding {
    finding(dns, Purpose::ReturnPath)
}

static PLAN: std::sync::LazyLock<(Plan, String)> = std::sync::LazyLock::new(|| planned("example.com"));

fn key_at(name: &str) -> ScriptedResolver {
    zone().record(name, txt(&PLAN.1))
}

#[track_caller]
fn fails(finding: &Finding, code: Code, words: &[&str]) {
    assert_eq!((finding.verdict, finding.code), (Verdict::Fail, Some(code)), "{}", finding.text);
    for word in words {
        assert!(finding.text.contains(word), "{word}: {}", finding.text);
    }
}

#[test]
fn a_key_at_a_wrong_name_is_found_there() {
    for (name, code, mend) in [
        (
            "pr1._domainkey.example.com.example.com",
            Code::RecordAtDoubledName,
            "enter pr1._domainkey as its name",
        ),
        ("pr1.domainkey.example.com", Code::RecordMissingUnderscore, "with the underscore"),
        ("example.com", Code::RecordAtApex, "enter pr1._domainkey as its name"),
        ("pr1._domainkey.www.example.com", Code::RecordAtWww, "without www"),
    ] {
        let finding = key_finding(&key_at(name));
        fails(&finding, code, &["TXT pr1._domainkey.example.com: ", &format!("stands at {name};"), mend]);
    }
}

#[test]
fn another_record_at_those_names_explains_nothing() {
    for name in [
        "pr1._domainkey.example.com.example.com",
        "pr1.domainkey.example.com",
        "example.com",
        "pr1._domainkey.www.example.com",
    ] {
        let dns = zone().txt(name, &["v=DKIM1; k=rsa; p=AAAA"]);
        fails(&key_finding(&dns), Code::RecordMissing, &["publish it"]);
    }
}

#[test]
fn a_key_in_the_parent_domain_is_found_there_and_nowhere_above() {
    let (plan, value) = planned("sub.example.com");
    let base = || ScriptedResolver::new().txt("sub.example.com", &["unrelated"]);
    let dns = base().record("pr1._domainkey.example.com", txt(&value));
    fails(
        &look(&plan, &dns)[at(&plan, Purpose::Dkim)],
        Code::RecordInParentZone,
        &["make it for sub.example.com"],
    );
    let dns = base().record("pr1._domainkey.com", txt(&value));
    fails(&look(&plan, &dns)[at(&plan, Purpose::Dkim)], Code::RecordMissing, &[]);
    assert!(
        dns.asked().iter().all(|question| question.name.as_str() != "pr1._domainkey.com"),
        "nobody's zone"
    );
}

#[test]
fn a_cname_at_a_wrong_name_is_found_there() {
    for (name, code) in [
        ("mailer.example.com.example.com", Code::RecordAtDoubledName),
        ("mailer.www.example.com", Code::RecordAtWww),
    ] {
        fails(&cname_finding(&zone().cname(name, TARGET)), code, &["CNAME mailer.example.com: ", name]);
        let elsewhere = zone().cname(name, "elsewhere.example");
        fails(&cname_finding(&elsewhere), Code::RecordMissing, &[]);
    }
}

#[test]
fn an_answer_from_a_wildcard_is_told_apart_from_a_record() {
    let wild = zone().txt("*.example.com", &["v=spf1 -all"]);
    fails(&key_finding(&wild), Code::RecordFromWildcard, &["v=spf1 -all", "comes from a wildcard"]);
    let own = zone().txt("pr1._domainkey.example.com", &["v=spf1 -all"]).txt("*.example.com", &["other"]);
    fails(&key_finding(&own), Code::DkimSyntax, &[]);
    let wild = zone().cname("*.example.com", "parking.example");
    fails(&cname_finding(&wild), Code::RecordFromWildcard, &["parking.example."]);
    let own = zone().cname("mailer.example.com", "parking.example");
    fails(&cname_finding(&own), Code::CnameWrongTarget, &["parking.example."]);
}

#[test]
fn addresses_in_place_of_the_cname_are_a_proxy_or_flattening() {
    let v4 = zone().a("mailer.example.com", ADDRESS);
    fails(&cname_finding(&v4), Code::CnameProxiedOrFlattened, &["192.0.2.1", "switch off the proxy"]);
    let v6 = zone().aaaa("mailer.example.com", Ipv6Addr::LOCALHOST);
    fails(&cname_finding(&v6), Code::CnameProxiedOrFlattened, &["::1"]);
    let elsewhere = zone().a("example.com", ADDRESS);
    fails(&cname_finding(&elsewhere), Code::RecordMissing, &[]);
}

#[test]
fn a_txt_record_in_place_of_the_cname_is_the_wrong_type() {
    let dns = zone().txt("mailer.example.com", &[TARGET]);
    fails(&cname_finding(&dns), Code::WrongType, &[TARGET, "change its type"]);
}

#[test]
fn a_domain_that_is_not_in_the_dns_is_told_and_one_without_records_is_not_it() {
    let nowhere = ScriptedResolver::new();
    fails(&key_finding(&nowhere), Code::DomainNxdomain, &["example.com does not exist in the DNS"]);
    fails(&cname_finding(&nowhere), Code::DomainNxdomain, &[]);
    fails(&key_finding(&zone()), Code::RecordMissing, &[]);
    let silent = ScriptedResolver::new().fail("example.com", RecordType::Soa, Outcome::Timeout);
    fails(&key_finding(&silent), Code::RecordMissing, &[]);
}

#[test]
fn a_name_that_is_new_below_a_registered_domain_only_lacks_its_records() {
    let (plan, _) = planned("shop.example.com");
    for finding in look(&plan, &zone()) {
        assert_ne!(finding.code, Some(Code::DomainNxdomain), "{}", finding.text);
    }
    let nowhere = look(&plan, &ScriptedResolver::new()).swap_remove(at(&plan, Purpose::Dkim));
    fails(&nowhere, Code::DomainNxdomain, &[": example.com does not exist in the DNS"]);
}

#[test]
fn the_first_mistake_in_the_order_is_the_one_that_is_told() {
    let dns = key_at("pr1._domainkey.example.com.example.com")
        .record("pr1.domainkey.example.com", txt(&PLAN.1))
        .record("example.com", txt(&PLAN.1));
    fails(&key_finding(&dns), Code::RecordAtDoubledName, &[]);
    let dns = key_at("pr1._domainkey.www.example.com").record("example.com", txt(&PLAN.1));
    fails(&key_finding(&dns), Code::RecordAtApex, &[]);
}

#[test]
fn what_passes_or_is_temporary_is_not_explained() {
    let good = key_at("pr1._domainkey.example.com").cname("mailer.example.com", TARGET);
    assert!(look(&PLAN.0, &good).iter().all(|finding| finding.verdict == Verdict::Pass));
    assert_eq!(good.asked().len(), 5 + 3, "and our mail host; what SPF leads to is known by then");
    let silent = zone().fail("pr1._domainkey.example.com", RecordType::Txt, Outcome::Timeout).fail(
        "mailer.example.com",
        RecordType::Cname,
        Outcome::ServFail { detail: String::new() },
    );
    for purpose in [Purpose::Dkim, Purpose::ReturnPath] {
        let asked = silent.asked().len();
        assert_eq!(finding(&silent, purpose).verdict, Verdict::Temporary);
        // Five, and what the right ones among them lead to, as above.
        assert_eq!(silent.asked().len(), asked + 5 + 3);
    }
}

#[test]
fn a_failed_record_costs_at_most_12_more_look_ups() {
    let good_cname = |dns: ScriptedResolver| dns.cname("mailer.example.com", TARGET);
    let good_key = |dns: ScriptedResolver| dns.record("pr1._domainkey.example.com", txt(&PLAN.1));
    for dns in [
        good_cname(zone()),
        good_key(zone()),
        good_cname(ScriptedResolver::new()),
        good_cname(zone().txt("*.example.com", &["junk"])),
        good_key(zone().cname("mailer.example.com", "elsewhere.example")),
    ] {
        let failed = look(&PLAN.0, &dns).iter().filter(|finding| finding.verdict == Verdict::Fail).count();
        let more = dns.asked().len() - 5;
        assert!((1..=5).contains(&failed), "{failed}");
        assert!((failed..=failed * 12).contains(&more), "{more} more: {:?}", dns.asked());
    }
    let (plan, _) = planned("a.b.example.co.uk");
    let dns = ScriptedResolver::new();
    look(&plan, &dns);
    assert!(dns.asked().len() <= 5 + 5 * 12, "{}", dns.asked().len());
}

#[test]
fn a_record_that_is_right_somewhere_else_is_never_a_pass() {
    let everywhere = key_at("pr1._domainkey.example.com.example.com")
        .record("pr1.domainkey.example.com", txt(&PLAN.1))
        .record("example.com", txt(&PLAN.1))
        .record("pr1._domainkey.www.example.com", txt(&PLAN.1))
        .record("pr1._domainkey.com", txt(&PLAN.1))
        .record("mailer.example.com.example.com", RecordData::Cname(TARGET.parse().unwrap()));
    assert_eq!(key_finding(&everywhere).verdict, Verdict::Fail);
    assert_eq!(cname_finding(&everywhere).verdict, Verdict::Fail);
}

#[test]
fn a_dmarc_record_at_a_wrong_name_is_found_there() {
    let right = "v=DMARC1; p=none";
    let base = || ScriptedResolver::new().txt("example.com", &["unrelated"]);
    for (name, code, mend) in [
        ("_dmarc.example.com.example.com", Code::RecordAtDoubledName, "enter _dmarc as its name"),
        ("dmarc.example.com", Code::RecordMissingUnderscore, "with the underscore"),
        ("example.com", Code::RecordAtApex, "enter _dmarc as its name"),
        ("_dmarc.www.example.com", Code::RecordAtWww, "without www"),
    ] {
        fails(&finding(&base().txt(name, &[right]), Purpose::Dmarc), code, &[name, mend]);
        let other = base().txt(name, &["v=DMARC1; p=nonsense"]);
        fails(&finding(&other, Purpose::Dmarc), Code::RecordMissing, &["publish it"]);
    }
}

#[test]
fn an_mx_record_at_the_doubled_name_is_found_there() {
    let name = "example.com.example.com";
    let base = || ScriptedResolver::new().txt("example.com", &["unrelated"]);
    let ours = base().mx(name, 10, "mx.mail.example.net");
    fails(&finding(&ours, Purpose::Mx), Code::RecordAtDoubledName, &["enter @ as its name"]);
    let theirs = base().mx(name, 10, "mx.elsewhere.example");
    fails(&finding(&theirs, Purpose::Mx), Code::MxMissing, &["publish it"]);
}

#[test]
fn an_spf_record_at_the_doubled_name_is_found_there() {
    let name = "example.com.example.com";
    let base = || ScriptedResolver::new().txt("example.com", &["unrelated"]);
    let ours = base().txt(name, &["v=spf1 mx ~all"]);
    fails(&finding(&ours, Purpose::Spf), Code::RecordAtDoubledName, &["enter @ as its name"]);
    fails(&finding(&base().txt(name, &["v=spf1 ~all"]), Purpose::Spf), Code::SpfMissing, &["publish it"]);
}
