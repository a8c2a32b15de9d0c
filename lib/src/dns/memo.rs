//! A resolver that asks each question once.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Answer, Question, Resolver};

/// Another resolver's answers, including failures. Each question is asked only once.
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
