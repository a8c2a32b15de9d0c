//! The process: sockets, connections, and an end within ten seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use postroom::db::Postroom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{interval, sleep, timeout};
use tracing::{error, info, warn};

use super::auth::SenderAuth;
use super::lmtp::Lmtp;
use super::map::Map;
use super::milter::Milter;
use super::policy::Policy;
use super::{Folder, FolderError, Protocol, Step, Uses};
use crate::delivery::Deliverer;

/// The sockets.
pub const SOCKETS: [&str; 5] = ["map", "auth", "milter", LMTP, "policy"];
const LMTP: &str = "lmtp";
/// Threads that ask the database, threads that deliver and may wait for another server, and threads that move octets.
const ASKING: usize = 8;
const DELIVERING: usize = 32;
const MOVING: usize = 2;
/// The most connections of one socket; those beyond wait to be accepted.
const MOST_CONNECTIONS: usize = 1024;
/// How long a peer may take to read an answer, and to go on with a message that it has begun.
const WRITING: Duration = Duration::from_secs(30);
const READING: Duration = Duration::from_mins(10);
/// How often the last uses of tokens are written down.
const USES: Duration = Duration::from_secs(30);
/// How often calls of webhooks are written down.
const CALLS: Duration = Duration::from_secs(1);
/// How often what was counted is written to the audit log.
const COUNTS: Duration = Duration::from_hours(1);
/// How long what is in hand may take when the process is to stop.
const GRACE: Duration = Duration::from_secs(9);
/// The most octets that are read at once.
const CHUNK: usize = 16 * 1024;

/// What every connection works with.
pub struct Bridge {
    /// The database.
    pub postroom: Arc<Postroom>,
    /// When tokens were last used.
    pub uses: Arc<Uses>,
    /// What delivers.
    pub deliverer: Arc<Deliverer>,
    /// Whether mail that is to be signed is refused for the moment where its domain has no active key.
    pub require_dkim: bool,
}

impl Bridge {
    fn protocol(&self, socket: &str, connection: u64) -> Box<dyn Protocol> {
        let postroom = Arc::clone(&self.postroom);
        match socket {
            "map" => Box::new(Map::new(postroom)),
            "auth" => {
                Box::new(SenderAuth::new(Arc::clone(&self.deliverer), Arc::clone(&self.uses), connection))
            }
            "policy" => Box::new(Policy::new(postroom)),
            LMTP => Box::new(Lmtp::new(Arc::clone(&self.deliverer))),
            _ => Box::new(Milter::new(Arc::clone(&self.deliverer), self.require_dkim)),
        }
    }
}

/// How the process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Everything that was in hand was finished.
    Finished,
    /// Something took longer than there was time.
    Late,
}

/// Serves the sockets in `folder` until SIGTERM or SIGINT. `ready` is called when all of them are there.
pub fn run(bridge: Bridge, folder: &Folder, ready: impl FnOnce()) -> Result<Stopped, RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(MOVING)
        .max_blocking_threads(ASKING + DELIVERING)
        .enable_all()
        .build()
        .map_err(RunError::System)?;
    let stopped = runtime.block_on(serve(Arc::new(bridge), folder, ready));
    // Whatever still runs is given up; what a mail server was told stands.
    runtime.shutdown_timeout(Duration::from_millis(500));
    stopped
}

/// Why the process cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The system gives no threads or signals.
    #[error("the system does not let it run: {0}")]
    System(std::io::Error),
    /// A socket cannot be made.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

async fn serve(bridge: Arc<Bridge>, folder: &Folder, ready: impl FnOnce()) -> Result<Stopped, RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::System)?;
    let (stop, stops) = watch::channel(false);
    // A delivery that waits for another server keeps no question waiting.
    let (asking, delivering) = (Arc::new(Semaphore::new(ASKING)), Arc::new(Semaphore::new(DELIVERING)));
    let mut sockets = JoinSet::new();
    for name in SOCKETS {
        let listener = folder.listen(name)?;
        let threads = Arc::clone(if name == LMTP { &delivering } else { &asking });
        sockets.spawn(accept(listener, name, Arc::clone(&bridge), threads, stops.clone()));
    }
    ready();
    let (mut uses, mut counts, mut calls) = (interval(USES), interval(COUNTS), interval(CALLS));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = uses.tick() => write_uses(&bridge).await,
            _ = counts.tick() => write_counts(&bridge).await,
            _ = calls.tick() => write_calls(&bridge).await,
        }
    }
    info!("stopping");
    let _ = stop.send(true);
    let finished = timeout(GRACE, async { while sockets.join_next().await.is_some() {} }).await;
    for name in SOCKETS {
        folder.remove(name);
    }
    write_uses(&bridge).await;
    write_counts(&bridge).await;
    write_calls(&bridge).await;
    Ok(if finished.is_ok() { Stopped::Finished } else { Stopped::Late })
}

async fn write_uses(bridge: &Arc<Bridge>) {
    let bridge = Arc::clone(bridge);
    // A panic there is logged where it happens; the uses are of no weight.
    let written = spawn_blocking(move || bridge.uses.write(&bridge.postroom)).await;
    if let Ok(Err(trouble)) = written {
        warn!(%trouble, "when tokens were last used could not be written down");
    }
}

async fn write_calls(bridge: &Arc<Bridge>) {
    let bridge = Arc::clone(bridge);
    // A panic there is logged where it happens.
    let _ = spawn_blocking(move || bridge.deliverer.calls.write(&bridge.postroom)).await;
}

async fn write_counts(bridge: &Arc<Bridge>) {
    let bridge = Arc::clone(bridge);
    let written = spawn_blocking(move || bridge.deliverer.tally.write(&bridge.postroom)).await;
    if let Ok(Err(trouble)) = written {
        warn!(%trouble, "what was counted could not be written to the audit log");
    }
}

/// Accepts until the process is to stop, then waits for the connections.
async fn accept(
    listener: UnixListener,
    name: &'static str,
    bridge: Arc<Bridge>,
    threads: Arc<Semaphore>,
    mut stops: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let number = AtomicU64::new(1);
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            Some(_) = connections.join_next() => continue,
            _ = stops.changed() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let protocol = bridge.protocol(name, number.fetch_add(1, Ordering::Relaxed));
                let (threads, stops) = (Arc::clone(&threads), stops.clone());
                connections.spawn(async move {
                    converse(stream, protocol, &threads, stops).await;
                    drop(place);
                });
            }
            Err(trouble) => {
                // As when there are no more file descriptors: it is tried again, not at once.
                error!(socket = name, %trouble, "no connection could be accepted");
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn converse(
    mut stream: UnixStream,
    mut protocol: Box<dyn Protocol>,
    threads: &Semaphore,
    mut stops: watch::Receiver<bool>,
) {
    let mut input = Vec::new();
    let greeting = protocol.greeting();
    if !write(&mut stream, &greeting).await {
        return;
    }
    loop {
        // It is never closed.
        let Ok(thread) = threads.acquire().await else { return };
        // All that was read is answered in one go: most of the cost of a small request is to change the thread.
        let asked = spawn_blocking(move || {
            let mut answers = Vec::new();
            let step = loop {
                match protocol.step(&mut input) {
                    Step::Answer(answer) => answers.extend(answer),
                    other => break other,
                }
            };
            (protocol, input, answers, step)
        });
        // A panic ends this one connection, and the mail server tries again.
        let Ok((kept, rest, answers, step)) = asked.await else { return };
        drop(thread);
        (protocol, input) = (kept, rest);
        if !write(&mut stream, &answers).await {
            return;
        }
        match step {
            Step::Close => return,
            Step::Last(answer) => {
                write(&mut stream, &answer).await;
                return;
            }
            // Answers are written already.
            Step::More | Step::Answer(_) => {
                if *stops.borrow() && input.is_empty() && protocol.is_idle() {
                    return;
                }
                input.reserve(CHUNK);
                let stopping = *stops.borrow();
                let is_idle = protocol.is_idle();
                tokio::select! {
                    () = sleep(READING), if !is_idle => return,
                    read = stream.read_buf(&mut input) => if !matches!(read, Ok(1..)) { return },
                    _ = stops.changed(), if !stopping => {}
                }
            }
        }
    }
}

/// Whether it could be written.
async fn write(stream: &mut UnixStream, octets: &[u8]) -> bool {
    octets.is_empty() || matches!(timeout(WRITING, stream.write_all(octets)).await, Ok(Ok(())))
}
