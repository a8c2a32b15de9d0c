//! The guard over the clock: whether the time can be believed.
//!
//! The last known time stands in the database. A clock has jumped if it is behind that, or more than 48 hours ahead of it when
//! the database is opened, or if it went differently from the monotonic clock by more than a minute since then. After a jump
//! nothing is deleted for its age until the clock was steady for an hour. Every look at the time goes through the guard, so
//! no wrong time is used unnoticed.

mod table;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Postroom;
use super::engine::Conn;
use crate::clock::{Clock, Timestamp};
use crate::error::Error;

/// How far a clock may be ahead of the last known time when a database is opened: nobody may have opened it meanwhile.
const MOST_AHEAD: Duration = Duration::from_hours(48);
/// How far the clock and the monotonic clock may go apart.
const MOST_DRIFT: Duration = Duration::from_mins(1);
/// How long a clock that has jumped must be steady until it is believed.
const STEADY_FOR: Duration = Duration::from_hours(1);
/// How old the last known time becomes while somebody keeps it.
const WRITTEN_EVERY: Duration = Duration::from_mins(1);
/// How old the last known time may be when a database is opened, before it is written anew.
const KNOWN_FOR: Duration = Duration::from_hours(1);

/// A jump of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// The time that was expected at least.
    pub expected: Timestamp,
    /// The time that the clock showed.
    pub found: Timestamp,
}

/// How it stands with the clock, as [`Postroom::keep_time`] found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeKept {
    /// The last jump of the clock that no caller has been given yet.
    pub jump: Option<Jump>,
    /// Until when nothing is deleted for its age; none if the clock is believed.
    pub held_until: Option<Timestamp>,
}

/// What the database knows of the time.
#[derive(Clone, Copy)]
struct Known {
    at: Timestamp,
    held_until: Option<Timestamp>,
}

pub(super) struct Guard {
    state: Mutex<State>,
    /// Whether times of checks, and of rotations, may lie further ahead than they may.
    checks_ahead: AtomicBool,
    rotations_ahead: AtomicBool,
}

struct State {
    /// The time, and what the monotonic clock showed then.
    wall: Timestamp,
    elapsed: Duration,
    held_until: Option<Timestamp>,
    untold: Option<Jump>,
}

impl Guard {
    /// Judges the clock by what the database knows, and writes down the time if that is worth a write.
    pub(super) fn begin(conn: Conn<'_>, clock: &dyn Clock) -> Result<Guard, Error> {
        let known = table::find(conn)?;
        let state = State::begin(clock.now(), clock.elapsed(), known);
        let is_old = known.is_none_or(|known| state.wall > known.at + KNOWN_FOR);
        if state.untold.is_some() || is_old {
            // Whoever writes now does not keep anybody from opening: the time is written later.
            let _ = conn.without_waiting(|| table::keep(conn, state.known(state.wall)));
        }
        // A process may have died after it had written a wrong time.
        let ahead = || AtomicBool::new(true);
        Ok(Guard { state: Mutex::new(state), checks_ahead: ahead(), rotations_ahead: ahead() })
    }

    /// The time, whether it can be believed or not.
    pub(super) fn now(&self, clock: &dyn Clock) -> Timestamp {
        self.look(clock).0
    }

    /// Until when nothing is deleted for its age.
    fn held_until(&self, clock: &dyn Clock) -> Option<Timestamp> {
        self.look(clock).1.held_until
    }

    fn look(&self, clock: &dyn Clock) -> (Timestamp, MutexGuard<'_, State>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.now();
        if state.look(now, clock.elapsed()) {
            self.checks_ahead.store(true, Ordering::Release);
            self.rotations_ahead.store(true, Ordering::Release);
        }
        (now, state)
    }
}

impl State {
    fn begin(wall: Timestamp, elapsed: Duration, known: Option<Known>) -> State {
        let mut state = State { wall, elapsed, held_until: None, untold: None };
        if let Some(known) = known {
            if wall < known.at || wall > known.at + MOST_AHEAD {
                state.jump(known.at, wall);
            } else {
                state.held_until = known.held_until.filter(|until| *until > wall);
            }
        }
        state
    }

    /// Looks at both clocks, and returns whether they have gone apart since the last jump or the beginning.
    fn look(&mut self, wall: Timestamp, elapsed: Duration) -> bool {
        let expected = self.wall + elapsed.saturating_sub(self.elapsed);
        let has_jumped = wall.since(expected).max(expected.since(wall)) > MOST_DRIFT;
        if has_jumped {
            self.elapsed = elapsed;
            self.jump(expected, wall);
        }
        self.held_until = self.held_until.filter(|until| *until > wall);
        has_jumped
    }

    fn jump(&mut self, expected: Timestamp, found: Timestamp) {
        self.wall = found;
        self.held_until = Some(found + STEADY_FOR);
        self.untold = Some(Jump { expected, found });
    }

    fn known(&self, at: Timestamp) -> Known {
        Known { at, held_until: self.held_until }
    }
}

impl Postroom {
    /// Writes down the time, so that the next one who opens the database knows it, and says how it stands with the clock.
    ///
    /// Meant to be called every few seconds by whoever has the database open for long; it writes once a minute.
    pub fn keep_time(&self) -> Result<TimeKept, Error> {
        // Another process may have seen a jump, such as one that was there for a moment.
        let known = self.read(|tx| table::find(tx.conn))?;
        let kept = {
            let (now, mut state) = self.guard.look(&*self.clock);
            if let Some(until) = known.and_then(|known| known.held_until)
                && until <= now + STEADY_FOR
            {
                state.held_until = state.held_until.max(Some(until)).filter(|until| *until > now);
            }
            (state.known(now), state.untold)
        };
        let (now, jump) = kept;
        let is_written =
            |known: Known| known.held_until == now.held_until && now.at < known.at + WRITTEN_EVERY;
        if jump.is_some() || !known.is_some_and(is_written) {
            self.write(|tx| table::keep(tx.conn, now))?;
        }
        let (_, mut state) = self.guard.look(&*self.clock);
        if state.untold == jump {
            state.untold = None;
        }
        Ok(TimeKept { jump, held_until: now.held_until })
    }

    /// Until when nothing is deleted for its age, because the clock has jumped; none if the clock is believed.
    pub fn time_held_until(&self) -> Option<Timestamp> {
        self.guard.held_until(&*self.clock)
    }

    /// Whether the times of checks are to be looked through, for those that lie too far ahead. Asked once, it is done.
    pub(crate) fn takes_checks_ahead(&self) -> bool {
        self.guard.checks_ahead.swap(false, Ordering::AcqRel)
    }

    /// Whether the times of rotations are to be looked through, for those that lie too far ahead. Asked once, it is done.
    pub(crate) fn takes_rotations_ahead(&self) -> bool {
        self.guard.rotations_ahead.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_795_255_200_000);
    const HOUR: Duration = Duration::from_hours(1);
    const YEAR: Duration = Duration::from_hours(365 * 24);

    fn held(state: &State) -> bool {
        state.held_until.is_some()
    }

    #[test]
    fn a_clock_is_believed_that_goes_with_the_monotonic_one() {
        let mut state = State::begin(START, HOUR, None);
        for hours in 1..100 {
            assert!(!state.look(START + HOUR * hours, HOUR + HOUR * hours));
        }
        let known = Known { at: START, held_until: None };
        assert!(!held(&State::begin(START, HOUR, Some(known))));
        assert!(!held(&State::begin(START + MOST_AHEAD, HOUR, Some(known))));
    }

    #[test]
    fn a_clock_that_is_behind_or_far_ahead_at_the_start_has_jumped() {
        let known = Some(Known { at: START, held_until: None });
        for wall in
            [START - Duration::from_millis(1), START + MOST_AHEAD + Duration::from_millis(1), START + YEAR]
        {
            let mut state = State::begin(wall, HOUR, known);
            assert_eq!(state.untold, Some(Jump { expected: START, found: wall }));
            assert!(!state.look(wall + Duration::from_secs(3599), Duration::from_secs(7199)));
            assert!(held(&state), "not yet steady for an hour");
            assert!(!state.look(wall + HOUR, HOUR * 2) && !held(&state));
        }
        // What another process has seen holds on.
        let known = Some(Known { at: START, held_until: Some(START + HOUR) });
        assert!(held(&State::begin(START, HOUR, known)) && !held(&State::begin(START + HOUR, HOUR, known)));
    }

    #[test]
    fn a_jump_there_and_back_is_two_jumps_and_steps_add_up() {
        let mut state = State::begin(START, HOUR, None);
        let six = Duration::from_secs(6);
        assert!(state.look(START + YEAR, HOUR));
        assert!(!state.look(START + YEAR + six, HOUR + six));
        assert!(state.look(START + six, HOUR + six));
        assert_eq!(state.held_until, Some(START + six + HOUR));
        let mut state = State::begin(START, HOUR, None);
        let step = Duration::from_secs(25);
        assert!(!state.look(START - step, HOUR) && !state.look(START - step * 2, HOUR));
        assert!(state.look(START - step * 3, HOUR), "a minute in small steps is a minute");
    }
}
