//! Macro-strings: text with `%{…}` in it, and what becomes of it in one evaluation (RFC 7208 section 7).

use std::fmt::{self, Write};
use std::net::IpAddr;

/// How many parts a transformer keeps when it names no number, or one too large to matter.
const ALL_PARTS: usize = usize::MAX;

/// A macro-string (RFC 7208 section 7.1), parsed: its grammar holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacroString {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Text that stands for itself.
    Literal(String),
    /// `%%`, `%_` or `%-`, by what it stands for.
    Escape(&'static str),
    Macro(Macro),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Macro {
    letter: Letter,
    /// An upper-case letter: what comes out is escaped for use in a URL.
    url: bool,
    /// How many of the parts on the right are kept.
    keep: usize,
    reverse: bool,
    delimiters: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
    Sender,
    LocalPart,
    SenderDomain,
    Domain,
    Address,
    ValidatedName,
    Helo,
    Version,
    ReadableAddress,
    Receiver,
    Time,
}

/// Why a text is no macro-string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMacro {
    /// An octet outside printable ASCII, or a space where there can be none.
    #[error("has an octet that is no visible ASCII character")]
    Octet,
    /// A `%` with something else than `{`, `%`, `_` or `-` after it.
    #[error("has a % that starts no macro; a percent sign itself is written %%")]
    Percent,
    /// A `%{` without its `}`.
    #[error("has a %{{ without its }}")]
    Unclosed,
    /// A letter that names no macro.
    #[error("has the unknown macro %{{{0}}}")]
    Letter(String),
    /// `c`, `r` or `t` outside of an explanation (RFC 7208 section 7.2).
    #[error("has the macro %{{{0}}}, which only an explanation can have")]
    OnlyInExplanation(char),
    /// A transformer that keeps no part (RFC 7208 section 7.3).
    #[error("has a macro that keeps 0 parts")]
    KeepsNothing,
    /// Something else than a transformer or delimiter after the letter.
    #[error("has a macro with {0:?} after its letter, which is neither transformer nor delimiter")]
    Tail(String),
    /// A domain that ends neither in a macro nor in a top label (RFC 7208 section 7.1, `domain-end`).
    #[error("is no domain name: it ends neither in a dot and a top-level label nor in a macro")]
    NoTopLabel,
    /// An address where a domain must be.
    #[error("is an address where a domain name must be; for an address there are ip4 and ip6")]
    Address,
    /// Nothing.
    #[error("is empty")]
    Empty,
}

/// What the macros of one evaluation stand for.
pub(super) struct Values<'a> {
    pub(super) ip: IpAddr,
    pub(super) local_part: &'a str,
    pub(super) sender_domain: &'a str,
    pub(super) domain: &'a str,
    /// `%{p}`: a validated name of the client, or `unknown`.
    pub(super) validated: &'a str,
    pub(super) helo: &'a str,
    pub(super) receiver: &'a str,
    pub(super) time: u64,
}

impl MacroString {
    /// The value of a modifier: visible characters only.
    pub(super) fn value(text: &str) -> Result<MacroString, InvalidMacro> {
        parse(text, false)
    }

    /// A `domain-spec`: a macro-string that ends in a macro or a top label.
    pub(super) fn domain(text: &str) -> Result<MacroString, InvalidMacro> {
        if text.is_empty() {
            return Err(InvalidMacro::Empty);
        }
        let parsed = parse(text, false)?;
        match parsed.pieces.last() {
            Some(Piece::Literal(_)) if text.parse::<IpAddr>().is_ok() => Err(InvalidMacro::Address),
            Some(Piece::Literal(end)) if !ends_in_top_label(end) => Err(InvalidMacro::NoTopLabel),
            _ => Ok(parsed),
        }
    }

    /// An `explain-string`: spaces and the letters `c`, `r` and `t` too.
    pub(super) fn explanation(text: &str) -> Result<MacroString, InvalidMacro> {
        parse(text, true)
    }

    /// The macro-string as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it has `%{p}`, for which the DNS must be asked.
    pub(super) fn needs_validated_name(&self) -> bool {
        self.letters().any(|letter| letter == Letter::ValidatedName)
    }

    /// Whether what it stands for is the same for every sender of one domain.
    pub(super) fn is_same_for_every_sender(&self) -> bool {
        self.letters().all(|letter| matches!(letter, Letter::Domain | Letter::SenderDomain))
    }

    fn letters(&self) -> impl Iterator<Item = Letter> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Macro(each) => Some(each.letter),
            Piece::Literal(_) | Piece::Escape(_) => None,
        })
    }

    /// The text that it stands for.
    pub(super) fn expand(&self, values: &Values<'_>) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Escape(escape) => text.push_str(escape),
                Piece::Macro(each) => text.push_str(&each.expand(values)),
            }
        }
        text
    }
}

impl fmt::Display for MacroString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Macro {
    fn expand(&self, values: &Values<'_>) -> String {
        let value = self.letter.value(values);
        let mut parts: Vec<&str> = value.split(|c| self.delimiters.contains(c)).collect();
        if self.reverse {
            parts.reverse();
        }
        let text = parts.split_off(parts.len().saturating_sub(self.keep)).join(".");
        if self.url { url_escaped(&text) } else { text }
    }
}

impl Letter {
    fn of(letter: char) -> Option<Letter> {
        Some(match letter {
            's' => Letter::Sender,
            'l' => Letter::LocalPart,
            'o' => Letter::SenderDomain,
            'd' => Letter::Domain,
            'i' => Letter::Address,
            'p' => Letter::ValidatedName,
            'h' => Letter::Helo,
            'v' => Letter::Version,
            'c' => Letter::ReadableAddress,
            'r' => Letter::Receiver,
            't' => Letter::Time,
            _ => return None,
        })
    }

    fn is_only_for_explanations(self) -> bool {
        matches!(self, Letter::ReadableAddress | Letter::Receiver | Letter::Time)
    }

    fn value(self, values: &Values<'_>) -> String {
        match self {
            Letter::Sender => format!("{}@{}", values.local_part, values.sender_domain),
            Letter::LocalPart => values.local_part.to_owned(),
            Letter::SenderDomain => values.sender_domain.to_owned(),
            Letter::Domain => values.domain.to_owned(),
            Letter::Address => dotted(values.ip),
            Letter::ValidatedName => values.validated.to_owned(),
            Letter::Helo => values.helo.to_owned(),
            Letter::Version if values.ip.is_ipv4() => "in-addr".to_owned(),
            Letter::Version => "ip6".to_owned(),
            Letter::ReadableAddress => values.ip.to_string(),
            Letter::Receiver => values.receiver.to_owned(),
            Letter::Time => values.time.to_string(),
        }
    }
}

/// An address as `%{i}` has it: an IPv6 one as its 32 nibbles with dots between (RFC 7208 section 7.3).
pub(super) fn dotted(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 15]);
            nibbles.map(|nibble| format!("{nibble:X}")).collect::<Vec<_>>().join(".")
        }
    }
}

/// Every octet that is not unreserved in a URL as `%XX` (RFC 7208 section 7.3, RFC 3986 section 2.3).
fn url_escaped(text: &str) -> String {
    let mut escaped = String::new();
    for octet in text.bytes() {
        match octet {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(octet));
            }
            // Writing to a string does not fail.
            _ => _ = write!(escaped, "%{octet:02X}"),
        }
    }
    escaped
}

fn parse(text: &str, explanation: bool) -> Result<MacroString, InvalidMacro> {
    let is_allowed = |octet: u8| octet.is_ascii_graphic() || (explanation && octet == b' ');
    if !text.bytes().all(is_allowed) {
        return Err(InvalidMacro::Octet);
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((literal, after)) = rest.split_once('%') {
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.to_owned()));
        }
        let mut after = after.chars();
        let piece = match after.next() {
            Some('%') => Piece::Escape("%"),
            Some('_') => Piece::Escape(" "),
            Some('-') => Piece::Escape("%20"),
            Some('{') => {
                let (inside, behind) = after.as_str().split_once('}').ok_or(InvalidMacro::Unclosed)?;
                after = behind.chars();
                Piece::Macro(parse_macro(inside, explanation)?)
            }
            _ => return Err(InvalidMacro::Percent),
        };
        pieces.push(piece);
        rest = after.as_str();
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    Ok(MacroString { source: text.to_owned(), pieces })
}

/// What stands between `%{` and `}`: a letter, a number of parts, `r`, delimiters.
fn parse_macro(inside: &str, explanation: bool) -> Result<Macro, InvalidMacro> {
    let mut chars = inside.chars();
    let written = chars.next().unwrap_or_default();
    let Some(letter) = Letter::of(written.to_ascii_lowercase()) else {
        return Err(InvalidMacro::Letter(inside.to_owned()));
    };
    if letter.is_only_for_explanations() && !explanation {
        return Err(InvalidMacro::OnlyInExplanation(written));
    }
    let tail = chars.as_str();
    let after_number = tail.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = tail.strip_suffix(after_number).unwrap_or_default();
    let keep = match number {
        "" => ALL_PARTS,
        // A number too large for the type keeps all parts, as any above their count does.
        number => number.parse().unwrap_or(ALL_PARTS),
    };
    if keep == 0 {
        return Err(InvalidMacro::KeepsNothing);
    }
    let delimiters = after_number.strip_prefix(['r', 'R']);
    let reverse = delimiters.is_some();
    let delimiters = delimiters.unwrap_or(after_number);
    if !delimiters.chars().all(|c| ".-+,/_=".contains(c)) {
        return Err(InvalidMacro::Tail(tail.to_owned()));
    }
    let delimiters = if delimiters.is_empty() { "." } else { delimiters }.to_owned();
    Ok(Macro { letter, url: written.is_ascii_uppercase(), keep, reverse, delimiters })
}

/// Whether a text ends in `"." toplabel [ "." ]` (RFC 7208 section 12).
fn ends_in_top_label(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let Some((_, label)) = text.rsplit_once('.') else { return false };
    !label.is_empty()
        && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        && !label.bytes().all(|octet| octet.is_ascii_digit())
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> String {
        // The example of RFC 7208 section 7.4.
        let values = Values {
            ip: "192.0.2.3".parse().unwrap(),
            local_part: "strong-bad",
            sender_domain: "email.example.com",
            domain: "email.example.com",
            validated: "mx.example.org",
            helo: "mail.example.com",
            receiver: "mx.example.net",
            time: 1_700_000_000,
        };
        MacroString::explanation(text).unwrap().expand(&values)
    }

    #[test]
    fn the_examples_of_section_7_4_expand_as_printed() {
        for (text, want) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{o}", "email.example.com"),
            ("%{d}", "email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d3}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{d1}", "com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l}", "strong-bad"),
            ("%{l-}", "strong.bad"),
            ("%{lr}", "strong-bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
            ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
            (
                "%%%_%-%{S} %{c} %{R} %{t}",
                "% %20strong-bad%40email.example.com 192.0.2.3 mx.example.net 1700000000",
            ),
            ("%{d99999999999999999999}", "email.example.com"),
        ] {
            assert_eq!(expanded(text), want, "{text}");
        }
    }

    #[test]
    fn each_mistake_in_a_macro_is_named() {
        for (text, want) in [
            ("%", InvalidMacro::Percent),
            ("a%b.example", InvalidMacro::Percent),
            ("%{d", InvalidMacro::Unclosed),
            ("%{}", InvalidMacro::Letter(String::new())),
            ("%{x}", InvalidMacro::Letter("x".into())),
            ("%{r}", InvalidMacro::OnlyInExplanation('r')),
            ("%{d0}", InvalidMacro::KeepsNothing),
            ("%{dr2}", InvalidMacro::Tail("r2".into())),
            ("%{d*}", InvalidMacro::Tail("*".into())),
            ("museum.", InvalidMacro::NoTopLabel),
            ("%{d}com", InvalidMacro::NoTopLabel),
            ("example.123", InvalidMacro::NoTopLabel),
            ("192.0.2.1", InvalidMacro::Address),
            ("", InvalidMacro::Empty),
        ] {
            assert_eq!(MacroString::domain(text), Err(want), "{text}");
        }
        assert_eq!(MacroString::value("a b"), Err(InvalidMacro::Octet));
    }
}
