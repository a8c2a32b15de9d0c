//! A message that came in, as a webhook is told of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// What is told of a message.
pub struct Received<'a> {
    /// The name of the delivery.
    pub id: &'a str,
    /// When it is told, in whole seconds: RFC 3339.
    pub timestamp: &'a str,
    /// The domain, by its own name.
    pub domain: &'a str,
    /// The recipient, as the client gave it.
    pub recipient: &'a str,
    /// Its mailbox.
    pub mailbox: &'a str,
    /// The sender of the envelope; empty for `<>`.
    pub sender: &'a str,
    /// The first address in its From field.
    pub header_from: Option<&'a str>,
    /// Its subject.
    pub subject: Option<&'a str>,
    /// Its Message-ID.
    pub message_id: Option<&'a str>,
    /// What the lists say.
    pub verdict: &'a str,
    /// The message itself.
    pub raw: &'a [u8],
}

/// The body of the post.
pub fn received_json(it: &Received<'_>) -> String {
    let data = json!({
        "id": it.id, "domain": it.domain, "recipient": it.recipient, "mailbox": it.mailbox, "sender": it.sender,
        "header_from": it.header_from, "subject": it.subject, "message_id": it.message_id, "size": it.raw.len(),
        "verdict": it.verdict, "raw": STANDARD.encode(it.raw),
    });
    json!({ "type": "email.received", "timestamp": it.timestamp, "data": data }).to_string()
}
