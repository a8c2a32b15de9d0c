//! What a person reads of a reported message: its header fields and its text, and nothing that acts.

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

/// The most header fields that are shown.
const MOST_FIELDS: usize = 200;
/// The most characters of a field, and of the text.
const MOST_FIELD_CHARS: usize = 2_000;
const MOST_TEXT_CHARS: usize = 20_000;
/// The most parts that are named.
const MOST_PARTS: usize = 50;
/// The most octets that are read. What is parsed of them may take thirty times as much memory.
const MOST_OCTETS: usize = 256 * 1024;

/// A message for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    /// The header fields in their order, each on one line, as they arrived.
    pub fields: Vec<(String, String)>,
    /// The subject, decoded.
    pub subject: Option<String>,
    /// The text. Of a part in HTML it is what is left without the markup.
    pub text: String,
    /// The other parts: what each calls itself, and its octets.
    pub parts: Vec<(String, u64)>,
    /// Whether something was too long, so that not all of it is here.
    pub is_cut: bool,
}

/// What a person reads of this message. Characters that change how a text looks without being seen are replaced.
pub fn readable(octets: &[u8]) -> Readable {
    let read = octets.get(..MOST_OCTETS).unwrap_or(octets);
    let Some(message) = MessageParser::default().parse(read) else {
        let (text, is_cut) = plain(&String::from_utf8_lossy(read), MOST_TEXT_CHARS);
        return Readable { text, is_cut: is_cut || read.len() < octets.len(), ..Readable::default() };
    };
    let seen = read_of(&message);
    take_apart(message);
    Readable { is_cut: seen.is_cut || read.len() < octets.len(), ..seen }
}

/// Drops a message and those within it one after the other. They drop each other by recursion otherwise, and a few thousand of them, one in
/// the other, would overflow the stack and so end the process.
fn take_apart(message: Message<'_>) {
    let mut left = vec![message];
    while let Some(message) = left.pop() {
        left.extend(message.parts.into_iter().filter_map(|part| match part.body {
            PartType::Message(within) => Some(within),
            _ => None,
        }));
    }
}

fn read_of(message: &Message<'_>) -> Readable {
    let mut is_cut = message.headers_raw().count() > MOST_FIELDS;
    let mut cut = |text: &str, most: usize| {
        let (text, was_cut) = plain(text, most);
        is_cut |= was_cut;
        text
    };
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let fields = message.headers_raw().take(MOST_FIELDS);
    let fields = fields
        .map(|(name, value)| (cut(name, MOST_FIELD_CHARS), cut(&one_line(value), MOST_FIELD_CHARS)))
        .collect();
    let subject = message.subject().map(|subject| cut(&one_line(subject), MOST_FIELD_CHARS));
    let texts: Vec<String> = (0..message.text_body_count())
        .filter_map(|at| message.body_text(at))
        .map(std::borrow::Cow::into_owned)
        .collect();
    let text = cut(&texts.join("\n"), MOST_TEXT_CHARS);
    let parts = parts(message);
    Readable { fields, subject, text, parts, is_cut }
}

fn parts(message: &Message<'_>) -> Vec<(String, u64)> {
    let named = message.attachments().take(MOST_PARTS).map(|part| {
        let name = part.attachment_name().map(str::to_owned);
        let kind = part.content_type().map(|kind| match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()),
            None => kind.ctype().to_owned(),
        });
        let name = name.or(kind).unwrap_or_else(|| "a part without a name".to_owned());
        (plain(&name, 255).0, part.len() as u64)
    });
    named.collect()
}

/// Whether a character is not seen as what it is: it moves the cursor, begins a line, turns the direction of what is written after it, or has
/// no shape of its own. Who prints a text that somebody else wrote shows these in another way.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{61c}' | '\u{feff}')
}

/// A text of at most so many characters, of which each is seen as what it is; and whether it was longer.
fn plain(text: &str, most: usize) -> (String, bool) {
    let seen = |c: char| match c {
        '\r' => None,
        '\n' | '\t' => Some(c),
        c if is_unseen(c) => Some('\u{fffd}'),
        c => Some(c),
    };
    let mut left = text.chars().filter_map(seen);
    let kept: String = left.by_ref().take(most).collect();
    (kept, left.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_text_and_nothing_hides_in_it() {
        let message = b"From: Jo <jo@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello \xe2\x80\xaegpj.exe\0\r\n";
        let seen = readable(message);
        assert_eq!(seen.subject.as_deref(), Some("Gr\u{fc}\u{df}e"));
        assert_eq!(seen.fields[0], ("From".to_owned(), "Jo <jo@example.org>".to_owned()));
        assert!(seen.text.starts_with("Hello \u{fffd}gpj.exe\u{fffd}"), "{seen:?}");
        assert!(!seen.is_cut);
    }

    #[test]
    fn of_html_the_words_are_left_and_parts_are_named() {
        let message = b"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
            --x\r\nContent-Type: text/html\r\n\r\n<p>Hello <b>you</b></p>\r\n\
            --x\r\nContent-Type: application/zip; name=\"a.zip\"\r\nContent-Disposition: attachment\r\n\r\nPK\r\n--x--\r\n";
        let seen = readable(message);
        assert!(seen.text.contains("Hello you") && !seen.text.contains("<b>"), "{seen:?}");
        assert_eq!(seen.parts.len(), 1);
        assert_eq!(seen.parts[0].0, "a.zip");
    }

    #[test]
    fn messages_that_are_deep_in_one_another_end_no_process() {
        let head = "From: a@b.example\r\nMIME-Version: 1.0\r\n";
        for level in [
            "Content-Type:message/rfc822\r\n\r\n",
            "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\n",
        ] {
            let deep = format!("{head}{}", level.repeat(40_000));
            assert!(readable(deep.as_bytes()).is_cut, "{level}");
        }
    }

    #[test]
    fn what_is_long_is_cut_and_what_is_no_message_is_shown_as_it_is() {
        let long = [b"From: a@b.example\r\n\r\n".to_vec(), vec![b'x'; MOST_TEXT_CHARS + 1]].concat();
        let seen = readable(&long);
        assert!(seen.is_cut && seen.text.len() == MOST_TEXT_CHARS);
        assert_eq!(readable(b"").text, "");
    }
}
