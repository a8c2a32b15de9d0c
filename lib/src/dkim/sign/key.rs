//! A private key, ready to sign.

use std::fmt;

use ed25519_dalek::Signer;
use getrandom::SysRng;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, PrivateKey};
use sha2::{Digest, Sha256};

use crate::dkim::Algorithm;
use crate::error::{Error, StoreError, StoreTrouble};
use crate::name::{DomainName, Selector};

/// The fewest bits with which may be signed (RFC 8301 section 3.2).
const MIN_BITS: u32 = 1024;
/// What stands before a SHA-256 in a PKCS#1 v1.5 signature (RFC 8017 section 9.2, note 1).
const SHA256_PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// A private key with the name under which its public half is published.
///
/// Parsing checks the key and takes a while: who signs many messages keeps it.
pub struct SigningKey {
    pub(super) domain: DomainName,
    pub(super) selector: Selector,
    private: Private,
}

enum Private {
    /// In constant time, for what a sender writes is signed, and a sender may time it.
    Rsa(Box<RsaKeyPair>),
    /// A size that `ring` does not take, below 2048 bits above all: blinded, which is the next best.
    BlindedRsa(Box<PrivateKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl SigningKey {
    /// Reads a private key: for RSA a PKCS#1 DER, for Ed25519 the seed of 32 octets (RFC 8032 section 5.1.5).
    pub fn parse(
        domain: DomainName,
        selector: Selector,
        algorithm: Algorithm,
        private: &[u8],
    ) -> Result<SigningKey, UnusableKey> {
        let private = match algorithm {
            Algorithm::Rsa => rsa(private)?,
            Algorithm::Ed25519 => {
                let seed = private.try_into().map_err(|_| UnusableKey::Ed25519)?;
                Private::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))
            }
        };
        Ok(SigningKey { domain, selector, private })
    }

    /// What stands in the `a=` tag.
    pub(super) fn algorithm(&self) -> &'static str {
        match self.private {
            Private::Rsa(_) | Private::BlindedRsa(_) => "rsa-sha256",
            Private::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// Signs what RFC 6376 section 3.7 puts together.
    pub(super) fn sign(&self, header: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = || StoreError::new(StoreTrouble::Other, format!("{self:?} could not sign"));
        match &self.private {
            Private::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), header, &mut signature)
                    .map_err(|_| failed())?;
                Ok(signature)
            }
            Private::BlindedRsa(key) => {
                let scheme = Pkcs1v15Sign { hash_len: Some(32), prefix: SHA256_PREFIX.into() };
                Ok(key.sign_with_rng(&mut SysRng, scheme, &Sha256::digest(header)).map_err(|_| failed())?)
            }
            // What is signed is the hash (RFC 8463 section 3).
            Private::Ed25519(key) => Ok(key.sign(&Sha256::digest(header)).to_vec()),
        }
    }
}

fn rsa(private: &[u8]) -> Result<Private, UnusableKey> {
    if let Ok(key) = RsaKeyPair::from_der(private) {
        return Ok(Private::Rsa(Box::new(key)));
    }
    let key = PrivateKey::from_pkcs1_der(private).map_err(|_| UnusableKey::Rsa)?;
    match key.n().bit_width() {
        MIN_BITS.. => Ok(Private::BlindedRsa(Box::new(key))),
        bits => Err(UnusableKey::Short(bits)),
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey[{}.{}, redacted]", self.selector.host(), self.domain)
    }
}

/// Why octets are no private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableKey {
    /// No RSA key, or one whose numbers do not fit together.
    #[error("it is no RSA private key in PKCS#1 DER")]
    Rsa,
    /// A modulus of fewer than 1024 bits.
    #[error("its modulus has {0} bits, and RFC 8301 asks for 1024 at least")]
    Short(u32),
    /// Not 32 octets.
    #[error("it is no Ed25519 seed of 32 octets")]
    Ed25519,
}
