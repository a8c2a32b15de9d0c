//! Judging: pure functions of what is expected and what was seen, without clock or network.
//!
//! What one definite answer comes to is for the record's kind to say, in `record/kind`. Here is what is common to all kinds:
//! servers in trouble, and servers that differ.

use std::time::Duration;

use super::{Code, Expectation, Finding, Verdict, View};
use crate::dns::{Answer, MOST_CONNECTIONS, MOST_DATAGRAMS, NotAsked, Outcome, Sighting};
use crate::record::kind;

/// Judges what every server said.
///
/// What receivers of mail see is what recursive resolvers say: without a definite word from one of them nothing
/// is verified, whatever the name servers say themselves. Where servers differ nothing is settled either.
pub fn sighting(expected: &Expectation, sighting: &Sighting) -> Finding {
    let judged: Vec<(&Answer, Finding)> =
        sighting.answers.iter().map(|seen| (seen, answer(expected, seen))).collect();
    let definite = |(_, finding): &&(&Answer, Finding)| finding.verdict != Verdict::Temporary;
    let from_recursive = |(seen, _): &&(&Answer, Finding)| !seen.server.is_authoritative();
    // One resolver has checked the zone's signatures, and they are wrong. What another one believes unchecked is no word.
    let is_bogus = |each: &&(&Answer, Finding)| from_recursive(each) && each.0.outcome.is_dnssec_failure();
    if let Some((_, bogus)) = judged.iter().find(is_bogus) {
        return bogus.clone();
    }
    if judged.iter().any(|each| from_recursive(&each))
        && !judged.iter().filter(from_recursive).any(|each| definite(&each))
    {
        // Where the only name servers are out of the world's reach, resolvers fail for that very reason.
        let out_of_reach = judged.iter().filter(|(seen, _)| is_not_public(seen));
        return first(out_of_reach.chain(judged.iter().filter(from_recursive)), expected);
    }
    let passes: Vec<_> =
        judged.iter().filter(definite).filter(|(_, finding)| finding.verdict.passes()).collect();
    let fails: Vec<_> = judged.iter().filter(definite).filter(|(_, f)| f.verdict == Verdict::Fail).collect();
    match (passes.as_slice(), fails.as_slice()) {
        ([_, ..], []) => {
            let pass = first(passes.iter().copied(), expected);
            with_bad_server(expected, judged.iter().map(|(seen, _)| *seen), pass)
        }
        // The zone's own servers know best why.
        ([], [_, ..]) => {
            let own = fails.iter().find(|(seen, _)| seen.server.is_authoritative());
            first(own.or(fails.first()).copied().into_iter(), expected)
        }
        ([], []) => first(judged.iter(), expected),
        ([pass, ..], [fail, ..]) => disagreement(expected, &passes, &fails, pass.0, fail),
    }
}

/// What is found of a record that further look-ups have shown to be right as one server has it: that, unless another server has
/// something else.
pub(super) fn unless_others_differ(
    expected: &Expectation,
    views: &[View],
    right: &Answer,
    finding: Finding,
) -> Finding {
    let definite = views.iter().filter(|view| view.finding.verdict != Verdict::Temporary);
    let definite: Vec<(&Answer, Finding)> =
        definite.map(|view| (&view.answer, view.finding.clone())).collect();
    let is_same = |(seen, _): &&(&Answer, Finding)| seen.outcome.records() == right.outcome.records();
    let (same, others): (Vec<_>, Vec<_>) = definite.iter().partition(is_same);
    match others.first() {
        Some(other) => disagreement(expected, &same, &others, right, other),
        None => finding,
    }
}

/// Judges what one server said.
pub fn answer(expected: &Expectation, seen: &Answer) -> Finding {
    match trouble(expected, seen) {
        Some(finding) => finding,
        None => kind::behind_alias(expected.of_kind(), seen, expected.of_kind().judge(seen)),
    }
}

/// What is no word on the record itself: the server's trouble, or a circle of aliases.
fn trouble(expected: &Expectation, seen: &Answer) -> Option<Finding> {
    let temporary = |code, what: String| {
        let text = format!("{}: {what}; nothing follows from that.", asked(expected));
        Some(Finding::of(Verdict::Temporary, code, text, None))
    };
    let with = |detail: &String| {
        if detail.is_empty() { String::new() } else { format!(": {detail}") }
    };
    let server = &seen.server;
    match &seen.outcome {
        Outcome::ServFail { detail } if seen.outcome.is_dnssec_failure() => {
            let text = format!(
                "{}: {server} could not validate the zone's DNSSEC signatures{}; until they are right nothing can be told; \
                 mend them, or withdraw the DS record at the registrar.",
                asked(expected),
                with(detail)
            );
            Some(Finding::of(Verdict::Temporary, Code::DnssecBogus, text, None))
        }
        Outcome::ServFail { detail } => temporary(
            Code::Servfail,
            format!("{server} answered SERVFAIL, as when the zone's name servers fail{}", with(detail)),
        ),
        Outcome::Refused { detail } => {
            temporary(Code::Refused, format!("{server} refused to answer{}", with(detail)))
        }
        Outcome::Timeout => temporary(Code::Timeout, format!("{server} did not answer in time")),
        Outcome::Malformed { detail } => {
            temporary(Code::MalformedAnswer, format!("{server} sent no proper answer{}", with(detail)))
        }
        Outcome::Unreachable { detail } => {
            temporary(Code::Unreachable, format!("{server} could not be reached{}", with(detail)))
        }
        Outcome::NotAsked { why: NotAsked::NotPublic } => {
            let text = format!(
                "{}: {server} was not asked, because its address is not public; give it a public address, or ask the \
                 operator of this mail system to allow its network.",
                asked(expected)
            );
            Some(Finding::of(Verdict::Temporary, Code::NameserverNotAsked, text, None))
        }
        Outcome::NotAsked { why: NotAsked::Spent } => temporary(
            Code::NameserverNotAsked,
            format!(
                "{server} was not asked any more, because one verification sends one address {MOST_DATAGRAMS} datagrams \
                 and opens {MOST_CONNECTIONS} connections to it at most"
            ),
        ),
        Outcome::CnameLoop => {
            let text = format!(
                "{}: its CNAME records lead in a circle or through more than {} names; publish the record itself, \
                 or one CNAME that leads to it.",
                asked(expected),
                crate::dns::MAX_CHAIN
            );
            Some(Finding::of(Verdict::Fail, Code::CnameLoop, text, None))
        }
        _ => None,
    }
}

/// What is found of a record, or, if that is right, of a name server of the zone that does not serve the zone, or that the
/// world cannot reach.
pub(super) fn with_bad_server<'a>(
    expected: &Expectation,
    mut seen: impl Iterator<Item = &'a Answer> + Clone,
    finding: Finding,
) -> Finding {
    if finding.verdict != Verdict::Pass {
        return finding;
    }
    if let Some(lame) = seen.clone().find(|seen| seen.is_lame()) {
        return lame_server(expected, lame, finding);
    }
    match seen.find(|seen| is_not_public(seen)) {
        Some(hidden) => server_out_of_reach(expected, hidden, finding),
        None => finding,
    }
}

fn is_not_public(seen: &Answer) -> bool {
    seen.outcome == Outcome::NotAsked { why: NotAsked::NotPublic }
}

/// The record is right, and one of the zone's name servers has an address that the world cannot reach.
fn server_out_of_reach(expected: &Expectation, hidden: &Answer, pass: Finding) -> Finding {
    let text = format!(
        "{}: it is there as wanted, but {} is named as a name server of the zone and was not asked, because its address is \
         not public; give it a public address, or remove it from the zone's NS records and at the registrar.",
        asked(expected),
        hidden.server
    );
    Finding { verdict: Verdict::Warn, code: Some(Code::NameserverNotAsked), text, ..pass }
}

/// The record is right, and one of the zone's name servers does not serve the zone.
fn lame_server(expected: &Expectation, lame: &Answer, pass: Finding) -> Finding {
    let text = format!(
        "{}: it is there as wanted, but {} is named as a name server of the zone and does not answer for it; have it answer \
         everybody, or remove it from the zone's NS records and at the registrar.",
        asked(expected),
        lame.server
    );
    Finding { verdict: Verdict::Warn, code: Some(Code::NameserverLame), text, ..pass }
}

/// Some servers have it as it must be, others have not.
fn disagreement(
    expected: &Expectation,
    passes: &[&(&Answer, Finding)],
    fails: &[&(&Answer, Finding)],
    pass: &Answer,
    fail: &(&Answer, Finding),
) -> Finding {
    let own = |each: &&&(&Answer, Finding)| each.0.server.is_authoritative();
    let own_passes = passes.iter().any(|each| own(&each));
    let own_fails = fails.iter().find(own);
    let asked = asked(expected);
    let (code, text) = match (own_passes, own_fails) {
        (true, Some(behind)) => (
            Code::NameserversDisagree,
            format!(
                "{asked}: the zone's own name servers differ: {} has it, {} has not; bring the same zone to all of them.",
                server_of(passes.iter().find(own).map_or(pass, |each| each.0)),
                behind.0.server
            ),
        ),
        (false, Some(gone)) => (
            Code::StaleCached,
            format!(
                "{asked}: {} still has it from its cache, but the zone's name server {} has it no more; publish it again.",
                pass.server, gone.0.server
            ),
        ),
        (true, None) if matches!(fail.0.outcome, Outcome::NoData { .. } | Outcome::NxDomain { .. }) => (
            Code::NegativeCached,
            format!(
                "{asked}: the zone's name servers have it, but {} still remembers that there was none{}; wait.",
                fail.0.server,
                lasting(&fail.0.outcome)
            ),
        ),
        _ => (
            Code::Propagating,
            format!(
                "{asked}: {} has it as wanted, {} still has something else{}; wait.",
                pass.server,
                fail.0.server,
                lasting(&fail.0.outcome)
            ),
        ),
    };
    Finding::of(Verdict::Temporary, code, text, fail.1.seen.clone())
}

fn server_of(answer: &Answer) -> &crate::dns::Server {
    &answer.server
}

/// How much longer a cache may go on saying so.
fn lasting(outcome: &Outcome) -> String {
    let left = match outcome {
        Outcome::NoData { remaining } | Outcome::NxDomain { remaining } => *remaining,
        Outcome::Found { ttl, .. } => Some(*ttl),
        _ => None,
    };
    left.filter(|left| *left > Duration::ZERO)
        .map_or(String::new(), |left| format!(" for up to {} s", left.as_secs()))
}

fn first<'a>(mut judged: impl Iterator<Item = &'a (&'a Answer, Finding)>, expected: &Expectation) -> Finding {
    judged.next().map_or_else(
        || {
            let text = format!("{}: nobody could be asked; configure a resolver.", asked(expected));
            Finding::of(Verdict::Temporary, Code::Unreachable, text, None)
        },
        |(_, finding)| finding.clone(),
    )
}

/// The question as a sentence starts with it.
fn asked(expected: &Expectation) -> String {
    kind::asked(expected.of_kind())
}
