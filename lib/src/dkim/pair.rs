//! The making of key pairs.

use std::fmt;

use ed25519_dalek::SigningKey;
use getrandom::SysRng;
use rsa::PrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::EncodePublicKey;
use zeroize::Zeroizing;

use super::{Algorithm, PublicKey};
use crate::db::inside;
use crate::error::{Error, StoreError, StoreTrouble};
use crate::secret::fill_random;

/// What kind of key pair there is to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// RSA of 1024 bits: the least that RFC 8301 section 3.2 lets anybody sign with.
    Rsa1024,
    /// RSA of 2048 bits, which it recommends. The one kind that lies ready in the pool.
    #[default]
    Rsa2048,
    /// RSA of 4096 bits, the longest that verifiers must take. Takes seconds to make.
    Rsa4096,
    /// Ed25519 (RFC 8463). Not every verifier knows it: it signs beside an RSA key.
    Ed25519,
}

impl KeyKind {
    /// The kind of this algorithm and strength, where there is a choice: `bits` is for RSA.
    pub fn of(algorithm: Algorithm, bits: Option<u32>) -> Result<KeyKind, Error> {
        match (algorithm, bits) {
            (Algorithm::Rsa, None) => Ok(KeyKind::default()),
            (Algorithm::Rsa, Some(1024)) => Ok(KeyKind::Rsa1024),
            (Algorithm::Rsa, Some(2048)) => Ok(KeyKind::Rsa2048),
            (Algorithm::Rsa, Some(4096)) => Ok(KeyKind::Rsa4096),
            (Algorithm::Rsa, Some(_)) => {
                Err(Error::invalid("bits", "an RSA key has 1024, 2048 or 4096 bits"))
            }
            (Algorithm::Ed25519, None | Some(256)) => Ok(KeyKind::Ed25519),
            (Algorithm::Ed25519, Some(_)) => {
                Err(Error::invalid("bits", "an Ed25519 key always has 256 bits"))
            }
        }
    }

    /// How it signs.
    pub fn algorithm(self) -> Algorithm {
        match self {
            KeyKind::Rsa1024 | KeyKind::Rsa2048 | KeyKind::Rsa4096 => Algorithm::Rsa,
            KeyKind::Ed25519 => Algorithm::Ed25519,
        }
    }

    /// Its length.
    pub fn bits(self) -> u32 {
        match self {
            KeyKind::Rsa1024 => 1024,
            KeyKind::Rsa2048 => 2048,
            KeyKind::Rsa4096 => 4096,
            KeyKind::Ed25519 => 256,
        }
    }
}

/// A key pair that belongs to nobody yet.
pub struct KeyPair {
    pub(super) bits: u32,
    pub(super) public: PublicKey,
    /// PKCS#1 DER of an RSA key (RFC 8017 appendix A.1.2), the 32-octet seed of an Ed25519 key (RFC 8032).
    pub(super) private: Zeroizing<Vec<u8>>,
    /// Whether it was brought by its owner, and not made here.
    pub(super) imported: bool,
}

impl KeyPair {
    /// Makes a key pair, from the operating system's random numbers. RSA takes a twentieth of a second at 2048 bits, and
    /// seconds at 4096: call it outside any transaction. A debug build panics inside one.
    pub fn generate(kind: KeyKind) -> Result<KeyPair, Error> {
        debug_assert!(!inside::a_transaction(), "a key pair is made while a transaction waits for it");
        match kind {
            KeyKind::Rsa1024 | KeyKind::Rsa2048 | KeyKind::Rsa4096 => rsa_pair(kind.bits()),
            KeyKind::Ed25519 => ed25519_pair(),
        }
    }

    /// Whether it was brought by its owner, and not made here.
    pub fn is_imported(&self) -> bool {
        self.imported
    }

    /// The half that is published.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair[{}, {} bits, redacted]", self.public.algorithm(), self.bits)
    }
}

/// With the public exponent 65537.
pub(super) fn rsa_pair(bits: u32) -> Result<KeyPair, Error> {
    let failed = |what: &dyn fmt::Display| {
        Error::from(StoreError::new(StoreTrouble::Other, format!("no RSA key pair could be made: {what}")))
    };
    let private = PrivateKey::new(&mut SysRng, bits as usize).map_err(|e| failed(&e))?;
    let public = private.as_public_key().to_public_key_der().map_err(|e| failed(&e))?;
    let private = private.to_pkcs1_der().map_err(|e| failed(&e))?;
    Ok(KeyPair {
        bits,
        public: PublicKey::stored(Algorithm::Rsa, public.as_bytes().to_vec()),
        private: Zeroizing::new(private.as_bytes().to_vec()),
        imported: false,
    })
}

fn ed25519_pair() -> Result<KeyPair, Error> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    fill_random(seed.as_mut_slice())?;
    Ok(ed25519_of(&seed, false))
}

/// The pair of a seed that its owner brought: each 32 octets are one.
pub(super) fn imported_ed25519(seed: &[u8; 32]) -> KeyPair {
    ed25519_of(seed, true)
}

fn ed25519_of(seed: &[u8; 32], imported: bool) -> KeyPair {
    let public = SigningKey::from_bytes(seed).verifying_key().to_bytes();
    KeyPair {
        bits: KeyKind::Ed25519.bits(),
        public: PublicKey::stored(Algorithm::Ed25519, public.to_vec()),
        private: Zeroizing::new(seed.to_vec()),
        imported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_makes_a_key_of_its_algorithm_and_length() {
        for kind in [KeyKind::Rsa1024, KeyKind::Rsa2048, KeyKind::Ed25519] {
            let pair = KeyPair::generate(kind).unwrap();
            assert_eq!((pair.public().algorithm(), pair.bits), (kind.algorithm(), kind.bits()));
            let read: PublicKey = pair.public().record_value().parse().unwrap();
            assert_eq!(read, *pair.public());
            if kind.algorithm() == Algorithm::Rsa {
                assert_eq!(read.numbers().unwrap().rsa_bits(), Some(kind.bits() as usize));
            }
            let shown = format!("{pair:?}");
            assert!(shown.contains("redacted") && shown.len() < 60, "{shown}");
        }
    }

    #[test]
    fn a_kind_is_named_by_algorithm_and_bits() {
        assert_eq!(KeyKind::of(Algorithm::Rsa, None).unwrap(), KeyKind::Rsa2048);
        assert_eq!(KeyKind::of(Algorithm::Rsa, Some(4096)).unwrap(), KeyKind::Rsa4096);
        assert_eq!(KeyKind::of(Algorithm::Ed25519, None).unwrap(), KeyKind::Ed25519);
        for (algorithm, bits) in [(Algorithm::Rsa, 512), (Algorithm::Rsa, 3072), (Algorithm::Ed25519, 2048)] {
            assert!(KeyKind::of(algorithm, Some(bits)).is_err(), "{algorithm} {bits}");
        }
    }
}
