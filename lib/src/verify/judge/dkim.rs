//! Judging a DKIM key record (RFC 6376 section 3.6.1, RFC 8301).

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::dkim::RsaNumbers;
use crate::dns::{Answer, Outcome, RecordData, TxtData};
use crate::verify::DkimExpectation;

use super::tags::Tags;
use super::{Code, Expectation, Finding, Verdict, asked, missing};

/// Verifiers take `p=` with and without padding, so it counts as right either way.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Judges a definite answer to the question for the key's TXT record.
pub(super) fn judge(expected: &Expectation, key: &DkimExpectation, seen: &Answer) -> Finding {
    let Outcome::Found { records, .. } = &seen.outcome else {
        return missing(expected, seen);
    };
    let texts: Vec<&TxtData> = records
        .iter()
        .filter_map(|record| match record {
            RecordData::Txt(text) => Some(text),
            _ => None,
        })
        .collect();
    match texts.as_slice() {
        [] => missing(expected, seen),
        [only] => match judge_value(key, &only.joined()) {
            Ok(None) => {
                Finding::pass(format!("{}: publishes the key, as wanted.", asked(expected)), only.shown())
            }
            Ok(Some(Problem { code, what, mend })) => {
                finding(expected, Verdict::Warn, code, &what, &mend, only)
            }
            Err(Problem { code, what, mend }) => finding(expected, Verdict::Fail, code, &what, &mend, only),
        },
        // Which of several a verifier takes is undefined (RFC 6376 section 3.6.2.2).
        [first, ..] => {
            let what = format!("there are {} TXT records where there must be one", texts.len());
            finding(
                expected,
                Verdict::Fail,
                Code::DkimMultiple,
                &what,
                "delete all but the one that is wanted",
                first,
            )
        }
    }
}

struct Problem {
    code: Code,
    what: String,
    mend: String,
}

fn problem(code: Code, what: impl Into<String>, mend: impl Into<String>) -> Problem {
    Problem { code, what: what.into(), mend: mend.into() }
}

/// Whether a value publishes the key: `Err` if not, `Ok(Some(_))` if so with something to mend.
fn judge_value(key: &DkimExpectation, octets: &[u8]) -> Result<Option<Problem>, Problem> {
    let text = String::from_utf8_lossy(octets);
    if let Some(mangled) = mangling(key, &text) {
        return Err(mangled);
    }
    let syntax =
        |what: String| problem(Code::DkimSyntax, what, "replace the value with the one that is wanted");
    let tags = Tags::parse(&text).map_err(|what| syntax(format!("it is no DKIM record: {what}")))?;
    if let Some(version) = tags.value("v") {
        if version != "DKIM1" {
            return Err(syntax(format!("its version is \"{}\", not DKIM1", super::shown(version))));
        }
        if !tags.starts_with("v") {
            return Err(syntax("its v= tag is not the first one".to_owned()));
        }
    }
    let algorithm = tags.value("k").unwrap_or("rsa");
    if algorithm != "rsa" {
        let what = format!("it is for the algorithm \"{}\", the key is rsa", super::shown(algorithm));
        return Err(problem(Code::DkimWrongAlgorithm, what, "replace the value with the one that is wanted"));
    }
    if tags.words("h").is_some_and(|mut hashes| !hashes.any(|hash| hash == "sha256")) {
        let what = "its h= tag does not allow sha256, which every signature uses";
        return Err(problem(Code::DkimHashNotAllowed, what, "remove the h= tag"));
    }
    if tags
        .words("s")
        .is_some_and(|mut services| !services.any(|service| service == "*" || service == "email"))
    {
        let what = "its s= tag leaves out e-mail";
        return Err(problem(Code::DkimServiceNotEmail, what, "remove the s= tag"));
    }
    let published = tags.value("p").ok_or_else(|| syntax("it has no p= tag".to_owned()))?;
    if published.is_empty() {
        let mend = "replace the value with the one that is wanted";
        return Err(problem(Code::DkimRevoked, "its p= tag is empty, which revokes the key", mend));
    }
    judge_key(key, published)?;
    let bits = RsaNumbers::parse(key.key.der()).map_or(0, |numbers| numbers.bits());
    if tags.words("t").is_some_and(|mut flags| flags.any(|flag| flag == "y")) {
        let what = "the key is right, but its t=y tag tells verifiers that signing is only tested";
        return Ok(Some(problem(Code::DkimTesting, what, "remove y from the t= tag")));
    }
    if bits < 2048 {
        let what = format!("the key is right, but with {bits} bits weaker than the 2048 of RFC 8301");
        return Ok(Some(problem(Code::DkimKeyWeak, what, "plan a new key")));
    }
    Ok(None)
}

/// Compares the published key with ours, as numbers.
fn judge_key(key: &DkimExpectation, published: &str) -> Result<(), Problem> {
    let mend = "replace the value with the one that is wanted";
    // Folding white space may stand anywhere in Base64 (RFC 6376 section 3.2).
    let compact: String = published.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = BASE64
        .decode(&compact)
        .map_err(|_| problem(Code::DkimSyntax, "its p= tag is not Base64, or is cut short", mend))?;
    let numbers = RsaNumbers::parse(&der)
        .ok_or_else(|| problem(Code::DkimSyntax, "its p= tag is no RSA public key, or is cut short", mend))?;
    if RsaNumbers::parse(key.key.der()).is_some_and(|ours| ours == numbers) {
        return Ok(());
    }
    let same = key.others.iter().find(|(_, other)| RsaNumbers::parse(other.der()).as_ref() == Some(&numbers));
    if let Some((selector, _)) = same {
        let what = format!("it publishes the key of this domain's selector {selector}");
        return Err(problem(Code::DkimKeyIsPrevious, what, mend));
    }
    if numbers.bits() < 1024 {
        let what =
            format!("it publishes another key, of {} bits, which verifiers must not take", numbers.bits());
        return Err(problem(Code::DkimKeyTooShort, what, mend));
    }
    Err(problem(Code::DkimKeyMismatch, format!("it publishes another key, of {} bits", numbers.bits()), mend))
}

/// The usual ways in which forms and editors spoil a value that was right.
fn mangling(key: &DkimExpectation, text: &str) -> Option<Problem> {
    let wanted = key.key.record_value();
    if text.contains(['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}']) {
        let what = "typographic quotation marks stand in the value";
        return Some(problem(Code::SmartQuotes, what, "remove them; an editor has put them there"));
    }
    if text.contains('"') {
        let what = "quotation marks stand inside the value";
        return Some(problem(
            Code::QuotesInValue,
            what,
            "enter the value without them; they belong to zone files only",
        ));
    }
    if text.contains("\\;") {
        let what = "backslashes stand before its semicolons";
        return Some(problem(Code::EscapedSemicolons, what, "enter the value without backslashes"));
    }
    if text.len() <= 255 && text.len() >= 200 && text.len() < wanted.len() && wanted.starts_with(text) {
        let what = format!("the value ends after {} characters of {}", text.len(), wanted.len());
        let mend =
            "enter the whole value, split into strings of at most 255 characters if the form asks for it";
        return Some(problem(Code::ValueTruncatedAt255, what, mend));
    }
    if text != wanted && *text == wanted.to_lowercase() {
        let what = "the value has lost its capital letters";
        return Some(problem(
            Code::ValueLowercased,
            what,
            "enter it exactly as it is; Base64 tells case apart",
        ));
    }
    None
}

fn finding(
    expected: &Expectation,
    verdict: Verdict,
    code: Code,
    what: &str,
    mend: &str,
    seen: &TxtData,
) -> Finding {
    let (seen, wanted) = (seen.shown(), super::shown(&expected.wanted()));
    let text = format!("{}: {what}; seen is \"{seen}\"; wanted is \"{wanted}\"; {mend}.", asked(expected));
    Finding::of(verdict, code, text, Some(seen))
}
