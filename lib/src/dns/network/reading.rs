//! What a reply says about a question: a pure function of the message.
//!
//! The answer section is walked from the name that was asked: a record of the type at the current name ends
//! the walk, a CNAME there goes on to its target. Whatever other names own is not looked at, so records that
//! a server or a forger put beside the answer change nothing. The response code speaks of the end of the
//! chain (RFC 6604 section 3).

use std::collections::HashMap;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType as WireType};

use super::wire;
use crate::dns::{MAX_CHAIN, Outcome};
use crate::name::DnsName;

/// The names from the one that was asked to the one that is looked at, each the CNAME of the one before.
#[derive(Clone)]
pub(super) struct Chain {
    asked: Name,
    targets: Vec<Name>,
}

/// The chain leads back into itself, or is too long.
pub(super) struct Loop;

impl Chain {
    pub(super) fn new(asked: Name) -> Chain {
        Chain { asked, targets: Vec::new() }
    }

    /// The name at its end.
    pub(super) fn end(&self) -> &Name {
        self.targets.last().unwrap_or(&self.asked)
    }

    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    /// Goes on to `target`, which is kept even where it closes a loop, so that a person can see it.
    pub(super) fn push(&mut self, target: Name) -> Result<(), Loop> {
        let seen = self.asked == target || self.targets.contains(&target);
        self.targets.push(target);
        if seen || self.targets.len() > MAX_CHAIN { Err(Loop) } else { Ok(()) }
    }

    /// Cuts the chain at its first name outside `zone`, if it leaves the zone.
    pub(super) fn leave(&mut self, zone: &Name) -> bool {
        let outside = self.targets.iter().position(|target| !zone.zone_of(target));
        if let Some(index) = outside {
            self.targets.truncate(index + 1);
        }
        outside.is_some()
    }

    pub(super) fn names(&self) -> Vec<DnsName> {
        self.targets.iter().map(wire::from_wire).collect()
    }
}

/// What a reply says.
pub(super) enum Reading {
    /// This, at the end of the chain.
    Outcome(Outcome),
    /// The chain goes on to a name of which the reply says nothing.
    Onward,
    /// Others know: the name servers of `zone`, which holds the end of the chain.
    Referral { zone: Name, servers: Vec<Name> },
}

/// What `reply` says of `wire_type` at the end of `chain`, which grows by the aliases in it.
pub(super) fn read(reply: &Message, chain: &mut Chain, wire_type: WireType) -> Reading {
    let code = reply.metadata.response_code;
    match code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        ResponseCode::ServFail => return failed(wire::extended_errors(reply)),
        ResponseCode::Refused => {
            return Reading::Outcome(Outcome::Refused { detail: wire::extended_errors(reply) });
        }
        code => return failed(format!("it answered with the code {}, {code}", u16::from(code))),
    }
    let before = chain.len();
    if walk(reply, chain, wire_type).is_err() {
        return Reading::Outcome(Outcome::CnameLoop);
    }
    let (records, ttl) = records(reply, chain.end(), wire_type);
    let remaining = negative_ttl(reply, chain.end());
    match code {
        ResponseCode::NXDomain if records.is_empty() => Reading::Outcome(Outcome::NxDomain { remaining }),
        ResponseCode::NXDomain => Reading::Outcome(Outcome::Malformed {
            detail: "it says that the name does not exist, and gives records of it".into(),
        }),
        _ if !records.is_empty() => Reading::Outcome(Outcome::of_records(records, ttl)),
        _ if remaining.is_some() => Reading::Outcome(Outcome::NoData { remaining }),
        _ if chain.len() > before => Reading::Onward,
        _ => referral(reply, chain.end()).unwrap_or(Reading::Outcome(Outcome::NoData { remaining: None })),
    }
}

fn failed(detail: String) -> Reading {
    Reading::Outcome(Outcome::ServFail { detail })
}

/// Follows the aliases in the answer section. For a CNAME question the alias itself is the answer.
fn walk(reply: &Message, chain: &mut Chain, wire_type: WireType) -> Result<(), Loop> {
    if wire_type == WireType::CNAME {
        return Ok(());
    }
    // By owner, so that many records cost no more than one pass. Of several aliases of one name, which RFC
    // 2181 section 10.1 rules out, the first is taken.
    let mut aliases = HashMap::new();
    for record in in_class(&reply.answers) {
        if let RData::CNAME(target) = &record.data {
            aliases.entry(&record.name).or_insert(&target.0);
        }
    }
    while !in_class(&reply.answers).any(|record| is_at(record, chain.end(), wire_type)) {
        match aliases.get(chain.end()) {
            Some(target) => {
                let mut target = Name::clone(target);
                target.set_fqdn(true);
                chain.push(target)?;
            }
            None => break,
        }
    }
    Ok(())
}

/// The records of the type at `name`, and the least of their TTLs (RFC 2181 section 5.2).
fn records(reply: &Message, name: &Name, wire_type: WireType) -> (Vec<crate::dns::RecordData>, Duration) {
    let mut ttl = Duration::MAX;
    let mut records = Vec::new();
    for record in in_class(&reply.answers).filter(|record| is_at(record, name, wire_type)) {
        ttl = ttl.min(wire::seconds(record.ttl));
        records.extend(wire::data(record));
    }
    (records, ttl)
}

/// How long the absence may be remembered: the lesser of the SOA's TTL and its minimum (RFC 2308 section 5).
fn negative_ttl(reply: &Message, name: &Name) -> Option<Duration> {
    start_of_authority(reply, name).map(|(_, ttl)| ttl)
}

/// The zone that says so, and for how long: from the SOA of a zone that holds `name`, in the authority section.
pub(super) fn start_of_authority<'r>(reply: &'r Message, name: &Name) -> Option<(&'r Name, Duration)> {
    in_class(&reply.authorities).find_map(|record| match &record.data {
        RData::SOA(soa) if record.name.zone_of(name) => {
            Some((&record.name, wire::seconds(record.ttl.min(soa.minimum))))
        }
        _ => None,
    })
}

/// A reply without authority, answer or SOA that names the servers of a zone above the name.
fn referral(reply: &Message, name: &Name) -> Option<Reading> {
    if reply.metadata.authoritative {
        return None;
    }
    let delegations = || {
        in_class(&reply.authorities).filter_map(|record| match &record.data {
            RData::NS(server) if record.name.zone_of(name) => Some((&record.name, &server.0)),
            _ => None,
        })
    };
    let (zone, _) = delegations().next()?;
    let servers =
        delegations().filter(|(owner, _)| *owner == zone).map(|(_, server)| server.clone()).collect();
    Some(Reading::Referral { zone: zone.clone(), servers })
}

fn in_class(records: &[Record]) -> impl Iterator<Item = &Record> {
    records.iter().filter(|record| record.dns_class == DNSClass::IN)
}

fn is_at(record: &Record, name: &Name, wire_type: WireType) -> bool {
    record.record_type() == wire_type && record.name == *name
}
