//! Notices that no change of a clock shortens.
//!
//! A notice is over when two clocks agree: the calendar's, which people were told of and which can be set, and one that
//! counts since the machine's start and can't be. After a restart of the machine only the time since then is known to
//! have passed: such a notice may last longer, never less.

use crate::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An instant by both clocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// By the calendar.
    pub at: TimestampMs,
    /// Milliseconds since the machine started, its sleep included; never set.
    pub uptime_ms: i64,
    /// Which start of the machine that was; empty where it is not told.
    pub boot: String,
}

/// That something ends after so long, told at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// When it was given.
    #[schema(value_type = Object)]
    given: Moment,
    /// How long it is, in milliseconds.
    length_ms: i64,
}

impl Notice {
    /// A notice of `length_ms` that is given now; none is shorter than nothing.
    #[must_use]
    pub fn new(now: Moment, length_ms: i64) -> Self {
        Self { given: now, length_ms: length_ms.max(0) }
    }

    /// The same notice, cut where it would outlast an instant of the calendar, as that was when it was given.
    #[must_use]
    pub fn at_most_until(&self, until: TimestampMs) -> Self {
        let given = self.given.clone();
        Self { length_ms: self.length_ms.min(until.since(given.at)), given }
    }

    /// When it is over by the calendar.
    #[must_use]
    pub fn deadline(&self) -> TimestampMs {
        self.given.at + self.length_ms
    }

    /// Milliseconds until it is over; zero when it is.
    #[must_use]
    pub fn remaining_ms(&self, now: &Moment) -> i64 {
        let by_calendar = self.deadline().since(now.at);
        by_calendar.max(self.length_ms.saturating_sub(self.passed_ms(now)))
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self, now: &Moment) -> bool {
        self.remaining_ms(now) == 0
    }

    /// Milliseconds that have passed for sure since it was given.
    #[must_use]
    pub fn passed_ms(&self, now: &Moment) -> i64 {
        let same = self.given.boot == now.boot && now.uptime_ms >= self.given.uptime_ms;
        let since = if same { self.given.uptime_ms } else { 0 };
        now.uptime_ms.saturating_sub(since).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment(at: i64, uptime_ms: i64, boot: &str) -> Moment {
        Moment { at: TimestampMs(at), uptime_ms, boot: boot.into() }
    }

    #[test]
    fn a_notice_is_over_when_both_clocks_say_so() {
        let notice = Notice::new(moment(1_000_000, 50_000, "a"), 60_000);
        assert_eq!(notice.deadline(), TimestampMs(1_060_000));
        for (now, remaining) in [
            (moment(1_000_000, 50_000, "a"), 60_000),
            (moment(1_060_000, 110_000, "a"), 0),
            // The calendar set forward by a day, or back by an hour.
            (moment(87_400_000, 51_000, "a"), 59_000),
            (moment(1_060_000 - 3_600_000, 110_000, "a"), 3_600_000),
            // Another start of the machine: only what it counts since has passed for sure.
            (moment(9_000_000, 20_000, "b"), 40_000),
            (moment(9_000_000, 70_000, "b"), 0),
        ] {
            assert_eq!(notice.remaining_ms(&now), remaining, "{now:?}");
        }
    }

    #[test]
    fn a_notice_may_be_cut_at_the_end_of_what_it_is_about() {
        let notice = Notice::new(moment(1_000_000, 50_000, "a"), 60_000);
        for (until, left) in [(1_040_000, 40_000), (1_100_000, 60_000), (900_000, 0)] {
            let cut = notice.at_most_until(TimestampMs(until));
            // However far the calendar is set forward.
            assert_eq!(cut.remaining_ms(&moment(90_000_000, 50_000, "a")), left, "until {until}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// The machine runs and restarts, and its calendar is set to anything: no less than the notice has passed.
        #[test]
        fn no_clock_shortens_a_notice(
            length in 0_i64..100_000,
            pieces in prop::collection::vec((0_i64..30_000, any::<bool>(), -1_000_000_i64..1_000_000), 1..12),
        ) {
            let (mut truth, mut uptime, mut boot, mut calendar) = (0_i64, 5_000_i64, 0, 10_000_000_i64);
            let notice = Notice::new(moment(calendar, uptime, "0"), length);
            for (passes, restarts, is_set_by) in pieces {
                if restarts {
                    boot += 1;
                    uptime = 0;
                }
                truth += passes;
                uptime += passes;
                calendar += passes + is_set_by;
                if notice.is_over(&moment(calendar, uptime, &boot.to_string())) {
                    prop_assert!(truth >= length, "over after {truth} of {length} ms");
                }
            }
        }
    }
}
