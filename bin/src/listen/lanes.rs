//! The threads that the App runs on: so many for each kind of work, and within a kind the accounts take turns.
//!
//! A [`Pool`] begins with one thread and makes more while work waits, up to its number; those end when there is nothing to
//! do. Work waits by account, and the accounts go round: however many requests one account sends, another account's next
//! request waits for at most one of them. An account that already uses all the threads that it may use waits, even if others
//! are free.

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

type Job = Box<dyn FnOnce(Turn) + Send>;

/// What a lane allows.
#[derive(Clone, Copy, Debug)]
struct Rules {
    name: &'static str,
    threads: usize,
    /// How many of them one account may have at a time.
    of_account: usize,
    /// How many requests of one account may wait.
    waiting: usize,
}

/// The lanes, each with its threads.
pub(super) struct Lanes {
    health: Arc<Pool>,
    authentication: Arc<Pool>,
    reads: Arc<Pool>,
    writes: Arc<Pool>,
    batches: Arc<Pool>,
    looks: Arc<Pool>,
}

impl Lanes {
    /// Makes the first thread of each lane; an error says that the system has none.
    pub(super) fn start(write_queue: usize) -> io::Result<Lanes> {
        let pool =
            |name, threads, of_account, waiting| Pool::start(Rules { name, threads, of_account, waiting });
        Ok(Lanes {
            health: pool("postroom-health", 1, 1, usize::MAX)?,
            authentication: pool("postroom-keys", 2, 2, usize::MAX)?,
            // One account's long lists can take half of the threads at most.
            reads: pool("postroom-reads", 4, 2, usize::MAX)?,
            // One writes at a time in any case; the others read what they were sent, and make keys.
            writes: pool("postroom-writes", 4, 1, write_queue)?,
            // Between its pieces everybody else writes: the more of them go side by side, the less often.
            batches: pool("postroom-batch", 1, 1, write_queue)?,
            looks: pool("postroom-looks", 16, 4, write_queue)?,
        })
    }

    /// Does `work` when it is its turn. `None` says that it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        account: Option<AccountId>,
        work: impl FnOnce(Turn) -> T + Send + 'static,
    ) -> Option<T> {
        let (done, result) = oneshot::channel();
        self.of(lane).push(
            account,
            Box::new(move |turn| {
                // Nobody waits for the result where the connection has ended.
                let _ = done.send(work(turn));
            }),
        );
        result.await.ok()
    }

    /// Refuses all work that waits to write or to ask the DNS, and all that comes later.
    pub(super) fn refuse_what_waits(&self) {
        self.writes.close();
        self.batches.close();
        self.looks.close();
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
        .map(|(name, pool)| (name, pool.queue().waiting.values().map(VecDeque::len).sum()))
    }

    fn of(&self, lane: Lane) -> &Arc<Pool> {
        match lane {
            Lane::Health => &self.health,
            Lane::Authentication => &self.authentication,
            Lane::Reads => &self.reads,
            Lane::Writes => &self.writes,
            Lane::Batches => &self.batches,
            Lane::Looks => &self.looks,
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

#[derive(Default)]
struct Queue {
    waiting: HashMap<Option<AccountId>, VecDeque<Job>>,
    /// Whose turn is next; each account with something waiting stands there once.
    turns: VecDeque<Option<AccountId>>,
    running: HashMap<Option<AccountId>, usize>,
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
        let running = queue.running.get(&account).copied().unwrap_or(0);
        if queue.closed || own >= self.rules.waiting {
            drop(queue);
            return refuse([job]);
        }
        queue.waiting.entry(account).or_default().push_back(job);
        if own == 0 {
            queue.turns.push_back(account);
        }
        if running + own >= self.rules.of_account {
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
            if let Some((account, job)) = queue.next(self.rules.of_account) {
                drop(queue);
                // The panic hook has told of it, and whoever waits for the result sees that there is none.
                let _ = catch_unwind(AssertUnwindSafe(|| job(Turn::Now)));
                queue = self.queue();
                queue.done(account);
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
    /// The next job whose account may have a thread; the account goes to the end of the line.
    fn next(&mut self, of_account: usize) -> Option<(Option<AccountId>, Job)> {
        let running = &self.running;
        let at =
            self.turns.iter().position(|account| running.get(account).copied().unwrap_or(0) < of_account)?;
        let account = self.turns.remove(at)?;
        let own = self.waiting.get_mut(&account)?;
        let job = own.pop_front()?;
        if own.is_empty() {
            self.waiting.remove(&account);
        } else {
            self.turns.push_back(account);
        }
        *self.running.entry(account).or_default() += 1;
        Some((account, job))
    }

    fn done(&mut self, account: Option<AccountId>) {
        if let Some(running) = self.running.get_mut(&account) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                self.running.remove(&account);
            }
        }
    }
}

fn refuse(jobs: impl IntoIterator<Item = Job>) {
    for job in jobs {
        let _ = catch_unwind(AssertUnwindSafe(|| job(Turn::Never)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn pool(threads: usize, of_account: usize, waiting: usize) -> Arc<Pool> {
        Pool::start(Rules { name: "postroom-test", threads, of_account, waiting }).expect("a thread")
    }

    /// A job that says its name when it begins, and goes on until it is let go.
    fn held(name: &'static str, said: &Sender<(&'static str, Turn)>) -> (Job, Sender<()>) {
        let (go, wait) = channel::<()>();
        let said = said.clone();
        let job: Job = Box::new(move |turn| {
            said.send((name, turn)).expect("a listener");
            if turn == Turn::Now {
                let _ = wait.recv_timeout(SOON);
            }
        });
        (job, go)
    }

    fn names(said: &Receiver<(&'static str, Turn)>, count: usize) -> Vec<&'static str> {
        (0..count).map(|_| said.recv_timeout(SOON).expect("a job").0).collect()
    }

    #[test]
    fn the_accounts_take_turns_however_much_one_of_them_asks() {
        let (pool, (say, said)) = (pool(1, 1, 100), channel());
        let mut held_back = Vec::new();
        for (name, number) in [("a1", 1), ("a2", 1), ("a3", 1), ("b1", 2), ("c1", 3), ("b2", 2)] {
            let (job, go) = held(name, &say);
            pool.push(Some(AccountId::new(number)), job);
            held_back.push(go);
            if name == "a1" {
                assert_eq!(names(&said, 1), ["a1"]);
            }
        }
        drop(held_back);
        assert_eq!(names(&said, 5), ["a2", "b1", "c1", "a3", "b2"]);
    }

    #[test]
    fn an_account_with_all_its_threads_leaves_the_others_free() {
        let (pool, (say, said)) = (pool(2, 1, 100), channel());
        let (first, go) = held("first", &say);
        let (second, _go) = held("second", &say);
        let (other, _go) = held("other", &say);
        pool.push(Some(AccountId::new(1)), first);
        pool.push(Some(AccountId::new(1)), second);
        pool.push(Some(AccountId::new(2)), other);
        let mut begun = names(&said, 2);
        begun.sort_unstable();
        assert_eq!(begun, ["first", "other"]);
        drop(go);
        assert_eq!(names(&said, 1), ["second"]);
    }

    #[test]
    fn a_full_queue_refuses_the_account_that_filled_it_at_once_and_no_other() {
        let (pool, (say, said)) = (pool(1, 1, 2), channel());
        let (running, _go) = held("running", &say);
        pool.push(Some(AccountId::new(1)), running);
        assert_eq!(names(&said, 1), ["running"]);
        let mut kept = Vec::new();
        for (name, number) in [("waits", 1), ("waits too", 1), ("refused", 1), ("another's", 2)] {
            let (job, go) = held(name, &say);
            pool.push(Some(AccountId::new(number)), job);
            kept.push(go);
        }
        assert_eq!(said.recv_timeout(SOON).unwrap(), ("refused", Turn::Never));
        pool.close();
        let mut left: Vec<_> = (0..3).map(|_| said.recv_timeout(SOON).unwrap()).collect();
        left.sort_unstable_by_key(|(name, _)| *name);
        assert_eq!(left, ["another's", "waits", "waits too"].map(|name| (name, Turn::Never)));
        let (late, _go) = held("late", &say);
        pool.push(Some(AccountId::new(3)), late);
        assert_eq!(said.recv_timeout(SOON).unwrap(), ("late", Turn::Never));
    }

    #[test]
    fn a_panic_costs_its_own_result_alone() {
        let lanes = Lanes::start(10).expect("threads");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let panicked = runtime.block_on(lanes.run(Lane::Writes, None, |_| panic!("asked to")));
        assert_eq!(panicked, None::<()>);
        assert_eq!(runtime.block_on(lanes.run(Lane::Writes, None, |turn| turn)), Some(Turn::Now));
    }
}
