//! The limits of one verification: a moment after which it asks nothing more, the most questions that it asks, and the most that
//! it sends to one address.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{Answer, NotAsked, Outcome, Question, Resolver, SendingBudget, Server, Sighting};

/// The most look-ups of one verification, beside those of the records themselves. What an SPF record leads to is for its owner to
/// say, who may name other people's zones: up to ten terms with ten mail hosts each, of which both addresses are asked for.
pub const MOST_QUESTIONS: usize = 300;

/// Another resolver, with a deadline, at most [`MOST_QUESTIONS`] look-ups, and one budget for all that it sends to name servers.
/// Every question after the deadline gets a timeout at once; one too many is not asked.
pub struct Deadline<'r> {
    inner: &'r dyn Resolver,
    until: Instant,
    asked: AtomicUsize,
    budget: SendingBudget,
}

impl<'r> Deadline<'r> {
    /// `inner`, asked for `span` from now on.
    pub fn new(inner: &'r dyn Resolver, span: Duration) -> Deadline<'r> {
        Deadline {
            inner,
            until: Instant::now() + span,
            asked: AtomicUsize::new(0),
            budget: SendingBudget::default(),
        }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Takes so many look-ups out of what is left; how many of them there were.
    fn take(&self, wanted: usize) -> usize {
        let asked = self.asked.fetch_add(wanted, Ordering::Relaxed);
        MOST_QUESTIONS.saturating_sub(asked).min(wanted)
    }
}

fn too_late() -> Answer {
    Answer {
        server: Server::from("a server that no time was left to ask"),
        chain: Vec::new(),
        outcome: Outcome::Timeout,
    }
}

fn too_many() -> Answer {
    Answer { outcome: Outcome::NotAsked { why: NotAsked::Spent }, ..too_late() }
}

impl Resolver for Deadline<'_> {
    fn lookup(&self, question: &Question) -> Answer {
        match self.take(1) {
            _ if self.is_over() => too_late(),
            0 => too_many(),
            _ => self.inner.lookup(question),
        }
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
            return questions.iter().map(|_| too_late()).collect();
        }
        let (asked, left_out) = questions.split_at(self.take(questions.len()));
        let mut answers = self.inner.lookup_all(asked);
        answers.extend(left_out.iter().map(|_| too_many()));
        answers
    }
}
