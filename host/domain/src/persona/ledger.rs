//! What a persona's instances have cost in the present day, week and month, as a host measures it.

use super::budget::Period;
use crate::time::{HOUR_MS, TimestampMs};
use serde::{Deserialize, Serialize};

/// What was spent so far. Its parts change together: whoever keeps it as a whole counts no time twice and leaves none out,
/// however often it is interrupted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Up to when it was counted.
    through: TimestampMs,
    /// Per period of [`Period::ALL`]: when it began, and what was spent since.
    spent: [(TimestampMs, f64); 3],
}

impl Ledger {
    /// One in which nothing was spent yet, begun at `now`.
    #[must_use]
    pub fn new(now: TimestampMs) -> Self {
        Self { through: now, spent: Period::ALL.map(|period| (period.around(now).0, 0.0)) }
    }

    /// Up to when it was counted.
    #[must_use]
    pub fn through(&self) -> TimestampMs {
        self.through
    }

    /// Counts the time up to `now`, in which `per_hour` was paid; no number and nothing negative counts as nothing. A
    /// clock that goes back counts nothing.
    pub fn count(&mut self, now: TimestampMs, per_hour: f64) {
        if now <= self.through {
            return;
        }
        let per_hour = if per_hour.is_finite() { per_hour.max(0.0) } else { 0.0 };
        for (period, (since, amount)) in Period::ALL.iter().zip(&mut self.spent) {
            let (begin, _) = period.around(now);
            if *since != begin {
                (*since, *amount) = (begin, 0.0);
            }
            *amount += per_hour * now.since(self.through.max(begin)) as f64 / HOUR_MS as f64;
        }
        self.through = now;
    }

    /// What was spent of the period around `now`: nothing where none of it was counted yet.
    #[must_use]
    pub fn spent(&self, period: Period, now: TimestampMs) -> f64 {
        let (begin, _) = period.around(now);
        let counted = Period::ALL.iter().zip(&self.spent).find(|(one, _)| **one == period);
        counted.filter(|(_, (since, _))| *since == begin).map_or(0.0, |(_, (_, amount))| *amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY_MS, MINUTE_MS};
    use proptest::prelude::*;

    fn at(text: &str) -> TimestampMs {
        text.parse().expect("valid")
    }

    #[test]
    fn a_period_that_ends_is_left_behind() {
        // A Saturday; the month ends on Monday night.
        let mut ledger = Ledger::new(at("2026-11-28T20:00:00Z"));
        ledger.count(at("2026-11-28T22:00:00Z"), 3.0);
        let spent = |ledger: &Ledger, now: &str| Period::ALL.map(|period| ledger.spent(period, at(now)));
        assert_eq!(spent(&ledger, "2026-11-28T22:00:00Z"), [6.0, 6.0, 6.0]);
        assert_eq!(spent(&ledger, "2026-11-29T00:00:00Z"), [0.0, 6.0, 6.0], "a new day, not counted yet");
        // Nobody counted for over two days: each period has its own part of them.
        ledger.count(at("2026-12-01T01:00:00Z"), 1.0);
        assert_eq!(spent(&ledger, "2026-12-01T01:00:00Z"), [1.0, 25.0, 1.0]);
    }

    #[test]
    fn nonsense_costs_nothing() {
        let mut ledger = Ledger::new(TimestampMs(DAY_MS));
        for (minutes, price) in [(1, f64::NAN), (2, f64::INFINITY), (3, -4.0)] {
            ledger.count(TimestampMs(DAY_MS + minutes * MINUTE_MS), price);
        }
        ledger.count(TimestampMs(0), 1e9);
        assert_eq!(
            (ledger.spent(Period::Month, TimestampMs(DAY_MS)), ledger.through().0),
            (0.0, DAY_MS + 3 * MINUTE_MS)
        );
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_often_is_counted(cuts in proptest::collection::vec(0..40 * DAY_MS, 0..9), price in 0.0..100.0_f64) {
            let (begin, end) = (at("2026-11-20T10:00:00Z"), at("2026-11-20T10:00:00Z") + 40 * DAY_MS);
            let (mut once, mut often) = (Ledger::new(begin), Ledger::new(begin));
            once.count(end, price);
            let mut cuts = cuts;
            cuts.sort_unstable();
            for cut in cuts {
                often.count(begin + cut, price);
                // As after a power cut: what was kept is read again.
                often = serde_json::from_value(serde_json::to_value(&often).expect("JSON")).expect("valid");
            }
            often.count(end, price);
            for period in Period::ALL {
                prop_assert!((once.spent(period, end) - often.spent(period, end)).abs() < 1e-6);
            }
        }
    }
}
