//! Mangling: how forms, editors and copied web pages spoil a value that was right.

use super::Code;
use super::sentence::{Flaw, flaw, shown};

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
    if (200..=255).contains(&text.len()) && text.len() < wanted.len() && wanted.starts_with(text) {
        let what = format!("the value ends after {} characters of {}", text.len(), wanted.len());
        let mend =
            "enter the whole value, split into strings of at most 255 characters if the form asks for it";
        return Some(flaw(Code::ValueTruncatedAt255, what, mend));
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
