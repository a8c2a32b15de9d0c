//! Tag lists, the syntax of DKIM records (RFC 6376 section 3.2): `v=DKIM1; k=rsa; p=…`.

use super::key_record::{Oddity, Refusal};
use super::sentence::shown;

/// The tags of a list, in their order, values without the folding white space around them.
pub(super) struct Tags<'a> {
    tags: Vec<(&'a str, &'a str)>,
    /// The first thing that the grammar forbids.
    oddity: Option<Oddity>,
}

impl<'a> Tags<'a> {
    /// Reads a tag list by its grammar. Why it is none is said in words.
    pub(super) fn parse(text: &'a str) -> Result<Tags<'a>, String> {
        let tags = Tags::as_receivers_read(text)?;
        match tags.oddity {
            Some(Oddity { what, .. }) => Err(what),
            None => Ok(tags),
        }
    }

    /// Reads a tag list as `OpenDKIM` and rspamd do, which pass over some of what the grammar forbids.
    pub(super) fn as_receivers_read(text: &'a str) -> Result<Tags<'a>, String> {
        let mut read = Tags { tags: Vec::new(), oddity: None };
        let list = trim(text);
        // One `;` at the end is part of the grammar, and an empty tag-spec is not.
        let list = list.strip_suffix(';').unwrap_or(list);
        for spec in list.split(';') {
            let (name, value) = spec.split_once('=').ok_or_else(|| match trim(spec) {
                "" if list.is_empty() => "it is empty".to_owned(),
                "" => "there are two semicolons side by side".to_owned(),
                word => format!("\"{}\" has no =", shown(word)),
            })?;
            read.add(trim_all(name), trim_all(value))?;
            if spec.contains(['\x0b', '\x0c']) {
                let what = "a control character stands in it";
                read.oddity = read.oddity.or(Some(Oddity::new(what, Refusal::Strict)));
            }
        }
        Ok(read)
    }

    /// Adds a tag. The last of several with one name is the one that receivers take.
    fn add(&mut self, name: &'a str, value: &'a str) -> Result<(), String> {
        let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins || !name.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(format!("\"{}\" is no tag name", shown(name)));
        }
        if let Some(odd) = value.chars().find(|c| !matches!(c, '!'..='~' | ' ' | '\t'..='\r')) {
            return Err(format!("the tag {name}= has the character U+{:04X}", u32::from(odd)));
        }
        let oddity = if self.value(name).is_some() {
            Some(Oddity::new(format!("the tag {name}= is there twice"), Refusal::Dkimpy))
        } else if !is_tag_name(name) {
            Some(Oddity::new(format!("\"{}\" is no tag name", shown(name)), Refusal::Dkimpy))
        } else {
            None
        };
        self.oddity = self.oddity.take().or(oddity);
        self.tags.push((name, value));
        Ok(())
    }

    /// What the grammar forbids, if receivers pass over it.
    pub(super) fn oddity(&self) -> Option<&Oddity> {
        self.oddity.as_ref()
    }

    /// The value of a tag. Names are told apart by case (RFC 6376 section 3.2).
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.tags.iter().rev().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// Whether this tag comes first.
    pub(super) fn starts_with(&self, name: &str) -> bool {
        self.tags.first().is_some_and(|(first, _)| *first == name)
    }

    /// The words of a tag whose value is a colon-separated list.
    pub(super) fn words(&self, name: &str) -> Option<impl Iterator<Item = &'a str>> {
        self.value(name).map(|value| value.split(':').map(trim))
    }

    /// Whether this word is in such a list as `OpenDKIM` reads it: in any case, white space within it left out.
    pub(super) fn has_word(&self, name: &str, word: &str) -> bool {
        self.value(name)
            .is_some_and(|list| squeezed(list).split(':').any(|other| other.eq_ignore_ascii_case(word)))
    }
}

fn is_tag_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// The text without white space around it, vertical tabs and form feeds included, as receivers read it.
fn trim_all(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n', '\x0b', '\x0c'])
}

/// A value without any white space.
pub(super) fn squeezed(value: &str) -> String {
    value.chars().filter(|c| !matches!(c, ' ' | '\t'..='\r')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn white_space_and_a_last_semicolon_are_fine_and_duplicates_are_not() {
        let tags = Tags::parse(" v = DKIM1 ;\tk=rsa; p=AB CD ; ").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(tags.value("v"), Some("DKIM1"));
        assert_eq!(tags.value("p"), Some("AB CD"));
        assert_eq!(tags.value("V"), None);
        assert!(tags.starts_with("v"));
        for bad in ["", ";", "p=a;;k=rsa", "p=a; p=b", "p", "1p=a", "p=ü", "=a", "p=\u{201c}a\u{201d}"] {
            assert!(Tags::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused_without_a_panic(text in ".{0,200}") {
            let _ = Tags::parse(&text);
        }
    }
}
