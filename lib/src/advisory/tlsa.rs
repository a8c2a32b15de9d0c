//! TLSA: the certificates of mail hosts in the DNS, by which senders insist on TLS (RFC 7672). They count only if DNSSEC
//! validates them.

use super::{Advice, AdviceCode, Subject, Tools, mail_hosts};
use crate::dns::{Question, RecordData, RecordType};
use crate::name::DnsName;

/// Where the record stands, below the mail host.
const HOST: &str = "_25._tcp";
/// The usages that count for mail: DANE-TA and DANE-EE (RFC 7672 section 3.1.3).
const USAGES: [u8; 2] = [2, 3];

pub(super) fn advise(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    // What could not be looked up is told where the mail hosts matter more.
    let hosts = mail_hosts(&subject.domain, tools.resolver).unwrap_or_default();
    let questions: Vec<Question> = hosts
        .iter()
        .filter_map(|host| format!("{HOST}.{host}").parse::<DnsName>().ok())
        .map(|name| Question::new(name, RecordType::Tlsa))
        .collect();
    let answers = tools.resolver.lookup_all(&questions);
    let told = questions.iter().zip(&answers).filter_map(|(question, answer)| {
        let name = &question.name;
        let usages: Vec<u8> = answer
            .outcome
            .records()
            .iter()
            .filter_map(|record| match record {
                RecordData::Tlsa { usage, .. } => Some(*usage),
                _ => None,
            })
            .collect();
        if usages.is_empty() {
            return None;
        }
        if tools.resolver.validates(question) == Some(false) {
            let text = format!(
                "TLSA {name}: the record does not count, because DNSSEC does not validate it; have the zone signed, or delete the \
                 record."
            );
            return Some(Advice::improve(AdviceCode::TlsaWithoutDnssec, name, text));
        }
        if !usages.iter().any(|usage| USAGES.contains(usage)) {
            let text = format!(
                "TLSA {name}: none of its records has the usage 2 or 3, and no other counts for mail; publish \"3 1 1\" and the hash \
                 of the host's key."
            );
            return Some(Advice::improve(AdviceCode::TlsaUnusable, name, text));
        }
        Some(Advice::good(name, format!("TLSA {name}: senders that know DANE insist on TLS with this host.")))
    });
    told.collect()
}
