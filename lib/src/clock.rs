//! Time: UTC milliseconds, and the clocks that give it.
//!
//! ```
//! use std::time::Duration;
//! use postroom::clock::{Clock, ManualClock, Timestamp};
//!
//! // A test sets the time; a program takes `SystemClock`.
//! let clock = ManualClock::new("2026-11-21T10:00:00.120Z".parse::<Timestamp>()?);
//! clock.advance(Duration::from_secs(60));
//! assert_eq!(clock.now().to_string(), "2026-11-21T10:01:00.120Z");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment in UTC, to the millisecond; shown as RFC 3339 with milliseconds and `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after 1970-01-01T00:00:00Z, leap seconds not counted.
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier` this is; zero if it is not later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// The longest span that an input may name, a hundred years: what lasts so long ends in a year of four digits, as RFC 3339 has them.
pub const LONGEST_SPAN: Duration = Duration::from_hours(36_500 * 24);

/// How far the clocks of several servers on one database may go apart: what was made later than that from now was made by a wrong clock.
pub const CLOCKS_APART: Duration = Duration::from_mins(1);

/// A span that an input names, unless it is longer than [`LONGEST_SPAN`].
pub fn check_span(span: Duration) -> Result<Duration, SpanTooLong> {
    if span > LONGEST_SPAN { Err(SpanTooLong) } else { Ok(span) }
}

/// A span is longer than [`LONGEST_SPAN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is longer than 36500 days")]
pub struct SpanTooLong;

impl Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;

    fn sub(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Timestamp {
    /// The text that `asctime` of C makes, in UTC: `Sat Nov 21 10:00:00 2026`.
    #[cfg(any(test, feature = "messages"))]
    pub(crate) fn asctime(self) -> String {
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        moment.strftime("%a %b %e %H:%M:%S %Y").to_string()
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// A time of RFC 3339, or a date alone, which is its first moment in UTC.
    fn from_str(text: &str) -> Result<Timestamp, InvalidTimestamp> {
        let whole = if text.len() == 10 { &format!("{text}T00:00:00Z") } else { text };
        let moment: jiff::Timestamp = whole.parse().map_err(|_| InvalidTimestamp)?;
        Ok(Timestamp(moment.as_millisecond()))
    }
}

/// A text that is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is a date, as in 2026-11-21, or a date and a time of RFC 3339, as in 2026-11-21T10:00:00Z")]
pub struct InvalidTimestamp;

crate::error::invalid_input!(InvalidTimestamp, "time");

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            // Outside the years -9999 to 9999; no clock says so, but a row might.
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// A source of the time: the machine, or a test.
pub trait Clock: Send + Sync {
    /// The moment it is now.
    fn now(&self) -> Timestamp;

    /// The time since some moment in the past, which never goes back and which nobody sets.
    fn elapsed(&self) -> Duration {
        START.elapsed()
    }
}

/// From when on the machine's monotonic clock is read.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(0) + since_epoch
    }
}

/// A clock that stands still until it is moved, for tests of processes that take days.
#[derive(Debug)]
pub struct ManualClock {
    millis: AtomicI64,
    /// How many milliseconds it was moved on.
    moved: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> ManualClock {
        ManualClock { millis: AtomicI64::new(start.0), moved: AtomicI64::new(0) }
    }

    /// Moves it on by `span`, as time passes.
    pub fn advance(&self, span: Duration) {
        let moved = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        self.set(self.now() + span);
        self.moved.fetch_add(moved, Ordering::SeqCst);
    }

    /// Sets it, as somebody sets a clock: no time passes by that.
    pub fn set(&self, to: Timestamp) {
        self.millis.store(to.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.millis.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.moved.load(Ordering::SeqCst).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_shown_in_rfc_3339_with_three_decimals_and_z() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_millis(1_795_255_200_120).to_string(), "2026-11-21T10:00:00.120Z");
    }

    #[test]
    fn a_time_is_read_with_its_offset_and_a_date_is_its_first_moment() {
        let read = |text: &str| text.parse().map(Timestamp::millis);
        assert_eq!(read("2026-11-21T10:00:00.120Z"), Ok(1_795_255_200_120));
        assert_eq!(read("2026-11-21T11:00:00.120+01:00"), Ok(1_795_255_200_120));
        assert_eq!(read("2026-11-21"), Ok(1_795_219_200_000));
        for bad in ["", "2026-11-31", "21.11.2026", "yesterday", "2026-11-21T10:00:00"] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
        assert_eq!(Timestamp::from_millis(0).asctime(), "Thu Jan  1 00:00:00 1970");
    }

    #[test]
    fn the_longest_span_ends_in_a_year_of_four_digits() {
        assert_eq!(check_span(LONGEST_SPAN), Ok(LONGEST_SPAN));
        assert!(check_span(LONGEST_SPAN + Duration::from_secs(1)).is_err());
        assert_eq!(LONGEST_SPAN.as_secs(), 36_500 * 86_400);
        assert!(!(SystemClock.now() + LONGEST_SPAN).to_string().ends_with("ms"));
    }

    #[test]
    fn arithmetic_saturates() {
        let last = Timestamp::from_millis(i64::MAX);
        assert_eq!(last + Duration::MAX, last);
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Duration::ZERO);
        assert_eq!(Timestamp::from_millis(i64::MIN) - Duration::MAX, Timestamp::from_millis(i64::MIN));
        assert_eq!(last.to_string(), "9223372036854775807 ms");
    }
}
