//! Reports: on TLS (RFC 8460), and whether aggregate DMARC reports reach the operator of the mail system (RFC 9990 section 4).

use super::{Advice, AdviceCode, Subject, Tools, is_absent, shown, tag, texts_of};
use crate::dns::{Question, RecordType};
use crate::record::finding::Action;
use crate::record::kind::{ALLOWS_REPORTS, is_of_another_organization, report_permission};

/// Where the record on TLS stands, below the domain.
pub(super) const HOST: &str = "_smtp._tls";
const VERSION: &str = "v=TLSRPTv1";

pub(super) fn of_tls(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    let question = Question::new(subject.domain.record(HOST), RecordType::Txt);
    let (name, answer) = (&question.name, tools.resolver.lookup(&question));
    if answer.outcome.is_temporary() {
        return vec![Advice::unknown(&question)];
    }
    let records = texts_of(&answer, VERSION);
    let advice = match records.as_slice() {
        [] if is_absent(&answer) => {
            let text = format!(
                "TXT {name}: there is no such record, so that nobody reports failures of TLS on the way here; add one that says \
                 where reports go (RFC 8460)."
            );
            let advice = Advice::note(AdviceCode::TlsReportsMissing, name, text);
            match &subject.rua {
                Some(rua) => advice.doing(Action::add(
                    name.clone(),
                    RecordType::Txt,
                    format!("{VERSION}; rua=mailto:{rua}"),
                )),
                None => advice,
            }
        }
        [] => {
            let text = format!(
                "TXT {name}: no record there begins with {VERSION}; and a semicolon, so that nobody sends reports; write \
                 \"{VERSION}; rua=mailto:\" and an address."
            );
            Advice::improve(AdviceCode::TlsReportsSyntax, name, text)
        }
        [record] if has_address(record) => Advice::good(
            name,
            format!("TXT {name}: reports on TLS go to {}.", shown(tag(record, "rua").unwrap_or_default())),
        ),
        [record] => {
            let text = format!(
                "TXT {name}: \"{}\" names nobody to whom reports go; write rua=mailto: and an address, or rua=https: and a page.",
                shown(record)
            );
            Advice::improve(AdviceCode::TlsReportsSyntax, name, text)
        }
        several => {
            let text = format!(
                "TXT {name}: there are {} such records, which count as none; delete all but one.",
                several.len()
            );
            Advice::improve(AdviceCode::TlsReportsMultiple, name, text)
        }
    };
    vec![advice]
}

/// Whether a record says where reports go: `mailto:` and an address, or `https:` and a host, each of a list.
fn has_address(record: &str) -> bool {
    let is_place = |uri: &str| {
        let uri = uri.trim();
        let after = |scheme: &str| {
            uri.split_at_checked(scheme.len()).filter(|(front, _)| front.eq_ignore_ascii_case(scheme))
        };
        let is_mailbox = |(local, host): (&str, &str)| {
            !local.is_empty() && !local.starts_with('/') && !host.is_empty() && !host.starts_with(['!', '?'])
        };
        after("mailto:").and_then(|(_, rest)| rest.split_once('@')).is_some_and(is_mailbox)
            || after("https://")
                .is_some_and(|(_, rest)| !rest.is_empty() && !rest.starts_with(['/', ':', '?', '#']))
    };
    tag(record, "rua").is_some_and(|list| list.split(',').all(is_place))
}

pub(super) fn of_dmarc(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    let Some(host) = subject.rua.as_ref().map(|rua| rua.domain().dns().clone()) else { return Vec::new() };
    let own = &subject.domain;
    let Some(name) = report_permission(own, &host).filter(|_| is_of_another_organization(own, &host)) else {
        return Vec::new();
    };
    let question = Question::new(name, RecordType::Txt);
    let (name, answer) = (&question.name, tools.resolver.lookup(&question));
    if answer.outcome.is_temporary() {
        return vec![Advice::unknown(&question)];
    }
    if !texts_of(&answer, "v=DMARC1").is_empty() {
        return vec![Advice::good(name, format!("TXT {name}: {host} takes DMARC reports on {own}."))];
    }
    let everybody = format!("*._report._dmarc.{host}");
    let text = format!(
        "TXT {name}: {host} does not say that it takes DMARC reports on {own}, so that none come; the operator of this mail system \
         adds the TXT record \"{ALLOWS_REPORTS}\" at {everybody}."
    );
    let entry = Action::add(
        crate::name::DnsName::from_answer(&everybody),
        RecordType::Txt,
        ALLOWS_REPORTS.to_owned(),
    );
    vec![Advice::improve(AdviceCode::DmarcReportsNotAllowed, name, text).doing(entry)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_go_to_a_mailbox_or_to_a_page_on_a_host() {
        for (rua, want) in [
            ("mailto:tls@example.com", true),
            ("MAILTO:tls@example.com!10m,https://r.example/a", true),
            ("mailto:tls@", false),
            ("mailto:@example.com", false),
            ("mailto:@", false),
            ("mailto://tls@example.com", false),
            ("https:///", false),
            ("https://", false),
            ("tls@example.com", false),
        ] {
            assert_eq!(has_address(&format!("v=TLSRPTv1; rua={rua}")), want, "{rua}");
        }
    }
}
