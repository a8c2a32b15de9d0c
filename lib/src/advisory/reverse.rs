//! Reverse DNS: the names of the sending addresses, whether they lead back, and what their SPF records say of the host itself.

use std::net::IpAddr;

use super::{Advice, AdviceCode, MOST_ADDRESSES, Subject, Tools, addresses};
use crate::dns::{Question, RecordData, RecordType, Resolver};
use crate::name::DnsName;
use crate::record::finding::Action;
use crate::spf::{Query, SpfResult, check_host};

/// Of the names of one address so many are looked up.
const MOST_NAMES: usize = 3;

pub(super) fn advise(subject: &Subject, tools: &Tools<'_>) -> Vec<Advice> {
    let sending = match subject.sending.as_slice() {
        [] => addresses(&subject.mx_host, tools.resolver),
        given => Ok(given.to_vec()),
    };
    match sending {
        Ok(sending) => sending
            .into_iter()
            .take(MOST_ADDRESSES)
            .map(|ip| of_address(ip, subject, tools.resolver))
            .collect(),
        Err(question) => vec![Advice::unknown(&question)],
    }
}

fn of_address(ip: IpAddr, subject: &Subject, dns: &dyn Resolver) -> Advice {
    let question = Question::reverse(ip);
    let answer = dns.lookup(&question);
    if answer.outcome.is_temporary() {
        return Advice::unknown(&question);
    }
    let name = &question.name;
    let hosts: Vec<&DnsName> = answer
        .outcome
        .records()
        .iter()
        .filter_map(|record| match record {
            RecordData::Ptr(host) => Some(host),
            _ => None,
        })
        .collect();
    let Some(first) = hosts.first() else {
        let text = format!(
            "{ip} has no name (PTR), and many receivers refuse mail from such an address; ask whoever gave you the address to \
             name it after the host that sends."
        );
        let entry = Action::add(name.clone(), RecordType::Ptr, format!("{}.", subject.mx_host));
        return Advice::improve(AdviceCode::ReverseMissing, name, text).doing(entry);
    };
    let leads_back = |host: &&&DnsName| addresses(host, dns).is_ok_and(|addresses| addresses.contains(&ip));
    let Some(host) = hosts.iter().take(MOST_NAMES).find(leads_back) else {
        let text = format!(
            "{ip} is named {first}, and that name does not lead back to it, so that receivers distrust it; add the address to \
             {first}, or have the address named after the host that it belongs to."
        );
        let record_type = if ip.is_ipv4() { RecordType::A } else { RecordType::Aaaa };
        let entry = Action::add(DnsName::clone(first), record_type, ip.to_string());
        return Advice::improve(AdviceCode::ReverseNotConfirmed, name, text).doing(entry);
    };
    if is_generic(host, ip) {
        let text = format!(
            "{ip} is named {host}, which looks like the name of a customer's line, and some receivers refuse mail from those; \
             have it named after the host that sends."
        );
        return Advice::improve(AdviceCode::ReverseGeneric, name, text);
    }
    of_host(ip, host, name, dns)
}

/// What the SPF record of the host says, whose name stands in HELO (RFC 7208 section 2.3).
fn of_host(ip: IpAddr, host: &DnsName, name: &DnsName, dns: &dyn Resolver) -> Advice {
    let checked = check_host(dns, &Query::new(ip, "", host.as_str()));
    let entry = || Action::add(host.clone(), RecordType::Txt, "v=spf1 a -all".to_owned());
    match checked.result {
        SpfResult::Pass => {
            let text =
                format!("{ip} is named {host}, which leads back to it, and whose SPF record lets it send.");
            Advice::good(name, text)
        }
        SpfResult::TempError => Advice::unknown(&Question::new(host.clone(), RecordType::Txt)),
        SpfResult::None => {
            let text = format!(
                "{ip} is named {host}, which leads back to it, but {host} has no SPF record of its own, by which bounces are \
                 checked; add the TXT record \"v=spf1 a -all\" there."
            );
            Advice::note(AdviceCode::HeloSpfMissing, name, text).doing(entry())
        }
        result => {
            let text = format!(
                "{ip} is named {host}, and the SPF record of {host} gives it {result}, so that bounces are refused; let that \
                 record pass {ip}."
            );
            Advice::improve(AdviceCode::HeloSpfRefuses, name, text)
        }
    }
}

/// Whether a name is made of its address, as providers name the lines of their customers.
fn is_generic(host: &DnsName, ip: IpAddr) -> bool {
    let IpAddr::V4(ip) = ip else { return false };
    let first = host.as_str().split('.').take(4).collect::<Vec<_>>().join("-");
    let numbers: Vec<&str> =
        first.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let octets = ip.octets().map(|octet| octet.to_string());
    octets.iter().all(|octet| numbers.contains(&octet.as_str())) && numbers.len() >= octets.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_made_of_its_address_is_generic_and_one_with_other_numbers_is_not() {
        let generic = |host: &str| is_generic(&host.parse().unwrap(), "192.0.2.10".parse().unwrap());
        assert!(generic("192-0-2-10.dyn.example.net"));
        assert!(generic("host10.2.0.192.example.net"));
        assert!(!generic("mx10.example.net"));
        assert!(!generic("out-2-10.example.net"));
    }
}
