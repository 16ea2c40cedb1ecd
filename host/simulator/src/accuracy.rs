//! How good the forecasts were at the lead time, where a launch decides: coverage and pinball loss.

use forewarm_domain::forecast::Fan;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use utoipa::ToSchema;

/// The interval whose coverage is told.
const INTERVAL: (f64, f64) = (0.05, 0.95);
/// Levels over which the pinball loss is averaged.
const PINBALL_LEVELS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// Forecasts that wait for their step, and the sums of those that were scored.
#[derive(Debug, Clone, Default)]
pub struct Accuracy {
    pending: VecDeque<(usize, [f64; 2], [f64; 9])>,
    scored: u64,
    covered: u64,
    loss: f64,
}

/// The forecasts' quality.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastScore {
    /// The share of loads within the 5% to 95% interval that was forecast a lead time before.
    pub coverage: f64,
    /// The mean pinball loss over nine levels, in instances.
    pub pinball: f64,
}

impl Accuracy {
    /// Notes what is forecast at `step` of the step `lead` later.
    pub fn forecast(&mut self, step: usize, lead: usize, fan: &Fan) {
        let ahead = lead.min(fan.horizon().saturating_sub(1));
        let quantile = |level: f64| fan.quantile(ahead, level);
        self.pending.push_back((
            step + ahead,
            [quantile(INTERVAL.0), quantile(INTERVAL.1)],
            PINBALL_LEVELS.map(quantile),
        ));
    }

    /// The load of `step`, in the series' unit.
    pub fn measured(&mut self, step: usize, load: f64) {
        while let Some((at, [low, high], quantiles)) = self.pending.front().copied().filter(|(at, ..)| *at <= step) {
            self.pending.pop_front();
            if at == step {
                self.scored += 1;
                self.covered += u64::from((low..=high).contains(&load));
                let loss = |(level, quantile): (f64, f64)| {
                    (load - quantile).max(0.0) * level + (quantile - load).max(0.0) * (1.0 - level)
                };
                self.loss +=
                    PINBALL_LEVELS.into_iter().zip(quantiles).map(loss).sum::<f64>() / PINBALL_LEVELS.len() as f64;
            }
        }
    }

    /// The score; `None` where nothing was forecast.
    #[must_use]
    pub fn score(&self, capacity: f64) -> Option<ForecastScore> {
        let scored = self.scored as f64;
        let score = ForecastScore { coverage: self.covered as f64 / scored, pinball: self.loss / scored / capacity };
        (self.scored > 0).then_some(score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::TimestampMs;

    #[test]
    fn a_forecast_is_scored_at_its_own_step() {
        let fan = |from: f64| {
            let paths: Vec<Vec<f64>> =
                [0.0, 10.0].iter().map(|add| (0..10).map(|step| from + f64::from(step) + add).collect()).collect();
            Fan::from_paths(TimestampMs(0), 60_000, &[0.05, 0.95], &paths).expect("valid")
        };
        let mut accuracy = Accuracy::default();
        accuracy.forecast(0, 5, &fan(0.0));
        accuracy.forecast(1, 5, &fan(100.0));
        (0..5).for_each(|step| accuracy.measured(step, 0.0));
        assert_eq!(accuracy.score(1.0), None);
        accuracy.measured(5, 10.0);
        accuracy.measured(6, 10.0);
        let score = accuracy.score(2.0).expect("scored");
        assert_eq!(score.coverage, 0.5, "5 to 15 holds 10, 105 to 115 does not");
        // The second misses by some 100 on the high side: half of that on average over the levels.
        assert!((score.pinball - 13.1).abs() < 1.0, "{score:?}");
    }
}
