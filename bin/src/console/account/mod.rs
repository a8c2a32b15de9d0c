//! The pages of an account as a whole.

pub(super) mod log;
