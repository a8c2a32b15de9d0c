//! The "relaxed" canonicalization, the one that survives what mail servers do to white space (RFC 6376 section 3.4).

use sha2::{Digest, Sha256};

use super::message::{Field, is_wsp, take_line, trim_end};

/// Appends a field in the relaxed form of RFC 6376 section 3.4.2, without a line end.
pub(super) fn field(canonical: &mut Vec<u8>, field: Field<'_>) {
    canonical.extend(field.name.iter().map(u8::to_ascii_lowercase));
    canonical.push(b':');
    let mut rest = field.value;
    let (mut begun, mut gap) = (false, false);
    while !rest.is_empty() {
        // Unfolded: the line end goes, the white space behind it stays.
        let (line, after) = take_line(rest);
        rest = after;
        for run in line.chunk_by(|a, b| is_wsp(*a) == is_wsp(*b)) {
            if run.first().copied().is_some_and(is_wsp) {
                gap = true;
                continue;
            }
            if gap && begun {
                canonical.push(b' ');
            }
            canonical.extend_from_slice(run);
            (begun, gap) = (true, false);
        }
    }
}

/// The SHA-256 of a body in its relaxed form.
pub(super) fn body_hash(body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    relaxed_body(body, |piece| hash.update(piece));
    hash.finalize().into()
}

/// Hands on a body in the relaxed form of RFC 6376 section 3.4.4, piece by piece, so that nothing of it is copied.
fn relaxed_body(body: &[u8], mut next: impl FnMut(&[u8])) {
    let mut rest = body;
    let mut empty_lines: usize = 0;
    while !rest.is_empty() {
        let (line, after) = take_line(rest);
        rest = after;
        let line = trim_end(line);
        // Empty lines count when something follows them, and not at the end.
        if line.is_empty() {
            empty_lines += 1;
            continue;
        }
        (0..std::mem::take(&mut empty_lines)).for_each(|_| next(b"\r\n"));
        for run in line.chunk_by(|a, b| is_wsp(*a) == is_wsp(*b)) {
            next(if run.first().copied().is_some_and(is_wsp) { b" " } else { run });
        }
        next(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;
    use crate::dkim::sign::message::Message;

    fn relaxed(text: &str) -> (String, String) {
        let octets = text.as_bytes();
        let message = Message::parse(octets).unwrap();
        let mut header = Vec::new();
        for name in ["A", "B"] {
            for each in message.last_first(name) {
                field(&mut header, each);
                header.extend_from_slice(b"\r\n");
            }
        }
        let mut body = Vec::new();
        relaxed_body(message.body, |piece| body.extend_from_slice(piece));
        (String::from_utf8(header).unwrap(), String::from_utf8(body).unwrap())
    }

    #[test]
    fn the_example_of_rfc_6376_section_3_4_5_comes_out_as_it_stands_there() {
        let example = "A: X\r\nB : Y\t\r\n\tZ  \r\nFrom:\r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        let wanted = ("a:X\r\nb:Y Z\r\n".to_owned(), " C\r\nD E\r\n".to_owned());
        assert_eq!(relaxed(example), wanted);
        // Handed over by a mail server, it will be sent as above.
        assert_eq!(relaxed(&example.replace("\r\n", "\n")), wanted);
        assert_eq!(relaxed(&example.replacen("\r\n", "\n", 5)), wanted);
    }

    #[test]
    fn an_empty_body_is_nothing_and_a_last_line_is_ended() {
        let body = |text: &str| relaxed(&format!("From: a\n\n{text}")).1;
        for empty in ["", "\n", "\r\n\r\n", " ", " \t\n", "\n \n\t"] {
            assert_eq!(body(empty), "", "{empty:?}");
        }
        assert_eq!(body("a"), "a\r\n");
        assert_eq!(body("a\n \n\t\n"), "a\r\n");
        assert_eq!(body("\n\n \na\n\nb  \n"), "\r\n\r\n\r\na\r\n\r\nb\r\n");
        // A CR alone and a form feed are no white space here (RFC 6376 section 2.8).
        assert_eq!(body("a\rb \r c\n\x0c\n"), "a\rb \r c\r\n\x0c\r\n");
        // RFC 6376 section 3.4.4 tells the hash of an empty body.
        let hash = base64::engine::general_purpose::STANDARD.encode(body_hash(b"\n"));
        assert_eq!(hash, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn an_empty_field_and_a_line_of_white_space_in_one_stay() {
        assert_eq!(relaxed("A:\nB: \n \n\tx\n  \nFrom:\n").0, "a:\r\nb:x\r\n");
    }
}
