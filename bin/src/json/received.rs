//! A message that came in, as a webhook is told of it.

use std::io::Write;

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderStringWriter;
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
    /// The message itself, in two parts.
    pub raw: [&'a [u8]; 2],
}

/// How many octets the Base64 of so many takes.
pub fn base64_octets(octets: usize) -> usize {
    octets.div_ceil(3).saturating_mul(4)
}

/// The body of the post. The message is written into it piece by piece, so that there is no second copy of it.
pub fn received_json(it: &Received<'_>) -> String {
    let size = it.raw.iter().map(|part| part.len()).sum();
    let data = json!({
        "id": it.id, "domain": it.domain, "recipient": it.recipient, "mailbox": it.mailbox, "sender": it.sender,
        "header_from": it.header_from, "subject": it.subject, "message_id": it.message_id, "size": size,
        "verdict": it.verdict,
    });
    // The last member of `data` is the message.
    let data = data.to_string();
    let data = data.strip_suffix('}').unwrap_or(&data);
    let head = format!("{{\"type\":\"email.received\",\"timestamp\":{},\"data\":{data}", json!(it.timestamp));
    let mut body = String::with_capacity(head.len() + base64_octets(size) + 16);
    body.push_str(&head);
    body.push_str(",\"raw\":\"");
    let mut writer = EncoderStringWriter::from_consumer(body, &STANDARD);
    for part in it.raw {
        // Writing to a String cannot fail.
        let _ = writer.write_all(part);
    }
    let mut body = writer.into_inner();
    body.push_str("\"}}");
    body
}
