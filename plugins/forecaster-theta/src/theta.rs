//! Theta with seasons: the profiles of day and week are taken out, added or multiplied, as far as that helps.

use crate::lines::Lines;
use forewarm_sdk::Error;
use forewarm_sdk::numerics::horizons::distances;
use forewarm_sdk::numerics::past::Past;
use forewarm_sdk::numerics::profile::decompose_fading;
use forewarm_sdk::numerics::rolling::Method;
use serde::{Deserialize, Serialize};

/// Seasons multiply only where every value is above this share of the largest.
const MULTIPLICATIVE_MIN: f64 = 1e-3;
/// The weight of a cycle in its season's profile, relative to the next one's.
const KEEP: f64 = 0.85;
/// The least share of the values that is left after the seasons' states are paid for.
const FREE_MIN: f64 = 0.1;

/// A Theta model of the seasonally adjusted series, and its seasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Theta {
    lines: Lines,
    seasons: Seasons,
    /// How many values were seen: seasons begin with the first.
    seen: usize,
}

/// What is typical of each step of each season.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Seasons {
    profiles: Vec<Vec<f64>>,
    multiplied: bool,
}

impl Seasons {
    fn new(values: &[f64], periods: &[usize], multiplied: bool) -> Self {
        if !multiplied {
            return Self { profiles: decompose_fading(values, periods, KEEP), multiplied };
        }
        let logs: Vec<f64> = values.iter().map(|value| libm::log(value.max(MULTIPLICATIVE_MIN))).collect();
        let mut profiles = decompose_fading(&logs, periods, KEEP);
        profiles.iter_mut().flatten().for_each(|state| *state = libm::exp(*state));
        Self { profiles, multiplied }
    }

    fn at(&self, step: usize) -> f64 {
        let states = self.profiles.iter().map(|profile| profile[step % profile.len()]);
        if self.multiplied { states.product() } else { states.sum() }
    }

    fn remove(&self, value: f64, step: usize) -> f64 {
        if self.multiplied { value / self.at(step).max(MULTIPLICATIVE_MIN) } else { value - self.at(step) }
    }

    fn put_back(&self, value: f64, step: usize) -> f64 {
        if self.multiplied { value * self.at(step).max(MULTIPLICATIVE_MIN) } else { value + self.at(step) }
    }

    fn states(&self) -> usize {
        self.profiles.iter().map(Vec::len).sum()
    }
}

impl Theta {
    /// Fits the first `count` seasons. Gives the model and its error, which more states make dearer (generalised cross
    /// validation).
    fn candidate(past: &Past, count: usize, multiplied: bool) -> (Self, f64) {
        let seasons = Seasons::new(&past.values, &past.seasons[..count], multiplied);
        let adjusted: Vec<f64> = past.values.iter().enumerate().map(|(at, value)| seasons.remove(*value, at)).collect();
        let (lines, error) = Lines::fit(&adjusted, &distances(&past.seasons));
        let free = (1.0 - seasons.states() as f64 / past.values.len() as f64).max(FREE_MIN);
        (Self { lines, seasons, seen: 0 }, error / free)
    }
}

impl Method for Theta {
    type Options = ();

    /// Seasons are tried one after the other, and then their multiplication.
    fn fit(past: &Past, (): &()) -> Result<Self, Error> {
        let better = |best: (Self, f64), other: (Self, f64)| if other.1 < best.1 { other } else { best };
        let mut best = Self::candidate(past, 0, false);
        for count in 1..=past.seasons.len() {
            best = better(best, Self::candidate(past, count, false));
        }
        let used = best.0.seasons.profiles.len();
        if used > 0 && past.values.iter().all(|value| *value > MULTIPLICATIVE_MIN) {
            best = better(best, Self::candidate(past, used, true));
        }
        Ok(best.0)
    }

    fn push(&mut self, value: Option<f64>) {
        self.lines.push(value.map(|value| self.seasons.remove(value, self.seen)));
        self.seen += 1;
    }

    fn predict(&self, horizon: usize) -> Vec<f64> {
        let lines = self.lines.predict(horizon).into_iter().zip(self.seen..);
        lines.map(|(value, step)| self.seasons.put_back(value, step)).collect()
    }

    fn parameters(&self) -> usize {
        Lines::PARAMETERS + self.seasons.states()
    }
}
