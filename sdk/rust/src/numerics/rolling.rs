//! The frame of a forecaster of whole days: it remembers the values, fits a [`Method`], replays the past through it to
//! see its errors, takes in what follows, and fits anew when enough did.

use super::errors::{ErrorLog, Spread};
use super::past::{History, Past};
use super::seasons::SeasonLengths;
use super::stats;
use crate::{Error, Series};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The fewest values that are there in a history.
pub const PRESENT_MIN: usize = 2;
/// The most steps ahead.
pub const HORIZON_MAX: u32 = 1_440;
/// How many past forecasts, times their steps, are looked at.
const REPLAYED: usize = 9_600;
/// Bounds of the number of past forecasts.
const ORIGINS: (usize, usize) = (12, 120);
/// The most steps of a past forecast.
const REPLAY_AHEAD_MAX: usize = 1_440;
/// Fitted anew when this share of the history is new, at least `REFIT_MIN` values.
const REFIT_SHARE: usize = 8;
const REFIT_MIN: usize = 24;

/// A way of forecasting: parameters and a state that moves on value by value.
///
/// Values are in the units of [`Past`], within about -1 and 1.
pub trait Method: Sized + Serialize + DeserializeOwned {
    /// What the operator can set.
    type Options: Clone + Serialize + DeserializeOwned;

    /// Estimates the parameters and gives the method as it stands *before* the first value: the frame shows it all of
    /// the past again, and measures its forecasts on the way.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] where the past is too short for it.
    fn fit(past: &Past, options: &Self::Options) -> Result<Self, Error>;

    /// Takes in the value that follows; `None` where it is missing: the method then goes by its own forecast.
    fn push(&mut self, value: Option<f64>);

    /// Predicts the middle of the next `horizon` values.
    fn predict(&self, horizon: usize) -> Vec<f64>;

    /// How many numbers were estimated from the past and stay as they are while it is replayed: for each of them, its
    /// errors look smaller than those of the future will be.
    fn parameters(&self) -> usize {
        0
    }
}

/// A fitted method of one series.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Rolling<M: Method> {
    options: M::Options,
    seasons: SeasonLengths,
    history: History,
    fitted: Fitted<M>,
    /// Values until it is fitted anew.
    until_refit: usize,
    negative: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound = "")]
struct Fitted<M: Method> {
    method: M,
    spread: Spread,
    scale: f64,
    /// Values since the one that seasons begin with.
    seen: usize,
}

impl<M: Method> Fitted<M> {
    fn new(past: &Past, options: &M::Options) -> Result<Self, Error> {
        let mut method = M::fit(past, options)?;
        let spread = replay(&mut method, past);
        Ok(Self { method, spread, scale: past.scale, seen: past.values.len() })
    }

    fn push_all(&mut self, values: &[f64]) {
        for value in values {
            self.method.push((!value.is_nan()).then_some(value / self.scale));
        }
        self.seen += values.len();
    }
}

/// Shows the method all of the past, and notes the errors of its forecasts on the way.
fn replay<M: Method>(method: &mut M, past: &Past) -> Spread {
    let count = past.values.len();
    let shortest = past.seasons.first().copied().unwrap_or(1);
    let ahead_max = (2 * shortest).max(24).min(count / 3).clamp(1, REPLAY_AHEAD_MAX);
    let first = past.seasons.last().copied().unwrap_or(1).max(count / 3).max(1);
    let origins = (REPLAYED / ahead_max).clamp(ORIGINS.0, ORIGINS.1);
    let stride = count.saturating_sub(first).div_ceil(origins).max(1);
    let mut log = ErrorLog::new(shortest);
    for at in 0..count {
        if at >= first && (at - first).is_multiple_of(stride) {
            let path = method.predict(ahead_max.min(count - at));
            for (index, forecast) in path.iter().enumerate() {
                if let Some(outcome) = past.present(at + index) {
                    log.note(index + 1, at + index, outcome - forecast);
                }
            }
        }
        method.push(past.present(at));
    }
    let seen = count.saturating_sub(first) as f64;
    log.spread(seen / shortest as f64, seen, prior(past), inflation(count, method.parameters()))
}

/// The size of error that a short history lets expect: its own spread, and a part of its level where that is all.
fn prior(past: &Past) -> f64 {
    let count = past.values.len() as f64;
    let level = stats::mean(&past.values).abs();
    stats::variance(&past.values).sqrt().max(0.25 * level / count.sqrt())
}

/// How much larger errors are outside of the sample that `parameters` were estimated from, at most twice.
fn inflation(count: usize, parameters: usize) -> f64 {
    let free = count.saturating_sub(parameters).max(count.div_ceil(4)).max(1);
    (count.max(1) as f64 / free as f64).sqrt()
}

impl<M: Method> Rolling<M> {
    /// Fits a method to a history.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] for fewer than [`PRESENT_MIN`] values that are there, or as the method says.
    pub fn fit(series: &Series, seasons: SeasonLengths, options: M::Options) -> Result<Self, Error> {
        let mut history = History::default();
        history.extend(&series.values);
        let past = history.past(&seasons, PRESENT_MIN).ok_or_else(|| {
            let present = series.count_present();
            Error::not_enough_data(format!("at least {PRESENT_MIN} recent values must be there, got {present}"))
        })?;
        let fitted = Fitted::new(&past, &options)?;
        let until_refit = refit_after(history.count());
        Ok(Self { options, seasons, history, fitted, until_refit, negative: past.negative })
    }

    /// Takes in the values that follow, NaN where missing. After an eighth of the history, at least 24 values, the
    /// method is fitted anew, which takes as long as [`Rolling::fit`].
    pub fn observe(&mut self, values: &[f64]) {
        let mut rest = values;
        let mut skipped: Vec<f64> = Vec::new();
        while rest.len() >= self.until_refit {
            let (now, later) = rest.split_at(self.until_refit);
            self.history.extend(now);
            skipped.extend_from_slice(now);
            self.until_refit = refit_after(self.history.count());
            rest = later;
        }
        // Of several fits that are due only the last one can be seen, and it looks at the history alone.
        if !skipped.is_empty() && !self.refit() {
            self.fitted.push_all(&skipped);
            self.note_sign(&skipped);
        }
        self.history.extend(rest);
        self.until_refit -= rest.len();
        self.fitted.push_all(rest);
        self.note_sign(rest);
    }

    /// Fits anew. A history of nothing but gaps leaves the method as it was.
    fn refit(&mut self) -> bool {
        let Some(past) = self.history.past(&self.seasons, PRESENT_MIN) else { return false };
        let Ok(fitted) = Fitted::new(&past, &self.options) else { return false };
        self.fitted = fitted;
        self.negative = past.negative;
        true
    }

    fn note_sign(&mut self, values: &[f64]) {
        self.negative |= values.iter().any(|value| *value < 0.0);
    }

    /// Predicts `horizon` steps at rising `levels`: one path per level, finite, without crossing, and not below zero
    /// where the history never was.
    #[must_use]
    pub fn forecast(&self, horizon: u32, levels: &[f64]) -> Vec<Vec<f64>> {
        let middle = self.fitted.method.predict(horizon as usize);
        let floor = if self.negative { f64::MIN } else { 0.0 };
        let fitted = &self.fitted;
        let mut least = vec![floor; middle.len()];
        let path = |level: &f64| {
            let score = fitted.spread.quantile(*level);
            let value = |(index, (middle, least)): (usize, (&f64, &mut f64))| {
                let size = fitted.spread.size(index + 1, fitted.seen + index);
                *least = ((middle + score * size) * fitted.scale).clamp(*least, f64::MAX);
                *least
            };
            middle.iter().zip(&mut least).enumerate().map(value).collect()
        };
        levels.iter().map(path).collect()
    }

    /// The method as it stands now.
    #[must_use]
    pub fn method(&self) -> &M {
        &self.fitted.method
    }
}

fn refit_after(count: usize) -> usize {
    (count / REFIT_SHARE).max(REFIT_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of all values so far.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Mean(f64, f64);

    impl Method for Mean {
        type Options = ();
        fn fit(_: &Past, (): &()) -> Result<Self, Error> {
            Ok(Self(0.0, 0.0))
        }
        fn push(&mut self, value: Option<f64>) {
            if let Some(value) = value {
                (self.0, self.1) = (self.0 + value, self.1 + 1.0);
            }
        }
        fn predict(&self, horizon: usize) -> Vec<f64> {
            vec![self.0 / self.1.max(1.0); horizon]
        }
    }

    const LEVELS: [f64; 5] = [0.001, 0.1, 0.5, 0.9, 0.999];

    fn fit(values: &[f64]) -> Result<Rolling<Mean>, Error> {
        let series = Series { start_ms: 0, step_ms: 3_600_000, values: values.to_vec() };
        Rolling::fit(&series, SeasonLengths::of_calendar(3_600_000), ())
    }

    fn noise(step: usize) -> f64 {
        ((step * 7_919 + step * step * 104_729) % 1_009) as f64 / 1_009.0
    }

    #[test]
    fn observing_in_parts_and_at_once_is_the_same() {
        let values: Vec<f64> = (0..900).map(|step| if step % 31 == 0 { f64::NAN } else { 5.0 + noise(step) }).collect();
        let mut whole = fit(&values[..200]).expect("enough");
        let mut parts = whole.clone();
        whole.observe(&values[200..]);
        for part in values[200..].chunks(7) {
            parts.observe(part);
        }
        assert_eq!(whole.forecast(50, &LEVELS), parts.forecast(50, &LEVELS));
    }

    #[test]
    fn intervals_hold_what_they_promise() {
        let model = fit(&(0..800).map(noise).collect::<Vec<_>>()).expect("enough");
        let paths = model.forecast(400, &[0.05, 0.95]);
        let inside = (0..400).filter(|at| (paths[0][*at]..=paths[1][*at]).contains(&noise(800 + at))).count();
        assert!((330..=395).contains(&inside), "{inside} of 400");
    }

    #[test]
    fn odd_histories_are_answered_or_refused() {
        for few in [&[][..], &[1.0], &[f64::NAN; 30], &[f64::NAN, 3.0]] {
            assert!(matches!(fit(few), Err(Error::NotEnoughData(_))), "{few:?}");
        }
        for (values, floor) in [
            (vec![3.0, 4.0], 0.0),
            (vec![42.0; 100], 0.0),
            (vec![0.0; 100], 0.0),
            (vec![f64::MAX; 100], 0.0),
            ([f64::MAX, f64::MIN].repeat(50), f64::MIN),
            (vec![5e-324; 100], 0.0),
            ((0..100).map(|step| -noise(step)).collect(), f64::MIN),
        ] {
            let mut model = fit(&values).expect("two values and more");
            model.observe(&[f64::NAN; 90]);
            let paths = model.forecast(1_440, &LEVELS);
            for step in 0..1_440 {
                let mut before = floor;
                for path in &paths {
                    assert!(path[step].is_finite() && path[step] >= before, "{values:?} {step} {}", path[step]);
                    before = path[step];
                }
            }
        }
    }

    #[test]
    fn two_values_give_a_wide_interval() {
        let paths = fit(&[100.0, 100.0]).expect("two values").forecast(1, &[0.05, 0.95]);
        assert!(paths[1][0] - paths[0][0] > 20.0, "{paths:?}");
    }

    #[test]
    fn a_negative_value_lifts_the_floor_at_once() {
        let mut model = fit(&[0.1; 60]).expect("enough");
        model.observe(&[-500.0]);
        assert!(model.forecast(1, &[0.000_1])[0][0] < 0.0);
    }
}
