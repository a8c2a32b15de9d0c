//! The resolver against servers that these tests play, on loopback addresses.

mod authority;
mod egress;
mod hostile;
mod play;
mod recursion;

use std::net::SocketAddr;
use std::time::Duration;

use super::{DnsSettings, NetworkResolver};
use crate::dns::{Answer, Question, RecordType, Resolver};
use crate::name::DnsName;

/// Far more than an answer on loopback takes on a busy machine.
const AMPLE: Duration = Duration::from_secs(5);
/// For tests that wait it out.
const SHORT: Duration = Duration::from_millis(300);

fn resolver_of(servers: &[SocketAddr], per_lookup: Duration) -> NetworkResolver {
    NetworkResolver::new(DnsSettings {
        resolvers: servers.to_vec(),
        authoritative: false,
        per_lookup,
        ..DnsSettings::default()
    })
    .unwrap()
}

fn question(name: &str, record_type: RecordType) -> Question {
    Question::new(name.parse().unwrap(), record_type)
}

fn lookup(server: SocketAddr, name: &str, record_type: RecordType) -> Answer {
    resolver_of(&[server], AMPLE).lookup(&question(name, record_type))
}

fn names(texts: &[&str]) -> Vec<DnsName> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}
