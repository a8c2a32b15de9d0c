//! The half of a DKIM key pair that is published, and how two of them are compared: as numbers, never as text.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use rsa::pkcs1;
use rsa::pkcs1::der::{AnyRef, Decode, Reader, SliceReader};
use rsa::pkcs8::spki::SubjectPublicKeyInfoRef;

/// A key is read with and without the padding of Base64.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with SHA-256 (RFC 6376 section 3.3, RFC 8301).
    Rsa,
    /// Ed25519 with SHA-256 (RFC 8463).
    Ed25519,
}

impl Algorithm {
    /// The word for it in a record's `k=` tag.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Rsa => "rsa",
            Algorithm::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = InvalidPublicKey;

    fn from_str(text: &str) -> Result<Algorithm, InvalidPublicKey> {
        match text {
            "rsa" => Ok(Algorithm::Rsa),
            "ed25519" => Ok(Algorithm::Ed25519),
            _ => Err(InvalidPublicKey::Algorithm),
        }
    }
}

/// The public half of a key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    /// For RSA a DER `SubjectPublicKeyInfo`, for Ed25519 the 32 octets of RFC 8463 section 4.2.
    octets: Vec<u8>,
}

impl PublicKey {
    /// A key that was made or checked before it was stored.
    pub(crate) fn stored(algorithm: Algorithm, octets: Vec<u8>) -> PublicKey {
        PublicKey { algorithm, octets }
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What stands, in Base64, in a record's `p=` tag.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The value of the TXT record that publishes the key (RFC 6376 section 3.6.1).
    pub fn record_value(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.algorithm, STANDARD.encode(&self.octets))
    }

    /// What the key is, whatever it is spelled like; none if the octets are no key of its algorithm.
    pub(crate) fn numbers(&self) -> Option<KeyNumbers> {
        KeyNumbers::read(self.algorithm, &self.octets)
    }
}

impl FromStr for PublicKey {
    type Err = InvalidPublicKey;

    /// Reads the value of a key record (`v=DKIM1; k=rsa; p=…`), or the Base64 of an RSA key alone.
    fn from_str(text: &str) -> Result<PublicKey, InvalidPublicKey> {
        let tag = |name: &str| {
            let mut tags = text.split(';').filter_map(|tag| tag.split_once('='));
            tags.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
        };
        let (algorithm, encoded) = match tag("p") {
            Some(encoded) => (tag("k").map_or(Ok(Algorithm::Rsa), |word| word.parse())?, encoded),
            None => (Algorithm::Rsa, text.trim().to_owned()),
        };
        let octets = decode(&encoded).ok_or(InvalidPublicKey::Base64)?;
        KeyNumbers::read(algorithm, &octets).ok_or(InvalidPublicKey::Key(algorithm))?;
        Ok(PublicKey { algorithm, octets })
    }
}

/// Base64 as it stands in `p=`: folding white space may be anywhere in it (RFC 6376 section 3.2).
pub(super) fn decode(encoded: &str) -> Option<Vec<u8>> {
    let compact: String = encoded.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    LENIENT.decode(compact).ok()
}

/// A public key as what it is: two spellings of one key are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyNumbers {
    /// Both big-endian, without leading zeros.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// A point on the curve, as RFC 8032 encodes it.
    Ed25519([u8; 32]),
}

impl KeyNumbers {
    /// Reads the octets of a `p=` tag: for RSA a `SubjectPublicKeyInfo`, as everybody publishes it.
    ///
    /// RFC 6376 section 3.6.1 names the bare `RSAPublicKey` inside of that, which hardly any verifier reads.
    pub(crate) fn read(algorithm: Algorithm, octets: &[u8]) -> Option<KeyNumbers> {
        if algorithm == Algorithm::Ed25519 {
            return octets.try_into().ok().map(KeyNumbers::Ed25519);
        }
        let info = SubjectPublicKeyInfoRef::from_der(octets).ok()?;
        // Parameters are NULL (RFC 3279 section 2.3.1); most verifiers take a key without them too.
        let is_rsa = info.algorithm.oid == pkcs1::ALGORITHM_OID
            && info.algorithm.parameters.is_none_or(AnyRef::is_null);
        let key =
            pkcs1::RsaPublicKeyRef::from_der(info.subject_public_key.as_bytes()?).ok().filter(|_| is_rsa)?;
        let (modulus, exponent) = (key.modulus.as_bytes().to_vec(), key.public_exponent.as_bytes().to_vec());
        Some(KeyNumbers::Rsa { modulus, exponent })
    }

    /// The octets of an RSA key at the front of these: verifiers let anything follow it.
    pub(crate) fn front(algorithm: Algorithm, octets: &[u8]) -> &[u8] {
        let whole = || {
            let mut reader = SliceReader::new(octets).ok()?;
            let front = reader.tlv_bytes().ok()?;
            (algorithm == Algorithm::Rsa).then_some(front)
        };
        whole().unwrap_or(octets)
    }

    /// Whether these octets are a bare `RSAPublicKey` of PKCS#1 (RFC 8017 appendix A.1.1).
    pub(crate) fn is_bare(algorithm: Algorithm, octets: &[u8]) -> bool {
        algorithm == Algorithm::Rsa && pkcs1::RsaPublicKeyRef::from_der(octets).is_ok()
    }

    /// The length of an RSA modulus in bits; an Ed25519 key has no such number.
    pub(crate) fn rsa_bits(&self) -> Option<usize> {
        match self {
            KeyNumbers::Rsa { modulus, .. } => {
                let leading = modulus.first().map_or(0, |octet| octet.leading_zeros() as usize);
                Some(modulus.len() * 8 - leading)
            }
            KeyNumbers::Ed25519(_) => None,
        }
    }
}

/// Why a text is no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPublicKey {
    /// An algorithm that DKIM has not.
    #[error("its algorithm is neither rsa nor ed25519")]
    Algorithm,
    /// Not Base64.
    #[error("it is not Base64, or is cut short")]
    Base64,
    /// Base64 of something else.
    #[error("it is no {0} public key, or is cut short")]
    Key(Algorithm),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8463 appendix A.2.
    const ED25519: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn a_key_reads_from_its_record_and_back() {
        let key: PublicKey = ED25519.parse().unwrap();
        assert_eq!(key.algorithm(), Algorithm::Ed25519);
        assert_eq!(key.record_value(), ED25519);
        assert_eq!(
            "v=DKIM1; k=ed25519; p=AAAA".parse::<PublicKey>(),
            Err(InvalidPublicKey::Key(Algorithm::Ed25519))
        );
        assert_eq!("v=DKIM1; k=dsa; p=AAAA".parse::<PublicKey>(), Err(InvalidPublicKey::Algorithm));
        assert_eq!("p=?".parse::<PublicKey>(), Err(InvalidPublicKey::Base64));
        assert_eq!("AAAA".parse::<PublicKey>(), Err(InvalidPublicKey::Key(Algorithm::Rsa)));
    }
}
