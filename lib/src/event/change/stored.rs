//! How the data of a change is stored: one line of text, `v1 NAME KEY=VALUE KEY=VALUE`.
//!
//! In a value a percent sign, a space, a comma and each control character stand as `%` and two hexadecimal digits for each
//! octet. After each item of a list there is a comma, so that an empty list is not a list of one empty item. What is not
//! known is left out. `v1` is the version of this form.

use std::fmt::Write;

use super::Datum;

const VERSION: &str = "v1";

/// The fields of a stored change, by name, with their values as they stand there.
pub(super) struct Stored<'a>(Vec<(&'a str, &'a str)>);

impl Stored<'_> {
    /// Whether there is such a field.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| *name == key)
    }

    /// The value of a field.
    pub(super) fn one(&self, key: &str) -> Option<String> {
        self.raw(key).and_then(unescape)
    }

    /// The items of a field that is a list.
    pub(super) fn many(&self, key: &str) -> Option<Vec<String>> {
        self.raw(key)?.split_terminator(',').map(unescape).collect()
    }

    fn raw(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }
}

/// The start of everything that is stored of changes with this name.
pub(in crate::event) fn prefix(name: &str) -> String {
    format!("{VERSION} {name} ")
}

pub(super) fn write(name: &str, data: &[(&'static str, Datum)]) -> String {
    let mut text = format!("{VERSION} {name}");
    for (key, datum) in data {
        // Writing to a String cannot fail.
        let _ = write!(text, " {key}=");
        match datum {
            Datum::Text(value) => escape(value, &mut text),
            Datum::Number(number) => {
                let _ = write!(text, "{number}");
            }
            Datum::Flag(flag) => {
                let _ = write!(text, "{flag}");
            }
            Datum::List(items) => {
                for item in items {
                    escape(item, &mut text);
                    text.push(',');
                }
            }
        }
    }
    text
}

/// The name of a stored change, and its fields; none if this version does not know the form.
pub(super) fn read(text: &str) -> Option<(&str, Stored<'_>)> {
    let mut words = text.strip_prefix(VERSION)?.strip_prefix(' ')?.split(' ');
    let name = words.next()?;
    let fields = words.map(|word| word.split_once('=')).collect::<Option<_>>()?;
    Some((name, Stored(fields)))
}

fn escape(value: &str, into: &mut String) {
    for c in value.chars() {
        if !matches!(c, '%' | ' ' | ',') && !c.is_control() {
            into.push(c);
            continue;
        }
        for octet in c.encode_utf8(&mut [0; 4]).bytes() {
            let _ = write!(into, "%{octet:02X}");
        }
    }
}

fn unescape(value: &str) -> Option<String> {
    let mut parts = value.split('%');
    let mut octets = parts.next()?.as_bytes().to_vec();
    for part in parts {
        octets.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        octets.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(octets).ok()
}
