//! The two small languages of the fixtures: what a domain must publish, and what the DNS says.
//! `tests/fixtures/findings/README.md` has their grammar.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postroom::dns::{NotAsked, Outcome, RecordData, RecordType, ScriptedResolver, Server, TxtData};
use postroom::name::{DnsName, DomainName, Selector};
use postroom::verify::{
    CnameExpectation, DkimExpectation, DmarcExpectation, Expectation, MxExpectation, SpfExpectation,
};

/// The most octets of one string of a TXT record.
const MOST_OCTETS: usize = 255;
/// Who answers where a script does not begin with another one.
const RESOLVER: &str = "192.0.2.53";

/// Public keys in Base64, by their names.
pub(crate) struct Keys(BTreeMap<String, String>);

impl Keys {
    pub(crate) fn parse(text: &str) -> Keys {
        let pairs = lines(text).map(|line| line.split_once(' ').unwrap());
        Keys(pairs.map(|(name, key)| (name.to_owned(), key.to_owned())).collect())
    }

    fn record(&self, name: &str) -> String {
        let algorithm = if name == "ed" { "ed25519" } else { "rsa" };
        format!("v=DKIM1; k={algorithm}; p={}", self.0.get(name).unwrap_or_else(|| panic!("no key {name}")))
    }

    /// `text` with the keys in place of `{their names}`, and of `{name[from..to]}` a part of that key.
    pub(super) fn fill(&self, text: &str) -> String {
        let text = self
            .0
            .iter()
            .fold(text.to_owned(), |text, (name, key)| text.replace(&format!("{{{name}}}"), key));
        self.0.iter().fold(text, |mut text, (name, key)| {
            let begin = format!("{{{name}[");
            while let Some((before, rest)) = text.split_once(&begin) {
                let (range, after) = rest.split_once("]}").unwrap_or_else(|| panic!("{rest}"));
                let (from, to) = range.split_once("..").unwrap_or_else(|| panic!("{range}"));
                let place =
                    |text: &str, other: usize| if text.is_empty() { other } else { text.parse().unwrap() };
                text = format!("{before}{}{after}", &key[place(from, 0)..place(to, key.len())]);
            }
            text
        })
    }
}

/// What a domain must publish.
pub(super) fn expectation(text: &str, keys: &Keys) -> (DomainName, Expectation) {
    let mut domain: Option<DomainName> = None;
    let mut expected = None;
    for line in lines(text) {
        let (kind, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        let mut words = rest.split_whitespace();
        let mut word = || words.next().unwrap_or_else(|| panic!("a word is missing: {line}"));
        let of = |host: &str| domain.as_ref().unwrap().record(host);
        match kind {
            "domain" => domain = Some(rest.parse().unwrap()),
            "dkim" => {
                let name = of(&format!("{}._domainkey", word()));
                let key = keys.record(word()).parse().unwrap();
                expected = Some(Expectation::Dkim(DkimExpectation { name, key, others: vec![] }));
            }
            "other" => {
                let other: (Selector, _) = (word().parse().unwrap(), keys.record(word()).parse().unwrap());
                let Some(Expectation::Dkim(dkim)) = &mut expected else { panic!("other follows dkim") };
                dkim.others.push(other);
            }
            "cname" => {
                let name = of(word());
                expected =
                    Some(Expectation::Cname(CnameExpectation { name, target: DnsName::from_answer(word()) }));
            }
            "mx" => {
                let priority = word().parse().unwrap();
                let host = DnsName::from_answer(word());
                expected = Some(Expectation::Mx(MxExpectation { name: of("@"), host, priority }));
            }
            "spf" => {
                let terms = rest.split(' ').skip(1).filter(|term| !term.ends_with("all"));
                let mechanisms = terms.map(str::to_owned).collect();
                expected = Some(Expectation::Spf(SpfExpectation {
                    name: of("@"),
                    mechanisms,
                    addresses: Vec::new(),
                    whole: rest.to_owned(),
                }));
            }
            "dmarc" => {
                let policy = rest.split(';').find_map(|tag| tag.trim().strip_prefix("p=")).unwrap();
                let policy = policy.parse().unwrap();
                expected = Some(Expectation::Dmarc(DmarcExpectation {
                    name: of("_dmarc"),
                    policy,
                    whole: rest.to_owned(),
                }));
            }
            _ => panic!("no such kind of record: {line}"),
        }
    }
    (domain.unwrap(), expected.unwrap())
}

/// The DNS of a script, and who its first server is.
pub(crate) fn dns(text: &str, keys: &Keys) -> (ScriptedResolver, Server) {
    let mut dns = ScriptedResolver::new();
    let mut first = None;
    for line in lines(text) {
        if let Some(header) = line.strip_prefix('@') {
            let server = server(header);
            if first.is_none() {
                first = Some(server);
            } else {
                dns = dns.at(server);
            }
            continue;
        }
        first.get_or_insert_with(|| server(&format!("resolver {RESOLVER}")));
        let mut columns = line.splitn(2, char::is_whitespace);
        let (name, rest) = (columns.next().unwrap(), columns.next().unwrap_or_default().trim_start());
        let (kind, value) = rest.split_once(char::is_whitespace).unwrap_or_else(|| panic!("{line}"));
        let (kind, value) = (record_type(kind), value.trim_start());
        dns = match value.strip_prefix('!') {
            None => dns.record(name, data(kind, &keys.fill(value))),
            Some(outcome) => match outcome_of(outcome) {
                missing @ Outcome::NxDomain { .. } => dns.fail(name, kind, missing),
                other => dns.answer(name, kind, other),
            },
        };
    }
    (dns, first.unwrap_or_else(|| server(&format!("resolver {RESOLVER}"))))
}

/// Without comments and empty lines.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with(';'))
}

/// `resolver ADDRESS`, or `server NAME ADDRESS`.
fn server(header: &str) -> Server {
    let at = |address: &str| SocketAddr::new(address.parse().unwrap(), 53);
    match header.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["resolver", address] => Server::Recursive(at(address)),
        ["server", name, address] => {
            Server::Authoritative { name: DnsName::from_answer(name), address: at(address) }
        }
        _ => panic!("no such server: @{header}"),
    }
}

pub(crate) fn record_type(word: &str) -> RecordType {
    match word {
        "A" => RecordType::A,
        "AAAA" => RecordType::Aaaa,
        "CNAME" => RecordType::Cname,
        "MX" => RecordType::Mx,
        "NS" => RecordType::Ns,
        "SOA" => RecordType::Soa,
        "TXT" => RecordType::Txt,
        "PTR" => RecordType::Ptr,
        "SRV" => RecordType::Srv,
        "TLSA" => RecordType::Tlsa,
        "CAA" => RecordType::Caa,
        "DS" => RecordType::Ds,
        "DNSKEY" => RecordType::Dnskey,
        _ => panic!("no such type: {word}"),
    }
}

/// What comes in place of a record: a word, and what the server adds to it.
fn outcome_of(text: &str) -> Outcome {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let detail = rest.to_owned();
    let remaining = || Some(rest).filter(|rest| !rest.is_empty()).map(seconds);
    match word {
        "NODATA" => Outcome::NoData { remaining: remaining() },
        "NXDOMAIN" => Outcome::NxDomain { remaining: remaining() },
        "SERVFAIL" => Outcome::ServFail { detail },
        "REFUSED" => Outcome::Refused { detail },
        "TIMEOUT" => Outcome::Timeout,
        "MALFORMED" => Outcome::Malformed { detail },
        "NOT-PUBLIC" => Outcome::NotAsked { why: NotAsked::NotPublic },
        "UNREACHABLE" => Outcome::Unreachable { detail },
        _ => panic!("no such outcome: !{text}"),
    }
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.parse().unwrap())
}

fn data(kind: RecordType, value: &str) -> RecordData {
    let words: Vec<&str> = value.split_whitespace().collect();
    match (kind, words.as_slice()) {
        (RecordType::A, [address]) => RecordData::A(address.parse().unwrap()),
        (RecordType::Aaaa, [address]) => RecordData::Aaaa(address.parse().unwrap()),
        (RecordType::Cname, [target]) => RecordData::Cname(DnsName::from_answer(target)),
        (RecordType::Ns, [server]) => RecordData::Ns(DnsName::from_answer(server)),
        (RecordType::Mx, [preference, exchange]) => RecordData::Mx {
            preference: preference.parse().unwrap(),
            exchange: DnsName::from_answer(exchange),
        },
        (RecordType::Soa, [primary, serial, minimum]) => RecordData::Soa {
            primary: DnsName::from_answer(primary),
            serial: serial.parse().unwrap(),
            minimum: seconds(minimum),
        },
        (RecordType::Ptr, [host]) => RecordData::Ptr(DnsName::from_answer(host)),
        (RecordType::Srv, [priority, weight, port, target]) => RecordData::Srv {
            priority: priority.parse().unwrap(),
            weight: weight.parse().unwrap(),
            port: port.parse().unwrap(),
            target: DnsName::from_answer(target),
        },
        (RecordType::Tlsa, [usage, selector, matching, data]) => RecordData::Tlsa {
            usage: usage.parse().unwrap(),
            selector: selector.parse().unwrap(),
            matching: matching.parse().unwrap(),
            data: hex(data),
        },
        (RecordType::Ds, [key_tag, algorithm, digest_type, digest]) => RecordData::Ds {
            key_tag: key_tag.parse().unwrap(),
            algorithm: algorithm.parse().unwrap(),
            digest_type: digest_type.parse().unwrap(),
            digest: hex(digest),
        },
        (RecordType::Dnskey, [flags, protocol, algorithm, key]) => RecordData::Dnskey {
            flags: flags.parse().unwrap(),
            protocol: protocol.parse().unwrap(),
            algorithm: algorithm.parse().unwrap(),
            key: STANDARD.decode(key).unwrap(),
        },
        (RecordType::Caa, [flags, tag, value]) => {
            RecordData::Caa { critical: *flags != "0", tag: (*tag).to_owned(), value: (*value).to_owned() }
        }
        (RecordType::Txt, _) => RecordData::Txt(TxtData::new(strings(value))),
        _ => panic!("no {kind} record: {value}"),
    }
}

/// Octets in hexadecimal.
fn hex(text: &str) -> Vec<u8> {
    let octet = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(octet).collect()
}

/// The quoted strings of a TXT record (RFC 1035 section 5.1); one that is too long goes on in further ones.
fn strings(value: &str) -> Vec<Vec<u8>> {
    let mut strings = Vec::new();
    let mut octets = value.bytes().peekable();
    while let Some(octet) = octets.next() {
        if octet != b'"' {
            assert!(octet.is_ascii_whitespace(), "strings stand in quotation marks: {value}");
            continue;
        }
        let mut string = Vec::new();
        loop {
            match octets.next().unwrap_or_else(|| panic!("a string does not end: {value}")) {
                b'"' => break,
                b'\\' if octets.peek().is_some_and(u8::is_ascii_digit) => {
                    let digits: Vec<u8> = octets.by_ref().take(3).collect();
                    string.push(String::from_utf8(digits).unwrap().parse().unwrap());
                }
                b'\\' => string.extend(octets.next()),
                plain => string.push(plain),
            }
        }
        if string.is_empty() {
            strings.push(string);
        } else {
            strings.extend(string.chunks(MOST_OCTETS).map(<[u8]>::to_vec));
        }
    }
    strings
}
