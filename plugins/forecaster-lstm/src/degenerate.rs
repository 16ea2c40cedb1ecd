//! The answer where the network has nothing to go by: a history shorter than two seasons, or one that never moved.

use forewarm_sdk::numerics::shape::normal_quantile;
use forewarm_sdk::numerics::stats;

/// A share of the level by which few values may be wrong about it; it falls with the square root of their number.
const DOUBT: f64 = 0.25;
/// The most recent values that count.
const RECENT: usize = 48;

/// Gives one path per level: the mean of the latest values, with a normal spread of their own deviation, at least a part
/// of their level, that grows with the square root of the share of the history that is looked ahead.
#[must_use]
pub fn predict(series: &[f64], horizon: usize, levels: &[f64]) -> Vec<Vec<f64>> {
    let recent = &series[series.len().saturating_sub(RECENT)..];
    let middle = stats::mean(recent);
    let count = series.len().max(1) as f64;
    let size = stats::variance(recent).sqrt().max(DOUBT * middle.abs() / count.sqrt());
    let path = |level: &f64| {
        let score = normal_quantile(*level);
        let value = |step: usize| middle + score * size * (1.0 + step as f64 / count).sqrt();
        (1..=horizon).map(value).collect()
    };
    levels.iter().map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_values_give_a_wide_interval_and_many_equal_ones_a_narrow_one() {
        let wide = predict(&[10.0, 10.0], 4, &[0.05, 0.5, 0.95]);
        assert!((wide[1][0] - 10.0).abs() < 1e-9 && wide[2][0] - wide[0][0] > 4.0 && wide[2][3] > wide[2][0]);
        let narrow = predict(&[10.0; 10_000], 4, &[0.05, 0.95]);
        assert!(narrow[1][3] - narrow[0][3] < 0.1);
        assert_eq!(predict(&[0.0; 9], 1, &[0.1, 0.9]), [[0.0], [0.0]]);
    }
}
