//! Findings: every code has a case that shows it and one that nearly does, in `tests/fixtures/findings`, and its
//! place in `docs/findings.md`.
//!
//! `POSTROOM_BLESS=1` writes down what is found, and makes the page anew.

pub(crate) mod following;
mod mistakes;
mod page;
pub(crate) mod runner;
pub(crate) mod script;

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use postroom::verify::{Code, Verdict};

use self::runner::{Case, Found, cases, folder_name, is_blessing, read, root};

/// The most characters of a sentence without the values in it.
const MOST_CHARS: usize = 400;
/// The length of a DNS message over TCP is a number of 16 bits (RFC 1035 section 4.2.2).
const MOST_ANSWER_OCTETS: usize = 65_535;
/// How to write down what is found now, for messages.
const REGENERATE: &str =
    "if that is right, run POSTROOM_BLESS=1 cargo test -p postroom-server findings, and read the difference";

static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases);

#[test]
fn every_code_has_its_folder_and_no_folder_lacks_its_code() {
    assert!(Code::ALL.len() >= 60, "{} codes", Code::ALL.len());
    let wanted: BTreeSet<String> = Code::ALL.iter().map(|code| folder_name(*code)).collect();
    let entries = fs::read_dir(root().join("tests/fixtures/findings")).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir());
    let there: BTreeSet<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(there, wanted);
}

#[test]
fn a_case_shows_its_code_and_its_near_miss_does_not() {
    for case in CASES.iter() {
        let name = case.code.as_str();
        assert_eq!(case.shows.finding.code, Some(case.code), "{name}: {}", case.shows.finding.text);
        assert_ne!(case.near.finding.code, Some(case.code), "{name}: {}", case.near.finding.text);
        assert_ne!(case.shows.finding.verdict, Verdict::Pass, "{name}");
    }
}

#[test]
fn findings_are_as_they_are_written_down() {
    for case in CASES.iter() {
        let (found, recorded) = (case.result(), case.recorded().unwrap_or_default());
        if is_blessing() && found != recorded {
            fs::write(case.folder.join("result"), &found).unwrap();
        } else {
            assert_eq!(found, recorded, "{}: {REGENERATE}", case.folder.display());
        }
    }
}

#[test]
fn a_readme_says_in_a_few_lines_why_the_case_exists() {
    for case in CASES.iter() {
        let readme = read(&case.folder.join("readme"));
        let count = readme.lines().count();
        assert!((2..=5).contains(&count), "{}: {count} lines", case.folder.display());
        assert!(readme.contains("\nNear: "), "{}: the near miss is told", case.folder.display());
    }
}

#[test]
fn a_sentence_begins_with_what_was_asked_and_ends_with_a_full_stop() {
    for Found { question, finding } in CASES.iter().flat_map(|case| [&case.shows, &case.near]) {
        let asked = format!("{} {}: ", question.record_type, question.name);
        let text = &finding.text;
        assert!(text.starts_with(&asked), "{text}");
        assert!(text.ends_with('.') && !text.ends_with(".."), "{text}");
    }
}

#[test]
fn a_sentence_is_short_but_for_its_values_and_can_be_printed() {
    for Found { finding, .. } in CASES.iter().flat_map(|case| [&case.shows, &case.near]) {
        let text = &finding.text;
        let words: usize = text.split('"').step_by(2).map(|part| part.chars().count()).sum();
        assert!(words <= MOST_CHARS, "{words} characters: {text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
        // What was seen is cut, and what is wanted is too: a whole key is shown with the record, not here.
        assert!(text.chars().count() <= 2 * MOST_CHARS, "{text}");
    }
}

#[test]
fn the_page_of_findings_is_made_of_the_table_and_the_cases() {
    let (file, made) = (root().join("docs/findings.md"), page::page(&CASES));
    let there = fs::read_to_string(&file).unwrap_or_default();
    if is_blessing() && made != there {
        fs::write(&file, made).unwrap();
    } else {
        assert!(made == there, "docs/findings.md is not what the table and the cases make: {REGENERATE}");
    }
}

#[test]
fn every_code_stands_in_one_group_of_the_page() {
    let mut grouped: Vec<&str> =
        Code::GROUPS.iter().flat_map(|(_, codes)| *codes).map(|c| c.as_str()).collect();
    grouped.sort_unstable();
    let mut all: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    all.sort_unstable();
    assert_eq!(grouped, all, "lib/src/record/group.rs: each code once");
}

#[test]
fn what_a_zone_says_brings_no_control_characters_into_a_sentence_and_no_flood() {
    let evil = "\n\u{1b}[31m\0\u{7f}\u{202e}é";
    let values = [
        format!("v=spf1 {evil} include:{evil} ~all"),
        format!("v=spf1 mx ~all {evil}"),
        format!("v=DMARC1; p={evil}; rua=mailto:{evil}"),
        format!("v=DKIM1; k={evil}; p={evil}"),
        format!("v=DKIM1; {evil}=1"),
        format!("{evil} IN TXT v=spf1 {evil}"),
        format!("v=spf1 {}~all", "include:a.example ".repeat(3000)),
        format!("v=DMARC1; {}", "x".repeat(60_000)),
    ];
    for (expected, value) in runner::expectations().iter().flat_map(|e| values.iter().map(move |v| (e, v))) {
        for count in [1, 2, 400].into_iter().filter(|count| count * value.len() <= MOST_ANSWER_OCTETS) {
            for text in runner::judged(expected, value, count) {
                assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
                assert!(text.len() <= 4 * MOST_CHARS, "{} octets: {text}", text.len());
            }
        }
    }
}
