//! The dynamic optimised Theta model of Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler (2016) for a series
//! without seasons: exponential smoothing of a theta line, and the line of the trend as far as it is known by then.
//! Beyond the paper, the latest error carries over to the next steps.

use forewarm_sdk::numerics::horizons::mean_error;
use forewarm_sdk::numerics::nelder_mead::minimise;
use serde::{Deserialize, Serialize};

/// Passes over the values in the search for the parameters.
const EVALUATIONS: usize = 40;
/// The search ends when its corners differ by less than this share.
const TOLERANCE: f64 = 1e-4;
/// Where the search begins, its first steps and its bounds: smoothing, trend, carry-over.
const START: [f64; 3] = [0.3, 0.5, 0.3];
const STEPS: [f64; 3] = [0.2, -0.2, 0.3];
const BOUNDS: [(f64, f64); 3] = [(1e-3, 0.99), (0.0, 0.9), (0.0, 0.98)];

/// Parameters and states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    smoothing: f64,
    /// How much of the trend is left: 1 - 1/theta.
    trend: f64,
    /// How much of the latest error is left one step later.
    carry: f64,
    level: f64,
    residual: f64,
    /// Values so far, their mean, and the slope of the straight line through them.
    count: f64,
    mean: f64,
    slope: f64,
    /// (1 - smoothing) to the power of the count: what is left of the first level.
    faded: f64,
}

impl Lines {
    /// The number of parameters.
    pub const PARAMETERS: usize = START.len();

    /// Estimates the parameters by the mean absolute error of forecasts of the distances `aheads`. Gives the model before
    /// the first value, and that error.
    #[must_use]
    pub fn fit(values: &[f64], aheads: &[usize]) -> (Self, f64) {
        let first = &values[..aheads.last().copied().unwrap_or(1).min(values.len())];
        let level = first.iter().sum::<f64>() / first.len().max(1) as f64;
        let cost = |at: &[f64]| Self::new(at, level).mean_error(values, aheads);
        let found = minimise(&START, &STEPS, &BOUNDS, EVALUATIONS, TOLERANCE, cost);
        (Self::new(&found.at, level), found.value)
    }

    fn new(at: &[f64], level: f64) -> Self {
        Self {
            smoothing: at[0],
            trend: at[1],
            carry: at[2],
            level,
            residual: 0.0,
            count: 0.0,
            mean: 0.0,
            slope: 0.0,
            faded: 1.0,
        }
    }

    fn mean_error(self, values: &[f64], aheads: &[usize]) -> f64 {
        let carries: Vec<f64> = aheads.iter().map(|ahead| power(self.carry, *ahead)).collect();
        let push = |state: &mut Self, value| state.push(Some(value));
        mean_error(values, aheads, self, push, |state, turn| state.line(aheads[turn]) + carries[turn] * state.residual)
    }

    /// Takes in the next value; a missing one is taken as its forecast.
    pub fn push(&mut self, value: Option<f64>) {
        let expected = self.line(1);
        self.residual = value.map_or(self.carry * self.residual, |value| value - expected);
        let value = value.unwrap_or(expected);
        self.count += 1.0;
        if self.count > 1.0 {
            let turn = 6.0 / self.count * (value - self.mean);
            self.slope = ((self.count - 2.0) * self.slope + turn) / (self.count + 1.0);
        }
        self.mean += (value - self.mean) / self.count;
        self.level += self.smoothing * (value - self.level);
        self.faded *= 1.0 - self.smoothing;
    }

    /// What the two lines say, some steps ahead, the latest error left out.
    fn line(&self, ahead: usize) -> f64 {
        let intercept = self.mean - (self.count + 1.0) / 2.0 * self.slope;
        let steps = (ahead - 1) as f64 + (1.0 - self.faded) / self.smoothing;
        self.level + self.trend * (self.faded * intercept + steps * self.slope)
    }

    /// Predicts the next `horizon` values.
    #[must_use]
    pub fn predict(&self, horizon: usize) -> Vec<f64> {
        let mut carried = self.residual;
        let one = |ahead| {
            carried *= self.carry;
            self.line(ahead) + carried
        };
        (1..=horizon).map(one).collect()
    }
}

fn power(base: f64, exponent: usize) -> f64 {
    std::iter::repeat_n(base, exponent).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::testing::forecaster::noise;

    const AHEADS: [usize; 3] = [1, 5, 12];

    fn path(values: &[f64], horizon: usize) -> Vec<f64> {
        let mut lines = Lines::fit(values, &AHEADS).0;
        values.iter().for_each(|value| lines.push(Some(*value)));
        lines.predict(horizon)
    }

    #[test]
    fn the_slope_is_that_of_the_straight_line_through_all_values() {
        let mut lines = Lines::new(&START, 0.0);
        [3.0, 1.0, 4.0, 1.0, 5.0].iter().for_each(|value| lines.push(Some(*value)));
        assert!((lines.slope - 0.4).abs() < 1e-12 && (lines.mean - 2.8).abs() < 1e-12, "{lines:?}");
    }

    #[test]
    fn a_line_goes_on_and_a_level_stays() {
        let rising: Vec<f64> = (0..100).map(|step| f64::from(step) / 100.0 + 0.001 * noise(step as usize)).collect();
        let last = path(&rising, 20)[19];
        assert!((1.08..1.2).contains(&last), "{last}");
        let level: Vec<f64> = (0..100).map(|step| 0.5 + 0.01 * noise(step)).collect();
        assert!(path(&level, 200).iter().all(|value| (value - 0.505).abs() < 0.02));
    }

    #[test]
    fn a_missing_value_is_taken_as_its_forecast() {
        let mut lines = Lines::fit(&(0..60).map(noise).collect::<Vec<_>>(), &AHEADS).0;
        (0..60).for_each(|step| lines.push(Some(noise(step))));
        let (level, expected) = (lines.level, lines.line(1));
        lines.push(None);
        assert!((lines.level - level - lines.smoothing * (expected - level)).abs() < 1e-12);
    }
}
