//! Mail hosts: whether each of the domain's MX hosts answers on port 25 and encrypts, and whether its certificate is right. Only
//! where somebody is there to ask them.

use std::time::Duration;

use super::greeting::{Greeting, greetings};
use super::tlsa::{self, Listed};
use super::{Advice, AdviceCode, Presented, SmtpHost, Subject, Tools, Vouching, shown};
use crate::dns::{Question, RecordType};
use crate::name::DnsName;

/// A certificate that ends sooner should have been renewed: those that renew by themselves do it a month before, or at two thirds
/// of a short life.
const RENEWED_BEFORE: Duration = Duration::from_hours(24 * 7);

pub(super) fn advise(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    match greetings(subject, tools) {
        Ok(heard) => {
            heard.iter().map(|(host, greeting)| of_greeting(subject, tools, host, greeting)).collect()
        }
        Err(question) => vec![Advice::unknown(&question)],
    }
}

fn of_greeting(subject: &Subject, tools: &Tools<'_>, host: &DnsName, greeting: &Greeting) -> Advice {
    match greeting {
        Greeting::Unknown => Advice::unknown(&Question::new(host.clone(), RecordType::A)),
        Greeting::Unreachable(why) => {
            let text = format!(
                "port 25 of {host}: {}, so that no mail comes in there; see that it runs and can be reached.",
                shown(why)
            );
            Advice::improve(AdviceCode::SmtpUnreachable, host, text)
        }
        Greeting::Heard(SmtpHost::Plain) => {
            let text = format!(
                "port 25 of {host}: it answers without STARTTLS, so that mail comes in unencrypted, and not at all from senders \
                 that insist; give it a certificate and switch TLS on."
            );
            Advice::improve(AdviceCode::SmtpNoStarttls, host, text)
        }
        Greeting::Heard(SmtpHost::Broken(why)) => {
            let text = format!(
                "port 25 of {host}: it offers STARTTLS, and then no encrypted connection comes about ({}), so that some senders \
                 cannot deliver; mend its certificate, key and TLS versions.",
                shown(why)
            );
            Advice::improve(AdviceCode::SmtpTlsFails, host, text)
        }
        Greeting::Heard(SmtpHost::Encrypted(presented)) => {
            match tlsa::listed(subject, tools, host, presented) {
                // Who knows DANE asks for neither names nor authorities (RFC 7672 section 3.1.1), and the others who insist on these
                // are few beside them.
                Listed::Here => Advice::good(
                    host,
                    format!(
                        "port 25 of {host}: it encrypts, with the certificate that its TLSA record names."
                    ),
                ),
                Listed::Elsewhere | Listed::Nowhere => of_certificate(tools, host, presented),
            }
        }
    }
}

/// What is wrong with a certificate for senders that insist on a right one: by MTA-STS, or by their own configuration.
fn of_certificate(tools: &Tools<'_>, host: &DnsName, presented: &Presented) -> Advice {
    let Presented { names, from, until, trust, .. } = presented;
    let improve = |code, what: String| {
        let text = format!("port 25 of {host}: {what}");
        Advice::improve(code, host, text)
    };
    let refused = "so that senders who insist on a valid one deliver nothing there";
    if tools.now > *until {
        return improve(
            AdviceCode::CertificateExpired,
            format!("its certificate ended on {}, {refused}; renew it.", day(*until)),
        );
    }
    if tools.now < *from {
        return improve(
            AdviceCode::CertificateExpired,
            format!(
                "its certificate is valid from {} on, {refused}; set the clock of whoever made it right, and make it anew.",
                day(*from)
            ),
        );
    }
    if !presented.is_for(host) {
        let whom = match names.as_slice() {
            [] => "names no host".to_owned(),
            [name] => format!("is for {}", shown(name)),
            [name, rest @ ..] => format!("is for {} and {} more", shown(name), rest.len()),
        };
        return improve(
            AdviceCode::CertificateWrongName,
            format!("its certificate {whom}, and not for {host}, {refused}; get one for {host}."),
        );
    }
    match trust {
        Vouching::Public => {}
        Vouching::SelfSigned => {
            return improve(
                AdviceCode::CertificateUntrusted,
                format!("its certificate is signed by itself, {refused}; get one from a public authority."),
            );
        }
        Vouching::Unknown => {
            return improve(
                AdviceCode::CertificateUntrusted,
                format!(
                    "no public authority vouches for its certificate, {refused}; get one from such an authority."
                ),
            );
        }
        Vouching::Incomplete => {
            return improve(
                AdviceCode::CertificateIncomplete,
                format!(
                    "it does not send the certificate of the authority that signed its own, {refused}; have it send the whole \
                     chain, which is in the file fullchain.pem of many tools."
                ),
            );
        }
    }
    let left = until.since(tools.now);
    if left < RENEWED_BEFORE {
        let text = format!(
            "port 25 of {host}: its certificate ends in {} days, on {}; renew it.",
            left.as_secs() / 86_400,
            day(*until)
        );
        return Advice::note(AdviceCode::CertificateExpiresSoon, host, text);
    }
    Advice::good(
        host,
        format!(
            "port 25 of {host}: it encrypts, with a certificate that is right and lasts until {}.",
            day(*until)
        ),
    )
}

/// `2026-11-21`.
fn day(at: crate::clock::Timestamp) -> String {
    at.to_string().get(..10).unwrap_or_default().to_owned()
}

impl Presented {
    /// Whether its own certificate names this host: itself, or by a `*` in place of the first label (RFC 6125 section 6.4.3).
    pub(super) fn is_for(&self, host: &DnsName) -> bool {
        self.names.iter().any(|name| {
            let name = name.trim_end_matches('.');
            match name.strip_prefix("*.") {
                Some(rest) => host.parent().is_some_and(|parent| parent.as_str().eq_ignore_ascii_case(rest)),
                None => host.as_str().eq_ignore_ascii_case(name),
            }
        })
    }
}
