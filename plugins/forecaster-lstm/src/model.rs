//! The model of one series: its latest values. All that is learned is in the weights, so `observe` only remembers.

use forewarm_sdk::numerics::past::{History, Past};
use forewarm_sdk::numerics::recurring::LOOKED_AT;
use forewarm_sdk::numerics::renewal::Renewal;
use forewarm_sdk::numerics::seasons::SeasonLengths;
use forewarm_sdk::numerics::shape::normal_quantile;
use forewarm_sdk::{Error, Series};
use serde::{Deserialize, Serialize};

use crate::again::Again;
use crate::degenerate;
use crate::fan::{LEVELS, MIDDLE, Reading};
use crate::grid::Grid;
use crate::weights::Weights;
use crate::window::Window;

/// The most steps ahead.
pub const HORIZON_MAX: u32 = 1_440;
/// The fewest values that are there in a history.
pub const PRESENT_MIN: usize = 2;

/// A model of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    seasons: SeasonLengths,
    history: History,
}

impl Model {
    /// Remembers a history.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] for fewer than [`PRESENT_MIN`] values that are there.
    pub fn fit(series: &Series, seasons: SeasonLengths) -> Result<Self, Error> {
        let mut history = History::default();
        history.extend(&series.values);
        let model = Self { seasons, history };
        model.past().map(|_| model)
    }

    /// Takes in the values that follow, NaN where missing.
    pub fn observe(&mut self, values: &[f64]) {
        self.history.extend(values);
    }

    fn past(&self) -> Result<Past, Error> {
        self.history
            .past(&self.seasons, PRESENT_MIN)
            .ok_or_else(|| Error::not_enough_data(format!("at least {PRESENT_MIN} recent values must be there")))
    }

    /// Predicts `horizon` steps at rising `levels`: one path per level, finite, without crossing, and not below zero
    /// where the history never was.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] when all of the recent values are missing; [`Error::Other`] when the network fails.
    pub fn forecast(&self, weights: &Weights, horizon: usize, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        let past = self.past()?;
        let shape = &weights.card.shape;
        // Without a season the network's own patch is one: it was trained on series of many kinds.
        let grid = Grid::new(past.seasons.first().copied().unwrap_or(shape.patch), shape.patch);
        // All that the network sees must be without it, or the level seems to change where it was taken out.
        let renewal =
            (grid.is_identity() && shape.seen() <= LOOKED_AT).then(|| Renewal::find(&past, horizon)).flatten();
        let values = renewal.as_ref().map_or(past.values.as_slice(), Renewal::steady);
        let coarse = grid.coarsen(values, shape.seen());
        let fans = match roll(weights, &coarse, grid.values_ahead(horizon))? {
            Some(fans) => refined(grid, values, &coarse, &fans, horizon),
            None => degenerate::predict(values, horizon),
        };
        let reading = Reading::new(levels);
        let again = renewal.as_ref().map(|renewal| Again::new(renewal, levels));
        let mut paths = vec![Vec::with_capacity(horizon); levels.len()];
        for (step, fan) in fans.iter().enumerate() {
            let read = again.as_ref().and_then(|again| again.read(step, fan)).unwrap_or_else(|| reading.read(fan));
            paths.iter_mut().zip(read).for_each(|(path, value)| path.push(value));
        }
        let floor = if past.negative { f64::MIN } else { 0.0 };
        paths.iter_mut().flatten().for_each(|value| *value = (*value * past.scale).clamp(floor, f64::MAX));
        Ok(paths)
    }
}

/// Gives the fans of the next `ahead` values of the network. Beyond its horizon it goes on from its own medians, and the
/// distances from the median grow with the square root of the number of times that it went on. `None` where there is
/// nothing to go by.
fn roll(weights: &Weights, coarse: &[f64], ahead: usize) -> Result<Option<Vec<[f64; LEVELS.len()]>>, Error> {
    let shape = &weights.card.shape;
    let mut known = coarse.to_vec();
    let mut fans = Vec::with_capacity(ahead + shape.horizon);
    while fans.len() < ahead {
        let Some(window) = Window::new(&known, shape) else { return Ok(None) };
        let growth = ((fans.len() / shape.horizon + 1) as f64).sqrt();
        for fan in weights.predict(&window)? {
            let median = fan[MIDDLE];
            known.push(median * window.scale + window.level);
            fans.push(fan.map(|value| (median + (value - median) * growth) * window.scale + window.level));
        }
    }
    Ok(Some(fans))
}

/// From the network's fans to those of the series' own steps.
fn refined(
    grid: Grid,
    values: &[f64],
    coarse: &[f64],
    fans: &[[f64; LEVELS.len()]],
    horizon: usize,
) -> Vec<[f64; LEVELS.len()]> {
    let last = coarse.last().copied().unwrap_or_default();
    let by_level: [Vec<f64>; LEVELS.len()] = std::array::from_fn(|level| {
        let path: Vec<f64> = fans.iter().map(|fan| fan[level]).collect();
        grid.refine(last, &path, horizon)
    });
    let fine = grid.fine(values, coarse);
    let scores = LEVELS.map(normal_quantile);
    let fan = |(step, median): (usize, &f64)| {
        std::array::from_fn(|level| {
            // Independent of the network's error, so their squares add up.
            let offset = libm::hypot(by_level[level][step] - median, scores[level] * fine.deviation);
            median + fine.at(step) + offset.copysign(scores[level])
        })
    };
    by_level[MIDDLE].iter().enumerate().map(fan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SHAPE, weights};

    const LEVELS_ASKED: [f64; 6] = [0.01, 0.1, 0.25, 0.5, 0.9, 0.99];

    fn fit(values: Vec<f64>, season: u32) -> Result<Model, Error> {
        let seasons = SeasonLengths::try_from(vec![season]).expect("a season");
        Model::fit(&Series { start_ms: 0, step_ms: 3_600_000, values }, seasons)
    }

    /// Forecasts after checking that all is finite, never crosses and is not below `floor`.
    fn checked(model: &Model, horizon: usize, floor: f64) -> Vec<Vec<f64>> {
        let paths = model.forecast(&weights(&[3]), horizon, &LEVELS_ASKED).expect("a forecast");
        assert!(paths.iter().all(|path| path.len() == horizon));
        for step in 0..horizon {
            let mut before = floor;
            for path in &paths {
                assert!(path[step].is_finite() && path[step] >= before, "step {step}: {} after {before}", path[step]);
                before = path[step];
            }
        }
        paths
    }

    fn noise(step: usize) -> f64 {
        (step.wrapping_mul(2_654_435_761) % 1_000) as f64 / 100.0
    }

    #[test]
    fn every_season_and_horizon_is_answered() {
        for (season, count) in [(4, 40), (3, 60), (2, 50), (24, 300), (1_440, 10_000), (7, 9)] {
            let model = fit((0..count).map(noise).collect(), season).expect("enough");
            for horizon in [1, 7, 8, 9, 200, 1_440] {
                checked(&model, horizon, 0.0);
            }
        }
    }

    #[test]
    fn further_ahead_the_fan_is_wider() {
        let model = fit((0..60).map(noise).collect(), 4).expect("enough");
        let fans = roll(&weights(&[3]), &(0..60).map(noise).collect::<Vec<_>>(), 4 * SHAPE.horizon);
        let fans = fans.expect("runs").expect("it moves");
        let width = |at: usize| fans[at][LEVELS.len() - 1] - fans[at][0];
        assert!(
            (0..SHAPE.horizon).map(|at| width(3 * SHAPE.horizon + at)).sum::<f64>()
                > (0..SHAPE.horizon).map(width).sum()
        );
        checked(&model, 32, 0.0);
    }

    #[test]
    fn constants_two_values_and_gaps_are_answered_and_nothing_is_refused() {
        for values in [vec![5.0; 300], vec![0.0; 300], vec![1.0, 2.0], vec![5.0, 5.0]] {
            checked(&fit(values, 4).expect("two values"), 30, 0.0);
        }
        let gaps = (0..400).map(|step| if step % 3 == 0 { noise(step) } else { f64::NAN }).collect();
        checked(&fit(gaps, 4).expect("enough"), 30, 0.0);
        for values in [vec![], vec![1.0], vec![f64::NAN; 90]] {
            assert!(matches!(fit(values, 4), Err(Error::NotEnoughData(_))));
        }
    }

    #[test]
    fn any_unit_and_sign_is_answered() {
        for scale in [1e-300, 1e-9, 1e9, 1e300] {
            checked(&fit((0..100).map(|step| noise(step) * scale).collect(), 4).expect("enough"), 20, 0.0);
        }
        checked(&fit((0..100).map(|step| -noise(step)).collect(), 4).expect("enough"), 20, f64::MIN);
    }

    #[test]
    fn what_is_observed_counts_as_what_was_fitted() {
        let all: Vec<f64> = (0..100).map(noise).collect();
        let mut model = fit(all[..60].to_vec(), 4).expect("enough");
        model.observe(&all[60..63]);
        model.observe(&all[63..]);
        assert_eq!(model, fit(all, 4).expect("enough"));
    }

    #[test]
    fn a_series_that_dies_gives_a_forecast_that_goes_to_zero() {
        let mut values: Vec<f64> = (0..100).map(noise).collect();
        values.extend([0.0; 100]);
        let paths = checked(&fit(values, 4).expect("enough"), 8, 0.0);
        assert!(paths.iter().flatten().all(|value| *value < 1e-6));
    }
}
