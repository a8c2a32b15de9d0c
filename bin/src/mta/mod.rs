//! The bridge to a mail server: sockets that Postfix asks who takes mail, who may send, and what becomes of a message.
//!
//! Each protocol is a [`Protocol`]: a state machine that takes octets and gives octets, without any input or output of its own, so that
//! tests and fuzzers reach all of it; what it does with a whole message, a [`Deliverer`](crate::delivery::Deliverer) does. [`run`] does the rest: a folder with a
//! lock and sockets, and connections that wait without a thread. Questions to the database run on a few threads, and deliveries, which
//! may wait for other servers, on others.

pub mod auth;
pub mod conf;
pub mod folder;
pub mod lmtp;
pub mod map;
pub mod milter;
pub mod netstring;
pub mod policy;
mod run;
mod uses;
mod vault;

pub use folder::{Folder, FolderError};
pub use run::{Bridge, SOCKETS, Stopped, run};
pub use uses::Uses;
pub use vault::{Vault, VaultToken, VaultTokenError};

use crate::delivery::{Found, take};

/// One connection's side of a protocol.
pub trait Protocol: Send {
    /// What is said before the other side says anything.
    fn greeting(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes the first whole request off the front of `input` and answers it. Called again until it wants more input.
    fn step(&mut self, input: &mut Vec<u8>) -> Step;

    /// Whether the connection may be closed between two requests, when the process is to stop.
    fn is_idle(&self) -> bool {
        true
    }
}

/// What came of looking for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// No whole request is there yet.
    More,
    /// A request was taken; this is the answer, which may be empty.
    Answer(Vec<u8>),
    /// A request was taken; this is the answer, and the conversation is over.
    Last(Vec<u8>),
    /// The conversation is over: the other side ended it, or broke the protocol.
    Close,
}
