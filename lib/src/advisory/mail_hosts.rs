//! Mail hosts: whether each of the domain's MX hosts answers on port 25, and encrypts. Only where somebody is there to ask them.

use super::{Advice, AdviceCode, Subject, Tools, mail_hosts, shown};
use crate::dns::{Question, RecordType, vet_hosts};

pub(super) fn advise(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    let Some(smtp) = tools.smtp else { return Vec::new() };
    let hosts = match mail_hosts(&subject.domain, tools.resolver) {
        Ok(hosts) => hosts,
        Err(question) => return vec![Advice::unknown(&question)],
    };
    let vetted = vet_hosts(tools.resolver, tools.egress, &hosts);
    let unreachable = |host, why: &str| {
        let text = format!(
            "port 25 of {host}: {why}, so that no mail comes in there; see that it runs and can be reached."
        );
        Advice::improve(AdviceCode::SmtpUnreachable, host, text)
    };
    let told = hosts.iter().zip(vetted).map(|(host, vetted)| {
        let addresses = match vetted {
            Ok(Some(addresses)) => addresses,
            Ok(None) => return Advice::unknown(&Question::new(host.clone(), RecordType::A)),
            Err(refused) => return unreachable(host, &refused.to_string()),
        };
        match smtp.greet(host, &addresses) {
            Err(why) => unreachable(host, &shown(&why)),
            Ok(greeted) if greeted.starttls => {
                Advice::good(host, format!("port 25 of {host}: it answers, and offers STARTTLS."))
            }
            Ok(_) => {
                let text = format!(
                    "port 25 of {host}: it answers without STARTTLS, so that mail comes in unencrypted, and not at all from senders \
                     that insist; give it a certificate and switch TLS on."
                );
                Advice::improve(AdviceCode::SmtpNoStarttls, host, text)
            }
        }
    });
    told.collect()
}
