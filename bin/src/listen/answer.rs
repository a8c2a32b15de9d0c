//! What the listener and the App agree on: a request is let in by its head, and answered when its body is there.

use std::sync::Arc;

use postroom::id::AccountId;

use crate::wire::Fault;
use crate::wire::http::{BodyFault, Request, Response};

/// What answers requests: the App.
pub trait Answer: Send + Sync + 'static {
    /// Looks at the head of a request, whose body is not read yet. It runs on a thread of the connections, and must not block.
    fn enter(self: Arc<Self>, request: Request) -> Entry;
}

/// What the App decides from the head of a request.
pub enum Entry {
    /// An answer: no body is read.
    Answered(Response),
    /// The head names a key that must be looked up, in this lane.
    Asked(Lane, Box<dyn FnOnce() -> Entry + Send>),
    /// Nobody need be asked.
    Admitted(Admission),
}

/// A request that is let in: its body may be read, and then it waits for its turn in its lane.
pub struct Admission {
    /// Where it waits for its turn.
    pub lane: Lane,
    /// The account whose share of memory and turns it takes. Without a key it takes from the one share that all such requests
    /// have together.
    pub account: Option<AccountId>,
    /// The most octets of its body; where there are none, a body is not read.
    pub body_limit: usize,
    /// Answers it. If there is no body, the answer says why, and the function does not block.
    pub answer: Box<dyn FnOnce(Result<Vec<u8>, BodyFault>) -> Response + Send>,
    /// How the surface says that something went wrong.
    pub render: Arc<dyn Fn(&Fault) -> Response + Send + Sync>,
}

/// The kinds of work. Each has threads of its own, so that none waits for another kind's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What is over at once: it runs where the request is, on a thread of the connections. It reads a few rows of a database
    /// on this machine, and neither writes nor waits.
    Here,
    /// Whether the service is well.
    Health,
    /// Who calls.
    Authentication,
    /// What only reads the database.
    Reads,
    /// What changes it, and so waits for the disk.
    Writes,
    /// What changes many things, piece by piece: nothing else waits for a thread because of it.
    Batches,
    /// What asks the DNS, or works on a key, and so may take seconds.
    Looks,
    /// What waits for a server of somebody's, which may be as slow as it likes within its time: it keeps no look-up waiting.
    Calls,
}
