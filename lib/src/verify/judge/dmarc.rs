//! Judging a DMARC record (RFC 9989): one record, with a policy at least as strict as the one asked for.

use crate::dns::{Answer, Outcome, RecordData, TxtData};
use crate::settings::DmarcPolicy;

use super::tags::Tags;
use super::{Code, Expectation, Finding, Verdict, asked, missing};

/// Tags that RFC 9989 removed; they do no harm and no good.
const REMOVED_TAGS: [&str; 3] = ["pct", "rf", "ri"];

/// Judges a definite answer to the question for the TXT records at `_dmarc`.
pub(super) fn judge(expected: &Expectation, policy: DmarcPolicy, seen: &Answer) -> Finding {
    let Outcome::Found { records, .. } = &seen.outcome else { return missing(expected, seen) };
    // Whatever does not start with the version is no DMARC record, and is dropped.
    let texts: Vec<&TxtData> = records
        .iter()
        .filter_map(|record| match record {
            RecordData::Txt(text) if text.joined().starts_with(b"v=DMARC1") => Some(text),
            _ => None,
        })
        .collect();
    match texts.as_slice() {
        [] => {
            let shown = records.first().map(ToString::to_string).unwrap_or_default();
            finding(
                expected,
                Verdict::Fail,
                Code::DmarcSyntax,
                "no record there starts with v=DMARC1",
                &shown,
            )
        }
        [only] => judge_record(expected, policy, only),
        [first, ..] => {
            let what = format!("there are {} DMARC records, which counts as none", texts.len());
            finding(expected, Verdict::Fail, Code::DmarcMultiple, &what, &first.shown())
        }
    }
}

fn judge_record(expected: &Expectation, policy: DmarcPolicy, seen: &TxtData) -> Finding {
    let octets = seen.joined();
    let text = String::from_utf8_lossy(&octets);
    let shown = seen.shown();
    let fail = |code, what: &str| finding(expected, Verdict::Fail, code, what, &shown);
    let tags = match Tags::parse(&text) {
        Ok(tags) => tags,
        Err(what) => return fail(Code::DmarcSyntax, &what),
    };
    if tags.value("v") != Some("DMARC1") {
        return fail(Code::DmarcSyntax, "its version is not DMARC1");
    }
    let published = match tags.value("p") {
        Some(word) => match word.to_ascii_lowercase().parse::<DmarcPolicy>() {
            Ok(published) => published,
            Err(_) => return fail(Code::DmarcSyntax, "its p= tag is not none, quarantine or reject"),
        },
        // Without a policy but with somewhere to report to, it counts as none.
        None if tags.value("rua").is_some_and(|rua| rua.to_ascii_lowercase().starts_with("mailto:")) => {
            DmarcPolicy::None
        }
        None => return fail(Code::DmarcSyntax, "it has no p= tag"),
    };
    if published < policy {
        let what = format!("its policy {published} is weaker than {policy}");
        return fail(Code::DmarcPolicyWeaker, &what);
    }
    if let Some(tag) = REMOVED_TAGS.iter().find(|tag| tags.value(tag).is_some()) {
        let text = format!(
            "{}: it works, but the tag {tag}= is no part of DMARC any more; seen is \"{shown}\"; remove that tag.",
            asked(expected)
        );
        return Finding::of(Verdict::Warn, Code::DmarcRemovedTag, text, Some(shown));
    }
    Finding::pass(format!("{}: publishes the policy {published}, as wanted.", asked(expected)), shown)
}

fn finding(expected: &Expectation, verdict: Verdict, code: Code, what: &str, seen: &str) -> Finding {
    let text = format!(
        "{}: {what}; seen is \"{seen}\"; wanted is \"{}\"; replace the value.",
        asked(expected),
        expected.wanted()
    );
    Finding::of(verdict, code, text, Some(seen.to_owned()))
}
