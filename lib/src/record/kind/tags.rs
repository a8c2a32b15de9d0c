//! Tag lists, the syntax of DKIM records (RFC 6376 section 3.2): `v=DKIM1; k=rsa; p=…`.

use super::sentence::shown;

/// The tags of a list, in their order, values without the folding white space around them.
pub(super) struct Tags<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Tags<'a> {
    /// Reads a tag list. Why it is none is said in words.
    pub(super) fn parse(text: &'a str) -> Result<Tags<'a>, String> {
        let mut tags: Vec<(&str, &str)> = Vec::new();
        let list = trim(text);
        // One `;` at the end is part of the grammar, and an empty tag-spec is not.
        let list = list.strip_suffix(';').unwrap_or(list);
        for spec in list.split(';') {
            let (name, value) = spec.split_once('=').ok_or_else(|| match trim(spec) {
                "" if list.is_empty() => "it is empty".to_owned(),
                "" => "there are two semicolons side by side".to_owned(),
                word => format!("\"{}\" has no =", shown(word)),
            })?;
            let (name, value) = (trim(name), trim(value));
            if !is_tag_name(name) {
                return Err(format!("\"{}\" is no tag name", shown(name)));
            }
            if let Some(odd) = value.chars().find(|c| !matches!(c, '!'..='~' | ' ' | '\t' | '\r' | '\n')) {
                return Err(format!("the tag {name}= has the character U+{:04X}", u32::from(odd)));
            }
            if tags.iter().any(|(other, _)| *other == name) {
                return Err(format!("the tag {name}= is there twice"));
            }
            tags.push((name, value));
        }
        Ok(Tags(tags))
    }

    /// The value of a tag. Names are told apart by case (RFC 6376 section 3.2).
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// Whether this tag comes first.
    pub(super) fn starts_with(&self, name: &str) -> bool {
        self.0.first().is_some_and(|(first, _)| *first == name)
    }

    /// The words of a tag whose value is a colon-separated list.
    pub(super) fn words(&self, name: &str) -> Option<impl Iterator<Item = &'a str>> {
        self.value(name).map(|value| value.split(':').map(trim))
    }
}

fn is_tag_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
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
