//! What the tests stand on.

pub(crate) mod app;
pub(crate) mod authenticator;
pub(crate) mod contract;
pub(crate) mod held;
pub(crate) mod mail;
pub(crate) mod sql;
pub(crate) mod v2;
// `cfg(test)` tells clippy that these are tests throughout, in the functions beside the tests as well.
#[cfg(test)]
pub(crate) mod bridge;
#[cfg(test)]
pub(crate) mod client;
#[cfg(test)]
pub(crate) mod cluster;
#[cfg(test)]
pub(crate) mod dns;
#[cfg(test)]
pub(crate) mod postfix;
#[cfg(test)]
pub(crate) mod process;
#[cfg(test)]
pub(crate) mod receiver;
#[cfg(test)]
pub(crate) mod rspamd;
