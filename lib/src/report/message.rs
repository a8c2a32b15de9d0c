//! What counts as a message that can be reported.

use mail_parser::{Address, MessageParser};

/// How many octets of a message are searched for header fields: mail servers accept no longer headers, and a parsed header
/// takes many times the memory.
const MAX_HEADER_OCTETS: usize = 256 * 1024;

/// Whether this is a message of RFC 5322, as far as a report needs.
///
/// It begins with a header field (section 2.2), and its header has a From field with an address or a Date field with a
/// date, as `mail-parser` reads them. Section 3.6 asks for both; junk often lacks one, and a text that is no message
/// lacks both. Nothing is asked of the body, nor of characters and line ends: what is reported is what arrived.
pub(super) fn check(octets: &[u8]) -> Result<(), InvalidReportMessage> {
    if octets.is_empty() {
        return Err(InvalidReportMessage::Empty);
    }
    if !begins_with_field(octets) {
        return Err(InvalidReportMessage::FirstLine);
    }
    // The parser needs an empty line after the header, which is missing if the message ends there or was cut.
    let head = [octets.get(..MAX_HEADER_OCTETS).unwrap_or(octets), b"\r\n\r\n"].concat();
    let parsed = MessageParser::default().parse_headers(&head).ok_or(InvalidReportMessage::FirstLine)?;
    let has_address = |from: &Address<'_>| from.iter().any(|mailbox| mailbox.address.is_some());
    let is_dated = parsed.date().is_some_and(mail_parser::DateTime::is_valid);
    if is_dated || parsed.from().is_some_and(has_address) {
        Ok(())
    } else {
        Err(InvalidReportMessage::NeitherFromNorDate)
    }
}

/// A name of printable ASCII and a colon (RFC 5322 section 2.2); white space before the colon is of the obsolete syntax
/// (section 4.5).
fn begins_with_field(octets: &[u8]) -> bool {
    let line = octets.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let Some(colon) = line.iter().position(|octet| *octet == b':') else { return false };
    let name = line.get(..colon).unwrap_or_default().trim_ascii_end();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

/// Why octets are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidReportMessage {
    /// There are no octets.
    #[error("it is empty")]
    Empty,
    /// It does not begin with a header field, but perhaps with an envelope, or a body.
    #[error("it does not begin with a header field, a name and a colon (RFC 5322 section 2.2)")]
    FirstLine,
    /// It has neither of the two fields that every message must have.
    #[error(
        "its header has neither a From field with an address nor a Date field with a date (RFC 5322 section 3.6)"
    )]
    NeitherFromNorDate,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_begins_with_a_field_and_says_from_whom_or_when() {
        for good in [
            "From: jo@example.com\r\n\r\nHello\r\n",
            "From: Jo <jo@example.com>\nSubject: x\n\nHello",
            "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\n",
            "Received: from a by b; Sat, 21 Nov 2026 10:00:00 +0000\r\nfrom : jo@example.com\r\n\r\n",
            "Subject: folded\r\n line\r\nFROM: jo@example.com\r\n\r\n\0\u{fffd}",
            "From: jo@example.com",
            "X: y\r\nFrom: a@example.com\r\nFrom: b@example.com\r\n\r\ntwo of them\r\n",
        ] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good:?}");
        }
        for (bad, why) in [
            ("", InvalidReportMessage::Empty),
            ("Hello", InvalidReportMessage::FirstLine),
            ("\r\nFrom: jo@example.com\r\n\r\n", InvalidReportMessage::FirstLine),
            (
                "From jo@example.com Sat Nov 21 10:00:00 2026\nFrom: jo@example.com\n\n",
                InvalidReportMessage::FirstLine,
            ),
            (" From: jo@example.com\r\n\r\n", InvalidReportMessage::FirstLine),
            (": x\r\nFrom: jo@example.com\r\n\r\n", InvalidReportMessage::FirstLine),
            ("{\"From\": \"jo@example.com\"}", InvalidReportMessage::NeitherFromNorDate),
            ("http://example.com/", InvalidReportMessage::NeitherFromNorDate),
            ("Subject: x\r\n\r\nFrom: jo@example.com\r\n", InvalidReportMessage::NeitherFromNorDate),
            ("From:\r\nDate:\r\n\r\n", InvalidReportMessage::NeitherFromNorDate),
            ("Date: soon\r\n\r\n", InvalidReportMessage::NeitherFromNorDate),
        ] {
            assert_eq!(check(bad.as_bytes()), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn what_stands_beyond_every_header_is_not_looked_for() {
        let mut long = "X: y\r\n".repeat(MAX_HEADER_OCTETS / 6 + 1);
        long.push_str("From: jo@example.com\r\n\r\n");
        assert_eq!(check(long.as_bytes()), Err(InvalidReportMessage::NeitherFromNorDate));
        let early = format!("From: jo@example.com\r\n{long}");
        assert_eq!(check(early.as_bytes()), Ok(()));
    }

    proptest! {
        #[test]
        fn any_octets_are_judged_without_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = check(&octets);
            let _ = check(&[b"From: ", octets.as_slice()].concat());
            let _ = check(&[b"Date: ", octets.as_slice()].concat());
            let _ = check(&[b"Content-Type: multipart/mixed; boundary=", octets.as_slice()].concat());
        }
    }
}
