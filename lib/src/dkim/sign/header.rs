//! The DKIM-Signature field as text (RFC 6376 section 3.5).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::message::LineEnd;

/// The name of the field.
pub(super) const NAME: &str = "DKIM-Signature";
/// The most columns of a line, where it can be folded (RFC 5322 section 2.1.1).
const MAX_COLUMNS: usize = 78;

/// A DKIM-Signature field, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureHeader {
    /// With CRLF where it is folded, and none at its end.
    text: String,
}

impl SignatureHeader {
    /// The whole field, each of its lines ended like this.
    pub fn text(&self, line_end: LineEnd) -> String {
        let mut text = match line_end {
            LineEnd::CrLf => self.text.clone(),
            LineEnd::Lf => self.text.replace("\r\n", "\n"),
        };
        text.push_str(line_end.as_str());
        text
    }
}

/// A field that is being written, folded as it grows.
pub(super) struct Draft {
    text: String,
    column: usize,
}

impl Draft {
    /// The field up to its colon.
    pub(super) fn new() -> Draft {
        let text = format!("{NAME}:");
        Draft { column: text.len(), text }
    }

    /// Adds a tag that stays in one piece, behind white space.
    pub(super) fn tag(&mut self, name: &str, value: &str) {
        let tag = format!(" {name}={value};");
        if self.column + tag.len() > MAX_COLUMNS {
            self.fold();
            self.put(tag.trim_start());
        } else {
            self.put(&tag);
        }
    }

    /// Adds a tag on a line of its own that may be folded between its pieces.
    pub(super) fn list<'p>(&mut self, name: &str, pieces: impl Iterator<Item = &'p str>) {
        self.fold();
        self.put(name);
        self.put("=");
        self.pieces(pieces);
        self.put(";");
    }

    /// Adds Base64 on lines of its own.
    pub(super) fn base64(&mut self, name: &str, octets: &[u8]) {
        let encoded = STANDARD.encode(octets);
        self.list(name, pieces_of(&encoded));
    }

    /// Adds the signature's tag, empty and last, as it stands in what is signed (RFC 6376 section 3.7).
    pub(super) fn empty_signature(&mut self) {
        self.fold();
        self.put("b=");
    }

    /// What follows the name and the colon so far.
    pub(super) fn value(&self) -> &[u8] {
        self.text.as_bytes().get(NAME.len() + 1..).unwrap_or_default()
    }

    /// The field with the signature in it.
    pub(super) fn sign(mut self, signature: &[u8]) -> SignatureHeader {
        let encoded = STANDARD.encode(signature);
        self.pieces(pieces_of(&encoded));
        SignatureHeader { text: self.text }
    }

    fn pieces<'p>(&mut self, pieces: impl Iterator<Item = &'p str>) {
        for piece in pieces {
            // One column is for the semicolon that may follow.
            if self.column + piece.len() + 1 > MAX_COLUMNS {
                self.fold();
            }
            self.put(piece);
        }
    }

    fn fold(&mut self) {
        self.text.push_str("\r\n ");
        self.column = 1;
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.len();
    }
}

/// Base64 in groups, between which it may be folded.
fn pieces_of(encoded: &str) -> impl Iterator<Item = &str> {
    // ASCII, so that each octet is a character.
    encoded.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok())
}
