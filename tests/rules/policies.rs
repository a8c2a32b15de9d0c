//! DMARC beyond the record itself: the policy of a domain above, and whether another domain allows reports on this one.

use postroom::dns::{Outcome, RecordType, ScriptedResolver};
use postroom::name::DomainName;
use postroom::settings::DmarcPolicy;
use postroom::verify::{self, Code, DmarcExpectation, Expectation, Finding, Verdict};

use Verdict::{Fail, Pass, Warn};

/// What a look at `domain` finds, which must have this policy.
fn found(domain: &str, policy: DmarcPolicy, whole: &str, dns: &ScriptedResolver) -> Finding {
    let domain: DomainName = domain.parse().unwrap();
    let expected = Expectation::Dmarc(DmarcExpectation {
        name: domain.record("_dmarc"),
        policy,
        whole: whole.to_owned(),
    });
    verify::look(&domain, &[expected], dns).remove(0).finding
}

#[track_caller]
fn is(finding: &Finding, verdict: Verdict, code: Option<Code>, what: &str) {
    assert_eq!((finding.verdict, finding.code), (verdict, code), "{what}: {}", finding.text);
}

#[test]
fn a_policy_from_above_is_what_receivers_apply_to_subdomains() {
    use DmarcPolicy::{None as Nothing, Quarantine, Reject};
    let weaker = Some(Code::DmarcPolicyWeaker);
    let missing = Some(Code::RecordMissing);
    for (policy, above, verdict, code) in [
        (Quarantine, "v=DMARC1; p=quarantine", Pass, None),
        (Quarantine, "v=DMARC1; p=none", Fail, weaker),
        (Quarantine, "v=DMARC1; p=reject; sp=none", Fail, weaker),
        (Quarantine, "v=DMARC1; p=none; sp=reject", Pass, None),
        // While it is tested, the next weaker policy applies (RFC 9989 section 4.7).
        (Quarantine, "v=DMARC1; p=quarantine; t=y", Fail, weaker),
        (Quarantine, "v=DMARC1; p=none; sp=quarantine; t=Y", Fail, weaker),
        (Reject, "v=DMARC1; p=reject; t=y", Fail, weaker),
        (Quarantine, "v=DMARC1; p=reject; t=y", Pass, None),
        (Quarantine, "v=DMARC1; p=quarantine; t=n", Pass, None),
        (Nothing, "v=DMARC1; p=none; t=y", Pass, None),
        // What names no policy, but an address for reports, counts as p=none (RFC 9989 section 4.10.1).
        (Nothing, "v=DMARC1; rua=mailto:a@example.com", Pass, None),
        (Quarantine, "v=DMARC1; rua=mailto:a@example.com", Fail, weaker),
        (Nothing, "v=DMARC1; p=reject; sp=invalid; rua=mailto:a@example.com", Pass, None),
        (Quarantine, "v=DMARC1; p=reject; sp=invalid; rua=mailto:a@example.com", Fail, weaker),
        (Quarantine, "v=DMARC1; p=reject; np=invalid; rua=mailto:a@example.com", Fail, weaker),
        // Without one it is no record.
        (Nothing, "v=DMARC1; p=reject; sp=invalid", Fail, missing),
        (Nothing, "v=DMARC1; p=rejected", Fail, missing),
        (Nothing, "v=DMARC1", Fail, missing),
        (Nothing, "v=spf1 -all", Fail, missing),
    ] {
        let dns = ScriptedResolver::new()
            .a("news.example.com", [192, 0, 2, 1].into())
            .txt("_dmarc.example.com", &[above]);
        let wanted = format!("v=DMARC1; p={policy}");
        is(&found("news.example.com", policy, &wanted, &dns), verdict, code, above);
    }
}

#[test]
fn a_policy_from_above_is_not_known_while_an_answer_that_may_decide_is_missing() {
    let zone = |above: &str| {
        ScriptedResolver::new()
            .a("news.shop.example.com", [192, 0, 2, 1].into())
            .txt("_dmarc.shop.example.com", &[above])
    };
    for (above, silent, verdict) in [
        ("v=DMARC1; p=reject", "_dmarc.shop.example.com", Verdict::Temporary),
        ("v=DMARC1; p=reject", "_dmarc.example.com", Verdict::Temporary),
        ("v=DMARC1; p=reject", "_dmarc.com", Verdict::Temporary),
        ("v=DMARC1; p=none", "_dmarc.com", Verdict::Temporary),
        // Nothing above the organizational domain counts (RFC 9989 section 4.10.2).
        ("v=DMARC1; p=reject; psd=n", "_dmarc.example.com", Pass),
        ("v=DMARC1; p=none; psd=n", "_dmarc.com", Fail),
    ] {
        let dns = zone(above).fail(silent, RecordType::Txt, Outcome::ServFail { detail: String::new() });
        let finding = found("news.shop.example.com", DmarcPolicy::Reject, "v=DMARC1; p=reject", &dns);
        assert_eq!(finding.verdict, verdict, "{above}, {silent}: {}", finding.text);
    }
}

#[test]
fn below_a_public_suffix_only_the_policy_of_the_organizational_domain_counts() {
    let zone = || {
        ScriptedResolver::new()
            .txt("_dmarc.example", &["v=DMARC1; p=none; psd=y"])
            .txt("_dmarc.below.org.example", &["v=DMARC1; p=reject"])
    };
    let found = |dns| found("news.below.org.example", DmarcPolicy::Reject, "v=DMARC1; p=reject", &dns);
    // The organizational domain is org.example (RFC 9989 section 4.10.2).
    is(&found(zone()), Fail, Some(Code::DmarcPolicyWeaker), "it has no record");
    is(&found(zone().txt("_dmarc.org.example", &["v=DMARC1; p=reject"])), Pass, None, "it has one");
}

#[test]
fn a_policy_from_above_is_no_word_on_a_record_that_another_server_has() {
    let dns = ScriptedResolver::new()
        .a("news.example.com", [192, 0, 2, 1].into())
        .txt("_dmarc.example.com", &["v=DMARC1; p=reject"])
        .at("another resolver")
        .txt("_dmarc.news.example.com", &["v=DMARC1; p=none"]);
    let finding = found("news.example.com", DmarcPolicy::Reject, "v=DMARC1; p=reject", &dns);
    is(&finding, Verdict::Temporary, Some(Code::Propagating), "one has none, another one a weaker one");
}

#[test]
fn a_sentence_on_a_tested_policy_from_above_says_so() {
    let dns = ScriptedResolver::new().txt("_dmarc.example.com", &["v=DMARC1; p=quarantine; t=y"]);
    let finding = found("news.example.com", DmarcPolicy::Quarantine, "v=DMARC1; p=quarantine", &dns);
    assert!(finding.text.contains("while it is tested (t=y)"), "{}", finding.text);
}

#[test]
fn reports_to_another_organization_need_a_record_there() {
    const ALLOW: &str = "example.com._report._dmarc.reports.example.net";
    let refused = Some(Code::DmarcReportNotAuthorised);
    let whole = "v=DMARC1; p=none";
    let zone = |rua: &str| {
        ScriptedResolver::new().txt("_dmarc.example.com", &[&format!("v=DMARC1; p=none; rua={rua}")])
    };
    let outside = || zone("mailto:a@reports.example.net");
    for (what, dns, code) in [
        ("nothing there", outside(), refused),
        ("it allows them", outside().txt(ALLOW, &["v=DMARC1;"]), None),
        ("without the semicolon", outside().txt(ALLOW, &["v=DMARC1"]), None),
        (
            "with an address of its own",
            outside().txt(ALLOW, &["v=DMARC1; rua=mailto:x@reports.example.net"]),
            None,
        ),
        ("something else beside it", outside().txt(ALLOW, &["hello"]).txt(ALLOW, &["v=DMARC1;"]), None),
        ("something else", outside().txt(ALLOW, &["v=spf1 -all"]), refused),
        ("another version", outside().txt(ALLOW, &["v=DMARC2"]), refused),
        ("nothing can be told", outside().fail(ALLOW, RecordType::Txt, Outcome::Timeout), None),
        ("the domain itself", zone("mailto:a@example.com"), None),
        ("below it", zone("mailto:a@reports.example.com"), None),
        ("one inside, one outside", zone("mailto:a@example.com,mailto:b@reports.example.net"), refused),
        ("in capital letters", zone("mailto:a@EXAMPLE.com"), None),
    ] {
        let finding = found("example.com", DmarcPolicy::None, whole, &dns);
        is(&finding, if code.is_some() { Warn } else { Pass }, code, what);
    }
}

#[test]
fn domains_of_one_organization_need_not_allow_each_other_and_those_of_one_public_suffix_must() {
    for (domain, rua, code) in [
        ("news.example.co.uk", "mailto:a@reports.example.co.uk", None),
        ("news.example.co.uk", "mailto:a@example.co.uk", None),
        ("example.co.uk", "mailto:a@another.co.uk", Some(Code::DmarcReportNotAuthorised)),
    ] {
        let record = format!("v=DMARC1; p=none; rua={rua}");
        let dns = ScriptedResolver::new().txt(&format!("_dmarc.{domain}"), &[&record]);
        let finding = found(domain, DmarcPolicy::None, "v=DMARC1; p=none", &dns);
        is(&finding, if code.is_some() { Warn } else { Pass }, code, rua);
    }
}

#[test]
fn who_must_allow_reports_is_named_and_for_the_operators_own_address_that_is_the_operator() {
    let record = "v=DMARC1; p=none; rua=mailto:dmarc@mail.example.net";
    let dns = ScriptedResolver::new().txt("_dmarc.example.com", &[record]);
    let name = "example.com._report._dmarc.mail.example.net";
    let theirs = found("example.com", DmarcPolicy::None, "v=DMARC1; p=none", &dns).text;
    assert!(theirs.contains(name) && theirs.contains("ask the owner of mail.example.net"), "{theirs}");
    let ours = found("example.com", DmarcPolicy::None, record, &dns).text;
    assert!(ours.contains(name) && ours.contains("ask the operator of this mail system"), "{ours}");
}
