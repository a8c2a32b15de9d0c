//! What we sign, before two verifiers that others wrote: dkimpy and `OpenDKIM`.

// `cfg(test)` tells clippy that these are tests throughout, in the functions beside the tests as well.
#[cfg(test)]
mod corpus;

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use getrandom::SysRng;
use postroom::clock::Timestamp;
use postroom::dkim::{Algorithm, LineEnd, Message, SigningKey, sign_with};
use rsa::PrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::EncodePublicKey;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A key that signs for `example.com`, and its record.
struct Key {
    signing: SigningKey,
    selector: &'static str,
    record: String,
}

impl Key {
    fn new(selector: &'static str, algorithm: Algorithm, private: &[u8], public: &[u8]) -> Key {
        let (domain, name) = ("example.com".parse().unwrap(), selector.parse().unwrap());
        let signing = SigningKey::parse(domain, name, algorithm, private).unwrap();
        Key { signing, selector, record: format!("v=DKIM1; k={algorithm}; p={}", STANDARD.encode(public)) }
    }

    fn rsa(selector: &'static str, bits: usize) -> Key {
        let private = PrivateKey::new(&mut SysRng, bits).unwrap();
        let public = private.to_public_key().to_public_key_der().unwrap();
        Key::new(selector, Algorithm::Rsa, private.to_pkcs1_der().unwrap().as_bytes(), public.as_bytes())
    }

    /// Of RFC 8463 appendix A.2.
    fn ed25519() -> Key {
        let octets = |text: &str| STANDARD.decode(text).unwrap();
        let private = octets("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
        let public = octets("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
        Key::new("ed25519", Algorithm::Ed25519, &private, &public)
    }

    fn all() -> [Key; 3] {
        [Key::rsa("short", 1024), Key::rsa("usual", 2048), Key::ed25519()]
    }

    /// The message signed, as it came.
    fn sign(&self, octets: &[u8]) -> Vec<u8> {
        let message = Message::parse(octets).unwrap();
        let at = Timestamp::from_millis(1_795_255_200_120);
        let headers = sign_with(std::slice::from_ref(&self.signing), &message, at).unwrap();
        [headers[0].text(message.line_end()).as_bytes(), octets].concat()
    }
}

/// As a mail server sends it.
fn sent(message: &[u8]) -> Vec<u8> {
    let mut sent = Vec::with_capacity(message.len());
    for octet in message {
        if *octet == b'\n' && sent.last() != Some(&b'\r') {
            sent.push(b'\r');
        }
        sent.push(*octet);
    }
    // The dot that ends a message stands on a line of its own (RFC 5321 section 4.5.2).
    if !sent.ends_with(b"\r\n") {
        sent.extend_from_slice(LineEnd::CrLf.as_str().as_bytes());
    }
    sent
}

/// Messages that are to be verified.
struct Cases {
    folder: TempDir,
    lines: Vec<Value>,
    names: Vec<String>,
}

impl Cases {
    fn new() -> Cases {
        Cases { folder: tempfile::tempdir().unwrap(), lines: Vec::new(), names: Vec::new() }
    }

    fn add(&mut self, name: String, message: &[u8], record_name: &str, record: &str) {
        let file = self.folder.path().join(format!("{}.eml", self.lines.len()));
        fs::write(&file, sent(message)).unwrap();
        self.lines.push(json!({"file": file, "name": record_name, "record": record}));
        self.names.push(name);
    }

    fn add_of(&mut self, key: &Key, name: &str, message: &[u8]) {
        let record_name = format!("{}._domainkey.example.com", key.selector);
        self.add(format!("{}: {name}", key.selector), message, &record_name, &key.record);
    }

    /// What dkimpy and what `OpenDKIM` says of each.
    fn verdicts(&self) -> Vec<(&str, [String; 2])> {
        let (asked, answered) = (self.folder.path().join("cases"), self.folder.path().join("verdicts"));
        let lines: Vec<String> = self.lines.iter().map(Value::to_string).collect();
        fs::write(&asked, lines.join("\n")).unwrap();
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
        let (run, script) = (tests.join("differential/run"), tests.join("signing/verify.py"));
        let venvs = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let status = Command::new("bash").args([&run, venvs, &asked, &answered, &script]).status().unwrap();
        assert!(status.success(), "tests/signing/verify.py failed");
        let verdicts = fs::read_to_string(answered).unwrap();
        let verdicts = verdicts.lines().map(|line| serde_json::from_str(line).unwrap());
        self.names.iter().map(String::as_str).zip(verdicts).collect()
    }
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs Python and OpenDKIM: tests/run installs them")]
fn two_verifiers_of_others_take_what_every_kind_of_key_signs() {
    let mut cases = Cases::new();
    for key in Key::all() {
        for (name, message) in corpus::all() {
            cases.add_of(&key, &name, &key.sign(&message));
        }
    }
    let verdicts = cases.verdicts();
    assert!(verdicts.len() > 500);
    let wrong: Vec<_> = verdicts.iter().filter(|(_, said)| said.iter().any(|each| each != "pass")).collect();
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), verdicts.len());
}

#[test]
#[cfg_attr(not(feature = "system-tests"), ignore = "needs Python and OpenDKIM: tests/run installs them")]
fn whatever_is_changed_or_added_neither_of_them_takes() {
    let mut cases = Cases::new();
    for key in Key::all() {
        let signed = String::from_utf8(key.sign(&corpus::simple())).unwrap();
        for (name, from, to) in [
            ("an octet of From", "From: Jo", "From: Ju"),
            ("an octet of Subject", "Keys", "keys"),
            ("an octet of the body", "This is", "That is"),
            ("an octet more", "signed.", "signed!."),
            ("a line more", "signed.\r\n", "signed.\r\nOr not.\r\n"),
            ("the time", "t=179", "t=178"),
            ("a second From above", "From: Jo", "From: Eve <eve@example.org>\r\nFrom: Jo"),
            ("a second From below", "Subject:", "From: Eve <eve@example.org>\r\nSubject:"),
            ("a second Subject", "Subject:", "Subject: Other\r\nSubject:"),
            ("a Reply-To", "Subject:", "Reply-To: eve@example.org\r\nSubject:"),
            ("no Date", "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n", ""),
        ] {
            let changed = signed.replacen(from, to, 1);
            assert_ne!(changed, signed, "{name}");
            cases.add_of(&key, name, changed.as_bytes());
        }
    }
    let verdicts = cases.verdicts();
    let wrong: Vec<_> = verdicts.iter().filter(|(_, said)| said.iter().any(|each| each == "pass")).collect();
    assert!(wrong.is_empty() && verdicts.len() == 33, "{wrong:#?}");
    // Refused for what was changed, and not because nothing was found.
    assert!(
        verdicts
            .iter()
            .any(|(_, said)| said[0] == "fail" && said[1].contains("signature verification failed"))
    );
}
