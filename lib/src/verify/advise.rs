//! Advising: the one thing to do about each finding, as data. A value is judged before it is shown, and one that would not
//! pass is not shown.

use std::time::Duration;

use super::{Act, Action, Code, Expectation, Finding, Look, Verdict};
use crate::dns::{Answer, Outcome, RecordData, RecordType};
use crate::name::DnsName;

/// What nobody can mend at the record itself: somebody else must act, or a new key be made.
const ELSEWHERE: [Code; 8] = [
    Code::DomainNxdomain,
    Code::NameserverLame,
    Code::NameserversDisagree,
    Code::DnssecBogus,
    Code::DkimKeyWeak,
    Code::DmarcReportNotAuthorised,
    Code::MxCname,
    Code::MxUnresolvable,
];
/// How long the records of an answer may be kept that nobody gave.
const NO_TTL: Duration = Duration::ZERO;

/// Gives every finding its action.
pub(super) fn all(expected: &[Expectation], looks: &mut [Look]) {
    for (expected, look) in expected.iter().zip(looks) {
        let answer = look
            .views
            .iter()
            .find(|view| view.finding.verdict != Verdict::Temporary)
            .map(|view| view.answer.clone());
        let mut action =
            look.finding.action.take().unwrap_or_else(|| advise(expected, answer.as_ref(), &look.finding));
        if let Some(answer) = answer
            && action.to.is_some()
            && !would_pass(expected, &answer, &action)
        {
            action.to = None;
        }
        look.finding.action = Some(action.cut());
    }
}

fn advise(expected: &Expectation, answer: Option<&Answer>, finding: &Finding) -> Action {
    let (record_type, to) = expected.of_kind().entry();
    let name = expected.name().clone();
    match (finding.verdict, finding.code) {
        (Verdict::Pass, _) => Action::idle(Act::None, name, record_type),
        (_, Some(code)) if ELSEWHERE.contains(&code) => Action::idle(Act::None, name, record_type),
        // An alias is no record of this type that could be changed: it goes, and the record is new.
        (_, Some(Code::StaleCached | Code::RecordFromWildcard | Code::DomainIsAlias)) => {
            Action::add(name, record_type, to)
        }
        (Verdict::Temporary, _) => Action::idle(Act::Wait, name, record_type),
        (Verdict::Warn | Verdict::Fail, _) => {
            let own = answer.and_then(|answer| expected.of_kind().action(answer, finding));
            own.unwrap_or_else(|| Action::change(name, record_type, &there(answer, finding), to))
        }
    }
}

/// What is at the name now, one text a record.
fn there(answer: Option<&Answer>, finding: &Finding) -> Vec<String> {
    let Some(answer) = answer else { return Vec::new() };
    if let Some(alias) = answer.chain.first() {
        return vec![format!("{alias}.")];
    }
    let records: Vec<String> = answer.outcome.records().iter().map(entered).collect();
    // What stands there may be of another type than the one that was asked for.
    if records.is_empty() { finding.seen.iter().cloned().collect() } else { records }
}

/// A record as it is entered, whole.
fn entered(record: &RecordData) -> String {
    match record {
        RecordData::Txt(text) => text.readable(),
        RecordData::Cname(target) => format!("{target}."),
        RecordData::Mx { preference, exchange } => format!("{preference} {exchange}."),
        other => other.to_string(),
    }
}

/// Whether the record would pass, were this done.
fn would_pass(expected: &Expectation, answer: &Answer, action: &Action) -> bool {
    if action.record_type != expected.of_kind().record_type() {
        // An alias, for whose end its owner answers.
        return true;
    }
    let Some(to) = action.to.as_deref().and_then(|to| read(action.record_type, to)) else { return false };
    let replaced: Vec<&str> = action.from.iter().flat_map(|from| from.split('\n')).collect();
    let kept = answer.outcome.records().iter().filter(|record| !replaced.contains(&entered(record).as_str()));
    // An alias does not stand beside a record.
    let kept = kept.filter(|_| answer.chain.is_empty() && action.record_type != RecordType::Cname).cloned();
    // A wildcard's answer goes as soon as there is a record of this very name.
    let kept: Vec<RecordData> = if action.act == Act::Add && action.record_type == RecordType::Txt {
        Vec::new()
    } else {
        kept.collect()
    };
    let outcome = Outcome::of_records(kept.into_iter().chain([to]).collect(), NO_TTL);
    let done = Answer { server: answer.server.clone(), chain: Vec::new(), outcome };
    expected.of_kind().judge(&done).verdict.passes()
}

/// The record that a value makes.
fn read(record_type: RecordType, value: &str) -> Option<RecordData> {
    match record_type {
        RecordType::Txt => Some(RecordData::txt(&[value])),
        RecordType::Cname => Some(RecordData::Cname(DnsName::from_answer(value))),
        RecordType::Mx => {
            let (preference, exchange) = value.split_once(' ')?;
            Some(RecordData::Mx {
                preference: preference.parse().ok()?,
                exchange: DnsName::from_answer(exchange),
            })
        }
        _ => None,
    }
}
