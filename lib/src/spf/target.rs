//! Target names: macro expansion gives a text, which either becomes a name for a query or is refused.

use std::fmt::Write;

use crate::name::DnsName;

/// The most octets of a name in presentation form (RFC 7208 section 7.3).
const MOST_NAME_OCTETS: usize = 253;
/// The most octets of a label (RFC 1035 section 2.3.4).
const MOST_LABEL_OCTETS: usize = 63;

/// A name in the two forms that an evaluation needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// As it stands for `%{d}`: without its last dot.
    pub(super) text: String,
    /// As it is asked for.
    pub(super) name: DnsName,
}

impl Target {
    /// The name that `text` is; nothing if it cannot be one: an empty label, or one of more than 63 octets.
    ///
    /// A name that is too long loses labels on its left until it is not (RFC 7208 section 7.3). Any octet can
    /// be in it, since a sender's local part can have any.
    pub(super) fn of(text: &str) -> Option<Target> {
        let mut text = text.strip_suffix('.').unwrap_or(text);
        while text.len() > MOST_NAME_OCTETS {
            (_, text) = text.split_once('.')?;
        }
        if text.split('.').any(|label| label.is_empty() || label.len() > MOST_LABEL_OCTETS) {
            return None;
        }
        let mut escaped = String::with_capacity(text.len());
        for octet in text.bytes() {
            match octet {
                b'\\' => escaped.push_str("\\\\"),
                b'!'..=b'~' => escaped.push(char::from(octet)),
                // Writing to a string does not fail.
                _ => _ = write!(escaped, "\\{octet:03}"),
            }
        }
        Some(Target { text: text.to_owned(), name: DnsName::from_answer(&escaped) })
    }

    /// The domain at which `check_host()` is to begin: in A-labels, and more than one of them (RFC 7208 section 4.3).
    pub(super) fn of_domain(text: &str) -> Option<Target> {
        let target = if text.is_ascii() {
            Target::of(text)?
        } else {
            // Bounds the work; no name in A-labels comes from a longer text.
            let text = Some(text).filter(|text| text.len() <= 4 * MOST_NAME_OCTETS)?;
            Target::of(&idna::domain_to_ascii(text).ok()?)?
        };
        // A name is not cut to fit here: nobody can own the part of a domain that is too long to be one.
        let is_whole = !text.is_ascii() || target.text.len() == text.strip_suffix('.').unwrap_or(text).len();
        (is_whole && target.text.contains('.')).then_some(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_is_cut_on_its_left() {
        let long = format!("{}.{}example.com.", "x".repeat(20), "label-of-9.".repeat(22));
        let target = Target::of(&long).unwrap();
        assert_eq!(target.text, format!("{}example.com", "label-of-9.".repeat(22)));
        assert_eq!(target.text.len(), 253);
        assert_eq!(Target::of_domain(&long), None);
        assert_eq!(Target::of(&"x".repeat(300)), None);
    }

    #[test]
    fn octets_that_no_host_has_are_escaped_as_answers_have_them() {
        let target = Target::of("a b\\c.é.Example.com").unwrap();
        assert_eq!(target.name.as_str(), "a\\032b\\\\c.\\195\\169.example.com");
        assert_eq!(target.text, "a b\\c.é.Example.com");
        for bad in ["", ".", "a..b", ".a", &"a".repeat(64)] {
            assert_eq!(Target::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_domain_has_more_than_one_label_and_is_held_in_a_labels() {
        assert_eq!(Target::of_domain("localhost"), None);
        assert_eq!(Target::of_domain("bücher.example").unwrap().text, "xn--bcher-kva.example");
    }
}
