//! Postroom as one binary. A wing uses only those that are declared above it, and `tests/shape.rs` holds that:
//! the log, what a request and a fault are, our own JSON, the listener, the configuration, the console's pages, the dialects, the App
//! that carries all of these, the duties, the bridge to the mail server, and the command line.

pub mod log;
pub mod wire;
pub mod json;
pub mod listen;
pub mod config;
pub mod console;
pub mod dialect;
pub mod app;
pub mod duty;
pub mod mta;
pub mod command;
