//! The record to enter in place of what is there: what was published before, as far as it works, with what we ask for in it.

use super::{Entry, SpfExpectation, is_all, meant, senders};
use crate::dns::{Answer, Memo, NotAsked, Outcome, Question, RecordData, RecordType, Resolver};
use crate::record::finding::{Act, Action, Verdict};
use crate::spf::{Directive, Dropped, Mechanism, SpfProblem, reaches};

/// More terms than this are not tried one by one.
const MOST_TERMS: usize = 60;

/// Looks for the record that passes and keeps the most of what is there.
pub(super) fn advise(expected: &SpfExpectation, answer: &Answer, dns: &dyn Resolver) -> (Action, Entry) {
    let texts = meant(answer);
    let Entry { to, mut dropped } = expected.entry_for(&texts);
    let merged = to.unwrap_or_default();
    let mut to = Some(merged.clone()).filter(|to| verdict(expected, answer, to, dns) == Verdict::Pass);
    let mut is_spent = false;
    if to.is_none() {
        match kept(expected, answer, &merged, dns) {
            Some((kept, left_out)) => {
                to = Some(kept).filter(|to| verdict(expected, answer, to, dns).passes());
                dropped.extend(left_out);
            }
            None => is_spent = true,
        }
    }
    if to.is_none() && !is_spent {
        let alone = format!("v=spf1 {} ~all", expected.mechanisms.join(" "));
        to = Some(alone).filter(|to| verdict(expected, answer, to, dns).passes());
        let all_else = || vec![Dropped::new("all else", "the record fails with it")];
        dropped = if to.is_some() { all_else() } else { Vec::new() };
    }
    let question = Question::new(expected.name.clone(), RecordType::Txt);
    if to.is_none() && problem_of_wanted(&expected.mechanisms, &question, dns).is_some() {
        let action = Action::idle(Act::None, expected.name.clone(), RecordType::Txt);
        return (action, Entry { to, dropped });
    }
    let from: Vec<String> = texts.iter().map(|text| text.readable()).collect();
    let action = Action::change(expected.name.clone(), RecordType::Txt, &from, String::new());
    (Action { to: to.clone(), ..action }, Entry { to, dropped })
}

/// The terms of `merged` that cause no error, each tried after those before it. What cannot be looked up now is kept. None where
/// the verification has asked all that it may, so that nothing can be said of the rest.
fn kept(
    expected: &SpfExpectation,
    answer: &Answer,
    merged: &str,
    dns: &dyn Resolver,
) -> Option<(String, Vec<Dropped>)> {
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
            Flaw::None => record = longer,
            Flaw::Because(why) => dropped.push(Dropped::new(term, why)),
            Flaw::NotAsked => return None,
        }
    }
    if end.is_some() || !record.contains(" redirect=") {
        record = format!("{record} {}", end.unwrap_or("~all"));
    }
    Some((record, dropped))
}

/// What is definitely wrong with what we ask for, were it all that the record has.
pub(super) fn problem_of_wanted(
    mechanisms: &[String],
    question: &Question,
    dns: &dyn Resolver,
) -> Option<SpfProblem> {
    let ours = parsed(mechanisms);
    let record = format!("v=spf1 {} ~all", mechanisms.join(" "));
    let outcome = Outcome::of_records(vec![RecordData::txt(&[&record])], std::time::Duration::ZERO);
    let answer = Answer { server: "what is wanted".into(), chain: Vec::new(), outcome };
    let dns = Memo::new(dns).with(question.clone(), answer);
    reaches(&dns, &question.name, &ours).problem.filter(|problem| !problem.is_temporary())
}

fn parsed(mechanisms: &[String]) -> Vec<Mechanism> {
    let directives = mechanisms.iter().filter_map(|text| text.parse::<Directive>().ok());
    directives.map(|directive| directive.mechanism).collect()
}

/// What is definitely wrong with a record.
enum Flaw {
    None,
    Because(&'static str),
    /// It cannot be told, because the verification may ask nothing more.
    NotAsked,
}

fn problem(expected: &SpfExpectation, answer: &Answer, record: &str, dns: &dyn Resolver) -> Flaw {
    let ours = parsed(&expected.mechanisms);
    let question = Question::new(expected.name.clone(), RecordType::Txt);
    let dns = Memo::new(dns).with(question, published(answer, record));
    let reach = reaches(&dns, &expected.name, &ours);
    match (reach.problem, reach.open_to_all) {
        (Some(SpfProblem::Lookup { outcome: Outcome::NotAsked { why: NotAsked::Spent }, .. }), _) => {
            Flaw::NotAsked
        }
        (Some(problem), _) if !problem.is_temporary() => Flaw::Because(why(&problem)),
        (_, Some(_)) => Flaw::Because("it lets everybody send"),
        _ => Flaw::None,
    }
}

/// Why a term cannot stay.
fn why(problem: &SpfProblem) -> &'static str {
    match problem {
        SpfProblem::TooManyLookups { .. } => "it would take more than ten look-ups",
        SpfProblem::TooManyVoidLookups { .. } => "its name does not exist",
        SpfProblem::Syntax { .. } => "the record that it leads to is invalid",
        SpfProblem::MultipleRecords { .. } => "the domain that it names has several SPF records",
        SpfProblem::NoRecord { .. } => "the domain that it names has no SPF record",
        SpfProblem::Loop { .. } => "it leads in a circle",
        SpfProblem::MalformedTarget { .. } => "it names no domain",
        SpfProblem::TooManyMailHosts { .. } => "it leads to more than ten mail hosts",
        SpfProblem::Lookup { .. } => "its name leads nowhere",
    }
}

/// What would be found of the domain, were this its record.
fn verdict(expected: &SpfExpectation, answer: &Answer, record: &str, dns: &dyn Resolver) -> Verdict {
    let answer = published(answer, record);
    let entry = Entry { to: None, dropped: Vec::new() };
    let walked = senders::judge(expected, &answer, dns, None);
    walked.unwrap_or_else(|| super::judge(expected, &answer, &entry)).verdict
}

fn published(answer: &Answer, record: &str) -> Answer {
    let outcome = Outcome::of_records(vec![RecordData::txt(&[record])], std::time::Duration::ZERO);
    Answer { server: answer.server.clone(), chain: Vec::new(), outcome }
}
