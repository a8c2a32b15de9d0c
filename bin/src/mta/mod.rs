//! The bridge to a mail server: sockets that Postfix asks who takes mail, who may send, and what becomes of a message.
//!
//! Each protocol is a [`Protocol`]: a state machine that takes octets and gives octets, without any input or output of its own, so that
//! tests and fuzzers reach all of it; what it does with a whole message, a [`Deliverer`] does. [`run`] does the rest: a folder with a
//! lock and sockets, and connections that wait without a thread. Questions to the database run on a few threads, and deliveries, which
//! may wait for other servers, on others.

pub mod auth;
pub mod conf;
mod deliver;
pub mod folder;
mod held;
pub mod lmtp;
mod maildir;
pub mod map;
pub mod milter;
pub mod netstring;
mod places;
pub mod policy;
mod poster;
mod quarantine;
mod run;
mod spam;
pub mod submit;
mod tally;
mod uses;
mod vault;

pub use deliver::Deliverer;
pub use folder::{Folder, FolderError};
pub use places::Places;
pub use poster::Poster;
pub use quarantine::{Held as Quarantined, Quarantine};
pub use run::{Bridge, SOCKETS, Stopped, run};
pub use spam::SpamMark;
pub use tally::Tally;
pub use uses::Uses;
pub use vault::{Vault, VaultToken, VaultTokenError};

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

/// What a reader finds at the start of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// A whole request, and how many octets it takes up.
    Whole(T, usize),
    /// The start of one.
    Part,
    /// Something that is none, or one that is too long.
    Broken,
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

/// Takes the first `octets` off a buffer.
fn take(input: &mut Vec<u8>, octets: usize) -> Vec<u8> {
    let rest = input.split_off(octets.min(input.len()));
    std::mem::replace(input, rest)
}
