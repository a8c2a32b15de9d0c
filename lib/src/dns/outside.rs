//! What may be shown to anybody: not what servers inside the operator's own networks answered.

use super::{Answer, NotAsked, Outcome, Question, Resolver, SendingBudget, Server, Sighting};

/// A resolver whose name servers at addresses that are not public look as if they had not been asked.
pub struct Outside<'r>(pub &'r dyn Resolver);

impl Resolver for Outside<'_> {
    fn lookup(&self, question: &Question) -> Answer {
        self.0.lookup(question)
    }

    fn validates(&self, question: &Question) -> Option<bool> {
        self.0.validates(question)
    }

    fn lookup_unvalidated(&self, question: &Question) -> Answer {
        self.0.lookup_unvalidated(question)
    }

    fn look(&self, questions: &[Question]) -> Vec<Sighting> {
        self.0.look(questions).into_iter().map(Sighting::outside).collect()
    }

    fn look_within(&self, questions: &[Question], budget: &SendingBudget) -> Vec<Sighting> {
        self.0.look_within(questions, budget).into_iter().map(Sighting::outside).collect()
    }

    fn lookup_all(&self, questions: &[Question]) -> Vec<Answer> {
        self.0.lookup_all(questions)
    }
}

impl Sighting {
    /// Whether a name server inside the operator's networks answered.
    pub(crate) fn has_inside(&self) -> bool {
        self.answers.iter().any(|answer| matches!(answer.server, Server::Inside { .. }))
    }

    /// What may be shown to anybody: a name server inside is one that was not asked.
    #[must_use]
    pub fn outside(self) -> Sighting {
        let Sighting { question, answers } = self;
        let answers = answers.into_iter().map(|answer| match answer.server {
            Server::Inside { name, address } => Answer {
                server: Server::Authoritative { name, address },
                chain: Vec::new(),
                outcome: Outcome::NotAsked { why: NotAsked::NotPublic },
            },
            _ => answer,
        });
        Sighting { question, answers: answers.collect() }
    }
}
