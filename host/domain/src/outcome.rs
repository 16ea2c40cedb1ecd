//! What became of the decisions: one record per persona and hour, summed step by step.

use crate::id::PersonaName;
use crate::plan::Stock;
use crate::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The levels between which a forecast is scored: how often the load fell inside, against 90%.
pub const COVERAGE_LEVELS: (f64, f64) = (0.05, 0.95);

/// One persona's outcome over one hour, as far as it has gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// Whose.
    pub persona: PersonaName,
    /// The beginning of the hour.
    pub hour: TimestampMs,
    /// The last step that is counted; a step is counted once.
    pub through: TimestampMs,
    /// Steps counted.
    pub steps: u32,
    /// Claims that were served at once from a warm instance.
    pub claims_warm: u32,
    /// Claims that had to wait, and were served in this hour.
    pub claims_cold: u32,
    /// What the cold ones waited, summed, in milliseconds.
    pub wait_ms_sum: i64,
    /// Instances launched.
    pub launches: u32,
    /// Idle instance-steps: warm or being wiped.
    pub idle: u64,
    /// Booting instance-steps.
    pub booting: u64,
    /// Claimed instance-steps.
    pub active: u64,
    /// Claims waiting at the end of a step, summed: unserved instance-steps.
    pub unserved: u64,
    /// Parked instance-steps.
    #[serde(default)]
    pub parked: u64,
    /// What was saved by holding these parked rather than warm, in units of the driver's currency, at its prices then.
    #[serde(default)]
    pub saved: f64,
    /// What was saved by holding instances in the persona's placements rather than as it stands, less what moving them cost, in
    /// the same units: below zero where dearer ones had to do.
    #[serde(default)]
    pub placement_saved: f64,
    /// Steps for which a forecast had been made in time.
    pub forecast_steps: u32,
    /// Of these, steps at which the load fell between the 5% and the 95% quantile.
    pub covered: u32,
    /// Mean pinball loss over the three scored levels (5%, 50%, 95%), summed over the steps.
    pub pinball_sum: f64,
}

/// The three quantiles of one step's load that were forecast ahead of it, in the order 5%, 50%, 95%.
pub type ScoredQuantiles = [f64; 3];

impl Outcome {
    /// Nothing counted yet.
    #[must_use]
    pub fn empty(persona: PersonaName, hour: TimestampMs) -> Self {
        Self {
            persona,
            hour,
            through: hour - 1,
            steps: 0,
            claims_warm: 0,
            claims_cold: 0,
            wait_ms_sum: 0,
            launches: 0,
            idle: 0,
            booting: 0,
            active: 0,
            unserved: 0,
            parked: 0,
            saved: 0.0,
            placement_saved: 0.0,
            forecast_steps: 0,
            covered: 0,
            pinball_sum: 0.0,
        }
    }

    /// Counts the step at `at`: what stood at its end, and how the forecast did. A step already counted changes nothing.
    pub fn count_step(&mut self, at: TimestampMs, stock: Stock, load: f64, forecast: Option<ScoredQuantiles>) {
        if at <= self.through {
            return;
        }
        self.through = at;
        self.steps += 1;
        self.idle += u64::from(stock.warm) + u64::from(stock.resetting);
        self.booting += u64::from(stock.booting);
        self.active += u64::from(stock.active);
        self.unserved += u64::from(stock.waiting);
        self.parked += u64::from(stock.parked);
        if let Some(quantiles) = forecast.filter(|_| load.is_finite()) {
            self.forecast_steps += 1;
            self.covered += u32::from(quantiles[0] <= load && load <= quantiles[2]);
            let losses = [COVERAGE_LEVELS.0, 0.5, COVERAGE_LEVELS.1].into_iter().zip(quantiles);
            self.pinball_sum += losses.map(|(level, quantile)| pinball(level, quantile, load)).sum::<f64>() / 3.0;
        }
    }
}

/// The pinball loss of a quantile forecast (Koenker and Bassett 1978).
#[must_use]
pub fn pinball(level: f64, quantile: f64, actual: f64) -> f64 {
    let error = actual - quantile;
    if error >= 0.0 { level * error } else { (level - 1.0) * error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_counts_once() {
        let mut outcome = Outcome::empty("web".parse().expect("valid"), TimestampMs(0));
        let stock = Stock { active: 3, warm: 2, booting: 1, resetting: 0, waiting: 4, parked: 6, moving: 0 };
        for _ in 0..2 {
            outcome.count_step(TimestampMs(60_000), stock, 5.0, Some([1.0, 4.0, 6.0]));
        }
        assert_eq!((outcome.steps, outcome.idle, outcome.booting, outcome.unserved), (1, 2, 1, 4));
        assert_eq!((outcome.forecast_steps, outcome.covered, outcome.parked), (1, 1, 6));
    }

    #[test]
    fn pinball_weighs_both_sides() {
        assert_eq!(pinball(0.9, 10.0, 12.0), 1.8);
        assert!((pinball(0.9, 12.0, 10.0) - 0.2).abs() < 1e-12);
    }
}
