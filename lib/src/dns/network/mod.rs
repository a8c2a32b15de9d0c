//! The resolver that asks real servers.
//!
//! Layout: [`exchange`] puts one question to one server, [`reading`] says what a reply means,
//! [`recursive`] asks recursive resolvers, [`zone`] finds the name servers of a zone and [`authoritative`]
//! asks each of them; [`socket`] and [`wire`] stand between this and hickory.
//!
//! hickory's client is used, not its `Resolver`: the `Resolver` hides response codes, SOA records, extended errors and the
//! difference between an alias that loops and a name without records. There is no cache, no hosts file and no search list.
//!
//! hickory is asynchronous, so a [`NetworkResolver`] owns a thread that drives a runtime. Callers, on as
//! many threads as they like, hand it work and wait; one that is itself on a runtime's thread blocks that
//! thread, and nothing worse. No call takes longer than [`DnsSettings::per_run`].

mod authoritative;
mod exchange;
mod reading;
mod recursive;
mod socket;
#[cfg(test)]
mod tests;
mod wire;
mod zone;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use hickory_resolver::system_conf::read_system_conf;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::time::Instant;

use super::{Answer, Outcome, Question, Resolver, SendingBudget, Server, Sighting};
use crate::egress::EgressPolicy;

/// How many questions are in flight at once to recursive resolvers in places that all calls share.
///
/// Each question has a socket of its own, and up to three while it is repeated: with those of 24 calls and the name servers' 864 at the
/// very most, under the usual 1024 open files. If no file is left for a question, its server counts as unreachable, from which
/// nothing is concluded.
const SHARED_RECURSIVE: usize = 96;
/// How many each call may have in flight whatever others do: zones whose servers are silent fill the shared places for seconds.
const OWN_RECURSIVE: usize = 4;
/// How many are in flight at once to name servers in places that all calls share.
const SHARED_AUTHORITATIVE: usize = 48;
/// How many each call may have in flight to name servers whatever others do.
const OWN_AUTHORITATIVE: usize = 2;
/// The port of a name server (RFC 1035 section 4.2).
const DNS_PORT: u16 = 53;

/// How to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSettings {
    /// The recursive resolvers, in the order of preference; the system's own if there is none here.
    pub resolvers: Vec<SocketAddr>,
    /// Whether [`Resolver::look`] asks the zone's own name servers as well.
    pub authoritative: bool,
    /// The port of those.
    pub authoritative_port: u16,
    /// Which name servers may be asked; the recursive resolvers stand outside of this.
    pub egress: EgressPolicy,
    /// The most time for one question at one server, with all its aliases, repetitions and TCP.
    pub per_lookup: Duration,
    /// The most time for one call.
    pub per_run: Duration,
}

impl Default for DnsSettings {
    /// The system's resolvers and the zone's name servers, 5 s a lookup, 10 s a run.
    fn default() -> DnsSettings {
        DnsSettings {
            resolvers: Vec::new(),
            authoritative: true,
            authoritative_port: DNS_PORT,
            egress: EgressPolicy::default(),
            per_lookup: Duration::from_secs(5),
            per_run: Duration::from_secs(10),
        }
    }
}

/// Why there is no resolver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidResolver {
    /// No resolvers were given, and the system has none: [`NetworkResolver::new`].
    #[error(
        "no DNS resolver is configured, and the system names none ({detail}); name one, such as 127.0.0.1:53"
    )]
    NoneKnown {
        /// What was wrong with the system's configuration.
        detail: String,
    },
    /// A resolver that cannot be asked: [`NetworkResolver::new`].
    #[error("{0} cannot be a DNS resolver: give the address of one host, and a port from 1 on")]
    NoAddress(SocketAddr),
    /// The system gave no thread or no runtime: [`NetworkResolver::new`].
    #[error("the resolver could not be started: {detail}")]
    NotStarted {
        /// What the system said.
        detail: String,
    },
}

/// Asks recursive resolvers and name servers over UDP and TCP.
///
/// One is enough for a process: it is shared by reference between threads. Dropping it ends its thread.
#[derive(Debug)]
pub struct NetworkResolver {
    setup: Arc<Setup>,
    /// Places for questions in flight to recursive resolvers.
    recursive: Arc<Semaphore>,
    /// Those to name servers.
    authoritative: Arc<Semaphore>,
    runtime: Handle,
    // Dropped to end the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// What is asked, and how.
#[derive(Debug)]
struct Setup {
    /// At least one.
    resolvers: Vec<SocketAddr>,
    settings: DnsSettings,
}

/// What the questions of one call share.
#[derive(Debug)]
struct Asking {
    setup: Arc<Setup>,
    recursive: Places,
    /// Apart: silent name servers must not hold up what recursive resolvers are asked.
    authoritative: Places,
}

/// Places for questions in flight: a few of the call's own, and those that all calls share.
#[derive(Debug)]
struct Places {
    own: Semaphore,
    shared: Arc<Semaphore>,
}

impl Places {
    fn new(own: usize, shared: &Arc<Semaphore>) -> Places {
        Places { own: Semaphore::new(own), shared: shared.clone() }
    }

    /// The next place that is free; an own one, if there is one. The semaphores are never closed, so there is always one in the end.
    async fn take(&self) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            own = self.own.acquire() => own.ok(),
            shared = self.shared.acquire() => shared.ok(),
        }
    }
}

impl NetworkResolver {
    /// Starts the resolver's thread. Nothing is asked yet.
    pub fn new(settings: DnsSettings) -> Result<NetworkResolver, InvalidResolver> {
        let resolvers = match settings.resolvers.as_slice() {
            [] => system_resolvers()?,
            given => given.to_vec(),
        };
        if let Some(bad) = resolvers.iter().find(|address| address.port() == 0 || !is_askable(address.ip())) {
            return Err(InvalidResolver::NoAddress(*bad));
        }
        let not_started = |error: std::io::Error| InvalidResolver::NotStarted { detail: error.to_string() };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(not_started)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name("postroom-dns".into())
            // The runtime is driven, and at the end dropped, on this thread alone.
            .spawn(move || drop(runtime.block_on(stopped)))
            .map_err(not_started)?;
        Ok(NetworkResolver {
            setup: Arc::new(Setup { resolvers, settings }),
            recursive: Arc::new(Semaphore::new(SHARED_RECURSIVE)),
            authoritative: Arc::new(Semaphore::new(SHARED_AUTHORITATIVE)),
            runtime: handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The recursive resolvers that are asked, in order: those given, or the system's.
    pub fn resolvers(&self) -> &[SocketAddr] {
        &self.setup.resolvers
    }

    /// For one call.
    fn asking(&self) -> Arc<Asking> {
        Arc::new(Asking {
            setup: self.setup.clone(),
            recursive: Places::new(OWN_RECURSIVE, &self.recursive),
            authoritative: Places::new(OWN_AUTHORITATIVE, &self.authoritative),
        })
    }

    /// Runs `work` on the runtime and waits for it. Returns `None` only if the runtime is gone.
    fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (done, waiting) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            // Nobody waits for it any more: nothing to tell.
            _ = done.send(work.await);
        });
        waiting.recv().ok()
    }

    fn gone(&self) -> Answer {
        let server = self.setup.resolvers.first().map_or(Server::from("none"), |at| Server::Recursive(*at));
        answer_of_nobody(server)
    }
}

impl Resolver for NetworkResolver {
    fn lookup(&self, question: &Question) -> Answer {
        let (asking, question) = (self.asking(), question.clone());
        let work = async move { asking.lookup(&question, asking.run_end()).await };
        self.run(work).unwrap_or_else(|| self.gone())
    }

    fn look(&self, questions: &[Question]) -> Vec<Sighting> {
        self.look_within(questions, &SendingBudget::default())
    }

    fn look_within(&self, questions: &[Question], budget: &SendingBudget) -> Vec<Sighting> {
        let (asking, asked, budget) = (self.asking(), questions.to_vec(), budget.clone());
        self.run(async move { asking.look(asked, budget).await }).unwrap_or_else(|| {
            let sighting =
                |question: &Question| Sighting { question: question.clone(), answers: vec![self.gone()] };
            questions.iter().map(sighting).collect()
        })
    }

    fn lookup_all(&self, questions: &[Question]) -> Vec<Answer> {
        let (asking, asked) = (self.asking(), questions.to_vec());
        let work = async move {
            let until = asking.run_end();
            let lookup = |question: Question| {
                let asking = asking.clone();
                async move { asking.lookup(&question, until).await }
            };
            side_by_side(asked.into_iter().map(lookup)).await
        };
        let answers = self.run(work).unwrap_or_else(|| questions.iter().map(|_| None).collect());
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| self.gone())).collect()
    }

    fn validates(&self, question: &Question) -> Option<bool> {
        let (asking, question) = (self.asking(), question.clone());
        let work = async move { asking.validates(&question, asking.run_end()).await };
        self.run(work).flatten()
    }

    fn lookup_unvalidated(&self, question: &Question) -> Answer {
        let (asking, question) = (self.asking(), question.clone());
        let work = async move { asking.lookup_unvalidated(&question, asking.run_end()).await };
        self.run(work).unwrap_or_else(|| self.gone())
    }
}

impl Drop for NetworkResolver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread ends at its next turn. If it panicked, nothing can be done about it here.
            _ = thread.join();
        }
    }
}

impl Asking {
    fn run_end(&self) -> Instant {
        Instant::now() + self.setup.settings.per_run
    }

    /// When a lookup that starts now is over.
    fn lookup_end(&self, run_end: Instant) -> Instant {
        run_end.min(Instant::now() + self.setup.settings.per_lookup)
    }

    async fn look(self: Arc<Asking>, questions: Vec<Question>, budget: SendingBudget) -> Vec<Sighting> {
        let until = self.run_end();
        let authoritative = self
            .setup
            .settings
            .authoritative
            .then(|| tokio::spawn(authoritative::look(self.clone(), questions.clone(), budget, until)));
        let mut lookups = Vec::new();
        for question in &questions {
            for server in self.setup.resolvers.clone() {
                let (asking, question) = (self.clone(), question.clone());
                lookups
                    .push(async move { asking.lookup_at(server, &question, asking.lookup_end(until)).await });
            }
        }
        let mut recursive = side_by_side(lookups).await.into_iter();
        let mut authoritative = match authoritative {
            Some(task) => task.await.unwrap_or_default(),
            None => Vec::new(),
        }
        .into_iter();
        questions
            .into_iter()
            .map(|question| {
                let at = self.setup.resolvers.iter().zip(recursive.by_ref());
                let mut answers: Vec<Answer> = at
                    .map(|(at, answer)| answer.unwrap_or_else(|| answer_of_nobody(Server::Recursive(*at))))
                    .collect();
                answers.extend(authoritative.next().unwrap_or_default());
                Sighting { question, answers }
            })
            .collect()
    }
}

fn answer_of_nobody(server: Server) -> Answer {
    let outcome = Outcome::Unreachable { detail: "our own resolver stopped".into() };
    Answer { server, chain: Vec::new(), outcome }
}

/// The outputs of `work`, all of it at once, in its order; nothing where a piece panicked.
async fn side_by_side<F>(work: impl IntoIterator<Item = F>) -> Vec<Option<F::Output>>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let tasks: Vec<_> = work.into_iter().map(tokio::spawn).collect();
    let mut outputs = Vec::with_capacity(tasks.len());
    for task in tasks {
        outputs.push(task.await.ok());
    }
    outputs
}

/// Whether one host can have this address.
fn is_askable(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast() && address != std::net::Ipv4Addr::BROADCAST
}

fn system_resolvers() -> Result<Vec<SocketAddr>, InvalidResolver> {
    let (config, _) =
        read_system_conf().map_err(|error| InvalidResolver::NoneKnown { detail: error.to_string() })?;
    let mut resolvers = Vec::new();
    for server in config.name_servers() {
        let port = server.connections.first().map_or(DNS_PORT, |connection| connection.port);
        let address = SocketAddr::new(server.ip, port);
        if is_askable(server.ip) && !resolvers.contains(&address) {
            resolvers.push(address);
        }
    }
    if resolvers.is_empty() {
        return Err(InvalidResolver::NoneKnown { detail: "its configuration lists none".into() });
    }
    Ok(resolvers)
}
