//! The making of RSA key pairs.

use rsa::pkcs1::der::{AnyRef, Decode};
use rsa::pkcs1::{self, EncodeRsaPrivateKey};
use rsa::pkcs8::EncodePublicKey;
use rsa::pkcs8::spki::SubjectPublicKeyInfoRef;
use rsa::rand_core::OsRng;
use rsa::{RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

use super::{KeyPair, PublicKey};
use crate::error::{Error, StoreError, StoreTrouble};

/// A new pair, from the operating system's random numbers, with the public exponent 65537.
pub(super) fn generate(bits: u32) -> Result<KeyPair, Error> {
    let failed = |what: &dyn std::fmt::Display| {
        Error::from(StoreError::new(StoreTrouble::Other, format!("no RSA key pair could be made: {what}")))
    };
    let private = RsaPrivateKey::new(&mut OsRng, bits as usize).map_err(|e| failed(&e))?;
    let public = RsaPublicKey::from(&private).to_public_key_der().map_err(|e| failed(&e))?;
    let private = private.to_pkcs1_der().map_err(|e| failed(&e))?;
    Ok(KeyPair {
        bits,
        public: PublicKey(public.as_bytes().to_vec()),
        private: Zeroizing::new(private.as_bytes().to_vec()),
    })
}

/// An RSA public key as what it is, two numbers: two spellings of one key are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RsaNumbers {
    /// Big-endian, without leading zeros.
    modulus: Vec<u8>,
    /// Big-endian, without leading zeros.
    exponent: Vec<u8>,
}

impl RsaNumbers {
    /// Reads DER: a `SubjectPublicKeyInfo`, as everybody publishes it, or the bare `RSAPublicKey` that RFC 6376
    /// section 3.6.1 names and verifiers also take (erratum 3017).
    pub(crate) fn parse(der: &[u8]) -> Option<RsaNumbers> {
        let info = SubjectPublicKeyInfoRef::from_der(der).ok();
        let key = match &info {
            // Parameters are NULL (RFC 3279 section 2.3.1); left out, every verifier takes them for that.
            Some(info)
                if info.algorithm.oid == pkcs1::ALGORITHM_OID
                    && info.algorithm.parameters.is_none_or(AnyRef::is_null) =>
            {
                info.subject_public_key.as_bytes()?
            }
            Some(_) => return None,
            None => der,
        };
        let key = pkcs1::RsaPublicKey::from_der(key).ok()?;
        Some(RsaNumbers {
            modulus: key.modulus.as_bytes().to_vec(),
            exponent: key.public_exponent.as_bytes().to_vec(),
        })
    }

    /// The length of the modulus in bits.
    pub(crate) fn bits(&self) -> usize {
        let leading = self.modulus.first().map_or(0, |octet| octet.leading_zeros() as usize);
        self.modulus.len() * 8 - leading
    }
}
