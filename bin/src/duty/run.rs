//! The loop that runs every duty, and the stop, which waits for the duties to end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{error, warn};

use super::{Duty, More};
use crate::app::stop_if_sync_failed;
use crate::watch::count_duty_failure;

/// The shortest pause after a failure of a duty.
const PAUSE_AFTER_TROUBLE: Duration = Duration::from_secs(10);

/// The duties at work, each in its own threads. Dropping this value asks them to stop, and does not wait for that.
pub struct Duties(Arc<Crew>);

impl Duties {
    /// Starts the first thread of each of these duties. It fails if the system refuses one.
    pub fn start<T: Send + Sync + 'static>(table: &'static [Duty<T>], tools: T) -> io::Result<Duties> {
        let duties = Duties(Arc::default());
        let tools = Arc::new(tools);
        table.iter().try_for_each(|duty| begin(duty, &tools, &duties.0))?;
        Ok(duties)
    }

    /// Asks every duty to end after the piece of work in hand, and waits for them. A duty that takes longer than `grace` is
    /// left behind, and ends with the process.
    pub fn stop(self, grace: Duration) {
        self.0.stop.order();
        let waited = self.0.left.wait_timeout_while(self.0.posts(), grace, |posts| !posts.is_empty());
        let (posts, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !posts.is_empty() {
            let duties = posts.keys().copied().collect::<Vec<_>>().join(", ");
            warn!(duties, "still at work after the grace of {grace:?}: left behind");
        }
    }
}

impl Drop for Duties {
    fn drop(&mut self) {
        self.0.stop.order();
    }
}

/// The threads of all duties.
#[derive(Default)]
struct Crew {
    stop: Stop,
    /// The duties that have threads, by their names.
    posts: Mutex<BTreeMap<&'static str, Post>>,
    /// Told when a thread ends.
    left: Condvar,
}

/// The threads of one duty.
#[derive(Default)]
struct Post {
    threads: u32,
    /// Those of them that found nothing to do, and will look again.
    resting: u32,
}

impl Crew {
    fn posts(&self) -> MutexGuard<'_, BTreeMap<&'static str, Post>> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread of this duty ends.
    fn leave(&self, name: &'static str) {
        let mut posts = self.posts();
        if let Some(post) = posts.get_mut(name) {
            post.threads = post.threads.saturating_sub(1);
            if post.threads == 0 {
                posts.remove(name);
            }
        }
        self.left.notify_all();
    }

    /// Rests until the duty is to look again. Returns whether this thread is to go on: not if the crew stops, and not if another
    /// thread of the duty rests already, which is enough.
    fn rest(&self, name: &'static str, pause: Duration) -> bool {
        match self.posts().get_mut(name) {
            Some(post) if post.resting > 0 => return false,
            Some(post) => post.resting += 1,
            None => {}
        }
        let stops = self.stop.comes_within(pause);
        if let Some(post) = self.posts().get_mut(name) {
            post.resting = post.resting.saturating_sub(1);
        }
        !stops
    }
}

/// Begins another thread of a duty.
type Begin = Box<dyn Fn() -> io::Result<()>>;

thread_local! {
    /// What begins another thread of the duty that this thread does.
    static ANOTHER: RefCell<Option<Begin>> = const { RefCell::new(None) };
}

/// Has another thread look for more of this duty's work, if the duty may have one more and none of its threads rests. Called by
/// work that has taken a piece which can take long.
pub(super) fn call_another() {
    ANOTHER.with_borrow(|another| {
        if let Some(Err(error)) = another.as_ref().map(|begin| begin()) {
            warn!(%error, "the system gives no thread; the duty goes on with those it has");
        }
    });
}

/// Begins a thread of a duty, unless it has as many as it may have, or one that rests.
fn begin<T: Send + Sync + 'static>(
    duty: &'static Duty<T>,
    tools: &Arc<T>,
    crew: &Arc<Crew>,
) -> io::Result<()> {
    {
        let mut posts = crew.posts();
        let post = posts.entry(duty.name).or_default();
        let most = (duty.threads)(tools);
        if post.resting > 0 || post.threads >= most {
            if post.threads == 0 {
                posts.remove(duty.name);
            }
            return Ok(());
        }
        post.threads += 1;
    }
    let (own_tools, own_crew) = (Arc::clone(tools), Arc::clone(crew));
    let thread = thread::Builder::new().name(format!("duty-{}", duty.name)).spawn(move || {
        let (tools, crew) = (Arc::clone(&own_tools), Arc::clone(&own_crew));
        ANOTHER.set(Some(Box::new(move || begin(duty, &tools, &crew))));
        keep(duty, &own_tools, &own_crew);
        ANOTHER.take();
        drop(own_tools);
        own_crew.leave(duty.name);
    });
    thread.map(drop).inspect_err(|_| crew.leave(duty.name))
}

/// Does one duty until the stop, or until another thread is enough for it.
fn keep<T>(duty: &Duty<T>, tools: &T, crew: &Crew) {
    loop {
        let goes_on = match attempt(duty, tools) {
            Some(More::Now) => !crew.stop.comes_within(Duration::ZERO),
            Some(More::Later) => crew.rest(duty.name, duty.pause),
            None => !crew.stop.comes_within(duty.pause.max(PAUSE_AFTER_TROUBLE)),
        };
        if !goes_on {
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
