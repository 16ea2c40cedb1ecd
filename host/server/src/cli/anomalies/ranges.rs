//! Anomalous values as ranges: what lies close together is one.

use forewarm_domain::plugin::Verdict;
use forewarm_domain::time::TimestampMs;
use serde::Serialize;

/// Anomalies with at most so many usual values between them are one range.
const APART_MAX: usize = 5;

/// A stretch of a series that does not belong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Range {
    /// The first anomalous value's time, and the last's.
    pub(super) from: TimestampMs,
    pub(super) to: TimestampMs,
    /// How many of its values are anomalous.
    pub(super) values: usize,
    /// The value that is farthest from what was usual, its score and what was.
    pub(super) value: f64,
    pub(super) score: f64,
    pub(super) expected_low: Option<f64>,
    pub(super) expected_high: Option<f64>,
    #[serde(skip)]
    last: usize,
    /// Of `value`.
    #[serde(skip)]
    distance: f64,
}

/// The ranges of a series, given as time, value and verdict, the oldest first.
pub(super) fn ranges(judged: impl Iterator<Item = (TimestampMs, f64, Verdict)>) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for (index, (at, value, verdict)) in judged.enumerate().filter(|(_, (_, _, verdict))| verdict.anomalous) {
        match ranges.last_mut().filter(|range| index - range.last <= APART_MAX + 1) {
            Some(range) => range.grow(index, at, value, verdict),
            None => ranges.push(Range::begin(index, at, value, verdict)),
        }
    }
    ranges
}

impl Range {
    fn begin(last: usize, at: TimestampMs, value: f64, of: Verdict) -> Self {
        let ((expected_low, expected_high), distance) = (of.usual(), of.distance(value));
        Self { from: at, to: at, values: 1, value, score: of.score, expected_low, expected_high, last, distance }
    }

    fn grow(&mut self, index: usize, at: TimestampMs, value: f64, of: Verdict) {
        let distance = of.distance(value);
        if distance > self.distance {
            (self.value, self.distance) = (value, distance);
            (self.expected_low, self.expected_high) = of.usual();
        }
        self.score = self.score.max(of.score);
        (self.last, self.to, self.values) = (index, at, self.values + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_ones_are_one_with_the_farthest_value() {
        let verdict = |anomalous| Verdict { score: 0.6, anomalous, expected_low: f64::MIN, expected_high: 10.0 };
        let values = [1.0, 20.0, 50.0, 1.0, 30.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 12.0];
        let judged =
            values.iter().enumerate().map(|(at, value)| (TimestampMs(at as i64), *value, verdict(*value > 10.0)));
        let found = ranges(judged);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].from, found[0].to, found[0].values), (TimestampMs(1), TimestampMs(4), 3));
        assert_eq!((found[0].value, found[0].expected_low, found[0].expected_high), (50.0, None, Some(10.0)));
        assert_eq!((found[1].value, found[1].values), (12.0, 1));
    }
}
