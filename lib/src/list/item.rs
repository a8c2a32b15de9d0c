//! The items of a list: an address, a domain, or a client that delivers mail. How an item is written decides which it is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::key;
use crate::address::{InvalidAddress, local_part};
use crate::name::{DnsName, DomainName, InvalidName};
use crate::word::words;

/// The most characters of an item: an address in other scripts may have some hundreds.
const MAX_CHARS: usize = 1000;

words! {
    /// What kind of thing an item is.
    pub enum ItemKind {
        /// A sender's address.
        EmailAddress = "email_address",
        /// A sender's domain; with a dot in front, and all below it.
        Domain = "domain",
        /// The address of the client that delivers, or a block of them.
        IpAddress = "ip_address",
    }
    else InvalidItemKind
}

/// A word that is no kind of item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is none of email_address, domain and ip_address")]
pub struct InvalidItemKind;

/// An item of a list: as it was given, for showing, and as it is compared.
///
/// Two are the same item if they match the same mail: addresses and domains without regard to case, with A-labels for
/// other scripts (RFC 5890) and without a last dot; an IPv4-mapped IPv6 address is the IPv4 one.
///
/// - `jo@example.com`: that address. A `+` is a character like another.
/// - `example.com`: every address at that domain, and none at those below it.
/// - `.example.com`: every address at that domain and at all below it. It may be a top-level domain: `.example`.
/// - `192.0.2.1`, `2001:db8::1`, also in brackets: that client.
/// - `192.0.2.0/24`, `2001:db8::/32`: every client in that block (RFC 4632 section 3.1).
#[derive(Clone, Debug)]
pub struct Item {
    kind: ItemKind,
    given: String,
    key: String,
}

impl Item {
    /// An item that was parsed before it was stored.
    pub(super) fn stored(kind: ItemKind, given: String, key: String) -> Item {
        Item { kind, given: in_a_labels(given), key }
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> ItemKind {
        self.kind
    }

    /// As it was given, without white space around it, and with a domain in another script in A-labels (RFC 5890).
    pub fn given(&self) -> &str {
        &self.given
    }

    /// As it is compared.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The keys of the items that match everything that this one matches, and, for an IP address or block, the address and
    /// length whose surrounding blocks do so.
    pub(super) fn covered_by(&self) -> (Vec<String>, Option<(IpAddr, u8)>) {
        if let Some(block) = key::bits_of(&self.key) {
            return (vec![self.key.clone()], Some(block));
        }
        let domain = self.key.split('@').next().unwrap_or_default();
        let mut keys: Vec<String> =
            domain.match_indices('.').filter_map(|(at, _)| domain.get(..=at)).map(str::to_owned).collect();
        if !domain.ends_with('.') {
            keys.extend([domain.to_owned(), format!("{domain}.")]);
        }
        if self.kind == ItemKind::EmailAddress {
            keys.push(self.key.clone());
        }
        (keys, None)
    }
}

/// Equal if they match the same, however they were given.
impl PartialEq for Item {
    fn eq(&self, other: &Item) -> bool {
        self.key == other.key
    }
}

impl Eq for Item {}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

impl FromStr for Item {
    type Err = InvalidItem;

    fn from_str(text: &str) -> Result<Item, InvalidItem> {
        let given = text.trim();
        if given.is_empty() {
            return Err(InvalidItem::Empty);
        }
        if given.chars().count() > MAX_CHARS {
            return Err(InvalidItem::TooLong);
        }
        if given.chars().any(char::is_control) {
            return Err(InvalidItem::Control);
        }
        let (kind, key) = if given.contains('@') {
            (ItemKind::EmailAddress, address(given)?)
        } else if let Some(client) = client(given)? {
            (ItemKind::IpAddress, client)
        } else {
            (ItemKind::Domain, domain(given)?)
        };
        Ok(Item { kind, given: in_a_labels(given.to_owned()), key })
    }
}

/// The item with its domain in A-labels, if it is written in another script.
fn in_a_labels(given: String) -> String {
    if given.is_ascii() {
        return given;
    }
    let bare = given.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(&given);
    let front = bare.rfind('@').map_or(usize::from(bare.starts_with('.')), |at| at + 1);
    let (front, domain) = bare.split_at(front);
    any_host(domain).map_or_else(|| given.clone(), |domain| format!("{front}{domain}"))
}

fn address(text: &str) -> Result<String, InvalidItem> {
    let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    let (local, domain) = bare.rsplit_once('@').unwrap_or_default();
    if local.is_empty() || local.starts_with('*') {
        return Err(InvalidItem::AnyAddress);
    }
    let local = local_part(local).map_err(InvalidItem::Address)?;
    let domain = host(domain).map_err(|e| InvalidItem::Address(InvalidAddress::Domain(e)))?;
    Ok(key::of_address(&local, &domain))
}

fn domain(text: &str) -> Result<String, InvalidItem> {
    if text.contains('*') {
        return Err(InvalidItem::Wildcard);
    }
    let Some(above) = text.strip_prefix('.') else {
        return Ok(key::of_domain(&host(text).map_err(InvalidItem::Domain)?));
    };
    let name = match host(above) {
        // A whole top-level domain is allowed, because some send nothing but junk.
        Err(InvalidName::SingleLabel) => top(above),
        name => name,
    };
    Ok(key::of_subtree(&name.map_err(InvalidItem::Domain)?))
}

/// A mail domain in A-labels. Unlike one of an account's own it may be a public suffix: mail comes from some.
fn host(text: &str) -> Result<String, InvalidName> {
    match text.parse::<DomainName>() {
        Ok(name) => Ok(name.to_string()),
        Err(InvalidName::PublicSuffix) => top(text),
        Err(error) => Err(error),
    }
}

/// A domain in A-labels as it may stand in a message; none if it is no name at all.
pub(super) fn any_host(text: &str) -> Option<String> {
    host(text).or_else(|_| top(text)).ok()
}

/// A name in A-labels that is more than the rules for mail domains let through, yet a name.
fn top(text: &str) -> Result<String, InvalidName> {
    let ascii = idna::domain_to_ascii(text).map_err(|_| InvalidName::NotIdna)?;
    ascii.parse::<DnsName>().map(|name| name.to_string())
}

/// The key of an address of a client or a block of them; none if the text is not meant for one.
fn client(text: &str) -> Result<Option<String>, InvalidItem> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    // An address literal of RFC 5321 section 4.1.3.
    let bare = if bare.get(..5).is_some_and(|tag| bare != text && tag.eq_ignore_ascii_case("ipv6:")) {
        bare.get(5..).unwrap_or_default()
    } else {
        bare
    };
    let (front, length) = bare.split_once('/').map_or((bare, None), |(front, length)| (front, Some(length)));
    let Ok(ip) = front.parse::<IpAddr>() else {
        return if bare != text || is_meant_for_an_ip(bare) { Err(why_no_ip(bare)) } else { Ok(None) };
    };
    let Some(length) = length else { return Ok(Some(key::of_client(ip.to_canonical()))) };
    let bits = if ip.is_ipv4() { 32 } else { 128 };
    let length = length
        .parse::<u8>()
        .ok()
        .filter(|parsed| *parsed <= bits && parsed.to_string() == length)
        .ok_or(InvalidItem::Length { most: bits })?;
    let first = key::first_of(ip, length);
    if first != ip {
        return Err(InvalidItem::HostBits { block: format!("{first}/{length}"), one: ip });
    }
    // A block of mapped addresses (RFC 4291 section 2.5.5.2) is a block of IPv4 ones.
    let canonical = ip.to_canonical();
    let mapped = if canonical.is_ipv4() && ip.is_ipv6() { length.checked_sub(96) } else { None };
    Ok(Some(match mapped {
        Some(length) => key::of_block(canonical, length),
        None => key::of_block(ip, length),
    }))
}

/// Whether a text that is no address of a client was meant for one, rather than for a domain.
fn is_meant_for_an_ip(text: &str) -> bool {
    let digits = |text: &str| {
        text.contains('.')
            && text.bytes().any(|octet| octet.is_ascii_digit())
            && text.bytes().all(|octet| octet.is_ascii_digit() || b".*-/ ".contains(&octet))
    };
    let has_colons = text.matches(':').count() > 1
        && text.bytes().all(|octet| octet.is_ascii_hexdigit() || b":./*%".contains(&octet));
    digits(text) || has_colons
}

fn why_no_ip(text: &str) -> InvalidItem {
    let front = text.split('/').next().unwrap_or_default();
    let octets: Vec<&str> = front.split('.').collect();
    if text.contains('*') || text.contains('-') {
        InvalidItem::Range
    } else if !text.contains(':') && octets.iter().any(|octet| octet.len() > 1 && octet.starts_with('0')) {
        InvalidItem::LeadingZero
    } else {
        InvalidItem::Ip
    }
}

/// Why a text is no item of a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidItem {
    /// Nothing at all.
    #[error("it is empty; give an address, a domain, an IP address or a block of them")]
    Empty,
    /// More characters than any item has.
    #[error("it is longer than {MAX_CHARS} characters")]
    TooLong,
    /// A control character.
    #[error("it has a control character, such as a line break; give one item")]
    Control,
    /// An `@` and no address.
    #[error("it is no address: {0}")]
    Address(InvalidAddress),
    /// `@example.com` or `*@example.com`.
    #[error("it has nothing, or a *, before the @; for every address at a domain give the domain alone")]
    AnyAddress,
    /// No name of a domain.
    #[error("it is no address, IP address or domain: {0}")]
    Domain(InvalidName),
    /// `*.example.com`.
    #[error("it has a *; give example.com for that domain alone, or .example.com for it and all below it")]
    Wildcard,
    /// Digits and dots, or colons, that are no address.
    #[error("it is no IP address: give one like 192.0.2.1 or 2001:db8::1, or a block like 192.0.2.0/24")]
    Ip,
    /// `192.000.002.001`, which some read as octal.
    #[error("it has an octet with a leading zero, which some read as octal (RFC 6943 section 3.1.1)")]
    LeadingZero,
    /// `192.0.2.*` or `192.0.2.1-9`.
    #[error("it is a range of IP addresses; give a block, such as 192.0.2.0/24")]
    Range,
    /// A length of a block that is none.
    #[error("after the / it has no length of 0 to {most}, in plain digits")]
    Length {
        /// The largest length for this family.
        most: u8,
    },
    /// A block that does not begin at its own first address.
    #[error("it has bits beyond its length: give {block} for the block, or {one} for one address")]
    HostBits {
        /// The block in which it lies.
        block: String,
        /// What stands before the `/`.
        one: IpAddr,
    },
}

crate::error::invalid_input!(InvalidItem, "item");

impl InvalidItem {
    /// Turns it into an [`Error::Invalid`](crate::error::Error::Invalid) of `field`.
    pub fn of(self, field: &'static str) -> crate::error::Error {
        crate::error::Error::invalid(field, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::Tier;

    fn item(text: &str) -> Item {
        text.parse().unwrap()
    }

    fn refused(text: &str) -> InvalidItem {
        text.parse::<Item>().unwrap_err()
    }

    #[test]
    fn items_are_equal_if_they_match_the_same() {
        assert_eq!(item("A.example"), item("a.example"));
        assert_ne!(item("a.example"), item("b.example"));
        assert_ne!(item("192.0.2.1"), item("192.0.2.0/24"));
    }

    #[test]
    fn kinds_and_tiers_are_written_as_the_words_for_them() {
        for kind in [ItemKind::EmailAddress, ItemKind::Domain, ItemKind::IpAddress] {
            assert_eq!(kind.to_string(), kind.as_str());
        }
        assert_eq!(Tier::Account.to_string(), Tier::Account.as_str());
    }

    #[test]
    fn an_address_is_covered_by_itself_and_a_block_by_its_own_bits() {
        let (keys, block) = item("jo@example.com").covered_by();
        assert!(keys.contains(&item("jo@example.com").key) && block.is_none(), "{keys:?}");
        let (_, block) = item("2001:db8::1/128").covered_by();
        assert_eq!(block, Some(("2001:db8::1".parse().unwrap(), 128)));
    }

    #[test]
    fn what_is_too_long_or_was_meant_for_an_ip_address_is_called_that() {
        assert_eq!(refused(&"x".repeat(MAX_CHARS + 1)), InvalidItem::TooLong);
        assert_ne!(refused(&"x".repeat(MAX_CHARS)), InvalidItem::TooLong);
        for range in ["192.0.2.*", "192.0.2.1-9"] {
            assert_eq!(refused(range), InvalidItem::Range, "{range}");
        }
        for name in ["12", "...", "ab:25"] {
            assert!(matches!(refused(name), InvalidItem::Domain(_)), "{name}: {:?}", refused(name));
        }
        for length in ["192.0.2.0/+24", "192.0.2.0/024", "192.0.2.0/33", "192.0.2.0/"] {
            assert_eq!(refused(length), InvalidItem::Length { most: 32 }, "{length}");
        }
    }
}
