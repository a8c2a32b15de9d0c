//! Advice: what else helps a domain's mail to arrive. No status follows from it, and nothing is stored.
//!
//! [`look`] goes through the topics of [`Topic`]: the names of the sending addresses, MTA-STS, reports, the settings that mail
//! programs look for, the mail hosts themselves, DNSSEC and TLSA, CAA and BIMI. All of it asks recursive resolvers alone. A web
//! page is fetched and port 25 is tried only by what [`Tools`] has for that, at addresses that the egress policy admits.

mod bimi;
mod caa;
mod clients;
mod code;
mod dnssec;
mod mail_hosts;
mod mta_sts;
mod reports;
mod reverse;
mod tlsa;
mod tools;

use std::net::IpAddr;
use std::time::Duration;

use crate::address::EmailAddress;
use crate::dns::{Answer, Deadline, Memo, Outcome, Question, RecordData, RecordType, Resolver, TxtData};
use crate::egress::EgressPolicy;
use crate::name::{DnsName, DomainName};
use crate::record::finding::Action;
use crate::settings::Settings;

pub use self::code::AdviceCode;
pub use self::mta_sts::MOST_POLICY_OCTETS;
pub use self::tools::{Https, Page, Smtp, SmtpHost, Tools};

/// For so long a look begins new look-ups.
const LOOK_FOR: Duration = Duration::from_secs(10);
/// So many of the sending addresses are looked at.
const MOST_ADDRESSES: usize = 8;
/// So many of a domain's mail hosts are looked at.
const MOST_HOSTS: usize = 4;

/// Whose mail it is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The domain.
    pub domain: DomainName,
    /// The host that the domain's MX record must name.
    pub mx_host: DnsName,
    /// The addresses from which mail is sent. Without any, they are taken to be those of the mail host.
    pub sending: Vec<IpAddr>,
    /// Where the operator of the mail system wants aggregate DMARC reports.
    pub rua: Option<EmailAddress>,
}

impl Subject {
    /// A domain of the mail system with these settings.
    pub fn new(domain: DomainName, settings: &Settings) -> Subject {
        Subject {
            domain,
            mx_host: settings.mx_host.clone(),
            sending: settings.sending_addresses.clone(),
            rua: settings.dmarc_rua.clone(),
        }
    }
}

/// What the advice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The names of the sending addresses, and what the SPF record of such a name says.
    ReverseDns,
    /// Whether others must use TLS on the way here (RFC 8461).
    MtaSts,
    /// Reports on TLS (RFC 8460).
    TlsReports,
    /// Whether DMARC reports reach the operator (RFC 9990).
    DmarcReports,
    /// How mail programs find the servers.
    MailPrograms,
    /// Whether the mail hosts answer, and encrypt.
    MailHosts,
    /// Whether the zone is signed (RFC 9364).
    Dnssec,
    /// Certificates of mail hosts in the DNS (RFC 7672).
    Tlsa,
    /// Who may issue certificates (RFC 8659).
    Caa,
    /// A logo beside the sender's name.
    Bimi,
}

type Advise = fn(&Subject, &Tools<'_>) -> Vec<Advice>;

impl Topic {
    /// Every topic, in the order in which they are shown.
    pub const ALL: [Topic; 10] = [
        Topic::ReverseDns,
        Topic::MtaSts,
        Topic::TlsReports,
        Topic::DmarcReports,
        Topic::MailPrograms,
        Topic::MailHosts,
        Topic::Dnssec,
        Topic::Tlsa,
        Topic::Caa,
        Topic::Bimi,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Topic::ReverseDns => "reverse_dns",
            Topic::MtaSts => "mta_sts",
            Topic::TlsReports => "tls_reports",
            Topic::DmarcReports => "dmarc_reports",
            Topic::MailPrograms => "mail_programs",
            Topic::MailHosts => "mail_hosts",
            Topic::Dnssec => "dnssec",
            Topic::Tlsa => "tlsa",
            Topic::Caa => "caa",
            Topic::Bimi => "bimi",
        }
    }

    /// What there is to say of it.
    fn advise(self) -> Advise {
        match self {
            Topic::ReverseDns => reverse::advise,
            Topic::MtaSts => mta_sts::advise,
            Topic::TlsReports => reports::of_tls,
            Topic::DmarcReports => reports::of_dmarc,
            Topic::MailPrograms => clients::advise,
            Topic::MailHosts => mail_hosts::advise,
            Topic::Dnssec => dnssec::advise,
            Topic::Tlsa => tlsa::advise,
            Topic::Caa => caa::advise,
            Topic::Bimi => bimi::advise,
        }
    }
}

/// How good something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grade {
    /// As it should be.
    Good,
    /// Worth knowing. Mail arrives without it.
    Note,
    /// Mail is refused, lost or distrusted somewhere because of it.
    Improve,
    /// It cannot be told now.
    Unknown,
}

impl Grade {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Grade::Good => "good",
            Grade::Note => "note",
            Grade::Improve => "improve",
            Grade::Unknown => "unknown",
        }
    }
}

/// One piece of advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// How good it is.
    pub grade: Grade,
    /// The stable name of what there is to say; none where all is as it should be.
    pub code: Option<AdviceCode>,
    /// The name that it is about.
    pub name: DnsName,
    /// One sentence: what was seen, and what to do.
    pub text: String,
    /// What to enter where, if it is a record that helps.
    pub action: Option<Action>,
}

impl Advice {
    fn good(name: &DnsName, text: String) -> Advice {
        Advice { grade: Grade::Good, code: None, name: name.clone(), text, action: None }
    }

    fn note(code: AdviceCode, name: &DnsName, text: String) -> Advice {
        Advice { grade: Grade::Note, code: Some(code), name: name.clone(), text, action: None }
    }

    fn improve(code: AdviceCode, name: &DnsName, text: String) -> Advice {
        Advice { grade: Grade::Improve, code: Some(code), name: name.clone(), text, action: None }
    }

    /// What could not be looked up.
    fn unknown(question: &Question) -> Advice {
        let Question { name, record_type } = question;
        let text = format!("{record_type} {name}: it could not be looked up now; try again later.");
        let (grade, code) = (Grade::Unknown, Some(AdviceCode::NotLookedUp));
        Advice { grade, code, name: name.clone(), text, action: None }
    }

    fn doing(self, action: Action) -> Advice {
        Advice { action: Some(action), ..self }
    }
}

/// Looks at everything there is advice on, topic by topic. It takes seconds: call it outside any transaction.
pub fn look(subject: &Subject, tools: &Tools<'_>) -> Vec<(Topic, Advice)> {
    let until = Deadline::new(tools.resolver, LOOK_FOR);
    let dns = Memo::new(&until);
    // What needs no answer before it is asked at once; then the topics find it there.
    dns.lookup_all(&first_questions(subject));
    let tools = Tools { resolver: &dns, ..*tools };
    Topic::ALL
        .into_iter()
        .flat_map(|topic| topic.advise()(subject, &tools).into_iter().map(move |advice| (topic, advice)))
        .collect()
}

/// Whether DMARC reports on the domain reach the operator: nothing where no report goes to another organization.
pub fn report_permission(subject: &Subject, resolver: &dyn Resolver) -> Option<Advice> {
    let egress = EgressPolicy::default();
    reports::of_dmarc(subject, &Tools { resolver, egress: &egress, https: None, smtp: None }).pop()
}

/// What every look asks.
fn first_questions(subject: &Subject) -> Vec<Question> {
    let domain = &subject.domain;
    let texts = [mta_sts::HOST, reports::HOST, bimi::HOST, "_dmarc"].map(|host| (host, RecordType::Txt));
    let own = [RecordType::Mx, RecordType::Soa, RecordType::Caa].map(|record_type| ("@", record_type));
    let hosts = texts.into_iter().chain(own).chain(clients::HOSTS);
    let mut questions: Vec<Question> =
        hosts.map(|(host, record_type)| Question::new(domain.record(host), record_type)).collect();
    questions.extend(addresses_of(&subject.mx_host));
    questions.extend(subject.sending.iter().take(MOST_ADDRESSES).map(|ip| reverse::question(*ip)));
    questions
}

/// The questions for the addresses of a host.
fn addresses_of(host: &DnsName) -> [Question; 2] {
    [RecordType::A, RecordType::Aaaa].map(|record_type| Question::new(host.clone(), record_type))
}

/// The addresses of a host, or the question to which there was no answer.
fn addresses(host: &DnsName, dns: &dyn Resolver) -> Result<Vec<IpAddr>, Question> {
    let questions = addresses_of(host);
    let answers = dns.lookup_all(&questions);
    let addresses: Vec<IpAddr> =
        answers.iter().flat_map(|answer| answer.outcome.records()).filter_map(RecordData::address).collect();
    let failed = questions.iter().zip(&answers).find(|(_, answer)| answer.outcome.is_temporary());
    match failed {
        Some((question, _)) if addresses.is_empty() => Err(question.clone()),
        _ => Ok(addresses),
    }
}

/// The domain's mail hosts, the most preferred first; the domain itself where it has no MX record.
fn mail_hosts(domain: &DomainName, dns: &dyn Resolver) -> Result<Vec<DnsName>, Question> {
    let question = Question::new(domain.dns().clone(), RecordType::Mx);
    let answer = dns.lookup(&question);
    if answer.outcome.is_temporary() {
        return Err(question);
    }
    let mut hosts: Vec<(u16, DnsName)> = answer
        .outcome
        .records()
        .iter()
        .filter_map(|record| match record {
            RecordData::Mx { preference, exchange } => Some((*preference, exchange.clone())),
            _ => None,
        })
        .collect();
    hosts.sort();
    if hosts.is_empty() {
        return Ok(vec![domain.dns().clone()]);
    }
    // A null MX names the root (RFC 7505 section 3).
    Ok(hosts
        .into_iter()
        .map(|(_, host)| host)
        .filter(|host| !host.as_str().is_empty())
        .take(MOST_HOSTS)
        .collect())
}

/// The TXT records in an answer that begin like this, as text.
fn texts_of(answer: &Answer, version: &str) -> Vec<String> {
    let texts = answer.outcome.records().iter().filter_map(|record| match record {
        RecordData::Txt(text) => Some(String::from_utf8_lossy(&text.joined()).into_owned()),
        _ => None,
    });
    texts.filter(|text| begins_with(text, version)).collect()
}

/// Whether a record begins with its version, which a semicolon, a space or nothing follows.
fn begins_with(text: &str, version: &str) -> bool {
    let rest = text.split_at_checked(version.len()).filter(|(front, _)| front.eq_ignore_ascii_case(version));
    rest.is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with([';', ' ', '\t']))
}

/// The value of a tag in a list of `name=value` with semicolons between.
fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let pairs = text.split(';').filter_map(|spec| spec.split_once('='));
    pairs.filter(|(other, _)| other.trim() == name).map(|(_, value)| value.trim()).next()
}

/// A text as a sentence shows it.
fn shown(text: &str) -> String {
    TxtData::new(vec![text.as_bytes().to_vec()]).shown()
}

/// Whether nothing is there, for certain.
fn is_absent(answer: &Answer) -> bool {
    matches!(answer.outcome, Outcome::NoData { .. } | Outcome::NxDomain { .. } | Outcome::CnameLoop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_followed_by_a_semicolon_a_space_or_nothing() {
        for (text, want) in [
            ("v=STSv1; id=1", true),
            ("v=STSv1", true),
            ("v=STSv1 ;", true),
            ("v=STSv10;", false),
            ("v=STS", false),
        ] {
            assert_eq!(begins_with(text, "v=STSv1"), want, "{text}");
        }
        assert_eq!(tag("v=STSv1; id = 7 ;", "id"), Some("7"));
        assert_eq!(tag("v=STSv1; xid=7", "id"), None);
    }
}
