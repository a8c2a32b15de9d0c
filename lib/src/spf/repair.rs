//! Repairing a record that breaks the grammar: what is misspelt is written as it was meant, what cannot be is left out.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::record::{Directive, SpfRecord, is_spf, mistaken_modifiers};

/// What an editor, a form or a zone file leaves around a value or a term.
const QUOTES: [char; 9] =
    ['"', '\\', '\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}', '\u{201a}', '\''];
/// Characters without width.
const INVISIBLE: [char; 6] = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{ad}', '\u{feff}'];
/// What cannot stand inside of a term, so that a further term begins with it.
const STARTS: [&str; 8] = ["v=spf1", "include:", "ip4:", "ip6:", "exists:", "redirect=", "~all", "?all"];
/// What people write, and what they mean.
const MEANT: [(&str, &str); 12] = [
    ("inlcude", "include"),
    ("inculde", "include"),
    ("incldue", "include"),
    ("includ", "include"),
    ("inclde", "include"),
    ("incude", "include"),
    ("includes", "include"),
    ("ipv4", "ip4"),
    ("ipv6", "ip6"),
    ("ip", "ip4"),
    ("exist", "exists"),
    ("redirects", "redirect"),
];

/// What people write in place of `v=spf1`, the longest first.
const VERSIONS: [&str; 10] =
    ["v=spf 1", "v= spf1", "v =spf1", "v = spf1", "v=spfv1", "v:spf1", "v=sfp1", "v=spf2", "v=spf1", "spf1"];

/// Whether a text is meant as an SPF record, right or wrong.
pub(crate) fn is_meant_as_spf(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let text = text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    text.contains("v=spf1") || VERSIONS.iter().any(|version| text.starts_with(version))
}

/// A record with every term repaired or left out.
pub(crate) struct Repaired {
    /// The record, which is valid by the grammar.
    pub(crate) record: String,
    /// The terms that were left out.
    pub(crate) dropped: Vec<Dropped>,
}

/// A term that is left out of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// The term as it is written.
    pub(crate) term: String,
    /// Why it cannot stay. The words follow on "because".
    pub(crate) why: String,
}

impl Dropped {
    pub(crate) fn new(term: &str, why: impl Into<String>) -> Dropped {
        Dropped { term: term.to_owned(), why: why.into() }
    }
}

/// A record as it is, if it is valid by the grammar; else with every term repaired or left out.
pub(crate) fn repaired(text: &str) -> Repaired {
    let holds = is_spf(text.as_bytes())
        && SpfRecord::parse(text.as_bytes()).is_ok()
        && mistaken_modifiers(text.as_bytes()).is_empty()
        && glued(text).is_none();
    if holds {
        return Repaired { record: text.to_owned(), dropped: Vec::new() };
    }
    let mut terms: Vec<String> = Vec::new();
    let mut all: Option<String> = None;
    let mut dropped = Vec::new();
    for word in words(text) {
        let Some(term) = repaired_term(&word) else {
            dropped.push(Dropped::new(&word, "it is no term of SPF"));
            continue;
        };
        let is_all = term.trim_start_matches(['+', '-', '~', '?']).eq_ignore_ascii_case("all");
        let name = term.split('=').next().filter(|_| term.contains('=')).map(str::to_ascii_lowercase);
        let is_second =
            name.is_some_and(|name| terms.iter().any(|other| other.starts_with(&format!("{name}="))));
        if is_all {
            all = all.or(Some(term));
        } else if !is_second && !terms.contains(&term) {
            terms.push(term);
        }
    }
    if all.is_some() {
        // With `all` it is never reached (RFC 7208 section 6.1).
        terms.retain(|term| !term.starts_with("redirect="));
    }
    let record = std::iter::once("v=spf1".to_owned()).chain(terms).chain(all).collect::<Vec<_>>().join(" ");
    Repaired { record, dropped }
}

/// The first two terms between which a space is missing in a record that is valid by the grammar, or nearly.
pub(crate) fn glued(text: &str) -> Option<(String, String)> {
    let terms = text.split(' ').skip(1).filter(|word| !word.is_empty());
    terms.map(unglued).find_map(|terms| match terms.as_slice() {
        [first, second, ..] => Some((first.clone(), second.clone())),
        _ => None,
    })
}

/// Strings that were meant to be joined with a space, where at least one boundary shows it: the terms on both sides are
/// whole. The record in the way it was meant, and the two terms.
pub(crate) fn spaced(strings: &[Vec<u8>]) -> Option<(String, (String, String))> {
    let strings: Vec<&str> =
        strings.iter().map(|octets| std::str::from_utf8(octets)).collect::<Result<_, _>>().ok()?;
    let mut text = (*strings.first()?).to_owned();
    let mut first = None;
    for (before, after) in strings.iter().zip(strings.iter().skip(1)) {
        let (left, right) = (before.rsplit(' ').next()?, after.split(' ').next()?);
        let is_term = |word: &str| word.eq_ignore_ascii_case("v=spf1") || holds(word);
        // A long value is cut wherever it is full.
        if before.len() < MOST_STRING_OCTETS
            && !left.is_empty()
            && !right.is_empty()
            && is_term(left)
            && is_term(right)
        {
            text.push(' ');
            first.get_or_insert_with(|| (left.to_owned(), right.to_owned()));
        }
        text.push_str(after);
    }
    first.map(|terms| (text, terms))
}

/// The most octets of one string of a TXT record (RFC 1035 section 3.3).
const MOST_STRING_OCTETS: usize = 255;

/// Whether a word is a term by the grammar, and no mechanism that is written as a modifier.
fn holds(term: &str) -> bool {
    let record = format!("v=spf1 {term}");
    !term.is_empty()
        && SpfRecord::parse(record.as_bytes()).is_ok()
        && mistaken_modifiers(record.as_bytes()).is_empty()
}

/// The words between which a space stands, or should.
fn words(text: &str) -> Vec<String> {
    let text = text.replace("&quot;", " ").replace("&nbsp;", " ").replace(QUOTES, " ").replace(INVISIBLE, "");
    let text = text.replace(['\u{2013}', '\u{2014}', '\u{2212}'], "-");
    let lower = text.to_ascii_lowercase();
    let start = VERSIONS
        .iter()
        .filter_map(|version| Some((lower.find(version)?, version.len())))
        .min_by_key(|(at, length)| (*at, usize::MAX - length));
    // What stands before the version belongs to the line of a zone file.
    let (from, length) = start.unwrap_or_default();
    let text = text.get(from + length..).unwrap_or(&text);
    // v=spf10, v=spf2.0.
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let text = if rest.starts_with(char::is_whitespace) { rest } else { text };
    let mut words: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    let mut word = String::new();
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // The delimiters of a macro may be commas (RFC 7208 section 7.1).
        if c.is_whitespace() || (depth == 0 && matches!(c, ',' | ';')) {
            words.push(std::mem::take(&mut word));
        } else {
            word.push(c);
        }
    }
    words.push(word);
    let words = words.iter().filter(|word| !word.is_empty()).flat_map(|word| unglued(word));
    let mut joined: Vec<String> = Vec::new();
    for word in words.filter(|word| !word.eq_ignore_ascii_case("v=spf1") && !word.is_empty()) {
        // `include: example.com` and `~ all`.
        match joined.last_mut() {
            Some(last)
                if (last.ends_with([':', '='])
                    && !word.contains(':')
                    && !word.to_ascii_lowercase().ends_with("all"))
                    || matches!(last.as_str(), "~" | "-" | "?" | "+") =>
            {
                last.push_str(&word);
            }
            _ => joined.push(word),
        }
    }
    joined
}

/// The terms of a word in which several stand without a space between them.
fn unglued(word: &str) -> Vec<String> {
    let lower = word.to_ascii_lowercase();
    let mut cuts: Vec<usize> =
        STARTS.iter().flat_map(|start| lower.match_indices(start).map(|(at, _)| at)).collect();
    cuts.extend(lower.match_indices("v=spf1").map(|(at, _)| at + "v=spf1".len()));
    for end in ["-all", "+all"] {
        cuts.extend(lower.strip_suffix(end).map(str::len));
    }
    // A qualifier belongs to what follows.
    let octets = word.as_bytes();
    for cut in &mut cuts {
        let before = cut.checked_sub(1).and_then(|at| octets.get(at));
        if before.is_some_and(|octet| matches!(octet, b'+' | b'-' | b'~' | b'?')) {
            *cut -= 1;
        }
    }
    cuts.extend([0, word.len()]);
    cuts.sort_unstable();
    cuts.dedup();
    let pairs = cuts.iter().zip(cuts.iter().skip(1));
    pairs.filter_map(|(from, to)| word.get(*from..*to)).map(str::to_owned).collect()
}

/// A term as it was meant; none if that cannot be told.
fn repaired_term(word: &str) -> Option<String> {
    let word =
        word.trim_matches(|c: char| matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '`') || c == '\u{a0}');
    if holds(word) && !is_network_of_host(word) {
        return Some(word.to_owned());
    }
    let bare = word.trim_start_matches(['+', '-', '~', '?']);
    let qualifier = word.strip_suffix(bare).filter(|qualifier| qualifier.len() == 1).unwrap_or_default();
    if bare.trim_matches(['.', ':', '=', '_', '*', '!']).eq_ignore_ascii_case("all")
        && !bare.starts_with("all")
    {
        return Some("~all".to_owned());
    }
    if bare.trim_end_matches(['.', ':']).eq_ignore_ascii_case("all") {
        return Some(format!("{qualifier}all"));
    }
    if let Some(network) = network(bare) {
        return Some(format!("{qualifier}{network}"));
    }
    let (name, value) = bare.split_once([':', '='])?;
    let name = name.to_ascii_lowercase();
    let name = MEANT.iter().find(|(odd, _)| *odd == name).map_or(name.as_str(), |(_, meant)| meant);
    let value = value.trim_start_matches([':', '=']);
    let value = value.strip_prefix("https://").or(value.strip_prefix("http://")).unwrap_or(value);
    let is_url = bare.contains("://");
    let value = if is_url { value.split('/').next().unwrap_or_default() } else { value };
    if let Some(network) = network(value) {
        return Some(format!("{qualifier}{network}"));
    }
    let term = match name {
        "redirect" | "exp" => format!("{name}={value}"),
        _ => format!("{qualifier}{name}:{value}"),
    };
    holds(&term).then_some(term)
}

/// Whether a term names an address where a host must stand.
fn is_network_of_host(term: &str) -> bool {
    let bare = term.trim_start_matches(['+', '-', '~', '?']);
    let named = bare.split_once(':').filter(|(name, _)| {
        ["a", "mx", "include", "exists"].iter().any(|host| name.eq_ignore_ascii_case(host))
    });
    named.is_some_and(|(_, value)| network(value).is_some())
}

/// The mechanism of an address, with or without a prefix length.
fn network(text: &str) -> Option<String> {
    let address = text.split('/').next()?;
    let family = match (address.parse::<Ipv4Addr>(), address.parse::<Ipv6Addr>()) {
        (Ok(_), _) => "ip4",
        (_, Ok(_)) => "ip6",
        _ => return None,
    };
    let term = format!("{family}:{text}");
    term.parse::<Directive>().is_ok().then_some(term)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_write_becomes_what_they_mean() {
        for (theirs, want) in [
            ("v=spf1 mx  a -all", "v=spf1 mx  a -all"),
            ("v=spf1, include:a.example, ~all", "v=spf1 include:a.example ~all"),
            ("v=spf1include:a.example~all", "v=spf1 include:a.example ~all"),
            ("v=spf1 include=a.example; ipv4:192.0.2.1 -all", "v=spf1 include:a.example ip4:192.0.2.1 -all"),
            ("v=spf1 redirect:a.example", "v=spf1 redirect=a.example"),
            (
                "v=spf1 ip:192.0.2.1 ip4:2001:db8::1 ip6:192.0.2.2 ~all",
                "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ip4:192.0.2.2 ~all",
            ),
            ("v=spf1 192.0.2.0/24 ip5:x ~all", "v=spf1 ip4:192.0.2.0/24 ~all"),
            ("v=spf1 a:192.0.2.1 include:192.0.2.2 ip4: ~all", "v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ~all"),
            ("v=spf1 ip4:192.0.2.1include:a.example~all", "v=spf1 ip4:192.0.2.1 include:a.example ~all"),
            ("v=spf1 include: a.example ~ all", "v=spf1 include:a.example ~all"),
            ("v=spf1 include:https://a.example/x ~all", "v=spf1 include:a.example ~all"),
            ("\u{201c}v=spf1 inlcude:a.example ~all\u{201d}", "v=spf1 include:a.example ~all"),
            ("v=spf1 v=spf1 mx ~all ipv4:192.0.2.1", "v=spf1 mx ip4:192.0.2.1 ~all"),
            ("example.com. IN TXT \"v=spf1 mx ~all\"", "v=spf1 mx ~all"),
            (
                "v=spf1 include:a.exampleinclude:b.example ~all",
                "v=spf1 include:a.example include:b.example ~all",
            ),
            ("v=spf 1 mx ~all", "v=spf1 mx ~all"),
            ("spf1 mx ~all", "v=spf1 mx ~all"),
            ("v = spf1 mx ~all", "v=spf1 mx ~all"),
        ] {
            assert_eq!(repaired(theirs).record, want, "{theirs}");
        }
    }

    proptest! {
        #[test]
        fn what_is_repaired_holds_to_the_grammar(text in "(v=spf1[ ,;])?([a-z0-9:=.,;~\\-\u{201c} ü{}%/]{0,12} ?){0,12}") {
            let repaired = repaired(&text).record;
            prop_assert!(is_spf(repaired.as_bytes()), "{repaired}");
            prop_assert!(SpfRecord::parse(repaired.as_bytes()).is_ok(), "{repaired}");
        }
    }
}
