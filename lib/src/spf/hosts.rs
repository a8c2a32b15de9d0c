//! Addresses and mail hosts, as mechanisms compare them.

use std::net::IpAddr;

use super::record::{Mechanism, Prefixes};
use crate::dns::RecordData;
use crate::name::DnsName;

/// The mail hosts of MX records; the empty name of a null MX is none (RFC 7505).
pub(super) fn mail_hosts(records: &[RecordData]) -> impl Iterator<Item = &DnsName> {
    records.iter().filter_map(|record| match record {
        RecordData::Mx { exchange, .. } if !exchange.as_str().is_empty() => Some(exchange),
        _ => None,
    })
}

/// Whether an address has the first `prefix` bits of another of its family.
pub(super) fn is_within(ip: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let prefix = u32::from(prefix);
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            let differing = ip.to_bits() ^ network.to_bits();
            differing.leading_zeros() >= prefix
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            let differing = ip.to_bits() ^ network.to_bits();
            differing.leading_zeros() >= prefix
        }
        _ => false,
    }
}

impl Mechanism {
    /// Whether another mechanism matches all that this one does, their domains aside.
    pub(super) fn is_part_of(&self, other: &Mechanism) -> bool {
        match (self, other) {
            (Mechanism::Ip4(part, longer), Mechanism::Ip4(whole, shorter)) => {
                shorter <= longer && is_within((*part).into(), (*whole).into(), *shorter)
            }
            (Mechanism::Ip6(part, longer), Mechanism::Ip6(whole, shorter)) => {
                shorter <= longer && is_within((*part).into(), (*whole).into(), *shorter)
            }
            (Mechanism::A(_, longer), Mechanism::A(_, shorter))
            | (Mechanism::Mx(_, longer), Mechanism::Mx(_, shorter)) => {
                shorter.v4 <= longer.v4 && shorter.v6 <= longer.v6
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// Clients by the family of their address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Families {
    pub(super) v4: bool,
    pub(super) v6: bool,
}

impl Families {
    pub(super) const NONE: Families = Families { v4: false, v6: false };
    pub(super) const BOTH: Families = Families { v4: true, v6: true };

    pub(super) fn of(mechanism: &Mechanism) -> Families {
        Families {
            v4: !matches!(mechanism, Mechanism::Ip6(..)),
            v6: !matches!(mechanism, Mechanism::Ip4(..)),
        }
    }

    pub(super) fn and(self, other: Families) -> Families {
        Families { v4: self.v4 || other.v4, v6: self.v6 || other.v6 }
    }

    pub(super) fn without(self, other: Families) -> Families {
        Families { v4: self.v4 && !other.v4, v6: self.v6 && !other.v6 }
    }

    pub(super) fn meets(self, other: Families) -> bool {
        (self.v4 && other.v4) || (self.v6 && other.v6)
    }

    /// The families of which a prefix length of 0 matches everybody, if there is an address (RFC 7208 section 5.3).
    pub(super) fn covered(records: &[RecordData], prefixes: Prefixes) -> Families {
        Families {
            v4: prefixes.v4 == 0 && records.iter().any(|record| matches!(record, RecordData::A(_))),
            v6: prefixes.v6 == 0 && records.iter().any(|record| matches!(record, RecordData::Aaaa(_))),
        }
    }
}
