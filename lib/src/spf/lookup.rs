//! Finding a domain's SPF record among its TXT records (RFC 7208 sections 4.4 and 4.5).

use super::problem::SpfProblem;
use super::record::{SpfRecord, is_spf};
use crate::dns::{Answer, Outcome, Question, RecordData, RecordType};
use crate::name::DnsName;

/// The question for a domain's SPF record: there is no other type for it any more (RFC 7208 section 3.1).
pub(super) fn question(domain: &DnsName) -> Question {
    Question::new(domain.clone(), RecordType::Txt)
}

/// The SPF record in an answer to [`question`]; nothing if there is none.
pub(super) fn select(domain: &DnsName, answer: &Answer) -> Result<Option<SpfRecord>, SpfProblem> {
    definite(&question(domain), answer)?;
    let mut records = texts(answer).filter(|text| is_spf(text));
    let Some(record) = records.next() else { return Ok(None) };
    match records.count() {
        0 => SpfRecord::parse(&record)
            .map(Some)
            .map_err(|error| SpfProblem::Syntax { domain: domain.clone(), error }),
        more => Err(SpfProblem::MultipleRecords { domain: domain.clone(), count: more + 1 }),
    }
}

/// The TXT records of an answer, the strings of each with nothing between them (RFC 7208 section 3.3).
pub(super) fn texts(answer: &Answer) -> impl Iterator<Item = Vec<u8>> {
    answer.outcome.records().iter().filter_map(|record| match record {
        RecordData::Txt(text) => Some(text.joined()),
        _ => None,
    })
}

/// An answer from which something follows; any other stops the evaluation (RFC 7208 section 5).
pub(super) fn definite(question: &Question, answer: &Answer) -> Result<(), SpfProblem> {
    match &answer.outcome {
        Outcome::Found { .. } | Outcome::NoData { .. } | Outcome::NxDomain { .. } => Ok(()),
        outcome => Err(SpfProblem::Lookup { question: question.clone(), outcome: outcome.clone() }),
    }
}
