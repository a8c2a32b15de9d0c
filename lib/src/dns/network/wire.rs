//! Between the library's words and hickory's: names, types, records, response codes, extended errors.

use std::fmt::Write;
use std::time::Duration;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType as WireType};

use crate::dns::{RecordData, RecordType, TxtData};
use crate::name::DnsName;

/// The option code of an extended DNS error (RFC 8914 section 2).
const EXTENDED_ERROR: u16 = 15;
/// How much of a server's own words on an error is kept.
const MOST_EXTRA_CHARS: usize = 100;
/// How many extended errors of one answer are kept.
const MOST_ERRORS: usize = 4;

/// The name as it is asked for, absolute. Nothing if it is none, which only a [`DnsName`] from an answer can be.
pub(super) fn to_wire(name: &DnsName) -> Option<Name> {
    let mut labels = vec![Vec::new()];
    let mut octets = name.as_str().bytes();
    while let Some(octet) = octets.next() {
        let octet = match octet {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => unescape(&mut octets)?,
            octet => octet,
        };
        labels.last_mut()?.push(octet);
    }
    if name.as_str().is_empty() {
        labels.clear();
    }
    let mut name = Name::from_labels(labels.iter().map(Vec::as_slice)).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// What follows a backslash: three decimal digits, or an octet that stands for itself (RFC 1035 section 5.1).
fn unescape(octets: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let first = octets.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let number = [first, octets.next()?, octets.next()?];
    std::str::from_utf8(&number).ok()?.parse().ok()
}

/// A name of an answer, with `\DDD` for what is not printable and `\` before a dot or backslash in a label.
///
/// hickory's own text form has these numbers in octal.
pub(super) fn from_wire(name: &Name) -> DnsName {
    let mut text = String::new();
    for label in name {
        for octet in label {
            match octet {
                b'.' | b'\\' => {
                    text.push('\\');
                    text.push(char::from(*octet));
                }
                b'!'..=b'~' => text.push(char::from(*octet)),
                // Writing to a string does not fail.
                _ => _ = write!(text, "\\{octet:03}"),
            }
        }
        text.push('.');
    }
    DnsName::from_answer(&text)
}

pub(super) fn wire_type(record_type: RecordType) -> WireType {
    match record_type {
        RecordType::A => WireType::A,
        RecordType::Aaaa => WireType::AAAA,
        RecordType::Cname => WireType::CNAME,
        RecordType::Mx => WireType::MX,
        RecordType::Ns => WireType::NS,
        RecordType::Ptr => WireType::PTR,
        RecordType::Soa => WireType::SOA,
        RecordType::Txt => WireType::TXT,
        RecordType::Srv => WireType::SRV,
        RecordType::Tlsa => WireType::TLSA,
        RecordType::Caa => WireType::CAA,
        RecordType::Ds => WireType::DS,
        RecordType::Dnskey => WireType::DNSKEY,
    }
}

/// What stands in a record, if it is of a type this library knows.
pub(super) fn data(record: &Record) -> Option<RecordData> {
    Some(match &record.data {
        RData::A(address) => RecordData::A(address.0),
        RData::AAAA(address) => RecordData::Aaaa(address.0),
        RData::CNAME(target) => RecordData::Cname(from_wire(&target.0)),
        RData::MX(mx) => RecordData::Mx { preference: mx.preference, exchange: from_wire(&mx.exchange) },
        RData::NS(server) => RecordData::Ns(from_wire(&server.0)),
        RData::PTR(name) => RecordData::Ptr(from_wire(&name.0)),
        RData::SOA(soa) => RecordData::Soa {
            primary: from_wire(&soa.mname),
            serial: soa.serial,
            minimum: seconds(soa.minimum),
        },
        RData::TXT(text) => {
            RecordData::Txt(TxtData::new(text.txt_data.iter().map(|string| string.to_vec()).collect()))
        }
        RData::SRV(srv) => RecordData::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: from_wire(&srv.target),
        },
        RData::TLSA(tlsa) => RecordData::Tlsa {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching: tlsa.matching.into(),
            data: tlsa.cert_data.clone(),
        },
        RData::CAA(caa) => RecordData::Caa {
            critical: caa.issuer_critical,
            tag: caa.tag.clone(),
            value: String::from_utf8_lossy(&caa.value).into_owned(),
        },
        // hickory reads these only where it validates them itself.
        RData::Unknown { code: WireType::DS, rdata } => ds(&rdata.anything)?,
        RData::Unknown { code: WireType::DNSKEY, rdata } => dnskey(&rdata.anything)?,
        _ => return None,
    })
}

/// RFC 4034 section 5.1.
fn ds(octets: &[u8]) -> Option<RecordData> {
    let ([tag, tag_end, algorithm, digest_type], digest) = octets.split_first_chunk::<4>()?;
    let key_tag = u16::from_be_bytes([*tag, *tag_end]);
    Some(RecordData::Ds {
        key_tag,
        algorithm: *algorithm,
        digest_type: *digest_type,
        digest: digest.to_vec(),
    })
}

/// RFC 4034 section 2.1.
fn dnskey(octets: &[u8]) -> Option<RecordData> {
    let ([flags, flags_end, protocol, algorithm], key) = octets.split_first_chunk::<4>()?;
    let flags = u16::from_be_bytes([*flags, *flags_end]);
    Some(RecordData::Dnskey { flags, protocol: *protocol, algorithm: *algorithm, key: key.to_vec() })
}

/// A TTL. One with its highest bit set means nought (RFC 2181 section 8).
pub(super) fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(if ttl > i32::MAX as u32 { 0 } else { u64::from(ttl) })
}

/// The extended errors of an answer in words, those on DNSSEC first, or an empty text.
pub(super) fn extended_errors(message: &Message) -> String {
    let Some(edns) = &message.edns else {
        return String::new();
    };
    let mut errors: Vec<(bool, String)> = edns
        .options()
        .get_all(EdnsCode::Unknown(EXTENDED_ERROR))
        .into_iter()
        .filter_map(|option| match option {
            EdnsOption::Unknown(_, octets) => octets.split_first_chunk::<2>(),
            _ => None,
        })
        .take(MOST_ERRORS)
        .map(|(code, extra)| in_words(u16::from_be_bytes(*code), extra))
        .map(|text| (!text.starts_with("DNSSEC"), text))
        .collect();
    errors.sort_by_key(|(other, _)| *other);
    errors.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("; ")
}

/// `Stale Answer (EDE 3): extra text`. What concerns validation begins with `DNSSEC`.
fn in_words(code: u16, extra: &[u8]) -> String {
    // RFC 8914 section 5.2, and what IANA registered since.
    let meaning = match code {
        1 => "DNSSEC: Unsupported DNSKEY Algorithm",
        2 => "DNSSEC: Unsupported DS Digest Type",
        3 => "Stale Answer",
        4 => "Forged Answer",
        5 => "DNSSEC Indeterminate",
        6 => "DNSSEC Bogus",
        7 => "DNSSEC: Signature Expired",
        8 => "DNSSEC: Signature Not Yet Valid",
        9 => "DNSSEC: DNSKEY Missing",
        10 => "DNSSEC: RRSIGs Missing",
        11 => "DNSSEC: No Zone Key Bit Set",
        12 => "DNSSEC: NSEC Missing",
        13 => "Cached Error",
        14 => "Not Ready",
        15 => "Blocked",
        16 => "Censored",
        17 => "Filtered",
        18 => "Prohibited",
        19 => "Stale NXDOMAIN Answer",
        20 => "Not Authoritative",
        21 => "Not Supported",
        22 => "No Reachable Authority",
        23 => "Network Error",
        24 => "Invalid Data",
        25 => "DNSSEC: Signature Expired before Valid",
        27 => "DNSSEC: Unsupported NSEC3 Iterations Value",
        _ => "Other Error",
    };
    let mut text = format!("{meaning} (EDE {code})");
    let extra = String::from_utf8_lossy(extra);
    let extra = extra.trim_end_matches('\0').trim();
    if !extra.is_empty() {
        text.push_str(": ");
        text.extend(
            extra.chars().take(MOST_EXTRA_CHARS).map(|char| if char.is_control() { ' ' } else { char }),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_way_to_the_wire_and_back() {
        for text in
            ["example.com", "_dmarc.example.com", "a\\.b.example.com", "\\000\\255x\\\\.example.com", ""]
        {
            let name = DnsName::from_answer(text);
            let wire = to_wire(&name).unwrap();
            assert!(wire.is_fqdn());
            assert_eq!(from_wire(&wire), name, "{text}");
        }
        for text in ["a..b", "a\\", "a\\25", "a\\256", &"a".repeat(64)] {
            assert_eq!(to_wire(&DnsName::from_answer(text)), None, "{text}");
        }
    }

    #[test]
    fn a_ttl_with_its_highest_bit_set_is_nought() {
        assert_eq!(seconds(1 << 31), Duration::ZERO);
        assert_eq!(seconds((1 << 31) - 1).as_secs(), 2_147_483_647);
    }

    #[test]
    fn an_extended_error_is_told_with_its_meaning_and_without_control_characters() {
        assert_eq!(in_words(7, b"it\r\nexpired\0"), "DNSSEC: Signature Expired (EDE 7): it  expired");
        assert_eq!(in_words(4711, b""), "Other Error (EDE 4711)");
        assert_eq!(in_words(0, b"\xff"), "Other Error (EDE 0): \u{fffd}");
    }
}
