//! A private key on its way to another program that signs.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Algorithm, SigningKey, UnusableKey};
use crate::name::{DomainName, Selector};

/// How many characters a line of PEM has (RFC 7468 section 2).
const LINE_CHARS: usize = 64;

/// An active key with its private half, which is wiped when this is dropped.
pub struct DisclosedKey {
    /// The domain under whose name its public half is published.
    pub domain: DomainName,
    /// The selector under which it is.
    pub selector: Selector,
    /// How it signs.
    pub algorithm: Algorithm,
    pub(super) private: Zeroizing<Vec<u8>>,
}

impl DisclosedKey {
    /// The private half as text: of RSA a PKCS#1 PEM, of Ed25519 the Base64 of the seed of 32 octets.
    pub fn text(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(STANDARD.encode(self.private.as_slice()));
        if self.algorithm == Algorithm::Ed25519 {
            return encoded;
        }
        // Room for all of it, so that no part stays behind in memory that was given back.
        let mut pem = Zeroizing::new(String::with_capacity(encoded.len() * 2 + 2 * LINE_CHARS));
        pem.push_str("-----BEGIN RSA PRIVATE KEY-----\n");
        for (at, character) in encoded.chars().enumerate() {
            if at > 0 && at % LINE_CHARS == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem.push_str("\n-----END RSA PRIVATE KEY-----\n");
        pem
    }

    /// The key, ready to sign.
    pub(super) fn signing_key(self) -> Result<SigningKey, UnusableKey> {
        SigningKey::parse(self.domain, self.selector, self.algorithm, &self.private)
    }
}

impl fmt::Debug for DisclosedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DisclosedKey[{}.{}, redacted]", self.selector.host(), self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkim::{KeyKind, KeyPair};

    fn disclosed(kind: KeyKind) -> DisclosedKey {
        let pair = KeyPair::generate(kind).unwrap();
        DisclosedKey {
            domain: "example.com".parse().unwrap(),
            selector: "s".parse().unwrap(),
            algorithm: kind.algorithm(),
            private: pair.private,
        }
    }

    #[test]
    fn a_key_is_written_as_other_programs_read_it_and_never_printed() {
        let rsa = disclosed(KeyKind::Rsa1024);
        let text = rsa.text();
        let lines: Vec<&str> = text.lines().collect();
        let (body, ends) = (&lines[1..lines.len() - 1], [lines[0], lines[lines.len() - 1]]);
        assert_eq!(ends, ["-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"]);
        assert!(body.iter().all(|line| (1..=64).contains(&line.len())), "{body:?}");
        let der = STANDARD.decode(body.concat()).unwrap();
        let read = SigningKey::parse(rsa.domain.clone(), rsa.selector.clone(), Algorithm::Rsa, &der);
        assert!(read.is_ok(), "{:?}", read.err());
        let seed = disclosed(KeyKind::Ed25519);
        assert_eq!(STANDARD.decode(seed.text().as_bytes()).unwrap(), *seed.private);
        assert_eq!(format!("{seed:?}"), "DisclosedKey[s._domainkey.example.com, redacted]");
    }
}
