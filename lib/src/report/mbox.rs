//! Reports as a mailbox file (RFC 4155), in its reversible form "mboxrd".
//!
//! Each message stands behind a line `From `, its sender and the time in UTC, and before an empty line. A line of a message
//! that begins with `From `, behind any number of `>`, gets one `>` more, so that a reader who takes one away has what was
//! there. Lines end with LF alone, as the RFC asks: CRLF becomes that, and a last line without an end gets one.

use super::Report;

/// The sender that is written if none is known, as in bounces.
const NOBODY: &str = "MAILER-DAEMON";

/// The report's message as an entry of such a file.
pub fn entry(report: &Report, message: &[u8]) -> Vec<u8> {
    let sender = report.sender.as_deref().filter(|sender| is_one_word(sender)).unwrap_or(NOBODY);
    let mut entry = format!("From {sender} {}\n", report.filed_at.asctime()).into_bytes();
    entry.reserve(message.len() + 2);
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if is_from_line(line) {
            entry.push(b'>');
        }
        entry.extend_from_slice(line);
        entry.push(b'\n');
    }
    entry.push(b'\n');
    entry
}

fn is_from_line(line: &[u8]) -> bool {
    let quotes = line.iter().take_while(|octet| **octet == b'>').count();
    line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From "))
}

/// White space would shift what readers take for the time.
fn is_one_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}
