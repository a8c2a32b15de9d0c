//! A resolver that asks each question once.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Answer, Question, Resolver, SendingBudget, Sighting};

/// Another resolver's answers, including failures. Each question of a look-up is asked only once; a look at every server
/// asks them all again.
///
/// One of these around a run keeps several evaluations of one domain from repeating each other's look-ups, and
/// [`with`](Memo::with) lets an evaluation begin from an answer that is at hand already, such as that of
/// one name server.
pub struct Memo<'r> {
    inner: &'r dyn Resolver,
    known: Mutex<BTreeMap<Question, Answer>>,
}

impl<'r> Memo<'r> {
    /// An empty memo, which asks `inner`.
    pub fn new(inner: &'r dyn Resolver) -> Memo<'r> {
        Memo { inner, known: Mutex::new(BTreeMap::new()) }
    }

    /// Adds an answer that is known.
    #[must_use]
    pub fn with(self, question: Question, answer: Answer) -> Memo<'r> {
        self.known().insert(question, answer);
        self
    }

    /// Adds what recursive resolvers said in these sightings.
    #[must_use]
    pub(crate) fn with_seen(self, sightings: &[Sighting]) -> Memo<'r> {
        // As a look-up would have it: the first that had an answer.
        let definite = |sighting: &Sighting| {
            let answer = sighting.recursive().find(|answer| !answer.outcome.is_temporary())?;
            Some((sighting.question.clone(), answer.clone()))
        };
        self.known().extend(sightings.iter().filter_map(definite));
        self
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Question, Answer>> {
        // A panic inside the lock cannot leave the map in a bad state.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for Memo<'_> {
    fn lookup(&self, question: &Question) -> Answer {
        if let Some(answer) = self.known().get(question) {
            return answer.clone();
        }
        // The lock is not held while the network is asked.
        let answer = self.inner.lookup(question);
        self.known().insert(question.clone(), answer.clone());
        answer
    }

    fn validates(&self, question: &Question) -> Option<bool> {
        self.inner.validates(question)
    }

    fn lookup_unvalidated(&self, question: &Question) -> Answer {
        self.inner.lookup_unvalidated(question)
    }

    fn look(&self, questions: &[Question]) -> Vec<Sighting> {
        self.inner.look(questions)
    }

    fn look_within(&self, questions: &[Question], budget: &SendingBudget) -> Vec<Sighting> {
        self.inner.look_within(questions, budget)
    }

    fn lookup_all(&self, questions: &[Question]) -> Vec<Answer> {
        let mut unknown: Vec<Question> = Vec::new();
        {
            let known = self.known();
            for question in questions {
                if !known.contains_key(question) && !unknown.contains(question) {
                    unknown.push(question.clone());
                }
            }
        }
        let answers = self.inner.lookup_all(&unknown);
        self.known().extend(unknown.into_iter().zip(answers));
        questions.iter().map(|question| self.lookup(question)).collect()
    }
}
