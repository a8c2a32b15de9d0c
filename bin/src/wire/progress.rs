//! How far the checks are that people have asked for and that are under way now.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use postroom::dns::{Answer, Question, Resolver, SendingBudget, Sighting};
use postroom::id::DomainId;

/// The checks that are under way, by domain.
#[derive(Default)]
pub struct Checks(Mutex<HashMap<DomainId, Running>>);

/// How far a check is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many look-ups were asked so far; a check may ask more later, to explain what it found.
    pub asked: usize,
    /// How many of them are answered.
    pub answered: usize,
}

#[derive(Default)]
struct Running {
    checks: usize,
    progress: Progress,
}

impl Checks {
    /// How far the checks of this domain are; `None` if none is under way.
    pub fn of(&self, domain: DomainId) -> Option<Progress> {
        self.running().get(&domain).map(|running| running.progress)
    }

    /// A resolver for a check of this domain, which is under way until the resolver is dropped.
    pub fn watch<'a>(&'a self, domain: DomainId, resolver: &'a dyn Resolver) -> CountingResolver<'a> {
        self.running().entry(domain).or_default().checks += 1;
        CountingResolver { checks: self, domain, resolver }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<DomainId, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A resolver whose look-ups are counted.
pub struct CountingResolver<'a> {
    checks: &'a Checks,
    domain: DomainId,
    resolver: &'a dyn Resolver,
}

impl CountingResolver<'_> {
    fn counted<T>(&self, questions: usize, ask: impl FnOnce(&dyn Resolver) -> T) -> T {
        let count = |change: fn(&mut Progress, usize)| {
            if let Some(running) = self.checks.running().get_mut(&self.domain) {
                change(&mut running.progress, questions);
            }
        };
        count(|progress, questions| progress.asked += questions);
        let answered = ask(self.resolver);
        count(|progress, questions| progress.answered += questions);
        answered
    }
}

impl Resolver for CountingResolver<'_> {
    fn lookup(&self, question: &Question) -> Answer {
        self.counted(1, |resolver| resolver.lookup(question))
    }

    fn look(&self, questions: &[Question]) -> Vec<Sighting> {
        self.counted(questions.len(), |resolver| resolver.look(questions))
    }

    fn look_within(&self, questions: &[Question], budget: &SendingBudget) -> Vec<Sighting> {
        self.counted(questions.len(), |resolver| resolver.look_within(questions, budget))
    }

    fn validates(&self, question: &Question) -> Option<bool> {
        self.resolver.validates(question)
    }

    fn lookup_unvalidated(&self, question: &Question) -> Answer {
        self.counted(1, |resolver| resolver.lookup_unvalidated(question))
    }

    fn lookup_all(&self, questions: &[Question]) -> Vec<Answer> {
        self.counted(questions.len(), |resolver| resolver.lookup_all(questions))
    }
}

impl Drop for CountingResolver<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut running) = self.checks.running().entry(self.domain) {
            running.get_mut().checks = running.get().checks.saturating_sub(1);
            if running.get().checks == 0 {
                running.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use postroom::dns::{RecordType, ScriptedResolver};

    use super::*;

    #[test]
    fn a_check_is_counted_while_it_lasts_and_two_of_one_domain_are_counted_together() {
        let (checks, dns) = (Checks::default(), ScriptedResolver::new());
        let (one, other) = (DomainId::new(1), DomainId::new(2));
        let question = Question::new("example.com".parse().unwrap(), RecordType::Mx);
        let first = checks.watch(one, &dns);
        assert_eq!(checks.of(one), Some(Progress::default()));
        first.look(&[question.clone(), question.clone()]);
        let second = checks.watch(one, &dns);
        second.lookup(&question);
        assert_eq!(checks.of(one), Some(Progress { asked: 3, answered: 3 }));
        assert_eq!(checks.of(other), None);
        drop(first);
        assert!(checks.of(one).is_some());
        drop(second);
        assert_eq!(checks.of(one), None);
        assert!(checks.running().is_empty());
    }
}
