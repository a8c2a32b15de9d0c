//! DMARC: the record to enter in place of what is there. What works in it stays as it is; what does not is mended or left out.

use super::dmarc::{DmarcExpectation, POLICY_TAGS, REMOVED_TAGS, REPORT_TAGS, policy_of, verdict_on};
use super::dmarc_report::report_host;
use super::mangling::{plain, with_semicolons};
use crate::dns::{RecordData, TxtData};
use crate::record::finding::Verdict;
use crate::settings::DmarcPolicy;

/// A longer record is nobody's by mistake.
const MOST_OCTETS: usize = 4096;

/// The TXT records that are meant as DMARC, right or wrong.
pub(super) fn meant(records: &[RecordData]) -> Vec<&TxtData> {
    let texts = records.iter().filter_map(|record| match record {
        RecordData::Txt(text) if is_meant(&String::from_utf8_lossy(&text.joined())) => Some(text),
        _ => None,
    });
    texts.collect()
}

fn is_meant(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("dmarc1") || text.contains("v=dmarc") || tags(&text).iter().any(|(name, _)| name == "p")
}

/// Of several records the one that will do alone: the strictest.
pub(super) fn keeper<'a>(expected: &DmarcExpectation, texts: &[&'a TxtData]) -> Option<&'a TxtData> {
    if texts.len() < 2 {
        return None;
    }
    let pass = texts.iter().filter(|text| verdict_on(expected, text) == Verdict::Pass);
    pass.copied().max_by_key(|text| policy_in(&String::from_utf8_lossy(&text.joined())))
}

/// The one record to enter in place of these: the first of them mended, or the one that a domain without any publishes.
pub(super) fn of(expected: &DmarcExpectation, texts: &[&TxtData]) -> String {
    let first = texts.iter().map(|text| text.joined()).find(|octets| octets.len() <= MOST_OCTETS);
    let mended = first.map(|octets| mended(&String::from_utf8_lossy(&octets), expected.policy));
    let passes = |text: &String| match RecordData::txt(&[text]) {
        RecordData::Txt(text) => verdict_on(expected, &text) == Verdict::Pass,
        _ => false,
    };
    mended.filter(passes).unwrap_or_else(|| expected.whole.clone())
}

/// A record with every tag mended or left out, and with a policy that will do.
fn mended(text: &str, policy: DmarcPolicy) -> String {
    let policy = policy.max(policy_in(text).unwrap_or(policy));
    let mut kept = vec![("v".to_owned(), "DMARC1".to_owned()), ("p".to_owned(), policy.to_string())];
    for (name, value) in tags(text) {
        let is_again = kept.iter().any(|(other, _)| *other == name);
        if is_again || REMOVED_TAGS.contains(&name.as_str()) {
            continue;
        }
        let value = if REPORT_TAGS.contains(&name.as_str()) {
            report_uris(&value)
        } else if POLICY_TAGS.contains(&name.as_str()) {
            policy_of(&value).map(|policy| policy.to_string())
        } else {
            // A policy that is only tested is the next weaker one.
            Some(value).filter(|value| name != "t" || !value.eq_ignore_ascii_case("y"))
        };
        kept.extend(value.filter(|value| !value.is_empty()).map(|value| (name, value)));
    }
    let tags: Vec<String> = kept.iter().map(|(name, value)| format!("{name}={value}")).collect();
    tags.join("; ")
}

/// The policy that a record names, whatever else is wrong with it.
fn policy_in(text: &str) -> Option<DmarcPolicy> {
    let tags = tags(text);
    let (_, word) = tags.iter().find(|(name, _)| name == "p")?;
    policy_of(word.trim_matches(|c: char| !c.is_ascii_alphabetic()))
}

/// The tags in a text, as far as they can be told: names in small letters, values that a record can have.
fn tags(text: &str) -> Vec<(String, String)> {
    let text = plain(text);
    let text = with_semicolons(&text).unwrap_or(text);
    let tag = |spec: &str| {
        let (name, value) = spec.split_once('=')?;
        let name = name.trim().rsplit(char::is_whitespace).next()?.to_ascii_lowercase();
        let is_name = name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
            && name.starts_with(|c: char| c.is_ascii_alphabetic());
        let value = value.trim();
        (is_name && value.bytes().all(|octet| matches!(octet, b' '..=b'~'))).then(|| (name, value.to_owned()))
    };
    text.split(';').filter_map(tag).collect()
}

/// The addresses to which reports go; a bare address is one that lacks `mailto:`.
fn report_uris(list: &str) -> Option<String> {
    let uri = |text: &str| {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let named = |text: &str| report_host(text).is_some();
        if named(&text) {
            return Some(text);
        }
        let address = text.rsplit_once(':').map_or(text.as_str(), |(_, address)| address);
        Some(format!("mailto:{}", address.trim_start_matches('/'))).filter(|uri| named(uri))
    };
    let uris: Vec<String> = list.split(',').filter_map(uri).collect();
    (!uris.is_empty()).then(|| uris.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_in_a_record_stays_and_the_rest_is_mended() {
        for (theirs, want) in [
            (
                "v=DMARC1; p=none; rua=mailto:a@example.com",
                "v=DMARC1; p=quarantine; rua=mailto:a@example.com",
            ),
            ("v=DMARC1; p=reject; pct=50; fo=1; sp=nonsense", "v=DMARC1; p=reject; fo=1"),
            ("v=DMARC1, p=reject, rua=mailto:a@example.com", "v=DMARC1; p=reject; rua=mailto:a@example.com"),
            ("v=DMARC1 p=reject rua=a@example.com", "v=DMARC1; p=reject; rua=mailto:a@example.com"),
            ("\u{201c}v=DMARC1; p=reject\u{201d}", "v=DMARC1; p=reject"),
            ("_dmarc IN TXT \"v=DMARC1\\; p=\"reject\"\"", "v=DMARC1; p=reject"),
            ("v=DMARC1; p=reject; t=y; adkim=s; adkim=r", "v=DMARC1; p=reject; adkim=s"),
            (
                "v=DMARC1; rua=https://example.com/x,mailto://b@example.com",
                "v=DMARC1; p=quarantine; rua=mailto:b@example.com",
            ),
            ("junk", "v=DMARC1; p=quarantine"),
        ] {
            assert_eq!(mended(theirs, DmarcPolicy::Quarantine), want, "{theirs}");
        }
    }
}
