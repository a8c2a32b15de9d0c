//! A zone of `OctoDNS`: its YAML provider wants the keys of every mapping sorted, numbers in names by their value.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Entry, TTL, ZoneRecords, quoted};
use crate::dns::RecordType;

/// A name relative to the zone, and what stands there.
struct Name<'a> {
    relative: &'a str,
    sets: Vec<(RecordType, &'a [Entry])>,
}

pub(super) fn write(zone: &ZoneRecords) -> String {
    let mut names: BTreeMap<String, Name<'_>> = BTreeMap::new();
    for ((name, kind), entries) in &zone.sets {
        let relative = zone.relative(name);
        let name = names.entry(by_number(relative)).or_insert(Name { relative, sets: Vec::new() });
        name.sets.push((*kind, entries));
    }
    let mut text = format!("---\n# Mail records of {}, as a zone of OctoDNS.\n", zone.zone);
    for Name { relative, sets } in names.values() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}:", quoted(relative));
        for (kind, entries) in sets {
            let _ = writeln!(text, "  - ttl: {TTL}\n    type: {kind}");
            set(&mut text, entries);
        }
    }
    text
}

fn set(text: &mut String, entries: &[Entry]) {
    if let [entry @ (Entry::Txt(_) | Entry::Cname(_))] = entries {
        let _ = writeln!(text, "    value: {}", value(entry));
        return;
    }
    text.push_str("    values:\n");
    for entry in entries {
        let _ = match entry {
            Entry::Mx { preference, host } => writeln!(
                text,
                "      - exchange: {}\n        preference: {preference}",
                quoted(&format!("{host}."))
            ),
            _ => writeln!(text, "      - {}", value(entry)),
        };
    }
}

/// A value in one word. In a text a semicolon has a backslash before it.
fn value(entry: &Entry) -> String {
    match entry {
        Entry::Mx { host, .. } => quoted(&format!("{host}.")),
        Entry::Cname(target) => quoted(&format!("{target}.")),
        Entry::Txt(text) => quoted(&text.replace(';', "\\;")),
    }
}

/// A name with each number in it made as long as the longest, so that `pr2` stands before `pr10`.
fn by_number(name: &str) -> String {
    let mut key = String::new();
    let mut digits = String::new();
    for c in name.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            let _ = write!(key, "{digits:0>63}");
            digits.clear();
        }
        key.push(c);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_sorted_by_their_value() {
        let mut names = ["pr10", "pr2", "", "_dmarc", "mailer"];
        names.sort_by_key(|name| by_number(name));
        assert_eq!(names, ["", "_dmarc", "mailer", "pr2", "pr10"]);
    }
}
