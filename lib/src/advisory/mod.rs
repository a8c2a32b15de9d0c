//! Advice: what else helps a domain's mail to arrive. No status follows from it, and nothing is stored.
//!
//! [`look`] goes through the topics of [`Topic`]: the names of the sending addresses, MTA-STS, reports, the settings that mail
//! programs look for, the mail hosts themselves, DNSSEC and TLSA, CAA and BIMI. All of it asks recursive resolvers alone. A web
//! page is fetched and port 25 is tried only by what [`Tools`] has for that, at addresses that the egress policy admits.
//!
//! ```
//! use postroom::advisory::{self, Subject, Tools};
//! use postroom::clock::Timestamp;
//! use postroom::dns::ScriptedResolver;
//! use postroom::egress::EgressPolicy;
//! use postroom::settings::Settings;
//!
//! let settings = Settings::for_server(&"mail.example.net".parse()?);
//! let subject = Subject::new("example.com".parse()?, &settings);
//! let dns = ScriptedResolver::new();
//! let (egress, now) = (EgressPolicy::default(), Timestamp::from_millis(0));
//! let tools = Tools { resolver: &dns, egress: &egress, https: None, smtp: None, now };
//! for (topic, advice) in advisory::look(&subject, &tools) {
//!     println!("{}: {}", topic.title(), advice.text);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod bimi;
mod caa;
mod clients;
mod code;
mod dnssec;
mod greeting;
mod heard;
mod mail_hosts;
mod mta_sts;
mod reports;
mod reverse;
mod tlsa;
mod tools;

use std::net::IpAddr;
use std::time::Duration;

use crate::address::EmailAddress;
use crate::clock::Timestamp;
use crate::dns::{Deadline, Memo, Question, RecordType, Resolver};
use crate::egress::EgressPolicy;
use crate::name::{DnsName, DomainName};
use crate::record::finding::Action;
use crate::settings::Settings;

use self::answers::{addresses, addresses_of, hosts_of_mail, is_absent, shown, tag, texts_of};
pub use self::code::AdviceCode;
use self::heard::Heard;
pub use self::mta_sts::MOST_POLICY_OCTETS;
pub use self::tools::{Certificate, Https, Presented, Smtp, SmtpHost, Tools, Vouching, WebPage};

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
    /// Whether the mail hosts answer and encrypt, with certificates that are right.
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

    /// What it is about, as a heading.
    pub fn title(self) -> &'static str {
        match self {
            Topic::ReverseDns => "Names of the sending addresses",
            Topic::MtaSts => "MTA-STS",
            Topic::TlsReports => "Reports on TLS",
            Topic::DmarcReports => "DMARC reports to the operator",
            Topic::MailPrograms => "Settings for mail programs",
            Topic::MailHosts => "Mail hosts",
            Topic::Dnssec => "DNSSEC",
            Topic::Tlsa => "TLSA",
            Topic::Caa => "CAA",
            Topic::Bimi => "BIMI",
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
    let heard = tools.smtp.map(Heard::new);
    let smtp = heard.as_ref().map(|heard| heard as &dyn Smtp);
    let tools = Tools { resolver: &dns, smtp, ..*tools };
    Topic::ALL
        .into_iter()
        .flat_map(|topic| topic.advise()(subject, &tools).into_iter().map(move |advice| (topic, advice)))
        .collect()
}

/// Whether DMARC reports on the domain reach the operator: nothing where no report goes to another organization.
pub fn report_permission(subject: &Subject, resolver: &dyn Resolver) -> Option<Advice> {
    let egress = EgressPolicy::default();
    let now = Timestamp::from_millis(0);
    reports::of_dmarc(subject, &Tools { resolver, egress: &egress, https: None, smtp: None, now }).pop()
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
    questions.extend(subject.sending.iter().take(MOST_ADDRESSES).map(|ip| Question::reverse(*ip)));
    questions
}
