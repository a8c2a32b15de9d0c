//! DNSSEC: whether the zone is signed and the zone above says by which key, and whether the signatures validate, as far as the
//! resolver says (RFC 4035 section 3.2.3).

use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, digest};

use super::{Advice, AdviceCode, Subject, Tools, shown};
use crate::dns::{Outcome, Question, RecordData, RecordType, Resolver};
use crate::name::{DnsName, DomainName};
use crate::record::finding::Action;

/// What is set in a key that signs the zone.
const ZONE_KEY: u16 = 0x0100;
/// The kind of hash by which keys are told apart here (RFC 8624 section 3.3).
const DIGEST: u8 = 2;

pub(super) fn advise(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    let question = Question::new(subject.domain.dns().clone(), RecordType::Soa);
    let delegation = Delegation::look(&subject.domain, tools.resolver);
    if let Some(advice) = delegation.as_ref().and_then(Delegation::fault) {
        return vec![advice];
    }
    vec![of_validation(&question, delegation.as_ref(), tools)]
}

/// What the resolver makes of it.
fn of_validation(question: &Question, delegation: Option<&Delegation>, tools: &Tools<'_>) -> Advice {
    let name = &question.name;
    let answer = tools.resolver.lookup(question);
    if let Outcome::ServFail { detail } = &answer.outcome
        && answer.outcome.is_dnssec_failure()
    {
        let text = format!(
            "{name}: its DNSSEC signatures do not validate ({}), so that many see nothing of it; have it signed anew, or withdraw \
             the DS record at the registrar.",
            shown(detail)
        );
        return Advice::improve(AdviceCode::DnssecBroken, name, text);
    }
    match tools.resolver.validates(question) {
        Some(true) => {
            Advice::good(name, format!("{name}: it is signed with DNSSEC, and the signatures validate."))
        }
        Some(false) if !is_validating(tools.resolver) => {
            let text = format!(
                "{name}: whether it is signed with DNSSEC cannot be told, because the resolver does not validate; have dns.resolvers \
                 name one that does."
            );
            Advice::note(AdviceCode::DnssecNotValidated, name, text)
        }
        Some(false) if delegation.is_some_and(|delegation| !delegation.named.is_empty()) => {
            let text = format!(
                "{name}: it is signed with DNSSEC and the zone above names its key, but a zone further above is not signed, or the \
                 resolver does not know how the key signs, so that the signatures do not count; nothing can be done here."
            );
            Advice::note(AdviceCode::DnssecNotAnchored, name, text)
        }
        Some(false) => {
            let text = format!(
                "{name}: it is not signed with DNSSEC; if the DNS provider offers it, switch it on, and add the DS record at the \
                 registrar."
            );
            Advice::note(AdviceCode::DnssecUnsigned, name, text)
        }
        None => Advice::unknown(question),
    }
}

/// Whether the resolver validates: the root is signed.
fn is_validating(dns: &dyn Resolver) -> bool {
    dns.validates(&Question::new(DnsName::from_answer("."), RecordType::Ns)) == Some(true)
}

/// How a zone is signed, and what the zone above says of that.
struct Delegation {
    zone: DomainName,
    /// The DS records in the zone above.
    named: Vec<RecordData>,
    /// The DNSKEY records of the zone.
    keys: Vec<RecordData>,
}

impl Delegation {
    /// Of the domain's zone, whether its signatures validate or not; none where it cannot be told.
    fn look(domain: &DomainName, dns: &dyn Resolver) -> Option<Delegation> {
        let zone = zone_of(domain, dns)?;
        let there = |record_type| {
            let answer = dns.lookup_unvalidated(&Question::new(zone.dns().clone(), record_type));
            (!answer.outcome.is_temporary()).then(|| answer.outcome.records().to_vec())
        };
        let (named, keys) = (there(RecordType::Ds)?, there(RecordType::Dnskey)?);
        Some(Delegation { zone, named, keys })
    }

    /// What is wrong between the two zones.
    ///
    /// No DS record is named that would be right. Which key signs, and whether one does already, the DNS provider knows; the DS record
    /// of another one would make the whole zone invalid for everybody who validates.
    fn fault(&self) -> Option<Advice> {
        let Delegation { zone, named, keys } = self;
        let name = zone.dns();
        match (named.as_slice(), keys.as_slice()) {
            ([], []) => None,
            ([], _) => {
                let text = format!(
                    "{name}: it has keys for DNSSEC, but the zone above names none of them, so that nobody can check its signatures; ask \
                     the DNS provider for the zone's DS record, and add that at the registrar."
                );
                Some(Advice::note(AdviceCode::DnssecDsMissing, name, text))
            }
            (_, []) => {
                let text = format!(
                    "{name}: the zone above has a DS record for it, but it is not signed with DNSSEC, so that many see nothing of \
                     it; delete the DS record at the registrar."
                );
                let there: Vec<String> = named.iter().map(RecordData::to_string).collect();
                let delete = Action::delete(name.clone(), RecordType::Ds, &there);
                Some(Advice::improve(AdviceCode::DnssecDsWithoutKey, name, text).doing(delete))
            }
            (named, keys) => {
                let fits = named.iter().any(|ds| keys.iter().any(|key| is_of(ds, key, zone)));
                (!fits).then(|| {
                    let text = format!(
                        "{name}: the DS records in the zone above are of other keys than those that sign it, so that many see \
                         nothing of it; ask the DNS provider for the DS record of the key that signs the zone, and put it in their \
                         place at the registrar."
                    );
                    Advice::improve(AdviceCode::DnssecDsMismatch, name, text)
                })
            }
        }
    }
}

/// The zone that a domain is in: the nearest of it and the domains above it with an SOA record.
fn zone_of(domain: &DomainName, dns: &dyn Resolver) -> Option<DomainName> {
    let mut next = Some(domain.clone());
    while let Some(here) = next {
        let answer = dns.lookup_unvalidated(&Question::new(here.dns().clone(), RecordType::Soa));
        match answer.outcome {
            Outcome::Found { .. } if answer.chain.is_empty() => return Some(here),
            outcome if outcome.is_temporary() => return None,
            _ => next = here.parent(),
        }
    }
    None
}

/// The DS record of a key that signs a zone, with this kind of hash (RFC 4034 section 5.1.4).
fn named_as(key: &RecordData, digest_type: u8, zone: &DomainName) -> Option<RecordData> {
    let RecordData::Dnskey { flags, protocol, algorithm, key } = key else { return None };
    let kind: &Algorithm = match digest_type {
        1 => &SHA1_FOR_LEGACY_USE_ONLY,
        2 => &SHA256,
        4 => &SHA384,
        _ => return None,
    };
    let mut data = flags.to_be_bytes().to_vec();
    data.extend([*protocol, *algorithm]);
    data.extend(key);
    let mut hashed = Vec::new();
    for label in zone.as_str().split('.') {
        // A label has 63 octets at most.
        hashed.push(u8::try_from(label.len()).ok()?);
        hashed.extend(label.bytes());
    }
    hashed.push(0);
    hashed.extend(&data);
    Some(RecordData::Ds {
        key_tag: tag(&data),
        algorithm: *algorithm,
        digest_type,
        digest: digest(kind, &hashed).as_ref().to_vec(),
    })
}

/// Whether a DS record is of this key of the zone. One whose kind of hash is not known here counts by tag and algorithm.
fn is_of(ds: &RecordData, key: &RecordData, zone: &DomainName) -> bool {
    let RecordData::Ds { key_tag, algorithm, digest_type, .. } = ds else { return false };
    if !matches!(key, RecordData::Dnskey { flags, .. } if flags & ZONE_KEY != 0) {
        return false;
    }
    if let Some(wanted) = named_as(key, *digest_type, zone) {
        return wanted == *ds;
    }
    let known = named_as(key, DIGEST, zone);
    matches!(known, Some(RecordData::Ds { key_tag: tag, algorithm: kind, .. }) if (tag, kind) == (*key_tag, *algorithm))
}

/// The tag of a key (RFC 4034 appendix B).
fn tag(data: &[u8]) -> u16 {
    let sum: u32 = data
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
            [high] => u32::from(*high) << 8,
            _ => 0,
        })
        .fold(0, u32::wrapping_add);
    // The carries are added once (RFC 4034 appendix B).
    let folded = sum.wrapping_add(sum >> 16) & 0xffff;
    u16::try_from(folded).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// The example of RFC 4509 section 2.3, and that of RFC 4034 section 5.4.
    #[test]
    fn the_ds_record_of_a_key_is_that_of_the_rfc() {
        let key = "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==";
        let key = RecordData::Dnskey {
            flags: 256,
            protocol: 3,
            algorithm: 5,
            key: STANDARD.decode(key).unwrap_or_default(),
        };
        let zone: DomainName = "dskey.example.com".parse().unwrap();
        for (kind, wanted) in [
            (2, "60485 5 2 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a"),
            (1, "60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"),
        ] {
            let ds = named_as(&key, kind, &zone).unwrap();
            assert_eq!(ds.to_string(), wanted);
            assert!(is_of(&ds, &key, &zone));
            assert!(!is_of(&ds, &key, &"other.example.com".parse().unwrap()));
        }
    }
}
