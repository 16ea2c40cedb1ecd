//! Exponential smoothing in its state-space form: additive errors, a level, a damped trend, any number of seasons that
//! are added or multiplied, and errors that carry over to the next step.
//!
//! With one season and no carry-over it is ETS(A, N or Ad, N, A or M) of Hyndman, Koehler, Ord and Snyder (2008); with
//! two seasons and carry-over the method of Taylor (2003).

use super::horizons::{distances, mean_error};
use super::nelder_mead::{Found, minimise};
use super::profile;
use super::stats;
use serde::{Deserialize, Serialize};

/// How seasons and level are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mixing {
    /// Seasons are added to the level.
    Additive,
    /// Seasons multiply the level; for values above zero.
    Multiplicative,
}

/// Which parts the smoothing has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Whether there is a damped trend.
    pub trend: bool,
    /// Whether errors carry over.
    pub carry: bool,
    /// How the seasons take part.
    pub mixing: Mixing,
    /// The seasons in steps, shortest first.
    pub seasons: Vec<usize>,
}

impl Form {
    /// How many of the first values the states are read from: half, or two of the longest season.
    fn early(&self, count: usize) -> usize {
        self.seasons.last().map_or(0, |longest| 2 * longest).max(count / 2).min(count)
    }

    /// What a squared error is multiplied with to make up for parameters and states. Where states were read from values
    /// that errors are seen on as well, these look smaller by the states' share of the values.
    fn charge(&self, parameters: usize, count: usize) -> f64 {
        let (states, early) = (self.seasons.iter().sum::<usize>() as f64, self.early(count).max(1) as f64);
        let (count, half) = (count.max(1) as f64, (count / 2).max(1) as f64);
        let seen_twice = ((early - half) / half).clamp(0.0, 1.0);
        let charge = 1.0 + PARAMETER_CHARGE * parameters as f64 + STATE_CHARGE * states / count;
        charge / (1.0 - seen_twice * states / early).max(0.1)
    }
}

/// The smoothing parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Weights {
    level: f64,
    slope: f64,
    damping: f64,
    seasons: Vec<f64>,
    carry: f64,
}

/// A season's states; the next step's is at `next`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ring {
    states: Vec<f64>,
    next: usize,
}

impl Ring {
    fn now(&self) -> f64 {
        self.states[self.next]
    }

    fn ahead(&self, steps: usize) -> f64 {
        self.states[(self.next + steps) % self.states.len()]
    }

    fn turn(&mut self, change: f64) {
        self.states[self.next] += change;
        self.next += 1;
        if self.next == self.states.len() {
            self.next = 0;
        }
    }
}

/// A smoothing with its parameters and states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Smoothing {
    weights: Weights,
    mixing: Mixing,
    level: f64,
    slope: f64,
    seasons: Vec<Ring>,
    residual: f64,
}

/// The least that a value is divided by, in units of the series.
const DIVISOR_MIN: f64 = 1e-3;
/// The search ends when its corners differ by less than this share.
const TOLERANCE: f64 = 1e-4;
/// What a parameter is charged, as a share of the squared error.
const PARAMETER_CHARGE: f64 = 0.1;
/// What the states of seasons are charged, when there are as many as values.
const STATE_CHARGE: f64 = 0.3;
/// Bounds of the weight of an error in the level. Loads of days often come back to one level for good: a higher least
/// weight costs more than the sooner answer to a new level gains.
const LEVEL: (f64, f64) = (1e-4, 0.999);
/// Bounds of the damping of the trend.
const DAMPING: (f64, f64) = (0.8, 0.98);

impl Smoothing {
    /// Estimates the parameters of a form in about `evaluations` passes over the values. Gives the smoothing as it stands
    /// before the first value, and how badly it did: a squared error with a charge for each parameter and state.
    ///
    /// What is made small is [`mean_error`]: parameters of the best single step make poor forecasts of days.
    #[must_use]
    pub fn fit(values: &[f64], form: &Form, evaluations: usize) -> (Self, f64) {
        let start = Self::before(values, form);
        let aheads = distances(&form.seasons);
        let (first, steps, bounds) = search_space(form);
        let cost = |at: &[f64]| start.with(form, at).mean_error(values, &aheads);
        let Found { at, value } = minimise(&first, &steps, &bounds, evaluations, TOLERANCE, cost);
        (start.with(form, &at), value * value * form.charge(at.len(), values.len()))
    }

    /// The states before the first value, from the seasons' profiles in the first half of the values.
    fn before(values: &[f64], form: &Form) -> Self {
        let early = &values[..form.early(values.len())];
        let profiles = match form.mixing {
            Mixing::Additive => profile::decompose(early, &form.seasons),
            Mixing::Multiplicative => {
                let logs: Vec<f64> = early.iter().map(|value| libm::log(value.max(DIVISOR_MIN))).collect();
                let mut profiles = profile::decompose(&logs, &form.seasons);
                profiles.iter_mut().flatten().for_each(|state| *state = libm::exp(*state));
                profiles
            }
        };
        let rings: Vec<Ring> = profiles.into_iter().map(|states| Ring { states, next: 0 }).collect();
        let mut smoothing = Self {
            weights: Weights { level: 0.0, slope: 0.0, damping: 0.0, seasons: vec![0.0; rings.len()], carry: 0.0 },
            mixing: form.mixing,
            level: 0.0,
            slope: 0.0,
            seasons: rings,
            residual: 0.0,
        };
        let first = &early[..form.seasons.first().copied().unwrap_or(4).min(early.len())];
        let levels: Vec<f64> =
            first.iter().enumerate().map(|(at, value)| smoothing.without_season(*value, at)).collect();
        smoothing.level = stats::mean(&levels);
        smoothing
    }

    fn without_season(&self, value: f64, steps: usize) -> f64 {
        match self.mixing {
            Mixing::Additive => value - self.seasons.iter().map(|ring| ring.ahead(steps)).sum::<f64>(),
            Mixing::Multiplicative => {
                value / self.seasons.iter().map(|ring| ring.ahead(steps)).product::<f64>().max(DIVISOR_MIN)
            }
        }
    }

    /// The same states with the parameters that a point of the search stands for.
    fn with(&self, form: &Form, at: &[f64]) -> Self {
        let mut point = at.iter().copied();
        let mut next = |wanted: bool| if wanted { point.next().unwrap_or(0.0) } else { 0.0 };
        let weights = Weights {
            level: next(true),
            slope: next(form.trend),
            damping: next(form.trend),
            carry: next(form.carry),
            seasons: self.seasons.iter().map(|_| next(true)).collect(),
        };
        Self { weights, ..self.clone() }
    }

    fn mean_error(self, values: &[f64], aheads: &[usize]) -> f64 {
        let reaches: Vec<Reach> = aheads.iter().map(|ahead| Reach::new(*ahead, &self.weights)).collect();
        let push = |state: &mut Self, value| state.push(Some(value));
        mean_error(values, aheads, self, push, |state, turn| state.forecast(&reaches[turn]))
    }

    fn forecast(&self, reach: &Reach) -> f64 {
        self.mix(self.level + reach.damped * self.slope, self.season(reach.steps)) + reach.carry * self.residual
    }

    /// Takes in the next value, `None` where missing.
    pub fn push(&mut self, value: Option<f64>) {
        let base = self.level + self.weights.damping * self.slope;
        let season = self.season(0);
        let expected = self.mix(base, season);
        self.residual = value.map_or(self.weights.carry * self.residual, |value| value - expected);
        let change = value.map_or(0.0, |_| self.residual);
        let of_level = match self.mixing {
            Mixing::Additive => change,
            Mixing::Multiplicative => change / season.max(DIVISOR_MIN),
        };
        for (ring, weight) in self.seasons.iter_mut().zip(&self.weights.seasons) {
            let of_season = match self.mixing {
                Mixing::Additive => change,
                Mixing::Multiplicative => change * ring.now() / expected.abs().max(DIVISOR_MIN),
            };
            ring.turn(weight * of_season);
        }
        self.level = base + self.weights.level * of_level;
        self.slope = self.weights.damping * self.slope + self.weights.slope * of_level;
    }

    fn season(&self, steps: usize) -> f64 {
        match self.mixing {
            Mixing::Additive => self.seasons.iter().map(|ring| ring.ahead(steps)).sum(),
            Mixing::Multiplicative => self.seasons.iter().map(|ring| ring.ahead(steps)).product(),
        }
    }

    fn mix(&self, base: f64, season: f64) -> f64 {
        match self.mixing {
            Mixing::Additive => base + season,
            Mixing::Multiplicative => base * season,
        }
    }

    /// How many parameters and states were estimated.
    #[must_use]
    pub fn estimated(&self) -> usize {
        4 + self.seasons.iter().map(|ring| ring.states.len()).sum::<usize>()
    }

    /// Predicts the next `horizon` values.
    #[must_use]
    pub fn predict(&self, horizon: usize) -> Vec<f64> {
        let (mut base, mut slope, mut carried) = (self.level, self.slope, self.residual);
        let one = |steps: usize| {
            slope *= self.weights.damping;
            base += slope;
            carried *= self.weights.carry;
            self.mix(base, self.season(steps)) + carried
        };
        (0..horizon).map(one).collect()
    }
}

/// What a forecast of some distance is made of.
struct Reach {
    /// Steps beyond the next one.
    steps: usize,
    /// How often the slope counts.
    damped: f64,
    /// How much of the latest error carries over.
    carry: f64,
}

impl Reach {
    fn new(ahead: usize, weights: &Weights) -> Self {
        let mut reach = Self { steps: ahead - 1, damped: 0.0, carry: 1.0 };
        let mut damping = 1.0;
        for _ in 0..ahead {
            damping *= weights.damping;
            reach.damped += damping;
            reach.carry *= weights.carry;
        }
        reach
    }
}

/// Where the search begins, its first steps and its bounds, one entry per parameter in the order of [`Smoothing::with`].
fn search_space(form: &Form) -> (Vec<f64>, Vec<f64>, Vec<(f64, f64)>) {
    let mut axes = vec![(0.3, 0.2, LEVEL)];
    if form.trend {
        axes.extend([(0.02, 0.04, (0.0, 0.5)), (0.9, 0.05, DAMPING)]);
    }
    if form.carry {
        axes.push((0.3, 0.3, (-0.5, 0.98)));
    }
    axes.extend(form.seasons.iter().map(|_| (0.1, 0.1, (0.0, 0.9))));
    let start = axes.iter().map(|axis| axis.0).collect();
    let steps = axes.iter().map(|axis| axis.1).collect();
    (start, steps, axes.iter().map(|axis| axis.2).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::forecaster::{load, noise};

    fn form(seasons: &[usize], mixing: Mixing, trend: bool) -> Form {
        Form { trend, carry: true, mixing, seasons: seasons.to_vec() }
    }

    /// The mean absolute error of a path of 48 after 600 values of `law`.
    fn error(law: impl Fn(usize) -> f64, form: &Form) -> f64 {
        let values: Vec<f64> = (0..600).map(&law).collect();
        let mut smoothing = Smoothing::fit(&values, form, 100).0;
        values.iter().for_each(|value| smoothing.push(Some(*value)));
        let path = smoothing.predict(48);
        path.iter().enumerate().map(|(ahead, value)| (value - law(600 + ahead)).abs()).sum::<f64>() / 48.0
    }

    #[test]
    fn day_and_week_are_followed() {
        let law = |step: usize| load(step) / 220.0;
        let (both, day) = (form(&[24, 168], Mixing::Additive, false), form(&[24], Mixing::Additive, false));
        assert!(error(law, &both) < 0.03, "{}", error(law, &both));
        assert!(error(law, &both) < 0.5 * error(law, &day));
    }

    #[test]
    fn a_season_that_grows_with_the_level_is_multiplied() {
        let law =
            |step: usize| (0.2 + step as f64 / 1_000.0) * (1.3 + (step as f64 / 24.0 * std::f64::consts::TAU).sin());
        let (added, multiplied) = (form(&[24], Mixing::Additive, true), form(&[24], Mixing::Multiplicative, true));
        assert!(error(law, &multiplied) < 0.5 * error(law, &added));
    }

    #[test]
    fn a_criterion_prefers_the_smaller_form_for_noise() {
        let values: Vec<f64> = (0..400).map(noise).collect();
        let criterion = |form: &Form| Smoothing::fit(&values, form, 100).1;
        assert!(criterion(&form(&[], Mixing::Additive, false)) < criterion(&form(&[24, 168], Mixing::Additive, true)));
    }

    #[test]
    fn the_path_is_what_single_forecasts_say() {
        let values: Vec<f64> = (0..200).map(|step| load(step) / 220.0).collect();
        let mut smoothing = Smoothing::fit(&values, &form(&[24], Mixing::Multiplicative, true), 50).0;
        values.iter().for_each(|value| smoothing.push(Some(*value)));
        for (index, value) in smoothing.predict(40).into_iter().enumerate() {
            let reach = Reach::new(index + 1, &smoothing.weights);
            assert!((smoothing.forecast(&reach) - value).abs() < 1e-12, "{index}");
        }
    }

    #[test]
    fn a_missing_value_leaves_the_forecast_where_it_was() {
        let values: Vec<f64> = (0..200).map(|step| load(step) / 220.0).collect();
        let mut smoothing = Smoothing::fit(&values, &form(&[24], Mixing::Additive, true), 50).0;
        values.iter().for_each(|value| smoothing.push(Some(*value)));
        let before = smoothing.predict(10);
        smoothing.push(None);
        for (later, sooner) in smoothing.predict(9).iter().zip(&before[1..]) {
            assert!((later - sooner).abs() < 1e-12);
        }
    }

    #[test]
    fn next_to_no_values_give_a_finite_forecast() {
        for values in [&[][..], &[1.0], &[1.0, 0.5]] {
            let smoothing = Smoothing::fit(values, &form(&[], Mixing::Additive, true), 50).0;
            assert!(smoothing.predict(3).iter().all(|value| value.is_finite()));
        }
    }
}
