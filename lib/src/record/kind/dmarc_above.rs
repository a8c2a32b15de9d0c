//! DMARC: the policy that a domain without a record of its own has from a domain above it (RFC 9989 section 4.10).

use super::Expected;
use super::dmarc::{
    DmarcExpectation, HOST, broken_tag, counts_as_none, dmarc_texts, is_tested, policy_of, weaker,
};
use super::sentence::{asked, not_known};
use super::tags::Tags;
use crate::dns::{Answer, Outcome, Question, TxtData};
use crate::name::{DnsName, DomainName};
use crate::record::finding::{Code, Finding, Verdict};
use crate::settings::DmarcPolicy;

/// The most names at which a DMARC record is looked for, the domain's own among them (RFC 9989 section 4.10).
const MAX_TREE_WALK: usize = 8;

/// The names above a domain at which the tree walk looks: of a name with more than eight labels it goes on with the
/// last seven (RFC 9989 section 4.10).
pub(super) fn names(domain: &DomainName) -> Vec<DnsName> {
    let mut names = Vec::new();
    let mut next = domain.dns().parent();
    while let Some(name) = next {
        next = name.parent();
        if name.as_str().split('.').count() < MAX_TREE_WALK && names.len() + 1 < MAX_TREE_WALK {
            names.extend(name.child(HOST).ok());
        }
    }
    names
}

/// The policy that a domain without a record of its own has from a domain above it.
pub(super) fn judge(expected: &DmarcExpectation, seen: &[(&Question, Answer)]) -> Option<Finding> {
    let policy = expected.policy;
    // From the domain's parent upward, as they were asked.
    let inherited = match inherited(seen) {
        Ok(inherited) => inherited?,
        Err(undecided) => return Some(not_known(expected, undecided)),
    };
    let Inherited { from, policy: published, is_tested, record, .. } = inherited;
    let asked = asked(expected);
    let tested = if is_tested { " while it is tested (t=y)" } else { "" };
    if published < policy {
        let text = format!(
            "{asked}: there is no such record, and the policy {published} that {from} sets for its subdomains{tested} is \
             weaker than {policy}; wanted is \"{}\"; publish it.",
            expected.wanted()
        );
        return Some(Finding::of(Verdict::Fail, Code::DmarcPolicyWeaker, text, Some(record)));
    }
    Some(Finding::pass(
        format!("{asked}: the domain has the policy {published} from {from}, which will do."),
        record,
    ))
}

/// A policy that a domain has from one above it.
struct Inherited {
    /// The domain that sets it.
    from: DnsName,
    /// What it sets for its subdomains, the next weaker policy where that is only tested.
    policy: DmarcPolicy,
    /// Whether it is only tested (`t=y`).
    is_tested: bool,
    /// Whether the domain is a public suffix (`psd=y`).
    is_suffix: bool,
    /// Whether the domain says that it is none, and nothing above it counts (`psd=n`).
    is_top: bool,
    /// Its record, as it is shown.
    record: String,
}

/// The policy of a domain that has no record of its own, from what was seen at the domains above it, the nearest first
/// (RFC 9989 sections 4.7 and 4.10): that of its organizational domain, else that of the public suffix. An error is the question
/// that could not be looked up, where its answer may decide.
fn inherited<'a>(seen: &[(&'a Question, Answer)]) -> Result<Option<Inherited>, &'a Question> {
    let mut organizational = None;
    for (question, Answer { outcome, .. }) in seen {
        if outcome.is_temporary() {
            return Err(question);
        }
        let Some(here) = question.name.parent().and_then(|name| only_policy(name, outcome)) else { continue };
        if here.is_suffix {
            // The organizational domain is the one right below this one (RFC 9989 section 4.10.2). If that has a record, it was the last
            // that was seen, and no other one counts.
            let is_right_below = |seen: &Inherited| seen.from.parent().as_ref() == Some(&here.from);
            return Ok(organizational.filter(is_right_below).or(Some(here)));
        }
        let is_top = here.is_top;
        organizational = Some(here);
        if is_top {
            break;
        }
    }
    Ok(organizational)
}

/// The policy in the one valid record among these.
fn only_policy(from: DnsName, outcome: &Outcome) -> Option<Inherited> {
    let texts: Vec<&TxtData> = dmarc_texts(outcome.records());
    let [only] = texts.as_slice() else { return None };
    let octets = only.joined();
    let text = String::from_utf8_lossy(&octets);
    let tags = Tags::parse(&text).ok()?;
    let policy = match broken_tag(&tags) {
        Some(_) if counts_as_none(&tags) => DmarcPolicy::None,
        Some(_) => return None,
        None => tags.value("sp").or(tags.value("p")).and_then(policy_of)?,
    };
    let is_tested = is_tested(&tags);
    let policy = if is_tested { weaker(policy) } else { policy };
    let psd = tags.value("psd").unwrap_or_default();
    let (is_suffix, is_top) = (psd.eq_ignore_ascii_case("y"), psd.eq_ignore_ascii_case("n"));
    Some(Inherited { from, policy, is_tested, is_suffix, is_top, record: only.shown() })
}
