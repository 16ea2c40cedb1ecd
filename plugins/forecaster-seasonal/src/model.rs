//! The model of one series: its history, the regressions once there are enough values, and when they are fitted anew.

use crate::held::{Held, Next};
use crate::history::History;
use crate::naive;
use crate::parameters::Parameters;
use crate::regression::{Regression, Row};
use crate::spread::Place;
use forewarm_sdk::{Error, Series};
use serde::{Deserialize, Serialize};

/// The most steps ahead.
pub const HORIZON_MAX: u32 = 1_440;
/// The fewest values that are there in a history.
pub const PRESENT_MIN: usize = 2;
/// Regressions are fitted anew when this share of the history is new, within these bounds.
const REFIT_SHARE: usize = 8;
const REFIT_MIN: usize = 16;
const REFIT_MAX: usize = 360;
/// Sooner, when the level is one that was never fitted on.
const REFIT_STRANGE: usize = 30;
/// Beyond the last horizon with a regression the spread grows with the square root of time, for this many steps.
const GROWTH_STEPS: usize = 240;

/// A fitted model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Model {
    parameters: Parameters,
    /// The step of the series in milliseconds.
    step_ms: u32,
    held: Held,
    /// On the grid on which the values change.
    history: History,
    regression: Option<Regression>,
    /// Steps taken in since the last fit.
    since_fit: usize,
    /// Whether a negative value is remembered.
    negative: bool,
}

impl Model {
    /// Fits a model.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] for fewer than two values that are there.
    pub fn fit(parameters: Parameters, series: Series) -> Result<Self, Error> {
        let present = series.count_present();
        let enough = || Error::not_enough_data(format!("at least {PRESENT_MIN} values must be there, got {present}"));
        if present < PRESENT_MIN {
            return Err(enough());
        }
        let step_ms = series.step_ms;
        let history = History::new(parameters.capacity(step_ms), &series.values).ok_or_else(enough)?;
        // What is fitted is the history: room that was the series' is the fit's.
        drop(series);
        let held = Held::NOT;
        let mut model = Self { parameters, step_ms, held, history, regression: None, since_fit: 0, negative: false };
        model.refit();
        Ok(model)
    }

    /// Takes in the next values, NaN where missing, and fits anew when enough came in.
    pub fn observe(&mut self, new: &[f64]) {
        let taken = new.iter().filter(|value| self.take(**value)).count();
        self.since_fit = self.since_fit.saturating_add(taken);
        let values = self.history.values();
        let count = values.len();
        let strange = || self.regression.as_ref().is_some_and(|fitted| fitted.is_outside(f64::from(values[count - 1])));
        let due = (count / REFIT_SHARE).clamp(REFIT_MIN, REFIT_MAX);
        if self.since_fit >= due || (self.since_fit >= REFIT_STRANGE && strange()) {
            self.refit();
        } else {
            let new = &values[count.saturating_sub(taken)..];
            self.negative |= new.iter().any(|value| *value < 0.0);
        }
    }

    /// Takes in one value; whether it is one more in the history.
    fn take(&mut self, value: f64) -> bool {
        match self.held.take(self.history.newest(), self.history.as_stored(value)) {
            Next::Repeated => return false,
            Next::New => {}
            Next::Broken => self.release(),
        }
        self.history.push_all(&[value]);
        true
    }

    /// Goes back to the series' own grid, on which the model is then fitted at once.
    fn release(&mut self) {
        let values = self.held.spread(&self.history);
        if let Some(history) = History::new(self.parameters.capacity(self.step_ms), &values) {
            self.history = history;
        }
        (self.held, self.since_fit) = (Held::NOT, usize::MAX);
    }

    /// Goes over to the grid on which the values change, where that is a coarser one.
    fn hold(&mut self) {
        let held = Held::find(&self.history, self.step_ms);
        if held == Held::NOT {
            return;
        }
        let coarse = History::new(self.parameters.capacity(self.coarse_ms(held)), &held.thin(&self.history));
        if let Some(coarse) = coarse {
            (self.held, self.history) = (held, coarse);
        }
    }

    fn coarse_ms(&self, held: Held) -> u32 {
        self.step_ms.saturating_mul(u32::try_from(held.steps()).unwrap_or(u32::MAX))
    }

    fn refit(&mut self) {
        if self.held == Held::NOT {
            self.hold();
        }
        let memory = usize::try_from(self.parameters.residual_memory).unwrap_or(usize::MAX);
        let periods = self.parameters.periods(self.coarse_ms(self.held));
        self.regression = Regression::fit(&self.history, &periods, memory);
        self.since_fit = 0;
        self.negative = self.history.values().iter().any(|value| *value < 0.0);
    }

    /// Predicts `horizon` steps at `levels`: one path per level.
    #[must_use]
    pub fn forecast(&self, horizon: usize, levels: &[f64]) -> Vec<Vec<f64>> {
        let rows = self.rows(self.held.ahead(horizon), levels);
        let newest = self.history.values().last().map_or(0.0, |value| f64::from(*value));
        let mut paths: Vec<Vec<f64>> = levels.iter().map(|_| Vec::with_capacity(horizon)).collect();
        let mut quantiles = vec![0.0; levels.len()];
        for step in 1..=horizon {
            match self.held.ahead(step) {
                0 => quantiles.fill(newest),
                ahead => between(&rows, ahead, &mut quantiles),
            }
            let mut least = if self.negative { f64::NEG_INFINITY } else { 0.0 };
            for (path, value) in paths.iter_mut().zip(&quantiles) {
                // Sums that were rounded differently could cross by a hair: a higher level is never lower.
                least = value.max(least);
                path.push(self.unscaled(least));
            }
        }
        paths
    }

    fn rows(&self, horizon: usize, levels: &[f64]) -> Vec<Row> {
        let values = self.history.values();
        let Some(regression) = &self.regression else { return vec![naive::predict(values, levels)] };
        let places: Vec<Place> = levels.iter().map(|level| Place::of(*level)).collect();
        regression.predict(values, horizon, &places)
    }

    /// From the history's unit to the series' own, held inside what a number can be.
    fn unscaled(&self, value: f64) -> f64 {
        (value * self.history.scale()).clamp(f64::MIN, f64::MAX)
    }
}

/// Writes the quantiles `step` steps ahead: linear between the rows, wider and wider beyond the last.
fn between(rows: &[Row], step: usize, out: &mut [f64]) {
    let after = rows.partition_point(|row| row.steps < step);
    match (rows.get(after.wrapping_sub(1)), rows.get(after)) {
        (Some(a), Some(b)) => {
            let share = (step - a.steps) as f64 / (b.steps - a.steps) as f64;
            for (out, (a, b)) in out.iter_mut().zip(a.quantiles.iter().zip(&b.quantiles)) {
                *out = a + (b - a) * share;
            }
        }
        (None, Some(first)) => out.copy_from_slice(&first.quantiles),
        (Some(last), None) => {
            let growth = (step.min(last.steps + GROWTH_STEPS) as f64 / last.steps as f64).sqrt();
            for (out, value) in out.iter_mut().zip(&last.quantiles) {
                *out = last.middle + (value - last.middle) * growth;
            }
        }
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: [f64; 5] = [0.01, 0.1, 0.5, 0.9, 0.99];

    fn series(values: Vec<f64>) -> Series {
        Series { start_ms: 0, step_ms: 60_000, values }
    }

    fn fit(values: Vec<f64>) -> Model {
        Model::fit(Parameters::default(), series(values)).expect("enough data")
    }

    /// Forecasts a day, after checking that all is finite, never crosses, and stays at or above `floor`.
    fn checked(model: &Model, floor: f64) -> Vec<Vec<f64>> {
        let paths = model.forecast(1_440, &LEVELS);
        for step in 0..1_440 {
            let mut before = floor;
            for path in &paths {
                assert!(path[step].is_finite() && path[step] >= before, "step {step}: {}", path[step]);
                before = path[step];
            }
        }
        paths
    }

    fn noise(step: usize) -> f64 {
        (step.wrapping_mul(2_654_435_761) % 1_000) as f64 / 500.0 - 1.0
    }

    #[test]
    fn two_values_give_a_wide_interval_around_their_level() {
        let paths = checked(&fit(vec![10.0, 12.0]), 0.0);
        assert!((paths[2][0] - 11.0).abs() < 1e-5);
        assert!(paths[0][0] < 8.0 && paths[4][0] > 14.0 && paths[4][60] > paths[4][0]);
    }

    #[test]
    fn fewer_than_two_values_are_not_enough() {
        for values in [vec![], vec![1.0], vec![f64::NAN; 500], vec![f64::NAN, 3.0, f64::NAN]] {
            let error = Model::fit(Parameters::default(), series(values)).expect_err("too few");
            assert!(matches!(error, Error::NotEnoughData(_)));
        }
    }

    #[test]
    fn constants_and_zeros_are_repeated() {
        for (value, count) in [(0.0, 2), (0.0, 5_000), (7.5, 5_000)] {
            let paths = checked(&fit(vec![value; count]), 0.0);
            assert!(paths.iter().flatten().all(|got| (got - value).abs() < 1e-5), "{value} {count}");
        }
    }

    #[test]
    fn a_level_shift_is_followed_within_minutes() {
        let mut model = fit((0..6_000).map(|step| 50.0 + noise(step)).collect());
        model.observe(&(0..10).map(|step| 200.0 + noise(step)).collect::<Vec<_>>());
        let paths = checked(&model, 0.0);
        assert!((paths[2][0] - 200.0).abs() < 20.0, "{}", paths[2][0]);
    }

    #[test]
    fn it_grows_from_naive_to_seasonal_by_observing_alone() {
        let law = |step: usize| 100.0 + 60.0 * (step as f64 / 1_440.0 * std::f64::consts::TAU).sin() + noise(step);
        let mut model = fit(vec![law(0), law(1)]);
        assert!(model.regression.is_none());
        for step in 2..4 * 1_440 {
            model.observe(&[law(step)]);
        }
        let paths = checked(&model, 0.0);
        for ahead in [60, 360, 720] {
            let expected = law(4 * 1_440 + ahead - 1);
            assert!((paths[2][ahead - 1] - expected).abs() < 6.0, "{ahead}: {} for {expected}", paths[2][ahead - 1]);
        }
    }

    #[test]
    fn missing_values_leave_the_forecast_whole() {
        let mut values: Vec<f64> =
            (0..6_000).map(|step| if step % 5 == 0 { f64::NAN } else { 20.0 + noise(step) }).collect();
        values[3_000..3_400].fill(f64::NAN);
        let mut model = fit(values);
        model.observe(&[f64::NAN; 90]);
        let paths = checked(&model, 0.0);
        assert!((paths[2][0] - 20.0).abs() < 2.0);
    }

    #[test]
    fn negative_series_may_stay_negative() {
        let paths = checked(&fit((0..500).map(|step| -30.0 + noise(step)).collect()), f64::NEG_INFINITY);
        assert!((paths[2][0] + 30.0).abs() < 2.0);
    }

    #[test]
    fn huge_and_tiny_values_give_finite_forecasts() {
        for scale in [1e-300, 1e300] {
            checked(&fit((0..500).map(|step| scale * (1.5 + noise(step))).collect()), 0.0);
        }
    }

    #[test]
    fn most_outcomes_fall_inside_the_interval() {
        let law =
            |step: usize| 100.0 + 60.0 * (step as f64 / 1_440.0 * std::f64::consts::TAU).sin() + 10.0 * noise(step);
        let mut model = fit((0..8_000).map(law).collect());
        let mut inside = 0;
        for step in 8_000..8_500 {
            let paths = model.forecast(1, &[0.1, 0.9]);
            inside += usize::from((paths[0][0]..=paths[1][0]).contains(&law(step)));
            model.observe(&[law(step)]);
        }
        assert!((350..=450).contains(&inside), "{inside} of 500");
    }
}
