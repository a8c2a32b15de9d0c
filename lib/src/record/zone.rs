//! Records as a zone file has them (RFC 1035 section 5).

use std::fmt::Write;

use super::Record;
use crate::dns::RecordType;
use crate::domain::Details;

/// The most octets of one character-string (RFC 1035 section 3.3).
const MAX_STRING_OCTETS: usize = 255;

/// A fragment of a zone file that publishes `records`, in BIND's format, names absolute.
///
/// Disabled records are left out. TXT values are split into strings of at most 255 octets, which
/// verifiers join again with nothing between (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2).
pub fn zone_fragment(domain: &Details, records: &[Record]) -> String {
    let mut zone = format!("; records of {} for its zone file\n", domain.name);
    for record in records.iter().filter(|record| record.standing.status != super::RecordStatus::Disabled) {
        let name = record.name(domain);
        let data = match record.record_type() {
            RecordType::Mx => format!("MX {} {}.", record.priority.unwrap_or_default(), record.value),
            RecordType::Cname => format!("CNAME {}.", record.value),
            _ => format!("TXT {}", strings(&record.value)),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(zone, "{name}. 3600 IN {data}");
    }
    zone
}

/// A text as quoted strings of at most 255 octets, as a TXT record has them in a zone file: values of ours are printable ASCII, where only `"` and `\` need escaping.
pub fn strings(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    for (index, octet) in text.bytes().enumerate() {
        if index % MAX_STRING_OCTETS == 0 {
            quoted.push_str(if index == 0 { "\"" } else { "\" \"" });
        }
        match octet {
            b'"' | b'\\' => quoted.extend(['\\', char::from(octet)]),
            b' '..=b'~' => quoted.push(char::from(octet)),
            _ => {
                let _ = write!(quoted, "\\{octet:03}");
            }
        }
    }
    quoted.push_str(if text.is_empty() { "\"\"" } else { "\"" });
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_at_255_octets_with_quotes_and_backslashes_escaped() {
        assert_eq!(strings(""), "\"\"");
        assert_eq!(strings("v=spf1 mx ~all"), "\"v=spf1 mx ~all\"");
        assert_eq!(strings("a\"b\\c"), "\"a\\\"b\\\\c\"");
        assert_eq!(strings("ü"), "\"\\195\\188\"");
        assert_eq!(strings(&"x".repeat(255)), format!("\"{}\"", "x".repeat(255)));
        assert_eq!(strings(&"x".repeat(511)), format!("\"{0}\" \"{0}\" \"x\"", "x".repeat(255)));
    }
}
