//! Where a host that a customer names leads, and whether it may be reached.

use std::net::IpAddr;

use super::{Outcome, Question, RecordData, RecordType, Resolver};
use crate::egress::{EgressPolicy, NotAdmitted, VettedAddresses};
use crate::name::DnsName;

/// The addresses that each of these hosts has now, all look-ups side by side, in their order. An error where a host has none,
/// or one that the policy does not admit. None where the DNS is in temporary trouble: there is no telling now.
pub(crate) fn vet_hosts(
    resolver: &dyn Resolver,
    policy: &EgressPolicy,
    hosts: &[DnsName],
) -> Vec<Result<Option<VettedAddresses>, NotAdmitted>> {
    let questions: Vec<Question> = hosts
        .iter()
        .flat_map(|host| [RecordType::A, RecordType::Aaaa].map(|kind| Question::new(host.clone(), kind)))
        .collect();
    let mut outcomes = resolver.lookup_all(&questions).into_iter().map(|answer| answer.outcome);
    let mut of_one = || {
        let outcomes: Vec<Outcome> = outcomes.by_ref().take(2).collect();
        let addresses: Vec<IpAddr> =
            outcomes.iter().flat_map(Outcome::records).filter_map(RecordData::address).collect();
        if addresses.is_empty() && outcomes.iter().any(Outcome::is_temporary) {
            return Ok(None);
        }
        policy.vet(addresses).map(Some)
    };
    hosts.iter().map(|_| of_one()).collect()
}
