//! Explaining: the few further look-ups that tell a usual mistake from a mere absence.
//!
//! Only failed judgements are explained, each with at most a dozen look-ups, all of one run side by side. The
//! first mistake in the order of [`Suspicion`] that the DNS confirms is the one that is told.

use crate::dns::{Answer, Outcome, Question, RecordData, RecordType, Resolver};
use crate::name::{DnsName, DomainName};
use crate::record::kind;

use super::{Code, Expectation, Finding, Look, Verdict, judge, wildcard};

/// A mistake that people make, and the place in the DNS where it would show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspicion {
    /// The form appended the domain to a name that had it already.
    Doubled,
    /// The form, or the person, dropped the underscore.
    NoUnderscore,
    /// The record went to the domain itself.
    AtApex,
    /// The record went below `www`.
    AtWww,
    /// The record went to the parent domain.
    InParent,
    /// The answer comes from `*.domain`, and nobody made a record for this name.
    Wildcard,
    /// Addresses stand where a CNAME should: a proxy answers for it, or the CNAME was flattened.
    Flattened,
    /// The right text went into a TXT record, where a CNAME should be.
    WrongType,
    /// The domain is not in the DNS at all.
    NoDomain,
}

struct Probe {
    item: usize,
    suspicion: Suspicion,
    question: Question,
}

/// Replaces findings by better ones, where a mistake shows.
pub(super) fn refine(
    domain: &DomainName,
    expected: &[Expectation],
    looks: &mut [Look],
    resolver: &dyn Resolver,
) {
    let probes: Vec<Probe> = expected
        .iter()
        .zip(looks.iter())
        .enumerate()
        .filter(|(_, (_, look))| look.finding.verdict == Verdict::Fail)
        .flat_map(|(item, (expected, look))| probes(item, domain, expected, &look.finding))
        .collect();
    if probes.is_empty() {
        return;
    }
    let questions: Vec<Question> = probes.iter().map(|probe| probe.question.clone()).collect();
    let answers = resolver.lookup_all(&questions);
    for (item, (expected, look)) in expected.iter().zip(looks.iter_mut()).enumerate() {
        let confirmed = probes
            .iter()
            .zip(&answers)
            .filter(|(probe, _)| probe.item == item)
            .find_map(|(probe, answer)| confirm(probe, answer, domain, expected, &look.finding));
        if let Some(better) = confirmed {
            look.finding = better;
        }
    }
    tell_delegation(domain, expected, looks, resolver);
}

/// Where records are still merely missing: whether the world is sent to other name servers than those that the zone
/// names for itself, which is how a zone looks that has moved.
fn tell_delegation(
    domain: &DomainName,
    expected: &[Expectation],
    looks: &mut [Look],
    resolver: &dyn Resolver,
) {
    let is_missing = |expected: &Expectation, look: &Look| {
        let asked_owners = look.views.iter().any(|view| view.answer.server.is_authoritative());
        let is_unexplained = look.finding.code == Some(expected.of_kind().missing_code());
        asked_owners && is_unexplained && look.finding.seen.is_none()
    };
    if !expected.iter().zip(&*looks).any(|(expected, look)| is_missing(expected, look)) {
        return;
    }
    let question = Question::new(domain.dns().clone(), RecordType::Ns);
    let sightings = resolver.look(&[question]);
    let (mut asked, mut named) = (Vec::new(), Vec::new());
    for answer in sightings.iter().flat_map(crate::dns::Sighting::authoritative) {
        asked.extend(answer.server.name_server().map(|(name, _)| name));
        named.extend(answer.outcome.records().iter().filter_map(|record| match record {
            RecordData::Ns(name) => Some(name),
            _ => None,
        }));
    }
    if named.is_empty() || named.iter().any(|name| asked.contains(name)) {
        return;
    }
    let list = |names: &mut Vec<&DnsName>| {
        names.sort_unstable();
        names.dedup();
        names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let (asked, named) = (list(&mut asked), list(&mut named));
    for (expected, look) in expected.iter().zip(looks).filter(|(expected, look)| is_missing(expected, look)) {
        let question = expected.question();
        let text = format!(
            "{} {}: there is no such record at {asked}, where the world is sent, while the zone there names {named} for \
             itself; wanted is \"{}\"; make it at {asked}, or change the name servers at the registrar.",
            question.record_type,
            question.name,
            kind::shown(&expected.wanted())
        );
        look.finding = Finding::of(Verdict::Fail, Code::DelegationElsewhere, text, None);
    }
}

/// The places to look at for this finding, in the order of the suspicions.
fn probes(item: usize, domain: &DomainName, expected: &Expectation, finding: &Finding) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut probe = |suspicion, name: Option<DnsName>, record_type| {
        probes.extend(name.map(|name| Probe { item, suspicion, question: Question::new(name, record_type) }));
    };
    let question = expected.question();
    let (name, record_type) = (&question.name, question.record_type);
    let apex = domain.dns();
    if finding.seen.is_some() || finding.code == Some(Code::CnameLoop) {
        // The domain itself is nobody's wildcard as far as its owner is concerned.
        if name != apex {
            probe(Suspicion::Wildcard, wildcard::random_sibling(name), record_type);
        }
        return probes;
    }
    let host = name.as_str().strip_suffix(apex.as_str()).unwrap_or_default().trim_end_matches('.');
    let below = |ancestor: &str| format!("{host}.{ancestor}").parse::<DnsName>().ok();
    probe(Suspicion::Doubled, format!("{name}.{apex}").parse().ok(), record_type);
    if host.contains('_') {
        probe(Suspicion::NoUnderscore, name.as_str().replace('_', "").parse().ok(), record_type);
    }
    if record_type == RecordType::Txt && name != apex {
        probe(Suspicion::AtApex, Some(apex.clone()), record_type);
    }
    if name != apex {
        probe(Suspicion::AtWww, below(&format!("www.{apex}")), record_type);
        probe(Suspicion::InParent, domain.parent().and_then(|parent| below(parent.as_str())), record_type);
    }
    if record_type == RecordType::Cname {
        probe(Suspicion::Flattened, Some(name.clone()), RecordType::A);
        probe(Suspicion::Flattened, Some(name.clone()), RecordType::Aaaa);
        probe(Suspicion::WrongType, Some(name.clone()), RecordType::Txt);
    }
    probe(Suspicion::NoDomain, Some(apex.clone()), RecordType::Soa);
    probes
}

/// The finding that tells of the mistake, if the answer shows it.
fn confirm(
    probe: &Probe,
    answer: &Answer,
    domain: &DomainName,
    expected: &Expectation,
    finding: &Finding,
) -> Option<Finding> {
    let question = expected.question();
    let (asked, at) = (format!("{} {}", question.record_type, question.name), &probe.question.name);
    let misplaced = |code, mend: String| {
        holds(expected, answer).then(|| {
            let text = format!("{asked}: there is no such record, but the right one stands at {at}; {mend}.");
            Finding::of(Verdict::Fail, code, text, None)
        })
    };
    let host = question.name.as_str().strip_suffix(domain.as_str()).unwrap_or_default();
    let host = if host.is_empty() { "@" } else { host.trim_end_matches('.') };
    match probe.suspicion {
        Suspicion::Doubled => misplaced(
            Code::RecordAtDoubledName,
            format!("the form adds {domain} by itself: enter {host} as its name"),
        ),
        Suspicion::NoUnderscore => {
            misplaced(Code::RecordMissingUnderscore, format!("enter {host} as its name, with the underscore"))
        }
        Suspicion::AtApex => misplaced(Code::RecordAtApex, format!("enter {host} as its name")),
        Suspicion::AtWww => misplaced(Code::RecordAtWww, format!("enter {host} as its name, without www")),
        Suspicion::InParent => {
            misplaced(Code::RecordInParentZone, format!("make it for {domain}, not for the domain above it"))
        }
        Suspicion::Wildcard => {
            let seen = finding.seen.clone()?;
            let same = answer.outcome.records().iter().any(|record| shown(record) == seen);
            same.then(|| wildcard::finding(expected, finding))
        }
        Suspicion::Flattened => {
            let address = shown(answer.outcome.records().first()?);
            let text = format!(
                "{asked}: there is the address {address} and no CNAME; wanted is a CNAME to \"{}\"; switch off the proxy \
                 or the flattening for this name.",
                expected.wanted()
            );
            Some(Finding::of(Verdict::Fail, Code::CnameProxiedOrFlattened, text, Some(address)))
        }
        Suspicion::WrongType => {
            let seen = shown(answer.outcome.records().first()?);
            let text = format!(
                "{asked}: there is a TXT record \"{seen}\" and no CNAME; wanted is a CNAME to \"{}\"; change its type to CNAME.",
                expected.wanted()
            );
            Some(Finding::of(Verdict::Fail, Code::WrongType, text, Some(seen)))
        }
        Suspicion::NoDomain => matches!(answer.outcome, Outcome::NxDomain { .. }).then(|| {
            let text = format!(
                "{asked}: {domain} does not exist in the DNS; register it, or have its zone delegated, first."
            );
            Finding::of(Verdict::Fail, Code::DomainNxdomain, text, None)
        }),
    }
}

/// Whether one of the records in the answer is the one that is wanted, other things beside it allowed.
fn holds(expected: &Expectation, answer: &Answer) -> bool {
    let Outcome::Found { records, ttl } = &answer.outcome else {
        return false;
    };
    records.iter().any(|record| {
        let alone = Outcome::Found { records: vec![record.clone()], ttl: *ttl };
        judge::answer(expected, &Answer { outcome: alone, ..answer.clone() }).verdict.passes()
    })
}

fn shown(record: &RecordData) -> String {
    match record {
        RecordData::Cname(target) => format!("{target}."),
        other => other.to_string(),
    }
}
