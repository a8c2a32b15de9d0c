//! A private key out of a file, or out of a table that has it in a line.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use postroom::dkim::{InvalidPrivateKey, KeyPair, PrivateKeyFault, PublicKey, Source};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// More than any key has; the library says what is too long.
const MAX_OCTETS: u64 = 64 * 1024;

/// Where a private key is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    File(PathBuf),
    /// The key itself: PEM, or DER in base64. It is never shown.
    Text(Zeroizing<String>),
}

/// A key pair that was read.
pub(super) struct Brought {
    pub(super) public: PublicKey,
    pub(super) source: Source,
}

/// The keys that were read so far. Many domains can have one key, and it takes long to see whether a number is a prime: so each key
/// is read once.
#[derive(Default)]
pub(super) struct Keys(Mutex<HashMap<[u8; 32], Once>>);

/// One that several threads may wait for, while one of them reads it.
type Once = Arc<OnceLock<Result<Arc<Brought>, InvalidPrivateKey>>>;

impl Keys {
    /// The key pair at a place, or why there is none. What stands there is never repeated.
    pub(super) fn read(&self, place: &Place) -> Result<Arc<Brought>, String> {
        match place {
            Place::File(file) => {
                let at = |reason: &dyn std::fmt::Display| format!("{}: {reason}", file.display());
                let mut pem = Zeroizing::new(Vec::new());
                let read = File::open(file).and_then(|file| file.take(MAX_OCTETS).read_to_end(&mut pem));
                read.map_err(|error| at(&error))?;
                self.once(&pem, || KeyPair::import_any(&pem)).map_err(|reason| at(&reason))
            }
            Place::Text(text) => {
                self.once(text.as_bytes(), || of_text(text)).map_err(|reason| match reason.fault() {
                    PrivateKeyFault::BadKey => format!("the key in the table: {reason}"),
                    _ => "what the table has in the place of its key is neither a file beside the table nor a private key; \
                          write the path of a file, which begins with / or ./"
                        .to_owned(),
                })
            }
        }
    }

    fn once(
        &self,
        octets: &[u8],
        read: impl FnOnce() -> Result<KeyPair, InvalidPrivateKey>,
    ) -> Result<Arc<Brought>, InvalidPrivateKey> {
        let once = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(Sha256::digest(octets).into()).or_default())
        };
        let brought =
            |pair: KeyPair| Arc::new(Brought { public: pair.public().clone(), source: Source::Pair(pair) });
        once.get_or_init(|| read().map(brought)).clone()
    }
}

/// The key pair in PEM, or in base64 that does not say whether it is PKCS#8 or PKCS#1.
fn of_text(text: &str) -> Result<KeyPair, InvalidPrivateKey> {
    if text.contains("-----BEGIN") {
        return KeyPair::import_any(text.as_bytes());
    }
    let labelled = |label: &str| {
        let pem = Zeroizing::new(format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n"));
        KeyPair::import_any(pem.as_bytes())
    };
    match labelled("PRIVATE KEY") {
        Err(InvalidPrivateKey::Pkcs8Damaged) => labelled("RSA PRIVATE KEY"),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_several_domains_have_is_read_once() {
        let keys = Keys::default();
        let read = |octets: &[u8]| {
            let mut was_read = false;
            let refused = keys.once(octets, || {
                was_read = true;
                Err(InvalidPrivateKey::Empty)
            });
            assert!(refused.is_err());
            was_read
        };
        assert_eq!([read(b"one"), read(b"two"), read(b"one"), read(b"two")], [true, true, false, false]);
    }
}
