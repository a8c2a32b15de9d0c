//! Judging a DKIM key record (RFC 6376 section 3.6.1, RFC 8301).

use crate::dkim::{KeyNumbers, decode};
use crate::dns::{Answer, Outcome, RecordData, TxtData};
use crate::name::DnsName;
use crate::verify::DkimExpectation;

use super::tags::Tags;
use super::{Code, Expectation, Finding, Problem, Verdict, asked, mangling, missing, problem, spoilt};

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
        [only] => match judge_octets(key, &only.joined()) {
            Ok(None) => {
                Finding::pass(format!("{}: publishes the key, as wanted.", asked(expected)), only.shown())
            }
            Ok(Some(problem)) => spoilt(expected, Verdict::Warn, &problem, only),
            Err(problem) => spoilt(expected, Verdict::Fail, &problem, only),
        },
        // Which of several a verifier takes is undefined (RFC 6376 section 3.6.2.2).
        [first, ..] => {
            let what = format!("there are {} TXT records where there must be one", texts.len());
            let many = problem(Code::DkimMultiple, what, "delete all but the one that is wanted");
            // What is shown is one to delete.
            let superfluous = texts.iter().find(|text| judge_octets(key, &text.joined()).is_err());
            spoilt(expected, Verdict::Fail, &many, superfluous.unwrap_or(first))
        }
    }
}

/// Judges a definite answer to the question for a key record that is to come by a CNAME from `target`.
pub(super) fn judge_delegated(
    expected: &Expectation,
    target: &DnsName,
    key: &DkimExpectation,
    seen: &Answer,
) -> Finding {
    // What comes by the right alias is judged for itself, and is for the owner of that zone to mend.
    let direct = judge(&Expectation::Dkim(key.clone()), key, seen);
    if seen.chain.contains(target) {
        return direct;
    }
    let asked = asked(expected);
    match seen.chain.first() {
        Some(other) if !direct.verdict.passes() => {
            let text = format!(
                "{asked}: it is an alias of {other}; wanted is an alias of \"{target}.\"; change its target to that."
            );
            Finding::of(Verdict::Fail, Code::CnameWrongTarget, text, Some(format!("{other}.")))
        }
        None if matches!(seen.outcome, Outcome::Found { .. }) || direct.verdict.passes() => {
            let verdict = if direct.verdict.passes() { Verdict::Warn } else { Verdict::Fail };
            let text = format!(
                "{asked}: there is a record where an alias was asked for, and it will not follow the next key; replace \
                 it with a CNAME whose target is \"{target}.\"."
            );
            Finding::of(verdict, Code::CnameProxiedOrFlattened, text, direct.seen)
        }
        Some(_) => direct,
        None => missing(expected, seen),
    }
}

/// As [`judge_value`]; of a value that does not publish the key, how it was spoiled says more than what it lacks.
fn judge_octets(key: &DkimExpectation, octets: &[u8]) -> Result<Option<Problem>, Problem> {
    let text = String::from_utf8_lossy(octets);
    judge_value(key, &text).map_err(|problem| mangling::of(&text, &key.key.record_value()).unwrap_or(problem))
}

/// Whether a value publishes the key: `Err` if not, `Ok(Some(_))` if so with something to mend.
fn judge_value(key: &DkimExpectation, text: &str) -> Result<Option<Problem>, Problem> {
    let syntax =
        |what: String| problem(Code::DkimSyntax, what, "replace the value with the one that is wanted");
    let tags = Tags::parse(text).map_err(|what| syntax(format!("it is no DKIM record: {what}")))?;
    if let Some(version) = tags.value("v") {
        if version != "DKIM1" {
            return Err(syntax(format!("its version is \"{}\", not DKIM1", super::shown(version))));
        }
        if !tags.starts_with("v") {
            return Err(syntax("its v= tag is not the first one".to_owned()));
        }
    }
    let (published, ours) = (tags.value("k").unwrap_or("rsa"), key.key.algorithm());
    if published != ours.as_str() {
        let what = format!("it is for the algorithm \"{}\", the key is {ours}", super::shown(published));
        return Err(problem(Code::DkimWrongAlgorithm, what, "replace the value with the one that is wanted"));
    }
    if tags.words("h").is_some_and(|mut hashes| !hashes.any(|hash| hash == "sha256")) {
        let what = "its h= tag does not allow sha256, which our signatures use";
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
    let bits = key.key.numbers().and_then(|numbers| numbers.rsa_bits());
    if tags.words("t").is_some_and(|mut flags| flags.any(|flag| flag == "y")) {
        let what = "the key is right, but its t=y tag tells verifiers that signing is only tested";
        return Ok(Some(problem(Code::DkimTesting, what, "remove y from the t= tag")));
    }
    if let Some(bits) = bits.filter(|bits| *bits < 2048) {
        let what = format!("the key is right, but has {bits} bits, and RFC 8301 asks for 2048");
        return Ok(Some(problem(Code::DkimKeyWeak, what, "plan a new key")));
    }
    Ok(None)
}

/// Compares the published key with ours, as numbers.
fn judge_key(key: &DkimExpectation, published: &str) -> Result<(), Problem> {
    let mend = "replace the value with the one that is wanted";
    let algorithm = key.key.algorithm();
    let octets = decode(published)
        .ok_or_else(|| problem(Code::DkimSyntax, "its p= tag is not Base64, or is cut short", mend))?;
    let numbers = KeyNumbers::read(algorithm, &octets).ok_or_else(|| {
        problem(Code::DkimSyntax, format!("its p= tag is no {algorithm} public key, or is cut short"), mend)
    })?;
    if key.key.numbers().as_ref() == Some(&numbers) {
        return Ok(());
    }
    let same = key.others.iter().find(|(_, other)| other.numbers().as_ref() == Some(&numbers));
    if let Some((selector, _)) = same {
        let what = format!("it publishes the key of this domain's selector {selector}");
        return Err(problem(Code::DkimKeyIsPrevious, what, mend));
    }
    match numbers.rsa_bits() {
        Some(bits) if bits < 1024 => {
            let what = format!("it publishes another key, of {bits} bits, which verifiers must not take");
            Err(problem(Code::DkimKeyTooShort, what, mend))
        }
        Some(bits) => {
            Err(problem(Code::DkimKeyMismatch, format!("it publishes another key, of {bits} bits"), mend))
        }
        None => Err(problem(Code::DkimKeyMismatch, "it publishes another key", mend)),
    }
}
