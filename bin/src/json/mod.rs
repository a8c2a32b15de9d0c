//! Our own JSON of domains, claims, records, keys, API keys, findings and lists, made once: for the native dialect and for `--json`.

pub mod advice;
pub mod api_key;
pub mod claim;
pub mod domain;
pub mod finding;
pub mod key;
pub mod list;
pub mod record;
pub mod route;
pub mod signing;
