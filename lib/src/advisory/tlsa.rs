//! TLSA: the certificates of mail hosts in the DNS, by which senders insist on TLS (RFC 7672). They count only if DNSSEC
//! validates them.

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, SHA512, digest};

use super::greeting::{Greeting, greetings};
use super::{Advice, AdviceCode, Certificate, Presented, SmtpHost, Subject, Tools, hosts_of_mail};
use crate::dns::{Question, RecordData, RecordType};
use crate::name::DnsName;
use crate::record::finding::Action;

/// Where the record stands, below the mail host.
const HOST: &str = "_25._tcp";
/// The usages that count for mail: DANE-TA and DANE-EE (RFC 7672 section 3.1.3).
const ANCHOR: u8 = 2;
const OWN: u8 = 3;

/// Where a certificate stands in the DNS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// Records that DNSSEC validates name it.
    Here,
    /// They name others, or it cannot be told.
    Elsewhere,
    /// There are none that count.
    Nowhere,
}

/// One record.
struct Tlsa<'r> {
    usage: u8,
    selector: u8,
    matching: u8,
    data: &'r [u8],
}

impl<'r> Tlsa<'r> {
    fn of(record: &'r RecordData) -> Option<Tlsa<'r>> {
        match record {
            RecordData::Tlsa { usage, selector, matching, data } => {
                Some(Tlsa { usage: *usage, selector: *selector, matching: *matching, data })
            }
            _ => None,
        }
    }

    /// Whether senders use it (RFC 7672 section 3.1.3, RFC 6698 section 2.1).
    fn is_usable(&self) -> bool {
        let fits = match self.matching {
            0 => !self.data.is_empty(),
            1 => self.data.len() == SHA256.output_len(),
            2 => self.data.len() == SHA512.output_len(),
            _ => false,
        };
        matches!(self.usage, ANCHOR | OWN) && self.selector <= 1 && fits
    }

    /// Whether it is of this certificate.
    fn is_of(&self, certificate: &Certificate) -> bool {
        let selected = if self.selector == 0 { &certificate.whole } else { &certificate.key };
        match self.matching {
            0 => self.data == selected.as_slice(),
            1 => self.data == digest(&SHA256, selected).as_ref(),
            2 => self.data == digest(&SHA512, selected).as_ref(),
            _ => false,
        }
    }

    /// Whether a sender takes these certificates by it. With the usage 3 neither names nor times count; with the usage 2 both do
    /// (RFC 7672 sections 3.1.1 and 3.1.2). None where it cannot be told: the authority's certificate may stand in the record
    /// alone, and is not sent then.
    fn takes(&self, presented: &Presented, names: &[&DnsName], tools: &Tools<'_>) -> Option<bool> {
        if self.usage == OWN {
            return Some(self.is_of(&presented.own));
        }
        let is_in_time = (presented.from..=presented.until).contains(&tools.now);
        if !is_in_time || !names.iter().any(|name| presented.is_for(name)) {
            return Some(false);
        }
        let vouches = presented.above.iter().any(|above| above.vouches && self.is_of(above));
        (vouches || self.matching != 0).then_some(vouches)
    }
}

/// Where the certificate that a host presents stands in the DNS.
pub(super) fn listed(subject: &Subject, tools: &Tools<'_>, host: &DnsName, presented: &Presented) -> Listed {
    let Some(question) = question(host) else { return Listed::Nowhere };
    let answer = tools.resolver.lookup(&question);
    let usable: Vec<Tlsa<'_>> =
        answer.outcome.records().iter().filter_map(Tlsa::of).filter(Tlsa::is_usable).collect();
    if usable.is_empty() || tools.resolver.validates(&question) != Some(true) {
        return Listed::Nowhere;
    }
    let names = [host, subject.domain.dns()];
    let here = usable.iter().any(|record| record.takes(presented, &names, tools) == Some(true));
    if here { Listed::Here } else { Listed::Elsewhere }
}

fn question(host: &DnsName) -> Option<Question> {
    format!("{HOST}.{host}").parse().ok().map(|name| Question::new(name, RecordType::Tlsa))
}

pub(super) fn advise(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    // What could not be looked up is said where the mail hosts matter more.
    let hosts = hosts_of_mail(&subject.domain, tools.resolver).unwrap_or_default();
    let heard = greetings(subject, tools).unwrap_or_default();
    let questions: Vec<Question> = hosts.iter().filter_map(question).collect();
    // Asked side by side; each finds its answer there.
    tools.resolver.lookup_all(&questions);
    let of_host = |host: &DnsName| {
        let greeting = heard.iter().find(|(other, _)| other == host).map(|(_, greeting)| greeting);
        of_host(subject, tools, host, greeting)
    };
    hosts.iter().filter_map(of_host).collect()
}

fn of_host(
    subject: &Subject,
    tools: &Tools<'_>,
    host: &DnsName,
    greeting: Option<&Greeting>,
) -> Option<Advice> {
    let question = question(host)?;
    let (name, answer) = (&question.name, tools.resolver.lookup(&question));
    let records: Vec<Tlsa<'_>> = answer.outcome.records().iter().filter_map(Tlsa::of).collect();
    if records.is_empty() {
        return None;
    }
    let there: Vec<String> = answer.outcome.records().iter().map(RecordData::to_string).collect();
    match tools.resolver.validates(&question) {
        Some(true) => {}
        Some(false) => {
            let text = format!(
                "TLSA {name}: the record does not count, because DNSSEC does not validate it; have the zone signed, or delete the \
                 record."
            );
            return Some(Advice::improve(AdviceCode::TlsaWithoutDnssec, name, text));
        }
        None => return Some(Advice::unknown(&question)),
    }
    let own = match greeting {
        Some(Greeting::Heard(SmtpHost::Encrypted(presented))) => Some(presented),
        _ => None,
    };
    // What fits, where the certificate was seen.
    let change = |advice: Advice| match own {
        Some(presented) => {
            let key = HEXLOWER.encode(digest(&SHA256, &presented.own.key).as_ref());
            advice.doing(Action::change(name.clone(), RecordType::Tlsa, &there, format!("{OWN} 1 1 {key}")))
        }
        None => advice,
    };
    if !records.iter().any(Tlsa::is_usable) {
        let text = format!(
            "TLSA {name}: none of its records is one that counts for mail, with the usage 2 or 3, the selector 0 or 1, and a hash as \
             long as its kind has it; publish \"3 1 1\" and the SHA-256 hash of the host's key."
        );
        return Some(change(Advice::improve(AdviceCode::TlsaUnusable, name, text)));
    }
    if let Some(Greeting::Heard(SmtpHost::Plain | SmtpHost::Broken(_))) = greeting {
        let text = format!(
            "TLSA {name}: senders that know DANE insist on TLS with {host}, and there is none, so that they deliver nothing there; \
             switch TLS on."
        );
        return Some(Advice::improve(AdviceCode::TlsaWithoutTls, name, text));
    }
    let takes = |presented| {
        let names = [host, subject.domain.dns()];
        let usable = records.iter().filter(|record| record.is_usable());
        usable.map(|record| record.takes(presented, &names, tools)).collect::<Vec<_>>()
    };
    let said = match own.map(takes) {
        Some(said) if said.contains(&Some(true)) => ", and the certificate that it sends is the right one",
        Some(said) if !said.contains(&None) => {
            let text = format!(
                "TLSA {name}: no record there fits the certificate that {host} sends, so that senders that know DANE deliver nothing \
                 there; publish \"3 1 1\" and the SHA-256 hash of the key that it has now, whenever that changes."
            );
            return Some(change(Advice::improve(AdviceCode::TlsaMismatch, name, text)));
        }
        _ => "",
    };
    Some(Advice::good(
        name,
        format!("TLSA {name}: senders that know DANE insist on TLS with this host{said}."),
    ))
}
