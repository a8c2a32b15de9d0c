//! The making of RSA key pairs.

use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::EncodePublicKey;
use rsa::rand_core::OsRng;
use rsa::{RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

use super::{Algorithm, KeyPair, PublicKey};
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
        public: PublicKey::stored(Algorithm::Rsa, public.as_bytes().to_vec()),
        private: Zeroizing::new(private.as_bytes().to_vec()),
    })
}
