//! DKIM keys: key pairs of a domain, each under a selector, private halves sealed (RFC 6376).

pub mod pool;
mod public_key;
mod rsa;
pub(crate) mod table;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::db::{ReadTx, WriteTx};
use crate::domain::Domain;
use crate::error::{Entity, Error};
use crate::id::{DkimKeyId, DomainId};
use crate::name::Selector;

pub use public_key::{Algorithm, InvalidPublicKey, PublicKey};
pub(crate) use public_key::{KeyNumbers, decode};

/// The strength of the keys that are made here. RFC 8301 asks for 1024 bits at least and recommends 2048.
pub const BITS: u32 = 2048;

/// A key pair that belongs to nobody yet.
pub struct KeyPair {
    bits: u32,
    public: PublicKey,
    /// PKCS#1 DER, RFC 8017 appendix A.1.2.
    private: Zeroizing<Vec<u8>>,
}

impl KeyPair {
    /// Makes an RSA key pair of [`BITS`] bits; takes a tenth of a second and more.
    pub fn generate() -> Result<KeyPair, Error> {
        rsa::generate(BITS)
    }
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyPair[rsa, {} bits, redacted]", self.bits)
    }
}

/// A DKIM key of a domain, without its private half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimKey {
    /// Its id.
    pub id: DkimKeyId,
    /// The domain that signs with it.
    pub domain: DomainId,
    /// Under which name it is published.
    pub selector: Selector,
    /// Its strength.
    pub bits: u32,
    /// The half that is published.
    pub public: PublicKey,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it signs; none while it does not.
    pub activated_at: Option<Timestamp>,
}

/// Makes a key of `domain` under `selector`, inactive, from the pool of spare pairs.
///
/// `Conflict` if the domain has a key under it already.
pub(crate) fn create(tx: &WriteTx<'_>, domain: &Domain, selector: &Selector) -> Result<DkimKey, Error> {
    check_fit(domain, selector)?;
    if table::all(tx, domain.id)?.iter().any(|key| key.selector == *selector) {
        return Err(Error::Conflict(Entity::DkimKey));
    }
    let pair = pool::take(tx)?;
    let sealed = tx.master_key().seal(&identity(domain.id, &pair.public), &pair.private)?;
    table::insert(tx, domain.id, selector, &pair, &sealed)
}

/// `Invalid` if the key's record would have a name of more than 253 octets.
pub(crate) fn check_fit(domain: &Domain, selector: &Selector) -> Result<(), Error> {
    if selector.fits(&domain.name) {
        Ok(())
    } else {
        let reason = format_args!("{}.{} is longer than a DNS name may be", selector.host(), domain.name);
        Err(Error::invalid("selector", reason))
    }
}

/// The keys of a domain, the oldest first.
pub fn list(tx: &ReadTx<'_>, domain: &Domain) -> Result<Vec<DkimKey>, Error> {
    table::all(tx, domain.id)
}

/// What a sealed private key belongs to: it opens in no other domain and beside no other public key.
fn identity(domain: DomainId, public: &PublicKey) -> String {
    format!("dkim_key {domain} {}", STANDARD.encode(public.octets()))
}
