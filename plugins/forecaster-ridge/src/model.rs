//! The model of one series: its history, the regressions once there is enough of it, and when they are fitted anew.

use crate::features::{View, usable};
use crate::horizons::horizons;
use crate::regression::{self, Weights};
use crate::spread::Spread;
use forewarm_sdk::numerics::domain::Domain;
use forewarm_sdk::numerics::fallback::Fallback;
use forewarm_sdk::numerics::past::{History, Past};
use forewarm_sdk::numerics::rolling::PRESENT_MIN;
use forewarm_sdk::numerics::seasons::SeasonLengths;
use forewarm_sdk::{Error, Series};
use serde::{Deserialize, Serialize};

/// The regressions are fitted anew when this share of the history is new, at least `REFIT_MIN` values.
const REFIT_SHARE: usize = 8;
const REFIT_MIN: usize = 24;
/// Forecasts stay within the history's range, widened by this share of it at both ends.
const BEYOND_RANGE: f64 = 0.5;
/// Beyond the last regression errors grow with at most this power of time: that of a random walk.
const GROWTH_MAX: f64 = 0.5;

/// A fitted model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Model {
    seasons: SeasonLengths,
    history: History,
    fitted: Fitted,
    /// Values that came since the last fit, and values until the next.
    since_fit: usize,
    until_refit: usize,
    negative: bool,
}

/// What was learned from a history.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fitted {
    domain: Domain,
    /// The seasons that the features see.
    seasons: Vec<usize>,
    knots: Vec<Knot>,
    fallback: Fallback,
}

/// The regression of one horizon.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Knot {
    ahead: usize,
    weights: Weights,
    spread: Spread,
}

impl Fitted {
    fn new(past: &Past) -> Self {
        let domain = Domain::new(&past.values, !past.negative).scaled(past.scale);
        let seasons = usable(&past.seasons, past.values.len());
        let view = View::new(inside(&domain, past), &seasons);
        let knots = horizons(view.period()).into_iter().map_while(|ahead| {
            let (weights, outcomes) = regression::fit(&view, &past.missing, ahead)?;
            let spread = Spread::new(&outcomes, ahead, view.period(), view.count());
            Some(Knot { ahead, weights, spread })
        });
        Self { domain, knots: knots.collect(), seasons, fallback: Fallback::new(past) }
    }

    /// The history as the regressions see it; `None` where they can't.
    fn view(&self, past: &Past) -> Option<View> {
        let view = View::new(inside(&self.domain, past), &self.seasons);
        (!self.knots.is_empty() && view.count() >= view.first()).then_some(view)
    }

    /// The power of time with which errors grow beyond the last regression.
    fn growth(&self) -> f64 {
        let [.., before, last] = self.knots.as_slice() else { return GROWTH_MAX };
        if before.spread.size() <= 0.0 {
            return 0.0;
        }
        let rise = libm::log(last.spread.size() / before.spread.size());
        (rise / libm::log(last.ahead as f64 / before.ahead as f64)).clamp(0.0, GROWTH_MAX)
    }

    /// The regressions that a horizon lies between, each with its share.
    fn around(&self, ahead: usize) -> [(usize, f64); 2] {
        let after = self.knots.partition_point(|knot| knot.ahead < ahead);
        let last = self.knots.len() - 1;
        match after {
            0 => [(0, 1.0), (0, 0.0)],
            beyond if beyond > last => [(last, 1.0), (last, 0.0)],
            inside => {
                let (from, to) = (self.knots[inside - 1].ahead, self.knots[inside].ahead);
                let share = (ahead - from) as f64 / (to - from) as f64;
                [(inside - 1, 1.0 - share), (inside, share)]
            }
        }
    }
}

impl Model {
    /// Fits a model.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] for fewer than two recent values that are there.
    pub fn fit(seasons: SeasonLengths, series: &Series) -> Result<Self, Error> {
        let mut history = History::default();
        history.extend(&series.values);
        let past = history.past(&seasons, PRESENT_MIN).ok_or_else(|| {
            let present = series.count_present();
            Error::not_enough_data(format!("at least {PRESENT_MIN} recent values must be there, got {present}"))
        })?;
        let until_refit = refit_after(history.count());
        Ok(Self { seasons, history, fitted: Fitted::new(&past), since_fit: 0, until_refit, negative: past.negative })
    }

    /// Takes in the values that follow, NaN where missing. After an eighth of the history, at least 24 values, the
    /// regressions are fitted anew, and at the first negative value: that one call takes as long as [`Model::fit`].
    pub fn observe(&mut self, values: &[f64]) {
        let mut rest = values;
        let mut due = false;
        while let Some(count) = self.due_within(rest) {
            let (now, later) = rest.split_at(count);
            self.take_in(now);
            self.until_refit = refit_after(self.history.count());
            (rest, due) = (later, true);
        }
        // Of several fits that are due only the last one can be seen, and it looks at the history alone.
        if due && let Some(past) = self.history.past(&self.seasons, PRESENT_MIN) {
            self.fitted = Fitted::new(&past);
            self.negative = past.negative;
            self.since_fit = 0;
        }
        self.take_in(rest);
        self.until_refit -= rest.len();
    }

    /// After how many of the values a fit is due.
    fn due_within(&self, values: &[f64]) -> Option<usize> {
        let by_count = (values.len() >= self.until_refit).then_some(self.until_refit);
        let first_negative = || values.iter().position(|value| *value < 0.0).map(|at| at + 1);
        let by_sign = if self.negative { None } else { first_negative() };
        by_count.into_iter().chain(by_sign).min()
    }

    fn take_in(&mut self, values: &[f64]) {
        self.history.extend(values);
        self.since_fit += values.len();
        self.negative |= values.iter().any(|value| *value < 0.0);
    }

    /// Predicts `horizon` steps at rising `levels`: one path per level, finite, without crossing, and not below zero
    /// where the history never was.
    #[must_use]
    pub fn forecast(&self, horizon: usize, levels: &[f64]) -> Vec<Vec<f64>> {
        let floor = if self.negative { f64::MIN } else { 0.0 };
        let mut paths: Vec<Vec<f64>> = levels.iter().map(|_| Vec::with_capacity(horizon)).collect();
        for quantiles in self.rows(horizon, levels) {
            let mut least = floor;
            for (path, value) in paths.iter_mut().zip(quantiles) {
                least = value.max(least);
                path.push(least);
            }
        }
        paths
    }

    /// The quantiles of each step, in the series' own unit.
    fn rows(&self, horizon: usize, levels: &[f64]) -> Vec<Vec<f64>> {
        let past = self.history.past(&self.seasons, PRESENT_MIN);
        if let Some(view) = past.as_ref().and_then(|past| self.fitted.view(past)) {
            return self.regressed(&view, horizon, levels);
        }
        let (fallback, since) =
            past.map_or_else(|| (self.fitted.fallback.clone(), self.since_fit), |past| (Fallback::new(&past), 0));
        (1..=horizon).map(|ahead| fallback.quantiles(since + ahead, levels).collect()).collect()
    }

    fn regressed(&self, view: &View, horizon: usize, levels: &[f64]) -> Vec<Vec<f64>> {
        let fitted = &self.fitted;
        let tables: Vec<Vec<Vec<f64>>> = fitted.knots.iter().map(|knot| knot.spread.table(levels)).collect();
        let (low, high) = view.range(BEYOND_RANGE);
        let (last, growth) = (fitted.knots.last().map_or(1, |knot| knot.ahead), fitted.growth());
        let mut features = Vec::new();
        let mut one = |ahead: usize| {
            view.features(view.count(), ahead, &mut features);
            let shape = view.shape(view.count(), ahead);
            let wider = if ahead > last { libm::pow(ahead as f64 / last as f64, growth) } else { 1.0 };
            let mut row = vec![0.0; levels.len()];
            for (index, share) in fitted.around(ahead) {
                let knot = &fitted.knots[index];
                let middle = (shape + knot.weights.predict(&features)).clamp(low, high);
                let errors = &tables[index][knot.spread.phase(self.since_fit + ahead - 1)];
                for (value, error) in row.iter_mut().zip(errors) {
                    *value += share * (middle + wider * error);
                }
            }
            row.into_iter().map(|value| fitted.domain.back(value)).collect()
        };
        (1..=horizon).map(&mut one).collect()
    }
}

/// The values of a history in a domain.
fn inside(domain: &Domain, past: &Past) -> Vec<f64> {
    past.values.iter().map(|value| domain.there(value * past.scale)).collect()
}

fn refit_after(count: usize) -> usize {
    (count / REFIT_SHARE).max(REFIT_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: [f64; 5] = [0.01, 0.1, 0.5, 0.9, 0.99];

    fn fit(values: Vec<f64>) -> Model {
        let series = Series { start_ms: 0, step_ms: 3_600_000, values };
        Model::fit(SeasonLengths::of_calendar(series.step_ms), &series).expect("enough values")
    }

    fn noise(step: usize) -> f64 {
        let mixed = (step as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        (mixed >> 40) as f64 / f64::from(1 << 23) - 1.0
    }

    /// A load with a day and quiet weekends.
    fn law(step: usize) -> f64 {
        let day = 1.2 + (step as f64 / 24.0 * std::f64::consts::TAU).sin();
        100.0 * day * if step % 168 < 120 { 1.0 } else { 0.4 }
    }

    fn middle(model: &Model, horizon: usize) -> Vec<f64> {
        model.forecast(horizon, &[0.5]).remove(0)
    }

    #[test]
    fn days_and_weekends_are_learned() {
        let paths = middle(&fit((0..800).map(|step| law(step) + noise(step)).collect()), 168);
        let off = paths.iter().enumerate().map(|(index, value)| (value - law(800 + index)).abs()).sum::<f64>() / 168.0;
        assert!(off < 4.0, "{off}");
    }

    #[test]
    fn a_new_level_is_followed_within_a_day_and_kept() {
        let value = |step: usize| law(step % 24) * if step < 700 { 1.0 } else { 3.0 } + noise(step);
        for observed in [18, 60, 120] {
            let mut model = fit((0..700).map(value).collect());
            model.observe(&(700..700 + observed).map(value).collect::<Vec<_>>());
            let expected: Vec<f64> = (700 + observed..724 + observed).map(value).collect();
            let off: f64 = middle(&model, 24).iter().zip(&expected).map(|(value, right)| (value - right).abs()).sum();
            assert!(
                off < 0.15 * expected.iter().sum::<f64>(),
                "after {observed}: {}",
                off / expected.iter().sum::<f64>()
            );
        }
    }

    #[test]
    fn constants_and_zeros_are_repeated() {
        for value in [0.0, 7.5] {
            let paths = fit(vec![value; 500]).forecast(48, &LEVELS);
            assert!(paths.iter().flatten().all(|got| (got - value).abs() < 1e-9), "{value}");
        }
    }

    #[test]
    fn little_data_gives_a_wide_interval_around_the_last_value() {
        for values in [vec![10.0, 12.0], vec![12.0; 2], (0..20).map(|step| 12.0 + noise(step)).collect()] {
            let last = values[values.len() - 1];
            let paths = fit(values).forecast(24, &LEVELS);
            assert_eq!(paths[2][5], last);
            assert!(paths[4][5] > 1.05 * last && paths[0][5] < 0.95 * last, "{paths:?}");
        }
    }

    #[test]
    fn most_outcomes_fall_inside_the_interval() {
        let value = |step: usize| law(step) * (1.0 + 0.2 * noise(step));
        let mut model = fit((0..700).map(value).collect());
        let mut inside = 0;
        for day in 0..30 {
            let first = 700 + 24 * day;
            let paths = model.forecast(24, &[0.05, 0.95]);
            inside += (0..24).filter(|at| (paths[0][*at]..=paths[1][*at]).contains(&value(first + at))).count();
            model.observe(&(first..first + 24).map(value).collect::<Vec<_>>());
        }
        assert!((612..=706).contains(&inside), "{inside} of 720");
    }

    #[test]
    fn the_first_negative_value_is_believed_at_once() {
        let mut model = fit((0..400).map(|step| 5.0 + noise(step)).collect());
        assert!(model.forecast(24, &LEVELS).iter().flatten().all(|value| *value >= 0.0));
        model.observe(&[4.0, -20.0, 5.0]);
        assert!(!model.fitted.domain.is_logarithmic());
        assert!(model.negative && model.since_fit == 1);
    }

    #[test]
    fn what_outgrows_the_memory_keeps_its_phase() {
        let mut model = fit((0..19_000).map(law).collect());
        model.observe(&(19_000..23_011).map(law).collect::<Vec<_>>());
        let off = middle(&model, 48).into_iter().enumerate().map(|(index, value)| (value - law(23_011 + index)).abs());
        assert!(off.sum::<f64>() / 48.0 < 2.0);
    }
}
