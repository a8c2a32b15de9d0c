//! The account that is given of an evaluation, and the walk without a client.

mod limits;
mod suite;

use super::*;
use crate::dns::{Outcome, RecordData, RecordType, Resolver, ScriptedResolver};
use crate::name::DnsName;

const IP: &str = "192.0.2.7";

pub(super) fn name(text: &str) -> DnsName {
    text.parse().unwrap()
}

fn place(domain: &str, term: &str) -> Place {
    Place { domain: name(domain), term: term.to_owned() }
}

/// A zone of TXT records.
pub(super) fn zone(records: &[(&str, &str)]) -> ScriptedResolver {
    records.iter().fold(ScriptedResolver::new(), |dns, (owner, text)| dns.txt(owner, &[text]))
}

pub(super) fn check(dns: &dyn Resolver, sender: &str) -> Evaluation {
    check_host(dns, &Query::new(IP.parse().unwrap(), sender, "mail.example.net"))
}

fn reach_of(dns: &dyn Resolver, wanted: &str) -> (MechanismStanding, Reach) {
    let mut reach = reaches(dns, &name("example.com"), &[wanted.parse().unwrap()]);
    (reach.standings.remove(0), reach)
}

fn reached(standing: &MechanismStanding) -> Option<(Qualifier, String)> {
    match standing {
        MechanismStanding::Reached(matched) => Some((matched.qualifier, matched.to_string())),
        _ => None,
    }
}

#[test]
fn an_evaluation_tells_which_term_decided_through_which_includes() {
    let dns = zone(&[
        ("example.com", "v=spf1 mx redirect=_spf.example.com"),
        ("_spf.example.com", "v=spf1 ~include:a.example.net -all"),
        ("a.example.net", "v=spf1 -ip4:198.51.100.0/24 include:b.example.net"),
        ("b.example.net", "v=spf1 ip4:192.0.2.0/24"),
    ]);
    let evaluation = check(&dns, "jo@example.com");
    assert_eq!((evaluation.result, evaluation.lookups), (SpfResult::SoftFail, 4));
    assert_eq!(evaluation.void_lookups, 1, "there is no MX record");
    let matched = evaluation.matched.unwrap();
    assert_eq!(matched.depth(), 2);
    assert_eq!(
        matched.to_string(),
        "~include:a.example.net at _spf.example.com > include:b.example.net at a.example.net > \
         ip4:192.0.2.0/24 at b.example.net"
    );
}

#[test]
fn each_problem_tells_where_it_is() {
    let mut dns = zone(&[
        ("void.example", "v=spf1 a:x.example a:y.example exists:z.example -all"),
        ("typo.example", "v=spf1 a:192.0.2.1 -all"),
        ("missing.example", "v=spf1 include:none.example -all"),
        ("loop.example", "v=spf1 include:back.example -all"),
        ("back.example", "v=spf1 redirect=LOOP.example."),
        ("two.example", "v=spf1 mx"),
        ("two.example", "v=spf1 a"),
        ("malformed.example", "v=spf1 include:a..example -all"),
        ("later.example", "v=spf1 a:slow.example -all"),
        ("hosts.example", "v=spf1 mx -all"),
    ]);
    for n in 0..11 {
        let address = std::net::Ipv4Addr::new(198, 51, 100, n);
        dns = dns
            .mx("hosts.example", n.into(), &format!("mx{n}.example"))
            .a(&format!("mx{n}.example"), address);
    }
    let dns = dns.fail("slow.example", RecordType::A, Outcome::Timeout);
    let problem = |domain: &str| check(&dns, &format!("jo@{domain}")).problem.unwrap();
    assert_eq!(
        problem("void.example").to_string(),
        "exists:z.example at void.example asks for z.example A, and is the 3rd to find nothing where 2 may"
    );
    assert_eq!(
        problem("typo.example").to_string(),
        "the SPF record of typo.example is invalid: \"a:192.0.2.1\" names a domain or value that is an address \
         where a domain name must be; for an address there are ip4 and ip6"
    );
    let at = place("missing.example", "include:none.example");
    assert_eq!(problem("missing.example"), SpfProblem::NoRecord { at, target: name("none.example") });
    let at = place("back.example", "redirect=LOOP.example.");
    assert_eq!(problem("loop.example"), SpfProblem::Loop { at, target: name("loop.example") });
    let domain = name("two.example");
    assert_eq!(problem("two.example"), SpfProblem::MultipleRecords { domain, count: 2 });
    let at = place("malformed.example", "include:a..example");
    assert_eq!(problem("malformed.example"), SpfProblem::MalformedTarget { at, target: "a..example".into() });
    let at = place("hosts.example", "mx");
    assert_eq!(problem("hosts.example"), SpfProblem::TooManyMailHosts { at, count: 11 });
    assert!(problem("later.example").is_temporary());
    assert_eq!(check(&dns, "jo@later.example").result, SpfResult::TempError);
}

#[test]
fn the_eleventh_lookup_ends_it() {
    let mut dns = zone(&[("example.com", "v=spf1 a a a a a include:in.example ip4:192.0.2.7 -all")])
        .a("example.com", [198, 51, 100, 1].into());
    for (record, want) in [("v=spf1 a a a a", SpfResult::Pass), ("v=spf1 a a a a a", SpfResult::PermError)] {
        dns = dns.a("in.example", [198, 51, 100, 2].into());
        dns.set("in.example", vec![RecordData::txt(&[record]), RecordData::A([198, 51, 100, 2].into())]);
        let evaluation = check(&dns, "jo@example.com");
        assert_eq!(evaluation.result, want, "{evaluation:?}");
        if want == SpfResult::PermError {
            assert_eq!(evaluation.lookups, 11);
            assert_eq!(evaluation.problem, Some(SpfProblem::TooManyLookups { at: place("in.example", "a") }));
        }
    }
}

#[test]
fn an_explanation_that_would_break_a_reply_is_not_shown() {
    let dns =
        zone(&[("example.com", "v=spf1 -all exp=why.example.com"), ("why.example.com", "%{l} may not")]);
    assert_eq!(check(&dns, "jo@example.com").explanation.as_deref(), Some("jo may not"));
    assert_eq!(check(&dns, "jo\r\n250 ok@example.com").explanation, None);
    assert_eq!(check(&dns, "jö@example.com").explanation, None);
}

#[test]
fn a_mechanism_is_reached_where_nothing_before_it_matches_everybody() {
    for (record, want) in [
        ("v=spf1 include:ours.example -all", Some(Qualifier::Pass)),
        ("v=spf1 mx +Include:OURS.example. ~all", Some(Qualifier::Pass)),
        ("v=spf1 ?include:ours.example -all", Some(Qualifier::Neutral)),
        ("v=spf1 -include:ours.example include:ours.example", Some(Qualifier::Fail)),
        ("v=spf1 redirect=further.example", Some(Qualifier::Pass)),
        ("v=spf1 ip4:0.0.0.0/1 include:ours.example", Some(Qualifier::Pass)),
        ("v=spf1 include:%{d}.macro.example -all", Some(Qualifier::Pass)),
        ("v=spf1 -include:nobody.example include:ours.example", Some(Qualifier::Pass)),
    ] {
        let dns = zone(&[
            ("example.com", record),
            ("further.example", "v=spf1 include:ours.example -all"),
            ("nobody.example", "v=spf1 -all"),
            ("ours.example", "v=spf1 ip4:192.0.2.0/24 -all"),
            ("example.com.macro.example", "v=spf1 include:ours.example ?all"),
        ]);
        let (standing, reach) = reach_of(&dns, "include:ours.example");
        assert_eq!(reached(&standing).map(|(qualifier, _)| qualifier), want, "{record}: {reach:?}");
        assert_eq!(standing.passes(), want == Some(Qualifier::Pass));
        assert_eq!(reach.problem, None, "{record}");
        // The same by the evaluation of a client that it matches.
        let result = check(&dns, "jo@example.com").result;
        assert_eq!(Some(result), want.map(SpfResult::from), "{record}");
    }
}

#[test]
fn a_mechanism_after_one_that_matches_everybody_is_shadowed_by_it() {
    for (record, by) in [
        ("v=spf1 -all include:ours.example", "-all"),
        ("v=spf1 -include:everybody.example include:ours.example", "-include:everybody.example"),
        ("v=spf1 exists:there.example include:ours.example", "exists:there.example"),
        ("v=spf1 -ip4:0.0.0.0/0 include:ours.example", "-ip4:0.0.0.0/0"),
        ("v=spf1 ~a:there.example/0 include:ours.example", "~a:there.example/0"),
    ] {
        let dns = zone(&[
            ("example.com", record),
            ("everybody.example", "v=spf1 ip4:192.0.2.1 +all"),
            ("ours.example", "v=spf1 ip4:192.0.2.0/24 -all"),
        ])
        .a("there.example", [198, 51, 100, 1].into());
        let (standing, _) = reach_of(&dns, "include:ours.example");
        let MechanismStanding::Shadowed { by: place, .. } = standing else {
            panic!("{record}: {standing:?}")
        };
        assert_eq!(place.term, by);
    }
}

#[test]
fn what_is_not_there_is_absent_and_what_cannot_be_read_is_broken() {
    for (record, want) in [
        ("v=spf1 mx ~all", MechanismStanding::Absent),
        ("v=spf1 include:ours.example.net -all", MechanismStanding::Absent),
        ("v=spf10 include:ours.example -all", MechanismStanding::Absent),
        ("v=spf1 include:nowhere.example ~all", MechanismStanding::Absent),
        ("v=spf1 include:nowhere.example include:ours.example", MechanismStanding::Broken),
        ("v=spf1 include:ours.example mx: ~all", MechanismStanding::Broken),
        ("v=spf1 include:slow.example ~all", MechanismStanding::Broken),
    ] {
        let dns = zone(&[
            ("example.com", record),
            ("ours.example", "v=spf1 ip4:192.0.2.0/24 -all"),
            ("ours.example.net", "v=spf1 -all"),
        ])
        .fail("slow.example", RecordType::Txt, Outcome::Timeout);
        let (standing, reach) = reach_of(&dns, "include:ours.example");
        assert_eq!(standing, want, "{record}: {reach:?}");
        assert_eq!(reach.has_record, record.starts_with("v=spf1 "));
    }
}

#[test]
fn a_walk_counts_what_all_includes_cost_and_says_what_stands_within_the_limit() {
    let ten = |ours_first: bool| {
        let theirs = "include:esp.example include:crm.example";
        let record = if ours_first {
            format!("v=spf1 include:ours.example {theirs} -all")
        } else {
            format!("v=spf1 {theirs} include:ours.example -all")
        };
        zone(&[
            ("example.com", &record),
            ("esp.example", "v=spf1 a a a a -all"),
            ("crm.example", "v=spf1 a a a ?all"),
            ("ours.example", "v=spf1 a -all"),
        ])
        .a("esp.example", [198, 51, 100, 1].into())
        .a("crm.example", [198, 51, 100, 2].into())
        .a("ours.example", [192, 0, 2, 7].into())
    };
    let (standing, reach) = reach_of(&ten(true), "include:ours.example");
    assert_eq!((standing.passes(), reach.lookups), (true, 11));
    let at = place("crm.example", "a");
    assert_eq!(reach.problem, Some(SpfProblem::TooManyLookups { at }));
    let (standing, reach) = reach_of(&ten(false), "include:ours.example");
    assert_eq!((standing, reach.lookups), (MechanismStanding::Broken, 11));
}

#[test]
fn a_mechanism_is_found_by_what_it_means() {
    let dns = zone(&[("example.com", "v=spf1 a:example.com mx/24 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all")]);
    let wanted = ["a", "mx", "ip4:192.0.2.7", "ip6:2001:db8:1::/48", "ip4:192.0.3.1", "ptr"];
    let wanted: Vec<Mechanism> = wanted.iter().map(|text| text.parse().unwrap()).collect();
    let reach = reaches(&dns, &name("example.com"), &wanted);
    let found: Vec<bool> = reach.standings.iter().map(MechanismStanding::passes).collect();
    assert_eq!(found, [true, true, true, true, false, false]);
    assert_eq!((reach.lookups, reach.void_lookups), (2, 2));
}

#[test]
fn a_walk_asks_each_question_once_and_follows_no_include_that_depends_on_the_client() {
    let dns = zone(&[
        ("example.com", "v=spf1 a a include:%{i}.who.example include:x.example exists:%{l}.example +all"),
        ("x.example", "v=spf1 a:example.com -all"),
    ]);
    let reach = reaches(&dns, &name("example.com"), &[]);
    assert_eq!(reach.not_followed, [place("example.com", "include:%{i}.who.example")]);
    assert_eq!(reach.open_to_all, Some(place("example.com", "+all")));
    assert_eq!(reach.lookups, 6);
    let mut asked = dns.asked();
    let total = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), total);
}

#[test]
fn what_looks_like_a_mechanism_and_is_ignored_is_told() {
    let octets = b"v=spf1 ip4=192.0.2.1 INCLUDE=x.example foo=bar mx -all";
    assert!(SpfRecord::parse(octets).is_ok());
    assert_eq!(mistaken_modifiers(octets), ["ip4=192.0.2.1", "INCLUDE=x.example"]);
}
