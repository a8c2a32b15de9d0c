//! The zone fragment: what a name server reads from it is what was meant.

use postroom::domain::Details;
use postroom::id::DomainId;
use postroom::record::{self, Purpose, Record, zone_fragment};
use postroom::settings::Settings;

use crate::harness::app::{Key, TestApp, settings};

/// A line of a zone file, as RFC 1035 section 5.1 reads it.
#[derive(Debug, PartialEq)]
struct Line {
    name: String,
    record_type: String,
    /// The fields after the type; quoted ones without their quotes and escapes.
    fields: Vec<Vec<u8>>,
}

/// Reads a line; an unquoted `;` or an open quote would be another line than was meant.
fn read(text: &str) -> Line {
    let (mut fields, mut field, mut quoted, mut begun) = (Vec::new(), Vec::new(), false, false);
    let mut octets = text.bytes().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => {
                let next = octets.next().unwrap();
                let value = if next.is_ascii_digit() {
                    let digits = [next, octets.next().unwrap(), octets.next().unwrap()];
                    std::str::from_utf8(&digits).unwrap().parse().unwrap()
                } else {
                    next
                };
                field.push(value);
                begun = true;
            }
            b'"' => (quoted, begun) = (!quoted, true),
            b' ' | b'\t' if !quoted => {
                if begun {
                    fields.push(std::mem::take(&mut field));
                }
                begun = false;
            }
            b';' if !quoted => panic!("a comment begins in {text}"),
            b' '..=b'~' => {
                field.push(octet);
                begun = true;
            }
            other => panic!("the octet {other} stands bare in {text}"),
        }
    }
    assert!(!quoted, "a quote stays open in {text}");
    if begun {
        fields.push(field);
    }
    let mut words = fields.drain(..4).map(|word| String::from_utf8(word).unwrap());
    let (name, ttl, class) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    assert!(ttl.parse::<u32>().is_ok() && class == "IN", "{text}");
    let record_type = words.next().unwrap();
    drop(words);
    Line { name, record_type, fields }
}

fn fragment(settings: Settings, name: &str) -> (TestApp, Key, Details, Vec<Record>) {
    let app = TestApp::with(settings, 1);
    let key = app.account("acme");
    let id = app.domain(&key, name);
    let (domain, records) = app
        .postroom
        .read(|tx| {
            let domain = key.own(tx, DomainId::new(id))?;
            let records = record::list(tx, &domain)?;
            Ok::<_, postroom::error::Error>((domain.into_details(), records))
        })
        .unwrap();
    (app, key, domain, records)
}

/// Every record's line reads back as the record.
fn holds(domain: &Details, records: &[Record]) {
    let zone = zone_fragment(domain, records);
    assert!(zone.ends_with('\n') && zone.starts_with("; "));
    let lines: Vec<&str> = zone.lines().filter(|line| !line.starts_with(';')).collect();
    assert_eq!(lines.len(), records.len());
    for (line, record) in lines.into_iter().zip(records) {
        let read = read(line);
        assert_eq!(read.name, format!("{}.", record.name(domain)), "absolute");
        assert_eq!(read.record_type, record.record_type().to_string());
        let text = |at: usize| String::from_utf8(read.fields[at].clone()).unwrap();
        match record.purpose {
            Purpose::Mx => {
                assert_eq!(text(0), record.priority.unwrap().to_string());
                assert_eq!((text(1), read.fields.len()), (format!("{}.", record.value), 2));
            }
            Purpose::ReturnPath => {
                assert_eq!((text(0), read.fields.len()), (format!("{}.", record.value), 1));
            }
            Purpose::Spf | Purpose::Dmarc | Purpose::Dkim => {
                assert!(read.fields.iter().all(|string| string.len() <= 255));
                assert_eq!(read.fields.concat(), record.value.as_bytes());
            }
        }
    }
}

#[test]
fn a_new_domains_fragment_reads_back_as_its_records() {
    let (_app, _, domain, records) = fragment(settings(), "example.com");
    let purposes: Vec<Purpose> = records.iter().map(|record| record.purpose).collect();
    assert_eq!(purposes, [Purpose::Mx, Purpose::Spf, Purpose::Dmarc, Purpose::Dkim, Purpose::ReturnPath]);
    holds(&domain, &records);
}

#[test]
fn a_key_record_is_split_at_255_octets() {
    let (_app, _, domain, records) = fragment(settings(), "example.com");
    let dkim: Vec<Record> = records.into_iter().filter(|record| record.purpose == Purpose::Dkim).collect();
    let zone = zone_fragment(&domain, &dkim);
    let lengths: Vec<usize> = read(zone.lines().nth(1).unwrap()).fields.iter().map(Vec::len).collect();
    assert_eq!(lengths, [255, 155]);
}

#[test]
fn odd_settings_and_names_read_back_too() {
    let mut odd = settings();
    odd.dmarc_rua = Some(r#""odd \"one\" \\ ;"@example.net"#.parse().unwrap());
    odd.spf_mechanism = r#"exists:%{i}."\;x.example.net"#.parse().unwrap();
    odd.mx_priority = 65535;
    odd.dkim_selector = "a.b-c.2026".parse().unwrap();
    let (_app, _, domain, records) = fragment(odd, "bücher.example");
    holds(&domain, &records);
    let mut utf8 = settings();
    utf8.dmarc_rua = Some("käse@example.net".parse().unwrap());
    let (_app, _, domain, records) = fragment(utf8, "xn--bcher-kva.example");
    holds(&domain, &records);
}

#[test]
fn a_disabled_record_is_left_out() {
    let (app, key, domain, _) = fragment(settings(), "example.com");
    app.sql().execute("UPDATE record SET status = 'disabled' WHERE purpose = 'return_path'", []).unwrap();
    let records = app.postroom.read(|tx| record::list(tx, &key.own(tx, domain.id)?)).unwrap();
    let zone = zone_fragment(&domain, &records);
    assert!(!zone.contains("CNAME") && zone.contains("TXT") && zone.contains(" MX "));
}
