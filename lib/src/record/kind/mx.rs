//! MX: where a domain's mail goes (RFC 5321 section 5.1, RFC 7505).

use std::net::IpAddr;

use super::mangling::{is_with_domain, with_domain};
use super::sentence::{asked, missing, not_known};
use super::{Expectation, Expected, Need, RecordKind, Seed};
use crate::dns::{Answer, Outcome, Question, RecordData, RecordType};
use crate::name::{DnsName, DomainName};
use crate::record::finding::{Action, Code, Finding, Verdict};

pub(super) const KIND: RecordKind = RecordKind {
    word: "mx",
    record_type: RecordType::Mx,
    seed: |settings| Seed::One {
        host: "@",
        value: settings.mx_host.as_str().to_owned(),
        priority: Some(settings.mx_priority),
    },
    need: Need::Always,
    // The target is the same for every account.
    is_proof: false,
    expect: |wish| {
        Some(Expectation::Mx(MxExpectation {
            name: wish.name.clone(),
            host: DnsName::from_answer(&wish.record.value),
            priority: wish.record.priority.unwrap_or_default(),
        }))
    },
};

/// So many of a domain's mail hosts are shown.
const MOST_SHOWN: usize = 10;

/// MX records of which ours is the most preferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxExpectation {
    /// The domain.
    pub name: DnsName,
    /// Our host.
    pub host: DnsName,
    /// The preference that was asked for.
    pub priority: u16,
}

impl Expected for MxExpectation {
    fn name(&self) -> &DnsName {
        &self.name
    }

    fn record_type(&self) -> RecordType {
        RecordType::Mx
    }

    fn wanted(&self) -> String {
        format!("{} {}.", self.priority, self.host)
    }

    /// Where ours is there, those go that are as preferred or more, and a null MX.
    fn action(&self, answer: &Answer, _finding: &Finding) -> Option<Action> {
        let exchanges = answer.outcome.records().iter().filter_map(|record| match record {
            RecordData::Mx { preference, exchange } => Some((*preference, exchange)),
            _ => None,
        });
        let (ours, others): (Vec<_>, Vec<_>) = exchanges.partition(|(_, name)| **name == self.host);
        let most = ours.iter().map(|(preference, _)| *preference).min()?;
        let rivals = others.iter().filter(|(preference, name)| *preference <= most || is_null(name));
        let rivals: Vec<String> = rivals.map(|(preference, name)| format!("{preference} {name}.")).collect();
        (!rivals.is_empty()).then(|| Action::delete(self.name.clone(), RecordType::Mx, &rivals))
    }

    fn is_at_domain(&self) -> bool {
        true
    }

    fn missing_code(&self) -> Code {
        Code::MxMissing
    }

    fn judge(&self, seen: &Answer) -> Finding {
        judge(self, seen)
    }

    /// The addresses of our host, and where there is no MX record those of the domain itself.
    fn questions(&self, _domain: &DomainName, _answer: &Answer, finding: &Finding) -> Vec<Question> {
        let addresses =
            |name: &DnsName| [RecordType::A, RecordType::Aaaa].map(|kind| Question::new(name.clone(), kind));
        if finding.is_absence() {
            return addresses(&self.name).into_iter().chain(addresses(&self.host)).collect();
        }
        if !finding.verdict.passes() {
            return Vec::new();
        }
        let alias = Question::new(self.host.clone(), RecordType::Cname);
        std::iter::once(alias).chain(addresses(&self.host)).collect()
    }

    fn refine(&self, finding: &Finding, seen: &[(&Question, Answer)]) -> Option<Finding> {
        mail_host(self, finding, seen)
    }
}

fn judge(expected: &MxExpectation, seen: &Answer) -> Finding {
    let host = &expected.host;
    let Outcome::Found { records, .. } = &seen.outcome else { return missing(expected) };
    let mut exchanges: Vec<(u16, &DnsName)> = records
        .iter()
        .filter_map(|record| match record {
            RecordData::Mx { preference, exchange } => Some((*preference, exchange)),
            _ => None,
        })
        .collect();
    exchanges.sort_unstable();
    let mut shown = exchanges
        .iter()
        .take(MOST_SHOWN)
        .map(|(preference, name)| format!("{preference} {name}."))
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(more @ 1..) = exchanges.len().checked_sub(MOST_SHOWN) {
        shown = format!("{shown} (and {more} more)");
    }
    let finding = |verdict, code, what: &str, mend: &str| {
        let wanted = expected.wanted();
        let text =
            format!("{}: {what}; seen is \"{shown}\"; wanted is \"{wanted}\"; {mend}.", asked(expected));
        Finding::of(verdict, code, text, Some(shown.clone()))
    };
    if let [(_, only)] = exchanges.as_slice()
        && is_null(only)
    {
        let what = "a null MX tells the world that the domain takes no mail";
        return finding(Verdict::Fail, Code::MxNull, what, "replace it");
    }
    let Some((ours, _)) = exchanges.iter().find(|(_, name)| *name == host) else {
        if exchanges.iter().any(|(_, name)| is_address(name, &expected.name)) {
            let what = "an IP address stands where a host name must";
            return finding(Verdict::Fail, Code::MxIpLiteral, what, "name the host instead");
        }
        if let Some((_, appended)) =
            exchanges.iter().find(|(_, name)| is_with_domain(name, host, &expected.name))
        {
            let flaw = with_domain(appended, host);
            return finding(Verdict::Fail, flaw.code, &flaw.what, &flaw.mend);
        }
        let what = "none of its mail hosts is ours";
        return finding(
            Verdict::Fail,
            Code::MxMissing,
            what,
            "add the one that is wanted, and remove the others",
        );
    };
    let least = |is_one: &dyn Fn(&DnsName) -> bool| {
        exchanges.iter().filter(|(_, name)| is_one(name)).map(|(preference, _)| preference).min()
    };
    let foreign = least(&|name| name != host && !is_null(name));
    if let Some(null) = least(&is_null)
        && foreign.is_none_or(|theirs| theirs >= ours)
    {
        // Receivers differ in what they make of it where ours comes first.
        let verdict = if null < ours { Verdict::Fail } else { Verdict::Warn };
        let what = "a null MX stands beside others, which it must not (RFC 7505 section 3)";
        return finding(verdict, Code::MxNull, what, "delete it");
    }
    match foreign {
        Some(theirs) if theirs < ours => {
            let what = "mail goes to another host first";
            finding(
                Verdict::Fail,
                Code::MxForeignPreferred,
                what,
                "remove the others, or give them a larger preference",
            )
        }
        Some(theirs) if theirs == ours => {
            let what = "another host shares the mail with ours";
            finding(Verdict::Warn, Code::MxForeignEqual, what, "remove it, or give it a larger preference")
        }
        _ => Finding::pass(format!("{}: mail comes to {host}, as wanted.", asked(expected)), shown),
    }
}

/// Whether this is the root, with which a null MX says "no mail" (RFC 7505 section 3): names in answers have no last dot.
fn is_null(exchange: &DnsName) -> bool {
    exchange.as_str().is_empty()
}

/// Whether a name is an address typed into a form that took it for a name, and perhaps added the domain to it.
fn is_address(name: &DnsName, domain: &DnsName) -> bool {
    let text = name.as_str();
    let text = text.strip_suffix(domain.as_str()).and_then(|rest| rest.strip_suffix('.')).unwrap_or(text);
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.map(|literal| literal.strip_prefix("ipv6:").unwrap_or(literal));
    inner.unwrap_or(text).parse::<IpAddr>().is_ok()
}

/// What the addresses say of a domain's mail host.
fn mail_host(expected: &MxExpectation, finding: &Finding, seen: &[(&Question, Answer)]) -> Option<Finding> {
    let MxExpectation { name: domain, host, .. } = expected;
    let at = |name: &DnsName| -> Vec<&RecordData> {
        let of_name = seen.iter().filter(|(question, _)| question.name == *name);
        of_name.flat_map(|(_, answer)| answer.outcome.records()).collect()
    };
    let asked = asked(expected);
    if finding.is_absence() {
        // Without MX records mail goes to the domain's own addresses (RFC 5321 section 5.1).
        let (own, ours) = (at(domain), at(host));
        let foreign = own.iter().find(|address| !ours.contains(address));
        // What may make another of it: an address of ours, or else another one of the domain itself.
        let decides = if foreign.is_some() { host } else { domain };
        let undecided =
            seen.iter().find(|(question, answer)| question.name == *decides && answer.outcome.is_temporary());
        if let Some((undecided, _)) = undecided {
            return Some(not_known(expected, undecided));
        }
        let first = own.first()?;
        if foreign.is_none() {
            let text = format!(
                "{asked}: there is no MX record, and mail comes to us by the domain's own address {first} alone; wanted \
                 is \"{}\"; publish it.",
                expected.wanted()
            );
            return Some(Finding::of(Verdict::Warn, Code::MxImplicit, text, Some(first.to_string())));
        }
        if finding.code == Some(Code::DomainIsAlias) {
            return None;
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
