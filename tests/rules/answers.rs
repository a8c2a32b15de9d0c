//! What the tests of judging have in common: keys, what is expected, and what a server said.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use postroom::dkim::PublicKey;
use postroom::dns::{Answer, Outcome, RecordData, Server};
use postroom::id::DomainId;
use postroom::name::DnsName;
use postroom::verify::{CnameExpectation, DkimExpectation, Expectation, plan};

use crate::harness::app::{Key, TestApp, add_other_pair, settings};

pub(super) const KEY_NAME: &str = "pr1._domainkey.example.com";
pub(super) const TARGET: &str = "return-path.mail.example.net";

/// Two keys, and one of 1024 bits, as the library has them.
pub(super) struct Keys {
    ours: PublicKey,
    pub(super) other: PublicKey,
    pub(super) weak: PublicKey,
}

/// The key of a domain as its plan expects it.
fn key_of(app: &TestApp, caller: &Key, id: i64) -> PublicKey {
    let plan = app.postroom.read(|tx| plan(tx, &caller.operator(), DomainId::new(id))).unwrap();
    let mut keys = plan.expected().iter().filter_map(|expected| match expected {
        Expectation::Dkim(dkim) => Some(dkim.key.clone()),
        _ => None,
    });
    keys.next().unwrap()
}

pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let app = TestApp::with(settings(), 1);
    let caller = app.account("acme");
    let ours = app.domain(&caller, "example.com");
    let ours = key_of(&app, &caller, ours);
    add_other_pair(&app.postroom);
    let other_id = app.domain(&caller, "other.example");
    let other = key_of(&app, &caller, other_id);
    // The library makes none so weak, so this one goes in behind it.
    let weak = unbase64(&fixture("rsa-1024"));
    app.sql()
        .execute(
            "UPDATE dkim_key SET public_key = ?1, checksum = NULL WHERE domain_id = ?2",
            (weak, other_id),
        )
        .unwrap();
    let weak = key_of(&app, &caller, other_id);
    Keys { ours, other, weak }
});

/// A key of a length that the library does not make, as it stands in `p=`.
pub(super) fn fixture(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/dkim").join(format!("{name}.p"));
    std::fs::read_to_string(file).unwrap().trim().to_owned()
}

fn unbase64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut octets, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for octet in text.bytes().filter(|octet| *octet != b'=') {
        bits = bits << 6 | u32::try_from(alphabet.iter().position(|known| *known == octet).unwrap()).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            octets.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    octets
}

/// The key record of example.com, whose other key is under `old`.
pub(super) fn key_expected() -> Expectation {
    expecting(&KEYS.ours)
}

pub(super) fn expecting(key: &PublicKey) -> Expectation {
    let others = vec![("old".parse().unwrap(), KEYS.other.clone())];
    Expectation::Dkim(DkimExpectation { name: KEY_NAME.parse().unwrap(), key: key.clone(), others })
}

pub(super) fn cname_expected() -> Expectation {
    Expectation::Cname(CnameExpectation {
        name: "mailer.example.com".parse().unwrap(),
        target: TARGET.parse().unwrap(),
    })
}

/// The right value, and the Base64 in it.
pub(super) fn value() -> String {
    KEYS.ours.record_value()
}

pub(super) fn p() -> String {
    value().strip_prefix("v=DKIM1; k=rsa; p=").unwrap().to_owned()
}

pub(super) fn found(records: Vec<RecordData>) -> Outcome {
    Outcome::of_records(records, Duration::from_mins(5))
}

pub(super) fn said(server: impl Into<Server>, outcome: Outcome) -> Answer {
    Answer { server: server.into(), chain: Vec::new(), outcome }
}

pub(super) fn cname(target: &str) -> RecordData {
    RecordData::Cname(DnsName::from_answer(target))
}
