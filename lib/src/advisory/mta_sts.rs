//! MTA-STS: a domain says by a record that it has a policy, and by the policy on a web page which mail hosts it has and that
//! others must use TLS on the way to them (RFC 8461).

use super::{Advice, AdviceCode, Subject, Tools, hosts_of_mail, is_absent, shown, tag, texts_of};
use crate::dns::{Question, RecordType, vet_hosts};
use crate::name::DnsName;

/// Where the record stands, below the domain.
pub(super) const HOST: &str = "_mta-sts";
/// The most octets of a policy that are read (RFC 8461 section 3.2 lets senders stop there).
pub const MOST_POLICY_OCTETS: usize = 64 * 1024;
/// The host of the page, below the domain, and its path (RFC 8461 section 3.3).
const POLICY_HOST: &str = "mta-sts";
const POLICY_PATH: &str = "/.well-known/mta-sts.txt";
const VERSION: &str = "v=STSv1";
/// The longest that senders may keep a policy, in seconds (RFC 8461 section 3.2).
const MOST_AGE: u32 = 31_557_600;
/// The most characters of an id (RFC 8461 section 3.1).
const MOST_ID_CHARS: usize = 32;

pub(super) fn advise(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    vec![of_domain(subject, tools)]
}

fn of_domain(subject: &Subject, tools: &Tools<'_>) -> Advice {
    let question = Question::new(subject.domain.record(HOST), RecordType::Txt);
    let (name, answer) = (&question.name, tools.resolver.lookup(&question));
    if answer.outcome.is_temporary() {
        return Advice::unknown(&question);
    }
    let records = texts_of(&answer, VERSION);
    match records.as_slice() {
        [] if is_absent(&answer) => {
            let text = format!(
                "TXT {name}: there is no MTA-STS, so that others may send mail here without TLS; publish a policy, then the record \
                 (RFC 8461)."
            );
            return Advice::note(AdviceCode::MtaStsMissing, name, text);
        }
        [record] if is_id(tag(record, "id").unwrap_or_default()) => {}
        [record] => {
            let text = format!(
                "TXT {name}: \"{}\" has no id of 1 to {MOST_ID_CHARS} letters and digits, and counts as none; write id= and such a \
                 word into it.",
                shown(record)
            );
            return Advice::improve(AdviceCode::MtaStsSyntax, name, text);
        }
        [] => {
            let text = format!(
                "TXT {name}: no record there begins with {VERSION}; and a semicolon, so that senders see no MTA-STS; write \
                 \"{VERSION}; id=\" and a word."
            );
            return Advice::improve(AdviceCode::MtaStsSyntax, name, text);
        }
        several => {
            let text = format!(
                "TXT {name}: there are {} MTA-STS records, which count as none; delete all but one.",
                several.len()
            );
            return Advice::improve(AdviceCode::MtaStsMultiple, name, text);
        }
    }
    fetched(subject, tools)
}

/// What the policy says; the record is right.
fn fetched(subject: &Subject, tools: &Tools<'_>) -> Advice {
    let host = subject.domain.record(POLICY_HOST);
    let url = format!("https://{host}{POLICY_PATH}");
    let unreachable = |why: &str| {
        let text = format!(
            "{url}: the record says that there is a policy, and it cannot be had: {why}; publish it there, or delete the record."
        );
        Advice::improve(AdviceCode::MtaStsPolicyUnreachable, &host, text)
    };
    let mut vetted = vet_hosts(tools.resolver, tools.egress, std::slice::from_ref(&host));
    let addresses = match vetted.pop() {
        Some(Ok(Some(addresses))) => addresses,
        Some(Err(refused)) => return unreachable(&refused.to_string()),
        _ => return Advice::unknown(&Question::new(host, RecordType::A)),
    };
    let Some(https) = tools.https else {
        let text = format!("{url}: the record is right; the policy was not fetched.");
        return Advice::note(AdviceCode::MtaStsPolicyNotFetched, &host, text);
    };
    let page = match https.fetch(&host, POLICY_PATH, &addresses, MOST_POLICY_OCTETS) {
        Ok(page) => page,
        Err(why) => return unreachable(&shown(&why)),
    };
    match page.status {
        200 => {}
        300..=399 => return unreachable("the web server redirects, which senders do not follow"),
        status => return unreachable(&format!("the web server answers {status}")),
    }
    let policy = match Policy::parse(&String::from_utf8_lossy(&page.body)) {
        Ok(policy) => policy,
        Err(why) => {
            let text = format!("{url}: the policy is none: {}; mend it.", shown(&why));
            return Advice::improve(AdviceCode::MtaStsPolicySyntax, &host, text);
        }
    };
    if page.media_type.as_deref().is_some_and(|media_type| !media_type.eq_ignore_ascii_case("text/plain")) {
        let text = format!(
            "{url}: the policy is sent as {}, and senders want text/plain; have the web server say so.",
            shown(page.media_type.as_deref().unwrap_or_default())
        );
        return Advice::improve(AdviceCode::MtaStsPolicySyntax, &host, text);
    }
    judged(subject, tools, &policy, &host, &url)
}

fn judged(subject: &Subject, tools: &Tools<'_>, policy: &Policy, host: &DnsName, url: &str) -> Advice {
    if policy.mode == "none" {
        let text = format!("{url}: the policy has the mode none, so that it asks for nothing.");
        return Advice::note(AdviceCode::MtaStsTesting, host, text);
    }
    let hosts = match hosts_of_mail(&subject.domain, tools.resolver) {
        Ok(hosts) => hosts,
        Err(question) => return Advice::unknown(&question),
    };
    if let Some(missing) = hosts.iter().find(|host| !policy.names(host)) {
        let then = if policy.mode == "enforce" {
            "senders with MTA-STS do not deliver there"
        } else {
            "reports say so"
        };
        let text = format!(
            "{url}: the mail host {missing} is not in the policy, and {then}; add the line \"mx: {missing}\", and change the id in \
             the record."
        );
        return Advice::improve(AdviceCode::MtaStsMxNotListed, host, text);
    }
    if policy.mode == "testing" {
        let text = format!(
            "{url}: the policy is in the mode testing; when the reports show no failures, write enforce, and change the id in the \
             record."
        );
        return Advice::note(AdviceCode::MtaStsTesting, host, text);
    }
    Advice::good(host, format!("{url}: the policy is in force, and names every mail host."))
}

fn is_id(id: &str) -> bool {
    (1..=MOST_ID_CHARS).contains(&id.len()) && id.bytes().all(|octet| octet.is_ascii_alphanumeric())
}

/// A policy (RFC 8461 section 3.2).
struct Policy {
    mode: String,
    /// Names of mail hosts; `*.` in front stands for one label.
    hosts: Vec<String>,
}

impl Policy {
    fn parse(text: &str) -> Result<Policy, String> {
        let pairs: Vec<(&str, &str)> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                line.split_once(':')
                    .map(|(key, value)| (key.trim(), value.trim()))
                    .ok_or_else(|| format!("the line \"{line}\" has no colon"))
            })
            .collect::<Result<_, _>>()?;
        let value = |key: &str| pairs.iter().find(|(other, _)| *other == key).map(|(_, value)| *value);
        if value("version") != Some("STSv1") {
            return Err("it has no line \"version: STSv1\"".to_owned());
        }
        let mode = value("mode").unwrap_or_default().to_owned();
        if !["enforce", "testing", "none"].contains(&mode.as_str()) {
            return Err("its mode is not enforce, testing or none".to_owned());
        }
        let is_age = |age: &str| {
            age.bytes().all(|octet| octet.is_ascii_digit())
                && age.parse::<u32>().is_ok_and(|seconds| seconds <= MOST_AGE)
        };
        if !value("max_age").is_some_and(is_age) {
            return Err(format!("its max_age is no number of seconds up to {MOST_AGE}"));
        }
        let hosts: Vec<String> = pairs
            .iter()
            .filter(|(key, _)| *key == "mx")
            .map(|(_, host)| host.trim_end_matches('.').to_ascii_lowercase())
            .collect();
        if hosts.is_empty() && mode != "none" {
            return Err("it has no line with mx:".to_owned());
        }
        Ok(Policy { mode, hosts })
    }

    /// Whether it names this mail host (RFC 8461 section 4.1).
    fn names(&self, host: &DnsName) -> bool {
        self.hosts.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(rest) => host.parent().is_some_and(|parent| parent.as_str() == rest),
            None => host.as_str() == pattern,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_stands_for_one_label() {
        let policy = Policy::parse(
            "version: STSv1\r\nmode: enforce\r\nmx: *.example.net\r\nmx: mail.example.org\r\nmax_age: 86400\r\n",
        );
        let policy = policy.unwrap_or_else(|why| panic!("{why}"));
        for (host, want) in [
            ("mx.example.net", true),
            ("a.mx.example.net", false),
            ("example.net", false),
            ("mail.example.org", true),
        ] {
            assert_eq!(policy.names(&host.parse().unwrap()), want, "{host}");
        }
    }

    #[test]
    fn a_policy_has_its_version_its_mode_its_age_and_its_hosts() {
        for bad in [
            "",
            "mode: enforce\nmx: a.example\nmax_age: 1",
            "version: STSv1\nmode: on\nmx: a.example\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1",
            "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: +5",
            "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 31557601",
            "version: STSv1\nmode: enforce\nmx: a.example",
            "<html>",
        ] {
            assert!(Policy::parse(bad).is_err(), "{bad}");
        }
        assert!(Policy::parse("version: STSv1\nmode: none\nmax_age: 31557600").is_ok());
    }

    proptest! {
        #[test]
        fn no_page_makes_it_panic(text in "(version: STSv1\n)?(.{0,30}\n){0,8}") {
            let _ = Policy::parse(&text);
        }
    }
}
