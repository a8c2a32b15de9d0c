//! Reads that are foreseen: they go to the server with the first statement that needs an answer, and their answers are kept for when
//! they are asked, until the transaction writes something.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::link::{Answer, Waiting};

/// The reads of one transaction that were foreseen.
#[derive(Default)]
pub(super) struct Ahead {
    is_noting: Cell<bool>,
    /// Those of which the server does not know yet.
    noted: RefCell<HashSet<Waiting>>,
    answered: RefCell<HashMap<Waiting, Arc<Answer>>>,
}

/// A statement, and the reads that go to the server before it.
pub(super) struct Asked {
    pub(super) foreseen: Vec<Waiting>,
    pub(super) last: Waiting,
    /// Whether the statement is itself one that was foreseen.
    is_foreseen: bool,
}

impl Ahead {
    /// Runs `work`, in which reads are noted and answered with nothing.
    pub(super) fn while_noting(&self, work: impl FnOnce()) {
        self.is_noting.set(true);
        work();
        self.is_noting.set(false);
    }

    /// What is known without asking the server: the answer to a read that was foreseen, and nothing to one that is only noted. Else the
    /// statement is given back.
    pub(super) fn answer(&self, asked: Waiting) -> Result<Arc<Answer>, Waiting> {
        if self.is_noting.get() {
            if asked.reads() && !self.answered.borrow().contains_key(&asked) {
                self.noted.borrow_mut().insert(asked);
            }
            return Ok(Arc::new(Answer::nothing()));
        }
        self.answered.borrow().get(&asked).map(Arc::clone).ok_or(asked)
    }

    /// The reads that go to the server before this statement: none if it writes, because they would not show what it wrote.
    pub(super) fn before(&self, last: Waiting) -> Asked {
        if !last.reads() {
            self.forget();
        }
        let mut foreseen = self.noted.take();
        let is_foreseen = foreseen.remove(&last);
        Asked { foreseen: foreseen.into_iter().collect(), last, is_foreseen }
    }

    /// Keeps what the server has answered to reads that were foreseen.
    pub(super) fn keep(&self, asked: Asked, foreseen: Vec<Answer>, last: &Arc<Answer>) {
        let mut answered = self.answered.borrow_mut();
        answered.extend(asked.foreseen.into_iter().zip(foreseen.into_iter().map(Arc::new)));
        if asked.is_foreseen {
            answered.insert(asked.last, Arc::clone(last));
        }
    }

    /// Begins anew, for another transaction.
    pub(super) fn begin(&self) {
        // Where the one before panicked while it noted.
        self.is_noting.set(false);
        self.forget();
    }

    /// Forgets everything, because something was written.
    pub(super) fn forget(&self) {
        if !self.is_noting.get() {
            self.noted.take();
            self.answered.take();
        }
    }
}
