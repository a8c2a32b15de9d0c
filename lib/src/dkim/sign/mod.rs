//! The signing of messages (RFC 6376 section 5, RFC 8301, RFC 8463).
//!
//! Relaxed on both sides, SHA-256, the whole body: no `l=`, with which anything could be appended (RFC 6376 section 8.2),
//! no `x=`, for mail may lie long, and no `i=`, whose default says what there is to say.

mod author;
mod canonical;
mod header;
mod key;
mod message;

use crate::clock::Timestamp;
use crate::error::Error;

use header::Draft;
use message::Field;

pub use header::SignatureHeader;
pub use key::{SigningKey, UnusableKey};
pub use message::{InvalidMessage, LineEnd, Message};

/// How often a field is named beyond how often it stands there, so that none can be added (RFC 6376 section 8.15).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sealed {
    /// Once more, also where there is none: nobody on the way adds it, and readers show it.
    Always,
    /// Once more where there is one: a mail server supplies it where it is missing (RFC 6409 section 8).
    WhereItStands,
    /// As often as it stands there: the next one who sends the message on adds its own.
    Not,
}

/// The fields that are signed, of those of RFC 6376 section 5.4.1 and RFC 8058 section 4. Trace fields are not, nor any other
/// that changes on the way.
const SIGNED: [(&str, Sealed); 27] = [
    ("From", Sealed::Always),
    ("Reply-To", Sealed::Always),
    ("Subject", Sealed::Always),
    ("To", Sealed::Always),
    ("Cc", Sealed::Always),
    ("Date", Sealed::WhereItStands),
    ("Message-ID", Sealed::WhereItStands),
    ("Sender", Sealed::WhereItStands),
    ("MIME-Version", Sealed::WhereItStands),
    ("Content-Type", Sealed::WhereItStands),
    ("Content-Transfer-Encoding", Sealed::WhereItStands),
    ("In-Reply-To", Sealed::WhereItStands),
    ("References", Sealed::WhereItStands),
    ("Resent-Date", Sealed::Not),
    ("Resent-From", Sealed::Not),
    ("Resent-Sender", Sealed::Not),
    ("Resent-To", Sealed::Not),
    ("Resent-Cc", Sealed::Not),
    ("Resent-Message-ID", Sealed::Not),
    ("List-Id", Sealed::Not),
    ("List-Help", Sealed::Not),
    ("List-Unsubscribe", Sealed::Not),
    ("List-Unsubscribe-Post", Sealed::Not),
    ("List-Subscribe", Sealed::Not),
    ("List-Post", Sealed::Not),
    ("List-Owner", Sealed::Not),
    ("List-Archive", Sealed::Not),
];

/// One signature a key, in their order. The body is read once.
pub fn sign_with(
    keys: &[SigningKey],
    message: &Message<'_>,
    at: Timestamp,
) -> Result<Vec<SignatureHeader>, Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (names, fields) = signed_fields(message);
    let body_hash = canonical::body_hash(message.body);
    keys.iter().map(|key| signature(key, &names, &fields, &body_hash, at)).collect()
}

/// What stands in `h=`, and the fields that it means, canonical, in its order (RFC 6376 section 5.4.2).
fn signed_fields(message: &Message<'_>) -> (Vec<&'static str>, Vec<u8>) {
    let (mut names, mut canonical) = (Vec::new(), Vec::new());
    for (name, sealed) in SIGNED {
        let before = names.len();
        for field in message.last_first(name) {
            canonical::field(&mut canonical, field);
            canonical.extend_from_slice(b"\r\n");
            names.push(name);
        }
        let stands = names.len() > before;
        if sealed == Sealed::Always || (sealed == Sealed::WhereItStands && stands) {
            names.push(name);
        }
    }
    (names, canonical)
}

fn signature(
    key: &SigningKey,
    names: &[&'static str],
    fields: &[u8],
    body_hash: &[u8],
    at: Timestamp,
) -> Result<SignatureHeader, Error> {
    let mut draft = Draft::new();
    draft.tag("v", "1");
    draft.tag("a", key.algorithm());
    draft.tag("c", "relaxed/relaxed");
    draft.tag("d", key.domain.as_str());
    draft.tag("s", key.selector.as_str());
    draft.tag("t", &(at.millis() / 1000).max(0).to_string());
    // A colon stands with the name before it, for folding may come after it.
    let mut names = names.iter().peekable();
    let mut pieces = Vec::new();
    while let Some(name) = names.next() {
        pieces.push(if names.peek().is_some() { format!("{name}:") } else { (*name).to_owned() });
    }
    draft.list("h", pieces.iter().map(String::as_str));
    draft.base64("bh", body_hash);
    draft.empty_signature();
    let mut signed = fields.to_vec();
    canonical::field(&mut signed, Field { name: header::NAME.as_bytes(), value: draft.value() });
    Ok(draft.sign(&key.sign(&signed)?))
}

#[cfg(test)]
mod tests;
