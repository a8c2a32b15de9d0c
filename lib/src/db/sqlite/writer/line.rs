//! The line in which threads wait for the connection that writes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};

use crate::db::locked;

/// Threads that wait, in a line: a mutex alone would often let the thread go on that has just had it.
#[derive(Default)]
pub(super) struct Line(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    is_taken: bool,
    tickets: VecDeque<Arc<Ticket>>,
}

/// A thread that waits, which is woken alone.
struct Ticket {
    thread: Thread,
    is_called: AtomicBool,
}

impl Line {
    /// Waits until everybody who came before is done.
    pub(super) fn wait(&self) -> Place<'_> {
        let ticket = {
            let mut waiting = locked(&self.0);
            if !waiting.is_taken {
                waiting.is_taken = true;
                return Place(self);
            }
            let ticket = Arc::new(Ticket { thread: thread::current(), is_called: AtomicBool::new(false) });
            waiting.tickets.push_back(Arc::clone(&ticket));
            ticket
        };
        while !ticket.is_called.load(Ordering::Acquire) {
            thread::park();
        }
        Place(self)
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        locked(&self.0).tickets.len()
    }
}

/// The first place in the line. Dropping it lets the next one go on.
pub(super) struct Place<'a>(&'a Line);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = locked(&self.0.0);
        if let Some(next) = waiting.tickets.pop_front() {
            next.is_called.store(true, Ordering::Release);
            next.thread.unpark();
        } else {
            waiting.is_taken = false;
        }
    }
}
