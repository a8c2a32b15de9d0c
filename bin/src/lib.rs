//! Postroom as one binary. A wing uses only the wings that are declared above it, and `tests/shape.rs` checks this. In order:
//! the log, the scouts that look at other hosts, requests and faults, our own JSON, the listener, the configuration, scheduled backups, what monitoring reads, what becomes of mail, the console's pages, the dialects, the App
//! that serves them, the duties, the bridge to the mail server, and the command line.

pub mod log;
pub mod scout;
pub mod wire;
pub mod json;
pub mod listen;
pub mod config;
pub mod backup;
pub mod watch;
pub mod delivery;
pub mod console;
pub mod dialect;
pub mod app;
pub mod duty;
pub mod mta;
pub mod command;
