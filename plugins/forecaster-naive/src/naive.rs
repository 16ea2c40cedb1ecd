//! Seasonal naive: the value one season before, over and over.

use forewarm_sdk::Error;
use forewarm_sdk::numerics::past::Past;
use forewarm_sdk::numerics::rolling::Method;
use serde::{Deserialize, Serialize};

/// The latest season.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeasonalNaive {
    /// One value per step of the season, the next one to be repeated at `next`.
    season: Vec<f64>,
    next: usize,
}

impl SeasonalNaive {
    /// The length of the season in steps; 1 where there is none.
    #[must_use]
    pub fn period(&self) -> usize {
        self.season.len()
    }
}

impl Method for SeasonalNaive {
    type Options = ();

    /// Takes the season after which the values came back closest.
    fn fit(past: &Past, (): &()) -> Result<Self, Error> {
        let from = past.seasons.last().copied().unwrap_or(1);
        let distance = |period: usize| {
            let pairs = past.values.iter().zip(past.values.iter().skip(period)).skip(from - period);
            pairs.map(|(before, after)| (after - before).abs()).sum::<f64>()
        };
        let distances = past.seasons.iter().map(|period| (*period, distance(*period)));
        let period = distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(1, |(period, _)| period);
        Ok(Self { season: vec![past.values.first().copied().unwrap_or(0.0); period], next: 0 })
    }

    fn push(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.season[self.next] = value;
        }
        self.next = (self.next + 1) % self.season.len();
    }

    fn predict(&self, horizon: usize) -> Vec<f64> {
        self.season.iter().copied().cycle().skip(self.next).take(horizon).collect()
    }
}
