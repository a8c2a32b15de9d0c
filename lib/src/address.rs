//! A mailbox address: a local part at a domain.
//!
//! ```
//! use postroom::address::EmailAddress;
//!
//! let address: EmailAddress = "Jo+shop@Example.com".parse()?;
//! assert_eq!((address.local(), address.domain().as_str()), ("Jo+shop", "example.com"));
//! assert!("jo@localhost@example.com".parse::<EmailAddress>().is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::str::FromStr;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

use crate::name::{DomainName, InvalidName};

/// The most octets of a local part (RFC 5321 section 4.5.3.1.1).
pub(crate) const MAX_LOCAL_OCTETS: usize = 64;

/// An address to which mail can be sent: `local@domain`.
///
/// The local part keeps its case (RFC 5321 section 2.4), and its quotes only where it needs them, so that
/// `"jo"@example.com` and `jo@example.com` are equal. Address literals, comments and display names are refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress {
    local: String,
    domain: DomainName,
}

impl EmailAddress {
    /// An address that was parsed before it was stored.
    pub(crate) fn stored(text: String) -> EmailAddress {
        match text.rsplit_once('@') {
            Some((local, domain)) => {
                EmailAddress { local: local.to_owned(), domain: DomainName::stored(domain.to_owned()) }
            }
            None => EmailAddress { local: String::new(), domain: DomainName::stored(text) },
        }
    }

    /// The address with this local part, in the form in which [`local`](EmailAddress::local) gives it.
    pub(crate) fn of(local: &str, domain: &DomainName) -> EmailAddress {
        EmailAddress { local: local.to_owned(), domain: domain.clone() }
    }

    /// This local part at another domain.
    pub(crate) fn at(&self, domain: &DomainName) -> EmailAddress {
        EmailAddress { local: self.local.clone(), domain: domain.clone() }
    }

    /// The part before the `@`, quoted if it must be.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<EmailAddress, InvalidAddress> {
        // A quoted local part may hold an `@`; a domain may not.
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress::NoAt)?;
        let local = local_part(local)?;
        Ok(EmailAddress { local, domain: domain.parse().map_err(InvalidAddress::Domain)? })
    }
}

/// A local part in its shortest spelling.
pub(crate) fn local_part(text: &str) -> Result<String, InvalidAddress> {
    if text.len() > MAX_LOCAL_OCTETS {
        return Err(InvalidAddress::LocalTooLong);
    }
    match text.strip_prefix('"') {
        Some(rest) => unquote(rest),
        None if is_dot_atom(text) => Ok(text.to_owned()),
        None => Err(InvalidAddress::Local),
    }
}

/// A local part as it is compared: without regard to case (RFC 5321 section 2.4 would tell cases apart; nobody's mailboxes do), and with a
/// letter and its mark as one character, however it is written (RFC 6532 section 3.1).
pub(crate) fn comparable_local(local: &str) -> String {
    let lower = local.to_lowercase();
    if lower.is_ascii() {
        return lower;
    }
    ComposingNormalizerBorrowed::new_nfc().normalize(&lower).into_owned()
}

/// The other spelling of a local part that is [compared](comparable_local), with letters and marks apart. Databases have keys in it from
/// before local parts were composed.
pub(crate) fn decomposed(local: &str) -> String {
    DecomposingNormalizerBorrowed::new_nfd().normalize(local).into_owned()
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// Dot-string of RFC 5321 section 4.1.2, with the UTF-8 of RFC 6531.
fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| {
        !atom.is_empty()
            && atom.chars().all(|c| {
                c.is_ascii_alphanumeric()
                    || "!#$%&'*+-/=?^_`{|}~".contains(c)
                    || (!c.is_ascii() && !c.is_control())
            })
    })
}

/// The local part of a quoted-string whose first quote is gone, in its shortest spelling.
fn unquote(rest: &str) -> Result<String, InvalidAddress> {
    let mut plain = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next().ok_or(InvalidAddress::Local)? {
            '"' if chars.as_str().is_empty() => break,
            '\\' => plain.push(chars.next().filter(|c| matches!(c, ' '..='~')).ok_or(InvalidAddress::Local)?),
            c if c != '"' && !c.is_control() => plain.push(c),
            _ => return Err(InvalidAddress::Local),
        }
    }
    if is_dot_atom(&plain) {
        return Ok(plain);
    }
    Ok(format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAddress {
    /// No `@` in it.
    #[error("it has no @")]
    NoAt,
    /// A local part of more than 64 octets.
    #[error("the part before the @ is longer than 64 octets")]
    LocalTooLong,
    /// A local part that breaks the grammar of RFC 5321.
    #[error("the part before the @ is not a local part of RFC 5321")]
    Local,
    /// What follows the `@` is no mail domain.
    #[error("the part after the @ is no mail domain: {0}")]
    Domain(InvalidName),
}

crate::error::invalid_input!(InvalidAddress, "address");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needless_quotes_go_and_needed_ones_stay() {
        let shown = |text: &str| text.parse::<EmailAddress>().map(|a| a.to_string());
        assert_eq!(shown("jo+x@Example.COM"), Ok("jo+x@example.com".into()));
        assert_eq!(shown("\"jo\"@example.com"), Ok("jo@example.com".into()));
        assert_eq!(shown("\"j\\o\"@example.com"), Ok("jo@example.com".into()));
        assert_eq!(shown("\"a@b c\"@example.com"), Ok("\"a@b c\"@example.com".into()));
        assert_eq!(shown("\"a\\\"b\"@example.com"), Ok("\"a\\\"b\"@example.com".into()));
        assert_eq!(shown("jörg@bücher.de"), Ok("jörg@xn--bcher-kva.de".into()));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "@",
            "jo",
            "@example.com",
            "jo@",
            "a..b@example.com",
            ".a@example.com",
            "a b@example.com",
            "\"a@example.com",
            "\"a\"b@example.com",
            "jo@[192.0.2.1]",
            "Jo <jo@example.com>",
            "jo@localhost",
        ] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad}");
        }
        assert_eq!(
            format!("{}@example.com", "a".repeat(65)).parse::<EmailAddress>(),
            Err(InvalidAddress::LocalTooLong)
        );
    }
}
