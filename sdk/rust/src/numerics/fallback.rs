//! What is forecast while there is too little to learn from: the last cycle or value again, as uncertain as the whole
//! history varies.

use super::past::Past;
use super::shape::normal_quantile;
use super::stats;
use serde::{Deserialize, Serialize};

/// The least error that a history lets expect, as a part of its level over the root of its length.
const LEVEL_SHARE: f64 = 0.25;
/// Errors grow as those of a random walk for this many steps.
const GROWTH_STEPS: usize = 4;

/// The last cycle, in the series' own unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fallback {
    cycle: Vec<f64>,
    /// A standard deviation in a unit, which keeps both finite.
    size: f64,
    unit: f64,
}

impl Fallback {
    /// Takes the last cycle of the shortest season, or the last value.
    #[must_use]
    pub fn new(past: &Past) -> Self {
        let count = past.values.len();
        let period = past.seasons.first().copied().unwrap_or(1);
        let level = stats::mean(&past.values).abs();
        let size = stats::variance(&past.values).sqrt().max(LEVEL_SHARE * level / (count as f64).sqrt());
        Self { cycle: past.values[count.saturating_sub(period)..].to_vec(), size, unit: past.scale }
    }

    /// The quantiles at the step `ahead` (from 1) of the end of the cycle.
    pub fn quantiles(&self, ahead: usize, levels: &[f64]) -> impl Iterator<Item = f64> {
        let middle = self.cycle.get((ahead - 1) % self.cycle.len().max(1)).copied().unwrap_or(0.0);
        let size = self.size * (ahead.min(GROWTH_STEPS) as f64).sqrt();
        levels.iter().map(move |level| {
            let value = middle + size * normal_quantile(*level);
            (value * self.unit).clamp(f64::MIN, f64::MAX)
        })
    }
}
