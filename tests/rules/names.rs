//! Names and addresses: whatever is taken is in one spelling, and no text is too odd to be refused in peace.

use postroom::address::EmailAddress;
use postroom::name::{DomainName, Selector};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

/// Texts that are nearly names: noise alone is hardly ever taken.
fn nearly_names() -> impl Strategy<Value = String> {
    let label = prop_oneof![
        9 => "[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?",
        1 => "xn--[a-z0-9-]{1,12}",
        1 => "[a-zäöüßéñçøλжяא٣中文ﬁ·ſ\u{200d}\u{301}İ]{1,8}",
        1 => "\\PC{1,6}",
        1 => "[a-z]{60,66}",
    ];
    let dot = prop::sample::select(vec![".", ".", ".", "。", ".."]);
    let end =
        prop::sample::select(vec!["com", "COM", "co.uk", "de", "example", "com.", "1", "рф", "xn--p1ai"]);
    (prop::collection::vec((label, dot), 0..6), end).prop_map(|(labels, end)| {
        labels.into_iter().map(|(label, dot)| label + dot).collect::<String>() + end
    })
}

fn holds_the_rules(name: &DomainName) -> Result<(), TestCaseError> {
    let text = name.as_str();
    let again: Result<DomainName, _> = text.parse();
    prop_assert_eq!(again.as_ref().map(DomainName::as_str), Ok(text));
    prop_assert!(text.len() <= 230 && text.contains('.') && !text.ends_with('.'), "{}", text);
    for label in text.split('.') {
        let ldh = |o: u8| o.is_ascii_lowercase() || o.is_ascii_digit() || o == b'-';
        prop_assert!((1..=63).contains(&label.len()) && label.bytes().all(ldh), "{}", text);
        prop_assert!(!label.starts_with('-') && !label.ends_with('-'), "{}", text);
    }
    let top = text.rsplit('.').next().unwrap_or_default();
    prop_assert!(!top.bytes().all(|octet| octet.is_ascii_digit()), "{}", text);
    // What is published below it must be names too.
    prop_assert!(name.record("pr1._domainkey").as_str().len() <= 253);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_name_that_is_taken_is_its_own_spelling(text in nearly_names()) {
        if let Ok(name) = text.parse::<DomainName>() {
            holds_the_rules(&name)?;
        }
    }

    #[test]
    fn any_text_is_a_name_by_the_rules_or_is_refused(text in "\\PC{0,80}|.{0,80}|[a-z.]{200,260}") {
        if let Ok(name) = text.parse::<DomainName>() {
            holds_the_rules(&name)?;
        }
    }

    #[test]
    fn case_and_a_last_dot_make_no_other_name(text in nearly_names()) {
        if let Ok(name) = text.parse::<DomainName>() {
            prop_assert_eq!(text.to_ascii_uppercase().parse::<DomainName>(), Ok(name.clone()));
            let dotted = format!("{}.", name.as_str());
            prop_assert_eq!(dotted.parse::<DomainName>(), Ok(name));
        }
    }

    #[test]
    fn a_selector_that_is_taken_is_its_own_spelling(text in "[a-zA-Z0-9.-]{0,70}|.{0,20}") {
        if let Ok(selector) = text.parse::<Selector>() {
            let again = selector.as_str().parse::<Selector>();
            prop_assert_eq!(again.as_ref(), Ok(&selector));
            prop_assert!(!selector.as_str().contains(|c: char| c.is_ascii_uppercase() || !c.is_ascii()));
        }
    }

    #[test]
    fn an_address_that_is_taken_reads_back_as_itself(
        local in "[a-zA-Z0-9.!#+_-]{0,70}|\"([ -~]|\\\\[ -~]){0,20}\"|\\PC{0,12}|.{0,12}",
        domain in nearly_names(),
    ) {
        if let Ok(address) = format!("{local}@{domain}").parse::<EmailAddress>() {
            let shown = address.to_string();
            prop_assert_eq!(shown.parse::<EmailAddress>(), Ok(address.clone()), "{}", shown);
            prop_assert!(address.local().len() <= 64);
            prop_assert!(!shown.contains(char::is_control), "{:?}", shown);
            holds_the_rules(address.domain())?;
        }
    }

    #[test]
    fn any_text_is_an_address_or_is_refused(text in ".{0,60}|[\\\\\"@a. ]{0,30}") {
        if let Ok(address) = text.parse::<EmailAddress>() {
            let again: Result<EmailAddress, _> = address.to_string().parse();
            prop_assert_eq!(again.as_ref(), Ok(&address));
        }
    }
}

#[test]
fn the_longest_name_has_230_octets() {
    let of = |octets: usize| format!("{}{}.com", "abcdefg.".repeat(27), "x".repeat(octets - 27 * 8 - 4));
    assert_eq!(of(230).len(), 230);
    assert!(of(230).parse::<DomainName>().is_ok());
    assert!(of(231).parse::<DomainName>().is_err());
}

#[test]
fn the_strategy_makes_names_that_are_taken() {
    // A property over names that are all refused would say nothing.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let taken = (0..300)
        .filter(|_| {
            let text = nearly_names().new_tree(&mut runner).map(|tree| tree.current());
            text.is_ok_and(|text| text.parse::<DomainName>().is_ok())
        })
        .count();
    assert!(taken > 60, "{taken} of 300");
}
