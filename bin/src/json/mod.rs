//! Our own JSON of domains, claims, records, keys, API keys, findings, lists, ledgers and messages, made once: for the native dialect, for
//! webhooks, and for `--json`.

pub mod advice;
pub mod api_key;
pub mod claim;
pub mod delivery;
pub mod domain;
pub mod event;
pub mod explained;
pub mod finding;
pub mod key;
pub mod ledger;
pub mod list;
pub mod received;
pub mod record;
pub mod route;
pub mod setup_link;
pub mod signing;
pub mod word;

/// A value that is written as the text by which it is shown.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: std::fmt::Display> serde::Serialize for Shown<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
