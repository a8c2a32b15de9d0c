//! Looks after what the server stands on: the database's file, the clock, the write-ahead log, and its own log. What is wrong is said once, and again
//! when it has become worse.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use postroom::db::{Claim, TimeKept};
use postroom::error::Error;
use tracing::{error, info, warn};

use super::{Duty, More, Tools, one};

const MIB: u64 = 1024 * 1024;
/// With more octets than this a write-ahead log is too large.
pub const LARGE_LOG: u64 = 64 * MIB;

pub(super) const DUTY: Duty =
    Duty { name: "upkeep", pause: Duration::from_secs(10), threads: one, at_end: false, work };

/// What was said last.
#[derive(Debug, Default)]
pub struct Upkeep {
    /// The claim on the database, where a note for `doctor` is left.
    claim: Option<Arc<Claim>>,
    /// Whether the database's file was gone.
    gone: AtomicBool,
    /// How large the write-ahead log was, in MiB.
    log_mib: AtomicU64,
    /// How many log lines were dropped.
    dropped: AtomicU64,
    /// Until when nothing is deleted for its age, in milliseconds; 0 if the clock is believed.
    held_until: AtomicU64,
}

impl Upkeep {
    /// An upkeep that leaves its notes by this claim.
    pub fn by(claim: Arc<Claim>) -> Upkeep {
        Upkeep { claim: Some(claim), ..Upkeep::default() }
    }

    /// Says that the database's file is gone, or back. Whether it is gone.
    fn file(&self, in_place: Result<(), Error>) -> bool {
        let was_gone = self.gone.swap(in_place.is_err(), Ordering::Relaxed);
        match in_place {
            Err(error) if !was_gone => error!(%error, "the database is gone, and all changes are refused"),
            Ok(()) if was_gone => info!("the database is back in its place"),
            _ => {}
        }
        self.gone.load(Ordering::Relaxed)
    }

    fn clock(&self, kept: TimeKept) {
        if let Some(jump) = kept.jump {
            warn!(
                expected = %jump.expected, found = %jump.found,
                "the clock has jumped: nothing is deleted for its age until it was steady for an hour"
            );
        }
        let until = kept.held_until.map_or(0, |until| until.millis().unsigned_abs());
        let was_held = self.held_until.swap(until, Ordering::Relaxed) != 0;
        if was_held && until == 0 {
            info!("the clock was steady for an hour: what is too old is deleted again");
        }
    }

    fn write_ahead_log(&self, octets: u64, oldest: Option<Duration>) {
        let (mib, before) = (octets / MIB, self.log_mib.load(Ordering::Relaxed));
        if octets <= LARGE_LOG {
            self.log_mib.store(0, Ordering::Relaxed);
        } else if mib >= before * 2 {
            self.log_mib.store(mib, Ordering::Relaxed);
            if let Some(age) = oldest {
                warn!(mib, oldest_reader_s = age.as_secs(), "the write-ahead log grows while somebody reads");
            } else {
                warn!(mib, "the write-ahead log grows: another process reads, or its readers left no pause");
            }
        }
    }

    fn dropped_lines(&self, dropped: u64) {
        let before = self.dropped.swap(dropped, Ordering::Relaxed);
        if let Some(claim) = &self.claim
            && dropped != before
        {
            // If it cannot be written, the log still tells of it.
            let _ = claim.leave_note(&format!("{dropped} log lines were dropped"));
        }
    }
}

fn work(tools: &Tools) -> Result<More, Error> {
    tools.upkeep.dropped_lines(crate::log::dropped_lines());
    // Nothing else can be looked after then.
    if tools.upkeep.file(tools.postroom.check_in_place()) {
        return Ok(More::Later);
    }
    let (octets, oldest) = tools.postroom.write_ahead_log();
    tools.upkeep.write_ahead_log(octets, oldest);
    tools.upkeep.clock(tools.postroom.keep_time()?);
    Ok(More::Later)
}
