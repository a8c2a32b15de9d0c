//! What a domain's mail hosts say on port 25, asked where somebody is there to ask them.

use std::time::{Duration, Instant};

use super::{SmtpHost, Subject, Tools, hosts_of_mail};
use crate::dns::{Question, vet_hosts};
use crate::name::DnsName;

/// For so long further hosts are asked. The last of them may take its own time.
const ASK_FOR: Duration = Duration::from_secs(10);

/// What one of the mail hosts said.
pub(super) enum Greeting {
    /// This.
    Heard(SmtpHost),
    /// Nothing, and why.
    Unreachable(String),
    /// It was not asked: its addresses could not be looked up, or no time was left.
    Unknown,
}

/// What each of the domain's mail hosts says on port 25; none where nobody may ask them.
pub(super) fn greetings(subject: &Subject, tools: &Tools<'_>) -> Result<Vec<(DnsName, Greeting)>, Question> {
    let Some(smtp) = tools.smtp else { return Ok(Vec::new()) };
    let hosts = hosts_of_mail(&subject.domain, tools.resolver)?;
    let vetted = vet_hosts(tools.resolver, tools.egress, &hosts);
    let until = Instant::now() + ASK_FOR;
    let ask = |(host, vetted): (DnsName, Result<Option<_>, crate::egress::NotAdmitted>)| {
        let greeting = match vetted {
            Ok(Some(addresses)) if Instant::now() < until => match smtp.greet(&host, &addresses) {
                Ok(heard) => Greeting::Heard(heard),
                Err(why) => Greeting::Unreachable(why),
            },
            Ok(_) => Greeting::Unknown,
            Err(refused) => Greeting::Unreachable(refused.to_string()),
        };
        (host, greeting)
    };
    Ok(hosts.into_iter().zip(vetted).map(ask).collect())
}
