//! The names that people give to things of theirs: one line of text.

use crate::error::Error;

/// The most characters of a label.
const MAX_CHARS: usize = 255;

/// A label without the white space around it: 1 to 255 characters, none of them a control character.
pub(crate) fn parse(field: &'static str, text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid(field, "it is empty"));
    }
    if text.chars().count() > MAX_CHARS {
        return Err(Error::invalid(field, format_args!("it is longer than {MAX_CHARS} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "it has a control character, such as a line break"));
    }
    Ok(text.to_owned())
}

/// Parses a label that may be left out; an empty one counts as left out.
pub(crate) fn parse_optional(field: &'static str, text: Option<&str>) -> Result<Option<String>, Error> {
    text.filter(|text| !text.trim().is_empty()).map(|text| parse(field, text)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_trimmed_line_of_at_most_255_characters() {
        assert_eq!(parse("name", "  Käse  ").unwrap(), "Käse");
        assert!(parse("name", &"ü".repeat(255)).is_ok());
        for bad in ["", "  ", "a\nb", "a\0b", &"a".repeat(256)] {
            assert!(parse("name", bad).is_err(), "{bad:?}");
        }
        assert_eq!(parse_optional("name", Some(" ")).unwrap(), None);
    }
}
