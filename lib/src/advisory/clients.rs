//! Mail programs: the names at which they look for the settings of a mailbox. `autoconfig` and `autodiscover` below the domain, and
//! SRV records (RFC 6186, RFC 8314).

use super::{Advice, AdviceCode, Subject, Tools, addresses};
use crate::dns::{Answer, Question, RecordData, RecordType};
use crate::name::DnsName;

/// What is asked, below the domain.
pub(super) const HOSTS: [(&str, RecordType); 10] = [
    ("autoconfig", RecordType::A),
    ("autoconfig", RecordType::Aaaa),
    ("autodiscover", RecordType::A),
    ("autodiscover", RecordType::Aaaa),
    ("_autodiscover._tcp", RecordType::Srv),
    ("_submissions._tcp", RecordType::Srv),
    ("_submission._tcp", RecordType::Srv),
    ("_imaps._tcp", RecordType::Srv),
    ("_imap._tcp", RecordType::Srv),
    ("_pop3s._tcp", RecordType::Srv),
];

pub(super) fn advise(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    let questions = HOSTS.map(|(host, record_type)| Question::new(subject.domain.record(host), record_type));
    let answers = tools.resolver.lookup_all(&questions);
    let mut advice = Vec::new();
    let mut found: Vec<&str> = Vec::new();
    let mut failed = None;
    for (((host, record_type), question), answer) in HOSTS.iter().zip(&questions).zip(&answers) {
        if answer.outcome.is_temporary() {
            failed = failed.or(Some(question));
        }
        let is_there = answer.outcome.records().iter().any(is_service);
        if is_there && !found.contains(host) {
            found.push(host);
        }
        match record_type {
            RecordType::Srv => advice.extend(of_service(question, answer, tools)),
            // One of two questions at the same name; the other one has its own answer.
            RecordType::A if !is_there => advice.extend(of_alias(question, answer, &answers, &questions)),
            _ => {}
        }
    }
    let domain = subject.domain.dns();
    if !advice.is_empty() {
        return advice;
    }
    match (found.as_slice(), failed) {
        ([], Some(question)) => vec![Advice::unknown(question)],
        ([], None) => {
            let text = format!(
                "{domain}: mail programs find no settings for its mailboxes: there is neither autoconfig.{domain} nor \
                 autodiscover.{domain} nor an SRV record; if it has mailboxes, publish one of these."
            );
            vec![Advice::note(AdviceCode::ClientsMissing, domain, text)]
        }
        (found, _) => {
            vec![Advice::good(
                domain,
                format!("{domain}: mail programs find its settings by {}.", found.join(", ")),
            )]
        }
    }
}

/// Whether a record leads somewhere. The root as the host of a service says that there is none (RFC 2782).
fn is_service(record: &RecordData) -> bool {
    !matches!(record, RecordData::Srv { target, .. } if target.as_str().is_empty())
}

/// An alias that leads to no address.
fn of_alias(
    question: &Question,
    answer: &Answer,
    answers: &[Answer],
    questions: &[Question],
) -> Option<Advice> {
    let (name, end) = (&question.name, answer.chain.last()?);
    let others = questions.iter().zip(answers).filter(|(other, _)| other.name == *name);
    let is_empty = others.clone().all(|(_, answer)| answer.outcome.records().is_empty());
    let is_certain = others.clone().all(|(_, answer)| !answer.outcome.is_temporary());
    (is_empty && is_certain).then(|| {
        let text = format!(
            "CNAME {name}: it leads to {end}, which has no address; mend its target, or delete the record."
        );
        Advice::improve(AdviceCode::ClientsAliasBroken, name, text)
    })
}

/// The hosts of a service that cannot be reached.
fn of_service(question: &Question, answer: &Answer, tools: &Tools<'_>) -> Vec<Advice> {
    let name = &question.name;
    let hosts: Vec<&DnsName> = answer
        .outcome
        .records()
        .iter()
        .filter_map(|record| match record {
            RecordData::Srv { target, .. } if !target.as_str().is_empty() => Some(target),
            _ => None,
        })
        .take(super::MOST_HOSTS)
        .collect();
    let broken = |host: &&DnsName| {
        let alias = tools.resolver.lookup(&Question::new(DnsName::clone(host), RecordType::Cname));
        if !alias.outcome.records().is_empty() {
            let text = format!(
                "SRV {name}: its host {host} is an alias, which such a host must not be (RFC 2782); name the host that it leads to."
            );
            return Some(Advice::improve(AdviceCode::SrvTargetAlias, name, text));
        }
        addresses(host, tools.resolver).ok().filter(Vec::is_empty).map(|_| {
            let text =
                format!("SRV {name}: its host {host} has no address; mend its name, or delete the record.");
            Advice::improve(AdviceCode::SrvTargetGone, name, text)
        })
    };
    hosts.iter().filter_map(broken).collect()
}
