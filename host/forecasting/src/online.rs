//! Adaptive conformal inference, per level: a quantile that too many outcomes exceed is read further out, until as many
//! lie below as its level promises, whatever the series does (Gibbs and Candès 2021).

use forewarm_domain::forecast::Fan;
use serde::{Deserialize, Serialize};

/// How far one outcome moves a level.
pub const GAMMA: f64 = 0.01;
/// Levels stay this far inside (0, 1).
const MARGIN: f64 = 1e-3;

/// The levels to read scores at instead of the promised ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdaptiveLevels {
    promised: Vec<f64>,
    effective: Vec<f64>,
}

impl AdaptiveLevels {
    /// Begins at the promised levels.
    #[must_use]
    pub fn new(levels: &[f64]) -> Self {
        Self { promised: levels.to_vec(), effective: levels.to_vec() }
    }

    /// Takes in one outcome and the quantiles that were served for it, one per level; nothing where either is missing.
    pub fn observe(&mut self, quantiles: &[f64], outcome: f64) {
        if quantiles.len() != self.promised.len() || !outcome.is_finite() {
            return;
        }
        let levels = self.promised.iter().zip(&mut self.effective);
        for ((promised, effective), quantile) in levels.zip(quantiles) {
            let below = f64::from(u8::from(outcome <= *quantile));
            // The step shrinks with the rarity of a miss, or the outer levels would jump out of range at one outcome.
            let gamma = GAMMA * 4.0 * promised * (1.0 - promised);
            *effective = (*effective + gamma * (promised - below)).clamp(MARGIN, 1.0 - MARGIN);
        }
    }

    /// Takes in what followed a forecast.
    pub fn observe_all(&mut self, fan: &Fan, outcomes: &[f64]) {
        outcomes.iter().enumerate().for_each(|(step, outcome)| self.observe(fan.at(step), *outcome));
    }

    /// The levels to read at, never falling.
    #[must_use]
    pub fn effective(&self) -> Vec<f64> {
        let mut levels = self.effective.clone();
        levels.sort_by(f64::total_cmp);
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves quantiles read at the adapted levels from stale scores (uniform on 0 to 1) while outcomes lie elsewhere, and
    /// gives the share of outcomes below each level.
    fn coverage(outcome: impl Fn(f64) -> f64) -> Vec<f64> {
        let levels = [0.1, 0.5, 0.9];
        let mut adaptive = AdaptiveLevels::new(&levels);
        let (mut below, count) = ([0.0; 3], 20_000);
        for index in 0..count {
            let served = adaptive.effective();
            let happened = outcome((f64::from(index) * 0.618_033_988_75).fract());
            served.iter().zip(&mut below).for_each(|(value, below)| *below += f64::from(u8::from(happened <= *value)));
            adaptive.observe(&served, happened);
        }
        below.iter().map(|below| below / f64::from(count)).collect()
    }

    #[test]
    fn coverage_returns_after_the_outcomes_moved() {
        for found in [coverage(|u| u), coverage(|u| u * 0.5), coverage(|u| 0.4 + u * 0.6), coverage(|u| u * u)] {
            for (share, level) in found.iter().zip([0.1, 0.5, 0.9]) {
                assert!((share - level).abs() < 0.02, "{found:?}");
            }
        }
    }

    #[test]
    fn missing_outcomes_and_foreign_rows_change_nothing() {
        let mut adaptive = AdaptiveLevels::new(&[0.5]);
        let fresh = adaptive.clone();
        adaptive.observe(&[1.0], f64::NAN);
        adaptive.observe(&[1.0, 2.0], 1.0);
        assert_eq!(adaptive, fresh);
    }
}
