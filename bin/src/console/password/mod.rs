//! Signing in with a password and a one-time code or with a passkey, and what people do with theirs.

mod by_passkey;
mod own;
mod passkey;
mod passkeys;
mod shown;
mod sign_in;

pub(super) use by_passkey::{challenge, enter as enter_by_passkey};
pub(super) use own::{begin, change, confirm, remove, renew, show};
pub(super) use passkey::{add_made, offer, remove as remove_passkey, rename as rename_passkey};
pub(super) use sign_in::{ask, enter};

/// The page that asks for a password or a passkey.
pub(super) const SIGN_IN: &str = "/console/sign-in";
/// What makes a challenge for a passkey.
pub(super) const CHALLENGE: &str = "/console/sign-in/challenge";
/// What signs in with a passkey.
pub(super) const BY_PASSKEY: &str = "/console/sign-in/passkey";
