//! DNSSEC: whether the zone is signed, as far as the resolver says (RFC 4035 section 3.2.3).

use super::{Advice, AdviceCode, Subject, Tools, shown};
use crate::dns::{Outcome, Question, RecordType, Resolver};
use crate::name::DnsName;

pub(super) fn advise(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    let name = subject.domain.dns();
    let question = Question::new(name.clone(), RecordType::Soa);
    let answer = tools.resolver.lookup(&question);
    if let Outcome::ServFail { detail } = &answer.outcome
        && answer.outcome.is_dnssec_failure()
    {
        let text = format!(
            "{name}: its DNSSEC signatures do not validate ({}), so that many see nothing of it; have it signed anew, or withdraw \
             the DS record at the registrar.",
            shown(detail)
        );
        return vec![Advice::improve(AdviceCode::DnssecBroken, name, text)];
    }
    let advice = match tools.resolver.validates(&question) {
        Some(true) => {
            Advice::good(name, format!("{name}: it is signed with DNSSEC, and the signatures validate."))
        }
        Some(false) if is_validating(tools.resolver) => {
            let text = format!(
                "{name}: it is not signed with DNSSEC; if the DNS host offers it, switch it on, and add the DS record at the \
                 registrar."
            );
            Advice::note(AdviceCode::DnssecUnsigned, name, text)
        }
        Some(false) => {
            let text = format!(
                "{name}: whether it is signed with DNSSEC cannot be told, because the resolver does not validate; have dns.resolvers \
                 name one that does."
            );
            Advice::note(AdviceCode::DnssecNotValidated, name, text)
        }
        None => Advice::unknown(&question),
    };
    vec![advice]
}

/// Whether the resolver validates: the root is signed.
fn is_validating(dns: &dyn Resolver) -> bool {
    dns.validates(&Question::new(DnsName::from_answer("."), RecordType::Ns)) == Some(true)
}
