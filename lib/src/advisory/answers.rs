//! What the DNS answered, as the topics read it.

use std::net::IpAddr;

use super::MOST_HOSTS;
use crate::dns::{Answer, Outcome, Question, RecordData, RecordType, Resolver, TxtData};
use crate::name::{DnsName, DomainName};

/// The questions for the addresses of a host.
pub(super) fn addresses_of(host: &DnsName) -> [Question; 2] {
    [RecordType::A, RecordType::Aaaa].map(|record_type| Question::new(host.clone(), record_type))
}

/// The addresses of a host, or the question to which there was no answer.
pub(super) fn addresses(host: &DnsName, dns: &dyn Resolver) -> Result<Vec<IpAddr>, Question> {
    let questions = addresses_of(host);
    let answers = dns.lookup_all(&questions);
    let addresses: Vec<IpAddr> =
        answers.iter().flat_map(|answer| answer.outcome.records()).filter_map(RecordData::address).collect();
    let failed = questions.iter().zip(&answers).find(|(_, answer)| answer.outcome.is_temporary());
    match failed {
        Some((question, _)) if addresses.is_empty() => Err(question.clone()),
        _ => Ok(addresses),
    }
}

/// The domain's mail hosts, the most preferred first; the domain itself where it has no MX record.
pub(super) fn hosts_of_mail(domain: &DomainName, dns: &dyn Resolver) -> Result<Vec<DnsName>, Question> {
    let question = Question::new(domain.dns().clone(), RecordType::Mx);
    let answer = dns.lookup(&question);
    if answer.outcome.is_temporary() {
        return Err(question);
    }
    let mut hosts: Vec<(u16, DnsName)> = answer
        .outcome
        .records()
        .iter()
        .filter_map(|record| match record {
            RecordData::Mx { preference, exchange } => Some((*preference, exchange.clone())),
            _ => None,
        })
        .collect();
    hosts.sort();
    if hosts.is_empty() {
        return Ok(vec![domain.dns().clone()]);
    }
    // A null MX names the root (RFC 7505 section 3).
    Ok(hosts
        .into_iter()
        .map(|(_, host)| host)
        .filter(|host| !host.as_str().is_empty())
        .take(MOST_HOSTS)
        .collect())
}

/// The TXT records in an answer that begin like this, as text.
pub(super) fn texts_of(answer: &Answer, version: &str) -> Vec<String> {
    let texts = answer.outcome.records().iter().filter_map(|record| match record {
        RecordData::Txt(text) => Some(String::from_utf8_lossy(&text.joined()).into_owned()),
        _ => None,
    });
    texts.filter(|text| begins_with(text, version)).collect()
}

/// Whether a record begins with its version, which a semicolon, a space or nothing follows. Its case counts (RFC 8460 section 3,
/// RFC 8461 section 3.1, RFC 9989 section 4.7).
fn begins_with(text: &str, version: &str) -> bool {
    text.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with([';', ' ', '\t']))
}

/// The value of a tag in a list of `name=value` with semicolons between.
pub(super) fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let pairs = text.split(';').filter_map(|spec| spec.split_once('='));
    pairs.filter(|(other, _)| other.trim() == name).map(|(_, value)| value.trim()).next()
}

/// A text as a sentence shows it.
pub(super) fn shown(text: &str) -> String {
    TxtData::new(vec![text.as_bytes().to_vec()]).shown()
}

/// Whether nothing is there, for certain.
pub(super) fn is_absent(answer: &Answer) -> bool {
    matches!(answer.outcome, Outcome::NoData { .. } | Outcome::NxDomain { .. } | Outcome::CnameLoop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_followed_by_a_semicolon_a_space_or_nothing() {
        for (text, want) in [
            ("v=STSv1; id=1", true),
            ("v=STSv1", true),
            ("v=STSv1 ;", true),
            ("v=STSv10;", false),
            ("v=STS", false),
            ("v=stsv1; id=1", false),
        ] {
            assert_eq!(begins_with(text, "v=STSv1"), want, "{text}");
        }
        assert_eq!(tag("v=STSv1; id = 7 ;", "id"), Some("7"));
        assert_eq!(tag("v=STSv1; xid=7", "id"), None);
    }
}
