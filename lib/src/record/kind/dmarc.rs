//! DMARC: what receivers do with mail that fails (RFC 9989). One record, with a policy at least as strict as the one asked
//! for.

use super::dmarc_report::{odd_report_uri, report_host, report_hosts};
use super::sentence::{self, Flaw, asked, flaw, missing, shown_side_by_side, spoilt_by_hand};
use super::tags::Tags;
use super::{
    Expectation, Expected, Need, RecordKind, Seed, dmarc_above, dmarc_mended, dmarc_report, mangling,
};
use crate::dns::{Answer, Outcome, Question, RecordData, RecordType, TxtData};
use crate::name::{DnsName, DomainName};
use crate::record::finding::{Action, Code, Finding, Verdict};
use crate::settings::DmarcPolicy;

/// Where it stands, below the domain.
pub(super) const HOST: &str = "_dmarc";
/// Tags that name a policy.
pub(super) const POLICY_TAGS: [&str; 3] = ["p", "sp", "np"];
/// Tags that RFC 9989 removed; they do no harm and no good.
pub(super) const REMOVED_TAGS: [&str; 3] = ["pct", "rf", "ri"];
/// Tags that say where reports go.
pub(super) const REPORT_TAGS: [&str; 2] = ["rua", "ruf"];

pub(super) const KIND: RecordKind = RecordKind {
    word: "dmarc",
    record_type: RecordType::Txt,
    seed: |settings| Seed::One { host: HOST, value: settings.dmarc_record(), priority: None },
    need: Need::Always,
    // Any domain may have had a lawful one before it came here.
    is_proof: false,
    expect: |wish| {
        Some(Expectation::Dmarc(DmarcExpectation {
            name: wish.name.clone(),
            policy: policy(&wish.record.value),
            whole: wish.record.value.clone(),
        }))
    },
};

/// One DMARC record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DmarcExpectation {
    /// Where it must be: `_dmarc.domain`.
    pub name: DnsName,
    /// The policy that it must have at least.
    pub policy: DmarcPolicy,
    /// The record that a domain without one publishes.
    pub whole: String,
}

impl Expected for DmarcExpectation {
    fn name(&self) -> &DnsName {
        &self.name
    }

    fn record_type(&self) -> RecordType {
        RecordType::Txt
    }

    fn wanted(&self) -> String {
        self.whole.clone()
    }

    fn judge(&self, seen: &Answer) -> Finding {
        judge(self, seen)
    }

    /// Of several records the strictest that will do stays. What is no DMARC record is passed over by receivers, and stays.
    fn action(&self, answer: &Answer, _finding: &Finding) -> Option<Action> {
        if !answer.chain.is_empty() {
            return None;
        }
        let records = answer.outcome.records();
        let meant = dmarc_mended::meant(records);
        let from: Vec<String> = meant.iter().map(|text| text.readable()).collect();
        let kept = dmarc_mended::keeper(self, &dmarc_texts(records)).map(TxtData::readable);
        // Records that read the same cannot be told apart in a form.
        Some(match kept.filter(|kept| from.iter().filter(|text| *text == kept).count() == 1) {
            Some(kept) => {
                let others: Vec<String> = from.into_iter().filter(|text| *text != kept).collect();
                Action::delete(self.name.clone(), RecordType::Txt, &others)
            }
            None => Action::change(self.name.clone(), RecordType::Txt, &from, dmarc_mended::of(self, &meant)),
        })
    }

    /// Without a record of its own a domain may have a policy from one above it. Where the record has reports sent to
    /// another domain, that must allow it.
    fn questions(&self, domain: &DomainName, answer: &Answer, finding: &Finding) -> Vec<Question> {
        let names = if finding.is_absence() {
            dmarc_above::names(domain)
        } else if finding.verdict == Verdict::Pass {
            let hosts = dmarc_texts(answer.outcome.records()).into_iter().flat_map(report_hosts).collect();
            dmarc_report::names(domain, hosts)
        } else {
            Vec::new()
        };
        names.into_iter().map(|name| Question::new(name, RecordType::Txt)).collect()
    }

    fn refine(&self, finding: &Finding, seen: &[(&Question, Answer)]) -> Option<Finding> {
        if finding.is_absence() {
            dmarc_above::judge(self, seen)
        } else {
            dmarc_report::judge(self, finding, seen)
        }
    }
}

/// The policy in a record that we asked for.
fn policy(record: &str) -> DmarcPolicy {
    let tag = record.split(';').find_map(|tag| tag.trim().strip_prefix("p="));
    tag.and_then(|word| word.parse().ok()).unwrap_or(DmarcPolicy::None)
}

/// Judges the TXT records at `_dmarc`.
fn judge(expected: &DmarcExpectation, seen: &Answer) -> Finding {
    let Outcome::Found { records, .. } = &seen.outcome else { return missing(expected) };
    let texts = dmarc_texts(records);
    // What to enter in place of what is there.
    let to = || dmarc_mended::of(expected, &dmarc_mended::meant(records));
    match texts.as_slice() {
        [] => {
            if let Some(spoilt) = spoilt_by_hand(expected, records, &to()) {
                return spoilt;
            }
            let shown = records.first().map(ToString::to_string).unwrap_or_default();
            let what = "no record there starts with v=DMARC1 and a semicolon";
            let mend = if dmarc_mended::meant(records).is_empty() {
                "add that record"
            } else {
                "replace the value with that"
            };
            finding(expected, Code::DmarcSyntax, what, &shown, &to(), mend)
        }
        [only] => judge_record(expected, only),
        [_, ..] => {
            let what = format!("there are {} DMARC records, which count as none", texts.len());
            let shown = shown_side_by_side(&texts);
            match dmarc_mended::keeper(expected, &texts) {
                Some(keeper) => {
                    let mend = "keep that one, and delete the others";
                    finding(expected, Code::DmarcMultiple, &what, &shown, &keeper.readable(), mend)
                }
                None => {
                    finding(expected, Code::DmarcMultiple, &what, &shown, &to(), "replace them with that one")
                }
            }
        }
    }
}

/// What a record comes to alone.
pub(super) fn verdict_on(expected: &DmarcExpectation, seen: &TxtData) -> Verdict {
    read(expected.policy, &seen.joined()).map_or_else(|(verdict, _)| verdict, |_| Verdict::Pass)
}

fn judge_record(expected: &DmarcExpectation, seen: &TxtData) -> Finding {
    let (octets, shown) = (seen.joined(), seen.shown());
    let (verdict, flaw) = match read(expected.policy, &octets) {
        Ok(policy) => {
            let text = format!("{}: publishes the policy {policy}, as wanted.", asked(expected));
            return Finding::pass(text, shown);
        }
        Err(flawed) => flawed,
    };
    // How it was spoilt says more than what breaks the grammar.
    let hand = Some(&flaw).filter(|flaw| verdict == Verdict::Fail && flaw.code == Code::DmarcSyntax);
    let hand = hand.and_then(|_| mangling::of(&String::from_utf8_lossy(&octets), &expected.whole));
    let Flaw { code, what, mend } = hand.unwrap_or(flaw);
    let what = if verdict == Verdict::Warn { format!("it works, but {what}") } else { what };
    let to = dmarc_mended::of(expected, &[seen]);
    Finding { verdict, ..finding(expected, code, &what, &shown, &to, &mend) }
}

/// The policy that a record publishes, or what is to mend about it.
fn read(policy: DmarcPolicy, octets: &[u8]) -> Result<DmarcPolicy, (Verdict, Flaw)> {
    let text = String::from_utf8_lossy(octets);
    let fail = |code, what: &str, mend: &str| Err((Verdict::Fail, flaw(code, what, mend)));
    let warn = |code, what: &str, mend: &str| Err((Verdict::Warn, flaw(code, what, mend)));
    let replace = "replace the value with that";
    let tags = match Tags::parse(&text) {
        Ok(tags) => tags,
        Err(what) => return fail(Code::DmarcSyntax, &what, replace),
    };
    // White space is spaces and tabs; what else stands there ends what receivers can read (RFC 9989 section 4.8).
    if octets.iter().any(|octet| matches!(octet, b'\r' | b'\n')) {
        return fail(Code::DmarcSyntax, "a line break stands in it", replace);
    }
    // The version is known already; its tag may be written V= (RFC 9989 section 4.8).
    if !tags.starts_with("v") && tags.value("v").is_some() {
        return fail(Code::DmarcSyntax, "its version is there twice", replace);
    }
    let broken = broken_tag(&tags);
    let published = match broken {
        None => tags.value("p").and_then(policy_of).unwrap_or(DmarcPolicy::None),
        Some(_) if counts_as_none(&tags) => DmarcPolicy::None,
        Some("p") if tags.value("p").is_none() => {
            return fail(Code::DmarcSyntax, "it has no p= tag", &format!("add p={policy} to it"));
        }
        Some(tag) => {
            let what =
                format!("its {tag}= tag is not none, quarantine or reject, so that it has no policy at all");
            return fail(Code::DmarcSyntax, &what, &mend_of(tag, policy));
        }
    };
    if let Some(tag) = broken
        && let Some(word) = tags.value(tag)
    {
        let what = format!(
            "its {tag}= tag is \"{}\", so that receivers take all of it for p=none",
            sentence::shown(word)
        );
        return match policy {
            DmarcPolicy::None => warn(Code::DmarcSyntax, &what, &mend_of(tag, policy)),
            _ => fail(Code::DmarcPolicyWeaker, &what, &mend_of(tag, policy)),
        };
    }
    if is_tested(&tags) && published <= policy && policy != DmarcPolicy::None {
        let what = format!("its t=y tag has receivers apply a weaker policy than {published}");
        return fail(Code::DmarcPolicyWeaker, &what, "remove its t= tag");
    }
    if published < policy {
        let what = format!("its policy {published} is weaker than {policy}");
        let mend = if broken.is_some() { format!("add p={policy} to it") } else { mend_of("p", policy) };
        return fail(Code::DmarcPolicyWeaker, &what, &mend);
    }
    if let Some((tag, odd)) =
        REPORT_TAGS.iter().find_map(|tag| Some((tag, odd_report_uri(tags.value(tag)?)?)))
    {
        let odd = sentence::shown(odd);
        let what =
            format!("no reports go to \"{odd}\" in its {tag}= tag, where mailto: and an address must stand");
        return warn(Code::DmarcReportAddress, &what, replace);
    }
    if let Some(tag) = REMOVED_TAGS.iter().find(|tag| tags.value(tag).is_some()) {
        let what = format!("the tag {tag}= is no part of DMARC any more");
        return warn(Code::DmarcRemovedTag, &what, "remove that tag");
    }
    Ok(published)
}

/// What to do about a policy tag. One that is not needed can go.
fn mend_of(tag: &str, policy: DmarcPolicy) -> String {
    match tag {
        "p" => format!("change its p= tag to p={policy}"),
        tag => format!("remove its {tag}= tag"),
    }
}

/// Whatever does not start with the version is no DMARC record, and is dropped.
pub(super) fn dmarc_texts(records: &[RecordData]) -> Vec<&TxtData> {
    let texts = records.iter().filter_map(|record| match record {
        RecordData::Txt(text) if is_dmarc(&text.joined()) => Some(text),
        _ => None,
    });
    texts.collect()
}

/// Whether these octets are a DMARC record, right or wrong: the version at the front, and nothing more in its tag
/// (RFC 9989 section 4.8).
fn is_dmarc(octets: &[u8]) -> bool {
    let version = octets.split(|octet| *octet == b';').next().unwrap_or_default();
    let text = String::from_utf8_lossy(version);
    let blank = |c: char| c == ' ' || c == '\t';
    text.split_once('=').is_some_and(|(name, value)| {
        name.trim_end_matches(blank).eq_ignore_ascii_case("v") && value.trim_matches(blank) == "DMARC1"
    })
}

/// The policy that a word names.
pub(super) fn policy_of(word: &str) -> Option<DmarcPolicy> {
    word.to_ascii_lowercase().parse().ok()
}

/// The policy tag that names no policy, or is missing, so that the record has no policy by its own words.
pub(super) fn broken_tag(tags: &Tags<'_>) -> Option<&'static str> {
    let is_misspelt = |tag: &&'static str| tags.value(tag).is_some_and(|word| policy_of(word).is_none());
    let misspelt = POLICY_TAGS.into_iter().find(is_misspelt);
    misspelt.or_else(|| tags.value("p").is_none().then_some("p"))
}

/// Whether a record with such a tag counts as `p=none`, for it says where to report to (RFC 9989 section 4.10.1).
pub(super) fn counts_as_none(tags: &Tags<'_>) -> bool {
    tags.value("rua").is_some_and(|rua| rua.split(',').any(|uri| report_host(uri).is_some()))
}

/// Whether receivers apply the next weaker policy, because it is only tested (RFC 9989 section 4.7).
pub(super) fn is_tested(tags: &Tags<'_>) -> bool {
    tags.value("t").is_some_and(|word| word.eq_ignore_ascii_case("y"))
}

/// The policy that receivers apply while this one is tested.
pub(super) fn weaker(policy: DmarcPolicy) -> DmarcPolicy {
    match policy {
        DmarcPolicy::Reject => DmarcPolicy::Quarantine,
        DmarcPolicy::Quarantine | DmarcPolicy::None => DmarcPolicy::None,
    }
}

fn finding(
    expected: &DmarcExpectation,
    code: Code,
    what: &str,
    seen: &str,
    wanted: &str,
    mend: &str,
) -> Finding {
    let wanted = sentence::whole(wanted);
    let text = format!("{}: {what}; seen is \"{seen}\"; wanted is \"{wanted}\"; {mend}.", asked(expected));
    Finding::of(Verdict::Fail, code, text, Some(seen.to_owned()))
}
