//! The library's rules, through its public face.

mod agreeing;
mod answers;
mod deciding;
mod explaining;
mod findings;
mod hostile;
mod importing;
mod keyring;
mod judging;
mod keys_and_tokens;
mod lending;
mod lists;
mod login;
mod mail_records;
mod names;
mod recipients;
mod reports;
mod rotation;
mod routes;
mod schedule;
mod senders;
mod store;
mod upgrade;
mod visibility;
mod webhooks;
mod zone;
