//! Mail hosts: whether each of the domain's MX hosts answers on port 25, and encrypts. Only where somebody is there to ask them.

use std::time::{Duration, Instant};

use super::{Advice, AdviceCode, Subject, Tools, mail_hosts, shown};
use crate::dns::{Question, RecordType, vet_hosts};

/// For so long further hosts are asked. The last of them may take its own time.
const ASK_FOR: Duration = Duration::from_secs(10);

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
    let until = Instant::now() + ASK_FOR;
    let told = hosts.iter().zip(vetted).map(|(host, vetted)| {
        if Instant::now() >= until {
            return Advice::unknown(&Question::new(host.clone(), RecordType::A));
        }
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
