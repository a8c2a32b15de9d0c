//! The limits of one verification: a moment after which it asks nothing more, and the most that it sends to one address.

use std::time::{Duration, Instant};

use super::{Answer, Outcome, Question, Resolver, SendingBudget, Server, Sighting};

/// Another resolver, with a deadline and with one budget for all that it sends to name servers. Every question after the
/// deadline gets a timeout at once.
pub struct Deadline<'r> {
    inner: &'r dyn Resolver,
    until: Instant,
    budget: SendingBudget,
}

impl<'r> Deadline<'r> {
    /// `inner`, asked for `span` from now on.
    pub fn new(inner: &'r dyn Resolver, span: Duration) -> Deadline<'r> {
        Deadline { inner, until: Instant::now() + span, budget: SendingBudget::default() }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

fn too_late() -> Answer {
    Answer {
        server: Server::from("a server that no time was left to ask"),
        chain: Vec::new(),
        outcome: Outcome::Timeout,
    }
}

impl Resolver for Deadline<'_> {
    fn lookup(&self, question: &Question) -> Answer {
        if self.is_over() { too_late() } else { self.inner.lookup(question) }
    }

    fn validates(&self, question: &Question) -> Option<bool> {
        if self.is_over() { None } else { self.inner.validates(question) }
    }

    fn lookup_unvalidated(&self, question: &Question) -> Answer {
        if self.is_over() { too_late() } else { self.inner.lookup_unvalidated(question) }
    }

    fn look(&self, questions: &[Question]) -> Vec<Sighting> {
        self.look_within(questions, &self.budget)
    }

    fn look_within(&self, questions: &[Question], budget: &SendingBudget) -> Vec<Sighting> {
        if !self.is_over() {
            return self.inner.look_within(questions, budget);
        }
        let late = |question: &Question| Sighting { question: question.clone(), answers: vec![too_late()] };
        questions.iter().map(late).collect()
    }

    fn lookup_all(&self, questions: &[Question]) -> Vec<Answer> {
        if self.is_over() {
            questions.iter().map(|_| too_late()).collect()
        } else {
            self.inner.lookup_all(questions)
        }
    }
}
