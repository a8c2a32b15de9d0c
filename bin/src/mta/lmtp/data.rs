//! What follows DATA: the message, up to a line with a dot alone (RFC 5321 section 4.5.2).

use crate::delivery::{HeldOctets, NoRoom, take};

/// A line longer than this is taken in pieces.
const PIECE_OCTETS: usize = 8192;

/// A message that is coming in.
pub struct Data {
    message: HeldOctets,
    /// Whether what comes next begins a line.
    is_at_start: bool,
    /// Why not all of it is here; none if it is.
    pub(crate) no_room: Option<NoRoom>,
}

impl Default for Data {
    fn default() -> Data {
        Data { message: HeldOctets::default(), is_at_start: true, no_room: None }
    }
}

impl Data {
    /// Takes what there is of the message off the front of `input`; whether that was its end.
    ///
    /// A line ends with CR and LF; a dot behind an LF alone ends nothing, or somebody could put a second message into the first.
    pub fn take(&mut self, input: &mut Vec<u8>) -> bool {
        let mut used = 0;
        let mut is_whole = false;
        while !is_whole {
            let rest = input.get(used..).unwrap_or_default();
            let (piece, ends) = match rest.iter().position(|octet| *octet == b'\n') {
                Some(at) => rest.split_at_checked(at + 1).map_or((rest, true), |(line, _)| (line, true)),
                None if rest.len() > PIECE_OCTETS => (rest.strip_suffix(b"\r").unwrap_or(rest), false),
                None => break,
            };
            used += piece.len();
            if self.is_at_start && piece == b".\r\n" {
                is_whole = true;
            } else {
                let line = piece.strip_prefix(b".").filter(|_| self.is_at_start).unwrap_or(piece);
                if self.no_room.is_none()
                    && let Err(no_room) = self.message.add(line)
                {
                    (self.no_room, self.message) = (Some(no_room), HeldOctets::default());
                }
                self.is_at_start = ends && piece.ends_with(b"\r\n");
            }
        }
        take(input, used);
        is_whole
    }

    /// The message, with CR and LF at the end of each line; empty if there was no room for all of it.
    pub fn message(&self) -> &[u8] {
        self.message.octets()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The message, whether it ended, and what is left, when the input comes in pieces of this size.
    fn taken(text: &[u8], piece: usize) -> (Vec<u8>, bool, Vec<u8>) {
        let (mut data, mut input) = (Data::default(), Vec::new());
        let mut pieces = text.chunks(piece);
        while let Some(more) = pieces.next() {
            input.extend_from_slice(more);
            if data.take(&mut input) {
                input.extend(pieces.flatten());
                return (data.message().to_vec(), true, input);
            }
        }
        (data.message().to_vec(), false, input)
    }

    #[test]
    fn a_message_ends_at_a_dot_between_two_whole_line_ends() {
        for (text, message, left) in [
            ("a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n"),
            (".\r\n", "", ""),
            ("..\r\n...\r\n.\r\n", ".\r\n..\r\n", ""),
            (".a\r\n.\r\n", "a\r\n", ""),
            ("a\n.\r\nb\r\n.\n\r\n.\r\n", "a\n.\r\nb\r\n\n\r\n", ""),
            ("a\r.\r\n.\r\n", "a\r.\r\n", ""),
        ] {
            for piece in 1..=text.len() {
                let (found, ended, rest) = taken(text.as_bytes(), piece);
                assert_eq!(String::from_utf8_lossy(&found), message, "{text:?} by {piece}");
                assert!(ended && rest == left.as_bytes(), "{text:?} by {piece}");
            }
        }
        let long = [vec![b'x'; 3 * PIECE_OCTETS], b"\r\n.\r\n".to_vec()].concat();
        assert_eq!(taken(&long, 4096).0.len(), 3 * PIECE_OCTETS + 2);
    }

    proptest! {
        #[test]
        fn what_is_written_with_dots_is_read_without(lines in proptest::collection::vec("[.a\0]{0,4}", 0..9), piece in 1_usize..9) {
            let (mut message, mut stuffed) = (String::new(), String::new());
            for line in &lines {
                message += &[line, "\r\n"].concat();
                stuffed += &[if line.starts_with('.') { "." } else { "" }, line, "\r\n"].concat();
            }
            let (found, ended, rest) = taken(format!("{stuffed}.\r\n").as_bytes(), piece);
            prop_assert_eq!(found, message.into_bytes());
            prop_assert!(ended && rest.is_empty());
        }
    }
}
