//! The real binary, from the outside: started, used, abused, stopped and killed.
//!
//! Each test has a server and a database of its own. Those that need real DNS servers are ignored unless the
//! feature `system-tests` is on.

// `cfg(test)` tells clippy that these are tests throughout, in the functions beside the tests as well.
#[cfg(test)]
mod anybody;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod bad_mail;
#[cfg(test)]
mod bridge;
#[cfg(test)]
mod bridge_crash;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod claims;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod days;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod duties;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod filtering;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod help;
#[cfg(test)]
mod importing;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod limits;
mod lists;
#[cfg(test)]
mod log;
#[cfg(test)]
mod login;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod mistake;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod quick_start;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod refusal;
#[cfg(test)]
mod repeat;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod sign;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod start;
#[cfg(test)]
mod upkeep;
#[cfg(test)]
mod vault;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod watching;
