//! DMARC: what receivers do with mail that fails (RFC 9989). One record, with a policy at least as strict as the one asked
//! for.

use super::sentence::{self, asked, missing, shown_side_by_side, spoilt_by_hand};
use super::tags::Tags;
use super::{Expectation, Expected, Need, RecordKind, Seed};
use crate::dns::{Answer, Outcome, Question, RecordData, RecordType, TxtData};
use crate::name::{DnsName, DomainName};
use crate::record::finding::{Code, Finding, Verdict};
use crate::settings::DmarcPolicy;

/// Where it stands, below the domain.
const HOST: &str = "_dmarc";
/// The most names at which a DMARC record is looked for, the domain's own among them (RFC 9989 section 4.10).
const MAX_TREE_WALK: usize = 8;
/// Tags that RFC 9989 removed; they do no harm and no good.
const REMOVED_TAGS: [&str; 3] = ["pct", "rf", "ri"];
/// Tags that say where reports go.
const REPORT_TAGS: [&str; 2] = ["rua", "ruf"];

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
        judge(self, self.policy, seen)
    }

    /// Without a record of its own a domain may have a policy from one above it.
    fn questions(&self, domain: &DomainName, finding: &Finding) -> Vec<Question> {
        if !finding.is_absence() {
            return Vec::new();
        }
        let records = ancestors(domain).into_iter().filter_map(|name| name.child(HOST).ok());
        records.map(|name| Question::new(name, RecordType::Txt)).collect()
    }

    fn refine(&self, _finding: &Finding, seen: &[(&Question, Answer)]) -> Option<Finding> {
        judge_inherited(self, seen)
    }
}

/// The policy in a record that we asked for.
fn policy(record: &str) -> DmarcPolicy {
    let tag = record.split(';').find_map(|tag| tag.trim().strip_prefix("p="));
    tag.and_then(|word| word.parse().ok()).unwrap_or(DmarcPolicy::None)
}

/// Judges the TXT records at `_dmarc`.
fn judge(expected: &DmarcExpectation, policy: DmarcPolicy, seen: &Answer) -> Finding {
    let Outcome::Found { records, .. } = &seen.outcome else { return missing(expected, seen) };
    let texts = dmarc_texts(records);
    match texts.as_slice() {
        [] => {
            if let Some(spoilt) = spoilt_by_hand(expected, records) {
                return spoilt;
            }
            let shown = records.first().map(ToString::to_string).unwrap_or_default();
            let what = if shown.starts_with("v=DMARC1 ") {
                "there is no semicolon after v=DMARC1"
            } else {
                "no record there starts with v=DMARC1"
            };
            finding(expected, Code::DmarcSyntax, what, &shown, "replace the value")
        }
        [only] => judge_record(expected, policy, only),
        [_, ..] => {
            let what = format!("there are {} DMARC records, which count as none", texts.len());
            let shown = shown_side_by_side(&texts);
            finding(expected, Code::DmarcMultiple, &what, &shown, "delete all but one")
        }
    }
}

fn judge_record(expected: &DmarcExpectation, policy: DmarcPolicy, seen: &TxtData) -> Finding {
    let octets = seen.joined();
    let text = String::from_utf8_lossy(&octets);
    let shown = seen.shown();
    let fail = |code, what: &str, mend: &str| finding(expected, code, what, &shown, mend);
    let tags = match Tags::parse(&text) {
        Ok(tags) => tags,
        Err(what) => return fail(Code::DmarcSyntax, &what, "replace the value"),
    };
    // White space is spaces and tabs; what else stands there ends what receivers can read (RFC 9989 section 4.8).
    if octets.iter().any(|octet| matches!(octet, b'\r' | b'\n')) {
        return fail(Code::DmarcSyntax, "a line break stands in it", "replace the value");
    }
    let version = tags.value("v").unwrap_or_default();
    if version != "DMARC1" || !tags.starts_with("v") {
        let what = format!("its version is \"{}\", not DMARC1", sentence::shown(version));
        return fail(Code::DmarcSyntax, &what, "replace the value");
    }
    let change = format!("change its p= tag to p={policy}");
    let published = match tags.value("p") {
        Some(word) => match word.to_ascii_lowercase().parse::<DmarcPolicy>() {
            Ok(published) => published,
            Err(_) => {
                return fail(Code::DmarcSyntax, "its p= tag is not none, quarantine or reject", &change);
            }
        },
        // Without a policy but with somewhere to report to, it counts as none (RFC 9989 section 4.10.1).
        None if tags.value("rua").is_some_and(|rua| rua.split(',').any(is_report_uri)) => DmarcPolicy::None,
        None => {
            let mend = format!("add p={policy} to it");
            return fail(Code::DmarcSyntax, "it has no p= tag", &mend);
        }
    };
    // Whoever's subdomain policy is misspelt has none at all (RFC 9989 section 4.10.1).
    if let Some(tag) = ["sp", "np"].iter().find(|tag| tags.value(tag).is_some_and(|word| !is_policy(word))) {
        let what = format!(
            "its {tag}= tag is not none, quarantine or reject, so that receivers do not go by its policy either"
        );
        let mend = format!("change its {tag}= tag to {tag}={policy}, or remove it");
        return fail(Code::DmarcSyntax, &what, &mend);
    }
    // While it is tested, the policy to apply is the next weaker one (RFC 9989 section 4.7).
    let is_tested = tags.value("t").is_some_and(|word| word.eq_ignore_ascii_case("y"));
    if is_tested && policy != DmarcPolicy::None && published <= policy {
        let what = format!("its t=y tag has receivers apply a weaker policy than {published}");
        return fail(Code::DmarcPolicyWeaker, &what, "remove its t= tag");
    }
    if published < policy {
        let what = format!("its policy {published} is weaker than {policy}");
        return fail(Code::DmarcPolicyWeaker, &what, &change);
    }
    if let Some((tag, odd)) =
        REPORT_TAGS.iter().find_map(|tag| Some((tag, odd_report_uri(tags.value(tag)?)?)))
    {
        let odd = sentence::shown(odd);
        let text = format!(
            "{}: it works, but no reports go to \"{odd}\" in its {tag}= tag; seen is \"{shown}\"; wanted is mailto: and an \
             address; mend that, or remove it.",
            asked(expected)
        );
        return Finding::of(Verdict::Warn, Code::DmarcReportAddress, text, Some(shown));
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

/// A policy that a domain has from one above it.
struct Inherited {
    /// The domain that sets it.
    from: DnsName,
    /// What it sets for its subdomains.
    policy: DmarcPolicy,
    /// Its record, as it is shown.
    record: String,
}

/// The policy of a domain that has no record of its own, from what was seen at the domains above it, the nearest first
/// (RFC 9989 sections 4.7 and 4.10): that of its organizational domain, else that of the public suffix.
fn inherited<'a>(walk: impl Iterator<Item = (Option<DnsName>, &'a Outcome)>) -> Option<Inherited> {
    let mut organizational = None;
    for (name, outcome) in walk {
        let (Some(name), Some((found, suffix, owner))) = (name, only_policy(outcome)) else { continue };
        let here = Inherited { from: name, policy: found.0, record: found.1 };
        if suffix {
            // The organizational domain is below this one; if that has a record, it was seen before.
            return organizational.or(Some(here));
        }
        organizational = Some(here);
        if owner {
            break;
        }
    }
    organizational
}

/// The one valid record among these: what it sets for subdomains with its text, and whether it says that its domain
/// is a public suffix (`psd=y`), or is none (`psd=n`).
fn only_policy(outcome: &Outcome) -> Option<((DmarcPolicy, String), bool, bool)> {
    let texts: Vec<&TxtData> = dmarc_texts(outcome.records());
    let [only] = texts.as_slice() else { return None };
    let octets = only.joined();
    let text = String::from_utf8_lossy(&octets);
    let tags = Tags::parse(&text).ok()?;
    let word = tags.value("sp").or(tags.value("p"))?.to_ascii_lowercase();
    let psd = tags.value("psd").map(str::to_ascii_lowercase);
    Some(((word.parse().ok()?, only.shown()), psd.as_deref() == Some("y"), psd.as_deref() == Some("n")))
}

/// Whatever does not start with the version is no DMARC record, and is dropped.
fn dmarc_texts(records: &[RecordData]) -> Vec<&TxtData> {
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

/// The first of a list of addresses for reports to which none go.
fn odd_report_uri(list: &str) -> Option<&str> {
    list.split(',').find(|uri| !is_report_uri(uri))
}

/// Whether reports go there: to `mailto:` and an address. Receivers need not know any other scheme, and ignore what is
/// no URI (RFC 9989 section 4.7). What follows `!` was a size once, and `?` begins what a mail would be filled with.
fn is_report_uri(uri: &str) -> bool {
    let uri = uri.trim_matches([' ', '\t']);
    let address =
        uri.split_at_checked("mailto:".len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("mailto:"));
    let address = address.and_then(|(_, rest)| rest.split(['!', '?']).next());
    address.and_then(|address| address.rsplit_once('@')).is_some_and(|(local, domain)| {
        let is_visible =
            !local.is_empty() && local.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'"');
        is_visible && domain.parse::<DnsName>().is_ok()
    })
}

fn is_policy(word: &str) -> bool {
    word.to_ascii_lowercase().parse::<DmarcPolicy>().is_ok()
}

fn finding(expected: &DmarcExpectation, code: Code, what: &str, seen: &str, mend: &str) -> Finding {
    let text = format!(
        "{}: {what}; seen is \"{seen}\"; wanted is \"{}\"; {mend}.",
        asked(expected),
        expected.wanted()
    );
    Finding::of(Verdict::Fail, code, text, Some(seen.to_owned()))
}

/// The names above a domain at which the tree walk looks: of a name with more than eight labels it goes on with the
/// last seven (RFC 9989 section 4.10).
fn ancestors(domain: &DomainName) -> Vec<DnsName> {
    let mut names = Vec::new();
    let mut next = domain.dns().parent();
    while let Some(name) = next {
        next = name.parent();
        if name.as_str().split('.').count() < MAX_TREE_WALK && names.len() + 1 < MAX_TREE_WALK {
            names.push(name);
        }
    }
    names
}

/// The policy that a domain without a record of its own has from a domain above it.
fn judge_inherited(expected: &DmarcExpectation, seen: &[(&Question, Answer)]) -> Option<Finding> {
    let policy = expected.policy;
    if seen.iter().any(|(_, answer)| answer.outcome.is_temporary()) {
        return None;
    }
    // From the domain's parent upward, as they were asked.
    let walk = seen.iter().map(|(question, answer)| (question.name.parent(), &answer.outcome));
    let Inherited { from, policy: published, record } = inherited(walk)?;
    let asked = asked(expected);
    if published < policy {
        let text = format!(
            "{asked}: there is no such record, and the policy {published} that {from} sets for its subdomains is weaker \
             than {policy}; wanted is \"{}\"; publish it.",
            expected.wanted()
        );
        return Some(Finding::of(Verdict::Fail, Code::DmarcPolicyWeaker, text, Some(record)));
    }
    Some(Finding::pass(
        format!("{asked}: the domain has the policy {published} from {from}, which will do."),
        record,
    ))
}
