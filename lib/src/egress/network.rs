//! A network, as the operator names it: an address and the length of its prefix (RFC 4632 section 3.1).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// This address alone.
    pub fn of(address: IpAddr) -> Network {
        Network { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Whether the address lies in it. IPv4 and IPv6 are apart.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (u32::from(network) ^ u32::from(address)).leading_zeros() >= self.prefix
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (u128::from(network) ^ u128::from(address)).leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    /// Reads `10.0.0.0/8`, `fd00::/8`, or one address alone. Bits beyond the prefix must be zero: who sets some has meant
    /// another network.
    fn from_str(text: &str) -> Result<Network, InvalidNetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(digits) if digits.bytes().all(|octet| octet.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= width).ok_or(InvalidNetwork)?
            }
            Some(_) => return Err(InvalidNetwork),
        };
        let trailing_zeros = match address {
            IpAddr::V4(address) => u32::from(address).trailing_zeros(),
            IpAddr::V6(address) => u128::from(address).trailing_zeros(),
        };
        if trailing_zeros < width - prefix {
            return Err(InvalidNetwork);
        }
        Ok(Network { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// A text that names no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a network is an address and the length of its prefix, with no bit set beyond that: 10.0.0.0/8, fd00::/8"
)]
pub struct InvalidNetwork;
