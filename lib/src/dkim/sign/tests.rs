use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use rsa::pkcs8::DecodePublicKey;
use rsa::{Pkcs1v15Sign, PublicKey as RsaPublicKey};
use sha2::{Digest, Sha256};

use super::*;
use crate::dkim::Algorithm;
use crate::dkim::pair::rsa_pair;
use crate::dkim::public_key::decode;

/// The keys of RFC 8463 appendix A.2, and its message.
const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const EXAMPLE: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
    To: Suzie Q <suzie@shopping.example.net>\r\n\
    Subject: Is dinner ready?\r\n\
    Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
    Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
    \r\n\
    Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
/// Its Ed25519 signature, of appendix A.3.
const SIGNED: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
    d=football.example.com; i=@football.example.com;\r\n \
    q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
    subject : date : message-id : from : subject : date;\r\n \
    bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
    b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKEL\r\n \
    q+eXdp1Q1Dw==\r\n";

fn at() -> Timestamp {
    Timestamp::from_millis(1_528_637_909_999)
}

fn key(algorithm: Algorithm, private: &[u8]) -> SigningKey {
    let (domain, selector) = ("football.example.com".parse().unwrap(), "brisbane".parse().unwrap());
    SigningKey::parse(domain, selector, algorithm, private).unwrap()
}

fn ed25519() -> SigningKey {
    key(Algorithm::Ed25519, &STANDARD.decode(SEED).unwrap())
}

fn one(message: &str) -> SignatureHeader {
    sign_with(&[ed25519()], &Message::parse(message.as_bytes()).unwrap(), at()).unwrap().remove(0)
}

fn tag(header: &str, name: &str) -> String {
    let value = header.split_once(':').unwrap().1;
    let mut tags = value.split(';').filter_map(|tag| tag.split_once('='));
    let value = tags.find(|(found, _)| found.trim() == name).map(|(_, value)| value).unwrap_or_default();
    value.split_ascii_whitespace().collect()
}

/// What a verifier puts together of a message and its signature, and the signature (RFC 6376 section 3.7).
fn hashed(header: &str, message: &str) -> (Vec<u8>, Vec<u8>) {
    let message = Message::parse(message.as_bytes()).unwrap();
    assert_eq!(tag(header, "bh"), STANDARD.encode(canonical::body_hash(message.body)));
    let mut data = Vec::new();
    let mut taken = std::collections::HashMap::new();
    for name in tag(header, "h").to_lowercase().split(':') {
        let count = taken.entry(name.to_owned()).or_insert(0);
        if let Some(field) = message.last_first(name).nth(*count) {
            canonical::field(&mut data, field);
            data.extend_from_slice(b"\r\n");
        }
        *count += 1;
    }
    let (name, value) = header.trim_end().split_once(':').unwrap();
    let unsigned = &value[..=value.rfind("b=").unwrap() + 1];
    canonical::field(&mut data, Field { name: name.as_bytes(), value: unsigned.as_bytes() });
    (data, decode(&tag(header, "b")).unwrap())
}

fn verifies(header: &str, message: &str) -> bool {
    let (data, signature) = hashed(header, message);
    let public = VerifyingKey::from_bytes(&decode(PUBLIC).unwrap().try_into().unwrap()).unwrap();
    public.verify(&Sha256::digest(data), &Signature::from_slice(&signature).unwrap()).is_ok()
}

#[test]
fn the_example_of_rfc_8463_verifies_and_so_does_ours() {
    assert!(verifies(SIGNED, EXAMPLE));
    let header = one(EXAMPLE).text(LineEnd::CrLf);
    assert!(verifies(&header, EXAMPLE), "{header}");
    assert!(!verifies(&header, &EXAMPLE.replace("Is dinner", "is dinner")));
    assert_eq!(tag(&header, "bh"), "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    assert_eq!((tag(&header, "t"), tag(&header, "d")), ("1528637909".into(), "football.example.com".into()));
    for absent in ["l", "x", "i"] {
        assert_eq!(tag(&header, absent), "", "{header}");
    }
}

#[test]
fn a_message_with_bare_line_feeds_has_the_signature_of_what_is_sent() {
    let bare = EXAMPLE.replace("\r\n", "\n");
    assert_eq!(one(&bare), one(EXAMPLE));
    assert_eq!(one(&EXAMPLE.replacen("\r\n", "\n", 3)), one(EXAMPLE));
    let text = one(&bare).text(LineEnd::Lf);
    assert!(!text.contains('\r') && text.ends_with('\n'));
    assert_eq!(text.replace('\n', "\r\n"), one(EXAMPLE).text(LineEnd::CrLf));
}

#[test]
fn each_field_is_named_once_more_than_it_stands_and_some_where_there_is_none() {
    let h = |fields: &str| tag(&one(&format!("{fields}\n\n")).text(LineEnd::Lf), "h");
    assert_eq!(h("From: a"), "From:From:Reply-To:Subject:To:Cc");
    assert_eq!(
        h("to: a\nDate: b\nfrom: c\nTO: d\nReceived: e\nReturn-Path: f\nDKIM-Signature: g\nX-Any: h"),
        "From:From:Reply-To:Subject:To:To:To:Cc:Date:Date"
    );
    assert_eq!(
        h("From: a\nList-Unsubscribe: b\nList-Unsubscribe-Post: c\nResent-From: d\nResent-From: e"),
        "From:From:Reply-To:Subject:To:Cc:Resent-From:Resent-From:List-Unsubscribe:List-Unsubscribe-Post"
    );
}

#[test]
fn a_header_is_folded_before_78_columns() {
    let many = "References: <1@example.com>\n".repeat(40);
    let pair = rsa_pair(2048).unwrap();
    let keys = [key(Algorithm::Rsa, &pair.private), ed25519()];
    let message = format!("From: a\n{many}\n");
    let headers = sign_with(&keys, &Message::parse(message.as_bytes()).unwrap(), at()).unwrap();
    for header in &headers {
        let text = header.text(LineEnd::CrLf);
        let longest = text.split("\r\n").map(str::len).max();
        assert!(longest <= Some(78) && longest > Some(70), "{text}");
        assert!(
            text.split("\r\n ").skip(1).all(|line| line.trim() == line.trim_end() && !line.starts_with(' '))
        );
    }
    assert!(verifies(&headers[1].text(LineEnd::CrLf), &message));
}

#[test]
fn rsa_signs_with_1024_bits_as_with_2048_and_not_with_fewer() {
    for bits in [1024, 2048] {
        let pair = rsa_pair(bits).unwrap();
        let signed = [key(Algorithm::Rsa, &pair.private)];
        let message = Message::parse(EXAMPLE.as_bytes()).unwrap();
        let header = sign_with(&signed, &message, at()).unwrap().remove(0).text(LineEnd::CrLf);
        assert_eq!(tag(&header, "a"), "rsa-sha256");
        let (data, signature) = hashed(&header, EXAMPLE);
        // The DigestInfo of RFC 8017 section 9.2, note 1.
        let prefix = decode("MDEwDQYJYIZIAWUDBAIBBQAEIA==").unwrap();
        let scheme = Pkcs1v15Sign { hash_len: Some(32), prefix: prefix.into() };
        let public = RsaPublicKey::from_public_key_der(pair.public.octets()).unwrap();
        public.verify(scheme, &Sha256::digest(data), &signature).unwrap();
    }
    let parse = |algorithm, private: &[u8]| {
        let (domain, selector) = ("example.com".parse().unwrap(), "s".parse().unwrap());
        SigningKey::parse(domain, selector, algorithm, private).map(|key| format!("{key:?}"))
    };
    let short = include_str!("../../../../tests/fixtures/pem/128-768-bits.pem");
    let lines: String = short.lines().filter(|line| !line.starts_with('-')).collect();
    let short = decode(&lines).unwrap();
    assert_eq!(parse(Algorithm::Rsa, &short), Err(UnusableKey::Short(768)));
    assert_eq!(parse(Algorithm::Rsa, &short[1..]), Err(UnusableKey::Rsa));
    assert_eq!(parse(Algorithm::Ed25519, &[7; 31]), Err(UnusableKey::Ed25519));
    let shown = parse(Algorithm::Ed25519, &[7; 32]);
    assert_eq!(shown.as_deref(), Ok("SigningKey[s._domainkey.example.com, redacted]"));
}
