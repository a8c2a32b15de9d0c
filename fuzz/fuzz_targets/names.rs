//! Any text as a name: what parses reads back from what it is written as.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom::dkim::PublicKey;
use postroom::name::{DnsName, DomainName, Selector};
use postroom::spf::{Directive, Mechanism};

fuzz_target!(|text: &str| {
    let answered = DnsName::from_answer(text);
    assert_eq!(DnsName::from_answer(answered.as_str()), answered);
    if let Ok(name) = text.parse::<DnsName>() {
        assert_eq!(name.as_str().parse(), Ok(name));
    }
    if let Ok(name) = text.parse::<DomainName>() {
        assert_eq!(name.to_string().parse(), Ok(name));
    }
    if let Ok(selector) = text.parse::<Selector>() {
        assert_eq!(selector.as_str().parse(), Ok(selector));
    }
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.record_value().parse(), Ok(key));
    }
    let _ = text.parse::<Directive>();
    let _ = text.parse::<Mechanism>();
});
