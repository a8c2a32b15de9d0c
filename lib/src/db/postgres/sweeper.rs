//! The ends of reads. Nobody waits for one: it goes to the server with whatever the connection is used for next, in the same round trip.
//! Where nothing follows within some milliseconds, the thread of this module sends it, so that no transaction stays open.

use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use crate::db::locked;

/// How long a read that is over may stay open at the server.
const REST: Duration = Duration::from_millis(5);

/// Wakes the thread that ends reads.
#[derive(Default)]
pub(super) struct Sweeper {
    state: Mutex<State>,
    told: Condvar,
}

#[derive(Default)]
struct State {
    is_begun: bool,
    is_wanted: bool,
    is_over: bool,
}

impl Sweeper {
    /// A read was left open. Returns whether somebody will end it: by `end_reads`, which says whether there are still connections to look
    /// after.
    pub(super) fn tell(self: &Arc<Sweeper>, end_reads: impl Fn() -> bool + Send + 'static) -> bool {
        let mut state = locked(&self.state);
        state.is_wanted = true;
        if !state.is_begun {
            let own = Arc::clone(self);
            let begun =
                thread::Builder::new().name("postroom-reads".to_owned()).spawn(move || own.sweep(end_reads));
            state.is_begun = begun.is_ok();
        }
        self.told.notify_one();
        state.is_begun
    }

    pub(super) fn stop(&self) {
        locked(&self.state).is_over = true;
        self.told.notify_one();
    }

    fn sweep(&self, end_reads: impl Fn() -> bool) {
        loop {
            {
                let state = locked(&self.state);
                let waited = self.told.wait_while(state, |state| !state.is_wanted && !state.is_over);
                let mut state = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
                if state.is_over {
                    return;
                }
                state.is_wanted = false;
            }
            thread::sleep(REST);
            if !end_reads() {
                return;
            }
        }
    }
}
