//! The look: asks the DNS, outside any transaction, and has the answers judged.

use std::time::Duration;

use super::{Expectation, Finding, advise, explain, judge, related};
use crate::dns::{self, Resolver};
use crate::name::DomainName;

/// For so long a look begins new look-ups. The last of them may take as long as one run of the resolver, 10 s, so that a
/// domain has its 20 s.
pub(super) const LOOK_FOR: Duration = Duration::from_secs(10);

/// What a look at one record came to: the finding, and what each server said.
#[derive(Clone, Debug)]
pub struct Look {
    /// What was asked.
    pub question: dns::Question,
    /// What all of it comes to.
    pub finding: Finding,
    /// What each server said, and what that would come to alone; recursive resolvers first.
    pub views: Vec<View>,
    /// What it comes to with the answers of name servers inside the operator's own networks, where there are any. For the
    /// operator alone: all else tells of those servers only that they were not asked.
    pub inside: Option<Inside>,
}

/// What the operator sees beside what everybody may see.
#[derive(Clone, Debug)]
pub struct Inside {
    /// What all of it comes to.
    pub finding: Finding,
    /// What each server said.
    pub views: Vec<View>,
}

impl Look {
    /// As the operator sees it. Never for an answer to anybody else.
    #[must_use]
    pub fn for_operator(mut self) -> Look {
        if let Some(Inside { finding, views }) = self.inside.take() {
            (self.finding, self.views) = (finding, views);
        }
        self
    }
}

/// What one server said of one record.
#[derive(Clone, Debug)]
pub struct View {
    /// Its answer.
    pub answer: dns::Answer,
    /// The finding that this server's answer would give by itself.
    pub finding: Finding,
}

/// Asks the DNS, all look-ups side by side, and judges: one look an expectation, in their order.
///
/// It needs no database: `domain` may be anybody's. Takes as long as the resolver's limits for a few runs at most; call
/// it outside any transaction.
pub fn look(domain: &DomainName, expected: &[Expectation], resolver: &dyn Resolver) -> Vec<Look> {
    look_by(domain, expected, &dns::Deadline::new(resolver, LOOK_FOR))
}

/// Looks with the time and the budget that are left of a verification.
pub(super) fn look_by(
    domain: &DomainName,
    expected: &[Expectation],
    resolver: &dns::Deadline<'_>,
) -> Vec<Look> {
    let questions: Vec<dns::Question> = expected.iter().map(Expectation::question).collect();
    let sightings = resolver.look(&questions);
    // What was seen is not asked for again, whatever leads back to it.
    let resolver = &dns::Memo::new(resolver).with_seen(&sightings);
    let inside = sightings
        .iter()
        .any(dns::Sighting::has_inside)
        .then(|| judged(domain, expected, &sightings, resolver));
    let sightings: Vec<dns::Sighting> = sightings.into_iter().map(dns::Sighting::outside).collect();
    let mut looks = judged(domain, expected, &sightings, &dns::Outside(resolver));
    for (look, whole) in looks.iter_mut().zip(inside.into_iter().flatten()) {
        look.inside = Some(Inside { finding: whole.finding, views: whole.views });
    }
    looks
}

/// What the servers said, judged, and refined by further look-ups.
fn judged(
    domain: &DomainName,
    expected: &[Expectation],
    sightings: &[dns::Sighting],
    resolver: &dyn Resolver,
) -> Vec<Look> {
    let view = |expected, answer: &dns::Answer| View {
        answer: answer.clone(),
        finding: judge::answer(expected, answer),
    };
    let mut looks: Vec<Look> = expected
        .iter()
        .zip(sightings)
        .map(|(expected, sighting)| Look {
            question: sighting.question.clone(),
            finding: judge::sighting(expected, sighting),
            views: sighting.answers.iter().map(|answer| view(expected, answer)).collect(),
            inside: None,
        })
        .collect();
    related::refine(domain, expected, &mut looks, resolver);
    explain::refine(domain, expected, &mut looks, resolver);
    advise::all(expected, &mut looks);
    looks
}
