//! How often this process has waited for the server, and how often a write was done again: for tests and figures.

use std::sync::atomic::AtomicU64;

#[derive(Debug, Default)]
pub(in crate::db) struct Trips {
    /// What was sent to the server after an answer of its.
    pub(super) flushes: AtomicU64,
    /// Writes that were done again, because another was in the way.
    pub(super) repeats: AtomicU64,
}
