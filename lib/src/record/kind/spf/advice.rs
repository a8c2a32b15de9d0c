//! The record to enter in place of what is there: what was published before, as far as it works, with what we ask for in it.

use super::{SpfExpectation, is_all, meant, senders};
use crate::dns::{Answer, Memo, Outcome, Question, RecordData, RecordType, Resolver};
use crate::record::finding::{Action, Finding, Verdict};
use crate::spf::{Directive, Mechanism, reaches};

/// More terms than this are not tried one by one.
const MOST_TERMS: usize = 60;

/// What to enter, and what of the record that is there was left out, each with why.
pub(super) struct Advice {
    pub(super) action: Action,
    pub(super) dropped: Vec<String>,
}

/// Looks for the record that passes and keeps the most of what is there.
pub(super) fn advise(expected: &SpfExpectation, answer: &Answer, dns: &dyn Resolver) -> Advice {
    let texts = meant(answer);
    let merged = expected.advised(&texts);
    let mut dropped = Vec::new();
    let mut to = Some(merged.clone()).filter(|to| verdict(expected, answer, to, dns) == Verdict::Pass);
    if to.is_none() {
        let (kept, left_out) = kept(expected, answer, &merged, dns);
        to = Some(kept).filter(|to| verdict(expected, answer, to, dns).passes());
        dropped = left_out;
    }
    if to.is_none() {
        dropped = vec!["all else".to_owned()];
        let alone = format!("v=spf1 {} ~all", expected.mechanisms.join(" "));
        to = Some(alone).filter(|to| verdict(expected, answer, to, dns).passes());
    }
    let from: Vec<String> = texts.iter().map(|text| text.readable()).collect();
    let action = Action::change(expected.name.clone(), RecordType::Txt, &from, String::new());
    Advice { action: Action { to, ..action }, dropped }
}

/// The terms of `merged` that cause no error, each tried after those before it. What cannot be looked up now is kept.
fn kept(
    expected: &SpfExpectation,
    answer: &Answer,
    merged: &str,
    dns: &dyn Resolver,
) -> (String, Vec<String>) {
    let mut record = format!("v=spf1 {}", expected.mechanisms.join(" "));
    let mut dropped = Vec::new();
    let mut end = None;
    let terms = merged.split(' ').skip(1).filter(|term| !term.is_empty());
    for term in terms.filter(|term| !expected.mechanisms.iter().any(|ours| ours == term)).take(MOST_TERMS) {
        if is_all(term) {
            end = end.or(Some(term));
            continue;
        }
        let longer = format!("{record} {term}");
        match problem(expected, answer, &longer, dns) {
            None => record = longer,
            Some(why) => dropped.push(format!("{term} ({why})")),
        }
    }
    if end.is_some() || !record.contains(" redirect=") {
        record = format!("{record} {}", end.unwrap_or("~all"));
    }
    (record, dropped)
}

/// What is definitely wrong with a record.
fn problem(expected: &SpfExpectation, answer: &Answer, record: &str, dns: &dyn Resolver) -> Option<String> {
    let ours = expected.mechanisms.iter().filter_map(|text| text.parse::<Directive>().ok());
    let ours: Vec<Mechanism> = ours.map(|directive| directive.mechanism).collect();
    let question = Question::new(expected.name.clone(), RecordType::Txt);
    let dns = Memo::new(dns).with(question, published(answer, record));
    let reach = reaches(&dns, &expected.name, &ours);
    match (reach.problem, reach.open_to_all) {
        (Some(problem), _) if !problem.is_temporary() => Some(problem.to_string()),
        (_, Some(_)) => Some("it lets everybody send".to_owned()),
        _ => None,
    }
}

/// What would be found of the domain, were this its record.
fn verdict(expected: &SpfExpectation, answer: &Answer, record: &str, dns: &dyn Resolver) -> Verdict {
    let answer = published(answer, record);
    let found: Finding = super::judge(expected, &expected.mechanisms, &answer);
    let walked = senders::judge(expected, &answer, &found, dns, None);
    walked.unwrap_or(found).verdict
}

fn published(answer: &Answer, record: &str) -> Answer {
    let outcome = Outcome::of_records(vec![RecordData::txt(&[record])], std::time::Duration::ZERO);
    Answer { server: answer.server.clone(), chain: Vec::new(), outcome }
}
