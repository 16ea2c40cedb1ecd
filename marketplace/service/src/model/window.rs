//! The time in which leased capacity is delivered.

use forewarm_auction::LeaseDuration;
use forewarm_domain::time::{SECOND_MS, TimestampMs};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// From `start` to before `end`, in whole seconds, up to [`LeaseDuration::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "RawWindow", into = "RawWindow")]
pub struct DeliveryWindow {
    start: TimestampMs,
    end: TimestampMs,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWindow {
    start: TimestampMs,
    end: TimestampMs,
}

/// Two instants that are no window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{start} to {end} is no delivery window: it lasts 1 second to 31 days, in whole seconds, and starts after 1970")]
pub struct InvalidWindow {
    start: TimestampMs,
    end: TimestampMs,
}

impl DeliveryWindow {
    /// A window.
    ///
    /// # Errors
    /// [`InvalidWindow`] when it is empty, too long, not in whole seconds, or outside of time.
    pub fn new(start: TimestampMs, end: TimestampMs) -> Result<Self, InvalidWindow> {
        let window = Self { start, end };
        let whole = start.0 % SECOND_MS == 0 && end.0 % SECOND_MS == 0;
        let known = start >= TimestampMs::MIN && end <= TimestampMs::MAX && start < end;
        if whole && known && LeaseDuration::try_from((end.0 - start.0) / SECOND_MS).is_ok() {
            Ok(window)
        } else {
            Err(InvalidWindow { start, end })
        }
    }

    /// When delivery begins.
    #[must_use]
    pub fn start(self) -> TimestampMs {
        self.start
    }

    /// When delivery ends.
    #[must_use]
    pub fn end(self) -> TimestampMs {
        self.end
    }

    /// How long it lasts.
    #[must_use]
    pub fn seconds(self) -> u32 {
        u32::try_from((self.end.0 - self.start.0) / SECOND_MS).unwrap_or(u32::MAX)
    }

    /// Whole seconds of it that are left at `at`, a begun one not counted.
    #[must_use]
    pub fn seconds_left(self, at: TimestampMs) -> u32 {
        let left = self.end.since(at.max(self.start)) / SECOND_MS;
        u32::try_from(left).unwrap_or(u32::MAX).min(self.seconds())
    }
}

impl fmt::Display for DeliveryWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start, self.end)
    }
}

impl TryFrom<RawWindow> for DeliveryWindow {
    type Error = InvalidWindow;
    fn try_from(RawWindow { start, end }: RawWindow) -> Result<Self, InvalidWindow> {
        Self::new(start, end)
    }
}

impl From<DeliveryWindow> for RawWindow {
    fn from(DeliveryWindow { start, end }: DeliveryWindow) -> Self {
        Self { start, end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_whole_seconds_and_bounded() {
        let window = |start, end| DeliveryWindow::new(TimestampMs(start), TimestampMs(end));
        assert!(window(0, 1_000).is_ok());
        for (start, end) in [(0, 0), (2_000, 1_000), (1, 1_001), (0, 999), (0, 31 * 86_400_000 + 1_000), (-1_000, 1_000)] {
            assert!(window(start, end).is_err(), "{start} to {end}");
        }
        assert!(window(i64::MIN, i64::MAX).is_err());
    }

    #[test]
    fn what_is_left_is_never_more_than_all() {
        let window = DeliveryWindow::new(TimestampMs(10_000), TimestampMs(20_000)).expect("valid");
        for (at, left) in [(0, 10), (10_000, 10), (10_001, 9), (19_001, 0), (20_000, 0), (i64::MAX, 0)] {
            assert_eq!(window.seconds_left(TimestampMs(at)), left, "at {at}");
        }
    }
}
