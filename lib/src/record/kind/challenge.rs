//! The challenge of a claim to a name: a TXT record with exactly this text. Others may stand beside it.

use super::Expected;
use super::sentence::{asked, missing};
use crate::dns::{Answer, RecordData, RecordType};
use crate::name::DnsName;
use crate::ownership::Challenge;
use crate::record::finding::{Action, Finding, Verdict};

/// A TXT record that proves a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeExpectation {
    /// Where it must be, and what it must say.
    pub challenge: Challenge,
}

impl Expected for ChallengeExpectation {
    fn name(&self) -> &DnsName {
        &self.challenge.name
    }

    fn record_type(&self) -> RecordType {
        RecordType::Txt
    }

    fn wanted(&self) -> String {
        self.challenge.value.clone()
    }

    /// Whatever else is there stays.
    fn action(&self, _answer: &Answer, _finding: &Finding) -> Option<Action> {
        Some(Action::add(self.challenge.name.clone(), RecordType::Txt, self.challenge.value.clone()))
    }

    fn judge(&self, seen: &Answer) -> Finding {
        let texts = || {
            seen.outcome.records().iter().filter_map(|record| match record {
                RecordData::Txt(text) => Some(text),
                _ => None,
            })
        };
        let is_right = |octets: Vec<u8>| octets.trim_ascii() == self.challenge.value.as_bytes();
        if let Some(right) = texts().find(|text| is_right(text.joined())) {
            return Finding::pass(format!("{}: it is there, as wanted.", asked(self)), right.shown());
        }
        let Some(other) = texts().next() else { return missing(self) };
        let text = format!(
            "{}: there is no such record, but another one, \"{}\"; wanted is \"{}\"; publish it beside that one.",
            asked(self),
            other.shown(),
            self.challenge.value
        );
        Finding::of(Verdict::Fail, self.missing_code(), text, Some(other.shown()))
    }
}
