//! Messages that are easy to sign wrongly.

use crate::differential::dice::Dice;

/// How many are put together by chance, beside those that were thought of.
const BY_CHANCE: usize = 250;

/// What every one of them begins with, unless it is about that.
const HEAD: &str = "From: Jo Example <jo@example.com>\r\nTo: Al <al@example.net>\r\nSubject: Keys\r\n\
    Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n";

/// A signature that does not verify any more, as mail has it that went through a list.
const OLDER: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=ed25519;\r\n \
    t=1528637909; h=from:to:subject; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
    b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n";

/// A message that nothing is wrong with, which the tests then change.
pub(super) fn simple() -> Vec<u8> {
    with_body("This is signed.\r\n")
}

fn with_body(body: &str) -> Vec<u8> {
    format!("{HEAD}\r\n{body}").into_bytes()
}

fn with_field(field: &str) -> Vec<u8> {
    format!("{HEAD}{field}\r\nThis is signed.\r\n").into_bytes()
}

/// Each message with its name.
pub(super) fn all() -> Vec<(String, Vec<u8>)> {
    let bare = |message: Vec<u8>| String::from_utf8(message).unwrap().replace("\r\n", "\n").into_bytes();
    let mixed = |message: Vec<u8>| String::from_utf8(message).unwrap().replacen("\r\n", "\n", 4).into_bytes();
    let words = "A line of words, as they stand in messages, more or less.\r\n";
    let mut messages = vec![
        ("simple", simple()),
        ("bare line feeds", bare(with_body("One\r\n\r\nTwo  \r\n\r\n"))),
        ("mixed line ends", mixed(with_body("One\n\r\nTwo\r\nThree\n"))),
        ("no body", with_body("")),
        ("no empty line", HEAD.as_bytes().to_vec()),
        ("no empty line, no final line end", HEAD.trim_end().as_bytes().to_vec()),
        ("a body of empty lines", with_body("\r\n\r\n\r\n")),
        ("a body of white space", with_body(" \r\n\t\r\n  ")),
        ("empty lines at the end", with_body("One\r\n\r\n \r\n\t\r\n")),
        ("empty lines within", with_body("\r\n\r\nOne\r\n \r\n\r\nTwo\r\n")),
        ("no final line end", with_body("One")),
        ("no final line end, white space", with_body("One \t")),
        ("white space", with_body(" One\ttwo  three \t four \r\n\tfive\t\r\n")),
        ("a form feed", with_body("One\x0c \x0b\r\n\x0c\r\n")),
        ("dots", with_body(".\r\n..\r\n.One\r\n")),
        ("8 bits", [with_body(""), b"Gr\xfc\xdfe \xff\xfe\x80 \xa0\r\n".to_vec()].concat()),
        ("UTF-8", with_field("Comments: \u{e4}\r\nReply-To: J\u{f6} <j\u{f6}@b\u{fc}cher.de>\r\n")),
        ("a long line", with_body(&"word ".repeat(20_000))),
        ("a long word", with_body(&"w".repeat(100_000))),
        (
            "folded",
            with_field("References: <1@example.com>\r\n  <2@example.com>\t \r\n\t<3@example.com> \r\n"),
        ),
        ("folded at once", with_field("Reply-To:\r\n  jo@example.com\r\n")),
        ("an empty field", with_field("Cc:\r\nIn-Reply-To:  \t\r\n")),
        ("no white space behind a colon", with_field("reply-to:jo@example.com\r\nCC:\tal@example.net\r\n")),
        ("fields of one name", with_field("To: b@example.net\r\nSubject: Other\r\nTO: c@example.net\r\n")),
        ("a colon in a value", with_field("In-Reply-To: a: b; c=d\r\n")),
        ("trace fields", [b"Return-Path: <x@example.net>\r\nReceived: by x\r\n".to_vec(), simple()].concat()),
        ("an older signature", [OLDER.as_bytes().to_vec(), simple()].concat()),
        (
            "a list",
            with_field(
                "List-Unsubscribe: <https://x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            ),
        ),
        ("From alone", b"From: jo@example.com\r\n\r\nx\r\n".to_vec()),
        ("10 MB", with_body(&words.repeat(10_000_000 / words.len()))),
    ]
    .into_iter()
    .map(|(name, message)| (name.to_owned(), message))
    .collect::<Vec<_>>();
    let mut dice = Dice::new(6376);
    messages.extend((0..BY_CHANCE).map(|number| (format!("by chance {number}"), by_chance(&mut dice))));
    messages
}

fn by_chance(dice: &mut Dice) -> Vec<u8> {
    let names =
        ["Subject", "to", "CC", "Reply-To", "X-Other", "References", "Received", "List-Id", "Resent-To"];
    let inner = ["a", "bc", " ", "  ", "\t", ":", ";", "=", "\r\n ", "\n\t", " \r\n \t", "\u{e4}", "."];
    let outer = ["a", "bc", " ", "  ", "\t", "\r\n", "\n", "\r\n\r\n", ".", "\u{e4}", "\x0c", "--", "="];
    let mut text = String::from("From: jo@example.com\r\n");
    for _ in 0..dice.below(6) {
        text.push_str(names[dice.below(names.len())]);
        text.push(':');
        for _ in 0..dice.below(8) {
            text.push_str(inner[dice.below(inner.len())]);
        }
        // A line of nothing but white space is obsolete, and some verifiers end the header there.
        text.push_str("x\r\n");
    }
    text.push_str("\r\n");
    for _ in 0..dice.below(20) {
        text.push_str(outer[dice.below(outer.len())]);
    }
    text.into_bytes()
}
