//! The world of a case: its DNS, its web servers, its mail hosts. `tests/fixtures/advice/README.md` has the language.

use std::collections::BTreeMap;

use postroom::advisory::{self, Advice, Https, Smtp, SmtpHost, Subject, Tools, Topic, WebPage};
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

struct Hosts(BTreeMap<String, String>);

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
                ["smtp", host, word] => {
                    let hosts = hosts.get_or_insert_with(|| Hosts(BTreeMap::new()));
                    hosts.0.insert((*host).to_owned(), (*word).to_owned());
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
        match self.0.get(host.as_str()).map(String::as_str) {
            Some("starttls") => Ok(SmtpHost { starttls: true }),
            Some("plain") => Ok(SmtpHost { starttls: false }),
            _ => Err("it does not answer".to_owned()),
        }
    }
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
