//! Any octets as the TXT records of a DKIM key: a finding, and never `pass` for another key.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use postroom::dkim::PublicKey;
use postroom::dns::{Answer, Outcome, RecordData, Server, TxtData};
use postroom::verify::{DkimExpectation, Expectation, judge};

const RSA: &str = include_str!("../../tests/differential/messages/keys.txt");

/// What is expected: an RSA key, and an Ed25519 one.
static EXPECTED: LazyLock<[Expectation; 2]> = LazyLock::new(|| {
    let expectation = |name: &str| {
        let line = RSA.lines().filter_map(|line| line.split_once(' ')).find(|(key, _)| *key == name);
        let key: PublicKey = line.and_then(|(_, record)| record.parse().ok()).expect("a key");
        let name = "pr1._domainkey.example.com".parse().expect("a name");
        Expectation::Dkim(DkimExpectation { name, key, others: Vec::new() })
    };
    ["rsa", "ed25519"].map(expectation)
});

fuzz_target!(|octets: &[u8]| {
    // 0xFE ends a string, 0xFF a record.
    let strings = |record: &[u8]| record.split(|octet| *octet == 0xfe).map(<[u8]>::to_vec).collect();
    let records: Vec<RecordData> = octets
        .split(|octet| *octet == 0xff)
        .map(|record| RecordData::Txt(TxtData::new(strings(record))))
        .collect();
    let outcome = Outcome::of_records(records, Duration::from_secs(300));
    let answer = Answer { server: Server::from("fuzz"), chain: Vec::new(), outcome };
    for expected in &*EXPECTED {
        let finding = judge::answer(expected, &answer);
        assert!(finding.text.len() < 4096, "{}", finding.text);
        // A key that verifies has at least as many octets as an Ed25519 key in Base64.
        assert!(!finding.verdict.passes() || octets.len() >= 43, "{}", finding.text);
    }
});
