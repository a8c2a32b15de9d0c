//! A resolver that answers when it is let go, so that a test can hold a check in the middle.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use postroom::dns::{Answer, Question, Resolver, ScriptedResolver};
use postroom::name::DnsName;

/// No test holds anything for so long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Holds every question, or those below one name, and answers the others from a script.
#[derive(Default)]
pub(crate) struct Held {
    below: Option<DnsName>,
    script: Arc<ScriptedResolver>,
    /// How many questions have come to be held, and whether all are let go.
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Held {
    /// Holds the questions at and below `name`.
    pub(crate) fn below(name: &str, script: Arc<ScriptedResolver>) -> Held {
        Held { below: Some(name.parse().unwrap()), script, ..Held::default() }
    }

    /// Waits until so many are held.
    pub(crate) fn wait_for(&self, waiting: usize) {
        let state = self.state.lock().unwrap();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |(now, _)| *now < waiting).unwrap();
        assert!(!waited.1.timed_out(), "nobody asks");
    }

    /// Lets all go, from now on.
    pub(crate) fn release(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

impl Resolver for Held {
    fn lookup(&self, question: &Question) -> Answer {
        if self.below.as_ref().is_none_or(|name| question.name.is_within(name)) {
            let mut state = self.state.lock().unwrap();
            state.0 += 1;
            self.changed.notify_all();
            drop(self.changed.wait_timeout_while(state, PATIENCE, |(_, released)| !*released).unwrap());
        }
        self.script.lookup(question)
    }
}
