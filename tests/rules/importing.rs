//! Keys from elsewhere: the files of `tests/fixtures/pem`, each with what must become of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use postroom::dkim::{InvalidPrivateKey, KeyPair, PrivateKeyFault};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/pem")
}

/// A line of `cases.tsv`.
struct Case {
    file: String,
    taken: bool,
    /// The key that it is taken for, or the reason for which it is not.
    told: String,
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string(folder().join("cases.tsv")).unwrap();
    let case = |line: &str| {
        let [file, outcome, told, _why] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert!(["take", "mend", "refuse"].contains(&outcome), "{line}");
        Case { file: file.to_owned(), taken: outcome != "refuse", told: told.to_owned() }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(case).collect()
}

/// The records that publish the keys in `keys.tsv`, by name.
fn keys() -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder().join("keys.tsv")).unwrap();
    let key = |line: &str| {
        let (name, encoded) = line.split_once('\t').unwrap();
        (name.to_owned(), format!("v=DKIM1; k=rsa; p={encoded}"))
    };
    text.lines().map(key).collect()
}

fn good() -> Vec<u8> {
    fs::read(folder().join("001-1024.pem")).unwrap()
}

/// The file of a case; what is too large to be kept is made here.
fn content(file: &str) -> Vec<u8> {
    let length = match file {
        "made:1-mb" => 1024 * 1024,
        "made:16385-octets" => 16 * 1024 + 1,
        "made:16384-octets" => 16 * 1024,
        kept => return fs::read(folder().join(kept)).unwrap(),
    };
    let mut content = good();
    content.resize(length, b'\n');
    content
}

#[test]
fn every_file_is_taken_or_refused_for_its_reason() {
    let (keys, mut wrong, mut slowest) = (keys(), Vec::new(), (Duration::ZERO, String::new()));
    for case in cases() {
        let content = content(&case.file);
        let before = Instant::now();
        let outcome = KeyPair::import(&content);
        slowest = slowest.max((before.elapsed(), case.file.clone()));
        let right = match &outcome {
            Ok(pair) => case.taken && pair.public().record_value() == keys[&case.told],
            Err(reason) => !case.taken && format!("{reason:?}") == case.told,
        };
        if !right {
            wrong.push(format!("{}: {outcome:?}, not {}", case.file, case.told));
        }
    }
    println!("slowest: {} in {:?}", slowest.1, slowest.0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_is_in_the_table_and_every_reason_has_a_file() {
    let cases = cases();
    let listed: BTreeSet<_> =
        cases.iter().map(|case| case.file.clone()).filter(|file| !file.starts_with("made:")).collect();
    let there: BTreeSet<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "pem"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, there);

    let source = fs::read_to_string(folder().join("../../../lib/src/dkim/import/mod.rs")).unwrap();
    let variants = source.split("pub enum InvalidPrivateKey {").nth(1).unwrap().split("\n}").next().unwrap();
    let variants: BTreeSet<&str> = variants
        .lines()
        .map(|line| line.trim().split([',', '(']).next().unwrap())
        .filter(|word| word.starts_with(char::is_uppercase))
        .collect();
    let mut shown: BTreeSet<&str> =
        cases.iter().filter(|case| !case.taken).map(|case| case.told.split('(').next().unwrap()).collect();
    // What no file leads to, unless there is a fault in the arithmetic; and what only `import_any` says.
    shown.extend(["SelfTest", "Pkcs8Damaged", "NeitherRsaNorEd25519"]);
    assert_eq!(variants, shown);
}

/// The example of RFC 8410 section 10.3, and its public key as RFC 8463 publishes it.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
const ED25519_PUBLIC: &str = "p=Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

#[test]
fn any_usual_form_is_taken_where_any_is_asked_for() {
    let pair = KeyPair::import_any(ED25519.as_bytes()).unwrap();
    assert!(pair.public().record_value().contains(ED25519_PUBLIC) && pair.is_imported());
    let rsa = KeyPair::import_any(&content("070-pkcs8.pem")).unwrap();
    assert_eq!(rsa.public().algorithm(), postroom::dkim::Algorithm::Rsa);
    let fault = |file: &str| KeyPair::import_any(&content(file)).unwrap_err();
    assert_eq!(fault("071-pkcs8-damaged.pem"), InvalidPrivateKey::Pkcs8Damaged);
    for file in ["073-ec-pkcs8.pem", "076-dsa-pkcs8.pem", "078-rsa-pss.pem"] {
        assert_eq!(fault(file), InvalidPrivateKey::NeitherRsaNorEd25519, "{file}");
    }
    // What is PKCS#1, or neither, gets the verdict that it has there.
    for case in cases().iter().filter(|case| !["Pkcs8", "OtherAlgorithm"].contains(&case.told.as_str())) {
        let (one, any) = (KeyPair::import(&content(&case.file)), KeyPair::import_any(&content(&case.file)));
        let told = |verdict: &Result<KeyPair, InvalidPrivateKey>| {
            verdict.as_ref().map(|pair| pair.public().record_value()).map_err(|refusal| *refusal)
        };
        assert_eq!(told(&one), told(&any), "{}", case.file);
    }
}

#[test]
fn a_refusal_says_what_to_do_and_at_which_gate_it_stood() {
    let refusal = |file: &str| KeyPair::import(&content(file)).unwrap_err();
    for case in cases().iter().filter(|case| !case.taken) {
        let sentence = refusal(&case.file).to_string();
        assert!(sentence.contains("; ") || sentence.contains(": "), "{sentence}");
        assert!(!sentence.ends_with('.') && sentence.len() < 120, "{sentence}");
    }
    let gate = |told: &str| {
        let case = cases().into_iter().find(|case| !case.taken && case.told == told).unwrap();
        refusal(&case.file).fault()
    };
    assert_eq!(gate("Base64Length"), PrivateKeyFault::NotPem);
    assert_eq!(gate("Several"), PrivateKeyFault::NotPem);
    assert_eq!(gate("Pkcs8"), PrivateKeyFault::NotPkcs1);
    assert_eq!(gate("Encrypted"), PrivateKeyFault::NotPkcs1);
    assert_eq!(gate("MultiPrime"), PrivateKeyFault::BadKey);
    assert_eq!(gate("ModulusBits(512)"), PrivateKeyFault::BadKey);
    assert_eq!(
        InvalidPrivateKey::ModulusBits(512).to_string(),
        "its modulus has 512 bits; keys of 1024 or 2048 bits are taken: make one of 2048"
    );
}

#[test]
fn neither_a_pair_nor_a_refusal_shows_what_is_in_a_file() {
    let pair = KeyPair::import(&good()).unwrap();
    assert_eq!(format!("{pair:?}"), "KeyPair[rsa, 1024 bits, redacted]");
    let secret = "c2VjcmV0IHNlY3JldA";
    let file = format!("-----BEGIN {secret} KEY-----\n{secret}\n-----END {secret} KEY-----\n{secret}");
    for text in [file.clone(), file.replace(" KEY", " key"), file.to_uppercase(), secret.to_owned()] {
        let refusal = KeyPair::import(text.as_bytes()).unwrap_err();
        assert!(!format!("{refusal} {refusal:?}").to_lowercase().contains(&secret.to_lowercase()));
    }
}

/// n determines p and q, and they d: where the public half is the same, all is.
#[test]
fn a_changed_octet_never_makes_another_key() {
    let mut dice = TestRng::from_seed(RngAlgorithm::ChaCha, b"postroom: one octet at a time...");
    let mut below = |limit: usize| dice.next_u32() as usize % limit;
    let pem = good();
    let public = KeyPair::import(&pem).unwrap().public().clone();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut taken = 0;
    for round in 0..600 {
        let mut changed = pem.clone();
        let at = below(changed.len());
        // Every second one stays Base64, so that it is the numbers that must be looked at.
        changed[at] = match (round % 2, alphabet.contains(&pem[at])) {
            (0, true) => alphabet[below(alphabet.len())],
            _ => u8::try_from(below(256)).unwrap(),
        };
        if let Ok(pair) = KeyPair::import(&changed) {
            assert_eq!(*pair.public(), public, "{}", String::from_utf8_lossy(&changed));
            taken += 1;
        }
    }
    // A changed dP, dQ or qInv is mended, and they are a third of a file.
    assert!((20..400).contains(&taken), "{taken}");
}
