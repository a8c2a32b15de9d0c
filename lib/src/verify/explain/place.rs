//! Places: the names at which people make a record that belongs to another name, with the words to tell them.

use crate::dns::RecordType;
use crate::name::{DnsName, DomainName};
use crate::verify::Code;

/// A name at which the right record may stand by mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What it is called to stand there.
    pub(super) code: Code,
    /// The name.
    pub(super) name: DnsName,
    /// What to do, if it stands there.
    pub(super) mend: String,
}

/// The names at which a record of `domain` that belongs to `name` may stand, those first of which people make most.
pub(super) fn all(domain: &DomainName, name: &DnsName, record_type: RecordType) -> Vec<Place> {
    let apex = domain.dns();
    // What stands in front of the domain; nothing at the domain itself.
    let host = name.as_str().strip_suffix(apex.as_str()).unwrap_or_default().trim_end_matches('.');
    let zones = zones(domain);
    let enter = |more: &str| {
        let hosts: Vec<String> = zones.iter().map(|zone| in_form(name, zone)).collect();
        match hosts.as_slice() {
            [own, above] => {
                let zone = zones.last().map(DnsName::as_str).unwrap_or_default();
                format!("enter {own} as its name{more}, or {above} in the form of {zone}")
            }
            hosts => format!("enter {} as its name{more}", hosts.first().map_or("@", String::as_str)),
        }
    };
    let mut places = Vec::new();
    let mut add = |code, at: String, mend: String| {
        if let Ok(at) = at.parse::<DnsName>()
            && at != *name
        {
            places.push(Place { code, name: at, mend });
        }
    };
    let at = |label: &str| format!("{label}.{apex}");
    let below = |label: &str| if host.is_empty() { at(label) } else { at(&format!("{host}.{label}")) };
    for zone in &zones {
        let mend = format!("the form adds {zone} by itself: enter {} as its name", in_form(name, zone));
        add(Code::RecordAtDoubledName, format!("{name}.{zone}"), mend);
    }
    if host.contains('_') {
        add(Code::RecordMissingUnderscore, at(&host.replace('_', "")), enter(", with the underscore"));
    }
    if record_type == RecordType::Txt && !host.is_empty() {
        add(Code::RecordAtApex, apex.to_string(), enter(""));
    }
    add(Code::RecordAtWww, below("www"), enter(", without www"));
    if !host.is_empty()
        && let Some(parent) = domain.parent()
    {
        let mend = format!("make it for {domain}, not for the domain above it: {}", enter(""));
        add(Code::RecordInParentZone, format!("{host}.{parent}"), mend);
    }
    add(Code::RecordAtMail, below("mail"), enter(", without mail"));
    if let Some((front, back)) = host.split_once('.') {
        for part in [front.to_owned(), back.to_owned(), format!("{front}{back}")] {
            add(Code::RecordNameIncomplete, at(&part), enter(", with nothing left out"));
        }
    }
    if host.is_empty() && record_type == RecordType::Txt {
        for label in ["_spf", "spf"] {
            add(Code::RecordAtSpf, at(label), enter(", for the domain itself"));
        }
    }
    places
}

/// The zones whose forms people may have before them: the domain itself, and the one that is registered.
fn zones(domain: &DomainName) -> Vec<DnsName> {
    let registered = psl::domain_str(domain.as_str()).map(DnsName::from_answer);
    let above = registered.filter(|registered| registered != domain.dns());
    std::iter::once(domain.dns().clone()).chain(above).collect()
}

/// The name as a form takes it that adds `zone` by itself.
fn in_form(name: &DnsName, zone: &DnsName) -> String {
    let front = name.as_str().strip_suffix(zone.as_str()).unwrap_or_default().trim_end_matches('.');
    if front.is_empty() { "@".to_owned() } else { front.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The look-ups that a failed judgement may cost, and those that are no places.
    const MOST: usize = 12;
    const OTHERS: usize = 4;

    #[test]
    fn a_record_of_any_kind_has_few_places_and_each_once() {
        for domain in ["example.com", "news.mail.example.co.uk"] {
            let domain: DomainName = domain.parse().unwrap();
            let kinds = [
                ("@", RecordType::Txt, 1),
                ("@", RecordType::Mx, 2),
                ("_dmarc", RecordType::Txt, 1),
                ("pr1._domainkey", RecordType::Txt, 1),
                ("mailer", RecordType::Cname, OTHERS),
            ];
            for (host, record_type, others) in kinds {
                let places = all(&domain, &domain.record(host), record_type);
                assert!(places.len() + others <= MOST, "{host}: {places:#?}");
                let mut names: Vec<&DnsName> = places.iter().map(|place| &place.name).collect();
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), places.len(), "{host}: {places:#?}");
            }
        }
    }
}
