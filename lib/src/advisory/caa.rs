//! CAA: who may issue certificates for names in the domain (RFC 8659).

use super::{Advice, AdviceCode, Subject, Tools, shown};
use crate::dns::{Question, RecordData, RecordType};
use crate::name::DomainName;

pub(super) fn advise(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    let mut next = Some(subject.domain.clone());
    // The nearest domain that has any (RFC 8659 section 3).
    while let Some(domain) = next {
        let question = Question::new(domain.dns().clone(), RecordType::Caa);
        let answer = tools.resolver.lookup(&question);
        if answer.outcome.is_temporary() {
            return vec![Advice::unknown(&question)];
        }
        let issuers: Vec<String> = answer
            .outcome
            .records()
            .iter()
            .filter_map(|record| match record {
                RecordData::Caa { tag, value, .. } if tag.eq_ignore_ascii_case("issue") => Some(shown(value)),
                _ => None,
            })
            .take(super::MOST_HOSTS)
            .collect();
        if !answer.outcome.records().is_empty() {
            let who = if issuers.is_empty() { "nobody in particular".to_owned() } else { issuers.join(", ") };
            let text = format!("CAA {domain}: certificates may be issued by {who}.");
            return vec![Advice::good(domain.dns(), text)];
        }
        next = domain.parent();
    }
    let domain: &DomainName = &subject.domain;
    let text = format!(
        "CAA {domain}: there is no such record, so that every authority may issue certificates for it; if you know yours, name it."
    );
    vec![Advice::note(AdviceCode::CaaMissing, domain.dns(), text)]
}
