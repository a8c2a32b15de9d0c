//! Our own JSON of domains, claims, records, keys, API keys, findings, lists and ledgers, made once: for the native dialect and for
//! `--json`.

pub mod advice;
pub mod api_key;
pub mod claim;
pub mod domain;
pub mod finding;
pub mod key;
pub mod ledger;
pub mod list;
pub mod record;
pub mod route;
pub mod signing;
