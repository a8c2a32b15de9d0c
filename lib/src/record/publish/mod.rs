//! Records as the tools read them with which people keep their zones.
//!
//! Such a tool keeps one file for each zone. What belongs to one zone is put together first ([`by_zone`]); a [`Format`]
//! then writes it. A domain's zone is taken to be that of the name which was registered: the records of
//! `mail.example.com` go into the file of `example.com`.

mod dnscontrol;
mod octodns;
mod terraform;

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Record, RecordStatus, zone};
use crate::dns::RecordType;
use crate::domain::Details;
use crate::name::DnsName;
use crate::word::words;

/// The TTL that is proposed, in seconds.
pub(super) const TTL: u32 = 3600;

words! {
    /// A way to write records down.
    #[non_exhaustive]
    pub enum Format {
        /// A fragment of a zone file (RFC 1035 section 5), as BIND, nsd and Knot read it.
        Bind = "bind",
        /// A zone of `OctoDNS`, in YAML.
        OctoDns = "octodns",
        /// A `D_EXTEND` of `DNSControl`, in JavaScript.
        DnsControl = "dnscontrol",
        /// Resources of Terraform's own provider `dns` (RFC 2136 updates).
        Terraform = "terraform",
    }
    all ALL,
    else InvalidFormat
}

impl Format {
    /// The name of the file in which this tool looks for the zone.
    pub fn file_name(self, zone: &DnsName) -> String {
        match self {
            Format::Bind => format!("{zone}.zone"),
            Format::OctoDns => format!("{zone}.yaml"),
            Format::DnsControl => format!("{zone}.js"),
            Format::Terraform => format!("{zone}.tf"),
        }
    }

    /// The text of the file.
    pub fn write(self, zone: &ZoneRecords) -> String {
        match self {
            Format::Bind => bind(zone),
            Format::OctoDns => octodns::write(zone),
            Format::DnsControl => dnscontrol::write(zone),
            Format::Terraform => terraform::write(zone),
        }
    }
}

/// A word that names no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a format is bind, octodns, dnscontrol or terraform")]
pub struct InvalidFormat;

/// The records of one zone, by name and type, as they are to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneRecords {
    zone: DnsName,
    sets: BTreeMap<(DnsName, RecordType), Vec<Entry>>,
}

/// What one record says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Mx { preference: u16, host: String },
    Cname(String),
    Txt(String),
}

impl ZoneRecords {
    /// The zone's name.
    pub fn zone(&self) -> &DnsName {
        &self.zone
    }

    /// A name relative to the zone; empty for the zone's own.
    fn relative<'a>(&self, name: &'a DnsName) -> &'a str {
        let own = self.zone.as_str();
        let rest = name.as_str().strip_suffix(own).unwrap_or(name.as_str());
        rest.trim_end_matches('.')
    }
}

/// The records of the domains, put together by their zones, which are sorted by name. Records that are disabled are left out.
///
/// ```
/// # use postroom::{Caller, Postroom, account, domain, record};
/// # let postroom = Postroom::open_temporary()?;
/// # let name = "mail.example.com".parse()?;
/// # postroom.write(|tx| {
/// # let caller = Caller::operator(account::create(tx, "acme")?.id);
/// let domain = domain::create(tx, &caller, &domain::NewDomain::named(&name))?;
/// let records = record::list(tx, &domain)?;
/// let zones = record::by_zone(&[(domain.into_details(), records)]);
/// assert_eq!(zones[0].zone().as_str(), "example.com");
/// assert!(record::Format::OctoDns.write(&zones[0]).contains("v=spf1"));
/// # Ok::<_, postroom::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn by_zone(domains: &[(Details, Vec<Record>)]) -> Vec<ZoneRecords> {
    let mut zones: BTreeMap<DnsName, ZoneRecords> = BTreeMap::new();
    for (domain, records) in domains {
        let zone = domain.name.registered();
        let zone = zones.entry(zone.clone()).or_insert_with(|| ZoneRecords { zone, sets: BTreeMap::new() });
        for record in records.iter().filter(|record| record.standing.status != RecordStatus::Disabled) {
            let kind = record.record_type();
            let entry = match kind {
                RecordType::Mx => {
                    Entry::Mx { preference: record.priority.unwrap_or_default(), host: record.value.clone() }
                }
                RecordType::Cname => Entry::Cname(record.value.clone()),
                _ => Entry::Txt(record.value.clone()),
            };
            let set = zone.sets.entry((record.name(domain), kind)).or_default();
            if !set.contains(&entry) {
                set.push(entry);
            }
        }
    }
    zones.into_values().collect()
}

/// A fragment of a zone file, with absolute names.
fn bind(zone: &ZoneRecords) -> String {
    let mut text = format!("; mail records of {}, for its zone file\n", zone.zone);
    for ((name, _), entries) in &zone.sets {
        for entry in entries {
            let data = match entry {
                Entry::Mx { preference, host } => format!("MX {preference} {host}."),
                Entry::Cname(target) => format!("CNAME {target}."),
                Entry::Txt(value) => format!("TXT {}", zone::strings(value)),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}. {TTL} IN {data}");
        }
    }
    text
}

/// A text in double quotes, for JavaScript, HCL and YAML alike: what is not printable ASCII becomes `\uXXXX`.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> ZoneRecords {
        let name = |text: &str| text.parse::<DnsName>().unwrap();
        let sets = [
            (("example.com", RecordType::Mx), Entry::Mx { preference: 10, host: "mx.example.net".into() }),
            (("example.com", RecordType::Txt), Entry::Txt("v=spf1 mx ~all".into())),
            (("_dmarc.example.com", RecordType::Txt), Entry::Txt("v=DMARC1; p=none".into())),
            (("mailer.mail.example.com", RecordType::Cname), Entry::Cname("rp.example.net".into())),
        ];
        let sets = sets.into_iter().map(|((at, kind), entry)| ((name(at), kind), vec![entry]));
        ZoneRecords { zone: name("example.com"), sets: sets.collect() }
    }

    #[test]
    fn names_are_relative_to_the_zone_where_a_format_has_them_so() {
        let zone = zone();
        let relative = |text: &str| zone.relative(&text.parse().unwrap()).to_owned();
        assert_eq!(relative("example.com"), "");
        assert_eq!(relative("pr1._domainkey.mail.example.com"), "pr1._domainkey.mail");
    }

    #[test]
    fn each_format_has_every_record_in_its_own_words() {
        let has = |format: Format, words: &[&str]| {
            let text = format.write(&zone());
            for word in words {
                assert!(text.contains(word), "{format} lacks {word}:\n{text}");
            }
        };
        has(
            Format::Bind,
            &[
                "example.com. 3600 IN MX 10 mx.example.net.",
                "_dmarc.example.com. 3600 IN TXT \"v=DMARC1; p=none\"",
                "mailer.mail.example.com. 3600 IN CNAME rp.example.net.",
            ],
        );
        has(
            Format::OctoDns,
            &[
                "\"\":\n  - ttl: 3600\n    type: MX\n    values:\n      - exchange: \"mx.example.net.\"\n        preference: 10\n",
                "  - ttl: 3600\n    type: TXT\n    value: \"v=spf1 mx ~all\"\n",
                "\"_dmarc\":\n  - ttl: 3600\n    type: TXT\n    value: \"v=DMARC1\\\\; p=none\"\n",
                "\"mailer.mail\":\n  - ttl: 3600\n    type: CNAME\n    value: \"rp.example.net.\"\n",
            ],
        );
        has(
            Format::DnsControl,
            &[
                "D_EXTEND(\"example.com\",\n",
                "  MX(\"@\", 10, \"mx.example.net.\", TTL(3600)),\n",
                "  TXT(\"_dmarc\", \"v=DMARC1; p=none\", TTL(3600)),\n",
                "  CNAME(\"mailer.mail\", \"rp.example.net.\", TTL(3600))\n);\n",
            ],
        );
        has(
            Format::Terraform,
            &[
                "resource \"dns_mx_record_set\" \"example_com_mx\" {\n  zone = \"example.com.\"\n  ttl  = 3600\n",
                "  mx {\n    preference = 10\n    exchange   = \"mx.example.net.\"\n  }\n",
                "resource \"dns_txt_record_set\" \"_dmarc_example_com_txt\" {\n  zone = \"example.com.\"\n  name = \"_dmarc\"\n",
                "resource \"dns_cname_record\" \"mailer_mail_example_com_cname\" {\n",
                "  cname = \"rp.example.net.\"\n",
            ],
        );
    }

    #[test]
    fn a_text_in_quotes_keeps_its_quotes_and_backslashes() {
        assert_eq!(quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
        assert_eq!(quoted("ü"), "\"\\u00fc\"");
    }

    #[test]
    fn a_format_is_named_by_its_word() {
        for &format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        assert!("zone".parse::<Format>().is_err());
    }
}
