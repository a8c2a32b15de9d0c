//! Judging MX, SPF and DMARC records: a row for each rule, and a near miss beside it.

use postroom::dns::{Outcome, RecordData, RecordType, ScriptedResolver, TxtData};
use postroom::id::DomainId;
use postroom::name::DnsName;
use postroom::settings::DmarcPolicy;
use postroom::verify::{
    self, Act, Code, DmarcExpectation, Expectation, Finding, MxExpectation, SpfExpectation, Verdict, judge,
    plan,
};

use super::answers::{found, said};
use crate::harness::app::{TestApp, settings, txt};

use Verdict::{Fail, Pass, Warn};

fn mx_expected() -> Expectation {
    let (name, host) = ("example.com".parse().unwrap(), "mx.example.net".parse().unwrap());
    Expectation::Mx(MxExpectation { name, host, priority: 10 })
}

fn spf_expected(mechanisms: &[&str]) -> Expectation {
    let whole = format!("v=spf1 {} ~all", mechanisms.join(" "));
    let mechanisms = mechanisms.iter().map(ToString::to_string).collect();
    Expectation::Spf(SpfExpectation {
        name: "example.com".parse().unwrap(),
        mechanisms,
        addresses: Vec::new(),
        whole,
    })
}

fn dmarc_expected(policy: DmarcPolicy) -> Expectation {
    let whole = format!("v=DMARC1; p={policy}");
    Expectation::Dmarc(DmarcExpectation { name: "_dmarc.example.com".parse().unwrap(), policy, whole })
}

fn judged(expected: &Expectation, records: Vec<RecordData>) -> Finding {
    judge::answer(expected, &said("resolver", found(records)))
}

#[track_caller]
fn is(finding: &Finding, verdict: Verdict, code: Option<Code>, of: &str) {
    assert_eq!((finding.verdict, finding.code), (verdict, code), "{of}: {}", finding.text);
    assert!(finding.text.ends_with('.') && finding.text.len() < 900, "{}", finding.text);
}

fn mx(hosts: &[(u16, &str)]) -> Vec<RecordData> {
    let record = |(preference, host): &(u16, &str)| RecordData::Mx {
        preference: *preference,
        exchange: DnsName::from_answer(host),
    };
    hosts.iter().map(record).collect()
}

#[test]
fn our_host_must_be_the_most_preferred_of_the_mx_records() {
    const OURS: &str = "mx.example.net";
    for (hosts, verdict, code) in [
        (&[(10, OURS)][..], Pass, None),
        (&[(10, "MX.Example.NET.")], Pass, None),
        // Which number it has is the owner's affair, as long as none is smaller.
        (&[(0, OURS)], Pass, None),
        (&[(65535, OURS)], Pass, None),
        (&[(10, OURS), (20, "backup.example.org")], Pass, None),
        (&[(10, OURS), (11, "backup.example.org")], Pass, None),
        (&[(10, OURS), (20, OURS), (30, "backup.example.org")], Pass, None),
        (&[(10, OURS), (10, "other.example.org")], Warn, Some(Code::MxForeignEqual)),
        (&[(10, OURS), (10, "192.0.2.1")], Warn, Some(Code::MxForeignEqual)),
        (&[(10, OURS), (9, "other.example.org")], Fail, Some(Code::MxForeignPreferred)),
        (&[(10, OURS), (0, "other.example.org")], Fail, Some(Code::MxForeignPreferred)),
        (&[(10, OURS), (20, OURS), (9, "other.example.org")], Fail, Some(Code::MxForeignPreferred)),
        (&[(10, "other.example.org")], Fail, Some(Code::MxMissing)),
        (&[(10, "mx.example.net.example.com")], Fail, Some(Code::DomainAddedToTarget)),
        (&[(10, "mx.example.net.example.org")], Fail, Some(Code::MxMissing)),
        (&[(10, "xmx.example.net")], Fail, Some(Code::MxMissing)),
        (&[(10, "example.net")], Fail, Some(Code::MxMissing)),
        (&[(0, "")], Fail, Some(Code::MxNull)),
        // RFC 7505 section 3: a null MX stands alone.
        (&[(0, ""), (10, OURS)], Fail, Some(Code::MxNull)),
        (&[(10, OURS), (10, ""), (10, "other.example.org")], Warn, Some(Code::MxNull)),
        (&[(10, OURS), (20, "")], Warn, Some(Code::MxNull)),
        (&[(10, OURS), (5, ""), (0, "other.example.org")], Fail, Some(Code::MxForeignPreferred)),
        (&[(0, ""), (10, "other.example.org")], Fail, Some(Code::MxMissing)),
        (&[(10, "192.0.2.1")], Fail, Some(Code::MxIpLiteral)),
        (&[(10, "192.0.2.1"), (20, "other.example.org")], Fail, Some(Code::MxIpLiteral)),
        (&[(10, "192.0.2.1.example.com")], Fail, Some(Code::MxIpLiteral)),
        (&[(10, "[192.0.2.1]")], Fail, Some(Code::MxIpLiteral)),
        (&[(10, "[IPv6:2001:db8::1].example.com")], Fail, Some(Code::MxIpLiteral)),
        (&[(10, "2001:db8::1")], Fail, Some(Code::MxIpLiteral)),
        (&[(10, "192.0.2.1.example.org")], Fail, Some(Code::MxMissing)),
    ] {
        is(&judged(&mx_expected(), mx(hosts)), verdict, code, &format!("{hosts:?}"));
    }
}

#[test]
fn no_mx_record_is_missing_and_other_records_are_none() {
    for outcome in [Outcome::NoData { remaining: None }, Outcome::NxDomain { remaining: None }] {
        let finding = judge::answer(&mx_expected(), &said("resolver", outcome));
        is(&finding, Fail, Some(Code::MxMissing), "nothing");
        assert_eq!(finding.seen, None);
    }
    let other = judged(&mx_expected(), vec![txt("10 mx.example.net.")]);
    is(&other, Fail, Some(Code::MxMissing), "a TXT record");
}

/// What a look at the domain finds, which is to have our mail host.
fn mx_looked_at(dns: &ScriptedResolver) -> Finding {
    verify::look(&"example.com".parse().unwrap(), &[mx_expected()], dns).remove(0).finding
}

#[test]
fn a_null_mx_beside_ours_is_what_is_to_be_deleted() {
    let dns = ScriptedResolver::new()
        .mx("example.com", 10, "mx.example.net")
        .mx("example.com", 20, ".")
        .a("mx.example.net", [192, 0, 2, 1].into());
    let action = mx_looked_at(&dns).action.unwrap();
    assert_eq!((action.act, action.from.as_deref()), (Act::Delete, Some("20 .")));
}

#[test]
fn without_an_mx_record_an_address_that_cannot_be_looked_up_settles_nothing() {
    let zone = || {
        ScriptedResolver::new()
            .a("example.com", [192, 0, 2, 1].into())
            .a("mx.example.net", [192, 0, 2, 1].into())
    };
    let silent = |dns: ScriptedResolver, name, kind| mx_looked_at(&dns.fail(name, kind, Outcome::Timeout));
    is(&mx_looked_at(&zone()), Warn, Some(Code::MxImplicit), "all is known");
    for (what, finding) in [
        ("the domain's", silent(zone(), "example.com", RecordType::A)),
        ("another one of the domain's", silent(zone(), "example.com", RecordType::Aaaa)),
        ("ours", silent(zone(), "mx.example.net", RecordType::A)),
    ] {
        assert_eq!(finding.verdict, Verdict::Temporary, "{what}: {}", finding.text);
        assert!(finding.text.contains("could not be looked up"), "{}", finding.text);
    }
    // What does not decide is not waited for.
    let known = silent(zone(), "mx.example.net", RecordType::Aaaa);
    is(&known, Warn, Some(Code::MxImplicit), "our other address");
    let elsewhere = zone().a("example.com", [198, 51, 100, 1].into());
    let known = silent(elsewhere, "example.com", RecordType::Aaaa);
    is(&known, Fail, Some(Code::MxMissing), "mail goes elsewhere");
}

#[test]
fn of_very_many_mail_hosts_the_first_are_shown_and_what_is_stored_has_an_end() {
    let dns = (0..200).fold(ScriptedResolver::new(), |dns, n| {
        dns.mx("example.com", n, &format!("{}.m{n}.example.org", "x".repeat(60)))
    });
    let finding = mx_looked_at(&dns);
    assert!(finding.text.contains("(and 190 more)") && finding.text.len() < 2_000, "{}", finding.text);
    assert_eq!(finding.action.unwrap().from, None);
    let dns = ScriptedResolver::new().mx("example.com", 10, "mx.example.org");
    assert_eq!(mx_looked_at(&dns).action.unwrap().from.as_deref(), Some("10 mx.example.org."));
}

#[test]
fn an_mx_finding_shows_what_was_seen_and_what_is_wanted() {
    let finding = judged(&mx_expected(), mx(&[(20, "b.example.org"), (5, "a.example.org")]));
    assert_eq!(finding.seen.as_deref(), Some("5 a.example.org., 20 b.example.org."), "in their order");
    assert!(finding.text.starts_with("MX example.com: "), "{}", finding.text);
    assert!(finding.text.contains("wanted is \"10 mx.example.net.\""), "{}", finding.text);
}

#[test]
fn an_spf_record_must_have_what_we_ask_for_where_it_is_reached() {
    let ours = spf_expected(&["include:spf.example.net"]);
    for (text, verdict, code) in [
        ("v=spf1 include:spf.example.net ~all", Pass, None),
        ("v=spf1 include:spf.example.net -all", Pass, None),
        ("v=spf1 include:spf.example.net", Pass, None),
        ("v=spf1 +include:spf.example.net ?all", Pass, None),
        ("V=SPF1 INCLUDE:SPF.Example.NET ~ALL", Pass, None),
        ("v=spf1 mx a:x.example.org  include:spf.example.net  ~all", Pass, None),
        ("v=spf1 include:spf.example.net redirect=other.example.org", Pass, None),
        ("v=spf1 include:spf.example.net all", Warn, Some(Code::SpfPlusAll)),
        ("v=spf1 include:spf.example.net +ALL", Warn, Some(Code::SpfPlusAll)),
        // A qualifier that does not pass whom it matches lets nobody send.
        ("v=spf1 -include:spf.example.net ~all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 ~include:spf.example.net ~all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 ?include:spf.example.net ~all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 include:spf.example.net.example.org ~all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 include:xspf.example.net ~all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 include: spf.example.net ~all", Fail, Some(Code::ValueSplitWithSpace)),
        ("v=spf1 exp=include:spf.example.net ~all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 ~all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 ~all include:spf.example.net", Fail, Some(Code::SpfIncludeAfterAll)),
        ("v=spf1 mx -ALL +include:spf.example.net", Fail, Some(Code::SpfIncludeAfterAll)),
        ("v=spf1 ~all -include:spf.example.net", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf10 include:spf.example.net ~all", Fail, Some(Code::SpfVersion)),
        ("v=spf2.0 include:spf.example.net ~all", Fail, Some(Code::SpfVersion)),
        (" v=spf1 include:spf.example.net ~all", Fail, Some(Code::SpfVersion)),
        ("\"v=spf1 include:spf.example.net ~all\"", Fail, Some(Code::QuotesInValue)),
        ("spf2.0/pra include:spf.example.net ~all", Fail, Some(Code::SpfMissing)),
        ("v=spf1;include:spf.example.net", Fail, Some(Code::SpfVersion)),
        ("", Fail, Some(Code::SpfMissing)),
    ] {
        is(&judged(&ours, vec![txt(text)]), verdict, code, text);
    }
}

#[test]
fn each_mechanism_that_is_asked_for_must_be_there() {
    let two = spf_expected(&["mx", "ip4:192.0.2.0/24"]);
    for (text, verdict, code) in [
        ("v=spf1 mx ip4:192.0.2.0/24 ~all", Pass, None),
        ("v=spf1 ip4:192.0.2.0/24 mx ~all", Pass, None),
        ("v=spf1 mx ~all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 ip4:192.0.2.0/24 ~all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 mx ip4:192.0.2.0/25 ~all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 mx/24 ip4:192.0.2.0/24 ~all", Fail, Some(Code::SpfMechanismMissing)),
        ("v=spf1 mx ~all ip4:192.0.2.0/24", Fail, Some(Code::SpfIncludeAfterAll)),
    ] {
        is(&judged(&two, vec![txt(text)]), verdict, code, text);
    }
}

#[test]
fn what_we_ask_for_is_what_the_seeded_record_has_but_the_word_all() {
    let mut settings = settings();
    settings.spf_mechanism = "include:spf.over-all".parse().unwrap();
    let app = TestApp::with(settings, 1);
    let key = app.account("acme");
    let id = DomainId::new(app.domain(&key, "example.com"));
    let plan = app.postroom.read(|tx| plan(tx, &key.operator(), id)).unwrap();
    let expected = plan.expected().iter();
    let spf = expected
        .clone()
        .find(|expected| matches!(expected, Expectation::Spf(SpfExpectation { .. })))
        .unwrap();
    is(&judged(spf, vec![txt(&spf.wanted())]), Pass, None, "the seeded record itself");
    is(
        &judged(spf, vec![txt("v=spf1 ~all")]),
        Fail,
        Some(Code::SpfMechanismMissing),
        "a name that ends in all",
    );
}

#[test]
fn there_is_one_spf_record_and_what_else_stands_there_is_nothing_to_it() {
    let ours = spf_expected(&["mx"]);
    let right = || txt("v=spf1 mx ~all");
    is(&judged(&ours, vec![txt("google-site-verification=x"), right()]), Pass, None, "another TXT");
    is(&judged(&ours, vec![right(), right()]), Pass, None, "one record twice is one");
    is(&judged(&ours, vec![right(), txt("v=spf10 -all")]), Pass, None, "no SPF record");
    for second in ["v=spf1 -all", "v=spf1", "V=SPF1 mx -all"] {
        let two = judged(&ours, vec![right(), txt(second)]);
        is(&two, Fail, Some(Code::SpfMultiple), second);
        assert!(two.text.contains("there are 2 SPF records"), "{}", two.text);
    }
    for outcome in [Outcome::NoData { remaining: None }, Outcome::NxDomain { remaining: None }] {
        is(&judge::answer(&ours, &said("r", outcome)), Fail, Some(Code::SpfMissing), "nothing");
    }
    let split = RecordData::txt(&["v=spf1 m", "x ~all"]);
    is(&judged(&ours, vec![split]), Pass, None, "strings are joined with nothing between");
    let apart = RecordData::txt(&["v=spf1", "mx ~all"]);
    is(&judged(&ours, vec![apart]), Fail, Some(Code::SpfVersion), "nothing at all between");
}

#[test]
fn a_record_to_publish_is_theirs_with_ours_merged_into_it() {
    let ours = spf_expected(&["include:spf.example.net"]);
    let finding = judged(&ours, vec![txt("v=spf1 mx -all")]);
    let wanted = "wanted is \"v=spf1 include:spf.example.net mx -all\"";
    assert!(finding.text.contains(wanted), "{}", finding.text);
    assert!(judged(&ours, vec![txt("v=spf1 include:spf.example.net mx -all")]).verdict.passes());
}

#[test]
fn a_dmarc_record_is_one_with_a_policy_at_least_as_strict() {
    use DmarcPolicy::{None as Nothing, Quarantine, Reject};
    for (policy, text, verdict, code) in [
        (Nothing, "v=DMARC1; p=none", Pass, None),
        (Nothing, "v=DMARC1;p=none;", Pass, None),
        (Nothing, "v=DMARC1 ; p = none ; rua=mailto:a@example.com", Pass, None),
        (Nothing, "v=DMARC1; p=NONE", Pass, None),
        (Nothing, "v=DMARC1; p=quarantine", Pass, None),
        (Nothing, "v=DMARC1; p=reject; sp=none; adkim=s; np=reject; psd=n", Pass, None),
        (Quarantine, "v=DMARC1; p=quarantine", Pass, None),
        (Quarantine, "v=DMARC1; p=reject", Pass, None),
        (Reject, "v=DMARC1; p=reject", Pass, None),
        (Quarantine, "v=DMARC1; p=none", Fail, Some(Code::DmarcPolicyWeaker)),
        (Reject, "v=DMARC1; p=quarantine", Fail, Some(Code::DmarcPolicyWeaker)),
        (Reject, "v=DMARC1; p=none; sp=reject", Fail, Some(Code::DmarcPolicyWeaker)),
        // RFC 9989 section 4.7: without p= it counts as none where there is somewhere to report to.
        (Nothing, "v=DMARC1; rua=mailto:a@example.com", Pass, None),
        (Reject, "v=DMARC1; rua=mailto:a@example.com", Fail, Some(Code::DmarcPolicyWeaker)),
        (Nothing, "v=DMARC1; rua=https://example.com", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "v=DMARC1", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "v=DMARC1; sp=none", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "v=DMARC1; p=", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "v=DMARC1; p=block", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "v=DMARC1; p=none none", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "v=DMARC1; P=none", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "v=DMARC1; p=none; p=reject", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "v=DMARC1; p=none;; rua=mailto:a@example.com", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "v=DMARC1 p=none", Fail, Some(Code::SemicolonsMissing)),
        (Nothing, "v=DMARC1, p=none", Fail, Some(Code::SemicolonsMissing)),
        (Nothing, "v=DMARC10; p=none", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "v=dmarc1; p=none", Fail, Some(Code::ValueLowercased)),
        (Nothing, "p=none; v=DMARC1", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "\"v=DMARC1; p=none\"", Fail, Some(Code::QuotesInValue)),
        (Nothing, "v=spf1 mx ~all", Fail, Some(Code::DmarcSyntax)),
        (Nothing, "v=DMARC1; p=none; pct=100", Warn, Some(Code::DmarcRemovedTag)),
        (Nothing, "v=DMARC1; p=none; ri=86400", Warn, Some(Code::DmarcRemovedTag)),
        (Nothing, "v=DMARC1; p=none; rf=afrf", Warn, Some(Code::DmarcRemovedTag)),
        (Nothing, "v=DMARC1; p=none; fo=1", Pass, None),
        (Nothing, "v=DMARC1; p=none; x_pct=100", Pass, None),
        (Quarantine, "v=DMARC1; p=none; pct=100", Fail, Some(Code::DmarcPolicyWeaker)),
    ] {
        is(&judged(&dmarc_expected(policy), vec![txt(text)]), verdict, code, text);
    }
}

#[test]
fn two_dmarc_records_count_as_none_and_other_records_are_dropped() {
    let expected = dmarc_expected(DmarcPolicy::None);
    let right = || txt("v=DMARC1; p=none");
    is(&judged(&expected, vec![right(), txt("unrelated")]), Pass, None, "another TXT");
    is(&judged(&expected, vec![right(), right()]), Pass, None, "one record twice is one");
    let two = judged(&expected, vec![right(), txt("v=DMARC1; p=reject")]);
    is(&two, Fail, Some(Code::DmarcMultiple), "two");
    is(&judged(&expected, vec![txt("one"), txt("two")]), Fail, Some(Code::DmarcSyntax), "none");
    for outcome in [Outcome::NoData { remaining: None }, Outcome::NxDomain { remaining: None }] {
        is(&judge::answer(&expected, &said("r", outcome)), Fail, Some(Code::RecordMissing), "nothing");
    }
}

/// What a record must hold to for receivers to apply what it says (RFC 9989 sections 4.7, 4.8 and 4.10).
#[test]
fn a_dmarc_record_that_receivers_pass_over_or_weaken_fails() {
    use DmarcPolicy::{None as Nothing, Quarantine, Reject};
    let weaker = Some(Code::DmarcPolicyWeaker);
    let syntax = Some(Code::DmarcSyntax);
    for (policy, text, verdict, code) in [
        // Whoever's policy for subdomains is misspelt has none at all.
        (Nothing, "v=DMARC1; p=reject; sp=rejected", Fail, syntax),
        (Nothing, "v=DMARC1; p=reject; sp=", Fail, syntax),
        // With somewhere to report to, it counts as p=none.
        (Nothing, "v=DMARC1; p=reject; np=x; rua=mailto:a@example.com", Warn, syntax),
        (Nothing, "v=DMARC1; p=reject; sp=invalid; rua=mailto:a@example.com", Warn, syntax),
        (Nothing, "v=DMARC1; p=rejected; rua=mailto:a@example.com", Warn, syntax),
        (Quarantine, "v=DMARC1; p=reject; sp=invalid; rua=mailto:a@example.com", Fail, weaker),
        (Quarantine, "v=DMARC1; p=rejected; rua=mailto:a@example.com", Fail, weaker),
        (Nothing, "v=DMARC1; p=reject; sp=invalid; rua=a@example.com", Fail, syntax),
        (Nothing, "v=DMARC1; p=reject; sp=Reject; np=NONE", Pass, None),
        (Nothing, "v=DMARC1; p=reject; SP=x", Pass, None),
        // While it is tested, the next weaker policy applies.
        (Quarantine, "v=DMARC1; p=quarantine; t=y", Fail, weaker),
        (Quarantine, "v=DMARC1; p=quarantine; t=Y", Fail, weaker),
        (Reject, "v=DMARC1; p=reject; t=y", Fail, weaker),
        (Quarantine, "v=DMARC1; p=reject; t=y", Pass, None),
        (Nothing, "v=DMARC1; p=none; t=y", Pass, None),
        (Quarantine, "v=DMARC1; p=quarantine; t=n", Pass, None),
        (Quarantine, "v=DMARC1; p=quarantine; t=yes", Pass, None),
        // White space is spaces and tabs.
        (Nothing, "v=DMARC1; p=none;\r\n rua=mailto:a@example.com", Fail, syntax),
        (Nothing, "v=DMARC1; p=none\n", Fail, syntax),
        (Nothing, "v=DMARC1;\tp=none\t", Pass, None),
        // The version comes first, in capital letters, whatever the case of its name and the spaces around it.
        (Nothing, "p=none; v=DMARC1", Fail, syntax),
        (Nothing, "x=1; v=DMARC1; p=none", Fail, syntax),
        (Nothing, "V=DMARC1; p=none", Pass, None),
        (Nothing, "V = DMARC1 ;p=none", Pass, None),
        (Nothing, "V=DMARC1; v=DMARC1; p=none", Fail, syntax),
        (Nothing, "v=DMARC10; p=none", Fail, syntax),
        (Nothing, "v=DMARC1x; p=none", Fail, syntax),
        (Nothing, "v = DMARC1 ; p=none", Pass, None),
        (Nothing, "v=DMARC1\t; p=none", Pass, None),
    ] {
        is(&judged(&dmarc_expected(policy), vec![txt(text)]), verdict, code, text);
    }
}

#[test]
fn a_second_dmarc_record_counts_however_its_version_is_spelt() {
    let expected = dmarc_expected(DmarcPolicy::None);
    for (another, code) in [
        ("v=DMARC1; p=none", Some(Code::DmarcMultiple)),
        ("v = DMARC1; p=none", Some(Code::DmarcMultiple)),
        ("v\t=DMARC1 ;p=none", Some(Code::DmarcMultiple)),
        ("V=DMARC1; p=none", Some(Code::DmarcMultiple)),
        ("v=DMARC1", Some(Code::DmarcMultiple)),
        // Dropped: no version at the front, another version, or none.
        ("v=DMARC10; p=none", None),
        ("v=DMARC1x", None),
        ("v=dmarc1; p=none", None),
        (" p=none; v=DMARC1", None),
        ("v=spf1 -all", None),
    ] {
        let finding = judged(&expected, vec![txt("v=DMARC1; p=reject"), txt(another)]);
        is(&finding, if code.is_some() { Fail } else { Pass }, code, another);
    }
}

#[test]
fn an_address_that_no_report_reaches_warns() {
    let expected = dmarc_expected(DmarcPolicy::None);
    let warning = Some(Code::DmarcReportAddress);
    for (tags, code) in [
        ("rua=mailto:a@example.com", None),
        ("rua=MAILTO:a@example.com!10m , mailto:b@example.net", None),
        ("rua=mailto:a+b@example.com?subject=x; ruf=mailto:c@example.com", None),
        ("rua=a@example.com", warning),
        ("rua=mailto:a@example.com, b@example.com", warning),
        ("rua=mailto:a@example.com,", warning),
        ("rua=https://example.com/dmarc", warning),
        ("rua=mailto:", warning),
        ("rua=mailto:@example.com", warning),
        ("rua=mailto:a", warning),
        ("rua=mailto:a b@example.com", warning),
        ("rua=mailto:a@exa mple.com", warning),
        ("rua=", warning),
        ("ruf=a@example.com", warning),
        // What is not asked for is nobody's loss.
        ("x_rua=a@example.com", None),
        ("RUA=a@example.com", None),
    ] {
        let finding = judged(&expected, vec![txt(&format!("v=DMARC1; p=none; {tags}"))]);
        is(&finding, if code.is_some() { Warn } else { Pass }, code, tags);
    }
    let both = judged(&expected, vec![txt("v=DMARC1; rua=a@example.com, mailto:b@example.com")]);
    is(&both, Warn, warning, "one that reports reach makes it p=none");
}

#[test]
fn a_servers_trouble_is_temporary_for_mail_records_too() {
    for expected in [mx_expected(), spf_expected(&["mx"]), dmarc_expected(DmarcPolicy::None)] {
        for outcome in [Outcome::Timeout, Outcome::ServFail { detail: String::new() }] {
            assert_eq!(judge::answer(&expected, &said("r", outcome)).verdict, Verdict::Temporary);
        }
        assert_eq!(judge::answer(&expected, &said("r", Outcome::CnameLoop)).verdict, Fail);
    }
}

#[test]
fn octets_that_are_no_text_fail_in_peace() {
    for octets in [vec![0xff; 300], vec![0], b"v=spf1 \xff ~all".to_vec(), b"v=DMARC1; p=\xff".to_vec()] {
        for expected in [spf_expected(&["mx"]), dmarc_expected(DmarcPolicy::None)] {
            let seen = RecordData::Txt(TxtData::new(vec![octets.clone()]));
            let finding = judged(&expected, vec![seen]);
            assert_eq!(finding.verdict, Fail, "{}", finding.text);
            assert!(finding.text.bytes().all(|octet| octet != 0));
        }
    }
}
