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
        [record] if declines(record) => Advice::good(
            name,
            format!("TXT {name}: the domain declines to have a logo shown beside its mail."),
        ),
        [record] if is_logo(tag(record, "l").unwrap_or_default()) => {
            if is_enforced(&subject.domain, tools.resolver) {
                Advice::good(
                    name,
                    format!("TXT {name}: the logo is at {}.", shown(tag(record, "l").unwrap_or_default())),
                )
            } else {
                let text = format!(
                    "TXT {name}: no logo is shown, because the DMARC policy of {} is not quarantine or reject for all of its mail and \
                     for its subdomains; make it one of these when the reports allow it.",
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

/// Whether the record says that there is to be no logo: with neither an address nor evidence for one.
fn declines(record: &str) -> bool {
    tag(record, "l") == Some("") && tag(record, "a").unwrap_or_default().is_empty()
}

/// Whether a logo can be had there.
fn is_logo(address: &str) -> bool {
    address.starts_with("https://") && address.to_ascii_lowercase().contains(".svg")
}

/// Whether the domain's own DMARC policy, or that of a domain above it, is enforced: for all mail, and for subdomains too.
fn is_enforced(domain: &DomainName, dns: &dyn Resolver) -> bool {
    let mut next = Some(domain.clone());
    while let Some(here) = next {
        let answer = dns.lookup(&Question::new(here.record("_dmarc"), RecordType::Txt));
        if let [record] = texts_of(&answer, "v=DMARC1").as_slice() {
            let is_one_of =
                |tag: &str, policies: &[&str]| policies.iter().any(|one| tag.eq_ignore_ascii_case(one));
            let policy = tag(record, "p").unwrap_or_default();
            let of_subdomains = tag(record, "sp").unwrap_or(policy);
            // RFC 9989 has no pct any more; those who show logos still read it. What it leaves out of reject is quarantined
            // (RFC 7489 section 6.6.4).
            let is_partial =
                is_one_of(policy, &["quarantine"]) && tag(record, "pct").is_some_and(|pct| pct != "100");
            return [policy, of_subdomains].iter().all(|each| is_one_of(each, &["quarantine", "reject"]))
                && !is_partial
                && tag(record, "t") != Some("y");
        }
        next = here.parent();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::ScriptedResolver;

    #[test]
    fn no_address_at_all_is_no_word_and_an_empty_one_declines() {
        for (record, declined) in [
            ("v=BIMI1; l=; a=;", true),
            ("v=BIMI1; l=", true),
            ("v=BIMI1; l=; a=https://a.example/x.pem", false),
            ("v=BIMI1", false),
        ] {
            assert_eq!(declines(record), declined, "{record}");
        }
        assert!(!is_logo("") && is_logo("https://a.example/x.svg"));
    }

    #[test]
    fn a_policy_is_enforced_for_all_mail_and_for_subdomains_too() {
        let domain: DomainName = "example.com".parse().unwrap();
        for (policy, enforced) in [
            ("v=DMARC1; p=reject", true),
            ("v=DMARC1; p=Quarantine; sp=REJECT", true),
            ("v=DMARC1; p=quarantine; pct=100", true),
            ("v=DMARC1; p=reject; pct=50", true),
            ("v=DMARC1; p=quarantine; pct=50", false),
            ("v=DMARC1; p=reject; sp=none", false),
            ("v=DMARC1; p=none; sp=reject", false),
            ("v=DMARC1; p=reject; t=y", false),
            ("v=dmarc1; p=reject", false),
        ] {
            let dns = ScriptedResolver::new().txt("_dmarc.example.com", &[policy]);
            assert_eq!(is_enforced(&domain, &dns), enforced, "{policy}");
        }
    }
}
