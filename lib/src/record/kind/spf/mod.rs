//! SPF: which servers may send for a domain (RFC 7208). Judged by what stands in it: one record, with what we ask for, where
//! it is reached; then, in `senders`, by what it includes.

mod advice;
mod senders;

use std::net::IpAddr;

use super::sentence::{asked, behind_alias, shown, shown_side_by_side, spoilt_by_hand, whole};
use super::{Expectation, Expected, Need, RecordKind, Seed};
use crate::dns::{Answer, Memo, Outcome, RecordData, RecordType, Resolver, TxtData};
use crate::name::DnsName;
use crate::record::finding::{Action, Code, Finding, Verdict};
use crate::spf::{Dropped, Repaired, glued, is_meant_as_spf, is_spf, merge_repaired, spaced};

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

    fn is_at_domain(&self) -> bool {
        true
    }

    fn missing_code(&self) -> Code {
        Code::SpfMissing
    }

    fn judge(&self, seen: &Answer) -> Finding {
        judge(self, seen, &self.entry_for(&meant(seen)))
    }

    fn follow(&self, answer: &Answer, finding: &Finding, resolver: &dyn Resolver) -> Option<Finding> {
        let dns = &Memo::new(resolver);
        let walked = senders::judge(self, answer, dns, None);
        let found = walked.as_ref().unwrap_or(finding);
        if matches!(found.verdict, Verdict::Pass | Verdict::Temporary) {
            return walked;
        }
        if !answer.chain.is_empty() {
            return Some(behind_alias(self, answer, found.clone()));
        }
        let (action, advice) = advice::advise(self, answer, dns);
        // To the walk through its terms, one in which a space stands is merely one that breaks the grammar.
        let told = if finding.code == Some(Code::ValueSplitWithSpace) {
            None
        } else {
            senders::judge(self, answer, dns, Some(&advice))
        };
        let told = told.unwrap_or_else(|| judge(self, answer, &advice));
        Some(space_missing(self, answer, told, &advice).advising(action))
    }

    /// The domain has one SPF record, and other TXT records beside it: only those change that are meant as SPF.
    fn action(&self, answer: &Answer, _finding: &Finding) -> Option<Action> {
        if !answer.chain.is_empty() {
            return None;
        }
        let texts = meant(answer);
        let from: Vec<String> = texts.iter().map(|text| text.readable()).collect();
        let Entry { to, .. } = self.entry_for(&texts);
        Some(Action::change(self.name.clone(), RecordType::Txt, &from, to.unwrap_or_default()))
    }
}

/// The one record to enter, and what it leaves out of those that are there.
struct Entry {
    /// The record; none where none is known that would pass.
    to: Option<String>,
    dropped: Vec<Dropped>,
}

/// So many terms that are left out are named.
const MOST_NAMED: usize = 2;

impl Entry {
    /// What to do, as a sentence ends: to enter the record, and what that leaves out.
    fn mend(&self, mend: &str) -> String {
        let named: Vec<String> = self
            .dropped
            .iter()
            .take(MOST_NAMED)
            .map(|Dropped { term, why }| format!("\"{}\" is left out, because {why}", shown(term)))
            .collect();
        let more = match self.dropped.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!("; and {more} more are left out"),
        };
        match named.as_slice() {
            [] => mend.to_owned(),
            named => format!("{mend} ({}{more})", named.join("; ")),
        }
    }
}

impl SpfExpectation {
    /// What to enter in place of `texts`, by what stands in them.
    fn entry_for(&self, texts: &[&TxtData]) -> Entry {
        let length: usize = texts.iter().flat_map(|text| text.strings()).map(Vec::len).sum();
        // To merge takes time with the square of the terms.
        if texts.is_empty() || length > MOST_MERGED_OCTETS {
            return Entry { to: Some(self.whole.clone()), dropped: Vec::new() };
        }
        let texts: Vec<String> = texts.iter().map(|text| as_meant(text, &self.mechanisms)).collect();
        let Repaired { record, dropped } = merge_repaired(&texts, &self.mechanisms);
        Entry { to: Some(with_soft_plus_all(&record)), dropped }
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

/// A record without what forms do to its spaces: lost between two strings, or added inside of what we ask for.
fn as_meant(text: &TxtData, mechanisms: &[String]) -> String {
    let joined = || String::from_utf8_lossy(&text.joined()).into_owned();
    let mut record = spaced(text.strings()).map_or_else(joined, |(spaced, _)| spaced);
    for wanted in mechanisms {
        let terms: Vec<&str> = record.split(' ').skip(1).filter(|term| !term.is_empty()).collect();
        if let Some((front, back)) = split(&terms, wanted) {
            record = record.replacen(&format!("{front} {back}"), &format!("{front}{back}"), 1);
        }
    }
    record
}

/// Tells of a missing space, where the finding is one that it explains.
fn space_missing(expected: &SpfExpectation, answer: &Answer, told: Finding, entry: &Entry) -> Finding {
    const BY_SPACE: [Code; 4] =
        [Code::SpfSyntax, Code::SpfIncludeMissing, Code::SpfMechanismMissing, Code::SpfTooManyVoid];
    let texts = meant(answer);
    let ([only], true) = (texts.as_slice(), told.code.is_some_and(|code| BY_SPACE.contains(&code))) else {
        return told;
    };
    let in_text = || glued(&String::from_utf8_lossy(&only.joined()));
    let Some((front, back)) = spaced(only.strings()).map(|(_, terms)| terms).or_else(in_text) else {
        return told;
    };
    let Some(wanted) = entry.to.as_deref().map(whole) else { return told };
    let what = format!("there is no space between \"{}\" and \"{}\"", shown(&front), shown(&back));
    let (seen, mend) = (only.shown(), entry.mend("change the record to that"));
    let text = format!("{}: {what}; seen is \"{seen}\"; wanted is \"{wanted}\"; {mend}.", asked(expected));
    Finding::of(told.verdict, Code::SpfSpaceMissing, text, Some(seen))
}

/// What a record that we asked for lets send: its terms but the version and `all`.
fn mechanisms(record: &str) -> Vec<String> {
    let terms = record.split(' ').skip(1).filter(|term| !term.is_empty() && !is_all(term));
    terms.map(str::to_owned).collect()
}

/// Several records that are longer in all are nobody's by mistake.
const MOST_MERGED_OCTETS: usize = 4096;

/// Judges the domain's TXT records, where `entry` is what to enter in their place.
fn judge(expected: &SpfExpectation, seen: &Answer, entry: &Entry) -> Finding {
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
    let wanting = |code, what: &str, shown: &str, mend: &str| {
        let wanted = entry.to.as_deref().map_or_else(|| whole(&expected.whole), whole);
        let (asked, mend) = (asked(expected), entry.mend(mend));
        let text = format!("{asked}: {what}; seen is \"{shown}\"; wanted is \"{wanted}\"; {mend}.");
        Finding::of(Verdict::Fail, code, text, Some(shown.to_owned()))
    };
    match texts.as_slice() {
        [] => {
            let to = entry.to.as_deref().unwrap_or(&expected.whole);
            if let Some(spoilt) = spoilt_by_hand(expected, records, to) {
                return spoilt;
            }
            if let Some(odd) = meant(seen).first() {
                let what = "there is no SPF record, because what is meant as one does not begin with v=spf1 and a space";
                return wanting(Code::SpfVersion, what, &odd.shown(), "change it to that");
            }
            let text = format!(
                "{}: there is no SPF record; wanted is \"{}\"; publish it.",
                asked(expected),
                expected.wanted()
            );
            Finding::of(Verdict::Fail, Code::SpfMissing, text, None)
        }
        [only] => judge_record(expected, only, entry),
        [first, ..] => {
            let what = format!("there are {} SPF records, which receivers take for an error", texts.len());
            let mend = "delete them, and enter that one";
            let told = wanting(Code::SpfMultiple, &what, &shown_side_by_side(&texts), mend);
            Finding { seen: Some(first.shown()), ..told }
        }
    }
}

fn judge_record(expected: &SpfExpectation, seen: &TxtData, entry: &Entry) -> Finding {
    let octets = seen.joined();
    let text = String::from_utf8_lossy(&octets);
    let shown = seen.shown();
    let finding = |verdict, code, what: &str, mend: &str| {
        let wanted = entry.to.as_deref().map_or_else(|| whole(&expected.whole), whole);
        let (asked, mend) = (asked(expected), entry.mend(mend));
        let text = format!("{asked}: {what}; seen is \"{shown}\"; wanted is \"{wanted}\"; {mend}.");
        Finding::of(verdict, code, text, Some(shown.clone()))
    };
    let terms: Vec<&str> = text.split(' ').skip(1).filter(|term| !term.is_empty()).collect();
    let end = terms.iter().position(|term| is_all(term)).unwrap_or(terms.len());
    let (alive, dead) = terms.split_at_checked(end).unwrap_or((&terms, &[]));
    let has = |terms: &[&str], wanted: &str| terms.iter().any(|term| reaches(term, wanted));
    for wanted in &expected.mechanisms {
        if has(alive, wanted) {
            continue;
        }
        if has(dead, wanted) {
            let what = format!("{wanted} stands after all, where nothing is read any more");
            return finding(Verdict::Fail, Code::SpfIncludeAfterAll, &what, "change the record to that");
        }
        if split(alive, wanted).is_some() {
            let what = format!("a space stands inside of {wanted}, where the value was split");
            let mend = "change the record to that, without the space";
            return finding(Verdict::Fail, Code::ValueSplitWithSpace, &what, mend);
        }
        let what = format!("it does not let our servers send: {wanted} is not in it");
        let mend = "change the record to that, without adding a second one";
        return finding(Verdict::Fail, Code::SpfMechanismMissing, &what, mend);
    }
    if dead.first().is_some_and(|all| all.eq_ignore_ascii_case("all") || all.eq_ignore_ascii_case("+all")) {
        return finding(
            Verdict::Warn,
            Code::SpfPlusAll,
            "+all lets everybody send",
            "end the record with ~all",
        );
    }
    Finding::pass(format!("{}: lets our servers send, as wanted.", asked(expected)), shown)
}

/// The record with `~all` in place of an `all` that lets everybody send.
fn with_soft_plus_all(record: &str) -> String {
    let is_open = |term: &str| ["all", "+all"].iter().any(|open| term.eq_ignore_ascii_case(open));
    record.split(' ').map(|term| if is_open(term) { "~all" } else { term }).collect::<Vec<_>>().join(" ")
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
