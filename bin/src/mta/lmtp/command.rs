//! Lines of LMTP: the commands of SMTP with LHLO in place of HELO and EHLO (RFC 2033 section 4.1, RFC 5321 section 4.1.1).

use crate::mta::{Found, take};

/// The most octets of a line: RFC 5321 section 4.5.3.1.4 asks for 512, and the extensions for some more. Postfix takes a sender of
/// nearly its `line_length_limit` (2048) from outside, and adds to the line.
pub const MAX_LINE_OCTETS: usize = 8192;
/// The most octets of a line that are thrown away before the connection is closed.
const MAX_THROWN_OCTETS: usize = 1024 * 1024;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// The conversation begins.
    Lhlo,
    /// A message begins.
    Mail {
        /// Its sender, without angle brackets; empty for `<>`.
        sender: &'a str,
        /// How large it will be.
        size: Option<u64>,
        /// Whether it has octets beyond ASCII (RFC 6152).
        is_8bit: bool,
        /// Whether its header or an address has UTF-8 in it (RFC 6531).
        is_utf8: bool,
    },
    /// Somebody for whom it is, without angle brackets.
    Rcpt(&'a str),
    /// The message itself follows.
    Data,
    /// The message is called off.
    Rset,
    /// Nothing is wanted.
    Noop,
    /// Whether there is such a mailbox.
    Vrfy,
    /// The conversation ends.
    Quit,
    /// What is no command, or one that is not known: the reply to it.
    Refused(&'static str),
}

const UNKNOWN: &str = "500 5.5.1 No such command";
const NO_TEXT: &str = "500 5.5.2 A command is one line of text with CR and LF at its end";
const TOO_LONG: &str = "500 5.5.2 The line is too long";
const SENDER_TOO_LONG: &str = "501 5.1.7 The sender is too long";
const NO_PATH: &str = "501 5.5.4 An address in angle brackets is missing";
const NO_PARAMETER: &str = "555 5.5.4 No such parameter";

/// Reads the command at the start of `octets`. A line that is too long is [broken](Found::Broken): a [`LongLine`].
pub fn read(octets: &[u8]) -> Found<Command<'_>> {
    let Some(end) = octets.iter().take(MAX_LINE_OCTETS).position(|octet| *octet == b'\n') else {
        return if octets.len() < MAX_LINE_OCTETS { Found::Part } else { Found::Broken };
    };
    let line = octets.get(..end).and_then(|line| line.strip_suffix(b"\r"));
    let line = line.and_then(|line| std::str::from_utf8(line).ok());
    let line = line.filter(|line| !line.chars().any(char::is_control));
    Found::Whole(line.map_or(Command::Refused(NO_TEXT), parse), end + 1)
}

/// A line that is too long. What there is of it is thrown away, and the conversation goes on behind its end (RFC 5321 section
/// 4.5.3.1.10): a mail server whose connection is closed puts off all mail that goes this way, for whomever it is.
#[derive(Clone, Copy, Debug)]
pub struct LongLine {
    is_mail: bool,
    thrown: usize,
}

impl LongLine {
    /// The line that begins so.
    pub fn beginning(octets: &[u8]) -> LongLine {
        let is_mail = octets.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"MAIL "));
        LongLine { is_mail, thrown: 0 }
    }

    /// Throws away what there is of it, and returns the reply to it at its end. It is broken if it has none.
    pub fn skip(&mut self, input: &mut Vec<u8>) -> Found<&'static str> {
        let end = input.iter().position(|octet| *octet == b'\n').map(|at| at + 1);
        let used = end.unwrap_or(input.len());
        take(input, used);
        self.thrown += used;
        match end {
            _ if self.thrown > MAX_THROWN_OCTETS => Found::Broken,
            Some(_) => Found::Whole(if self.is_mail { SENDER_TOO_LONG } else { TOO_LONG }, used),
            None => Found::Part,
        }
    }
}

fn parse(line: &str) -> Command<'_> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match &*verb.to_ascii_uppercase() {
        "LHLO" => Command::Lhlo,
        "MAIL" => mail(rest).unwrap_or_else(Command::Refused),
        "RCPT" => match path(rest, "TO:") {
            Some((recipient, "")) => Command::Rcpt(recipient),
            Some(_) => Command::Refused(NO_PARAMETER),
            None => Command::Refused(NO_PATH),
        },
        "DATA" if rest.is_empty() => Command::Data,
        "RSET" if rest.is_empty() => Command::Rset,
        "NOOP" => Command::Noop,
        "VRFY" => Command::Vrfy,
        "QUIT" => Command::Quit,
        _ => Command::Refused(UNKNOWN),
    }
}

fn mail(rest: &str) -> Result<Command<'_>, &'static str> {
    let (sender, parameters) = path(rest, "FROM:").ok_or(NO_PATH)?;
    let (mut size, mut is_8bit, mut is_utf8) = (None, false, false);
    for parameter in parameters.split(' ').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match (&*name.to_ascii_uppercase(), &*value.to_ascii_uppercase()) {
            ("SIZE", number) => size = Some(number.parse().map_err(|_| NO_PARAMETER)?),
            ("BODY", "8BITMIME") => is_8bit = true,
            ("BODY", "7BIT") => {}
            ("SMTPUTF8", "") => is_utf8 = true,
            _ => return Err(NO_PARAMETER),
        }
    }
    Ok(Command::Mail { sender, size, is_8bit, is_utf8 })
}

/// The address in angle brackets behind `word`, and what follows it. A bracket in a quoted local part is a character like any other.
fn path<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let start = text.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
    let text = text.get(start.len()..)?.trim_start().strip_prefix('<')?;
    let (mut is_quoted, mut is_escaped) = (false, false);
    let end = text.char_indices().find(|(_, c)| {
        let is_plain = !std::mem::take(&mut is_escaped);
        match c {
            '\\' if is_quoted && is_plain => is_escaped = true,
            '"' if is_plain => is_quoted = !is_quoted,
            _ => {}
        }
        *c == '>' && !is_quoted
    });
    let (address, rest) = text.split_at_checked(end?.0)?;
    let rest = rest.strip_prefix('>')?;
    (rest.is_empty() || rest.starts_with(' ')).then(|| (address, rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_read_as_mail_servers_write_them() {
        let mail = |sender, size, is_8bit, is_utf8| Command::Mail { sender, size, is_8bit, is_utf8 };
        for (line, command) in [
            ("LHLO mail.example.net", Command::Lhlo),
            ("MAIL FROM:<>", mail("", None, false, false)),
            (
                "mail from: <a@b.example> SIZE=12 BODY=8BITMIME SMTPUTF8",
                mail("a@b.example", Some(12), true, true),
            ),
            ("RCPT TO:<Jo+x@example.com>", Command::Rcpt("Jo+x@example.com")),
            ("RCPT TO:<\"a> \\\" b\"@example.com>", Command::Rcpt("\"a> \\\" b\"@example.com")),
            ("DATA", Command::Data),
            ("quit", Command::Quit),
            ("MAIL FROM:a@b.example", Command::Refused(NO_PATH)),
            ("MAIL FROM:<a@b.example", Command::Refused(NO_PATH)),
            ("MAIL FROM:<a@b.example>x", Command::Refused(NO_PATH)),
            ("MAIL FROM:<a@b.example> SIZE=x", Command::Refused(NO_PARAMETER)),
            ("RCPT TO:<a@b.example> NOTIFY=NEVER", Command::Refused(NO_PARAMETER)),
            ("EHLO x", Command::Refused(UNKNOWN)),
            ("", Command::Refused(UNKNOWN)),
            ("NOOP \0", Command::Refused(NO_TEXT)),
        ] {
            let text = format!("{line}\r\n");
            assert_eq!(read(text.as_bytes()), Found::Whole(command, text.len()), "{line}");
        }
        assert_eq!(read(b"QUIT\n"), Found::Whole(Command::Refused(NO_TEXT), 5));
        assert_eq!(read(b"\xff\r\n"), Found::Whole(Command::Refused(NO_TEXT), 3));
        assert_eq!(read(&[b'a'; MAX_LINE_OCTETS]), Found::Broken);
        assert_eq!(read(&[b'a'; MAX_LINE_OCTETS - 1]), Found::Part);
    }

    #[test]
    fn a_line_that_is_too_long_is_thrown_away_to_its_end() {
        for (start, reply) in
            [("MAIL FROM:<", SENDER_TOO_LONG), ("mail x", SENDER_TOO_LONG), ("RCPT TO:<", TOO_LONG)]
        {
            let mut input = [start.as_bytes(), &[b'a'; MAX_LINE_OCTETS]].concat();
            assert_eq!(read(&input), Found::Broken);
            let mut line = LongLine::beginning(&input);
            assert_eq!(line.skip(&mut input), Found::Part);
            input.extend_from_slice(b"a>\r\nRSET\r\n");
            assert_eq!(line.skip(&mut input), Found::Whole(reply, 4));
            assert_eq!(input, b"RSET\r\n");
        }
        let mut endless = [vec![b'a'; MAX_THROWN_OCTETS], b"\n".to_vec()].concat();
        assert_eq!(LongLine::beginning(&endless).skip(&mut endless), Found::Broken);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_and_what_is_cut_is_a_part(octets in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Found::Whole(_, used) = read(&octets) {
                prop_assert!((0..used).all(|end| read(&octets[..end]) == Found::Part));
            }
        }

        #[test]
        fn any_path_is_read_without_a_panic(text in "[<>\"\\\\@ a-c\u{f6}]{0,30}") {
            let _ = read(format!("MAIL FROM:{text}\r\n").as_bytes());
            let _ = read(format!("RCPT TO:{text}\r\n").as_bytes());
        }
    }
}
