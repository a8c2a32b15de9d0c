//! What holds for any octets, any sender, and any graph of includes: the limits, and that both walks agree.

use std::net::IpAddr;

use proptest::prelude::*;

use super::super::*;
use super::{check, name, zone};
use crate::dns::{RecordData, ScriptedResolver, TxtData};

/// Terms that the grammar nearly or fully allows, so that random records get past its first rules.
fn term() -> impl Strategy<Value = String> {
    let domain = prop_oneof![
        (0..6_u8).prop_map(|n| format!("d{n}.example")),
        "[%{}a-z0-9./:_-]{0,20}",
        "%\\{[slodiphcrtvSLODIPHCRTVx][0-9]{0,3}r?[-+.,/_=]{0,3}\\}\\.example",
        Just("%{p}.d1.example".to_owned()),
    ];
    (
        "[-+~?]{0,2}",
        prop_oneof![
            Just("include:"),
            Just("a:"),
            Just("mx:"),
            Just("ptr:"),
            Just("exists:"),
            Just("redirect="),
            Just("exp="),
            Just("ip4:"),
            Just("a")
        ],
        domain,
        prop_oneof![Just(String::new()), "/{1,2}[0-9]{0,3}"],
    )
        .prop_map(|(qualifier, kind, domain, prefix)| format!("{qualifier}{kind}{domain}{prefix}"))
}

/// A graph of six domains that include each other and redirect to each other at random, some of them ours too.
fn graph() -> impl Strategy<Value = Vec<Vec<String>>> {
    graph_of("[-+~?]?(include:|a:|mx:|exists:|exists:%\\{p\\}\\.)")
}

/// A graph of six domains at random, with links of these kinds.
fn graph_of(kinds: &'static str) -> impl Strategy<Value = Vec<Vec<String>>> {
    let link = (0..6_u8, kinds).prop_map(|(n, kind)| format!("{kind}d{n}.example"));
    let term = prop_oneof![5 => link, 1 => "[-+~?]?(all|ip4:192\\.0\\.2\\.0/24)"];
    let redirect = proptest::option::of((0..6_u8).prop_map(|n| format!("redirect=d{n}.example")));
    let record = (proptest::collection::vec(term, 0..12), redirect);
    let record = record.prop_map(|(mut terms, redirect)| {
        terms.extend(redirect);
        terms
    });
    proptest::collection::vec(record, 6)
}

fn graph_zone(graph: &[Vec<String>]) -> ScriptedResolver {
    let mut dns = ScriptedResolver::new();
    for (n, terms) in graph.iter().enumerate() {
        let owner = format!("d{n}.example");
        dns = dns.txt(&owner, &[&format!("v=spf1 {}", terms.join(" "))]).mx(&owner, 0, "d0.example");
        if n % 2 == 0 {
            dns = dns.a(&owner, [198, 51, 100, 1].into());
        }
    }
    dns
}

/// How the address of the client stands in such a graph.
fn reaches_ours(dns: &ScriptedResolver) -> (MechanismStanding, Reach) {
    let mut reach = reaches(dns, &name("d0.example"), &["ip4:192.0.2.7".parse().unwrap()]);
    (reach.standings.remove(0), reach)
}

/// What holds whatever the records are.
fn check_limits(evaluation: &Evaluation, asked: usize) -> Result<(), TestCaseError> {
    prop_assert!(evaluation.lookups <= MOST_LOOKUPS + 1);
    prop_assert!(evaluation.void_lookups <= MOST_VOID_LOOKUPS + 1);
    if evaluation.lookups > MOST_LOOKUPS || evaluation.void_lookups > MOST_VOID_LOOKUPS {
        prop_assert_eq!(evaluation.result, SpfResult::PermError);
    }
    // The first record, ten terms of a name and ten more names each, the reverse name, and the explanation.
    prop_assert!(asked <= 1 + MOST_LOOKUPS * (1 + MOST_NAMES) + 1 + MOST_NAMES + 1, "{} were asked", asked);
    prop_assert_eq!(evaluation.result, check_result(evaluation));
    Ok(())
}

fn check_result(evaluation: &Evaluation) -> SpfResult {
    match (&evaluation.problem, &evaluation.matched) {
        (Some(problem), _) => problem.result(),
        (None, Some(matched)) => matched.qualifier.into(),
        (None, None) if evaluation.result == SpfResult::None => SpfResult::None,
        (None, None) => SpfResult::Neutral,
    }
}

proptest! {
    #[test]
    fn any_octets_are_a_record_or_an_error(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        let record = [b"v=spf1 ".as_slice(), &octets].concat();
        _ = SpfRecord::parse(&record);
        _ = SpfRecord::parse(&octets);
        _ = is_spf(&octets);
        _ = mistaken_modifiers(&record);
        let txt = RecordData::Txt(TxtData::new(vec![record]));
        let dns = ScriptedResolver::new().record("example.com", txt);
        check_limits(&check(&dns, "jo@example.com"), dns.asked().len())?;
        reaches(&dns, &name("example.com"), &[Mechanism::All]);
        merge(&[String::from_utf8_lossy(&octets)], &["include:ours.example"]);
    }

    #[test]
    fn any_sender_and_helo_are_taken(sender in ".*", helo in ".*", ip in any::<u128>()) {
        let ip = IpAddr::V6(ip.into());
        let dns = zone(&[("d0.example", "v=spf1 exists:%{s}.%{H1r}.%{l2r-}.%{i}.d1.example -all")]);
        check_host(&dns, &Query::new(ip, &sender, &helo));
        check_host(&dns, &Query::new(ip, &format!("{sender}@d0.example"), &helo));
    }

    #[test]
    fn a_record_of_likely_terms_stays_within_the_limits(terms in proptest::collection::vec(term(), 0..14)) {
        let dns = graph_zone(&[terms.clone(), vec!["include:d0.example".into()], vec!["-all".into()]]);
        check_limits(&check(&dns, "jo@d0.example"), dns.asked().len())?;
        for term in &terms {
            if let Ok(directive) = term.parse::<Directive>() {
                let reach = reaches(&dns, &name("d0.example"), &[directive.mechanism]);
                prop_assert!(reach.problem.is_some() || reach.lookups <= MOST_LOOKUPS);
            }
        }
    }

    #[test]
    fn any_graph_of_includes_ends_within_the_limits(graph in graph()) {
        let dns = graph_zone(&graph);
        let evaluation = check(&dns, "jo@d0.example");
        check_limits(&evaluation, dns.asked().len())?;
        let before = dns.asked().len();
        let reach = reaches(&dns, &name("d0.example"), &[]);
        // Six names of four types are all there is to ask for, and nothing is asked for twice.
        prop_assert!(dns.asked().len() - before <= 24);
        prop_assert!(reach.problem.is_some() || reach.lookups <= MOST_LOOKUPS);
    }

    #[test]
    fn a_walk_and_an_evaluation_agree(graph in graph_of("[-+~?]?(include:|include:|a:|mx:|exists:)")) {
        let dns = graph_zone(&graph);
        let (standing, reach) = reaches_ours(&dns);
        let evaluation = check(&dns, "jo@d0.example");
        match standing {
            MechanismStanding::Reached(matched) => prop_assert_eq!(Some(matched), evaluation.matched),
            MechanismStanding::Shadowed { qualifier, .. } => prop_assert_eq!(evaluation.result, qualifier.into()),
            MechanismStanding::Broken => {}
            // A client that is named early is spared the look-ups that end the walk.
            MechanismStanding::Absent if reach.lookups > MOST_LOOKUPS => {}
            MechanismStanding::Absent => {
                let path = evaluation.matched.map_or(Vec::new(), |matched| matched.path);
                prop_assert!(!path.iter().any(|place| place.term.contains("ip4")), "{:?}", path);
            }
        }
    }

    #[test]
    fn who_is_said_to_pass_does_and_who_is_named_does_not(
        graph in graph_of("[-+~?]?(include:|include:|a:|ip4:192\\.0\\.2\\.[0-7]/3[0-2] include:)"),
    ) {
        let dns = graph_zone(&graph);
        let wanted: Mechanism = "ip4:192.0.2.0/29".parse().unwrap();
        let reach = reaches(&dns, &name("d0.example"), std::slice::from_ref(&wanted));
        let result = |ip: IpAddr| check_host(&dns, &Query::of_domain(ip, &name("d0.example"))).result;
        let Passing { refused_by, samples, .. } = passing(&dns, &name("d0.example"), &wanted);
        if reach.problem.is_none() && reach.standings.iter().all(MechanismStanding::passes) {
            let refused = (0..8).map(|n| IpAddr::from([192, 0, 2, n])).filter(|ip| result(*ip) != SpfResult::Pass);
            let refused: Vec<IpAddr> = refused.collect();
            match refused_by {
                Some(refuser) => prop_assert!(refused.contains(&refuser.client.unwrap()), "{:?} {:?}", refuser, refused),
                None => prop_assert!(refused.iter().all(|ip| samples.contains(ip)), "{:?} {:?}", refused, samples),
            }
        }
    }

    #[test]
    fn ours_at_the_front_of_any_record_is_reached(graph in graph()) {
        let ours = ["ip4:192.0.2.7"];
        let record = merge(&[format!("v=spf1 {}", graph[0].join(" "))], &ours);
        let dns = graph_zone(&graph);
        dns.set("d0.example", vec![RecordData::txt(&[&record])]);
        let (standing, reach) = reaches_ours(&dns);
        prop_assert!(standing.passes(), "{:?}", reach);
        prop_assert_eq!(check(&dns, "jo@d0.example").result, SpfResult::Pass);
    }
}
