//! The pages of an account as a whole.

pub(super) mod keys;
pub(super) mod log;
