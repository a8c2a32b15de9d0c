//! Explaining: the few further look-ups that tell a usual mistake from a mere absence.
//!
//! Only failed judgements are explained, each with at most a dozen look-ups, all of one run side by side. The
//! first mistake in the order of `place::all` that the DNS confirms is the one that is told.

mod place;

use self::place::Place;
use super::{Code, Expectation, Finding, Look, Verdict, judge, wildcard};
use crate::dns::{Answer, Outcome, Question, RecordData, RecordType, Resolver};
use crate::name::{DnsName, DomainName};
use crate::record::kind;

/// A mistake that people make, and where in the DNS it would show.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Suspicion {
    /// The right record stands at another name.
    Elsewhere(Place),
    /// The answer comes from `*.domain`, and nobody made a record for this name.
    Wildcard,
    /// Addresses stand where a CNAME should: a proxy answers for it, or the CNAME was flattened.
    Flattened,
    /// The right text went into a TXT record, where one of another type should be.
    WrongType,
    /// The domain, or the registered one above it, is not in the DNS at all. A name below one that is there only lacks records.
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
            .find_map(|(probe, answer)| confirm(probe, answer, expected, &look.finding));
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

/// What to look up for this finding, in the order of the suspicions.
fn probes(item: usize, domain: &DomainName, expected: &Expectation, finding: &Finding) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut probe = |suspicion, name: DnsName, record_type| {
        probes.push(Probe { item, suspicion, question: Question::new(name, record_type) });
    };
    let Question { name, record_type } = expected.question();
    let apex = domain.dns();
    if finding.code == Some(Code::DomainIsAlias) {
        return probes;
    }
    if finding.seen.is_some() || finding.code == Some(Code::CnameLoop) {
        // The domain itself is nobody's wildcard as far as its owner is concerned.
        if let Some(sibling) = wildcard::random_sibling(&name).filter(|_| name != *apex) {
            probe(Suspicion::Wildcard, sibling, record_type);
        }
        return probes;
    }
    for place in place::all(domain, &name, record_type) {
        let at = place.name.clone();
        probe(Suspicion::Elsewhere(place), at, record_type);
    }
    if record_type == RecordType::Cname {
        probe(Suspicion::Flattened, name.clone(), RecordType::A);
        probe(Suspicion::Flattened, name.clone(), RecordType::Aaaa);
    }
    if record_type != RecordType::Txt {
        probe(Suspicion::WrongType, name, RecordType::Txt);
    }
    probe(Suspicion::NoDomain, domain.registered(), RecordType::Soa);
    probes
}

/// The finding that tells of the mistake, if the answer shows it.
fn confirm(probe: &Probe, answer: &Answer, expected: &Expectation, finding: &Finding) -> Option<Finding> {
    let question = expected.question();
    let asked = format!("{} {}", question.record_type, question.name);
    match &probe.suspicion {
        Suspicion::Elsewhere(Place { code, name: at, mend }) => holds(expected, answer).then(|| {
            let text = format!("{asked}: there is no such record, but the right one stands at {at}; {mend}.");
            Finding::of(Verdict::Fail, *code, text, None)
        }),
        Suspicion::Wildcard => {
            let seen = finding.seen.clone()?;
            let alias = answer.chain.first().map(|alias| format!("{alias}."));
            let mut same = answer.outcome.records().iter().map(shown).chain(alias);
            same.any(|shown| shown == seen).then(|| wildcard::finding(expected, finding))
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
            let (wanted, record_type) = (expected.wanted(), question.record_type);
            let target =
                wanted.rsplit(' ').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
            // The domain itself has TXT records of all sorts.
            let is_it = |text: &String| {
                record_type == RecordType::Cname || text.to_ascii_lowercase().contains(&target)
            };
            let seen = answer.outcome.records().iter().map(shown).find(is_it)?;
            let text = format!(
                "{asked}: there is a TXT record \"{seen}\" and no {record_type}; wanted is {record_type} \"{wanted}\"; \
                 change its type to {record_type}."
            );
            Some(Finding::of(Verdict::Fail, Code::WrongType, text, Some(seen)))
        }
        Suspicion::NoDomain => matches!(answer.outcome, Outcome::NxDomain { .. }).then(|| {
            let text = format!(
                "{asked}: {} does not exist in the DNS; register it, or have its zone delegated, first.",
                probe.question.name
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
