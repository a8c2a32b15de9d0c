//! The header section of a message that comes in, read as leniently as readers of mail do: what arrives is seldom well made.

use std::net::IpAddr;

#[cfg(feature = "messages")]
use mail_parser::MessageParser;

use crate::list::Sender;
#[cfg(feature = "messages")]
use crate::list::first_author;

/// The header fields of a message.
#[derive(Clone)]
pub struct Head<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
    is_cut: bool,
}

/// What a message says of itself, decoded for people and programs.
#[cfg(feature = "messages")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The first address in its From field.
    pub header_from: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// Its Message-ID, in angle brackets.
    pub message_id: Option<String>,
}

impl<'a> Head<'a> {
    /// How much of a message is searched for header fields. Hundreds of recipients fit in; a longer header section [is cut](Head::is_cut).
    pub const MAX_OCTETS: usize = 256 * 1024;

    /// The fields up to the first empty line. What is no field is passed over.
    pub fn read(message: &'a [u8]) -> Head<'a> {
        let octets = message.get(..Head::MAX_OCTETS).unwrap_or(message);
        let (mut fields, mut rest) = (Vec::new(), octets);
        while let Some((field, after)) = take_field(rest) {
            if let Some(colon) = field.iter().position(|octet| *octet == b':') {
                let (name, value) = field.split_at(colon);
                fields.push((name.trim_ascii(), value.get(1..).unwrap_or_default()));
            }
            rest = after;
        }
        Head { fields, is_cut: rest.is_empty() && octets.len() < message.len() }
    }

    /// Whether the header section is longer than what is searched of it: nobody knows which fields stand in the rest.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The values of the fields with this name, from the top.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.fields.iter().filter(move |(each, _)| each.eq_ignore_ascii_case(name.as_bytes()));
        fields.map(|(_, value)| value.trim_ascii())
    }

    /// Whether a field of this name has this value, but for case.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|found| found.eq_ignore_ascii_case(value.as_bytes()))
    }

    /// The authors that its From fields name, for lists.
    pub fn authors(&self) -> Vec<Sender> {
        Sender::authors(self.all("from").map(String::from_utf8_lossy))
    }

    /// The client that handed the message to the mail server: what stands in parentheses behind `from` in the topmost Received
    /// field, `from HELO (NAME [ADDRESS])`, which the mail server itself wrote. What a client calls itself has no parentheses
    /// there.
    pub fn client(&self) -> Option<IpAddr> {
        let value = String::from_utf8_lossy(self.all("received").next()?).into_owned();
        let (_, rest) = value.strip_prefix("from ")?.split_once(" (")?;
        let (_, address) = rest.split_once(')')?.0.rsplit_once('[')?;
        let address = address.strip_suffix(']')?;
        address.strip_prefix("IPv6:").unwrap_or(address).parse().ok()
    }

    /// Whether the mail server took it with SMTPUTF8, as the topmost Received field says, which it wrote itself: `with UTF8SMTP`
    /// (RFC 6531 section 4.3).
    pub fn came_with_utf8(&self) -> bool {
        let value = String::from_utf8_lossy(self.all("received").next().unwrap_or_default()).into_owned();
        let mut words = value.split_whitespace().skip_while(|word| *word != "with");
        words.nth(1).is_some_and(|protocol| protocol.starts_with("UTF8"))
    }

    /// What the message says of itself. Of several fields with one name the topmost counts.
    #[cfg(feature = "messages")]
    pub fn summary(&self) -> Summary {
        Summary {
            header_from: self.text("from").and_then(|value| first_author(&value)),
            subject: self.all("subject").next().and_then(decoded),
            message_id: self.text("message-id").and_then(|value| message_id(&value)),
        }
    }

    /// The value of the topmost field with this name, unfolded.
    #[cfg(feature = "messages")]
    fn text(&self, name: &str) -> Option<String> {
        self.all(name).next().map(|value| String::from_utf8_lossy(value).replace(['\r', '\n'], ""))
    }
}

/// A subject with its encoded words decoded (RFC 2047).
#[cfg(feature = "messages")]
fn decoded(subject: &[u8]) -> Option<String> {
    let head = [b"Subject: ", subject, b"\r\n\r\n"].concat();
    MessageParser::default().parse_headers(&head)?.subject().map(str::to_owned)
}

/// What stands first in angle brackets, or one word without them, which some programs write.
#[cfg(feature = "messages")]
fn message_id(value: &str) -> Option<String> {
    let id = match value.split_once('<') {
        Some((_, rest)) => rest.split_once('>')?.0.trim(),
        None => value.trim(),
    };
    let is_one = !id.is_empty() && !id.contains(char::is_whitespace);
    is_one.then(|| format!("<{id}>"))
}

/// The first line with those that continue it, and what follows; none at the empty line, or at the end.
fn take_field(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    if octets.is_empty() || octets.starts_with(b"\r\n") || octets.starts_with(b"\n") {
        return None;
    }
    let ends = octets.iter().enumerate().filter(|(_, octet)| **octet == b'\n').map(|(at, _)| at + 1);
    let mut last = ends.filter(|end| !matches!(octets.get(*end), Some(b' ' | b'\t')));
    octets.split_at_checked(last.next().unwrap_or(octets.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_found_to_the_empty_line_however_they_are_written() {
        let text = b"Received: a\r\n\tb\r\nnothing\r\nX-A : one\nFROM: x\r\n\r\nx-a: body\r\n";
        let head = Head::read(text);
        assert_eq!(head.all("x-a").collect::<Vec<_>>(), [b"one"]);
        assert_eq!(head.all("received").collect::<Vec<_>>(), [b"a\r\n\tb"]);
        assert_eq!(head.all("from").count(), 1);
    }

    #[test]
    fn a_header_section_that_is_not_searched_to_its_end_is_cut() {
        let text = |octets: usize| format!("A: {}\r\n\r\nX: y\r\n", "x".repeat(octets - 5));
        assert!(!Head::read(text(Head::MAX_OCTETS - 2).as_bytes()).is_cut());
        let long = text(Head::MAX_OCTETS);
        assert!(
            Head::read(long.as_bytes()).is_cut()
                && !Head::read(&long.as_bytes()[..Head::MAX_OCTETS]).is_cut()
        );
        let body = format!("A: b\r\n\r\n{}", "x".repeat(Head::MAX_OCTETS));
        assert!(!Head::read(body.as_bytes()).is_cut());
    }

    #[test]
    fn the_client_is_the_one_that_the_mail_server_saw() {
        for (value, client) in [
            ("from a.example (unknown [192.0.2.7])\r\n\tby mx (Postfix)", Some("192.0.2.7")),
            ("from [203.0.113.9] (mail.example [IPv6:2001:db8::1])\r\n\tby mx", Some("2001:db8::1")),
            ("from 203.0.113.9?[198.51.100.1]? (x [192.0.2.7]) by mx", Some("192.0.2.7")),
            ("by mx (Postfix, from userid 0)", None),
            ("from a.example by mx", None),
        ] {
            let text = format!("Received: {value}; Sat\r\nReceived: from x (y [10.0.0.1])\r\n\r\n");
            assert_eq!(
                Head::read(text.as_bytes()).client().map(|it| it.to_string()).as_deref(),
                client,
                "{value}"
            );
        }
        assert_eq!(Head::read(b"From: a@b.example\r\n\r\n").client(), None);
    }

    #[test]
    fn the_mail_server_says_whether_a_message_came_with_utf8() {
        for (value, wanted) in [
            ("from a (b [192.0.2.7])\r\n\tby mx (Postfix) with UTF8SMTPS id 4X", true),
            ("from a (b [192.0.2.7])\r\n\tby mx (Postfix) with ESMTPS id 4X", false),
            ("by mx (Postfix, from userid 0)", false),
        ] {
            let text = format!("Received: {value}\r\nReceived: by x with UTF8SMTP id 1\r\n\r\n");
            assert_eq!(Head::read(text.as_bytes()).came_with_utf8(), wanted, "{value}");
        }
        assert!(!Head::read(b"").came_with_utf8());
    }

    #[cfg(feature = "messages")]
    #[test]
    fn what_a_message_says_of_itself_is_decoded() {
        let text = "From: =?utf-8?q?J=C3=B6?= <jo@b.example>\r\nSubject: =?utf-8?b?SMOk?=\r\nMessage-ID: <1@b>\r\n\r\n";
        let summary = Head::read(text.as_bytes()).summary();
        assert_eq!(summary.header_from.as_deref(), Some("jo@b.example"));
        assert_eq!(summary.subject.as_deref(), Some("H\u{e4}"));
        assert_eq!(summary.message_id.as_deref(), Some("<1@b>"));
        assert_eq!(Head::read(b"").summary(), Summary::default());
    }

    #[cfg(feature = "messages")]
    #[test]
    fn what_a_message_says_of_itself_is_what_stands_first() {
        let summary = |text: &str| Head::read(format!("{text}\r\n\r\n").as_bytes()).summary();
        for (from, wanted) in [
            ("Jo.X@B.example", Some("Jo.X@B.example")),
            ("\"a b\"@x.example, <z@y.example>", Some("\"a b\"@x.example")),
            ("jo(c)@x.example", Some("jo@x.example")),
            ("<@r.example:jo@x.example>", Some("jo@x.example")),
            ("G: <g1@x.example>, g2@x.example;", Some("g1@x.example")),
            ("Jo\r\n <jo@x.example>", Some("jo@x.example")),
            ("a@x.example\r\nFrom: b@x.example", Some("a@x.example")),
            ("nobody", None),
        ] {
            assert_eq!(summary(&format!("From: {from}")).header_from.as_deref(), wanted, "{from}");
        }
        for (id, wanted) in [
            ("<1@a>", Some("<1@a>")),
            ("<1@a>\r\nMessage-ID: <2@a>", Some("<1@a>")),
            ("<a@b> <c@d>", Some("<a@b>")),
            ("\r\n <a@b>", Some("<a@b>")),
            ("a@b", Some("<a@b>")),
            ("abc def", None),
            ("<>", None),
        ] {
            assert_eq!(summary(&format!("Message-ID: {id}")).message_id.as_deref(), wanted, "{id}");
        }
        assert_eq!(summary("Subject: one\r\nSubject: two").subject.as_deref(), Some("one"));
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            for octets in [octets.clone(), [b"Received: from ", octets.as_slice()].concat(), [b"From: ", octets.as_slice()].concat()] {
                let head = Head::read(&octets);
                let _ = (head.authors(), head.client());
                #[cfg(feature = "messages")]
                let _ = head.summary();
            }
        }
    }
}
