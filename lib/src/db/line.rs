//! The line in which threads wait for their turn to write.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};
#[cfg(feature = "postgres")]
use std::time::{Duration, Instant};

use super::locked;

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

impl Ticket {
    fn is_called(&self) -> bool {
        self.is_called.load(Ordering::Acquire)
    }
}

impl Line {
    /// Waits until everybody who came before is done.
    pub(super) fn wait(&self) -> Place<'_> {
        if let Some(ticket) = self.stand() {
            while !ticket.is_called() {
                thread::park();
            }
        }
        Place(self)
    }

    /// Waits until everybody who came before is done, but for no longer than `patience`: then there is no place.
    #[cfg(feature = "postgres")]
    pub(super) fn wait_for(&self, patience: Duration) -> Option<Place<'_>> {
        let until = Instant::now() + patience;
        if let Some(ticket) = self.stand() {
            while !ticket.is_called() {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() && self.leave(&ticket) {
                    return None;
                }
                thread::park_timeout(left);
            }
        }
        Some(Place(self))
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        locked(&self.0).tickets.len()
    }

    /// Takes the first place if it is free, or else stands at the end of the line.
    fn stand(&self) -> Option<Arc<Ticket>> {
        let mut waiting = locked(&self.0);
        if !waiting.is_taken {
            waiting.is_taken = true;
            return None;
        }
        let ticket = Arc::new(Ticket { thread: thread::current(), is_called: AtomicBool::new(false) });
        waiting.tickets.push_back(Arc::clone(&ticket));
        Some(ticket)
    }

    /// Leaves the line. False if the thread has been called meanwhile, and so has the first place.
    #[cfg(feature = "postgres")]
    fn leave(&self, ticket: &Arc<Ticket>) -> bool {
        let mut waiting = locked(&self.0);
        let place = waiting.tickets.iter().position(|other| Arc::ptr_eq(other, ticket));
        place.is_some_and(|place| waiting.tickets.remove(place).is_some())
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

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn who_has_waited_long_enough_leaves_the_line_and_those_behind_go_on() {
        let line = Line::default();
        let first = line.wait();
        thread::scope(|scope| {
            let second = scope.spawn(|| line.wait_for(Duration::from_millis(20)).is_some());
            assert!(!second.join().unwrap(), "the first has not ended");
            let third = scope.spawn(|| line.wait_for(Duration::from_mins(1)).is_some());
            while line.waiting() == 0 {
                thread::yield_now();
            }
            drop(first);
            assert!(third.join().unwrap());
        });
        assert!(line.wait_for(Duration::ZERO).is_some(), "nobody is there any more");
    }
}
