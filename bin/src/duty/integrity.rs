//! A round over the whole database that looks for damage: at the start quickly, then slowly, and again every day.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use postroom::integrity::{Next, Round};

use super::{Duty, More, one};

/// How long after the end of a round the next one begins.
const EVERY: Duration = Duration::from_hours(24);

pub(super) const DUTY: Duty = Duty {
    name: "integrity",
    // Between two pieces of the slow part: a small database is read in an hour or two, and nobody notices.
    pause: Duration::from_mins(1),
    threads: one,
    at_end: false,
    work: |tools| {
        let mut rounds = tools.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        if rounds.rests.is_some_and(|since| since.elapsed() < EVERY) {
            return Ok(More::Later);
        }
        let piece = rounds.round.step(&tools.postroom)?;
        for line in &piece.damage {
            tracing::error!(damage = line, "the database is damaged; restore a backup");
        }
        rounds.rests = (piece.next == Next::Ended).then(Instant::now);
        Ok(More::if_any(piece.next == Next::Soon))
    },
};

/// The rounds over the database.
#[derive(Debug, Default)]
pub struct Rounds {
    round: Round,
    /// Since when there is nothing to do until the next one.
    rests: Option<Instant>,
}
