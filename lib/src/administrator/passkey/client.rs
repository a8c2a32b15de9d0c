//! What a browser says of the page that asked for a passkey, and why one is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::authenticator::AuthenticatorData;
use super::party::RelyingParty;
use crate::error::Error;

/// The client data of a ceremony (section 5.8.1), read from its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientData {
    /// The member `type`.
    pub kind: String,
    /// The member `challenge`, in Base64 for URLs.
    pub challenge: String,
    /// The member `origin`.
    pub origin: String,
    /// Whether the page stands in a frame of another site, by the members `crossOrigin` and `topOrigin`.
    pub is_framed: bool,
    /// The SHA-256 of the JSON as it came: what the authenticator signs.
    pub hash: [u8; 32],
}

impl ClientData {
    /// The SHA-256 of the JSON.
    pub fn hash_of(json: &[u8]) -> [u8; 32] {
        Sha256::digest(json).into()
    }

    /// The challenge, if the browser speaks of this ceremony, and of a page of the console.
    pub(super) fn check(&self, ceremony: Ceremony, party: &RelyingParty) -> Result<Vec<u8>, PasskeyRefusal> {
        if self.kind != ceremony.kind() {
            return Err(PasskeyRefusal::Ceremony);
        }
        if self.origin != party.origin() {
            return Err(PasskeyRefusal::Origin(party.origin().to_owned()));
        }
        if self.is_framed {
            return Err(PasskeyRefusal::Framed);
        }
        URL_SAFE_NO_PAD.decode(&self.challenge).map_err(|_| PasskeyRefusal::Challenge)
    }
}

/// What a browser was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ceremony {
    Create,
    Get,
}

impl Ceremony {
    fn kind(self) -> &'static str {
        match self {
            Ceremony::Create => "webauthn.create",
            Ceremony::Get => "webauthn.get",
        }
    }
}

/// Checks what holds of the data of both ceremonies.
pub(super) fn check_data(data: &AuthenticatorData<'_>, party: &RelyingParty) -> Result<(), PasskeyRefusal> {
    if data.party != Sha256::digest(party.id().as_bytes()).as_slice() {
        return Err(PasskeyRefusal::Party);
    }
    if !data.is_present() || !data.is_verified() {
        return Err(PasskeyRefusal::NotVerified);
    }
    // What may not be copied has not been.
    if data.is_copied() && !data.may_be_copied() {
        return Err(PasskeyRefusal::Malformed);
    }
    Ok(())
}

/// Why a passkey is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasskeyRefusal {
    /// A part of what came cannot be read.
    #[error("what the browser sent cannot be read; try again, or with another browser")]
    Malformed,
    /// The browser answers another question than was asked.
    #[error("the browser answered another question than this page asks; load the page anew and try again")]
    Ceremony,
    /// The challenge was not made here, for this browser, session or person.
    #[error("the page does not belong to this browser any more; load it anew and try again")]
    Challenge,
    /// The challenge was made more than [`CHALLENGE_LIFE`](super::CHALLENGE_LIFE) ago.
    #[error("it took longer than 5 minutes; try again")]
    TooOld,
    /// The challenge was used already, or a later one.
    #[error("this was sent already; try again")]
    Used,
    /// The page that asked for it was another site's; the console's origin is here.
    #[error("it was made on another site than {0}; open the console at this address")]
    Origin(String),
    /// The page stands in a frame of another site.
    #[error("the page stands in a frame of another site; open the console in a window of its own")]
    Framed,
    /// It is for another relying party.
    #[error("the passkey is for another site")]
    Party,
    /// The authenticator has not checked who uses it.
    #[error("the device did not check who uses it; set a PIN, a fingerprint or a face on the device")]
    NotVerified,
    /// The key is of no kind in [`ALGORITHMS`](super::ALGORITHMS).
    #[error("its kind of key is none that this server takes (ES256, EdDSA, RS256); use another device")]
    Algorithm,
    /// No administrator has it.
    #[error("this server does not know the passkey; it may have been removed")]
    Unknown,
    /// The signature is not that of the passkey's key.
    #[error("the signature is not the passkey's")]
    Signature,
    /// The count of signatures went back.
    #[error("its count of signatures went back, so there may be a copy of it; remove it, and add a new one")]
    CountBack,
}

impl From<PasskeyRefusal> for Error {
    fn from(refusal: PasskeyRefusal) -> Error {
        Error::invalid("passkey", refusal.to_string())
    }
}
