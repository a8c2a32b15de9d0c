//! Judging an SPF record (RFC 7208) by what stands in it: one record, with what we ask for, where it is reached.

use crate::dns::{Answer, Outcome, RecordData, TxtData};

use super::{Code, Expectation, Finding, Verdict, asked};

/// Judges a definite answer to the question for a domain's TXT records: its SPF record must have `mechanisms`.
pub(super) fn judge(expected: &Expectation, mechanisms: &[String], seen: &Answer) -> Finding {
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
            let text = format!(
                "{}: there is no SPF record; wanted is \"{}\"; publish it.",
                asked(expected),
                expected.wanted()
            );
            Finding::of(Verdict::Fail, Code::SpfMissing, text, None)
        }
        [only] => judge_record(expected, mechanisms, only),
        [first, ..] => {
            let text = format!(
                "{}: there are {} SPF records, which receivers take for an error; wanted is one; merge them into it.",
                asked(expected),
                texts.len()
            );
            Finding::of(Verdict::Fail, Code::SpfMultiple, text, Some(first.shown()))
        }
    }
}

/// A record is SPF if its version stands alone at the front (RFC 7208 section 4.5).
fn is_spf(octets: &[u8]) -> bool {
    octets.get(..6).is_some_and(|version| version.eq_ignore_ascii_case(b"v=spf1"))
        && octets.get(6).is_none_or(|octet| *octet == b' ')
}

fn judge_record(expected: &Expectation, mechanisms: &[String], seen: &TxtData) -> Finding {
    let octets = seen.joined();
    let text = String::from_utf8_lossy(&octets);
    let shown = seen.shown();
    let merged = merge(&text, mechanisms);
    let finding = |verdict, code, what: &str, mend: &str| {
        let text =
            format!("{}: {what}; seen is \"{shown}\"; wanted is \"{merged}\"; {mend}.", asked(expected));
        Finding::of(verdict, code, text, Some(shown.clone()))
    };
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
        return finding(Verdict::Warn, Code::SpfPlusAll, what, "end it with ~all");
    }
    Finding::pass(format!("{}: lets our servers send, as wanted.", asked(expected)), shown)
}

/// Whether a term passes whom `wanted` matches: the same mechanism, with `+` or without a qualifier.
fn reaches(term: &str, wanted: &str) -> bool {
    term.strip_prefix('+').unwrap_or(term).eq_ignore_ascii_case(wanted)
}

fn is_all(term: &str) -> bool {
    term.trim_start_matches(['+', '-', '~', '?']).eq_ignore_ascii_case("all")
}

/// Their record with our mechanisms at its front, each there once: never a second record.
fn merge(text: &str, mechanisms: &[String]) -> String {
    let (version, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.split(' ').filter(|term| !term.is_empty());
    let theirs = rest.filter(|term| !mechanisms.iter().any(|wanted| reaches(term, wanted)));
    let ours = mechanisms.iter().map(String::as_str);
    std::iter::once(version).chain(ours).chain(theirs).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_mechanism_is_merged_into_the_record_that_is_there() {
        let ours = ["include:spf.example.net".to_owned()];
        for (theirs, want) in [
            ("v=spf1 -all", "v=spf1 include:spf.example.net -all"),
            ("v=spf1", "v=spf1 include:spf.example.net"),
            ("v=spf1 mx  a ~all", "v=spf1 include:spf.example.net mx a ~all"),
            ("v=spf1 mx ~all include:spf.example.net", "v=spf1 include:spf.example.net mx ~all"),
        ] {
            assert_eq!(merge(theirs, &ours), want);
        }
    }

    #[test]
    fn a_version_stands_alone_at_the_front() {
        for (text, want) in [
            ("v=spf1", true),
            ("V=SPF1 mx", true),
            ("v=spf10 mx", false),
            ("v=spf", false),
            (" v=spf1", false),
        ] {
            assert_eq!(is_spf(text.as_bytes()), want, "{text}");
        }
    }
}
