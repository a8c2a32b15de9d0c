//! Exact sets of clients' addresses, which show whether any client matches both of two mechanisms.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use super::hosts::Families;

/// Where the IPv4 addresses lie among the numbers of all: an IPv6 address that holds one counts as that (RFC 7208
/// section 5), and is no address of its own.
const IPV4: (u128, u128) = (0xffff_0000_0000, 0xffff_ffff_ffff);

/// A set of addresses of both families, by its ranges: the first of each, and the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses(BTreeMap<u128, u128>);

impl Addresses {
    /// No address.
    pub(super) fn none() -> Addresses {
        Addresses::default()
    }

    /// Every address.
    pub(super) fn all() -> Addresses {
        Addresses(BTreeMap::from([(0, u128::MAX)]))
    }

    /// Those that have the first `prefix` bits of this one, and are of its family.
    pub(super) fn of_network(network: IpAddr, prefix: u8) -> Addresses {
        let (number, bits) = match network {
            IpAddr::V4(network) => (u128::from(network.to_ipv6_mapped()), 32),
            IpAddr::V6(network) => (u128::from(network), 128),
        };
        let hosts = u128::MAX.checked_shr(128 - bits + u32::from(prefix)).unwrap_or(0);
        let mut addresses = Addresses::none();
        addresses.add_range(number & !hosts, number | hosts);
        if network.is_ipv6() {
            addresses.remove_range(IPV4.0, IPV4.1);
        }
        addresses
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, others: &Addresses) {
        for (first, last) in &others.0 {
            self.add_range(*first, *last);
        }
    }

    pub(super) fn remove(&mut self, others: &Addresses) {
        for (first, last) in &others.0 {
            self.remove_range(*first, *last);
        }
    }

    /// The addresses that are in both sets.
    pub(super) fn and(&self, others: &Addresses) -> Addresses {
        let mut both = BTreeMap::new();
        for (first, last) in &others.0 {
            // Ranges do not overlap, so their ends are in the order of their beginnings.
            let near = self.0.range(..=*last).rev().take_while(|(_, end)| **end >= *first);
            both.extend(near.map(|(start, end)| (*start.max(first), *end.min(last))));
        }
        Addresses(both)
    }

    /// The addresses that are not in `others`.
    pub(super) fn without(&self, others: &Addresses) -> Addresses {
        let mut left = self.clone();
        left.remove(others);
        left
    }

    /// Those of these families.
    pub(super) fn of(&self, families: Families) -> Addresses {
        let v4 = Addresses(BTreeMap::from([IPV4]));
        match (families.v4, families.v6) {
            (true, true) => self.clone(),
            (true, false) => self.and(&v4),
            (false, true) => self.without(&v4),
            (false, false) => Addresses::none(),
        }
    }

    /// One address of the set. For a network it is not the first, which is the network's own address.
    pub(super) fn sample(&self) -> Option<IpAddr> {
        let (first, last) = self.0.first_key_value()?;
        Some(Ipv6Addr::from(first.saturating_add(1).min(*last)).to_canonical())
    }

    /// At most `most` addresses of the set, and whether those are all. If the set has more, they are the ends of its ranges:
    /// a term that refuses a part of a network usually refuses one of its ends.
    pub(super) fn samples(&self, most: usize) -> (Vec<IpAddr>, bool) {
        let address = |number: u128| Ipv6Addr::from(number).to_canonical();
        let all: Vec<u128> =
            self.0.iter().flat_map(|(first, last)| *first..=*last).take(most.saturating_add(1)).collect();
        if all.len() <= most {
            return (all.into_iter().map(address).collect(), true);
        }
        let ends = self.0.iter().flat_map(|(first, last)| [first.saturating_add(1).min(*last), *last]);
        (ends.take(most).map(address).collect(), false)
    }

    fn add_range(&mut self, mut first: u128, mut last: u128) {
        while let Some((&start, &end)) = self.0.range(..=last).next_back()
            && end >= first
        {
            self.0.remove(&start);
            (first, last) = (first.min(start), last.max(end));
        }
        self.0.insert(first, last);
    }

    fn remove_range(&mut self, first: u128, last: u128) {
        while let Some((&start, &end)) = self.0.range(..=last).next_back()
            && end >= first
        {
            self.0.remove(&start);
            if end > last {
                self.0.insert(last + 1, end);
            }
            if start < first {
                self.0.insert(start, first - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hosts::is_within;
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn network(text: &str) -> Addresses {
        let (address, prefix) = text.split_once('/').unwrap();
        Addresses::of_network(ip(address), prefix.parse().unwrap())
    }

    fn has(addresses: &Addresses, address: IpAddr) -> bool {
        !addresses.and(&Addresses::of_network(address, if address.is_ipv4() { 32 } else { 128 })).is_empty()
    }

    #[test]
    fn a_network_has_the_addresses_that_are_within_it() {
        for (text, inside, outside) in [
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7/24", "192.0.2.255", "192.0.3.0"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("2001:db8::1/128", "2001:db8::1", "2001:db8::2"),
            ("2001:db8::/32", "2001:db8:ffff::", "2001:db9::"),
            ("::/0", "ffff::", "0.0.0.0"),
            ("::ffff:192.0.2.0/64", "::1", "192.0.2.1"),
        ] {
            assert!(has(&network(text), ip(inside)), "{text}");
            assert!(!has(&network(text), ip(outside)), "{text}");
        }
        assert!(network("::ffff:192.0.2.0/120").is_empty(), "no client has such an address");
    }

    #[test]
    fn one_of_a_set_is_shown_that_a_host_can_have() {
        for (set, one) in [("192.0.2.0/24", "192.0.2.1"), ("192.0.2.7/32", "192.0.2.7"), ("::/0", "::1")] {
            assert_eq!(network(set).sample(), Some(ip(one)));
        }
        assert_eq!(Addresses::none().sample(), None);
    }

    #[test]
    fn families_are_kept_apart() {
        let all = Addresses::all();
        assert_eq!(all.of(Families { v4: true, v6: false }), network("0.0.0.0/0"));
        assert_eq!(all.of(Families { v4: false, v6: true }), network("::/0"));
        assert!(all.of(Families::NONE).is_empty());
    }

    /// Addresses of both families, close to each other.
    fn address() -> impl Strategy<Value = IpAddr> {
        (any::<bool>(), 0..64_u8).prop_map(|(v4, last)| {
            if v4 { IpAddr::from([192, 0, 2, last]) } else { format!("2001:db8::{last:x}").parse().unwrap() }
        })
    }

    proptest! {
        #[test]
        fn sets_hold_what_was_put_into_them_and_not_taken_out(
            steps in proptest::collection::vec((address(), 0..9_u8, any::<bool>()), 0..24),
            asked in address(),
        ) {
            let (mut set, mut held) = (Addresses::none(), false);
            for (network, host_bits, added) in steps {
                let prefix = if network.is_ipv4() { 32 } else { 128 } - host_bits;
                let part = Addresses::of_network(network, prefix);
                if added { set.add(&part) } else { set.remove(&part) }
                if is_within(asked, network, prefix) {
                    held = added;
                }
                let amiss = if added { part.without(&set) } else { set.and(&part) };
                prop_assert!(amiss.is_empty());
            }
            prop_assert_eq!(has(&set, asked), held);
            prop_assert_eq!(has(&set.without(&Addresses::none()), asked), held);
            prop_assert!(set.without(&set).is_empty());
            prop_assert_eq!(set.and(&Addresses::all()), set);
        }
    }
}
