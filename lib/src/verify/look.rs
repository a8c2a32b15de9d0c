//! The look: asks the DNS, outside any transaction, and has the answers judged.

use std::time::Duration;

use super::{Expectation, Finding, advise, explain, judge, related};
use crate::dns::{self, Resolver};
use crate::name::DomainName;

/// For so long a look begins new look-ups. The last of them may take as long as one run of the resolver, 10 s, so that a
/// domain has its 20 s.
const LOOK_FOR: Duration = Duration::from_secs(10);

/// What a look at one record came to: the finding, and what each server said.
#[derive(Clone, Debug)]
pub struct Look {
    /// What all of it comes to.
    pub finding: Finding,
    /// What each server said, and what that would come to alone; recursive resolvers first.
    pub views: Vec<View>,
}

/// What one server said of one record.
#[derive(Clone, Debug)]
pub struct View {
    /// Its answer.
    pub answer: dns::Answer,
    /// What that would come to alone.
    pub finding: Finding,
}

/// Asks the DNS, all look-ups side by side, and judges: one look an expectation, in their order.
///
/// It needs no database: `domain` may be anybody's. Takes as long as the resolver's limits for a few runs at most; call
/// it outside any transaction.
pub fn look(domain: &DomainName, expected: &[Expectation], resolver: &dyn Resolver) -> Vec<Look> {
    let resolver = &dns::Deadline::new(resolver, LOOK_FOR);
    let questions: Vec<dns::Question> = expected.iter().map(Expectation::question).collect();
    let sightings = resolver.look(&questions);
    let view = |expected, answer: &dns::Answer| View {
        answer: answer.clone(),
        finding: judge::answer(expected, answer),
    };
    let mut looks: Vec<Look> = expected
        .iter()
        .zip(&sightings)
        .map(|(expected, sighting)| Look {
            finding: judge::sighting(expected, sighting),
            views: sighting.answers.iter().map(|answer| view(expected, answer)).collect(),
        })
        .collect();
    related::refine(domain, expected, &mut looks, resolver);
    explain::refine(domain, expected, &mut looks, resolver);
    advise::all(expected, &mut looks);
    looks
}
