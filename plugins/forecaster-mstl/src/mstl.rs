//! MSTL (Bandara, Hyndman and Bergmeir, 2021): each season by local regression over its cycles, and exponential smoothing
//! of what remains. The future repeats each season's latest cycle.

use crate::windows;
use forewarm_sdk::Error;
use forewarm_sdk::numerics::past::Past;
use forewarm_sdk::numerics::rolling::Method;
use forewarm_sdk::numerics::smoothing::{Form, Mixing, Smoothing};
use serde::{Deserialize, Serialize};

/// Passes over the values in the search for one form's parameters.
const EVALUATIONS: usize = 60;

/// A decomposition, and the smoothing of what remains without the seasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mstl {
    seasons: Vec<Component>,
    rest: Smoothing,
    /// Values that were decomposed, and values that were seen.
    known: usize,
    seen: usize,
}

/// A season over the decomposed values; of those that were seen, only the latest cycle is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Component {
    period: usize,
    states: Vec<f64>,
}

impl Component {
    /// The state `ahead` steps beyond `seen` values of `known` ones: that of the latest cycle seen, or of the first one.
    fn ahead(&self, seen: usize, known: usize, ahead: usize) -> f64 {
        let at = match seen.checked_sub(known) {
            Some(beyond) => self.states.len() - self.period + (beyond + ahead) % self.period,
            None if seen >= self.period => seen - self.period + ahead % self.period,
            None => seen + ahead,
        };
        self.states.get(at).copied().unwrap_or(0.0)
    }

    /// The state of the next value.
    fn now(&self, seen: usize, known: usize) -> f64 {
        if seen < known { self.states[seen] } else { self.ahead(seen, known, 0) }
    }

    fn keep_latest_cycle(&mut self) {
        self.states.drain(..self.states.len() - self.period);
    }
}

impl Mstl {
    fn decompose(values: &[f64], periods: &[usize]) -> Result<Vec<Component>, Error> {
        if periods.is_empty() {
            return Ok(Vec::new());
        }
        let windows: Vec<usize> = periods.iter().map(|period| windows::window(values, *period)).collect();
        let found = stlrs::MstlParams::new()
            .seasonal_lengths(&windows)
            .fit(values, periods)
            .map_err(|error| Error::other(format!("the series can't be decomposed: {error}")))?;
        let components = found.seasonal().iter().zip(periods);
        Ok(components.map(|(states, period)| Component { period: *period, states: states.clone() }).collect())
    }
}

impl Method for Mstl {
    type Options = ();

    fn fit(past: &Past, (): &()) -> Result<Self, Error> {
        let seasons = Self::decompose(&past.values, &windows::worthwhile(&past.values, &past.seasons))?;
        let season = |at: usize| seasons.iter().map(|season| season.states[at]).sum::<f64>();
        let rest: Vec<f64> = past.values.iter().enumerate().map(|(at, value)| value - season(at)).collect();
        let form = |trend| Form { trend, carry: true, mixing: Mixing::Additive, seasons: Vec::new() };
        let (level, trend) =
            (Smoothing::fit(&rest, &form(false), EVALUATIONS), Smoothing::fit(&rest, &form(true), EVALUATIONS));
        let rest = if trend.1 < level.1 { trend.0 } else { level.0 };
        Ok(Self { seasons, rest, known: past.values.len(), seen: 0 })
    }

    fn push(&mut self, value: Option<f64>) {
        let season: f64 = self.seasons.iter().map(|season| season.now(self.seen, self.known)).sum();
        self.rest.push(value.map(|value| value - season));
        self.seen += 1;
        if self.seen == self.known {
            self.seasons.iter_mut().for_each(Component::keep_latest_cycle);
        }
    }

    fn predict(&self, horizon: usize) -> Vec<f64> {
        let season = |ahead| self.seasons.iter().map(|season| season.ahead(self.seen, self.known, ahead)).sum::<f64>();
        self.rest.predict(horizon).into_iter().enumerate().map(|(ahead, rest)| rest + season(ahead)).collect()
    }

    /// About two for each step of a season: local regression follows a season through its changes.
    fn parameters(&self) -> usize {
        self.rest.estimated() + 2 * self.seasons.iter().map(|season| season.period).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_goes_on_as_its_latest_cycle_did() {
        let states: Vec<f64> = (0..10).map(f64::from).collect();
        let mut season = Component { period: 4, states };
        let ahead =
            |season: &Component, seen: usize| (0..5).map(|ahead| season.ahead(seen, 10, ahead)).collect::<Vec<_>>();
        assert_eq!(ahead(&season, 6), [2.0, 3.0, 4.0, 5.0, 2.0], "while the past is replayed");
        assert_eq!(ahead(&season, 10), [6.0, 7.0, 8.0, 9.0, 6.0]);
        season.keep_latest_cycle();
        assert_eq!(ahead(&season, 10), [6.0, 7.0, 8.0, 9.0, 6.0]);
        assert_eq!(ahead(&season, 15), [7.0, 8.0, 9.0, 6.0, 7.0]);
    }
}
