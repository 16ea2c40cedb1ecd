//! What is remembered of a series, and the form in which methods get it: in units of around one, without gaps.

use super::fill::fill;
use super::seasons::SeasonLengths;
use serde::{Deserialize, Serialize};

/// The most values that are remembered: two weeks of minutes.
pub const VALUES_MAX: usize = 20_160;
/// How far a history may outgrow this before its oldest values are dropped.
const SLACK: usize = 2_048;

/// The latest values of a series, NaN where missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History(Vec<f64>);

impl History {
    /// Takes in the values that follow, oldest first.
    pub fn extend(&mut self, values: &[f64]) {
        self.0.extend_from_slice(&values[values.len().saturating_sub(VALUES_MAX)..]);
        if self.0.len() > VALUES_MAX + SLACK {
            self.0.drain(..self.0.len() - VALUES_MAX);
        }
    }

    /// How many values are remembered.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len().min(VALUES_MAX)
    }

    /// Prepares the values for a method; `None` where fewer than `least` of them are there.
    #[must_use]
    pub fn past(&self, seasons: &SeasonLengths, least: usize) -> Option<Past> {
        let recent = &self.0[self.0.len().saturating_sub(VALUES_MAX)..];
        let first = recent.iter().position(|value| !value.is_nan())?;
        Past::new(&recent[first..], seasons, least)
    }
}

/// A history as methods get it. The first value is there; seasons begin with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// The values in units of [`Past::scale`], within -1 and 1, gaps bridged.
    pub values: Vec<f64>,
    /// Whether each value is only bridged.
    pub missing: Vec<bool>,
    /// The seasons in steps, shortest first, each covered twice.
    pub seasons: Vec<usize>,
    /// The largest absolute value; 1 where all are 0.
    pub scale: f64,
    /// Whether a value below zero is among them.
    pub negative: bool,
}

impl Past {
    fn new(values: &[f64], seasons: &SeasonLengths, least: usize) -> Option<Self> {
        let present = || values.iter().filter(|value| !value.is_nan());
        if present().count() < least {
            return None;
        }
        let largest = present().fold(0.0_f64, |most, value| most.max(value.abs()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let seasons = seasons.covered_by(values.len());
        let scaled: Vec<f64> = values.iter().map(|value| value / scale).collect();
        Some(Self {
            missing: values.iter().map(|value| value.is_nan()).collect(),
            negative: present().any(|value| *value < 0.0),
            values: fill(&scaled, seasons.first().copied()),
            seasons,
            scale,
        })
    }

    /// The value at an index, `None` where it was missing.
    #[must_use]
    pub fn present(&self, at: usize) -> Option<f64> {
        if *self.missing.get(at)? { None } else { self.values.get(at).copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    fn past(values: &[f64]) -> Option<Past> {
        let mut history = History::default();
        history.extend(values);
        history.past(&SeasonLengths::default(), 2)
    }

    #[test]
    fn methods_get_scaled_values_without_gaps() {
        let past = past(&[NAN, 2.0, NAN, -4.0]).expect("two values");
        assert_eq!((past.values.as_slice(), past.scale, past.negative), ([0.5, -0.25, -1.0].as_slice(), 4.0, true));
        assert_eq!((past.present(0), past.present(1), past.present(9)), (Some(0.5), None, None));
    }

    #[test]
    fn too_few_values_are_none() {
        for values in [&[][..], &[NAN, NAN], &[1.0, NAN]] {
            assert_eq!(past(values), None);
        }
        assert_eq!(past(&[0.0, 0.0]).expect("two values").scale, 1.0);
    }

    #[test]
    fn only_the_latest_values_count() {
        let mut history = History::default();
        history.extend(&[1e9]);
        for _ in 0..30 {
            history.extend(&[1.0; 1_000]);
        }
        assert_eq!(history.count(), VALUES_MAX);
        let past = history.past(&SeasonLengths::default(), 2).expect("enough");
        assert_eq!((past.values.len(), past.scale), (VALUES_MAX, 1.0));
        history.extend(&vec![2.0; 100_000]);
        assert!(history.0.len() <= VALUES_MAX + SLACK);
    }

    #[test]
    fn the_largest_numbers_stay_finite() {
        let past = past(&[f64::MAX, f64::MIN, NAN, 5e-324, 0.0]).expect("values");
        assert!(past.values.iter().all(|value| value.abs() <= 1.0));
    }
}
