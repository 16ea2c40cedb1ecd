//! How far one horizon's forecasts lay off: the quantiles of the errors of forecasts that were made without their
//! outcome, by phase of the season, near phases counting too.

use crate::regression::Outcome;
use forewarm_sdk::numerics::shape::Shape;
use serde::{Deserialize, Serialize};

/// The most phases that have quantiles of their own.
const PHASES_MAX: usize = 8;
/// At this part of the season away an outcome counts half.
const HALF_AWAY: f64 = 0.25;
/// Errors grow by this share for each independent outcome that is missing: there is one per horizon's worth of steps.
const SHORTNESS: f64 = 0.5;
/// A standard deviation per mean absolute error of a normal distribution.
const DEVIATION: f64 = 1.253_314_137_315_5;

/// The spread of outcomes around the forecasts of one horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The standard deviation that normal errors of this size would have.
    size: f64,
    period: usize,
    /// The distribution for each phase, in units of the size.
    phases: Vec<Shape>,
}

impl Spread {
    /// Reads the spread off the outcomes of forecasts `ahead` steps ahead, for a season of `period` steps. Phases are
    /// counted from the value at index `origin`.
    #[must_use]
    pub fn new(outcomes: &[Outcome], ahead: usize, period: usize, origin: usize) -> Self {
        let weight: f64 = outcomes.iter().map(|outcome| outcome.weight).sum();
        let mean = outcomes.iter().map(|outcome| outcome.weight * outcome.error.abs()).sum::<f64>() / weight;
        let shortness = 1.0 + SHORTNESS * ahead as f64 / outcomes.len() as f64;
        let count = period.min(PHASES_MAX);
        let mut sorted = outcomes.to_vec();
        sorted.sort_unstable_by(|a, b| a.error.total_cmp(&b.error));
        let unit = if mean > 0.0 { DEVIATION * mean } else { 1.0 };
        let near = nearness(count);
        let one = |own: usize| {
            let sample: Vec<(f64, f64)> = sorted
                .iter()
                .map(|outcome| {
                    let since = outcome.target + period - origin % period;
                    let away = own.abs_diff(phase(since, period, count));
                    (outcome.error / unit, outcome.weight * near[away])
                })
                .collect();
            Shape::weighted(&sample)
        };
        Self { size: DEVIATION * mean * shortness, period, phases: (0..count).map(one).collect() }
    }

    /// The size of the errors.
    #[must_use]
    pub fn size(&self) -> f64 {
        self.size
    }

    /// The quantiles of the error at levels within (0, 1), by phase.
    #[must_use]
    pub fn table(&self, levels: &[f64]) -> Vec<Vec<f64>> {
        let row = |shape: &Shape| levels.iter().map(|level| self.size * shape.at(*level)).collect();
        self.phases.iter().map(row).collect()
    }

    /// The row of the table for the value that many steps after the origin.
    #[must_use]
    pub fn phase(&self, since: usize) -> usize {
        phase(since, self.period, self.phases.len())
    }
}

fn phase(since: usize, period: usize, count: usize) -> usize {
    (since % period) * count / period
}

/// How much an outcome counts by how many of the `count` phases it lies away, either way round.
fn nearness(count: usize) -> Vec<f64> {
    let one = |away: usize| {
        let part = away.min(count - away) as f64 / count as f64 / HALF_AWAY;
        1.0 / (1.0 + part * part)
    };
    (0..count).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(error: impl Fn(usize) -> f64) -> Vec<Outcome> {
        (0..2_400).map(|target| Outcome { target, error: error(target), weight: 1.0 }).collect()
    }

    #[test]
    fn restless_phases_are_wider_wherever_phases_begin() {
        let sign = |at: usize| if at * 7 % 5 < 2 { 1.0 } else { -1.0 };
        let errors = |at: usize| if at % 24 < 12 { 5.0 * sign(at) } else { sign(at) };
        for origin in [0, 2_400, 2_405] {
            let spread = Spread::new(&outcomes(errors), 1, 24, origin);
            let table = spread.table(&[0.2, 0.8]);
            let row = |target: usize| &table[spread.phase(2_424 + target - origin)];
            assert!(row(6)[1] > 2.0 * row(18)[1], "{origin}");
            assert!(row(6)[0] < 0.0 && row(6)[1] > 4.0, "{origin}");
        }
    }

    #[test]
    fn errors_of_zero_have_no_spread() {
        let spread = Spread::new(&outcomes(|_| 0.0), 3, 1, 0);
        assert_eq!((spread.size(), spread.table(&[0.99])), (0.0, vec![vec![0.0]]));
    }

    #[test]
    fn phases_are_near_either_way_round() {
        let near = nearness(24);
        assert!(near[0] == 1.0 && near[23] == near[1] && near[12] < near[6] && near[6] == 0.5);
        assert_eq!(nearness(1), [1.0]);
    }
}
