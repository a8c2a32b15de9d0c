//! Related records: what else must be looked up where a record alone does not decide. That is what an SPF record includes,
//! the addresses of mail hosts, and the DMARC records of the domains above. Which, is for the record's kind to say.
//!
//! What is known at once to be wanted is looked up in one run, side by side; what a record leads to step by step comes after it.
//! Where what decides cannot be told for the moment, the finding is temporary.

use super::judge::{unless_others_differ, with_bad_server};
use super::{Expectation, Finding, Look, Verdict, View};
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
    // What a record leads to step by step may take all the look-ups that are left, so it comes last.
    let all: Vec<Question> = wanted.iter().flatten().cloned().collect();
    let answers = if all.is_empty() { Vec::new() } else { resolver.lookup_all(&all) };
    for (expected, look) in expected.iter().zip(looks.iter_mut()) {
        if let Some(better) = look.followed(expected, resolver) {
            look.replace(expected, better);
        }
    }
    let mut answers = answers.into_iter();
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

    /// What the first definite answer leads to; and where another server has other records, what the first of those leads to as
    /// well. If one of the two is right and the other one is not, the servers differ.
    fn followed(&self, expected: &Expectation, resolver: &dyn Resolver) -> Option<Finding> {
        let kind = expected.of_kind();
        let definite = self.definite()?;
        let better = kind.follow(definite, &self.finding, resolver);
        let is_other = |view: &&View| {
            view.finding.verdict != Verdict::Temporary
                && view.answer.outcome.records() != definite.outcome.records()
        };
        let Some(View { answer, finding }) = self.views.iter().find(is_other) else { return better };
        let first = better.as_ref().unwrap_or(&self.finding);
        let second = kind.follow(answer, finding, resolver).unwrap_or_else(|| finding.clone());
        let is_settled = |finding: &Finding| finding.verdict != Verdict::Temporary;
        if !is_settled(first) || !is_settled(&second) || first.verdict.passes() == second.verdict.passes() {
            return better;
        }
        let right = if first.verdict.passes() { definite } else { answer };
        Some(unless_others_differ(expected, &self.views, right, second))
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
