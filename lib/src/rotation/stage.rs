//! The state machine of a rotation, pure: in which stage one is, and what may happen in which.
//!
//! ```text
//! Idle ──begin──> Waiting ──seen──> Keeping ──elapsed──> Done
//!                    └────abort────> Idle
//! ```
//!
//! From `Keeping` and `Done` the next rotation may begin.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::dkim::DkimKey;

use super::UnderWay;

/// How far the rotation of a domain's key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// None is under way, and nothing is left of an earlier one.
    Idle,
    /// The new key waits for its record.
    Waiting {
        /// Since then.
        since: Timestamp,
    },
    /// The new key signs; the record of the one before must stay, for mail that it has signed is under way.
    Keeping {
        /// Until then.
        until: Timestamp,
    },
    /// The record of the key before may go from the DNS.
    Done,
}

/// What happens to a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Somebody, or the interval, has another one begin.
    Begin,
    /// The new key's record is right everywhere.
    Seen,
    /// The time for which the old key's record must stay is over.
    Elapsed,
    /// Somebody calls it off.
    Abort,
}

/// Why a step cannot be made in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is one already.
    #[error(
        "a rotation is under way already and waits for the record of its new key; publish that record, or abort the rotation"
    )]
    UnderWay,
    /// There is none.
    #[error("no rotation is under way")]
    NotUnderWay,
}

impl Stage {
    /// The stage of a domain with these keys, whose retired ones' records are kept for so long.
    pub fn of(under_way: Option<&UnderWay>, keys: &[DkimKey], keep: Duration) -> Stage {
        if let Some(under_way) = under_way {
            return Stage::Waiting { since: under_way.since };
        }
        let retired = keys.iter().filter(|key| key.released_at.is_none()).filter_map(|key| key.retired_at);
        match retired.max() {
            Some(at) => Stage::Keeping { until: at + keep },
            None if keys.iter().any(|key| key.released_at.is_some()) => Stage::Done,
            None => Stage::Idle,
        }
    }

    /// The stage after a step at `now`.
    pub fn after(self, step: Step, now: Timestamp, keep: Duration) -> Result<Stage, Refusal> {
        match (self, step) {
            (Stage::Waiting { .. }, Step::Begin) => Err(Refusal::UnderWay),
            (_, Step::Begin) => Ok(Stage::Waiting { since: now }),
            (Stage::Waiting { .. }, Step::Seen) => Ok(Stage::Keeping { until: now + keep }),
            (Stage::Waiting { .. }, Step::Abort) => Ok(Stage::Idle),
            (_, Step::Seen | Step::Abort) => Err(Refusal::NotUnderWay),
            (Stage::Keeping { until }, Step::Elapsed) if until <= now => Ok(Stage::Done),
            (stage, Step::Elapsed) => Ok(stage),
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Idle => "idle",
            Stage::Waiting { .. } => "waiting",
            Stage::Keeping { .. } => "keeping",
            Stage::Done => "done",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_hours(7 * 24);

    #[test]
    fn a_rotation_waits_then_keeps_then_is_done() {
        let at = |hours| Timestamp::from_millis(0) + Duration::from_hours(hours);
        let waiting = Stage::Idle.after(Step::Begin, at(1), KEEP).unwrap();
        assert_eq!(waiting, Stage::Waiting { since: at(1) });
        assert_eq!(waiting.after(Step::Begin, at(2), KEEP), Err(Refusal::UnderWay));
        assert_eq!(waiting.after(Step::Elapsed, at(999), KEEP), Ok(waiting));
        assert_eq!(waiting.after(Step::Abort, at(2), KEEP), Ok(Stage::Idle));
        let keeping = waiting.after(Step::Seen, at(2), KEEP).unwrap();
        assert_eq!(keeping, Stage::Keeping { until: at(2 + 7 * 24) });
        assert_eq!(keeping.after(Step::Elapsed, at(2 + 7 * 24 - 1), KEEP), Ok(keeping));
        assert_eq!(keeping.after(Step::Elapsed, at(2 + 7 * 24), KEEP), Ok(Stage::Done));
        for stage in [Stage::Idle, keeping, Stage::Done] {
            assert!(stage.after(Step::Begin, at(3), KEEP).is_ok());
            for step in [Step::Seen, Step::Abort] {
                assert_eq!(stage.after(step, at(3), KEEP), Err(Refusal::NotUnderWay));
            }
        }
    }
}
