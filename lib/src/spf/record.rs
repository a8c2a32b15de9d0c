//! SPF records: their grammar (RFC 7208 section 12), and the types that a record becomes.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::macros::{InvalidMacro, MacroString};
use crate::dns::TxtData;

/// What stands at the front of every SPF record (RFC 7208 section 4.5).
const VERSION: &[u8] = b"v=spf1";
/// The mechanisms that RFC 7208 section 5 has.
const MECHANISMS: [&str; 8] = ["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"];

/// An SPF record that is valid by the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpfRecord {
    /// Its mechanisms with their qualifiers, in order.
    pub directives: Vec<Directive>,
    /// Where to go on when none of them matches (RFC 7208 section 6.1).
    pub redirect: Option<MacroString>,
    /// Where the words for a fail stand (RFC 7208 section 6.2).
    pub explanation: Option<MacroString>,
}

/// A mechanism with its qualifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// What follows when the mechanism matches.
    pub qualifier: Qualifier,
    /// What is matched.
    pub mechanism: Mechanism,
    /// The term as it is written in the record.
    pub text: String,
}

/// What follows when a mechanism matches (RFC 7208 section 4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Qualifier {
    /// `+`, or none written.
    Pass,
    /// `-`.
    Fail,
    /// `~`.
    SoftFail,
    /// `?`.
    Neutral,
}

/// A mechanism (RFC 7208 section 5). Where the domain is left out, the record's own is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// `all`: everybody.
    All,
    /// `include:domain`: whom another domain's record passes.
    Include(MacroString),
    /// `a`, `a:domain`, with prefix lengths: the domain's addresses.
    A(Option<MacroString>, Prefixes),
    /// `mx`, `mx:domain`, with prefix lengths: the addresses of the domain's mail hosts.
    Mx(Option<MacroString>, Prefixes),
    /// `ptr`, `ptr:domain`: hosts with a validated name in the domain. Not to be published.
    Ptr(Option<MacroString>),
    /// `ip4:network`, with a prefix length.
    Ip4(Ipv4Addr, u8),
    /// `ip6:network`, with a prefix length.
    Ip6(Ipv6Addr, u8),
    /// `exists:domain`: everybody for whom that name has an address.
    Exists(MacroString),
}

/// The prefix lengths of `a` and `mx`: 32 and 128 where they are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefixes {
    /// For IPv4, `/24`.
    pub v4: u8,
    /// For IPv6, `//64`.
    pub v6: u8,
}

/// A term that breaks the grammar: receivers then take the whole record for an error (RFC 7208 section 4.6).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{term}\" {fault}")]
pub struct InvalidTerm {
    /// The term, octets outside printable ASCII as `\DDD`, cut at 100 octets.
    pub term: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a term. The words follow on the term itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// An octet that is no visible ASCII character. Terms are separated by spaces and by nothing else.
    #[error("has an octet that is no visible ASCII character; terms are separated by spaces only")]
    Octet,
    /// No mechanism of this name.
    #[error("is no mechanism that SPF has")]
    UnknownMechanism,
    /// `redirect:` or `exp:`.
    #[error("is a modifier, which takes \"=\" and not \":\"")]
    ModifierWithColon,
    /// `include` or `exists` without a domain, `ip4` or `ip6` without a network.
    #[error("lacks what must follow after a \":\"")]
    ArgumentMissing,
    /// Something after a mechanism that takes nothing of the kind.
    #[error("has something after its mechanism that this one does not take")]
    ArgumentUnexpected,
    /// A domain or value that breaks the grammar of macro-strings.
    #[error("names a domain or value that {0}")]
    Macro(#[from] InvalidMacro),
    /// No IPv4 or IPv6 address where one must be.
    #[error("has no complete address of its kind")]
    Network,
    /// A prefix length that is no number, has a leading zero, or is too large.
    #[error("has a prefix length that is no number from 0 to {most}")]
    Prefix {
        /// 32 or 128.
        most: u8,
    },
    /// `redirect` or `exp` a second time (RFC 7208 section 6).
    #[error("is there twice, and may be there once")]
    Repeated,
}

/// Whether these octets are an SPF record, right or wrong: the version alone at the front (section 4.5).
pub(crate) fn is_spf(octets: &[u8]) -> bool {
    octets.split_at_checked(VERSION.len()).is_some_and(|(version, rest)| {
        version.eq_ignore_ascii_case(VERSION) && matches!(rest, [] | [b' ', ..])
    })
}

impl SpfRecord {
    /// Parses what stands in a record that begins with the version, which is not looked at again.
    ///
    /// The first term that breaks the grammar is the error, wherever it stands (RFC 7208 section 4.6).
    pub fn parse(octets: &[u8]) -> Result<SpfRecord, InvalidTerm> {
        let mut record = SpfRecord { directives: Vec::new(), redirect: None, explanation: None };
        for term in octets.split(|octet| *octet == b' ').skip(1).filter(|term| !term.is_empty()) {
            record.take(term).map_err(|fault| InvalidTerm { term: shown(term), fault })?;
        }
        Ok(record)
    }

    fn take(&mut self, term: &[u8]) -> Result<(), Fault> {
        let text = visible(term)?;
        let Some((name, value)) = modifier(text) else {
            self.directives.push(directive(text)?);
            return Ok(());
        };
        let slot = match name.to_ascii_lowercase().as_str() {
            "redirect" => &mut self.redirect,
            "exp" => &mut self.explanation,
            // An unknown modifier is ignored, but must be valid by the grammar (RFC 7208 section 6).
            _ => {
                MacroString::value(value)?;
                return Ok(());
            }
        };
        if slot.is_some() {
            return Err(Fault::Repeated);
        }
        *slot = Some(MacroString::domain(value)?);
        Ok(())
    }
}

impl FromStr for Directive {
    type Err = InvalidTerm;

    fn from_str(text: &str) -> Result<Directive, InvalidTerm> {
        let parsed = visible(text.as_bytes()).and_then(directive);
        parsed.map_err(|fault| InvalidTerm { term: shown(text.as_bytes()), fault })
    }
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Mechanism {
    type Err = InvalidTerm;

    /// A mechanism without a qualifier.
    fn from_str(text: &str) -> Result<Mechanism, InvalidTerm> {
        let parsed = visible(text.as_bytes()).and_then(mechanism);
        parsed.map_err(|fault| InvalidTerm { term: shown(text.as_bytes()), fault })
    }
}

impl Mechanism {
    /// The domain it names, if it names one.
    pub fn domain(&self) -> Option<&MacroString> {
        match self {
            Mechanism::Include(domain) | Mechanism::Exists(domain) => Some(domain),
            Mechanism::A(domain, _) | Mechanism::Mx(domain, _) | Mechanism::Ptr(domain) => domain.as_ref(),
            Mechanism::All | Mechanism::Ip4(..) | Mechanism::Ip6(..) => None,
        }
    }

    /// Whether evaluating it counts toward the limit of ten (RFC 7208 section 4.6.4).
    pub(crate) fn is_counted(&self) -> bool {
        match self {
            Mechanism::All | Mechanism::Ip4(..) | Mechanism::Ip6(..) => false,
            Mechanism::Include(_)
            | Mechanism::A(..)
            | Mechanism::Mx(..)
            | Mechanism::Ptr(_)
            | Mechanism::Exists(_) => true,
        }
    }
}

impl Prefixes {
    /// One address each.
    pub(super) const WHOLE: Prefixes = Prefixes { v4: 32, v6: 128 };
}

/// A term for a person: printable ASCII as it is, the rest as `\DDD`, cut at 100 octets.
pub(super) fn shown(term: &[u8]) -> String {
    TxtData::new(vec![term.to_vec()]).shown()
}

fn visible(term: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(term).map_err(|_| Fault::Octet)?;
    if text.bytes().all(|octet| octet.is_ascii_graphic()) { Ok(text) } else { Err(Fault::Octet) }
}

/// A modifier's name and value: `name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )`, then `=`.
fn modifier(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let in_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
    (name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(in_name))
        .then_some((name, value))
}

fn directive(text: &str) -> Result<Directive, Fault> {
    let mut chars = text.chars();
    let (qualifier, rest) = match chars.next() {
        Some('+') => (Qualifier::Pass, chars.as_str()),
        Some('-') => (Qualifier::Fail, chars.as_str()),
        Some('~') => (Qualifier::SoftFail, chars.as_str()),
        Some('?') => (Qualifier::Neutral, chars.as_str()),
        _ => (Qualifier::Pass, text),
    };
    Ok(Directive { qualifier, mechanism: mechanism(rest)?, text: text.to_owned() })
}

fn mechanism(text: &str) -> Result<Mechanism, Fault> {
    let end = text.find([':', '/']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let name = name.to_ascii_lowercase();
    let argument = rest.strip_prefix(':');
    let required =
        || argument.ok_or(if rest.is_empty() { Fault::ArgumentMissing } else { Fault::ArgumentUnexpected });
    match name.as_str() {
        "all" if rest.is_empty() => Ok(Mechanism::All),
        "all" => Err(Fault::ArgumentUnexpected),
        "include" => Ok(Mechanism::Include(MacroString::domain(required()?)?)),
        "exists" => Ok(Mechanism::Exists(MacroString::domain(required()?)?)),
        "a" => host(rest).map(|(domain, prefixes)| Mechanism::A(domain, prefixes)),
        "mx" => host(rest).map(|(domain, prefixes)| Mechanism::Mx(domain, prefixes)),
        "ptr" if rest.is_empty() => Ok(Mechanism::Ptr(None)),
        "ptr" => {
            let domain = argument.ok_or(Fault::ArgumentUnexpected)?;
            Ok(Mechanism::Ptr(Some(MacroString::domain(domain)?)))
        }
        "ip4" => network(required()?, 32).map(|(network, prefix)| Mechanism::Ip4(network, prefix)),
        "ip6" => network(required()?, 128).map(|(network, prefix)| Mechanism::Ip6(network, prefix)),
        "redirect" | "exp" if argument.is_some() => Err(Fault::ModifierWithColon),
        _ => Err(Fault::UnknownMechanism),
    }
}

/// What follows `a` and `mx`: `[ ":" domain-spec ] [ dual-cidr-length ]`.
///
/// A domain may hold slashes, so the prefix lengths are what ends the text and looks like some.
fn host(rest: &str) -> Result<(Option<MacroString>, Prefixes), Fault> {
    let mut prefixes = Prefixes::WHOLE;
    let mut front = rest;
    if let Some((before, number)) = split_number(front) {
        if let Some(before) = before.strip_suffix('/') {
            prefixes.v6 = prefix(number, 128)?;
            front = before;
            if let Some((before, number)) = split_number(front) {
                prefixes.v4 = prefix(number, 32)?;
                front = before;
            }
        } else {
            prefixes.v4 = prefix(number, 32)?;
            front = before;
        }
    }
    match front.strip_prefix(':') {
        Some(domain) => Ok((Some(MacroString::domain(domain)?), prefixes)),
        None if front.is_empty() => Ok((None, prefixes)),
        None => Err(Fault::Prefix { most: if front.starts_with("//") { 128 } else { 32 } }),
    }
}

/// A text that ends in a slash and digits, as what is before the slash, and the digits.
fn split_number(text: &str) -> Option<(&str, &str)> {
    let (before, number) = text.rsplit_once('/')?;
    let is_number = !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then_some((before, number))
}

/// A prefix length: no leading zero (RFC 7208 section 12, `ip4-cidr-length`, `ip6-cidr-length`).
fn prefix(number: &str, most: u8) -> Result<u8, Fault> {
    let fault = Fault::Prefix { most };
    if number.starts_with(['0', '+']) && number != "0" {
        return Err(fault);
    }
    number.parse().ok().filter(|prefix| *prefix <= most).ok_or(fault)
}

fn network<A: FromStr>(text: &str, most: u8) -> Result<(A, u8), Fault> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, number)) => (address, prefix(number, most)?),
        None => (text, most),
    };
    Ok((address.parse().map_err(|_| Fault::Network)?, prefix))
}

/// The terms that are written like an unknown modifier but named like a mechanism: `ip4=192.0.2.1`, `include=x`.
///
/// The grammar lets receivers ignore them, so the record holds; whoever wrote them meant something else.
pub(crate) fn mistaken_modifiers(octets: &[u8]) -> Vec<String> {
    let terms = octets.split(|octet| *octet == b' ').skip(1);
    terms
        .filter(|term| {
            let name = visible(term).ok().and_then(modifier).map(|(name, _)| name.to_ascii_lowercase());
            name.is_some_and(|name| MECHANISMS.contains(&name.as_str()))
        })
        .map(shown)
        .collect()
}
