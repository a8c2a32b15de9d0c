//! The duties: what a server does by itself, without being asked.
//!
//! A duty is a value, and [`DUTIES`] is the table of them. [`Duties`] runs all of them the same way: work until there is
//! nothing more to do now, pause, work again. A duty that fails, or panics, is logged by its name and tried again; the others
//! go on. To add one, write its file here and name it in the table.

mod audit;
mod backups;
mod checks;
mod expiry;
mod integrity;
mod keys;
mod refusals;
mod news;
mod proofs;
mod rotations;
mod run;
mod seals;
mod upkeep;
mod uses;

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use postroom::db::Postroom;
use postroom::dns::Resolver;
use postroom::error::Error;

use crate::app::App;
use crate::backup::Backups;
use crate::watch::Metrics;

pub use integrity::Rounds;
pub use news::News;
pub use run::Duties;
use run::call_another;
pub use upkeep::{LARGE_LOG, Upkeep};

/// Every duty of a server.
pub const DUTIES: &[Duty] = &[
    upkeep::DUTY,
    uses::DUTY,
    checks::DUTY,
    proofs::DUTY,
    keys::DUTY,
    rotations::DUTY,
    expiry::DUTY,
    audit::DUTY,
    refusals::DUTY,
    seals::DUTY,
    news::DUTY,
    backups::DUTY,
    integrity::DUTY,
];

/// A kind of work that the server does by itself, again and again.
#[derive(Debug)]
pub struct Duty<T = Tools> {
    /// Its name, in the log.
    pub name: &'static str,
    /// How long it pauses when there is nothing more to do.
    pub pause: Duration,
    /// How many threads do it side by side at most. It begins with one, and work that has taken a piece which can take long
    /// calls for another (`call_another`).
    pub threads: fn(&T) -> u32,
    /// Whether it is done once more when the server stops.
    pub at_end: bool,
    /// Does one piece of its work. The duty can be stopped between two pieces.
    pub work: fn(&T) -> Result<More, Error>,
}

/// Whether a duty has more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// There is more: the next piece follows without a pause.
    Now,
    /// There is nothing more to do now: the duty looks again after its pause.
    Later,
}

impl More {
    /// [`More::Now`] if `there_is` more.
    pub fn if_any(there_is: bool) -> More {
        if there_is { More::Now } else { More::Later }
    }
}

/// What the duties work with.
pub struct Tools {
    /// The App, which remembers when keys were last used until a duty writes it to the database.
    pub app: Arc<App>,
    /// The database.
    pub postroom: Arc<Postroom>,
    /// The DNS.
    pub resolver: Arc<dyn Resolver>,
    /// How many domains are checked at once.
    pub checks_at_once: u32,
    /// What the upkeep has said.
    pub upkeep: Upkeep,
    /// Up to where changes of statuses are logged.
    pub news: News,
    /// When backups are made; none are without it.
    pub backups: Option<BackupPlan>,
    /// Where it is counted what failed.
    pub metrics: Arc<Metrics>,
    /// How far the look for damage in the database is.
    pub rounds: Mutex<Rounds>,
}

/// When the server makes backups by itself.
#[derive(Clone, Debug)]
pub struct BackupPlan {
    /// Where they are.
    pub backups: Backups,
    /// How old the newest one may become.
    pub every: Duration,
    /// How many are kept.
    pub keep: NonZeroUsize,
}

/// Does a piece of work that one server does at a time, where several have one database.
fn at_one_server(
    tools: &Tools,
    name: &str,
    work: impl FnOnce() -> Result<More, Error>,
) -> Result<More, Error> {
    match tools.postroom.take_duty(name)? {
        Some(_on_duty) => work(),
        None => Ok(More::Later),
    }
}

/// The number of threads of a duty that needs only one.
fn one(_: &Tools) -> u32 {
    1
}
