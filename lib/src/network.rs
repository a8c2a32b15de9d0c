//! Networks of IP addresses.
//!
//! ```
//! use postroom::network::Network;
//!
//! let block: Network = "192.0.2.0/24".parse()?;
//! assert!(block.contains("192.0.2.7".parse()?) && !block.contains("198.51.100.7".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A block of IP addresses in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    length: u8,
}

impl Network {
    /// The network of this address alone.
    pub fn of(address: IpAddr) -> Network {
        Network { first: address, length: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Whether this address is in it. An IPv4 address that is mapped into IPv6 counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
            (_, address) => prefix(address, self.length) == prefix(self.first, self.length),
        }
    }

    /// Whether every address of the other network is in this one.
    pub fn covers(&self, other: &Network) -> bool {
        other.length >= self.length && self.contains(other.first)
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Network, InvalidNetwork> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| InvalidNetwork::Malformed)?;
        if first != first.to_canonical() {
            return Err(InvalidNetwork::Mapped);
        }
        let most = if first.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => most,
            Some(digits) if digits.bytes().all(|octet| octet.is_ascii_digit()) => {
                digits.parse::<u8>().ok().filter(|length| *length <= most).ok_or(InvalidNetwork::Malformed)?
            }
            Some(_) => return Err(InvalidNetwork::Malformed),
        };
        // The bits after the prefix are zero, or the text means another network than it seems to.
        if bits(first) == prefix(first, length) {
            Ok(Network { first, length })
        } else {
            Err(InvalidNetwork::HostBits)
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length)
    }
}

/// The address as a number whose highest bit is the address's first.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The first `length` bits of the address, the others zero.
fn prefix(address: IpAddr, length: u8) -> u128 {
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length.into())).unwrap_or(0);
    bits(address) & mask
}

/// Why a text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// It is neither an address nor an address with a prefix length.
    #[error("it must be an IP address, or a network such as 192.0.2.0/24 or 2001:db8::/32")]
    Malformed,
    /// There are bits set after the prefix.
    #[error("its address must be the first one of the network: 192.0.2.0/24 and not 192.0.2.7/24")]
    HostBits,
    /// It is an IPv4 address written as an IPv6 address.
    #[error("it must be written as an IPv4 network")]
    Mapped,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_with_its_prefix() {
        for (network, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.0/24", "::ffff:192.0.2.1", "::192.0.2.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"),
            ("0.0.0.0/0", "203.0.113.1", "::1"),
            ("::/0", "::1", "127.0.0.1"),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{network} {outside}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed));
        }
    }

    #[test]
    fn a_network_covers_itself_and_smaller_ones() {
        let network = |text: &str| text.parse::<Network>().unwrap();
        assert!(network("10.0.0.0/8").covers(&network("10.0.0.0/8")));
        assert!(network("10.0.0.0/8").covers(&network("10.1.0.0/16")));
        assert!(!network("10.1.0.0/16").covers(&network("10.0.0.0/8")));
        assert!(!network("10.0.0.0/8").covers(&network("11.0.0.0/16")));
        assert!(!network("::/0").covers(&network("10.0.0.0/8")));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "x", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/", "2001:db8::/129", "/8"]
        {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork::Malformed), "{text}");
        }
        assert_eq!("192.0.2.7/24".parse::<Network>(), Err(InvalidNetwork::HostBits));
        assert_eq!("::ffff:192.0.2.0/120".parse::<Network>(), Err(InvalidNetwork::Mapped));
    }
}
