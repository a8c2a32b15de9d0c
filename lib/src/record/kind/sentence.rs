//! The sentences of findings that several kinds share: what was asked, what was seen, what is wanted, what to do.

use super::{Expected, mangling};
use crate::dns::{Answer, Outcome, Question, RecordData, RecordType, TxtData};
use crate::record::finding::{Code, Finding, Verdict};

/// Longer records may not fit into an answer (RFC 7208 section 3.4).
const MOST_WANTED_OCTETS: usize = 450;
/// So many of the records that should be one are shown.
const MOST_SHOWN: usize = 3;

/// There is no record. The explaining look-ups may find out where it went instead.
pub(super) fn missing(expected: &dyn Expected) -> Finding {
    let wanted = shown(&expected.wanted());
    let text = format!("{}: there is no such record; wanted is \"{wanted}\"; publish it.", asked(expected));
    Finding::of(Verdict::Fail, expected.missing_code(), text, None)
}

/// What decides could not be looked up, so that nothing follows from what was found.
pub(super) fn not_known(expected: &dyn Expected, undecided: &Question) -> Finding {
    let text = format!(
        "{}: there is no such record, and {undecided}, which decides then, could not be looked up; nothing follows from that, and \
         it will be asked again.",
        asked(expected)
    );
    Finding::of(Verdict::Temporary, Code::Servfail, text, None)
}

/// What was found at the end of an alias, told with the alias: where that is wrong, it is the alias that its owner has to
/// replace. A right record may come by an alias.
pub(crate) fn behind_alias(expected: &dyn Expected, seen: &Answer, finding: Finding) -> Finding {
    let (Some(first), Some(end)) = (seen.chain.first(), seen.chain.last()) else { return finding };
    let (record_type, entry) = expected.entry();
    // Who asked for an alias judges it by itself.
    if finding.verdict != Verdict::Fail || record_type == RecordType::Cname {
        return finding;
    }
    let (asked, wanted) = (asked(expected), shown(&entry));
    let is_empty = seen.outcome.records().is_empty();
    let there = match &seen.outcome {
        Outcome::NxDomain { .. } => format!("{end} does not exist"),
        _ if is_empty => format!("{end} has no {record_type} record"),
        _ => format!("the {record_type} record of {end} is not the one that is wanted"),
    };
    if expected.is_at_domain() {
        let text = format!(
            "{asked}: the domain itself is an alias (CNAME) of {first}, and so cannot have records of its own; {there}; wanted is \
             \"{wanted}\"; replace the CNAME record with the addresses of {first}, or with the form's own ALIAS or ANAME, and \
             add this {record_type} record."
        );
        let seen = Some(format!("{first}.")).filter(|_| !is_empty);
        return Finding::of(Verdict::Fail, Code::DomainIsAlias, text, seen);
    }
    let code = if is_empty { Code::CnameIntoNothing } else { Code::CnameWrongTarget };
    let text = format!(
        "{asked}: it is an alias (CNAME) of {first}, and {there}; wanted is \"{wanted}\"; delete the CNAME record, and add \
         this {record_type} record in its place."
    );
    Finding::of(Verdict::Fail, code, text, Some(format!("{first}.")))
}

/// Something that is wrong with a value: its code, what it is, and the one thing to do.
pub(super) struct Flaw {
    pub(super) code: Code,
    pub(super) what: String,
    pub(super) mend: String,
}

pub(super) fn flaw(code: Code, what: impl Into<String>, mend: impl Into<String>) -> Flaw {
    Flaw { code, what: what.into(), mend: mend.into() }
}

/// What is wrong with a text that was seen, in one sentence; `wanted` is what to enter instead.
pub(super) fn spoilt(
    expected: &dyn Expected,
    verdict: Verdict,
    flaw: &Flaw,
    seen: &TxtData,
    whole: &str,
) -> Finding {
    let octets = seen.joined();
    let (seen, wanted) = (seen.shown(), shown(whole));
    let Flaw { code, what, mend } = flaw;
    let (asked, equal) =
        (asked(expected), octets.iter().zip(whole.as_bytes()).take_while(|(a, b)| a == b).count());
    let text = if octets == whole.as_bytes() {
        format!("{asked}: {what}; {mend}.")
    } else if seen == wanted {
        // As far as they are shown, they are the same.
        let from = equal + 1;
        format!(
            "{asked}: {what}; seen is \"{seen}\"; wanted is \"{wanted}\", other from character {from} on; {mend}."
        )
    } else {
        format!("{asked}: {what}; seen is \"{seen}\"; wanted is \"{wanted}\"; {mend}.")
    };
    Finding::of(verdict, *code, text, Some(seen))
}

/// The finding for a record among these that would be the right kind, had it not been spoilt on its way; `to` is what to
/// enter in its place.
pub(super) fn spoilt_by_hand(expected: &dyn Expected, records: &[RecordData], to: &str) -> Option<Finding> {
    let wanted = expected.wanted();
    let version = wanted.split([';', ' ']).next()?.to_ascii_lowercase();
    records.iter().find_map(|record| {
        let RecordData::Txt(data) = record else { return None };
        let octets = data.joined();
        let text = String::from_utf8_lossy(&octets);
        let is_ours = text.to_ascii_lowercase().contains(&version);
        let flaw = mangling::of(&text, &wanted).filter(|_| is_ours)?;
        Some(spoilt(expected, Verdict::Fail, &flaw, data, to))
    })
}

/// The question as a sentence starts with it.
pub(crate) fn asked(expected: &dyn Expected) -> String {
    format!("{} {}", expected.record_type(), expected.name())
}

/// Several records that should be one.
pub(super) fn shown_side_by_side(texts: &[&TxtData]) -> String {
    let shown: Vec<String> = texts.iter().take(MOST_SHOWN).map(|text| text.shown()).collect();
    shown.join("\" and \"")
}

/// A record as it is to be entered: whole, unless it is longer than any should be.
pub(super) fn whole(text: &str) -> String {
    let printable = |octet: &u8| match octet {
        b' '..=b'~' => char::from(*octet).to_string(),
        _ => format!("\\{octet:03}"),
    };
    let shown: String = text.bytes().take(MOST_WANTED_OCTETS).map(|octet| printable(&octet)).collect();
    match text.len().saturating_sub(MOST_WANTED_OCTETS) {
        0 => shown,
        more => format!("{shown} (and {more} more)"),
    }
}

/// A text cut to what a person reads.
pub(crate) fn shown(text: &str) -> String {
    match RecordData::txt(&[text]) {
        RecordData::Txt(data) => data.shown(),
        _ => String::new(),
    }
}
