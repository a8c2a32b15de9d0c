//! Which hosts the outside may have this server talk to: one policy for the name servers of customers' zones, for webhooks,
//! forwards and downstream servers.
//!
//! Public addresses are admitted, and the networks that the operator allows. The recursive resolvers that the operator
//! configures stand outside this policy: nobody else names them.
//!
//! ```
//! use postroom::egress::EgressPolicy;
//!
//! // No address of the operator's own network is asked, unless the operator allows it.
//! let usual = EgressPolicy::default();
//! assert!(!usual.admits("10.0.0.1".parse()?) && usual.admits("9.9.9.9".parse()?));
//! assert!(EgressPolicy::allowing(vec!["10.0.0.0/8".parse()?]).admits("10.0.0.1".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod addresses;
mod public;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};

use crate::name::DnsName;

pub use self::addresses::VettedAddresses;
pub use self::public::is_public;
pub use crate::network::{InvalidNetwork, Network};

/// What may be reached: public addresses, and what lies in the networks that the operator allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    allowed: Vec<Network>,
}

impl EgressPolicy {
    /// Public addresses, and these networks.
    pub fn allowing(allowed: Vec<Network>) -> EgressPolicy {
        EgressPolicy { allowed }
    }

    /// Whether this address may be reached.
    pub fn admits(&self, address: IpAddr) -> bool {
        is_public(address) || self.allowed.iter().any(|network| network.contains(host(address)))
    }

    /// Whether a host of this name can be reached at all: its name is none that a machine or its network keeps for itself,
    /// or the operator allows networks, where such a name may lead.
    pub fn admits_name(&self, name: &str) -> bool {
        !self.allowed.is_empty() || !is_private_name(name)
    }

    /// The addresses of a host, each of which may be reached.
    pub fn vet(&self, addresses: Vec<IpAddr>) -> Result<VettedAddresses, NotAdmitted> {
        if let Some(address) = addresses.iter().find(|address| !self.admits(**address)) {
            return Err(NotAdmitted::Special(*address));
        }
        VettedAddresses::new(addresses).ok_or(NotAdmitted::NoAddress)
    }
}

/// Why a host may not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAdmitted {
    /// An address that is not public, in no network that is allowed.
    #[error("{0} is not a public address")]
    Special(IpAddr),
    /// It has no address.
    #[error("it has no address")]
    NoAddress,
}

/// The host that really answers at an address: an IPv4 address that is written as an IPv6 one leads to the IPv4 host,
/// mapped (RFC 4291 section 2.5.5.2) or behind the well-known NAT64 prefix (RFC 6052 section 2.1).
pub fn host(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match (v6.to_ipv4_mapped(), v6.segments()) {
        (Some(mapped), _) => mapped.into(),
        (None, [0x64, 0xff9b, 0, 0, 0, 0, ..]) => {
            let [.., a, b, c, d] = v6.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        _ => address,
    }
}

/// Whether a name would be read as an IPv4 address by a program that takes shortened, octal or hexadecimal ones, such as `127.1` or
/// `0x7f.1`: its last label is a number (URL Standard section 3.5, "ends in a number"). The C library reads them so, and with it most
/// mail servers, whatever the DNS says of the name.
pub(crate) fn reads_as_address(name: &str) -> bool {
    let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|octet| octet.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|octet| octet.is_ascii_digit()),
    }
}

/// Whether a name is one that a machine or its network keeps for itself, so that the public DNS cannot have it: one label
/// alone, or below a domain that is set aside (RFC 6761, RFC 6762, RFC 8375, RFC 9476, and `internal`, which ICANN set
/// aside). The names under which clouds serve their metadata are among them.
pub(crate) fn is_private_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let top = name.rsplit('.').next().unwrap_or_default();
    let set_aside = matches!(
        top,
        "localhost"
            | "local"
            | "localdomain"
            | "invalid"
            | "test"
            | "onion"
            | "alt"
            | "internal"
            | "lan"
            | "home"
    ) || name == "home.arpa"
        || name.ends_with(".home.arpa");
    set_aside || !name.contains('.') || name.parse::<DnsName>().is_err()
}
