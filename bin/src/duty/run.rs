//! The loop that runs every duty, and the stop, which waits for the duties to end.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{error, warn};

use super::{Duty, More};
use crate::app::stop_if_sync_failed;
use crate::watch::count_duty_failure;

/// The shortest pause after a failure of a duty.
const PAUSE_AFTER_TROUBLE: Duration = Duration::from_secs(10);

/// The duties at work, each in its own threads. Dropping this value asks them to stop, and does not wait for that.
pub struct Duties {
    stop: Arc<Stop>,
    /// One name for each thread that has not ended: that of its duty.
    working: Vec<&'static str>,
    /// Each thread that ends sends the name of its duty here.
    ended: Receiver<&'static str>,
}

impl Duties {
    /// Starts the threads of all these duties. It fails if the system refuses a thread.
    pub fn start<T: Send + Sync + 'static>(table: &'static [Duty<T>], tools: T) -> io::Result<Duties> {
        let (end, ended) = channel();
        let mut duties = Duties { stop: Arc::default(), working: Vec::new(), ended };
        let tools = Arc::new(tools);
        for duty in table {
            for _ in 0..(duty.threads)(&tools) {
                let (tools, stop, end) = (Arc::clone(&tools), Arc::clone(&duties.stop), end.clone());
                thread::Builder::new().name(format!("duty-{}", duty.name)).spawn(move || {
                    keep(duty, &tools, &stop);
                    drop(tools);
                    // The send fails once the grace is over, because nobody receives any more.
                    let _ = end.send(duty.name);
                })?;
                duties.working.push(duty.name);
            }
        }
        Ok(duties)
    }

    /// Asks every duty to end after the piece of work in hand, and waits for them. A duty that takes longer than `grace` is
    /// left behind, and ends with the process.
    pub fn stop(mut self, grace: Duration) {
        self.stop.order();
        let deadline = Instant::now() + grace;
        while !self.working.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(name) = self.ended.recv_timeout(left) else {
                warn!(
                    duties = self.working.join(", "),
                    "still at work after the grace of {grace:?}: left behind"
                );
                return;
            };
            if let Some(at) = self.working.iter().position(|working| *working == name) {
                self.working.swap_remove(at);
            }
        }
    }
}

impl Drop for Duties {
    fn drop(&mut self) {
        self.stop.order();
    }
}

/// Runs one duty until the stop.
fn keep<T>(duty: &Duty<T>, tools: &T, stop: &Stop) {
    loop {
        let pause = match attempt(duty, tools) {
            Some(More::Now) => Duration::ZERO,
            Some(More::Later) => duty.pause,
            None => duty.pause.max(PAUSE_AFTER_TROUBLE),
        };
        if stop.comes_within(pause) {
            break;
        }
    }
    if duty.at_end {
        attempt(duty, tools);
    }
}

/// Does one piece of a duty's work. Returns `None` if it failed.
fn attempt<T>(duty: &Duty<T>, tools: &T) -> Option<More> {
    // A panic leaves the same state as an error: transactions are rolled back, and a poisoned lock can still be taken.
    match catch_unwind(AssertUnwindSafe(|| (duty.work)(tools))) {
        Ok(Ok(more)) => Some(more),
        Ok(Err(error)) => {
            count_duty_failure();
            warn!(duty = duty.name, %error, "a duty was not done; it is tried again");
            stop_if_sync_failed(&error);
            None
        }
        Err(_) => {
            count_duty_failure();
            error!(duty = duty.name, "a duty panicked; it is tried again");
            None
        }
    }
}

/// Whether the duties are to end.
#[derive(Default)]
struct Stop {
    ordered: Mutex<bool>,
    told: Condvar,
}

impl Stop {
    fn order(&self) {
        *self.ordered.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_all();
    }

    /// Waits for the order to stop, for `pause` at most, and returns whether it has come.
    fn comes_within(&self, pause: Duration) -> bool {
        let ordered = self.ordered.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.told.wait_timeout_while(ordered, pause, |ordered| !*ordered);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
