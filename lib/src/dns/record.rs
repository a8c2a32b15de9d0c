//! Records: the types that are asked for, and what stands in them.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};

use crate::name::DnsName;

/// How many octets of a TXT value are shown.
const SHOWN_OCTETS: usize = 100;

/// A type of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecordType {
    /// An IPv4 address (RFC 1035 section 3.4.1).
    A,
    /// An IPv6 address (RFC 3596).
    Aaaa,
    /// The name that this one is an alias of (RFC 1035 section 3.3.1).
    Cname,
    /// A host that takes the name's mail (RFC 5321 section 5).
    Mx,
    /// A name server of the zone (RFC 1035 section 3.3.11).
    Ns,
    /// The name that an address belongs to (RFC 1035 section 3.3.12).
    Ptr,
    /// The zone's parameters (RFC 1035 section 3.3.13).
    Soa,
    /// Text (RFC 1035 section 3.3.14).
    Txt,
    /// A host and a port that serve something (RFC 2782).
    Srv,
    /// The certificate of a service (RFC 6698).
    Tlsa,
    /// Who may issue certificates (RFC 8659).
    Caa,
    /// Which keys sign the zone below, as the zone above says (RFC 4034 section 5).
    Ds,
    /// The keys that sign a zone (RFC 4034 section 2).
    Dnskey,
}

impl RecordType {
    /// Every type.
    pub const ALL: [RecordType; 13] = [
        RecordType::A,
        RecordType::Aaaa,
        RecordType::Cname,
        RecordType::Mx,
        RecordType::Ns,
        RecordType::Ptr,
        RecordType::Soa,
        RecordType::Txt,
        RecordType::Srv,
        RecordType::Tlsa,
        RecordType::Caa,
        RecordType::Ds,
        RecordType::Dnskey,
    ];
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Cname => "CNAME",
            RecordType::Mx => "MX",
            RecordType::Ns => "NS",
            RecordType::Ptr => "PTR",
            RecordType::Soa => "SOA",
            RecordType::Txt => "TXT",
            RecordType::Srv => "SRV",
            RecordType::Tlsa => "TLSA",
            RecordType::Caa => "CAA",
            RecordType::Ds => "DS",
            RecordType::Dnskey => "DNSKEY",
        })
    }
}

/// What stands in a record. The root as a name, such as a null MX has (RFC 7505), is the empty name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecordData {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// The target of an alias.
    Cname(DnsName),
    /// A mail host.
    Mx {
        /// The lowest is tried first.
        preference: u16,
        /// The host; the empty name in a null MX.
        exchange: DnsName,
    },
    /// A name server.
    Ns(DnsName),
    /// The name that an address belongs to.
    Ptr(DnsName),
    /// The zone's parameters, as far as they matter here.
    Soa {
        /// The primary name server.
        primary: DnsName,
        /// The zone's version.
        serial: u32,
        /// The zone's own word on how long its negative answers may be kept (RFC 2308 section 4).
        minimum: Duration,
    },
    /// Text.
    Txt(TxtData),
    /// A host and a port that serve something.
    Srv {
        /// The lowest is tried first.
        priority: u16,
        /// How often it is taken among those of one priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The host; the empty name where there is no such service.
        target: DnsName,
    },
    /// The certificate of a service.
    Tlsa {
        /// Which certificate is meant.
        usage: u8,
        /// Whether the data is of all of it or of its key.
        selector: u8,
        /// How the data is hashed.
        matching: u8,
        /// The certificate or key, or its hash.
        data: Vec<u8>,
    },
    /// Who may issue certificates.
    Caa {
        /// Whether whoever does not know the tag must not issue any.
        critical: bool,
        /// What is said: `issue`, `issuewild`, `iodef`.
        tag: String,
        /// The value; octets that are no text are replaced.
        value: String,
    },
    /// A key that signs the zone below.
    Ds {
        /// The key's tag (RFC 4034 appendix B).
        key_tag: u16,
        /// The key's algorithm.
        algorithm: u8,
        /// How the key is hashed.
        digest_type: u8,
        /// The hash.
        digest: Vec<u8>,
    },
    /// A key that signs the zone.
    Dnskey {
        /// What the key is for.
        flags: u16,
        /// Always 3.
        protocol: u8,
        /// Its algorithm.
        algorithm: u8,
        /// The public key.
        key: Vec<u8>,
    },
}

impl RecordData {
    /// A TXT record of these strings.
    pub fn txt(strings: &[&str]) -> RecordData {
        RecordData::Txt(TxtData::new(strings.iter().map(|string| string.as_bytes().to_vec()).collect()))
    }

    /// The type of this record.
    pub fn record_type(&self) -> RecordType {
        match self {
            RecordData::A(_) => RecordType::A,
            RecordData::Aaaa(_) => RecordType::Aaaa,
            RecordData::Cname(_) => RecordType::Cname,
            RecordData::Mx { .. } => RecordType::Mx,
            RecordData::Ns(_) => RecordType::Ns,
            RecordData::Ptr(_) => RecordType::Ptr,
            RecordData::Soa { .. } => RecordType::Soa,
            RecordData::Txt(_) => RecordType::Txt,
            RecordData::Srv { .. } => RecordType::Srv,
            RecordData::Tlsa { .. } => RecordType::Tlsa,
            RecordData::Caa { .. } => RecordType::Caa,
            RecordData::Ds { .. } => RecordType::Ds,
            RecordData::Dnskey { .. } => RecordType::Dnskey,
        }
    }

    /// The address, if the record is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            RecordData::A(address) => Some((*address).into()),
            RecordData::Aaaa(address) => Some((*address).into()),
            _ => None,
        }
    }
}

/// As a zone file has it, names without their last dot, text as [`TxtData::shown`] has it.
impl fmt::Display for RecordData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name: &DnsName| match name.as_str() {
            "" => ".".to_owned(),
            name => name.to_owned(),
        };
        match self {
            RecordData::A(address) => address.fmt(f),
            RecordData::Aaaa(address) => address.fmt(f),
            RecordData::Cname(name) | RecordData::Ns(name) | RecordData::Ptr(name) => {
                f.write_str(&shown(name))
            }
            RecordData::Mx { preference, exchange } => write!(f, "{preference} {}", shown(exchange)),
            RecordData::Soa { primary, serial, minimum } => {
                write!(f, "{} serial {serial} minimum {}", shown(primary), minimum.as_secs())
            }
            RecordData::Txt(text) => f.write_str(&text.shown()),
            RecordData::Srv { priority, weight, port, target } => {
                write!(f, "{priority} {weight} {port} {}", shown(target))
            }
            RecordData::Tlsa { usage, selector, matching, data } => {
                write!(f, "{usage} {selector} {matching} {}", HEXLOWER.encode(data))
            }
            RecordData::Caa { critical, tag, value } => {
                let octets = TxtData::new(vec![value.clone().into_bytes()]).shown();
                write!(f, "{} {tag} \"{octets}\"", if *critical { 128 } else { 0 })
            }
            RecordData::Ds { key_tag, algorithm, digest_type, digest } => {
                write!(f, "{key_tag} {algorithm} {digest_type} {}", HEXLOWER.encode(digest))
            }
            RecordData::Dnskey { flags, protocol, algorithm, key } => {
                write!(f, "{flags} {protocol} {algorithm} {}", BASE64.encode(key))
            }
        }
    }
}

/// The strings of one TXT record, whatever octets they have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxtData {
    strings: Vec<Vec<u8>>,
}

impl TxtData {
    /// A record of these strings.
    pub fn new(strings: Vec<Vec<u8>>) -> TxtData {
        TxtData { strings }
    }

    /// The strings as they stand in the record, each of at most 255 octets.
    pub fn strings(&self) -> &[Vec<u8>] {
        &self.strings
    }

    /// The strings with nothing between them (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2).
    pub fn joined(&self) -> Vec<u8> {
        self.strings.concat()
    }

    /// The joined value for a person: printable ASCII and typographic quotation marks as they are, any other octet as `\DDD`
    /// (RFC 1035 section 5.1), and no more than the first 100 octets, followed by ` (and N more)`.
    ///
    /// Quotes and backslashes stand as they are, since a stray one is what a person has to see.
    pub fn shown(&self) -> String {
        let octets = self.joined();
        let most = octets.len().min(SHOWN_OCTETS);
        let mut text = readable(octets.get(..most).unwrap_or_default());
        if octets.len() > most {
            // Writing to a string does not fail.
            _ = write!(text, " (and {} more)", octets.len() - most);
        }
        text
    }

    /// The whole joined value for a person, written as in [`shown`](TxtData::shown).
    pub fn readable(&self) -> String {
        readable(&self.joined())
    }
}

/// What an editor makes of straight quotation marks. They are shown, since whoever sees `\226\128\156` does not know them.
const SMART_QUOTES: [char; 6] = ['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}', '\u{201a}'];

/// Printable ASCII and typographic quotation marks as they are, any other octet as `\DDD`.
fn readable(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    let escape = |text: &mut String, octets: &[u8]| {
        for octet in octets {
            // Writing to a string does not fail.
            _ = write!(text, "\\{octet:03}");
        }
    };
    for chunk in octets.utf8_chunks() {
        for c in chunk.valid().chars() {
            if matches!(c, ' '..='~') || SMART_QUOTES.contains(&c) {
                text.push(c);
            } else {
                escape(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_joined_with_nothing_between() {
        let text = TxtData::new(vec![b"v=DKIM1; p=AB".to_vec(), vec![], b"CD".to_vec()]);
        assert_eq!(text.joined(), b"v=DKIM1; p=ABCD");
        assert_eq!(text.shown(), "v=DKIM1; p=ABCD");
    }

    #[test]
    fn octets_outside_printable_ascii_are_shown_in_decimal() {
        let text = TxtData::new(vec![b"a \"\\;\x00\x7f\xe2\x80\x9c\n".to_vec()]);
        assert_eq!(text.shown(), "a \"\\;\\000\\127\u{201c}\\010");
    }

    #[test]
    fn a_long_value_is_cut_at_100_octets() {
        assert_eq!(TxtData::new(vec![vec![b'a'; 100]]).shown(), "a".repeat(100));
        let cut = TxtData::new(vec![vec![0xff; 90], vec![b'b'; 255]]).shown();
        assert_eq!(cut, format!("{}{} (and 245 more)", "\\255".repeat(90), "b".repeat(10)));
    }

    #[test]
    fn a_null_mx_shows_the_root() {
        let null = RecordData::Mx { preference: 0, exchange: DnsName::from_answer(".") };
        assert_eq!(null.to_string(), "0 .");
    }
}
