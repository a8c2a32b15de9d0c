//! Whether what the records name is there: the resolvers, the hosts, their addresses, and the names of these.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use postroom::advisory::{self, Grade, Subject};
use postroom::dns::{Outcome, Question, RecordData, RecordType, Resolver, Server};
use postroom::name::DnsName;
use postroom::settings::Settings;

use super::{Check, State, check};
use crate::command::Context;

/// The resolvers, and then the hosts if a resolver answers.
pub(super) fn of_config(context: &Context) -> Vec<Check> {
    let resolver = match context.resolver() {
        Ok(resolver) => resolver,
        Err(failure) => return vec![check("resolver", State::Fail, failure.text())],
    };
    let mut checks = resolvers(context, &resolver);
    // What is wrong with the settings is said on their own line.
    if let (Ok(settings), Ok(declared)) = (context.config.settings(), context.config.server_addresses())
        && checks.iter().any(|check| check.state != State::Fail)
    {
        checks.extend(promises(&settings, &declared, &resolver));
        checks.extend(reports(&settings, &resolver));
    }
    checks
}

/// Asks each resolver for the name servers of com, which every one of them knows, and whether it validates.
fn resolvers(context: &Context, resolver: &dyn Resolver) -> Vec<Check> {
    let question = Question::new(DnsName::from_answer("com"), RecordType::Ns);
    let sightings = resolver.look(&[question]);
    let answers = sightings.iter().flat_map(|sighting| &sighting.answers);
    answers
        .filter_map(|answer| match answer.server {
            Server::Recursive(address) => Some((address, &answer.outcome)),
            _ => None,
        })
        .map(|(address, outcome)| match outcome {
            Outcome::Found { .. } => validating(context, address),
            outcome if outcome.is_temporary() => {
                let text = format!("{address} does not answer{}; set dns.resolvers", why(outcome));
                check("resolver", State::Fail, text)
            }
            _ => {
                let text = format!("{address} answers, but does not know com; it is cut off from the DNS");
                check("resolver", State::Warn, text)
            }
        })
        .collect()
}

/// Whether this resolver says that it has validated what the root says, which is signed.
fn validating(context: &Context, resolver: SocketAddr) -> Check {
    let root = Question::new(DnsName::from_answer("."), RecordType::Soa);
    let alone = context.resolver_at(resolver).ok();
    match alone.and_then(|alone| alone.validates(&root)) {
        Some(true) => check("resolver", State::Ok, format!("{resolver} answers, and validates DNSSEC")),
        Some(false) => {
            let text = format!(
                "{resolver} answers, but does not validate DNSSEC: whoever can forge its answers can have a domain \
                 verified; set dns.resolvers to one that validates, best on this machine"
            );
            check("resolver", State::Warn, text)
        }
        None => {
            let text = format!("{resolver} answers, but not whether it validates DNSSEC");
            check("resolver", State::Warn, text)
        }
    }
}

/// Whether the hosts that records name lead to this machine, and whether the names of its addresses lead back.
///
/// `declared` are the addresses at which the world reaches this machine, beside its own and those that it sends from.
pub(in crate::command) fn promises(
    settings: &Settings,
    declared: &[IpAddr],
    resolver: &dyn Resolver,
) -> Vec<Check> {
    let is_ours = |address: &IpAddr| {
        declared.contains(address)
            || settings.sending_addresses.contains(address)
            || is_of_this_machine(*address)
    };
    let mut checks = Vec::new();
    let mut ours = settings.sending_addresses.clone();
    for (setting, host) in [("mx.host", &settings.mx_host), ("return_path.host", &settings.return_path_host)]
    {
        match addresses(host, resolver) {
            Err(text) => checks.push(check("hosts", State::Warn, format!("{setting}: {text}"))),
            Ok(found) if found.is_empty() => {
                let text = format!(
                    "{setting} is {host}, which has no address; publish an A or AAAA record of it, or set {setting}"
                );
                checks.push(check("hosts", State::Fail, text));
            }
            Ok(found) => {
                let foreign: Vec<String> =
                    found.iter().filter(|address| !is_ours(address)).map(IpAddr::to_string).collect();
                let text = format!("{setting} is {host} at {}", joined(&found));
                checks.push(if foreign.is_empty() {
                    check("hosts", State::Ok, text)
                } else {
                    let text = format!(
                        "{text}, of which {} is not this machine's; correct the record, or name the address in \
                         server.addresses if it leads here",
                        foreign.join(" and ")
                    );
                    check("hosts", State::Warn, text)
                });
                if setting == "mx.host" {
                    ours.extend(found.iter().filter(|address| is_ours(address)));
                }
            }
        }
    }
    ours.sort_unstable();
    ours.dedup();
    checks.extend(ours.iter().map(|address| names(*address, settings, resolver)));
    checks
}

/// Whether an address has a name that leads back to it: many mail servers refuse mail from one that has none.
fn names(address: IpAddr, settings: &Settings, resolver: &dyn Resolver) -> Check {
    let sends = settings.sending_addresses.contains(&address);
    let worse = if sends { State::Fail } else { State::Warn };
    let outcome = resolver.lookup(&Question::reverse(address)).outcome;
    if outcome.is_temporary() {
        return check(
            "PTR",
            State::Warn,
            format!("the name of {address} cannot be looked up now ({outcome:?})"),
        );
    }
    let names: Vec<&DnsName> = outcome
        .records()
        .iter()
        .filter_map(|record| match record {
            RecordData::Ptr(name) => Some(name),
            _ => None,
        })
        .collect();
    let Some(first) = names.first() else {
        let text = format!(
            "{address} has no name: many mail servers refuse mail from it; have its provider set the PTR record to {}",
            settings.mx_host
        );
        return check("PTR", worse, text);
    };
    let leads_back = |name: &&&DnsName| addresses(name, resolver).is_ok_and(|found| found.contains(&address));
    if let Some(name) = names.iter().find(leads_back) {
        return check("PTR", State::Ok, format!("{address} is {name}, and {name} leads back"));
    }
    let text = format!(
        "{address} is {first}, which does not lead back to {address}: many mail servers refuse mail from it; let both \
         agree"
    );
    check("PTR", worse, text)
}

/// Whether the domain of `dmarc.rua` says that it takes DMARC reports on the domains of others (RFC 9990 section 4).
fn reports(settings: &Settings, resolver: &dyn Resolver) -> Option<Check> {
    let domain = settings.dmarc_rua.as_ref()?.domain();
    let subject = Subject::new(STRANGER.parse().ok()?, settings);
    let advice = advisory::report_permission(&subject, resolver)?;
    Some(match advice.grade {
        Grade::Good => {
            check("reports", State::Ok, format!("{domain} takes DMARC reports on the domains of others"))
        }
        Grade::Unknown => check("reports", State::Warn, advice.text),
        _ => {
            let text = format!(
                "{domain}, where dmarc.rua is, does not say that it takes DMARC reports on the domains of others, so that \
                 none come; add the TXT record \"v=DMARC1;\" at *._report._dmarc.{domain}"
            );
            check("reports", State::Warn, text)
        }
    })
}

/// A domain of nobody's: what is allowed for it is allowed for all.
const STRANGER: &str = "postroom-doctor.example";

/// The addresses of a host; an error says that they cannot be looked up now.
fn addresses(host: &DnsName, resolver: &dyn Resolver) -> Result<Vec<IpAddr>, String> {
    let questions = [RecordType::A, RecordType::Aaaa].map(|kind| Question::new(host.clone(), kind));
    let answers = resolver.lookup_all(&questions);
    let found: Vec<IpAddr> =
        answers.iter().flat_map(|answer| answer.outcome.records()).filter_map(RecordData::address).collect();
    match answers.iter().find(|answer| answer.outcome.is_temporary()) {
        Some(answer) if found.is_empty() => {
            Err(format!("{host} cannot be looked up now ({:?})", answer.outcome))
        }
        _ => Ok(found),
    }
}

/// The system lets a socket be bound to this machine's own addresses alone.
fn is_of_this_machine(address: IpAddr) -> bool {
    !address.is_unspecified() && UdpSocket::bind((address, 0)).is_ok()
}

fn joined(addresses: &[IpAddr]) -> String {
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}

/// Why nothing follows from an answer, as the rest of a sentence.
fn why(outcome: &Outcome) -> String {
    let (what, detail) = match outcome {
        Outcome::ServFail { detail } => ("it could not find out", detail.as_str()),
        Outcome::Refused { detail } => ("it refuses", detail.as_str()),
        Outcome::Unreachable { detail } | Outcome::Malformed { detail } => ("", detail.as_str()),
        Outcome::Timeout => ("no answer came in time", ""),
        _ => ("", ""),
    };
    [what, detail].iter().filter(|text| !text.is_empty()).fold(String::new(), |all, text| all + ": " + text)
}

#[cfg(test)]
mod tests {
    use postroom::dns::ScriptedResolver;

    use super::*;

    fn settings() -> Settings {
        let mut settings = Settings::for_server(&"example.net".parse().unwrap());
        settings.sending_addresses = vec!["192.0.2.25".parse().unwrap()];
        settings
    }

    fn address(text: &str) -> Vec<RecordData> {
        vec![RecordData::A(text.parse().unwrap())]
    }

    fn ptr(name: &str) -> Vec<RecordData> {
        vec![RecordData::Ptr(name.parse().unwrap())]
    }

    fn script(return_path: &str, name: &str, back: &str) -> ScriptedResolver {
        let dns = ScriptedResolver::new();
        dns.set("mx.example.net", address("192.0.2.25"));
        dns.set("return-path.example.net", address(return_path));
        dns.set("25.2.0.192.in-addr.arpa", ptr(name));
        dns.set(name, address(back));
        dns
    }

    fn states(checks: &[Check]) -> Vec<(&'static str, State)> {
        checks.iter().map(|check| (check.name, check.state)).collect()
    }

    #[test]
    fn reports_come_only_if_the_domain_of_the_address_takes_them_on_all_domains() {
        let state = |dns: &ScriptedResolver, rua: Option<&str>| {
            let rua = rua.map(|rua| rua.parse().unwrap());
            reports(&Settings { dmarc_rua: rua, ..settings() }, dns).map(|check| check.state)
        };
        let (nothing, rua) = (ScriptedResolver::new(), Some("dmarc@reports.example.org"));
        assert_eq!(state(&nothing, None), None);
        assert_eq!(state(&nothing, rua), Some(State::Warn));
        let one =
            ScriptedResolver::new().txt("example.com._report._dmarc.reports.example.org", &["v=DMARC1;"]);
        assert_eq!(state(&one, rua), Some(State::Warn));
        let all = ScriptedResolver::new().txt("*._report._dmarc.reports.example.org", &["v=DMARC1;"]);
        assert_eq!(state(&all, rua), Some(State::Ok));
    }

    #[test]
    fn hosts_that_lead_here_and_a_name_that_leads_back_are_right() {
        let dns = script("127.0.0.1", "mail.example.net", "192.0.2.25");
        let checks = promises(&settings(), &[], &dns);
        assert_eq!(
            states(&checks),
            [("hosts", State::Ok), ("hosts", State::Ok), ("PTR", State::Ok)],
            "{checks:?}"
        );
    }

    #[test]
    fn a_host_elsewhere_is_named_with_its_address_unless_that_is_declared() {
        let dns = script("198.51.100.7", "mail.example.net", "192.0.2.25");
        let checks = promises(&settings(), &[], &dns);
        assert_eq!(checks[1].state, State::Warn);
        assert!(checks[1].text.contains("198.51.100.7"), "{checks:?}");
        let declared = promises(&settings(), &["198.51.100.7".parse().unwrap()], &dns);
        assert_eq!(declared[1].state, State::Ok, "{declared:?}");
    }

    #[test]
    fn a_name_that_leads_elsewhere_fails_for_an_address_that_sends() {
        let dns = script("127.0.0.1", "mail.example.net", "192.0.2.99");
        let checks = promises(&settings(), &[], &dns);
        assert_eq!(checks[2].state, State::Fail, "{checks:?}");
        assert!(checks[2].text.contains("does not lead back"), "{checks:?}");
    }

    #[test]
    fn a_host_without_an_address_fails() {
        let dns = ScriptedResolver::new();
        let checks = promises(&settings(), &[], &dns);
        assert!(checks.iter().any(|check| check.name == "hosts" && check.state == State::Fail), "{checks:?}");
        assert!(checks.iter().any(|check| check.name == "PTR" && check.state == State::Fail), "{checks:?}");
    }
}
