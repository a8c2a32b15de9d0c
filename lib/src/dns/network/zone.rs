//! Finds the zone of a name and the zone's name servers, by asking a recursive resolver.
//!
//! The zone is the one that holds the *asked* name. The target of an alias may be in another zone. So an answer that came
//! through a CNAME shows only that the name is not an apex (RFC 1034 section 3.6.2), and that its zone is that of the name
//! above.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_resolver::proto::rr::{Name, RecordType as WireType};
use tokio::time::Instant;

use super::exchange::{Ask, Whom};
use super::reading::{Chain, Reading, read, start_of_authority};
use super::{Asking, is_askable, side_by_side, wire};
use crate::dns::{Outcome, Question, RecordData, RecordType};
use crate::egress;
use crate::name::DnsName;

/// How many labels are gone up in search of the zone.
const MOST_STEPS: usize = 10;
/// How many name servers of a zone are asked.
const MOST_SERVERS: usize = 8;
/// How many addresses of each.
const MOST_ADDRESSES: usize = 2;

/// One address of a zone's name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NameServer {
    pub(super) name: DnsName,
    pub(super) address: SocketAddr,
}

/// The apex of the zone that holds `name`. Nothing if that cannot be found out, or is the root.
pub(super) async fn zone_of(asking: &Asking, name: Name, until: Instant) -> Option<Name> {
    let mut name = name;
    for _ in 0..MOST_STEPS {
        if name.is_root() {
            break;
        }
        let ask = Ask { name: name.clone(), wire_type: WireType::NS, of: Whom::Recursive };
        let reply = asking.ask_any(&ask, until).await.ok()?;
        let mut chain = Chain::new(name.clone());
        let reading = read(&reply, &mut chain, WireType::NS);
        match reading {
            Reading::Outcome(Outcome::Found { .. }) if chain.len() == 0 => return Some(name),
            // The SOA of a negative answer is the zone's (RFC 2308 section 2), and one that does not hold
            // the name was not taken.
            Reading::Outcome(Outcome::NoData { .. } | Outcome::NxDomain { .. }) if chain.len() == 0 => {
                if let Some((zone, _)) = start_of_authority(&reply, &name) {
                    return (!zone.is_root()).then(|| zone.clone());
                }
            }
            // The zone is broken, but the parent zone may still name its servers.
            _ => {}
        }
        name = name.base_name();
    }
    None
}

/// The name servers of `zone`.
pub(super) async fn servers_of(asking: Arc<Asking>, zone: Name, until: Instant) -> Vec<NameServer> {
    let question = Question::new(wire::from_wire(&zone), RecordType::Ns);
    let answer = asking.lookup(&question, until).await;
    let names = answer.outcome.records().iter().filter_map(|record| match record {
        RecordData::Ns(name) => Some(name.clone()),
        _ => None,
    });
    addresses_of(asking, names.collect(), until).await
}

/// The addresses of these name servers, as far as there are any. Those that lead to one host are one name server, which is
/// asked once, by the name that comes first.
pub(super) async fn addresses_of(
    asking: Arc<Asking>,
    mut names: Vec<DnsName>,
    until: Instant,
) -> Vec<NameServer> {
    names.sort();
    names.dedup();
    names.truncate(MOST_SERVERS);
    let lookups = names.iter().flat_map(|name| {
        [RecordType::A, RecordType::Aaaa].map(|record_type| {
            let (asking, question) = (asking.clone(), Question::new(name.clone(), record_type));
            async move { asking.lookup(&question, until).await.outcome }
        })
    });
    let mut outcomes = side_by_side(lookups).await.into_iter().map(|outcome| addresses(outcome.as_ref()));
    let port = asking.setup.settings.authoritative_port;
    let mut servers = Vec::new();
    let mut hosts = HashSet::new();
    for name in names {
        let v4 = outcomes.next().unwrap_or_default();
        let v6 = outcomes.next().unwrap_or_default();
        for ip in choose(v4, v6).into_iter().filter(|ip| hosts.insert(egress::host(*ip))) {
            servers.push(NameServer { name: name.clone(), address: SocketAddr::new(ip, port) });
        }
    }
    servers
}

fn addresses(outcome: Option<&Outcome>) -> Vec<IpAddr> {
    let records = outcome.map(Outcome::records).unwrap_or_default();
    let ip = |record: &RecordData| match record {
        RecordData::A(ip) => Some(IpAddr::V4(*ip)),
        RecordData::Aaaa(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    };
    records.iter().filter_map(ip).filter(|ip| is_askable(*ip)).collect()
}

/// One address of each family if there are both, since they can differ in being reached.
fn choose(v4: Vec<IpAddr>, v6: Vec<IpAddr>) -> Vec<IpAddr> {
    let (mut v4, mut v6) = (v4.into_iter(), v6.into_iter());
    let mut chosen: Vec<IpAddr> = v4.next().into_iter().chain(v6.next()).collect();
    chosen.extend(v4.chain(v6));
    chosen.truncate(MOST_ADDRESSES);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_addresses_are_chosen_one_of_each_family_where_there_are_both() {
        let ips = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        assert_eq!(
            choose(ips(&["192.0.2.1", "192.0.2.2"]), ips(&["2001:db8::1"])),
            ips(&["192.0.2.1", "2001:db8::1"])
        );
        assert_eq!(
            choose(ips(&["192.0.2.1", "192.0.2.2", "192.0.2.3"]), vec![]),
            ips(&["192.0.2.1", "192.0.2.2"])
        );
        assert_eq!(choose(vec![], ips(&["2001:db8::1"])), ips(&["2001:db8::1"]));
    }
}
