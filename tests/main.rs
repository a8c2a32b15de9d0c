//! The suite: one test binary, laid out like what it tests.
//!
//! - `contract/<surface>/`: every route, status and refusal of a surface, through the App in process
//! - `rules/`: the library's rules, with property tests
//! - `story/`: the real binary, with real DNS servers where the feature `system-tests` is on
//! - `differential/`: our verdicts beside those of independent implementations
//! - `signing/`: what we sign, before verifiers that others wrote
//! - `clients/`: scripts for the published clients of our interfaces, which a story runs
//! - `shape.rs`: what must hold of the code itself

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test, and what it stands on, says by a panic that something is not as it must be"
)]

mod contract;
mod differential;
mod harness;
mod rules;
mod shape;
mod signing;
mod story;
