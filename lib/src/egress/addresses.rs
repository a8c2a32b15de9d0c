//! Addresses that were vetted.

use std::net::IpAddr;

/// The addresses of a host, each of which may be reached: at least one, by the type.
///
/// Who connects takes one of these, and does not look the name up again: a name can change its addresses in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VettedAddresses {
    first: IpAddr,
    rest: Vec<IpAddr>,
}

impl VettedAddresses {
    /// None where there are no addresses. The policy has admitted each before.
    pub(super) fn new(addresses: Vec<IpAddr>) -> Option<VettedAddresses> {
        let mut addresses = addresses.into_iter();
        let first = addresses.next()?;
        Some(VettedAddresses { first, rest: addresses.collect() })
    }

    /// The first of them.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// All of them, in the order of the DNS.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }
}
