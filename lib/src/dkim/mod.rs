//! DKIM keys: key pairs of a domain, each under a selector, private halves sealed (RFC 6376).
//!
//! What a key is, how a pair is made and kept, the steps of a key's life (`life`), and how it signs. What an owner may do
//! with the keys of a domain is in [`keyring`](crate::keyring), for that rests on their records.
//!
//! ```
//! use postroom::dkim::{KeyKind, KeyPair};
//!
//! let pair = KeyPair::generate(KeyKind::Ed25519)?;
//! assert!(pair.public().record_value().starts_with("v=DKIM1; k=ed25519; p="));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod disclosed;
mod import;
pub(crate) mod life;
mod pair;
pub mod pool;
mod public_key;
mod sign;
pub(crate) mod table;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::clock::Timestamp;
use crate::db::ReadTx;
use crate::domain::{Domain, holder};
use crate::error::{Entity, Error, StoreError, StoreTrouble};
use crate::event::KeyRef;
use crate::id::{DkimKeyId, DomainId};
use crate::name::{DnsName, DomainName, Selector};
use crate::ownership;

pub use disclosed::DisclosedKey;
pub use import::{InvalidPrivateKey, PrivateKeyFault};
pub use pair::{KeyKind, KeyPair};
pub(crate) use public_key::KeyNumbers;
pub use public_key::{Algorithm, InvalidPublicKey, PublicKey};
pub use sign::{InvalidMessage, LineEnd, Message, SignatureHeader, SigningKey, UnusableKey, sign_with};

/// A DKIM key of a domain, without its private half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimKey {
    /// Its id.
    pub id: DkimKeyId,
    /// The domain that signs with it.
    pub domain: DomainId,
    /// Under which name it is published.
    pub selector: Selector,
    /// The name under which it signs while its record has not been seen under `selector`, which was given to it while it
    /// signed.
    pub published_as: Option<Selector>,
    /// Its length.
    pub bits: u32,
    /// The half that is published.
    pub public: PublicKey,
    /// The name in the operator's zone that has its record, where the domain publishes a CNAME to that.
    pub delegated_to: Option<DnsName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it signs; none while it does not.
    pub activated_at: Option<Timestamp>,
    /// Since when another signs in its place, after a rotation.
    pub retired_at: Option<Timestamp>,
    /// Since when no mail is under way any more that it has signed: its record may go.
    pub released_at: Option<Timestamp>,
}

impl DkimKey {
    /// Whether it signs.
    pub fn is_active(&self) -> bool {
        self.activated_at.is_some()
    }

    /// Whether a record at this selector is, or may still be, this key's.
    pub(crate) fn occupies(&self, selector: &Selector) -> bool {
        self.selector == *selector || self.published_as.as_ref() == Some(selector)
    }
}

impl From<&DkimKey> for KeyRef {
    fn from(key: &DkimKey) -> KeyRef {
        KeyRef { id: key.id, selector: key.selector.clone() }
    }
}

/// Where a new key comes from.
#[derive(Debug)]
pub enum Source {
    /// From the pool of spare pairs, which are of the default kind: see [`pool::write`] for where that is empty.
    Pool,
    /// Made, or read, by the caller, outside the transaction.
    Pair(KeyPair),
}

/// Where a new key is to come from: found out in one transaction, before the pair is made outside any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// A pair of the default kind, from the pool.
    Pool,
    /// A pair of this kind must be made.
    Make(KeyKind),
}

impl Supply {
    /// Makes the pair if it must be made, which can take seconds: not to be called inside a transaction.
    pub fn source(self) -> Result<Source, Error> {
        match self {
            Supply::Pool => Ok(Source::Pool),
            Supply::Make(kind) => KeyPair::generate(kind).map(Source::Pair),
        }
    }
}

/// `Invalid` if the key's record would have a name of more than 253 octets.
pub(crate) fn check_fit(domain: &DomainName, selector: &Selector) -> Result<(), Error> {
    if selector.fits(domain) {
        Ok(())
    } else {
        let reason = format_args!("{}.{domain} is longer than a DNS name may be", selector.host());
        Err(Error::invalid("selector", reason))
    }
}

/// The keys of a domain, the oldest first.
pub fn list<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Vec<DkimKey>, Error> {
    table::all(tx, domain.id)
}

/// The keys of a domain, the oldest first, also those that are damaged: for who deletes one, and shows none.
pub(crate) fn list_unchecked<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<Vec<DkimKey>, Error> {
    table::all_unchecked(tx, domain.id)
}

/// Foresees [`list`].
pub(crate) fn foresee(tx: &ReadTx<'_>, domain: DomainId) {
    let _ = table::all(tx, domain);
}

/// Signs a message from `from` with every active key of the domain, the oldest first; none if it has none.
///
/// `Invalid` if the message cannot be signed: see [`Message::parse`]. Who signs many at a time keeps the keys, and calls
/// [`signing_keys`] and [`sign_with`].
pub fn sign(tx: &ReadTx<'_>, from: &DomainName, message: &[u8]) -> Result<Vec<SignatureHeader>, Error> {
    let message = Message::parse(message).map_err(|reason| Error::invalid("message", reason))?;
    sign_with(&signing_keys(tx, from)?, &message, tx.now())
}

/// The active keys with which mail from `from` is signed, opened; the oldest first. None where the domain, or the one whose keys
/// sign for it, does not [act](ownership::acts).
pub fn signing_keys(tx: &ReadTx<'_>, from: &DomainName) -> Result<Vec<SigningKey>, Error> {
    let open = |key: DisclosedKey| {
        let selector = key.selector.clone();
        key.signing_key().map_err(|reason| {
            let text = format!("the DKIM key {selector} of {from} cannot be used: {reason}");
            StoreError::new(StoreTrouble::Other, text).into()
        })
    };
    disclose(tx, from)?.into_iter().map(open).collect()
}

/// The keys of [`signing_keys`] with their private halves, for another program that signs: whoever has them can sign as the domain.
/// The operator alone decides whether there is such a program.
pub fn disclose(tx: &ReadTx<'_>, from: &DomainName) -> Result<Vec<DisclosedKey>, Error> {
    let Some(holder) = holder::named(tx, from)? else { return Ok(Vec::new()) };
    let authority = holder::authority_of(tx, holder.authority)?;
    if !ownership::acts(tx, authority.as_ref().unwrap_or(&holder))? || !ownership::acts(tx, &holder)? {
        return Ok(Vec::new());
    }
    let open = |active: table::ActiveKey| {
        let private = tx.master_key().open(&identity(active.domain, &active.public), &active.sealed)?;
        let algorithm = active.public.algorithm();
        Ok(DisclosedKey { domain: active.name, selector: active.selector, algorithm, private })
    };
    let by = authority.map_or(holder.id, |authority| authority.id);
    table::active(tx, by)?.into_iter().map(open).collect()
}

/// What a sealed private key belongs to: it opens in no other domain and beside no other public key.
fn identity(domain: DomainId, public: &PublicKey) -> String {
    format!("dkim_key {domain} {}", STANDARD.encode(public.octets()))
}

/// What a spare pair's private half is sealed for; taken, it is sealed anew for its domain.
fn spare_identity(public: &PublicKey) -> String {
    format!("spare_key {}", STANDARD.encode(public.octets()))
}

/// `pr2` after `pr1`, `mail2` after `mail`; the first that the domain does not have.
pub(crate) fn next_selector(current: &DkimKey, keys: &[DkimKey]) -> Result<Selector, Error> {
    let text = current.selector.as_str();
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
    // Digits past what a number holds begin again: what matters is that the name is free.
    let number: u64 = text.get(stem.len()..).and_then(|digits| digits.parse().ok()).unwrap_or(1);
    for next in (1..=u64::from(u32::MAX)).map(|more| number.saturating_add(more)) {
        let selector: Selector =
            format!("{stem}{next}").parse().map_err(|e: crate::name::InvalidName| e.of("selector"))?;
        if !keys.iter().any(|key| key.occupies(&selector)) {
            return Ok(selector);
        }
    }
    Err(Error::Conflict(Entity::DkimKey))
}
