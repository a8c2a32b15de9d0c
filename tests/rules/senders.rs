//! SPF by the addresses that we send from: where they are configured, what each of them gets decides; where they are
//! not, what those get whom our mechanism lets send.

use std::net::IpAddr;

use postroom::dns::{
    Answer, Outcome, Question, RecordData, RecordType, Resolver, ScriptedResolver, Server, Sighting,
};
use postroom::name::DomainName;
use postroom::verify::{Act, Code, Expectation, Finding, SpfExpectation, Verdict, look};

/// What a look finds of a record, for a sender at each of these addresses.
fn found(record: &str, addresses: &[&str], dns: ScriptedResolver) -> Finding {
    let domain: DomainName = "example.com".parse().unwrap();
    let expected = expected(&domain, addresses);
    let dns = dns.txt("example.com", &[record]);
    look(&domain, &[expected], &dns).remove(0).finding
}

fn expected(domain: &DomainName, addresses: &[&str]) -> Expectation {
    Expectation::Spf(SpfExpectation {
        name: domain.dns().clone(),
        mechanisms: vec!["include:spf.example.net".to_owned()],
        addresses: addresses.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect(),
        whole: "v=spf1 include:spf.example.net ~all".to_owned(),
    })
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
fn what_one_servers_record_leads_to_is_no_word_on_that_of_another_server() {
    let domain: DomainName = "example.com".parse().unwrap();
    let expected = expected(&domain, &["192.0.2.1"]);
    let dns = zone().txt("example.com", &["v=spf1 redirect=spf.example.net"]).at("another resolver");
    let dns = dns.txt("example.com", &["v=spf1 -all"]);
    let finding = look(&domain, &[expected], &dns).remove(0).finding;
    assert_eq!(
        (finding.verdict, finding.code),
        (Verdict::Temporary, Some(Code::Propagating)),
        "{}",
        finding.text
    );
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

/// Records around ours, without a word from us on where we send from.
fn hosts() -> ScriptedResolver {
    zone()
        .txt("other.example.org", &["v=spf1 ip4:198.51.100.0/24 ~all"])
        .txt("wide.example.org", &["v=spf1 -ip4:192.0.2.0/30 ip4:192.0.2.0/24 -all"])
        .txt("wraps.example.org", &["v=spf1 -ip4:192.0.2.1 include:spf.example.net -all"])
        .txt("wraps2.example.org", &["v=spf1 include:wraps.example.org -all"])
        .txt("lists.example.org", &["v=spf1 exists:%{i}.list.example.org -all"])
        .a("ours.example.org", [192, 0, 2, 9].into())
        .a("other.example.org", [198, 51, 100, 9].into())
        .record("ours.example.org", RecordData::Aaaa("2001:db8:9::9".parse().unwrap()))
        .record("other.example.org", RecordData::Aaaa("2001:db8:7::9".parse().unwrap()))
        .mx("example.com", 10, "other.example.org")
}

#[test]
fn a_term_before_ours_that_refuses_one_of_our_hosts_fails_without_configured_addresses() {
    for (record, by, gets) in [
        ("v=spf1 -ip4:192.0.2.1 include:spf.example.net ~all", "-ip4:192.0.2.1", Some("192.0.2.1, fail")),
        (
            "v=spf1 mx ~ip4:192.0.0.0/16 include:spf.example.net",
            "~ip4:192.0.0.0/16",
            Some("192.0.2.1, softfail"),
        ),
        (
            "v=spf1 ?ip6:2001:db8::/32 include:spf.example.net",
            "?ip6:2001:db8::/32",
            Some("2001:db8::1, neutral"),
        ),
        (
            "v=spf1 -a:ours.example.org include:spf.example.net",
            "-a:ours.example.org",
            Some("192.0.2.9, fail"),
        ),
        (
            "v=spf1 ~include:wide.example.org include:spf.example.net",
            "~include:wide.example.org",
            Some("192.0.2.5, softfail"),
        ),
        // Passed over by what includes ours, and refused by what follows.
        (
            "v=spf1 include:wraps2.example.org ~all",
            "-ip4:192.0.2.1 at wraps.example.org",
            Some("192.0.2.1, softfail"),
        ),
        // Who is meant depends on the client.
        (
            "v=spf1 -exists:%{i}.list.example.org include:spf.example.net",
            "-exists:%{i}.list.example.org",
            None,
        ),
        ("v=spf1 ?ptr include:spf.example.net ~all", "?ptr", None),
        ("v=spf1 -include:lists.example.org include:spf.example.net", "-include:lists.example.org", None),
    ] {
        let finding = found(record, &[], hosts());
        assert_eq!(
            (finding.verdict, finding.code),
            (Verdict::Fail, Some(Code::SpfRefusedBefore)),
            "{record}: {}",
            finding.text
        );
        assert!(finding.text.contains(&format!(": {by}")), "{}", finding.text);
        let told = match gets.and_then(|gets| gets.split_once(", ")) {
            Some((ip, result)) => format!("mail from {ip}, whom that lets send, gets {result};"),
            None => "may refuse".to_owned(),
        };
        assert!(finding.text.contains(&told), "{}", finding.text);
        assert!(finding.text.contains("wanted is \"v=spf1 include:spf.example.net "), "{}", finding.text);
    }
}

#[test]
fn a_term_before_ours_that_matches_none_of_our_hosts_or_passes_them_is_nothing() {
    for record in [
        "v=spf1 include:spf.example.net -ip4:192.0.2.1 ~all",
        "v=spf1 -ip4:192.0.2.16 include:spf.example.net ~all",
        "v=spf1 ip4:192.0.2.0/30 -ip4:192.0.2.2 include:spf.example.net ~all",
        "v=spf1 -ip6:2001:db8:0:1::/64 include:spf.example.net ~all",
        "v=spf1 ~include:other.example.org -mx include:spf.example.net -all",
        "v=spf1 -exists:nowhere.example.org include:spf.example.net ~all",
        "v=spf1 exists:%{i}.list.example.org ptr include:spf.example.net ~all",
        "v=spf1 include:wraps.example.org include:spf.example.net ~all",
        "v=spf1 include:wide.example.org include:spf.example.net ~all",
    ] {
        let finding = found(record, &[], hosts());
        assert_eq!((finding.verdict, finding.code), (Verdict::Pass, None), "{record}: {}", finding.text);
    }
}

#[test]
fn what_only_passes_before_ours_costs_no_look_up_more() {
    // The one record, the four names in it, and what the mail host has; and of each of the four clients that are tried, two
    // of each family, what depends on the client.
    for (record, most) in [
        ("v=spf1 include:spf.example.net ~all", 2),
        (
            "v=spf1 mx a:ours.example.org ptr exists:%{i}.list.example.org include:spf.example.net ~all",
            7 + 4 * 2,
        ),
        ("v=spf1 mx -ip4:198.51.100.1 -a:other.example.org include:spf.example.net ~all", 5),
    ] {
        let (domain, dns) =
            ("example.com".parse::<DomainName>().unwrap(), hosts().txt("example.com", &[record]));
        let expected = expected(&domain, &[]);
        let finding = look(&domain, &[expected], &dns).remove(0).finding;
        assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.text);
        assert_eq!(dns.asked().len(), most, "{record}: {:?}", dns.asked());
    }
}

#[test]
fn a_third_look_up_that_finds_nothing_for_clients_of_one_family_is_told() {
    // Three mail hosts without an IPv6 address: whoever comes by IPv6 gets an error before ours.
    let dns = || {
        ["mx1.example.org", "mx2.example.org", "mx3.example.org"].iter().fold(hosts(), |dns, host| {
            dns.a(host, [198, 51, 100, 25].into()).mx("mail.example.org", 10, host)
        })
    };
    let finding = found("v=spf1 mx:mail.example.org include:spf.example.net ~all", &[], dns());
    assert_eq!(
        (finding.verdict, finding.code),
        (Verdict::Fail, Some(Code::SpfTooManyVoid)),
        "{}",
        finding.text
    );
    assert!(finding.text.contains("mail from 2001:db8::1 gets permerror"), "{}", finding.text);
    let finding = found("v=spf1 include:spf.example.net mx:mail.example.org ~all", &[], dns());
    assert_eq!((finding.verdict, finding.code), (Verdict::Pass, None), "{}", finding.text);
}

#[test]
fn what_cannot_be_looked_up_may_refuse_us_and_settles_nothing() {
    for (record, verdict) in [
        ("v=spf1 include:spf.example.net include:slow.example.net ~all", Verdict::Pass),
        // RFC 7208 section 2.6.6: an evaluation that could not look a name up before ours has no result.
        ("v=spf1 include:slow.example.net include:spf.example.net ~all", Verdict::Temporary),
        ("v=spf1 a:slow.example.net mx include:spf.example.net ~all", Verdict::Temporary),
        ("v=spf1 exists:slow.example.net include:spf.example.net ~all", Verdict::Temporary),
        ("v=spf1 -include:slow.example.net include:spf.example.net ~all", Verdict::Temporary),
        ("v=spf1 -ip4:192.0.2.1 include:spf.example.net include:slow.example.net ~all", Verdict::Fail),
    ] {
        for addresses in [&[][..], &["192.0.2.1"]] {
            let silent = [RecordType::Txt, RecordType::A, RecordType::Aaaa];
            let silent = silent
                .iter()
                .fold(hosts(), |dns, kind| dns.fail("slow.example.net", *kind, Outcome::Timeout));
            let finding = found(record, addresses, silent);
            assert_eq!(finding.verdict, verdict, "{record} {addresses:?}: {}", finding.text);
        }
    }
}

#[test]
fn where_the_record_of_one_server_leads_to_an_error_and_that_of_another_does_not_nothing_is_settled() {
    let domain: DomainName = "example.com".parse().unwrap();
    let right = "v=spf1 include:spf.example.net ~all";
    let wrong = "v=spf1 include:gone.example.net include:spf.example.net ~all";
    let finding = |first: &str, second: &str| {
        let dns = zone().txt("example.com", &[first]).at("another resolver").txt("example.com", &[second]);
        look(&domain, &[expected(&domain, &[])], &dns).remove(0).finding
    };
    for (first, second, verdict, code) in [
        (right, wrong, Verdict::Temporary, Some(Code::Propagating)),
        (wrong, right, Verdict::Temporary, Some(Code::Propagating)),
        (wrong, wrong, Verdict::Fail, Some(Code::SpfIncludeMissing)),
        (right, "v=spf1 mx include:spf.example.net ~all", Verdict::Pass, None),
    ] {
        let finding = finding(first, second);
        assert_eq!((finding.verdict, finding.code), (verdict, code), "{first}, {second}: {}", finding.text);
    }
}

#[test]
fn a_record_that_leads_to_thousands_of_names_is_not_followed_to_all_of_them() {
    // Sixty includes of ten terms with ten mail hosts each.
    let mut dns = zone();
    for n in 0..60 {
        let terms: Vec<String> = (0..10).map(|term| format!("mx:x{n}-{term}.example.org")).collect();
        dns = dns.txt(&format!("i{n}.example.org"), &[&format!("v=spf1 {} ~all", terms.join(" "))]);
        for (term, host) in (0..100).map(|each| (each / 10, each % 10)) {
            let name = format!("m{n}-{term}-{host}.example.org");
            dns = dns.mx(&format!("x{n}-{term}.example.org"), 10, &name).a(&name, [192, 0, 2, 1].into());
        }
    }
    let includes: Vec<String> = (0..60).map(|n| format!("include:i{n}.example.org")).collect();
    let domain: DomainName = "example.com".parse().unwrap();
    let dns =
        dns.txt("example.com", &[&format!("v=spf1 {} include:spf.example.net ~all", includes.join(" "))]);
    let finding = look(&domain, &[expected(&domain, &[])], &dns).remove(0).finding;
    assert!(dns.asked().len() <= postroom::dns::MOST_QUESTIONS + 1, "{}", dns.asked().len());
    assert_ne!(finding.verdict, Verdict::Pass, "{}", finding.text);
    assert_eq!(finding.action.and_then(|action| action.to), None, "{}", finding.text);
}

/// A zone of which the resolver knows all, and one of its two name servers serves nothing.
struct Lame(ScriptedResolver);

impl Resolver for Lame {
    fn lookup(&self, question: &Question) -> Answer {
        self.0.lookup(question)
    }

    fn look(&self, questions: &[Question]) -> Vec<Sighting> {
        let server = |last: u8| Server::Authoritative {
            name: format!("ns{last}.example.com").parse().unwrap(),
            address: ([198, 51, 100, last], 53).into(),
        };
        let sighting = |question: &Question| {
            let right = self.lookup(question);
            let own = Answer { server: server(1), ..right.clone() };
            let refused = Outcome::Refused { detail: String::new() };
            let lame = Answer { server: server(2), outcome: refused, ..right.clone() };
            Sighting { question: question.clone(), answers: vec![right, own, lame] }
        };
        questions.iter().map(sighting).collect()
    }
}

#[test]
fn a_lame_name_server_is_told_where_the_record_itself_is_right() {
    let domain: DomainName = "example.com".parse().unwrap();
    for (record, addresses, verdict, code) in [
        ("v=spf1 include:spf.example.net ~all", &[][..], Verdict::Warn, Code::NameserverLame),
        ("v=spf1 include:spf.example.net ~all", &["192.0.2.1"], Verdict::Warn, Code::NameserverLame),
        ("v=spf1 redirect=spf.example.net", &["192.0.2.1"], Verdict::Warn, Code::NameserverLame),
        ("v=spf1 include:spf.example.net +all", &[], Verdict::Warn, Code::SpfPlusAll),
        ("v=spf1 -ip4:192.0.2.1 include:spf.example.net", &[], Verdict::Fail, Code::SpfRefusedBefore),
    ] {
        let dns = Lame(zone().txt("example.com", &[record]));
        let finding = look(&domain, &[expected(&domain, addresses)], &dns).remove(0).finding;
        assert_eq!((finding.verdict, finding.code), (verdict, Some(code)), "{record}: {}", finding.text);
        assert_eq!(
            finding.text.contains("ns2.example.com"),
            code == Code::NameserverLame,
            "{}",
            finding.text
        );
    }
}

/// What a look finds of a record that is to have `ours` in it, without a word on where we send from.
fn found_of(record: &str, ours: &str, dns: ScriptedResolver) -> Finding {
    let domain: DomainName = "example.com".parse().unwrap();
    let expected = Expectation::Spf(SpfExpectation {
        name: domain.dns().clone(),
        mechanisms: vec![ours.to_owned()],
        addresses: Vec::new(),
        whole: format!("v=spf1 {ours} ~all"),
    });
    look(&domain, &[expected], &dns.txt("example.com", &[record])).remove(0).finding
}

#[test]
fn hosts_that_are_gone_and_a_client_without_a_name_end_the_evaluation_before_ours() {
    let record = "v=spf1 a:gone1.example.org a:gone2.example.org ptr ip4:192.0.2.7 ~all";
    let finding = found_of(record, "ip4:192.0.2.7", hosts());
    assert_eq!(
        (finding.verdict, finding.code),
        (Verdict::Fail, Some(Code::SpfTooManyVoid)),
        "{}",
        finding.text
    );
    let named =
        hosts().record("7.2.0.192.in-addr.arpa", RecordData::Ptr("mail.example.net".parse().unwrap()));
    let finding = found_of(record, "ip4:192.0.2.7", named);
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.text);
}

#[test]
fn an_include_by_the_clients_address_that_exists_for_nobody_is_an_error_before_ours() {
    let record = "v=spf1 include:%{i}.list.example.org include:spf.example.net ~all";
    let finding = found(record, &[], hosts());
    assert_eq!(
        (finding.verdict, finding.code),
        (Verdict::Fail, Some(Code::SpfIncludeMissing)),
        "{}",
        finding.text
    );
}

#[test]
fn a_host_with_an_address_of_ipv6_alone_is_judged_by_clients_of_ipv6_alone() {
    let v6 = || hosts().record("six.example.net", RecordData::Aaaa("2001:db8:6::6".parse().unwrap()));
    // Three mail hosts without an IPv6 address end it for whoever comes by IPv6, and for nobody else.
    let three = ["mx1.example.org", "mx2.example.org", "mx3.example.org"]
        .iter()
        .fold(v6(), |dns, host| dns.a(host, [198, 51, 100, 25].into()).mx("mail.example.org", 10, host));
    let finding = found_of("v=spf1 mx:mail.example.org a:six.example.net ~all", "a:six.example.net", three);
    assert_eq!(
        (finding.verdict, finding.code),
        (Verdict::Fail, Some(Code::SpfTooManyVoid)),
        "{}",
        finding.text
    );
    let finding = found_of("v=spf1 -ip6:2001:db8:6::/48 a:six.example.net ~all", "a:six.example.net", v6());
    assert_eq!(
        (finding.verdict, finding.code),
        (Verdict::Fail, Some(Code::SpfRefusedBefore)),
        "{}",
        finding.text
    );
    let finding = found_of("v=spf1 -ip4:192.0.2.0/24 a:six.example.net ~all", "a:six.example.net", v6());
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.text);
}

#[test]
fn where_our_addresses_are_few_each_of_them_decides_and_nothing_is_only_suspected() {
    // Whom the list names depends on the client; ours is asked for, and is not on it.
    let record = "v=spf1 -exists:%{i}.list.example.org a:ours.example.org ~all";
    let finding = found_of(record, "a:ours.example.org", hosts());
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.text);
    let listed = hosts().a("192.0.2.9.list.example.org", [127, 0, 0, 2].into());
    let finding = found_of(record, "a:ours.example.org", listed);
    assert_eq!(
        (finding.verdict, finding.code),
        (Verdict::Fail, Some(Code::SpfRefusedBefore)),
        "{}",
        finding.text
    );
}

#[test]
fn of_eleven_names_of_a_client_the_first_ten_count_as_they_came() {
    // By its letters the one name that is true would be the last; it came first.
    let mut names: Vec<RecordData> = vec![RecordData::Ptr("zz.ours.example.org".parse().unwrap())];
    names.extend((0..10).map(|n| RecordData::Ptr(format!("a{n}.example.net").parse().unwrap())));
    let dns = hosts().a("zz.ours.example.org", [192, 0, 2, 7].into());
    dns.set("7.2.0.192.in-addr.arpa", names);
    let finding = found("v=spf1 ptr:ours.example.org -all", &["192.0.2.7"], dns);
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.text);
}

#[test]
fn where_what_is_wanted_is_broken_itself_the_sentence_says_who_must_act() {
    let finding = found("v=spf1 a -all", &[], ScriptedResolver::new());
    assert_eq!((finding.verdict, finding.code), (Verdict::Fail, Some(Code::SpfMechanismMissing)));
    let told = "would be no help yet: include:spf.example.net at example.com leads to spf.example.net, which has no SPF record";
    assert!(
        finding.text.contains(told) && finding.text.contains("the operator of the mail system"),
        "{}",
        finding.text
    );
    assert_eq!(finding.action.map(|action| action.act), Some(Act::None));
    // With its record it is a help.
    let finding = found("v=spf1 a -all", &[], zone());
    let action = finding.action.unwrap();
    assert_eq!(action.to.as_deref(), Some("v=spf1 include:spf.example.net a -all"), "{}", finding.text);
}
