//! Signing in with a password and a one-time code, and what people do with theirs.

mod own;
mod sign_in;

pub(super) use own::{begin, change, confirm, remove, renew, show};
pub(super) use sign_in::{ask, enter};

/// The page that asks for a password.
pub(super) const SIGN_IN: &str = "/console/sign-in";
