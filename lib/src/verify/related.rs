//! Related records: what else must be looked up where a record alone does not decide. That is what an SPF record includes,
//! the addresses of mail hosts, and the DMARC records of the domains above. Which, is for the record's kind to say.
//!
//! What a record leads to step by step is looked up first; everything else in one run, side by side. What cannot be told for
//! the moment leaves the finding as it was.

use super::judge::{unless_others_differ, with_bad_server};
use super::{Expectation, Finding, Look, Verdict};
use crate::dns::{Answer, Question, Resolver};
use crate::name::DomainName;

/// Replaces findings by those that know what lies behind them.
pub(super) fn refine(
    domain: &DomainName,
    expected: &[Expectation],
    looks: &mut [Look],
    resolver: &dyn Resolver,
) {
    let wanted: Vec<Vec<Question>> = expected
        .iter()
        .zip(looks.iter())
        .map(|(expected, look)| {
            let questions = |answer| expected.of_kind().questions(domain, answer, &look.finding);
            look.definite().map(questions).unwrap_or_default()
        })
        .collect();
    for (expected, look) in expected.iter().zip(looks.iter_mut()) {
        if let Some(definite) = look.definite()
            && let Some(better) = expected.of_kind().follow(definite, &look.finding, resolver)
        {
            look.replace(expected, better);
        }
    }
    let all: Vec<Question> = wanted.iter().flatten().cloned().collect();
    if all.is_empty() {
        return;
    }
    let mut answers = resolver.lookup_all(&all).into_iter();
    for ((expected, look), questions) in expected.iter().zip(looks.iter_mut()).zip(&wanted) {
        let seen: Vec<(&Question, Answer)> = questions.iter().zip(answers.by_ref()).collect();
        if !seen.is_empty()
            && let Some(better) = expected.of_kind().refine(&look.finding, &seen)
        {
            look.replace(expected, better);
        }
    }
}

impl Look {
    /// The first definite answer of those that the finding was judged from, if that is definite.
    fn definite(&self) -> Option<&Answer> {
        let definite = self.views.iter().find(|view| view.finding.verdict != Verdict::Temporary)?;
        (self.finding.verdict != Verdict::Temporary).then_some(&definite.answer)
    }

    /// Takes what is known better of the record; what the servers have shown of themselves stays.
    fn replace(&mut self, expected: &Expectation, better: Finding) {
        let better = match self.definite() {
            // What was looked up belongs to one answer. It says nothing of another one that was wrong as well.
            Some(definite) if better.verdict.passes() && !self.finding.verdict.passes() => {
                unless_others_differ(expected, &self.views, definite, better)
            }
            _ => better,
        };
        let seen = self.views.iter().map(|view| &view.answer);
        self.finding = with_bad_server(expected, seen, better);
    }
}
