//! A message as a signer sees it: header fields, and a body (RFC 5322 section 2.1).

use std::fmt;

use crate::name::DomainName;

use super::author;

/// How a message's lines end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// As on the network (RFC 5321 section 2.3.8).
    CrLf,
    /// As a mail server hands a message to a program, and takes it back.
    Lf,
}

impl LineEnd {
    /// Its octets.
    pub fn as_str(self) -> &'static str {
        match self {
            LineEnd::CrLf => "\r\n",
            LineEnd::Lf => "\n",
        }
    }
}

/// A message whose header section has one reading.
///
/// Lines end with CRLF or with LF alone, also mixed: it is sent with CRLF, and so signed. A CR elsewhere is an octet like
/// any other; a server that changes or takes it away breaks the signature.
pub struct Message<'a> {
    /// In the order in which they stand.
    fields: Vec<Field<'a>>,
    pub(super) body: &'a [u8],
    line_end: LineEnd,
}

/// A header field, folded as it stands, without its last line end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes a message apart.
    ///
    /// Refused is what two servers could read in two ways, for then a signature would say nothing of what is shown: a line
    /// in the header section that is no field, where some end the header and others go on, and none or several From
    /// fields (RFC 6376 section 8.15). A header section without an empty line behind it has no body.
    pub fn parse(octets: &'a [u8]) -> Result<Message<'a>, InvalidMessage> {
        let mut fields = Vec::new();
        let (mut rest, mut line) = (octets, 1);
        let body = loop {
            let (field, after) = take_field(rest);
            if field.is_empty() {
                break after;
            }
            fields.push(Field::parse(field).ok_or(InvalidMessage::Line(line))?);
            line += field.split(|octet| *octet == b'\n').count();
            rest = after;
        };
        let message = Message { fields, body, line_end: line_end(octets) };
        match message.last_first("from").count() {
            0 => Err(InvalidMessage::NoFrom),
            1 => Ok(message),
            count => Err(InvalidMessage::SeveralFrom(count)),
        }
    }

    /// The fields of this name, the last first: the order in which they are signed (RFC 6376 section 5.4.2).
    pub(super) fn last_first(&self, name: &str) -> impl Iterator<Item = Field<'a>> {
        let fields = self.fields.iter().rev().copied();
        fields.filter(move |field| field.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The domain of the first mailbox of its From field.
    pub fn author_domain(&self) -> Result<DomainName, InvalidMessage> {
        author::domain(self.author()?).ok_or(InvalidMessage::Author)
    }

    /// The domain of each mailbox of its From field, in their order; one at least.
    pub fn author_domains(&self) -> Result<Vec<DomainName>, InvalidMessage> {
        author::domains(self.author()?).ok_or(InvalidMessage::Author)
    }

    /// The value of its From field. Octets that are not UTF-8 are read in one way by this reader of mail and in another by that one (RFC 6532
    /// section 3), so nobody could say which address is shown.
    fn author(&self) -> Result<&'a str, InvalidMessage> {
        let from = self.last_first("from").next().ok_or(InvalidMessage::NoFrom)?;
        std::str::from_utf8(from.value).map_err(|_| InvalidMessage::NotUtf8)
    }

    /// How its first line ends.
    pub fn line_end(&self) -> LineEnd {
        self.line_end
    }
}

impl fmt::Debug for Message<'_> {
    /// Without what somebody wrote to somebody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message[{} fields, {} octets of body]", self.fields.len(), self.body.len())
    }
}

impl<'a> Field<'a> {
    /// White space before the colon is of the obsolete syntax, which must be understood (RFC 5322 section 4.5).
    fn parse(octets: &'a [u8]) -> Option<Field<'a>> {
        let colon = octets.iter().position(|octet| *octet == b':')?;
        let (name, value) = octets.split_at_checked(colon)?;
        let name = trim_end(name);
        let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        is_name.then(|| Field { name, value: value.strip_prefix(b":").unwrap_or(value) })
    }
}

/// SP and HTAB, which RFC 6376 section 2.8 calls WSP.
pub(super) fn is_wsp(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// Without the WSP at its end.
pub(super) fn trim_end(mut octets: &[u8]) -> &[u8] {
    while let [start @ .., last] = octets
        && is_wsp(*last)
    {
        octets = start;
    }
    octets
}

/// The first line without its end, and what follows it.
pub(super) fn take_line(octets: &[u8]) -> (&[u8], &[u8]) {
    split_after_line_feed(octets, octets.iter().position(|octet| *octet == b'\n'))
}

/// The first line and those that continue it, and what follows them.
fn take_field(octets: &[u8]) -> (&[u8], &[u8]) {
    let is_last = |at: usize| !octets.get(at + 1).copied().is_some_and(is_wsp);
    let mut line_feeds = octets.iter().enumerate().filter(|(_, octet)| **octet == b'\n').map(|(at, _)| at);
    // An empty line ends the header section whatever follows, for the body may begin with white space.
    let empty = matches!(octets, [b'\n', ..] | [b'\r', b'\n', ..]);
    split_after_line_feed(octets, line_feeds.find(|at| empty || is_last(*at)))
}

fn split_after_line_feed(octets: &[u8], line_feed: Option<usize>) -> (&[u8], &[u8]) {
    let Some((line, rest)) = line_feed.and_then(|at| octets.split_at_checked(at)) else {
        return (octets, &[]);
    };
    (line.strip_suffix(b"\r").unwrap_or(line), rest.strip_prefix(b"\n").unwrap_or(rest))
}

fn line_end(octets: &[u8]) -> LineEnd {
    let mut before = None;
    for octet in octets {
        match octet {
            b'\n' if before == Some(b'\r') => return LineEnd::CrLf,
            b'\n' => return LineEnd::Lf,
            octet => before = Some(*octet),
        }
    }
    LineEnd::CrLf
}

/// Why a message cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// A line of the header section that is no header field and continues none, counted from 1.
    #[error("line {0} of its header section is no header field")]
    Line(usize),
    /// No From field, which every message has (RFC 5322 section 3.6) and every signature covers (RFC 6376 section 5.4).
    #[error("it has no From field")]
    NoFrom,
    /// More than one From field.
    #[error("it has {0} From fields, of which each reader shows another")]
    SeveralFrom(usize),
    /// A From field without a mailbox, or with one at no mail domain.
    #[error("its From field names no address at a mail domain")]
    Author,
    /// A From field with octets of another encoding.
    #[error(
        "its From field is neither ASCII nor UTF-8; a name in another encoding is written as an encoded word (RFC 2047)"
    )]
    NotUtf8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_may_end_either_way_and_the_last_need_not() {
        let values = |text: &'static str| {
            let message = Message::parse(text.as_bytes()).unwrap();
            let values: Vec<_> = message.fields.iter().map(|f| String::from_utf8_lossy(f.value)).collect();
            (values.join("|"), String::from_utf8_lossy(message.body).into_owned(), message.line_end)
        };
        assert_eq!(
            values("From: a\r\nTo : b\r\n\tc\r\n\r\nx\r\n"),
            (" a| b\r\n\tc".into(), "x\r\n".into(), LineEnd::CrLf)
        );
        assert_eq!(values("From: a\nTo: b\n c\n\n \nx"), (" a| b\n c".into(), " \nx".into(), LineEnd::Lf));
        assert_eq!(values("From: a\nTo: b"), (" a| b".into(), String::new(), LineEnd::Lf));
        assert_eq!(values("From:\r\n"), (String::new(), String::new(), LineEnd::CrLf));
        assert_eq!(values("From: a\rb\n\r\nx"), (" a\rb".into(), "x".into(), LineEnd::Lf));
    }

    #[test]
    fn a_from_field_in_another_encoding_names_nobody() {
        let message = Message::parse(b"From: J\xf6rg <jo@example.com>\n\n").unwrap();
        assert_eq!(message.author_domain(), Err(InvalidMessage::NotUtf8));
        assert_eq!(message.author_domains(), Err(InvalidMessage::NotUtf8));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (text, why) in [
            ("", InvalidMessage::NoFrom),
            ("\r\nFrom: a\r\n", InvalidMessage::NoFrom),
            ("To: a\n\nFrom: a\n", InvalidMessage::NoFrom),
            ("From a@example.com Sat Nov 21\nFrom: a\n\n", InvalidMessage::Line(1)),
            (" From: a\n\n", InvalidMessage::Line(1)),
            ("From: a\n b\nnothing\n\n", InvalidMessage::Line(3)),
            ("From: a\n: b\n\n", InvalidMessage::Line(2)),
            ("From: a\nB\u{e4}r: b\n\n", InvalidMessage::Line(2)),
            ("From: a\nfrom : b\n\n", InvalidMessage::SeveralFrom(2)),
        ] {
            assert_eq!(Message::parse(text.as_bytes()).unwrap_err(), why, "{text:?}");
        }
    }
}
