//! Names: what the DNS calls them, and which of them can be mail domains.
//!
//! [`DnsName`] is any name that can be asked for, underscores and all; [`DomainName`] is one that a person can own and
//! receive mail at; [`Selector`] is the part of a DKIM record's name before `_domainkey`. Only its parser makes each of these
//! types, and stores lower-case A-labels, so equal values are equal names.
//!
//! ```
//! use postroom::name::{DomainName, Selector};
//!
//! let name: DomainName = "Bücher.example".parse()?;
//! assert_eq!(name.as_str(), "xn--bcher-kva.example");
//! let selector: Selector = "pr1".parse()?;
//! assert_eq!(name.record(&selector.host()).as_str(), "pr1._domainkey.xn--bcher-kva.example");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The most octets a name may have in presentation form, without the last dot (RFC 1035 section 2.3.4).
const MAX_NAME_OCTETS: usize = 253;
/// The most octets of one label (RFC 1035 section 2.3.4).
const MAX_LABEL_OCTETS: usize = 63;
/// The longest mail domain: `_dmarc`, `mailer` and a DKIM name of a short selector must still fit above it.
const MAX_DOMAIN_OCTETS: usize = 230;

/// Any absolute DNS name: lower case, no last dot, labels of letters, digits, hyphens and underscores.
///
/// Names seen in answers that hold other octets are shown with `\DDD` (RFC 1035 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(String);

impl DnsName {
    /// A name as it stood in a DNS answer, whatever octets it has: lower-cased, its last dot dropped.
    pub fn from_answer(text: &str) -> DnsName {
        DnsName(text.trim_end_matches('.').to_ascii_lowercase())
    }

    /// The name without its last dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name one label up, or nothing at the top.
    pub fn parent(&self) -> Option<DnsName> {
        self.0.split_once('.').map(|(_, rest)| DnsName(rest.to_owned()))
    }

    /// `label` in front of this name, if the result is still a name.
    pub fn child(&self, label: &str) -> Result<DnsName, InvalidName> {
        format!("{label}.{}", self.0).parse()
    }

    /// Whether this name is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &DnsName) -> bool {
        self.0 == ancestor.0 || self.0.strip_suffix(&ancestor.0).is_some_and(|front| front.ends_with('.'))
    }
}

impl FromStr for DnsName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<DnsName, InvalidName> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.is_empty() {
            return Err(InvalidName::Empty);
        }
        if name.len() > MAX_NAME_OCTETS {
            return Err(InvalidName::TooLong { most: MAX_NAME_OCTETS });
        }
        for label in name.split('.') {
            check_label(label, |octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_')?;
        }
        Ok(DnsName(name))
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mail domain: lower-case LDH labels, two or more, no last dot, not itself a public suffix.
///
/// Only [`FromStr`] makes one, so whoever holds a `DomainName` need not check it again. Upper case, one
/// last dot and internationalised names are taken and normalised to A-labels (RFC 1123 section 2.1,
/// RFC 5890, UTS 46). At most 230 octets, so that the records below it are names too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(DnsName);

impl DomainName {
    /// The name in A-labels, lower case, without a last dot.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// A name that was parsed before it was stored; the public suffix list may have changed since.
    pub(crate) fn stored(text: String) -> DomainName {
        DomainName(DnsName(text))
    }

    /// This name, as something to ask the DNS for.
    pub fn dns(&self) -> &DnsName {
        &self.0
    }

    /// The name that was registered: this one, or the one above it that stands directly below a public suffix.
    pub fn registered(&self) -> DnsName {
        DnsName(psl::domain_str(self.as_str()).unwrap_or(self.as_str()).to_owned())
    }

    /// The name in U-labels (RFC 5890 section 2.3.2.1), as people write it, where that is another one.
    pub fn unicode(&self) -> Option<String> {
        let (name, is_valid) = idna::domain_to_unicode(self.as_str());
        (is_valid.is_ok() && name != self.as_str()).then_some(name)
    }

    /// The domain one label up, if that is one that can be registered.
    pub fn parent(&self) -> Option<DomainName> {
        // Its labels are those of a name that was parsed; what is new is whether they are more than a public suffix.
        self.0.parent().filter(|name| psl::domain_str(name.as_str()).is_some()).map(DomainName)
    }

    /// The domains above this one that can be registered, the nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = DomainName> + use<> {
        std::iter::successors(self.parent(), DomainName::parent)
    }

    /// The name of a record of this domain: `host` is `@` for the domain itself, else labels in front.
    pub fn record(&self, host: &str) -> DnsName {
        if host == "@" { self.0.clone() } else { DnsName(format!("{host}.{}", self.0)) }
    }
}

impl FromStr for DomainName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<DomainName, InvalidName> {
        // These mistakes deserve their own words: the IDNA code would call each "invalid".
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.contains("://") || text.contains(['/', ':', '@', '?', '#']) {
            return Err(InvalidName::NotBare);
        }
        if text.contains('*') {
            return Err(InvalidName::Wildcard);
        }
        // Long enough for any name in U-labels, short enough that IDNA's work is bounded.
        if text.len() > 4 * MAX_NAME_OCTETS {
            return Err(InvalidName::TooLong { most: MAX_DOMAIN_OCTETS });
        }
        let ascii = idna::domain_to_ascii(text).map_err(|_| InvalidName::NotIdna)?;
        let name = ascii.strip_suffix('.').unwrap_or(&ascii);
        if name.parse::<std::net::IpAddr>().is_ok()
            || name
                .rsplit('.')
                .next()
                .is_some_and(|top| !top.is_empty() && top.bytes().all(|o| o.is_ascii_digit()))
        {
            return Err(InvalidName::Address);
        }
        for label in name.split('.') {
            check_label(label, |octet| octet.is_ascii_alphanumeric() || octet == b'-')?;
            if label.starts_with('-') || label.ends_with('-') {
                return Err(InvalidName::Hyphen);
            }
        }
        if !name.contains('.') {
            return Err(InvalidName::SingleLabel);
        }
        if name.len() > MAX_DOMAIN_OCTETS {
            return Err(InvalidName::TooLong { most: MAX_DOMAIN_OCTETS });
        }
        if psl::domain_str(name).is_none() {
            return Err(InvalidName::PublicSuffix);
        }
        Ok(DomainName(DnsName(name.to_owned())))
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A DKIM selector: labels in lower case, at most 63 octets each. RFC 6376 section 3.1 has LDH labels; an underscore is taken
/// as well, for there are such selectors in use, and the DNS has them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(String);

impl Selector {
    /// The selector of a domain's first key where nothing else is configured.
    pub(crate) fn default_first() -> Selector {
        Selector("pr1".to_owned())
    }

    /// A selector that was parsed before it was stored.
    pub(crate) fn stored(text: String) -> Selector {
        Selector(text)
    }

    /// The selector as it stands before `._domainkey`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host of this selector's key record, relative to the domain: `pr1._domainkey`.
    pub fn host(&self) -> String {
        format!("{}._domainkey", self.0)
    }

    /// Whether this selector's key record at `domain` still is a name of at most 253 octets.
    pub fn fits(&self, domain: &DomainName) -> bool {
        self.host().len() + 1 + domain.as_str().len() <= MAX_NAME_OCTETS
    }
}

impl FromStr for Selector {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Selector, InvalidName> {
        let selector = text.to_ascii_lowercase();
        if selector.is_empty() {
            return Err(InvalidName::Empty);
        }
        if selector.len() > MAX_NAME_OCTETS {
            return Err(InvalidName::TooLong { most: MAX_NAME_OCTETS });
        }
        for label in selector.split('.') {
            check_label(label, |octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))?;
            if label.starts_with('-') || label.ends_with('-') {
                return Err(InvalidName::Hyphen);
            }
        }
        Ok(Selector(selector))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_label(label: &str, allowed: impl Fn(u8) -> bool) -> Result<(), InvalidName> {
    if label.is_empty() {
        return Err(InvalidName::EmptyLabel);
    }
    if label.len() > MAX_LABEL_OCTETS {
        return Err(InvalidName::LabelTooLong);
    }
    if label.contains('_') && !allowed(b'_') {
        return Err(InvalidName::Underscore);
    }
    if !label.bytes().all(allowed) {
        return Err(InvalidName::Character);
    }
    Ok(())
}

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// Two dots side by side, or one at the front.
    #[error("it has an empty label: two dots side by side, or one at the front")]
    EmptyLabel,
    /// More octets than a name may have here.
    #[error("it is longer than {most} octets")]
    TooLong {
        /// The limit that was passed.
        most: usize,
    },
    /// A label of more than 63 octets.
    #[error("one of its labels is longer than 63 octets")]
    LabelTooLong,
    /// A scheme, a path, a port or a mailbox around the name.
    #[error(
        "it is more than a domain name: enter the name alone, such as example.com, without https://, /, : and @"
    )]
    NotBare,
    /// A `*` label.
    #[error("it has a wildcard; name one domain")]
    Wildcard,
    /// An underscore, which host names cannot have.
    #[error("it has an underscore; a mail domain has letters, digits and hyphens only")]
    Underscore,
    /// A hyphen at the start or end of a label.
    #[error("one of its labels starts or ends with a hyphen")]
    Hyphen,
    /// Another character that cannot stand in a name.
    #[error("it has a character that cannot stand in a name; use letters, digits and hyphens")]
    Character,
    /// Refused by IDNA processing.
    #[error("it is not a valid internationalised name (UTS 46)")]
    NotIdna,
    /// An IP address.
    #[error("it is an IP address, not a domain name")]
    Address,
    /// No dot in it.
    #[error("it has only one label; a mail domain has two or more, such as example.com")]
    SingleLabel,
    /// A name under which others register theirs, such as `co.uk`.
    #[error("it is a public suffix, under which others register names; nobody's mail domain")]
    PublicSuffix,
}

crate::error::invalid_input!(InvalidName, "name");

impl InvalidName {
    /// Turns it into an [`Error::Invalid`] of `field`.
    pub fn of(self, field: &'static str) -> Error {
        Error::invalid(field, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> Result<String, InvalidName> {
        text.parse::<DomainName>().map(|name| name.to_string())
    }

    #[test]
    fn a_domain_is_held_in_lower_case_a_labels_without_its_last_dot() {
        assert_eq!(domain("Example.COM."), Ok("example.com".into()));
        assert_eq!(domain("bücher.example.com"), Ok("xn--bcher-kva.example.com".into()));
        assert_eq!(domain("BÜCHER.de"), Ok("xn--bcher-kva.de".into()));
        assert_eq!(domain("xn--bcher-kva.de"), Ok("xn--bcher-kva.de".into()));
        assert_eq!(domain("a.b.example.co.uk"), Ok("a.b.example.co.uk".into()));
        assert_eq!(domain("example。com"), Ok("example.com".into()), "UTS 46 maps the ideographic dot");
    }

    #[test]
    fn a_domain_with_a_labels_is_shown_in_u_labels_too() {
        let unicode = |text: &str| text.parse::<DomainName>().unwrap().unicode();
        assert_eq!(unicode("xn--bcher-kva.example").as_deref(), Some("bücher.example"));
        assert_eq!(unicode("Bücher.example").as_deref(), Some("bücher.example"));
        assert_eq!(unicode("example.com"), None);
    }

    #[test]
    fn the_ancestors_of_a_domain_end_below_the_public_suffix() {
        let ancestors = |text: &str| {
            let name: DomainName = text.parse().unwrap();
            name.ancestors().map(|name| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(ancestors("a.b.example.co.uk"), ["b.example.co.uk", "example.co.uk"]);
        assert_eq!(ancestors("example.co.uk"), Vec::<String>::new());
    }

    #[test]
    fn each_mistake_in_a_domain_is_named() {
        let long_label = format!("{}.com", "a".repeat(64));
        let long_name = format!("{}com", "abcdefg.".repeat(31));
        for (text, want) in [
            ("", InvalidName::Empty),
            (".", InvalidName::EmptyLabel),
            ("example", InvalidName::SingleLabel),
            ("localhost.", InvalidName::SingleLabel),
            ("192.0.2.1", InvalidName::Address),
            ("[192.0.2.1]", InvalidName::NotIdna),
            ("2001:db8::1", InvalidName::NotBare),
            ("example.1", InvalidName::Address),
            ("https://example.com", InvalidName::NotBare),
            ("example.com/x", InvalidName::NotBare),
            ("jo@example.com", InvalidName::NotBare),
            ("example.com:25", InvalidName::NotBare),
            ("*.example.com", InvalidName::Wildcard),
            ("a_b.example.com", InvalidName::Underscore),
            ("-a.example.com", InvalidName::Hyphen),
            ("a-.example.com", InvalidName::Hyphen),
            ("a..example.com", InvalidName::EmptyLabel),
            (".example.com", InvalidName::EmptyLabel),
            ("example.com..", InvalidName::EmptyLabel),
            ("exa mple.com", InvalidName::Character),
            ("co.uk", InvalidName::PublicSuffix),
            ("com.", InvalidName::SingleLabel),
            ("github.io", InvalidName::PublicSuffix),
            (long_label.as_str(), InvalidName::LabelTooLong),
            (long_name.as_str(), InvalidName::TooLong { most: 230 }),
            (&"ü".repeat(5000), InvalidName::TooLong { most: 230 }),
        ] {
            let got = domain(text);
            assert!(
                got == Err(want) || (want == InvalidName::NotIdna && got.is_err()),
                "{text:.40}: {got:?}"
            );
        }
    }

    #[test]
    fn a_selector_is_a_dot_atom_of_ldh_labels() {
        for good in ["pr1", "S1", "a.b", "2024-01", "a_b"] {
            assert!(good.parse::<Selector>().is_ok(), "{good}");
        }
        for bad in ["", ".", "a.", "a..b", "-a", "a-", "ü", "a b"] {
            assert!(bad.parse::<Selector>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_within_its_ancestors_and_not_within_a_namesake() {
        let name = |text: &str| text.parse::<DnsName>().unwrap();
        assert!(name("a.example.com").is_within(&name("example.com")));
        assert!(name("example.com").is_within(&name("example.com")));
        assert!(!name("badexample.com").is_within(&name("example.com")));
    }
}
