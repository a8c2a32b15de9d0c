//! Mangling: how forms, editors and copied web pages spoil a value that was right.

use super::Code;
use super::sentence::{Flaw, flaw, shown};
use super::tags::squeezed;
use crate::name::DnsName;

/// What an editor makes of straight quotation marks.
const SMART_QUOTES: [char; 6] = ['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}', '\u{201a}'];
/// What comes along unseen when text is copied from a page: no-break and zero-width spaces, soft hyphen, joiners, mark.
const INVISIBLE: [char; 7] = ['\u{a0}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{ad}', '\u{feff}'];
/// Characters as HTML spells them.
const ENTITIES: [&str; 6] = ["&quot;", "&#34;", "&#39;", "&apos;", "&amp;", "&nbsp;"];

/// How `text` was spoiled, if it shows one of the usual ways; `wanted` is the value that was to be entered.
///
/// Only for a value that is not right already: some of these marks may stand in a record that works.
pub(super) fn of(text: &str, wanted: &str) -> Option<Flaw> {
    if text.contains(SMART_QUOTES) {
        let what = "typographic quotation marks stand in the value";
        return Some(flaw(Code::SmartQuotes, what, "remove them; an editor has put them there"));
    }
    if text.contains(INVISIBLE) {
        let what = "characters that cannot be seen stand in the value, such as a no-break space";
        return Some(flaw(Code::InvisibleCharacters, what, "type it anew, or copy it as plain text"));
    }
    if ENTITIES.iter().any(|entity| text.contains(entity)) {
        let what = "HTML's spelling of a character stands in the value, such as &quot;";
        return Some(flaw(
            Code::HtmlEntities,
            what,
            "enter the character itself, or leave it out if it is a quotation mark",
        ));
    }
    if let Some(prefix) = zone_file_prefix(text, wanted) {
        let what =
            format!("the value begins with \"{}\", which belongs to a line of a zone file", shown(prefix));
        return Some(flaw(Code::NameInValue, what, "enter the value alone"));
    }
    if text.contains('"') {
        let what = "quotation marks stand inside the value";
        let mend = "enter the value without them; they belong to zone files only";
        return Some(flaw(Code::QuotesInValue, what, mend));
    }
    if text.contains("\\;") {
        let what = "backslashes stand before its semicolons";
        return Some(flaw(Code::EscapedSemicolons, what, "enter the value without backslashes"));
    }
    if wanted.contains(';') && with_semicolons(text).is_some() {
        let what = "commas or spaces stand between its tags, where semicolons must";
        return Some(flaw(
            Code::SemicolonsMissing,
            what,
            "enter the value that is wanted, with its semicolons",
        ));
    }
    if let Some(flaw) = cut_short(text, wanted) {
        return Some(flaw);
    }
    if text != wanted && text == wanted.to_lowercase() {
        let what = "the value has lost its capital letters";
        return Some(flaw(
            Code::ValueLowercased,
            what,
            "enter it exactly as it is wanted, capital letters too",
        ));
    }
    None
}

/// A value without what editors, forms and zone files put around and into it.
pub(super) fn plain(text: &str) -> String {
    let text = text.replace("&quot;", "").replace("&#34;", "").replace("&nbsp;", " ").replace("&amp;", "&");
    let is_quote = |c: char| SMART_QUOTES.contains(&c) || matches!(c, '"' | '\\');
    let text: String = text.chars().filter(|c| !is_quote(*c)).collect();
    text.chars().map(|c| if c == '\u{a0}' { ' ' } else { c }).filter(|c| !INVISIBLE.contains(c)).collect()
}

/// The names of the tags that DKIM and DMARC records have.
const TAGS: [&str; 19] = [
    "v", "k", "h", "p", "s", "t", "n", "g", "sp", "np", "rua", "ruf", "adkim", "aspf", "fo", "pct", "rf",
    "ri", "psd",
];

/// A list of tags with a semicolon between each two; none if it has them.
pub(super) fn with_semicolons(text: &str) -> Option<String> {
    let is_gap = |c: char| c == ',' || c == '|' || c.is_whitespace();
    let mut mended = String::with_capacity(text.len());
    // Whether a tag has begun since the last semicolon.
    let mut is_in_tag = false;
    let mut rest = text;
    while let Some(at) = rest.find(is_gap) {
        let (before, from) = rest.split_at(at);
        let after = from.trim_start_matches(is_gap);
        let gap = from.strip_suffix(after).unwrap_or_default();
        let last = before.rsplit(';').next().unwrap_or_default();
        is_in_tag = last.contains('=') || (is_in_tag && last == before);
        let is_tag = after.split_once('=').is_some_and(|(name, _)| {
            TAGS.iter().any(|tag| tag.eq_ignore_ascii_case(name.trim_end_matches([' ', '\t'])))
        });
        mended.push_str(before);
        if is_tag && is_in_tag && !before.ends_with('=') {
            mended.push_str("; ");
            is_in_tag = false;
        } else {
            mended.push_str(gap);
        }
        rest = after;
    }
    mended.push_str(rest);
    (mended != text).then_some(mended)
}

/// The fewest characters of a value by which a piece of it is known.
const LEAST_PIECE: usize = 24;

/// A value of which a part is missing.
fn cut_short(text: &str, wanted: &str) -> Option<Flaw> {
    // However the white space between the tags is written.
    let (text, wanted) = (&squeezed(text), &squeezed(wanted));
    let (length, whole) = (text.len(), wanted.len());
    if length >= whole {
        return None;
    }
    if (200..=255).contains(&length) && wanted.starts_with(text.as_str()) {
        let what = format!("the value ends after {length} characters of {whole}");
        let mend =
            "enter the whole value, split into strings of at most 255 characters if the form asks for it";
        return Some(flaw(Code::ValueTruncatedAt255, what, mend));
    }
    let what = match (wanted.starts_with(text.as_str()), wanted.ends_with(text.as_str())) {
        _ if length < LEAST_PIECE => return None,
        (true, _) => format!("the value ends after {length} characters of {whole}"),
        (_, true) => format!("only the last {length} characters of {whole} are there"),
        _ => return None,
    };
    let mend = "enter the whole value; if the form takes no more, ask the DNS provider how to enter a long TXT record";
    Some(flaw(Code::ValueCutShort, what, mend))
}

/// Whether a target is the one that is wanted with a domain added to it: that of the record, or one above.
pub(super) fn is_with_domain(seen: &DnsName, wanted: &DnsName, owner: &DnsName) -> bool {
    let added = seen.as_str().strip_prefix(wanted.as_str()).and_then(|rest| rest.strip_prefix('.'));
    added.is_some_and(|domain| domain.contains('.') && owner.is_within(&DnsName::from_answer(domain)))
}

/// What is wrong with such a target.
pub(super) fn with_domain(seen: &DnsName, wanted: &DnsName) -> Flaw {
    let added = seen.as_str().strip_prefix(wanted.as_str()).unwrap_or_default().trim_start_matches('.');
    let what = format!("the form has added {added} to the target");
    flaw(Code::DomainAddedToTarget, what, format!("enter {wanted}. as the target, with a dot at its end"))
}

/// What stands before the value where a whole line of a zone file was entered: `pr1._domainkey IN TXT "v=…`.
fn zone_file_prefix<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    // The version starts every value that is asked for.
    let version = wanted.split([';', ' ']).next().filter(|version| version.starts_with("v="))?;
    let (before, _) = text.split_once(version)?;
    let is_line = before.split_whitespace().any(|word| {
        word.eq_ignore_ascii_case("txt") || word.contains("_domainkey") || word.contains("_dmarc")
    });
    is_line.then(|| before.trim_end().trim_end_matches('"').trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WANTED: &str = "v=DMARC1; p=none";

    #[test]
    fn each_way_of_spoiling_is_told_and_a_right_value_is_not() {
        let code = |text: &str| of(text, WANTED).map(|flaw| flaw.code);
        for (text, want) in [
            ("\u{201c}v=DMARC1; p=none\u{201d}", Code::SmartQuotes),
            ("v=DMARC1;\u{a0}p=none", Code::InvisibleCharacters),
            ("&quot;v=DMARC1; p=none&quot;", Code::HtmlEntities),
            ("_dmarc.example.com. IN TXT \"v=DMARC1; p=none\"", Code::NameInValue),
            ("TXT v=DMARC1; p=none", Code::NameInValue),
            ("\"v=DMARC1; p=none\"", Code::QuotesInValue),
            ("v=DMARC1\\; p=none", Code::EscapedSemicolons),
            ("v=dmarc1; p=none", Code::ValueLowercased),
        ] {
            assert_eq!(code(text), Some(want), "{text}");
        }
        assert_eq!(code(WANTED), None);
        assert_eq!(code("v=DMARC1; p=reject; rua=mailto:a&b@example.com"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,300}", wanted in ".{0,300}") {
            let _ = of(&text, &wanted);
        }
    }
}
