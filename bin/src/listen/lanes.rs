//! The threads that the App runs on: so many for each kind of work, and within a kind the accounts take turns.
//!
//! A [`Pool`] begins with one thread and makes more while work waits, up to its number; those end when there is nothing to
//! do. Work waits by account, and the accounts go round: however many requests one account sends, another account's next
//! request waits for few of them. An account that already uses all the threads that it may use waits, even if others
//! are free. A long piece of work takes all the threads that its account may use.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use postroom::id::AccountId;
use tokio::sync::oneshot;
use tracing::warn;

use super::answer::Lane;

/// How long a thread waits for work before it ends; the last of a lane stays.
const IDLE: Duration = Duration::from_secs(10);

/// Whether the work may be done now, or must be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is its turn.
    Now,
    /// The queue is full, or the server stops: it is to say so, and not to block.
    Never,
}

/// How much of what its account may have at a time a piece of work takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// One thread.
    One,
    /// All of it.
    Whole,
}

struct Job {
    share: Share,
    work: Box<dyn FnOnce(Turn) + Send>,
}

/// What a lane allows.
#[derive(Clone, Copy, Debug)]
struct Rules {
    name: &'static str,
    threads: usize,
    /// How many of them one account may have at a time.
    of_account: usize,
    /// How many requests of one account may wait.
    waiting: usize,
    /// How many of an account's requests are really done at a time; what runs beyond that counts among those that wait.
    at_once: usize,
}

impl Rules {
    /// How many of an account's threads a piece of work takes.
    fn places(&self, share: Share) -> usize {
        match share {
            Share::One => 1,
            Share::Whole => self.of_account,
        }
    }
}

/// The lanes, each with its threads.
pub(super) struct Lanes {
    health: Arc<Pool>,
    authentication: Arc<Pool>,
    reads: Arc<Pool>,
    writes: Arc<Pool>,
    batches: Arc<Pool>,
    looks: Arc<Pool>,
    calls: Arc<Pool>,
}

impl Lanes {
    /// Makes the first thread of each lane; an error says that the system has none.
    pub(super) fn start(write_queue: usize) -> io::Result<Lanes> {
        let pool = |name, threads, of_account, waiting| {
            Pool::start(Rules { name, threads, of_account, waiting, at_once: of_account })
        };
        Ok(Lanes {
            health: pool("postroom-health", 1, 1, usize::MAX)?,
            authentication: pool("postroom-keys", 2, 2, usize::MAX)?,
            // One account's long lists can take half of the threads at most.
            reads: pool("postroom-reads", 4, 2, usize::MAX)?,
            // They write in turn; those whose turns follow one another share a sync to disk, so that many make it cheap.
            writes: Pool::start(Rules {
                name: "postroom-writes",
                threads: 24,
                of_account: 16,
                waiting: write_queue,
                at_once: 1,
            })?,
            // They write in turn, a piece at a time; while one asks the DNS, which takes seconds, others write.
            batches: pool("postroom-batch", 4, 1, write_queue)?,
            looks: pool("postroom-looks", 16, 4, write_queue)?,
            calls: pool("postroom-calls", 4, 1, write_queue)?,
        })
    }

    /// Does `work` when it is its turn. `None` says that it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        account: Option<AccountId>,
        share: Share,
        work: impl FnOnce(Turn) -> T + Send + 'static,
    ) -> Option<T> {
        let Some(pool) = self.of(lane) else {
            // The panic hook has told of it.
            return catch_unwind(AssertUnwindSafe(|| work(Turn::Now))).ok();
        };
        let (done, result) = oneshot::channel();
        let work = Box::new(move |turn| {
            // Nobody waits for the result where the connection has ended.
            let _ = done.send(work(turn));
        });
        pool.push(account, Job { share, work });
        result.await.ok()
    }

    /// Refuses all work that waits to write, to ask the DNS or to call a server, and all that comes later.
    pub(super) fn refuse_what_waits(&self) {
        self.writes.close();
        self.batches.close();
        self.looks.close();
        self.calls.close();
    }

    /// How many requests wait in each lane now.
    pub(super) fn waiting(&self) -> [(&'static str, usize); 5] {
        [
            ("health", &self.health),
            ("authentication", &self.authentication),
            ("reads", &self.reads),
            ("writes", &self.writes),
            ("looks", &self.looks),
        ]
        .map(|(name, pool)| (name, pool.waiting()))
    }

    fn of(&self, lane: Lane) -> Option<&Arc<Pool>> {
        match lane {
            Lane::Here => None,
            Lane::Health => Some(&self.health),
            Lane::Authentication => Some(&self.authentication),
            Lane::Reads => Some(&self.reads),
            Lane::Writes => Some(&self.writes),
            Lane::Batches => Some(&self.batches),
            Lane::Looks => Some(&self.looks),
            Lane::Calls => Some(&self.calls),
        }
    }
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes").finish_non_exhaustive()
    }
}

/// One lane: its queue and its threads.
struct Pool {
    rules: Rules,
    queue: Mutex<Queue>,
    work: Condvar,
}

/// What runs for one account.
#[derive(Clone, Copy, Default)]
struct Running {
    jobs: usize,
    /// How many of the account's threads they take.
    places: usize,
}

#[derive(Default)]
struct Queue {
    waiting: HashMap<Option<AccountId>, VecDeque<Job>>,
    /// Whose turn is next; each account with something waiting stands there once.
    turns: VecDeque<Option<AccountId>>,
    running: HashMap<Option<AccountId>, Running>,
    threads: usize,
    /// Threads that wait for work.
    idle: usize,
    /// Those of them that are called, and not yet awake.
    called: usize,
    closed: bool,
}

impl Pool {
    fn start(rules: Rules) -> io::Result<Arc<Pool>> {
        let pool = Arc::new(Pool { rules, queue: Mutex::default(), work: Condvar::new() });
        pool.queue().threads = 1;
        pool.spawn()?;
        Ok(pool)
    }

    /// Queues the job for its turn, or makes it refuse now.
    fn push(self: &Arc<Self>, account: Option<AccountId>, job: Job) {
        let mut queue = self.queue();
        let own = queue.waiting.get(&account).map_or(0, VecDeque::len);
        let running = queue.running.get(&account).copied().unwrap_or_default();
        let waiting = own + running.jobs.saturating_sub(self.rules.at_once);
        if queue.closed || waiting >= self.rules.waiting {
            drop(queue);
            return refuse([job]);
        }
        queue.waiting.entry(account).or_default().push_back(job);
        if own == 0 {
            queue.turns.push_back(account);
        }
        if running.places + own >= self.rules.of_account {
            // A thread that works for this account takes the job when it has finished its present one.
            return;
        }
        if queue.idle > queue.called {
            queue.called += 1;
            return self.work.notify_one();
        }
        if queue.threads >= self.rules.threads {
            return;
        }
        queue.threads += 1;
        drop(queue);
        if let Err(error) = self.spawn() {
            self.queue().threads -= 1;
            warn!(lane = self.rules.name, %error, "the system gives no thread; the lane goes on with those it has");
        }
    }

    fn spawn(self: &Arc<Self>) -> io::Result<()> {
        let pool = Arc::clone(self);
        thread::Builder::new().name(self.rules.name.to_owned()).spawn(move || pool.work()).map(|_| ())
    }

    /// The life of a thread.
    fn work(&self) {
        let mut queue = self.queue();
        loop {
            if let Some((account, job)) = queue.next(self.rules) {
                drop(queue);
                let places = self.rules.places(job.share);
                // The panic hook has told of it, and whoever waits for the result sees that there is none.
                let _ = catch_unwind(AssertUnwindSafe(|| (job.work)(Turn::Now)));
                queue = self.queue();
                queue.done(account, places);
                if places > 1 && queue.idle > queue.called {
                    // Several that waited for these places may begin.
                    queue.called = queue.idle;
                    self.work.notify_all();
                }
                continue;
            }
            queue.idle += 1;
            let waited = self.work.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = waited.0;
            queue.idle -= 1;
            queue.called = queue.called.saturating_sub(1);
            if waited.1.timed_out() && queue.threads > 1 && queue.turns.is_empty() {
                queue.threads -= 1;
                return;
            }
        }
    }

    /// How many requests wait, for a thread or for their turn within it.
    fn waiting(&self) -> usize {
        let queue = self.queue();
        let running = queue.running.values().map(|running| running.jobs.saturating_sub(self.rules.at_once));
        running.sum::<usize>() + queue.waiting.values().map(VecDeque::len).sum::<usize>()
    }

    /// Refuses the jobs that wait and those that come later.
    fn close(&self) {
        let waiting = {
            let mut queue = self.queue();
            queue.closed = true;
            queue.turns.clear();
            std::mem::take(&mut queue.waiting)
        };
        refuse(waiting.into_values().flatten());
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// The next job whose account may have as many threads as it takes; the account goes to the end of the line.
    fn next(&mut self, rules: Rules) -> Option<(Option<AccountId>, Job)> {
        let (running, waiting) = (&self.running, &self.waiting);
        let at = self.turns.iter().position(|account| {
            let next = waiting.get(account).and_then(VecDeque::front);
            let taken = running.get(account).map_or(0, |running| running.places);
            next.is_some_and(|job| taken + rules.places(job.share) <= rules.of_account)
        })?;
        let account = self.turns.remove(at)?;
        let own = self.waiting.get_mut(&account)?;
        let job = own.pop_front()?;
        if own.is_empty() {
            self.waiting.remove(&account);
        } else {
            self.turns.push_back(account);
        }
        let running = self.running.entry(account).or_default();
        running.jobs += 1;
        running.places += rules.places(job.share);
        Some((account, job))
    }

    fn done(&mut self, account: Option<AccountId>, places: usize) {
        if let Some(running) = self.running.get_mut(&account) {
            running.jobs = running.jobs.saturating_sub(1);
            running.places = running.places.saturating_sub(places);
            if running.jobs == 0 {
                self.running.remove(&account);
            }
        }
    }
}

fn refuse(jobs: impl IntoIterator<Item = Job>) {
    for job in jobs {
        let _ = catch_unwind(AssertUnwindSafe(|| (job.work)(Turn::Never)));
    }
}

#[cfg(test)]
mod tests;
