//! The world of a case: its DNS, its web servers, its mail hosts. `tests/fixtures/advice/README.md` has the language.

use std::collections::BTreeMap;

use postroom::advisory::{
    self, Advice, Certificate, Https, Presented, Smtp, SmtpHost, Subject, Tools, Topic, Vouching, WebPage,
};
use postroom::dns::{Resolver, ScriptedResolver};
use postroom::egress::{EgressPolicy, VettedAddresses};
use postroom::name::DnsName;

use crate::rules::findings::script::{self, Keys};

pub(super) struct World {
    dns: ScriptedResolver,
    egress: EgressPolicy,
    pages: Option<Pages>,
    hosts: Option<Hosts>,
}

struct Pages(BTreeMap<String, WebPage>);

struct Hosts(BTreeMap<String, Option<SmtpHost>>);

impl World {
    pub(super) fn parse(text: &str) -> World {
        let (mut zone, mut validated) = (Vec::new(), Vec::new());
        let (mut pages, mut hosts) = (Some(Pages(BTreeMap::new())), None);
        for line in text.lines() {
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["https", "off"] => pages = None,
                ["https", host, status, media_type, ..] => {
                    let body = line.splitn(5, ' ').nth(4).unwrap_or_default().replace('|', "\r\n");
                    let media_type = Some((*media_type).to_owned());
                    let page =
                        WebPage { status: status.parse().unwrap(), media_type, body: body.into_bytes() };
                    pages.as_mut().unwrap().0.insert((*host).to_owned(), page);
                }
                ["smtp", host, word, more @ ..] => {
                    let hosts = hosts.get_or_insert_with(|| Hosts(BTreeMap::new()));
                    hosts.0.insert((*host).to_owned(), greeting(host, word, more));
                }
                ["validated", name, kind] => validated.push(((*name).to_owned(), script::record_type(kind))),
                _ => zone.push(line),
            }
        }
        let (dns, _) = script::dns(&zone.join("\n"), &Keys::parse(""));
        let dns = validated.iter().fold(dns, |dns, (name, kind)| dns.validated(name, *kind));
        // The addresses of the examples are those of documentation, which are not public.
        let egress = EgressPolicy::allowing(vec!["192.0.2.0/24".parse().unwrap()]);
        World { dns, egress, pages, hosts }
    }

    pub(super) fn tools(&self) -> Tools<'_> {
        Tools {
            resolver: &self.dns as &dyn Resolver,
            egress: &self.egress,
            https: self.pages.as_ref().map(|pages| pages as &dyn Https),
            smtp: self.hosts.as_ref().map(|hosts| hosts as &dyn Smtp),
            now: "2026-11-21T00:00:00.000Z".parse().unwrap(),
        }
    }

    pub(super) fn look(&self, subject: &Subject) -> Vec<(Topic, Advice)> {
        advisory::look(subject, &self.tools())
    }
}

impl Https for Pages {
    fn fetch(&self, host: &DnsName, path: &str, _: &VettedAddresses, most: usize) -> Result<WebPage, String> {
        assert_eq!(path, "/.well-known/mta-sts.txt");
        assert_eq!(most, advisory::MOST_POLICY_OCTETS);
        self.0.get(host.as_str()).cloned().ok_or_else(|| "it does not answer".to_owned())
    }
}

impl Smtp for Hosts {
    fn greet(&self, host: &DnsName, _: &VettedAddresses) -> Result<SmtpHost, String> {
        self.0.get(host.as_str()).cloned().flatten().ok_or_else(|| "it does not answer".to_owned())
    }
}

/// How a mail host greets, as a line of a world says it.
fn greeting(host: &str, word: &str, more: &[&str]) -> Option<SmtpHost> {
    let value = |key: &str, other: &str| {
        let given = more.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        given.unwrap_or(other).to_owned()
    };
    match word {
        "closed" => None,
        "plain" => Some(SmtpHost::Plain),
        "broken" => Some(SmtpHost::Broken("it refuses with the alert HandshakeFailure".to_owned())),
        "tls" => {
            let at = |key, other| format!("{}T00:00:00.000Z", value(key, other)).parse().unwrap();
            let trust = match value("trust", "public").as_str() {
                "public" => Vouching::Public,
                "self-signed" => Vouching::SelfSigned,
                "incomplete" => Vouching::Incomplete,
                "unknown" => Vouching::Unknown,
                other => panic!("no such trust: {other}"),
            };
            let names = value("names", host);
            Some(SmtpHost::Encrypted(Presented {
                own: certificate(&value("own", "own/own-key")),
                above: value("above", "")
                    .split(',')
                    .filter(|word| !word.is_empty())
                    .map(certificate)
                    .collect(),
                names: names.split(',').filter(|name| *name != "-").map(str::to_owned).collect(),
                from: at("from", "2026-01-01"),
                until: at("until", "2027-06-01"),
                trust,
            }))
        }
        other => panic!("no such greeting: {other}"),
    }
}

/// `CERTIFICATE/KEY`, and `/no` if it vouches for nothing.
fn certificate(text: &str) -> Certificate {
    let mut words = text.split('/');
    let mut octets = || words.next().unwrap_or_default().as_bytes().to_vec();
    let (whole, key) = (octets(), octets());
    Certificate { whole, key, vouches: octets() != b"no" }
}

/// Whose mail a case is about, and the topic that is looked at.
pub(super) fn subject(text: &str) -> (Subject, Topic) {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let topic = value("topic").unwrap();
    let subject = Subject {
        domain: value("domain").unwrap().parse().unwrap(),
        mx_host: value("mx").unwrap().parse().unwrap(),
        sending: value("sending").map(|ip| ip.parse().unwrap()).into_iter().collect(),
        rua: value("rua").map(|rua| rua.parse().unwrap()),
    };
    (subject, Topic::ALL.into_iter().find(|other| other.as_str() == topic).unwrap())
}
