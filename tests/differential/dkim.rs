//! Key records that are spoilt. What is right is told by a signed message: it verifies, or it does not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postroom::dkim::PublicKey;
use postroom::name::Selector;
use postroom::verify::{DkimExpectation, Expectation};

use super::Case;
use super::dice::Dice;
use super::draft::{Draft, split, spoil};

const KEYS: &str = include_str!("messages/keys.txt");
const KEY_NAME: &str = "pr1._domainkey.example.com";
/// A key of 1024 bits and one of 512, of nobody.
const SHORT: [&str; 2] =
    [include_str!("../fixtures/dkim/rsa-1024.p"), include_str!("../fixtures/dkim/rsa-512.p")];

/// The record of the key of this name.
fn record(name: &str) -> &'static str {
    let (_, record) =
        KEYS.lines().filter_map(|line| line.split_once(' ')).find(|(key, _)| *key == name).unwrap();
    record
}

fn base64(name: &str) -> &'static str {
    record(name).split_once("p=").unwrap().1
}

fn expectation(algorithm: &str) -> Expectation {
    let key = |name: &str| record(name).parse::<PublicKey>().unwrap();
    let others = vec![("pr0".parse::<Selector>().unwrap(), key(&format!("{algorithm}-other")))];
    Expectation::Dkim(DkimExpectation { name: KEY_NAME.parse().unwrap(), key: key(algorithm), others })
}

/// One case.
pub(super) fn case(dice: &mut Dice) -> Case {
    let algorithm = if dice.hits(4) { "ed25519" } else { "rsa" };
    let mut draft = Draft::of(record(algorithm));
    for _ in 0..dice.below(3) {
        match dice.below(3) {
            0 => draft.mutate(dice),
            1 => retag(&mut draft, algorithm, dice),
            _ => respell(&mut draft, algorithm, dice),
        }
    }
    let mut text = draft.written();
    let mut names = draft.names;
    for _ in 0..dice.below(5).saturating_sub(2) {
        spoil(&mut text, &mut names, dice);
    }
    let mut records = vec![split(&text, dice)];
    if dice.hits(25) {
        let another = match dice.below(4) {
            0 => b"v=spf1 -all".to_vec(),
            1 => record(&format!("{algorithm}-other")).as_bytes().to_vec(),
            2 => b"google-site-verification=abc".to_vec(),
            _ => text,
        };
        records.insert(dice.below(2), split(&another, dice));
        names.push("another record");
    }
    let mut case = Case::new("dkim", expectation(algorithm), names);
    case.key = Some(algorithm);
    for strings in records {
        case.txt(KEY_NAME, strings);
    }
    case
}

/// Tags that say how the key may be used.
fn retag(draft: &mut Draft, algorithm: &str, dice: &mut Dice) {
    let other = if algorithm == "rsa" { "ed25519" } else { "rsa" };
    match dice.below(8) {
        0 => draft.named("k left out").remove("k"),
        1 => {
            let odd = dice.pick(&["RSA", "Ed25519", "dsa", "", "rsa rsa", other]);
            draft.named("k other").set("k", odd);
        }
        2 => draft
            .named("h allows sha256")
            .set("h", dice.pick(&["sha256", "sha1:sha256", " sha256 : sha1 ", "sha256:x"])),
        3 => draft
            .named("h without sha256")
            .set("h", dice.pick(&["sha1", "", "SHA256", "*", "sha-256", "sha1:sha512"])),
        4 => draft
            .named("s has e-mail")
            .set("s", dice.pick(&["*", "email", "other:email", "email : *", "tlsrpt:*"])),
        5 => draft.named("s without e-mail").set("s", dice.pick(&["tlsrpt", "other", "", "EMAIL", "e mail"])),
        6 => draft.named("t").set("t", dice.pick(&["y", "s", "y:s", "s : y", "", "x", "Y", "yes"])),
        _ => draft.named("g").set("g", dice.pick(&["*", "", "jo"])),
    }
}

/// The key itself, spelled otherwise.
fn respell(draft: &mut Draft, algorithm: &str, dice: &mut Dice) {
    let Some(key) = draft.value("p").map(str::to_owned) else { return };
    let at = dice.below(key.len().max(1)).min(key.len());
    let (front, back) = key.split_at_checked(at).unwrap_or((&key, ""));
    let mut to = |name, value: String| draft.named(name).set("p", &value);
    match dice.below(16) {
        0 => to("p empty", String::new()),
        1 => to("p of another key", base64(&format!("{algorithm}-other")).to_owned()),
        2 => to("p without padding", key.trim_end_matches('=').to_owned()),
        3 => to("p with more padding", format!("{key}=")),
        4 => to("p with white space", format!("{front}{}{back}", dice.pick(&[" ", "\t", "\r\n ", "   "]))),
        5 => to("p of the URL alphabet", key.replace('+', "-").replace('/', "_")),
        6 => to("p cut short", front.to_owned()),
        7 => to("p in small letters", key.to_ascii_lowercase()),
        8 => to(
            "p with more after it",
            format!("{key}{}", dice.pick(&["AAAA", "A", "=AAA", "=\u{201d}", "."])),
        ),
        9 => to(
            "p with a foreign character",
            format!("{front}{}{back}", dice.pick(&["!", ".", "-", "=", "\\", "*"])),
        ),
        10 if algorithm == "rsa" => to("p as RSAPublicKey", base64("rsa-pkcs1").to_owned()),
        11 if algorithm == "rsa" => to("p short", SHORT[dice.below(2)].trim().to_owned()),
        12 => to(
            "p in spread lines",
            key.as_bytes().chunks(20).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" "),
        ),
        13 => draft.named("p left out").remove("p"),
        14 if algorithm == "rsa" => to("p without NULL", without_null(&key)),
        _ => {
            let mut octets = key.into_bytes();
            if let Some(octet) = octets.get_mut(at) {
                *octet = if *octet == b'A' { b'B' } else { b'A' };
            }
            to("p changed", String::from_utf8(octets).unwrap());
        }
    }
}

/// The key without the parameters of its algorithm: the two octets of NULL (RFC 3279 section 2.3.1).
fn without_null(key: &str) -> String {
    let Ok(mut der) = STANDARD.decode(key) else { return key.to_owned() };
    if der.len() != 294 {
        return key.to_owned();
    }
    der.drain(17..19);
    (der[3], der[5]) = (der[3] - 2, der[5] - 2);
    STANDARD.encode(der)
}
