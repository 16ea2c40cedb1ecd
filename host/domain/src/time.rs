//! Instants in milliseconds since 1970 UTC, and the clock that is handed to everything that needs one.

use crate::lending::Moment;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicI64, Ordering};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

/// One second in milliseconds.
pub const SECOND_MS: i64 = 1_000;
/// One minute in milliseconds.
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// One hour in milliseconds.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// One day in milliseconds.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// Milliseconds since 1970-01-01T00:00:00Z. Text formats carry it as RFC 3339 in UTC, binary ones as the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct TimestampMs(pub i64);

impl TimestampMs {
    /// The earliest instant that is accepted anywhere: 1970-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// The latest instant that is accepted anywhere: 9999-12-31T00:00:00Z.
    pub const MAX: Self = Self(253_402_214_400_000);

    /// The start of the step of `step_ms` that contains this instant.
    #[must_use]
    pub fn floor(self, step_ms: i64) -> Self {
        Self(self.0 - self.0.rem_euclid(step_ms))
    }

    /// Milliseconds since `earlier`, zero when it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).max(0)
    }
}

/// Why a text is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an RFC 3339 instant between 1970 and 9999, such as 2026-03-01T12:00:00Z")]
pub struct InvalidTimestamp(String);

impl std::str::FromStr for TimestampMs {
    type Err = InvalidTimestamp;
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let refuse = || InvalidTimestamp(text.chars().take(40).collect());
        let instant = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| refuse())?;
        let ms = i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).map_err(|_| refuse())?;
        Some(Self(ms)).filter(|at| (Self::MIN..=Self::MAX).contains(at)).ok_or_else(refuse)
    }
}

impl fmt::Display for TimestampMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|at| at.format(&Rfc3339).ok());
        match text {
            Some(text) => f.pad(&text),
            None => write!(f, "{} ms", self.0),
        }
    }
}

impl Serialize for TimestampMs {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { to.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for TimestampMs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(from).map(Self)
        }
    }
}

impl Add<i64> for TimestampMs {
    type Output = Self;
    fn add(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl Sub<i64> for TimestampMs {
    type Output = Self;
    fn sub(self, ms: i64) -> Self {
        Self(self.0.saturating_sub(ms))
    }
}

/// Tells the time. The host is handed one; nothing below it looks at the machine's.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> TimestampMs;

    /// The present instant by two clocks, one of which can't be set. A clock that can't be set needs no other.
    fn moment(&self) -> Moment {
        let at = self.now();
        Moment { at, uptime_ms: at.0, boot: String::new() }
    }
}

/// A clock that stands still until it is set: for replays, the simulator and tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `at`.
    #[must_use]
    pub fn at(at: TimestampMs) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Moves the clock to `at`; it never goes back.
    pub fn advance_to(&self, at: TimestampMs) {
        self.0.fetch_max(at.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> TimestampMs {
        TimestampMs(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_are_the_same_instant() {
        let at: TimestampMs = "2026-03-01T12:00:00.250+02:00".parse().expect("valid");
        assert_eq!(at.to_string(), "2026-03-01T10:00:00.25Z");
        assert_eq!(serde_json::from_str::<TimestampMs>("\"2026-03-01T10:00:00.25Z\"").expect("valid"), at);
    }

    #[test]
    fn out_of_range_is_refused() {
        for bad in ["", "now", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z"] {
            assert!(bad.parse::<TimestampMs>().is_err(), "{bad}");
        }
    }

    #[test]
    fn floor_finds_the_step() {
        assert_eq!(TimestampMs(61_001).floor(MINUTE_MS), TimestampMs(60_000));
    }
}
