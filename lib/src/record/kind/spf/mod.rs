//! SPF: which servers may send for a domain (RFC 7208). Judged by what stands in it: one record, with what we ask for, where
//! it is reached; then, in `senders`, by what it includes.

mod advice;
mod senders;

use std::net::IpAddr;

use super::sentence::{asked, shown_side_by_side, spoilt_by_hand, whole};
use super::{Expectation, Expected, Need, RecordKind, Seed};
use crate::dns::{Answer, Memo, Outcome, RecordData, RecordType, Resolver, TxtData};
use crate::name::DnsName;
use crate::record::finding::{Action, Code, Finding, Verdict};
use crate::spf::{is_meant_as_spf, is_spf, merge};

pub(super) const KIND: RecordKind = RecordKind {
    word: "spf",
    record_type: RecordType::Txt,
    seed: |settings| Seed::One { host: "@", value: settings.spf_record(), priority: None },
    need: Need::Always,
    // Any domain may have had a lawful one before it came here.
    is_proof: false,
    expect: |wish| {
        Some(Expectation::Spf(SpfExpectation {
            name: wish.name.clone(),
            mechanisms: mechanisms(&wish.record.value),
            addresses: wish.settings.sending_addresses.clone(),
            whole: wish.record.value.clone(),
        }))
    },
};

/// One SPF record that lets our servers send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpfExpectation {
    /// The domain.
    pub name: DnsName,
    /// What it must have, each of them.
    pub mechanisms: Vec<String>,
    /// The addresses that it must pass, each of them; where there are any, they decide.
    pub addresses: Vec<IpAddr>,
    /// The record that a domain without one publishes.
    pub whole: String,
}

impl Expected for SpfExpectation {
    fn name(&self) -> &DnsName {
        &self.name
    }

    fn record_type(&self) -> RecordType {
        RecordType::Txt
    }

    fn wanted(&self) -> String {
        self.whole.clone()
    }

    fn missing_code(&self) -> Code {
        Code::SpfMissing
    }

    fn judge(&self, seen: &Answer) -> Finding {
        judge(self, &self.mechanisms, seen)
    }

    fn follow(&self, answer: &Answer, finding: &Finding, resolver: &dyn Resolver) -> Option<Finding> {
        // To the walk through its terms that is merely one that breaks the grammar.
        if finding.code == Some(Code::ValueSplitWithSpace) {
            return None;
        }
        let dns = &Memo::new(resolver);
        let walked = senders::judge(self, answer, finding, dns, None);
        let found = walked.as_ref().unwrap_or(finding);
        if !answer.chain.is_empty() || matches!(found.verdict, Verdict::Pass | Verdict::Temporary) {
            return walked;
        }
        let advice = advice::advise(self, answer, dns);
        let told = senders::judge(self, answer, finding, dns, Some(&advice)).unwrap_or_else(|| found.clone());
        Some(told.advising(advice.action))
    }

    /// The domain has one SPF record, and other TXT records beside it: only those change that are meant as SPF.
    fn action(&self, answer: &Answer, _finding: &Finding) -> Option<Action> {
        if !answer.chain.is_empty() {
            return None;
        }
        let texts = meant(answer);
        let from: Vec<String> = texts.iter().map(|text| text.readable()).collect();
        Some(Action::change(self.name.clone(), RecordType::Txt, &from, self.advised(&texts)))
    }
}

impl SpfExpectation {
    /// The one record to enter in place of `texts`, by what stands in them.
    fn advised(&self, texts: &[&TxtData]) -> String {
        let octets: Vec<Vec<u8>> = texts.iter().map(|text| text.joined()).collect();
        if texts.is_empty() || octets.iter().map(Vec::len).sum::<usize>() > MOST_MERGED_OCTETS {
            return self.whole.clone();
        }
        let texts: Vec<_> = octets.iter().map(|octets| String::from_utf8_lossy(octets)).collect();
        with_soft_plus_all(&merge(&texts, &self.mechanisms))
    }
}

/// The TXT records that are meant as SPF, right or wrong.
fn meant(answer: &Answer) -> Vec<&TxtData> {
    let texts = answer.outcome.records().iter().filter_map(|record| match record {
        RecordData::Txt(text) if is_meant_as_spf(&String::from_utf8_lossy(&text.joined())) => Some(text),
        _ => None,
    });
    texts.collect()
}

/// What a record that we asked for lets send: its terms but the version and `all`.
fn mechanisms(record: &str) -> Vec<String> {
    let terms = record.split(' ').skip(1).filter(|term| !term.is_empty() && !is_all(term));
    terms.map(str::to_owned).collect()
}

/// Several records that are longer in all are nobody's by mistake.
const MOST_MERGED_OCTETS: usize = 4096;

/// Judges the domain's TXT records: its SPF record must have `mechanisms`.
fn judge(expected: &SpfExpectation, mechanisms: &[String], seen: &Answer) -> Finding {
    let records = match &seen.outcome {
        Outcome::Found { records, .. } => records.as_slice(),
        _ => &[],
    };
    let texts: Vec<&TxtData> = records
        .iter()
        .filter_map(|record| match record {
            RecordData::Txt(text) if is_spf(&text.joined()) => Some(text),
            _ => None,
        })
        .collect();
    match texts.as_slice() {
        [] => {
            if let Some(spoilt) = spoilt_by_hand(expected, records) {
                return spoilt;
            }
            let text = format!(
                "{}: there is no SPF record; wanted is \"{}\"; publish it.",
                asked(expected),
                expected.wanted()
            );
            Finding::of(Verdict::Fail, Code::SpfMissing, text, None)
        }
        [only] => judge_record(expected, mechanisms, only),
        [first, ..] => {
            let octets: Vec<Vec<u8>> = texts.iter().map(|text| text.joined()).collect();
            let records: Vec<_> = octets.iter().map(|octets| String::from_utf8_lossy(octets)).collect();
            // To merge takes time with the square of the terms.
            let is_sane = octets.iter().map(Vec::len).sum::<usize>() <= MOST_MERGED_OCTETS;
            let merged = Some(&records).filter(|_| is_sane).map(|records| merge(records, mechanisms));
            let wanted = merged.map_or(String::new(), |merged| format!(" \"{}\"", whole(&merged)));
            let text = format!(
                "{}: there are {} SPF records, which receivers take for an error; seen is \"{}\"; wanted is one \
                 record{wanted}; merge them into that.",
                asked(expected),
                texts.len(),
                shown_side_by_side(&texts),
            );
            Finding::of(Verdict::Fail, Code::SpfMultiple, text, Some(first.shown()))
        }
    }
}

fn judge_record(expected: &SpfExpectation, mechanisms: &[String], seen: &TxtData) -> Finding {
    let octets = seen.joined();
    let text = String::from_utf8_lossy(&octets);
    let shown = seen.shown();
    let merged = merge(&[&text], mechanisms);
    let wanting = |verdict, code, what: &str, wanted: &str, mend: &str| {
        let wanted = whole(wanted);
        let text =
            format!("{}: {what}; seen is \"{shown}\"; wanted is \"{wanted}\"; {mend}.", asked(expected));
        Finding::of(verdict, code, text, Some(shown.clone()))
    };
    let finding = |verdict, code, what: &str, mend: &str| wanting(verdict, code, what, merged.as_str(), mend);
    let terms: Vec<&str> = text.split(' ').skip(1).filter(|term| !term.is_empty()).collect();
    let end = terms.iter().position(|term| is_all(term)).unwrap_or(terms.len());
    let (alive, dead) = terms.split_at_checked(end).unwrap_or((&terms, &[]));
    let has = |terms: &[&str], wanted: &str| terms.iter().any(|term| reaches(term, wanted));
    for wanted in mechanisms {
        if has(alive, wanted) {
            continue;
        }
        if has(dead, wanted) {
            let what = format!("{wanted} stands after all, where nothing is read any more");
            return finding(Verdict::Fail, Code::SpfIncludeAfterAll, &what, "move it to the front");
        }
        if let Some((front, back)) = split(alive, wanted) {
            let what = format!("a space stands inside of {wanted}, where the value was split");
            let (code, mend) = (Code::ValueSplitWithSpace, "enter it without that space");
            let whole = text.replacen(&format!("{front} {back}"), &format!("{front}{back}"), 1);
            return wanting(Verdict::Fail, code, &what, &whole, mend);
        }
        let what = format!("it does not let our servers send: {wanted} is not in it");
        return finding(
            Verdict::Fail,
            Code::SpfMechanismMissing,
            &what,
            "change the record, without adding a second one",
        );
    }
    if dead.first().is_some_and(|all| all.eq_ignore_ascii_case("all") || all.eq_ignore_ascii_case("+all")) {
        let what = "+all lets everybody send";
        let closed = with_soft_all(&merged);
        return wanting(Verdict::Warn, Code::SpfPlusAll, what, &closed, "end the record with ~all");
    }
    Finding::pass(format!("{}: lets our servers send, as wanted.", asked(expected)), shown)
}

/// The record with `~all` in place of an `all` that lets everybody send.
fn with_soft_plus_all(record: &str) -> String {
    let is_open = |term: &str| ["all", "+all"].iter().any(|open| term.eq_ignore_ascii_case(open));
    record.split(' ').map(|term| if is_open(term) { "~all" } else { term }).collect::<Vec<_>>().join(" ")
}

/// The record with `~all` in place of whatever `all` it has.
fn with_soft_all(record: &str) -> String {
    record.split(' ').map(|term| if is_all(term) { "~all" } else { term }).collect::<Vec<_>>().join(" ")
}

/// Two terms side by side that would be `wanted`, had no space come between them.
fn split<'a>(terms: &[&'a str], wanted: &str) -> Option<(&'a str, &'a str)> {
    terms.windows(2).find_map(|pair| match pair {
        [front, back] if reaches(&format!("{front}{back}"), wanted) => Some((*front, *back)),
        _ => None,
    })
}

/// Whether a term passes whom `wanted` matches: the same mechanism, with `+` or without a qualifier.
fn reaches(term: &str, wanted: &str) -> bool {
    term.strip_prefix('+').unwrap_or(term).eq_ignore_ascii_case(wanted)
}

fn is_all(term: &str) -> bool {
    term.trim_start_matches(['+', '-', '~', '?']).eq_ignore_ascii_case("all")
}
