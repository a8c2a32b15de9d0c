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
