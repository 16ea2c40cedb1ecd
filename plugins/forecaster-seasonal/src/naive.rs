//! The forecast from a handful of values: the recent level, in a wide interval.

use crate::regression::Row;

/// How many values the level is read from.
const LEVEL: usize = 3;
/// How many values the spread is read from.
const CHANGES: usize = 60;
/// The least spread as a share of the level, until there is enough data to know better.
const DOUBT: f64 = 0.1;
/// Turns a standard deviation into the scale of a logistic distribution: sqrt(3) / pi.
const LOGISTIC: f64 = 0.551_328_895_421_792;

/// The quantiles one step ahead: logistic around the recent level, as wide as the values changed from step to step, but
/// at least a tenth of the level. `values` holds at least one value.
#[must_use]
pub fn predict(values: &[f32], levels: &[f64]) -> Row {
    let recent = &values[values.len().saturating_sub(LEVEL)..];
    let level = recent.iter().map(|value| f64::from(*value)).sum::<f64>() / recent.len() as f64;
    let latest = &values[values.len().saturating_sub(CHANGES)..];
    let changes = latest.windows(2).map(|pair| (f64::from(pair[1]) - f64::from(pair[0])).abs());
    let change = changes.sum::<f64>() / (latest.len() - 1).max(1) as f64;
    let scale = (change + DOUBT * level.abs()) * LOGISTIC;
    Row {
        steps: 1,
        middle: level,
        quantiles: levels.iter().map(|share| level + scale * (share / (1.0 - share)).ln()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_lies_around_the_level_and_is_wide() {
        let row = predict(&[1.0, 1.0, 1.0], &[0.05, 0.5, 0.95]);
        assert!((row.middle - 1.0).abs() < 1e-12 && (row.quantiles[1] - 1.0).abs() < 1e-12);
        assert!(row.quantiles[0] < 0.9 && row.quantiles[2] > 1.1, "{row:?}");
    }

    #[test]
    fn lively_values_widen_it() {
        let calm = predict(&[1.0, 1.1, 1.0, 1.1], &[0.95]).quantiles[0];
        let lively = predict(&[1.0, 3.0, 0.5, 1.1], &[0.95]).quantiles[0];
        assert!(lively > calm + 1.0, "{lively} {calm}");
    }

    #[test]
    fn one_value_and_zeros_are_enough() {
        assert!(predict(&[2.0], &[0.5]).quantiles[0].is_finite());
        assert_eq!(predict(&[0.0, 0.0], &[0.01, 0.99]).quantiles, [0.0, 0.0]);
    }
}
