//! BIMI: a logo that some mail programs show beside the sender's name. It counts only under a DMARC policy that is enforced
//! (draft-brand-indicators-for-message-identification).

use super::{Advice, AdviceCode, Subject, Tools, is_absent, shown, tag, texts_of};
use crate::dns::{Question, RecordType, Resolver};
use crate::name::DomainName;

/// Where the record stands, below the domain.
pub(super) const HOST: &str = "default._bimi";

pub(super) fn advise(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    let question = Question::new(subject.domain.record(HOST), RecordType::Txt);
    let (name, answer) = (&question.name, tools.resolver.lookup(&question));
    if answer.outcome.is_temporary() {
        return vec![Advice::unknown(&question)];
    }
    let records = texts_of(&answer, "v=BIMI1");
    let advice = match records.as_slice() {
        [] if is_absent(&answer) => {
            let text = format!(
                "TXT {name}: there is no BIMI record, so that no logo is shown beside mail; none is needed."
            );
            Advice::note(AdviceCode::BimiMissing, name, text)
        }
        [record] if is_logo(tag(record, "l").unwrap_or_default()) => {
            if is_enforced(&subject.domain, tools.resolver) {
                Advice::good(
                    name,
                    format!("TXT {name}: the logo is at {}.", shown(tag(record, "l").unwrap_or_default())),
                )
            } else {
                let text = format!(
                    "TXT {name}: no logo is shown, because the DMARC policy of {} is not quarantine or reject for all of its mail; \
                     make it one of these when the reports allow it.",
                    subject.domain
                );
                Advice::note(AdviceCode::BimiWithoutPolicy, name, text)
            }
        }
        _ => {
            let text = format!(
                "TXT {name}: no logo is shown, because there is not exactly one record that begins with v=BIMI1; and whose l= tag is \
                 the https address of an SVG file; write it so."
            );
            Advice::improve(AdviceCode::BimiSyntax, name, text)
        }
    };
    vec![advice]
}

/// Whether a logo can be had there. Without an address the domain declines to have one.
fn is_logo(address: &str) -> bool {
    address.is_empty() || (address.starts_with("https://") && address.to_ascii_lowercase().contains(".svg"))
}

/// Whether the domain's own DMARC policy, or that of a domain above it, is enforced.
fn is_enforced(domain: &DomainName, dns: &dyn Resolver) -> bool {
    let mut next = Some(domain.clone());
    while let Some(here) = next {
        let answer = dns.lookup(&Question::new(here.record("_dmarc"), RecordType::Txt));
        if let [record] = texts_of(&answer, "v=DMARC1").as_slice() {
            let of_subdomains = tag(record, "sp").filter(|_| here != *domain);
            let policy = of_subdomains.or(tag(record, "p")).unwrap_or_default().to_ascii_lowercase();
            return ["quarantine", "reject"].contains(&policy.as_str()) && tag(record, "t") != Some("y");
        }
        next = here.parent();
    }
    false
}
