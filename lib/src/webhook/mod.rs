//! Webhooks: the addresses to which one may be sent, and the Ed25519 key pair with which a domain's are signed (RFC 8032).
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::webhook;
//!
//! // What a receiver checks with the domain's public key.
//! let signature = postroom.read(|tx| webhook::sign(tx, &domain::find(tx, &caller, id)?, b"{}"))?;
//! assert_eq!(signature.len(), 88);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod call;
mod signer;
pub(crate) mod table;
mod url;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::db::{Checksum, ReadTx, WriteTx, damaged};
use crate::domain::Domain;
use crate::error::{Entity, Error, StoreError, StoreTrouble};
use crate::id::DomainId;
use crate::secret::fill_random;

pub use signer::WebhookSigner;
pub(crate) use signer::check_secret;
pub use url::{InvalidWebhook, VettedUrl, WebhookRules, WebhookUrl};

const SEED_OCTETS: usize = 32;

/// The half of a domain's webhook key pair that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookPublicKey([u8; 32]);

impl WebhookPublicKey {
    /// Padded Base64 of the 32 octets.
    pub fn base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    pub(crate) fn stored(octets: [u8; 32]) -> WebhookPublicKey {
        WebhookPublicKey(octets)
    }
}

/// Makes the key pair of a new domain.
pub(crate) fn create<'t>(tx: &WriteTx<'t>, domain: &Domain<'t>) -> Result<(), Error> {
    let mut seed = Zeroizing::new([0_u8; SEED_OCTETS]);
    fill_random(seed.as_mut_slice())?;
    let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    let sealed = tx.master_key().seal(&identity(domain.id), seed.as_slice())?;
    table::insert(tx, domain.id, &public, &sealed)
}

/// The public key with which a receiver checks what is posted to the domain's webhook.
pub fn public_key<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>) -> Result<WebhookPublicKey, Error> {
    let (public, _) = table::whole(tx, domain.id)?.ok_or(Error::NotFound(Entity::Domain))?;
    Ok(WebhookPublicKey(public))
}

/// The signature over `body` with the domain's key: padded Base64 of 64 octets.
pub fn sign<'t>(tx: &ReadTx<'t>, domain: &Domain<'t>, body: &[u8]) -> Result<String, Error> {
    Ok(signer(tx, domain.id, None)?.sign(body))
}

/// What signs the posts to a domain's webhook, with its own key and with the secret of the receiver's, if there is one.
pub(crate) fn signer(
    tx: &ReadTx<'_>,
    domain: DomainId,
    secret: Option<Zeroizing<Vec<u8>>>,
) -> Result<WebhookSigner, Error> {
    let sealed = table::sealed(tx, domain)?.ok_or(Error::NotFound(Entity::Domain))?;
    let seed = tx.master_key().open(&identity(domain), &sealed)?;
    let seed: &[u8; SEED_OCTETS] = seed
        .as_slice()
        .try_into()
        .map_err(|_| StoreError::new(StoreTrouble::Other, "a webhook key has not 32 octets"))?;
    Ok(WebhookSigner::new(seed, secret))
}

/// The checksum of a row that is right, or has none yet, and whose public half belongs to the private one that is sealed.
pub(crate) fn right_checksum(tx: &ReadTx<'_>, domain: i64) -> Result<Option<Checksum>, Error> {
    let domain = DomainId::new(domain);
    let Some((public, sealed)) = table::whole(tx, domain)? else { return Ok(None) };
    let seed = tx.master_key().open(&identity(domain), &sealed)?;
    let what = format!("the webhook key of the domain {domain}");
    let seed: &[u8; SEED_OCTETS] = seed.as_slice().try_into().map_err(|_| damaged(&what))?;
    if SigningKey::from_bytes(seed).verifying_key().to_bytes() != public {
        return Err(damaged(&what));
    }
    Ok(Some(table::checksum(domain, &public)))
}

fn identity(domain: DomainId) -> String {
    format!("webhook_key {domain}")
}
