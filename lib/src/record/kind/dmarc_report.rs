//! DMARC: where reports go, and whether the domain there allows it.
//!
//! A receiver sends reports to an address outside of the domain's own organizational domain only if the other domain says
//! so, in a record of its own (RFC 9990 section 4; RFC 7489 section 7.1).

use super::dmarc::{DmarcExpectation, HOST, dmarc_texts};
use super::sentence::asked;
use super::tags::Tags;
use crate::dns::{Answer, Outcome, Question, TxtData};
use crate::name::{DnsName, DomainName};
use crate::record::finding::{Code, Finding, Verdict};

/// Of so many domains at most it is looked up whether they allow reports.
const MAX_HOSTS: usize = 4;
/// What stands between the two domains in the name of the record that allows reports.
const REPORT: &str = "_report";
/// What such a record says.
pub(crate) const ALLOWED: &str = "v=DMARC1;";

/// The first of a list of addresses for reports to which none go.
pub(super) fn odd_report_uri(list: &str) -> Option<&str> {
    list.split(',').find(|uri| report_host(uri).is_none())
}

/// The domain of the mailbox that reports go to, if they go there: to `mailto:` and an address. Receivers need not know any
/// other scheme, and ignore what is no URI (RFC 9989 section 4.7). What follows `!` was a size once, and `?` begins what a
/// mail would be filled with.
pub(super) fn report_host(uri: &str) -> Option<DnsName> {
    let uri = uri.trim_matches([' ', '\t']);
    let (_, rest) =
        uri.split_at_checked("mailto:".len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("mailto:"))?;
    let (local, domain) = rest.split(['!', '?']).next()?.rsplit_once('@')?;
    let is_visible = !local.is_empty()
        && !local.starts_with("//")
        && local.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'"');
    domain.parse().ok().filter(|_| is_visible)
}

/// The domains to which a record has aggregate reports sent.
pub(super) fn report_hosts(record: &TxtData) -> Vec<DnsName> {
    let octets = record.joined();
    let text = String::from_utf8_lossy(&octets);
    let tags = Tags::parse(&text).ok();
    let list = tags.as_ref().and_then(|tags| tags.value("rua")).unwrap_or_default();
    list.split(',').filter_map(report_host).collect()
}

/// The names of the records that must allow reports on this domain to these others.
pub(super) fn names(domain: &DomainName, hosts: Vec<DnsName>) -> Vec<DnsName> {
    let others = hosts.into_iter().filter(|host| is_of_another_organization(domain, host));
    let mut names: Vec<DnsName> = others.filter_map(|host| permission(domain, &host)).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(MAX_HOSTS);
    names
}

/// Whether reports on a domain to this other one need its permission (RFC 9990 section 4).
pub(crate) fn is_of_another_organization(domain: &DomainName, host: &DnsName) -> bool {
    let organization = |name: &str| psl::domain_str(name).unwrap_or(name).to_owned();
    organization(domain.as_str()) != organization(host.as_str())
}

/// The name at which `host` says that it takes reports on `domain`.
pub(crate) fn permission(domain: &DomainName, host: &DnsName) -> Option<DnsName> {
    format!("{domain}.{REPORT}.{HOST}.{host}").parse().ok()
}

/// The finding of a domain that gets no reports, because it does not allow them; `pass` is what was found of the record.
pub(super) fn judge(
    expected: &DmarcExpectation,
    pass: &Finding,
    seen: &[(&Question, Answer)],
) -> Option<Finding> {
    let refuses = |(_, answer): &&(&Question, Answer)| match &answer.outcome {
        Outcome::Found { records, .. } => dmarc_texts(records).is_empty(),
        Outcome::NoData { .. } | Outcome::NxDomain { .. } => true,
        _ => false,
    };
    let (question, _) = seen.iter().find(refuses)?;
    let name = &question.name;
    let (domain, host) = name.as_str().split_once(&format!(".{REPORT}.{HOST}."))?;
    // The operator's own address stands in the record that was asked for.
    let own = report_hosts(&TxtData::new(vec![expected.whole.as_bytes().to_vec()]));
    let owner = if own.iter().any(|own| own.as_str() == host) {
        "the operator of this mail system".to_owned()
    } else {
        format!("the owner of {host}")
    };
    let text = format!(
        "{}: it works, but {host} gets no reports on {domain}, for it does not allow them; seen is \"{}\"; wanted is a TXT \
         record \"{ALLOWED}\" at {name}; ask {owner} to publish that.",
        asked(expected),
        pass.seen.as_deref().unwrap_or_default()
    );
    Some(Finding::of(Verdict::Warn, Code::DmarcReportNotAuthorised, text, pass.seen.clone()))
}
