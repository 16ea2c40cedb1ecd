//! A forecast as a fan of quantile paths, and the chance of exceeding a load that the planner reads off it.

use crate::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most steps a forecast may reach ahead.
pub const MAX_HORIZON: usize = 10_080;
/// The most quantile levels of one forecast.
pub const MAX_LEVELS: usize = 99;

/// The levels that the planner asks for: dense at the top, where a shortage is decided.
pub const PLANNING_LEVELS: [f64; 15] =
    [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.999];

/// Quantiles of the load for each step ahead. Valid by construction: finite, non-negative where the load is, and never
/// crossing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "FanParts")]
pub struct Fan {
    start: TimestampMs,
    step_ms: i64,
    levels: Vec<f64>,
    /// One row per step ahead, one column per level.
    values: Vec<f64>,
}

/// A fan as it travels, to be checked before it is one.
#[derive(Deserialize)]
struct FanParts {
    start: TimestampMs,
    step_ms: i64,
    levels: Vec<f64>,
    values: Vec<f64>,
}

impl TryFrom<FanParts> for Fan {
    type Error = InvalidFan;
    fn try_from(parts: FanParts) -> Result<Self, InvalidFan> {
        let FanParts { start, step_ms, levels, values } = parts;
        check_levels(&levels)?;
        let rows = values.chunks(levels.len());
        let path = |level: usize| rows.clone().filter_map(|row| row.get(level).copied()).collect();
        let paths: Vec<Vec<f64>> = (0..levels.len()).map(path).collect();
        Self::from_paths(start, step_ms, &levels, &paths)
    }
}

/// What is wrong with a forecast.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidFan {
    /// Levels have to rise inside (0, 1).
    #[error("levels must rise strictly inside (0, 1), 1 to {MAX_LEVELS} of them; got {0:?}")]
    Levels(Vec<f64>),
    /// The shape is not what was asked for.
    #[error("expected {expected} values ({levels} levels for {horizon} steps), got {got}")]
    Shape {
        /// Steps asked for.
        horizon: usize,
        /// Levels asked for.
        levels: usize,
        /// Their product.
        expected: usize,
        /// What came.
        got: usize,
    },
    /// A value that is no number.
    #[error("the value for level {level} at step {step} is {value}, not a finite number")]
    NotFinite {
        /// The level.
        level: f64,
        /// Steps ahead, from 1.
        step: usize,
        /// What came.
        value: f64,
    },
    /// A higher level with a lower value.
    #[error("the quantiles cross at step {step}: level {} has {}, level {} has {}", lower.0, lower.1, higher.0, higher.1)]
    Crossing {
        /// Steps ahead, from 1.
        step: usize,
        /// The lower level and its value.
        lower: (f64, f64),
        /// The next level and its value.
        higher: (f64, f64),
    },
    /// A horizon or step outside what is allowed.
    #[error("the horizon must be 1 to {MAX_HORIZON} steps of more than 0 ms; got {horizon} of {step_ms} ms")]
    Horizon {
        /// Steps.
        horizon: usize,
        /// Their length.
        step_ms: i64,
    },
}

/// Whether the paths are finite and never cross: each is compared with the next as a whole, for the sake of SIMD. Where
/// the lowest and the highest are finite and all are in order, those between are finite as well: NaN is in no order.
fn is_orderly<P: AsRef<[f64]>>(paths: &[P]) -> bool {
    let finite = |path: Option<&P>| {
        path.is_some_and(|path| path.as_ref().iter().fold(true, |finite, value| finite & value.is_finite()))
    };
    let rising = |pair: &[P]| {
        let pairs = pair[0].as_ref().iter().zip(pair[1].as_ref());
        pairs.fold(true, |rising, (lower, higher)| rising & (lower <= higher))
    };
    finite(paths.first()) && finite(paths.last()) && paths.windows(2).all(rising)
}

/// Checks that `levels` rise strictly inside (0, 1).
///
/// # Errors
/// [`InvalidFan::Levels`] when they do not, or are too many or none.
pub fn check_levels(levels: &[f64]) -> Result<(), InvalidFan> {
    let inside = levels.iter().all(|level| *level > 0.0 && *level < 1.0);
    let rising = levels.windows(2).all(|pair| pair[0] < pair[1]);
    if inside && rising && (1..=MAX_LEVELS).contains(&levels.len()) {
        Ok(())
    } else {
        Err(InvalidFan::Levels(levels.iter().copied().take(MAX_LEVELS).collect()))
    }
}

impl Fan {
    /// Builds a fan from one path per level: `paths[l][s]` is the value of `levels[l]` at step `s + 1` ahead of `start`.
    /// Crossing quantiles are sorted per step (rearrangement: Chernozhukov et al. 2010).
    ///
    /// # Errors
    /// [`InvalidFan`] names the first level, step or shape that does not fit.
    pub fn from_paths(
        start: TimestampMs,
        step_ms: i64,
        levels: &[f64],
        paths: &[Vec<f64>],
    ) -> Result<Self, InvalidFan> {
        let mut fan = Self::transposed(start, step_ms, levels, paths)?;
        if !is_orderly(paths) {
            fan.check_finite()?;
            fan.values.chunks_exact_mut(levels.len()).for_each(|row| row.sort_by(f64::total_cmp));
        }
        Ok(fan)
    }

    /// As [`Self::from_paths`], for the answer of a forecaster: quantiles that cross are refused, since what is wrong in
    /// them can't be told from what is right.
    ///
    /// # Errors
    /// As [`Self::from_paths`], and [`InvalidFan::Crossing`].
    pub fn from_rising_paths<P: AsRef<[f64]>>(
        start: TimestampMs,
        step_ms: i64,
        levels: &[f64],
        paths: &[P],
    ) -> Result<Self, InvalidFan> {
        let fan = Self::transposed(start, step_ms, levels, paths)?;
        if !is_orderly(paths) {
            fan.check_finite()?;
            fan.check_rising()?;
        }
        Ok(fan)
    }

    /// The paths of the right number and length in rows, as they are.
    fn transposed<P: AsRef<[f64]>>(
        start: TimestampMs,
        step_ms: i64,
        levels: &[f64],
        paths: &[P],
    ) -> Result<Self, InvalidFan> {
        check_levels(levels)?;
        let horizon = paths.first().map_or(0, |path| path.as_ref().len());
        if !(1..=MAX_HORIZON).contains(&horizon) || step_ms <= 0 {
            return Err(InvalidFan::Horizon { horizon, step_ms });
        }
        let expected = horizon * levels.len();
        if paths.len() != levels.len() || paths.iter().any(|path| path.as_ref().len() != horizon) {
            let got = paths.iter().map(|path| path.as_ref().len()).sum();
            return Err(InvalidFan::Shape { horizon, levels: levels.len(), expected, got });
        }
        let mut values = vec![0.0; expected];
        for (level, path) in paths.iter().enumerate() {
            let column = values[level..].iter_mut().step_by(levels.len());
            column.zip(path.as_ref()).for_each(|(to, value)| *to = *value);
        }
        Ok(Self { start, step_ms, levels: levels.to_vec(), values })
    }

    fn rows(&self) -> impl Iterator<Item = (usize, &[f64])> {
        (1..).zip(self.values.chunks_exact(self.levels.len()))
    }

    fn check_finite(&self) -> Result<(), InvalidFan> {
        for (step, row) in self.rows() {
            if let Some((level, value)) = self.levels.iter().zip(row).find(|(_, value)| !value.is_finite()) {
                return Err(InvalidFan::NotFinite { level: *level, step, value: *value });
            }
        }
        Ok(())
    }

    fn check_rising(&self) -> Result<(), InvalidFan> {
        for (step, row) in self.rows() {
            if let Some(lower) = row.windows(2).position(|pair| pair[1] < pair[0]) {
                let of = |index: usize| (self.levels[index], row[index]);
                return Err(InvalidFan::Crossing { step, lower: of(lower), higher: of(lower + 1) });
            }
        }
        Ok(())
    }

    /// The beginning of the first step that is forecast.
    #[must_use]
    pub fn start(&self) -> TimestampMs {
        self.start
    }

    /// The length of a step in milliseconds.
    #[must_use]
    pub fn step_ms(&self) -> i64 {
        self.step_ms
    }

    /// The quantile levels, rising.
    #[must_use]
    pub fn levels(&self) -> &[f64] {
        &self.levels
    }

    /// How many steps are forecast.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.values.len() / self.levels.len()
    }

    /// Where the last step ends.
    #[must_use]
    pub fn end(&self) -> TimestampMs {
        self.start + self.step_ms * self.horizon() as i64
    }

    /// The same forecast without the steps that begin before `at`; `None` where none is left.
    #[must_use]
    pub fn starting_at(&self, at: TimestampMs) -> Option<Self> {
        let past = at.since(self.start).unsigned_abs().div_ceil(self.step_ms.unsigned_abs()) as usize;
        let values = self.values.get(past * self.levels.len()..).filter(|values| !values.is_empty())?;
        let start = self.start + self.step_ms * past as i64;
        Some(Self { start, step_ms: self.step_ms, levels: self.levels.clone(), values: values.to_vec() })
    }

    /// The same forecast with every value of the steps that begin within `from` up to, not including, `until` changed by
    /// `change`; `None` where there is no such step. What comes out as no number stays as it was.
    #[must_use]
    pub fn changed_within(&self, from: TimestampMs, until: TimestampMs, change: impl Fn(f64) -> f64) -> Option<Self> {
        let begins = |step: usize| self.start + self.step_ms * step as i64;
        let within: Vec<usize> = (0..self.horizon()).filter(|step| (from..until).contains(&begins(*step))).collect();
        let mut changed = self.clone();
        for step in &within {
            let row = changed.values.chunks_exact_mut(self.levels.len()).nth(*step).unwrap_or_default();
            for value in row.iter_mut() {
                *value = Some(change(*value)).filter(|new| new.is_finite()).unwrap_or(*value);
            }
            row.sort_by(f64::total_cmp);
        }
        (!within.is_empty()).then_some(changed)
    }

    /// The quantiles at `step` (0 is the first step ahead), one per level, never falling. Empty beyond the horizon.
    #[must_use]
    pub fn at(&self, step: usize) -> &[f64] {
        let width = self.levels.len();
        self.values.get(step * width..(step + 1) * width).unwrap_or_default()
    }

    /// The `level`-quantile at `step`, linear between the levels and level beyond the outermost ones.
    #[must_use]
    pub fn quantile(&self, step: usize, level: f64) -> f64 {
        interpolate(level, &self.levels, self.at(step))
    }

    /// P(load > `threshold`) at `step`: one below the lowest quantile, zero above the highest, linear between.
    #[must_use]
    pub fn exceedance(&self, step: usize, threshold: f64) -> f64 {
        let values = self.at(step);
        match (values.first(), values.last()) {
            (Some(lowest), Some(highest)) if threshold >= *lowest && threshold < *highest => {
                1.0 - interpolate(threshold, values, &self.levels)
            }
            (Some(lowest), _) if threshold < *lowest => 1.0,
            _ => 0.0,
        }
    }
}

/// `ys` at `x` by linear interpolation over rising `xs`; the end values beyond them.
fn interpolate(x: f64, xs: &[f64], ys: &[f64]) -> f64 {
    let after = xs.partition_point(|known| *known <= x);
    if after == 0 {
        return ys.first().copied().unwrap_or(0.0);
    }
    if after >= xs.len() {
        return ys.last().copied().unwrap_or(0.0);
    }
    let (x0, x1, y0, y1) = (xs[after - 1], xs[after], ys[after - 1], ys[after]);
    y0 + (y1 - y0) * (x - x0) / (x1 - x0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fan(levels: &[f64], paths: &[Vec<f64>]) -> Result<Fan, InvalidFan> {
        Fan::from_paths(TimestampMs(0), 60_000, levels, paths)
    }

    #[test]
    fn exceedance_is_read_off_the_quantiles() {
        let fan = fan(&[0.1, 0.5, 0.9], &[vec![10.0], vec![20.0], vec![40.0]]).expect("valid");
        for (threshold, expected) in [(5.0, 1.0), (10.0, 0.9), (20.0, 0.5), (30.0, 0.3), (40.0, 0.0)] {
            assert!((fan.exceedance(0, threshold) - expected).abs() < 1e-12, "{threshold}");
        }
        assert!((fan.quantile(0, 0.7) - 30.0).abs() < 1e-9);
    }

    #[test]
    fn the_past_can_be_cut_off() {
        let fan = fan(&[0.5], &[vec![1.0, 2.0, 3.0]]).expect("valid");
        let later = fan.starting_at(TimestampMs(60_000)).expect("two steps left");
        assert_eq!((later.start(), later.horizon(), later.at(0)), (TimestampMs(60_000), 2, &[2.0][..]));
        assert_eq!(fan.starting_at(TimestampMs(180_000)), None);
    }

    #[test]
    fn a_span_can_be_changed() {
        let fan = fan(&[0.1, 0.9], &[vec![1.0, 2.0, 3.0], vec![2.0, 4.0, 6.0]]).expect("valid");
        let changed = fan.changed_within(TimestampMs(60_000), TimestampMs(120_000), |load| 3.0 * load).expect("a step");
        assert_eq!([0, 1, 2].map(|step| changed.at(step).to_vec()), [vec![1.0, 2.0], vec![6.0, 12.0], vec![3.0, 6.0]]);
        assert_eq!(fan.changed_within(TimestampMs(60_001), TimestampMs(120_000), |load| load), None);
        let spoilt = fan.changed_within(TimestampMs(0), TimestampMs(1), |_| f64::NAN).expect("a step");
        assert_eq!(spoilt, fan, "what is no number is not taken");
    }

    #[test]
    fn crossing_quantiles_are_sorted() {
        let fan = fan(&[0.1, 0.9], &[vec![3.0, 1.0], vec![2.0, 2.0]]).expect("valid");
        assert_eq!((fan.at(0), fan.at(1)), (&[2.0, 3.0][..], &[1.0, 2.0][..]));
    }

    #[test]
    fn crossing_quantiles_of_a_forecaster_are_refused() {
        let rising = |paths: [[f64; 2]; 3]| Fan::from_rising_paths(TimestampMs(0), 60_000, &[0.1, 0.5, 0.9], &paths);
        let fan = rising([[1.0, 1.0], [1.0, 2.0], [3.0, 2.0]]).expect("equal is not crossing");
        assert_eq!((fan.at(0), fan.at(1)), (&[1.0, 1.0, 3.0][..], &[1.0, 2.0, 2.0][..]));
        let error = rising([[1.0, 1.0], [2.0, 2.0], [3.0, 1.5]]).expect_err("crossing");
        assert_eq!(error.to_string(), "the quantiles cross at step 2: level 0.5 has 2, level 0.9 has 1.5");
        for (level, step) in [(0, 0), (1, 1), (2, 1)] {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut paths = [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]];
                paths[level][step] = bad;
                assert!(matches!(rising(paths), Err(InvalidFan::NotFinite { .. })), "{bad} at {level}, {step}");
            }
        }
    }

    #[test]
    fn what_travels_is_checked() {
        let fan = fan(&[0.1, 0.9], &[vec![1.0, 2.0], vec![3.0, 4.0]]).expect("valid");
        let mut parts = serde_json::to_value(&fan).expect("serialises");
        assert_eq!(serde_json::from_value::<Fan>(parts.clone()).expect("the same again"), fan);
        parts["values"] = serde_json::json!([1.0, 2.0, 3.0]);
        assert!(serde_json::from_value::<Fan>(parts.clone()).is_err(), "a row is cut off");
        parts["levels"] = serde_json::json!([]);
        assert!(serde_json::from_value::<Fan>(parts).is_err(), "no levels");
    }

    #[test]
    fn bad_fans_are_refused_by_name() {
        assert!(matches!(fan(&[0.9, 0.1], &[vec![1.0], vec![1.0]]), Err(InvalidFan::Levels(_))));
        assert!(matches!(fan(&[0.5], &[vec![]]), Err(InvalidFan::Horizon { .. })));
        assert!(matches!(fan(&[0.1, 0.5], &[vec![1.0], vec![1.0, 2.0]]), Err(InvalidFan::Shape { .. })));
        let error = fan(&[0.5], &[vec![1.0, f64::NAN]]).expect_err("not finite");
        assert_eq!(error.to_string(), "the value for level 0.5 at step 2 is NaN, not a finite number");
    }
}
