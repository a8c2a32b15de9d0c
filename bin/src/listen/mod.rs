//! The HTTP server: it takes connections and gives the App only requests that can be read in one way.
//!
//! hyper 1 on tokio speaks HTTP, and this folder is the only one that knows. Around it stand, from the socket
//! up: `capacity` (how many connections, in all and from one address), `patience` (a peer that takes nothing),
//! `tls`, `gate` and `head` (each head judged before hyper reads it), `connection` (the App lets a request in by its head, and
//! then its body is read), `budget` (the memory for bodies and answers), `lanes` (the threads that the App runs on),
//! `streams` (answers that go on while something happens).
//! `docs/decisions/http-server.md` says why it is built so.
//!
//! The limits, none of which a client can move:
//!
//! | what | limit | beyond it |
//! |---|---|---|
//! | request line | 8 KiB | 414 |
//! | head | 16 KiB, 64 fields | 431 |
//! | head, from its first octet | 5 s | 408 |
//! | body | the route's, by [`Admission::body_limit`] | the App answers, with [`BodyFault::TooLarge`] |
//! | bodies, what is parsed of them, and answers, at once | [`Settings::memory`], a quarter of it an account | the App answers, with [`BodyFault::NoRoom`] |
//! | one account's waiting writes | [`Settings::write_queue`] | the App answers, with [`BodyFault::NoRoom`] |
//! | body, in time | 30 s | the App answers, with [`BodyFault::Incomplete`] |
//! | between requests | 15 s | closed |
//! | a peer that takes nothing of a response | 30 s | closed |
//! | a stream of events | 10 min | it ends |
//! | streams of events | 256, 16 an account, 8 of those by its set-up links, 4 by one link | the App's words for a server that is full |
//! | TLS handshake | 5 s | closed |
//! | connections | [`Settings::connections`] | an idle one, or one without a key, makes room; else they wait in the kernel's queue |
//! | connections from one address | [`Settings::per_address`] | closed |
//!
//! [`BodyFault::TooLarge`]: crate::wire::http::BodyFault::TooLarge
//! [`BodyFault::Incomplete`]: crate::wire::http::BodyFault::Incomplete
//! [`BodyFault::NoRoom`]: crate::wire::http::BodyFault::NoRoom

mod accept;
mod answer;
mod budget;
mod capacity;
mod connection;
mod error;
mod exchange;
mod gate;
mod head;
mod lanes;
mod patience;
mod proxy;
mod sending;
mod streams;
mod tls;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::{error, info, warn};

use accept::Acceptor;
use budget::Budget;
use connection::Desk;
use lanes::Lanes;
use streams::Streams;
use tls::Tls;

pub use answer::{Admission, Answer, Entry, Lane};
pub use budget::MemoryMib;
pub use error::ListenError;
pub use proxy::TrustedProxies;
pub use tls::TlsFiles;

/// What the operator decides about the listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// The files of TLS; plain HTTP without them.
    pub tls: Option<TlsFiles>,
    /// The most connections at a time.
    pub connections: usize,
    /// The most connections at a time from one address, or from one /64 of IPv6.
    ///
    /// A trusted proxy may have as many as there are.
    pub per_address: usize,
    /// The proxies that say whose requests they pass on.
    pub trusted_proxies: TrustedProxies,
    /// The most octets of bodies, of what is parsed of them, and of answers that wait to be sent.
    pub memory: usize,
    /// The most requests of one account that wait to write.
    pub write_queue: usize,
    /// How long a stop waits for the requests in hand.
    pub grace: Duration,
}

impl Settings {
    /// The usual limits, at `address`, without TLS.
    pub fn at(address: SocketAddr) -> Settings {
        Settings {
            address,
            tls: None,
            connections: 1024,
            per_address: 64,
            trusted_proxies: TrustedProxies::default(),
            memory: 256 * 1024 * 1024,
            write_queue: 128,
            grace: Duration::from_secs(30),
        }
    }
}

/// How long the steps may take that a client can delay.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    idle: Duration,
    head: Duration,
    body: Duration,
    write: Duration,
    handshake: Duration,
    linger: Duration,
    /// How long a stop waits for the rest of a body.
    unfinished: Duration,
    /// How often a stream of events looks for one.
    look: Duration,
    /// How long a stream of events lasts; whoever goes on listening asks for another.
    stream: Duration,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        Deadlines {
            idle: Duration::from_secs(15),
            head: Duration::from_secs(5),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
            handshake: Duration::from_secs(5),
            linger: Duration::from_secs(5),
            unfinished: Duration::from_secs(2),
            look: Duration::from_secs(1),
            stream: Duration::from_mins(10),
        }
    }
}

/// A socket that listens, with the runtime that will serve it. Signals are heard from the moment it is bound.
#[derive(Debug)]
pub struct Listener {
    runtime: Runtime,
    signals: Signals,
    front: Front,
}

/// The socket, and what its connections get.
#[derive(Debug)]
struct Front {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    settings: Settings,
    deadlines: Deadlines,
    lanes: Arc<Lanes>,
    stop: Arc<watch::Sender<bool>>,
}

/// Stops a [`Listener`] as SIGTERM does.
#[derive(Clone, Debug)]
pub struct StopHandle(Arc<watch::Sender<bool>>);

impl StopHandle {
    /// Has [`Listener::run`] take no more connections, and return when the requests in hand are answered.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// A view of the lanes of a [`Listener`], for who watches it.
#[derive(Clone, Debug)]
pub struct LanesView(Arc<Lanes>);

impl LanesView {
    /// How many requests wait in each lane now.
    pub fn waiting(&self) -> [(&'static str, usize); 5] {
        self.0.waiting()
    }
}

/// How serving came to its end.
#[derive(Clone, Copy, Debug)]
pub struct Stopped {
    /// When the stop was ordered.
    pub ordered: Instant,
    /// Whether it was ordered twice: nothing more is to be waited for.
    pub hurried: bool,
}

impl Listener {
    /// Reads the TLS files and listens. A connection or a signal that comes before [`run`](Listener::run) waits for it.
    pub fn bind(settings: Settings) -> Result<Listener, ListenError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("postroom-http")
            .enable_all()
            .build()
            .map_err(ListenError::System)?;
        let signals = {
            let _within = runtime.enter();
            Signals::new().map_err(ListenError::System)?
        };
        let tls = settings.tls.clone().map(Tls::read).transpose()?.map(Arc::new);
        let socket = TcpListener::bind(settings.address)
            .map_err(|error| ListenError::bind(settings.address, error))?;
        socket.set_nonblocking(true).map_err(ListenError::System)?;
        let address = socket.local_addr().map_err(ListenError::System)?;
        let stop = Arc::new(watch::Sender::new(false));
        let lanes = Arc::new(Lanes::start(settings.write_queue).map_err(ListenError::System)?);
        let front = Front { socket, address, tls, settings, deadlines: Deadlines::default(), lanes, stop };
        Ok(Listener { runtime, signals, front })
    }

    /// Where it listens, with the port that port 0 became.
    pub fn local_addr(&self) -> SocketAddr {
        self.front.address
    }

    /// What stops it from another thread.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(Arc::clone(&self.front.stop))
    }

    /// How many requests wait, from another thread.
    pub fn lanes(&self) -> LanesView {
        LanesView(Arc::clone(&self.front.lanes))
    }

    /// Serves until SIGTERM, SIGINT or a [`StopHandle`], and then answers the requests in hand.
    ///
    /// Blocks the calling thread until then, and returns how it came to that. A second signal stops without waiting for the
    /// answers. On SIGHUP the TLS files are read again.
    pub fn run(self, app: Arc<dyn Answer>) -> Result<Stopped, ListenError> {
        let Listener { runtime, signals, front } = self;
        let ended = runtime.block_on(front.serve(app, signals));
        // Work that was not finished within the grace ends with the process: waiting here would have no limit.
        runtime.shutdown_background();
        ended
    }
}

impl Front {
    async fn serve(self, app: Arc<dyn Answer>, mut signals: Signals) -> Result<Stopped, ListenError> {
        let mut stop = self.stop.subscribe();
        let (at_work, mut all_done) = mpsc::channel(1);
        let budget = Budget::new(self.settings.memory);
        let streams = Arc::new(Streams::default());
        let proxies = Arc::new(self.settings.trusted_proxies.clone());
        let mut acceptor = Acceptor::new(self.socket, &self.settings).map_err(ListenError::System)?;
        loop {
            tokio::select! {
                (stream, peer, place) = acceptor.next() => {
                    let desk = Desk {
                        app: Arc::clone(&app),
                        lanes: Arc::clone(&self.lanes),
                        budget: Arc::clone(&budget),
                        streams: Arc::clone(&streams),
                        deadlines: self.deadlines,
                        peer,
                        proxies: Arc::clone(&proxies),
                        seat: place.seat(),
                        stop: self.stop.subscribe(),
                        at_work: at_work.clone(),
                    };
                    let tls = self.tls.clone();
                    tokio::spawn(async move {
                        accept::connect(stream, tls, desk).await;
                        drop(place);
                    });
                }
                order = signals.next() => match order {
                    Order::Reread => reread(self.tls.as_deref()),
                    Order::Stop => break,
                },
                () = stopped(&mut stop) => break,
            }
        }
        let ordered = Instant::now();
        drop(acceptor);
        drop(at_work);
        self.stop.send_replace(true);
        self.lanes.refuse_what_waits();
        info!("stopping: no more connections are taken, the requests in hand are answered");
        let hurried = tokio::select! {
            all = timeout(self.settings.grace, all_done.recv()) => {
                if all.is_err() {
                    warn!("not every request was answered within the grace of {:?}", self.settings.grace);
                }
                false
            },
            () = signals.stop() => {
                warn!("stopped without waiting for the requests in hand");
                true
            },
        };
        Ok(Stopped { ordered, hurried })
    }
}

fn reread(tls: Option<&Tls>) {
    match tls.map(Tls::reread) {
        Some(Ok(())) => info!("the TLS files are read again"),
        Some(Err(error)) => error!("the TLS files stay as they were read before: {error}"),
        None => info!("SIGHUP: there are no TLS files to read again"),
    }
}

/// Ready once the listener stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone, and with it the listener.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// What a signal asks for.
#[derive(PartialEq, Eq)]
enum Order {
    Reread,
    Stop,
}

#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.terminate.recv() => Order::Stop,
            _ = self.interrupt.recv() => Order::Stop,
            _ = self.hangup.recv() => Order::Reread,
        }
    }

    async fn stop(&mut self) {
        while self.next().await != Order::Stop {}
    }
}
