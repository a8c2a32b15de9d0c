//! Related records: what else must be looked up where a record alone does not decide. That is what an SPF record includes,
//! the addresses of mail hosts, and the DMARC records of the domains above.
//!
//! But for SPF, where each answer leads to the next question, the look-ups go out in one run, side by side. What cannot be told for the moment leaves the finding
//! as it was.

mod senders;

use crate::dns::{Answer, Outcome, Question, RecordData, RecordType, Resolver};
use crate::name::{DnsName, DomainName};
use crate::settings::DmarcPolicy;

use super::judge::dmarc::{self, Inherited};
use super::judge::with_lame_server;
use super::{Code, Expectation, Finding, Look, Verdict};

/// The most names at which a DMARC record is looked for, the domain's own among them (RFC 9989 section 4.10).
const MAX_TREE_WALK: usize = 8;

/// Replaces findings by those that know what lies behind them.
pub(super) fn refine(
    domain: &DomainName,
    expected: &[Expectation],
    looks: &mut [Look],
    resolver: &dyn Resolver,
) {
    let wanted: Vec<Vec<Question>> = expected
        .iter()
        .zip(looks.iter())
        .map(|(expected, look)| questions(domain, expected, &look.finding))
        .collect();
    for (expected, look) in expected.iter().zip(looks.iter_mut()) {
        if let Expectation::Spf { mechanisms, addresses, .. } = expected
            && look.finding.verdict != Verdict::Temporary
            // To the walk that is merely a term that breaks the grammar.
            && look.finding.code != Some(Code::ValueSplitWithSpace)
            && let Some(better) = senders::judge(&expected.question(), mechanisms, addresses, look, resolver)
        {
            look.replace(expected, better);
        }
    }
    let all: Vec<Question> = wanted.iter().flatten().cloned().collect();
    if all.is_empty() {
        return;
    }
    let mut answers = resolver.lookup_all(&all).into_iter();
    for ((expected, look), questions) in expected.iter().zip(looks.iter_mut()).zip(&wanted) {
        let seen: Vec<(&Question, Answer)> = questions.iter().zip(answers.by_ref()).collect();
        let better = match expected {
            _ if seen.is_empty() => None,
            Expectation::Mx { name, host, .. } => mail_host(expected, name, host, &look.finding, &seen),
            Expectation::Dmarc { policy, .. } => inherited(expected, *policy, &seen),
            _ => None,
        };
        if let Some(better) = better {
            look.replace(expected, better);
        }
    }
}

impl Look {
    /// Takes what is known better of the record; what the servers have shown of themselves stays.
    fn replace(&mut self, expected: &Expectation, better: Finding) {
        let seen = self.views.iter().map(|view| &view.answer);
        self.finding = with_lame_server(expected, seen, better);
    }
}

fn questions(domain: &DomainName, expected: &Expectation, finding: &Finding) -> Vec<Question> {
    let addresses =
        |name: &DnsName| [RecordType::A, RecordType::Aaaa].map(|kind| Question::new(name.clone(), kind));
    match expected {
        Expectation::Mx { name, host, .. } if is_missing(finding) => {
            addresses(name).into_iter().chain(addresses(host)).collect()
        }
        Expectation::Mx { host, .. } if finding.verdict.passes() => {
            let alias = Question::new(host.clone(), RecordType::Cname);
            std::iter::once(alias).chain(addresses(host)).collect()
        }
        Expectation::Dmarc { .. } if is_missing(finding) => ancestors(domain)
            .into_iter()
            .filter_map(|name| name.child("_dmarc").ok())
            .map(|name| Question::new(name, RecordType::Txt))
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether nothing at all was there, for certain.
fn is_missing(finding: &Finding) -> bool {
    finding.verdict == Verdict::Fail && finding.seen.is_none()
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

/// What the addresses say of a domain's mail host.
fn mail_host(
    expected: &Expectation,
    domain: &DnsName,
    host: &DnsName,
    finding: &Finding,
    seen: &[(&Question, Answer)],
) -> Option<Finding> {
    let at = |name: &DnsName| -> Vec<&RecordData> {
        let of_name = seen.iter().filter(|(question, _)| question.name == *name);
        of_name.flat_map(|(_, answer)| answer.outcome.records()).collect()
    };
    let asked = format!("MX {domain}");
    if is_missing(finding) {
        // Without MX records mail goes to the domain's own addresses (RFC 5321 section 5.1).
        let (own, ours) = (at(domain), at(host));
        let first = own.first()?;
        if own.iter().all(|address| ours.contains(address)) {
            let text = format!(
                "{asked}: there is no MX record, and mail comes to us by the domain's own address {first} alone; wanted \
                 is \"{}\"; publish it.",
                expected.wanted()
            );
            return Some(Finding::of(Verdict::Warn, Code::MxImplicit, text, Some(first.to_string())));
        }
        let text = format!(
            "{asked}: there is no MX record, so mail goes to the domain's own address {first}; wanted is \"{}\"; publish it.",
            expected.wanted()
        );
        return Some(Finding { text, ..finding.clone() });
    }
    let outcome = |kind| {
        seen.iter().find(|(question, _)| question.record_type == kind).map(|(_, answer)| &answer.outcome)
    };
    if let Some(Outcome::Found { records, .. }) = outcome(RecordType::Cname)
        && let Some(target) = records.first()
    {
        let text = format!(
            "{asked}: the mail host {host} is an alias of {target}., which a mail host must not be (RFC 2181 section \
             10.3); wanted is a name with an address; ask the operator of this mail system to mend it."
        );
        return Some(Finding::of(Verdict::Fail, Code::MxCname, text, finding.seen.clone()));
    }
    let addresses = [outcome(RecordType::A)?, outcome(RecordType::Aaaa)?];
    let none =
        addresses.iter().all(|outcome| matches!(outcome, Outcome::NoData { .. } | Outcome::NxDomain { .. }));
    none.then(|| {
        let text = format!(
            "{asked}: the mail host {host} has no address; wanted is one; ask the operator of this mail system to mend it."
        );
        // The domain's owner has done all that was asked, and is not to suffer for it.
        Finding::of(Verdict::Warn, Code::MxUnresolvable, text, finding.seen.clone())
    })
}

/// The policy that a domain without a record of its own has from a domain above it.
fn inherited(expected: &Expectation, policy: DmarcPolicy, seen: &[(&Question, Answer)]) -> Option<Finding> {
    if seen.iter().any(|(_, answer)| answer.outcome.is_temporary()) {
        return None;
    }
    // From the domain's parent upward, as they were asked.
    let walk = seen.iter().map(|(question, answer)| (question.name.parent(), &answer.outcome));
    let Inherited { from, policy: published, record } = dmarc::inherited(walk)?;
    let asked = format!("TXT {}", expected.name());
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
