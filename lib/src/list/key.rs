//! Items as they are compared.
//!
//! The keys for one sender begin alike, so that they are on one or two pages of an index of a million entries:
//!
//! - the domain `mail.example.com` is `com.example.mail`, the same with all below it `com.example.mail.`;
//! - the address `jo@example.com` is `com.example@jo`;
//! - a block of clients is its family and the bits that all in it share, `4/110000…`; one client is all of its bits.
//!
//! No two kinds of items can be mixed up: no domain begins with a digit and a `/`. A sender may be at what is no domain, and so have the key of
//! a client: whoever looks for entries by keys asks of each whether it is of the kind that it was looked for.

use std::net::IpAddr;

use crate::address::comparable_local;

pub(super) fn of_domain(name: &str) -> String {
    let mut key = String::with_capacity(name.len() + 1);
    for label in name.rsplit('.') {
        if !key.is_empty() {
            key.push('.');
        }
        key.push_str(label);
    }
    key
}

pub(super) fn of_subtree(name: &str) -> String {
    of_domain(name) + "."
}

pub(super) fn of_address(local: &str, domain: &str) -> String {
    format!("{}@{}", of_domain(domain), comparable_local(local))
}

/// Of an address that is in its canonical family.
pub(super) fn of_client(ip: IpAddr) -> String {
    of_bits(ip)
}

/// Of a block that begins at `first`; a block of one is a client.
pub(super) fn of_block(first: IpAddr, length: u8) -> String {
    let mut key = of_bits(first);
    // The family, a slash, and a character for each bit.
    key.truncate(2 + usize::from(length));
    key
}

/// The longest of the keys of the blocks in which an address lies: each other is a beginning of it.
pub(super) fn of_bits(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("4/{:032b}", ip.to_bits()),
        IpAddr::V6(ip) => format!("6/{:0128b}", ip.to_bits()),
    }
}

pub(super) fn family(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 4 } else { 6 }
}

/// The family and the length of the block whose key this is; none if it is another one, or a client's.
pub(super) fn block(key: &str) -> Option<(u8, u8)> {
    match prefix(key)? {
        (4, 32) | (6, 128) => None,
        block => Some(block),
    }
}

fn prefix(key: &str) -> Option<(u8, u8)> {
    let (family, bits) = key.split_once('/')?;
    let is_bits = bits.bytes().all(|bit| bit == b'0' || bit == b'1');
    if is_bits { Some((family.parse().ok()?, bits.len().try_into().ok()?)) } else { None }
}

/// The first address of the block of this length in which `ip` lies.
pub(super) fn first_of(ip: IpAddr, length: u8) -> IpAddr {
    let length = u32::from(length);
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length)).unwrap_or(0);
            IpAddr::V4((ip.to_bits() & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length)).unwrap_or(0);
            IpAddr::V6((ip.to_bits() & mask).into())
        }
    }
}

/// The first address of what a client's or a block's key stands for, and its length; none if it is another key.
pub(super) fn bits_of(key: &str) -> Option<(IpAddr, u8)> {
    let (family, length) = prefix(key)?;
    let bits = key.get(2..)?;
    let ip = match family {
        4 => IpAddr::V4(u32::from_str_radix(&format!("{bits:0<32}"), 2).ok()?.into()),
        _ => IpAddr::V6(u128::from_str_radix(&format!("{bits:0<128}"), 2).ok()?.into()),
    };
    Some((ip, length))
}
