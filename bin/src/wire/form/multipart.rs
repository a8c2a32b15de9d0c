//! Bodies of multipart/form-data (RFC 7578), whole in memory, in one pass.
//!
//! This parser is strict where parsers differ: it refuses a body that could be read in two ways, because a proxy may have
//! read it in the other way and let it through.

use memchr::memmem::{self, Finder};

use super::parameter::{Headed, is_token};
use super::{Content, malformed, not_utf8};
use crate::wire::Fault;

/// The most parts of a body.
const MAX_PARTS: usize = 64;
/// The most octets of the head of one part.
const MAX_HEAD_OCTETS: usize = 8 * 1024;
/// The most octets of a boundary (RFC 2046 section 5.1.1).
const MAX_BOUNDARY_OCTETS: usize = 70;

/// The parts of a body in their order: the name and the content of each.
pub(super) fn parts(body: &[u8], boundary: &[u8]) -> Result<Vec<(String, Content)>, Fault> {
    if boundary.is_empty() || boundary.len() > MAX_BOUNDARY_OCTETS {
        return Err(malformed("the boundary must be 1 to 70 characters (RFC 2046 section 5.1.1)"));
    }
    // The line break before a boundary belongs to the boundary. The first boundary may have none.
    let delimiter = [b"\r\n--", boundary].concat();
    let delimiter = Finder::new(&delimiter);
    let opening = delimiter.needle().get(2..).unwrap_or_default();
    let body = body.strip_prefix(b"\r\n").unwrap_or(body);
    let mut rest =
        body.strip_prefix(opening).ok_or_else(|| malformed("the body does not begin with its boundary"))?;
    let mut parts = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(b"--") {
            return if after.iter().all(u8::is_ascii_whitespace) {
                Ok(parts)
            } else {
                Err(malformed("something follows the final boundary"))
            };
        }
        if parts.len() == MAX_PARTS {
            return Err(malformed(format!("the body has more than {MAX_PARTS} parts")));
        }
        let padding = rest.iter().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
        let (_, after) = rest.split_at(padding);
        let after =
            after.strip_prefix(b"\r\n").ok_or_else(|| malformed("a boundary does not end its line"))?;
        let end = delimiter.find(after).ok_or_else(|| malformed("the final boundary is missing"))?;
        let (part, after) = after.split_at(end);
        parts.extend(read(part)?);
        rest = after.strip_prefix(delimiter.needle()).unwrap_or_default();
    }
}

/// One part; `None` for a file that was not chosen, which a browser sends without a name and empty.
fn read(part: &[u8]) -> Result<Option<(String, Content)>, Fault> {
    let head = memmem::find(part, b"\r\n\r\n")
        .ok_or_else(|| malformed("a part has no empty line after its head"))?;
    if head > MAX_HEAD_OCTETS {
        return Err(malformed(format!("the head of a part is longer than {MAX_HEAD_OCTETS} octets")));
    }
    let (head, content) = part.split_at(head);
    let content = content.strip_prefix(b"\r\n\r\n").unwrap_or_default();
    let disposition = disposition(head)?;
    let name = disposition.parameter("name").ok_or_else(|| malformed("a part has no name"))?;
    let name = str::from_utf8(name).map_err(|_| malformed("the name of a part is not UTF-8"))?.to_owned();
    // `filename*` is not allowed in forms (RFC 7578 section 4.2), but a client that sends it means a file.
    let file = disposition.parameter("filename").or_else(|| disposition.parameter("filename*"));
    Ok(match file {
        Some(b"") if content.is_empty() => None,
        Some(_) => Some((name, Content::File(content.to_vec()))),
        None => {
            let text = str::from_utf8(content).map_err(|_| not_utf8(&name))?.to_owned();
            Some((name, Content::Text(text)))
        }
    })
}

/// The Content-Disposition in a head, whose other fields are checked as well.
fn disposition(head: &[u8]) -> Result<Headed, Fault> {
    let bad = || malformed("the head of a part is malformed (RFC 7578 section 4.8)");
    let mut found = None;
    for line in lines(head).ok_or_else(bad)? {
        let colon = line.iter().position(|octet| *octet == b':').ok_or_else(bad)?;
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        // A space in a name is a folded line, or a name that other readers see differently.
        if !is_token(name, b"") {
            return Err(bad());
        }
        if name.eq_ignore_ascii_case(b"content-disposition") {
            let disposition = Headed::parse(value)
                .filter(|disposition| disposition.is("form-data"))
                .ok_or_else(|| malformed("a part's Content-Disposition must be a well-formed form-data"))?;
            if found.replace(disposition).is_some() {
                return Err(malformed("a part has two Content-Dispositions"));
            }
        }
        if name.eq_ignore_ascii_case(b"content-transfer-encoding")
            && ![&b"7bit"[..], b"8bit", b"binary"].iter().any(|plain| value.eq_ignore_ascii_case(plain))
        {
            // RFC 7578 section 4.7 deprecates this field. If we ignored it, we would read an encoded key as another key.
            return Err(malformed("a part has a Content-Transfer-Encoding, which forms do not have"));
        }
    }
    found.ok_or_else(|| malformed("a part has no Content-Disposition"))
}

/// The lines of a head. `None` if a line ends in anything but CRLF.
fn lines(head: &[u8]) -> Option<Vec<&[u8]>> {
    let mut lines: Vec<&[u8]> = head.split(|octet| *octet == b'\n').collect();
    let last = lines.pop()?;
    let whole = lines.into_iter().map(|line| line.strip_suffix(b"\r")).chain([Some(last)]);
    whole.map(|line| line.filter(|line| !line.iter().any(|octet| matches!(octet, b'\r' | b'\0')))).collect()
}
