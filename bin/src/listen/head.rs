//! Judging the head of a request by its octets, before hyper sees it.
//!
//! hyper takes the first of several readings where RFC 9112 wants a refusal: it drops Content-Length beside
//! Transfer-Encoding, takes a list of equal lengths, and looks at neither Host nor the form of the target. A proxy in front
//! of Postroom may read the head differently, and two different readings let an attacker smuggle a request (RFC 9112 section
//! 11.2). So a head that can be read in two ways is refused.
//!
//! [`Scanner`] finds the end of a head as its octets come in, within the limits; [`judge`] reads a whole one
//! and says how the body is framed. Both are plain functions of octets, without a connection.

use ::http::uri::{PathAndQuery, Uri};
use std::net::Ipv6Addr;

use crate::wire::form::is_token;
use crate::wire::http::StatusCode;

/// The longest request line, without its line end.
pub(super) const MAX_REQUEST_LINE_OCTETS: usize = 8 * 1024;
/// The longest head: request line, fields and the empty line.
pub(super) const MAX_HEAD_OCTETS: usize = 16 * 1024;
/// The most field lines in a head.
pub(super) const MAX_FIELDS: usize = 64;
/// The first number that is refused as Content-Length: no body is so long, and hyper uses the highest numbers as markers.
const MAX_CONTENT_LENGTH: u64 = 1 << 63;

/// Why a head is refused: the status, and what was wrong in words for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// 400, 408, 414, 431, 501 or 505.
    pub(super) status: StatusCode,
    /// A sentence without its full stop.
    pub(super) reason: &'static str,
}

impl Refusal {
    pub(super) const fn new(status: StatusCode, reason: &'static str) -> Refusal {
        Refusal { status, reason }
    }

    const fn bad(reason: &'static str) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, reason)
    }
}

/// How the body after a head is framed (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many octets; zero where the head names no length.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// Looks for the end of a head, each octet once.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    seen: usize,
    line_start: usize,
    after_cr: bool,
    request_line: bool,
    fields: usize,
}

impl Scanner {
    /// Goes on from where the last call ended; `held` begins with the head.
    ///
    /// `Some(n)` says that the head is the first `n` octets.
    pub(super) fn advance(&mut self, held: &[u8]) -> Result<Option<usize>, Refusal> {
        for &octet in held.get(self.seen..).unwrap_or_default() {
            let line_octets = self.seen - self.line_start;
            if self.seen >= MAX_HEAD_OCTETS {
                return Err(Refusal::new(
                    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                    "the head is longer than 16 KiB",
                ));
            }
            self.seen += 1;
            match octet {
                // RFC 9112 section 2.2: a recipient may take a bare LF as a line end, and must not take a bare CR. We take
                // neither, so that no other reader can disagree with us.
                b'\n' if !self.after_cr => return Err(Refusal::bad("a line ends in LF without CR")),
                b'\n' => {
                    self.after_cr = false;
                    let start = std::mem::replace(&mut self.line_start, self.seen);
                    if line_octets > 1 {
                        self.count_line()?;
                    } else if self.request_line {
                        return Ok(Some(self.seen));
                    } else if start > 0 {
                        // One empty line before the request line is let pass, as section 2.2 asks.
                        return Err(Refusal::bad("there is no request line"));
                    }
                }
                _ if self.after_cr => return Err(Refusal::bad("a CR stands without LF")),
                b'\r' => self.after_cr = true,
                0 => return Err(Refusal::bad("the head holds a NUL")),
                _ if !self.request_line && line_octets >= MAX_REQUEST_LINE_OCTETS => {
                    return Err(Refusal::new(
                        StatusCode::URI_TOO_LONG,
                        "the request line is longer than 8 KiB",
                    ));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn count_line(&mut self) -> Result<(), Refusal> {
        if self.request_line {
            self.fields += 1;
        }
        self.request_line = true;
        if self.fields > MAX_FIELDS {
            return Err(Refusal::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "the head has more than 64 fields",
            ));
        }
        Ok(())
    }
}

/// Reads a head that [`Scanner`] found, and says how its body is framed.
pub(super) fn judge(head: &[u8]) -> Result<Framing, Refusal> {
    let mut lines = head
        .split(|&octet| octet == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty());
    let keeps_to_1_1 = request_line(lines.next().unwrap_or_default())?;

    let (mut host, mut length, mut coding) = (None, None, None);
    for line in lines {
        let (name, value) = field(line)?;
        let (slot, twice) = if name.eq_ignore_ascii_case(b"host") {
            (&mut host, "there is more than one Host")
        } else if name.eq_ignore_ascii_case(b"content-length") {
            (&mut length, "there is more than one Content-Length")
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            (&mut coding, "there is more than one Transfer-Encoding")
        } else {
            continue;
        };
        if slot.replace(value).is_some() {
            return Err(Refusal::bad(twice));
        }
    }

    // RFC 9112 section 3.2 asks for Host of HTTP/1.1 alone, and of that also beside a target in absolute form.
    match host {
        None if keeps_to_1_1 => return Err(Refusal::bad("there is no Host")),
        Some(host) if !is_host(host) => {
            return Err(Refusal::bad("Host is not a host name with an optional port"));
        }
        _ => {}
    }
    match (length, coding) {
        // RFC 9112 section 6.3, rule 3: it ought to be handled as an error, and here it is.
        (Some(_), Some(_)) => Err(Refusal::bad("Content-Length and Transfer-Encoding stand together")),
        // RFC 9112 section 6.1: a Transfer-Encoding in HTTP/1.0 means that the framing is faulty.
        (None, Some(_)) if !keeps_to_1_1 => Err(Refusal::bad("HTTP/1.0 has no Transfer-Encoding")),
        (None, Some(value)) => transfer_coding(value),
        (Some(value), None) => content_length(value),
        (None, None) => Ok(Framing::Length(0)),
    }
}

/// `method SP request-target SP version` (RFC 9112 section 3); whether the version is 1.1.
fn request_line(line: &[u8]) -> Result<bool, Refusal> {
    let mut parts = line.split(|&octet| octet == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::bad("the request line is not method, target and version, one space between"));
    };
    if !is_token(method, b"") {
        return Err(Refusal::bad("the method is not a token"));
    }
    let keeps_to_1_1 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(Refusal::new(
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "only HTTP/1.1 and HTTP/1.0 are spoken here",
            ));
        }
        _ => return Err(Refusal::bad("the request line does not end in an HTTP version")),
    };
    let target = match target.first() {
        Some(b'/') => target,
        _ => absolute_form(target)?,
    };
    // RFC 3986 section 3.3 and 3.4, and the brackets, braces and bar that browsers leave as they are.
    // The second look is hyper's own: what it would not take must not reach it.
    let plain = |octet: &u8| octet.is_ascii_graphic() && !b"\"#<>\\^`".contains(octet);
    if !target.iter().all(plain) || (!target.is_empty() && PathAndQuery::try_from(target).is_err()) {
        return Err(Refusal::bad("the target holds an octet that must be percent-encoded"));
    }
    Ok(keeps_to_1_1)
}

/// `"http://" authority path-abempty [ "?" query ]`, which a server must take (RFC 9112 section 3.2.2); what follows the authority.
///
/// User information in it is refused, as RFC 9110 section 4.2.4 advises.
fn absolute_form(target: &[u8]) -> Result<&[u8], Refusal> {
    let no_form = Refusal::bad(
        "the target is in neither origin nor absolute form: it begins with a slash, or with http://",
    );
    let rest = [&b"http://"[..], b"https://"].into_iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let rest = rest.ok_or(no_form)?;
    let end = rest.iter().position(|octet| matches!(octet, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end).ok_or(no_form)?;
    // The second look is hyper's own, as below.
    if !is_host(authority) || Uri::try_from(target).is_err() {
        return Err(Refusal::bad("the target does not name a host with an optional port"));
    }
    Ok(rest)
}

/// `name ":" OWS value OWS` (RFC 9112 section 5).
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    if line.first().is_some_and(|octet| is_blank(*octet)) {
        // obs-fold, RFC 9112 section 5.2.
        return Err(Refusal::bad("a field line begins with white space"));
    }
    let colon = line.iter().position(|&octet| octet == b':');
    let (name, rest) = colon
        .and_then(|colon| line.split_at_checked(colon))
        .ok_or(Refusal::bad("a field line has no colon"))?;
    // White space before the colon is among what this refuses: RFC 9112 section 5.1 has it end in 400.
    if !is_token(name, b"") {
        return Err(Refusal::bad("a field name is not a token right before its colon"));
    }
    let value = trim(rest.strip_prefix(b":").unwrap_or(rest));
    if value.iter().any(|octet| octet.is_ascii_control() && *octet != b'\t') {
        return Err(Refusal::bad("a field value holds a control character"));
    }
    Ok((name, value))
}

/// `1*DIGIT` (RFC 9110 section 8.6); no list, for the section only allows taking equal ones for one.
fn content_length(value: &[u8]) -> Result<Framing, Refusal> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::bad("Content-Length is not one number"));
    }
    std::str::from_utf8(value)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .filter(|length| *length < MAX_CONTENT_LENGTH)
        .map(Framing::Length)
        .ok_or(Refusal::bad("Content-Length is beyond any length"))
}

/// `chunked` and nothing else (RFC 9112 sections 6.1 and 7); an unknown coding is 501, as 6.1 has it.
fn transfer_coding(value: &[u8]) -> Result<Framing, Refusal> {
    if value.eq_ignore_ascii_case(b"chunked") {
        Ok(Framing::Chunked)
    } else if is_token(value, b"") {
        Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "the only transfer coding taken is chunked"))
    } else {
        Err(Refusal::bad("Transfer-Encoding is not the one word chunked"))
    }
}

/// `uri-host [ ":" port ]` (RFC 9110 section 7.2), where the host is a name, an IPv4 or an IPv6 address.
///
/// RFC 3986 also has `%41` and `a,b` in a host. No DNS name has, and a comma is what an intermediary leaves
/// that joined two Hosts.
fn is_host(value: &[u8]) -> bool {
    let Ok(value) = std::str::from_utf8(value) else {
        return false;
    };
    let (good_host, rest) = if let Some(bracketed) = value.strip_prefix('[') {
        let Some((literal, rest)) = bracketed.split_once(']') else {
            return false;
        };
        (literal.parse::<Ipv6Addr>().is_ok(), rest)
    } else {
        let (name, rest) = value.split_at(value.find(':').unwrap_or(value.len()));
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
        (!name.is_empty() && name.bytes().all(plain), rest)
    };
    let good_port = rest.is_empty()
        || rest.strip_prefix(':').is_some_and(|port| {
            // `port = *DIGIT`: it may be empty (RFC 3986 section 3.2.3).
            port.bytes().all(|octet| octet.is_ascii_digit())
                && (port.is_empty() || port.parse::<u16>().is_ok())
        });
    good_host && good_port
}

/// Without the `OWS` at both ends: spaces and tabs, and no other white space (RFC 9110 section 5.6.3).
fn trim(mut value: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = value
        && is_blank(*first)
    {
        value = rest;
    }
    while let [rest @ .., last] = value
        && is_blank(*last)
    {
        value = rest;
    }
    value
}

fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}
