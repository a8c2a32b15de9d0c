//! The loop that runs every duty, and the stop that is waited for.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{error, warn};

use super::{Duty, More};
use crate::app::stop_if_sync_failed;

/// How long a duty that failed waits at least before it is tried again.
const PAUSE_AFTER_TROUBLE: Duration = Duration::from_secs(10);

/// The duties at work, each in its threads. Dropped, they are asked to stop and not waited for.
pub struct Duties {
    stop: Arc<Stop>,
    /// The name of the duty of each thread that has not ended.
    working: Vec<&'static str>,
    /// The name of the duty of each thread that ends.
    ended: Receiver<&'static str>,
}

impl Duties {
    /// Starts the threads of all these duties; the error is that of a thread that the system does not give.
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
                    // Nobody listens any more once the grace is over.
                    let _ = end.send(duty.name);
                })?;
                duties.working.push(duty.name);
            }
        }
        Ok(duties)
    }

    /// Has every duty end after the piece of work in hand, and waits for that. What takes longer than `grace` is left behind:
    /// it ends with the process.
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

/// Does one duty until the stop.
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

/// Does one piece of a duty's work; none where that failed.
fn attempt<T>(duty: &Duty<T>, tools: &T) -> Option<More> {
    // What a panic leaves behind is what an error does: transactions are rolled back, and locks are taken all the same.
    match catch_unwind(AssertUnwindSafe(|| (duty.work)(tools))) {
        Ok(Ok(more)) => Some(more),
        Ok(Err(error)) => {
            warn!(duty = duty.name, %error, "a duty was not done; it is tried again");
            stop_if_sync_failed(&error);
            None
        }
        Err(_) => {
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

    /// Waits for the order, for this long at most, and returns whether it has come.
    fn comes_within(&self, pause: Duration) -> bool {
        let ordered = self.ordered.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.told.wait_timeout_while(ordered, pause, |ordered| !*ordered);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
