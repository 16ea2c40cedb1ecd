//! The answer where the network has nothing to go by: a history shorter than two seasons, or one that never moved.

use forewarm_sdk::numerics::shape::normal_quantile;
use forewarm_sdk::numerics::stats;

use crate::fan::LEVELS;

/// A share of the level by which few values may be wrong about it; it falls with the square root of their number.
const DOUBT: f64 = 0.25;
/// The most recent values that count.
const RECENT: usize = 48;

/// Gives a fan per step: the mean of the latest values, with a normal spread of their own deviation, at least a part of
/// their level, that grows with the square root of the share of the history that is looked ahead.
#[must_use]
pub fn predict(series: &[f64], horizon: usize) -> Vec<[f64; LEVELS.len()]> {
    let recent = &series[series.len().saturating_sub(RECENT)..];
    let middle = stats::mean(recent);
    let count = series.len().max(1) as f64;
    let size = stats::variance(recent).sqrt().max(DOUBT * middle.abs() / count.sqrt());
    let scores = LEVELS.map(normal_quantile);
    let fan = |step: usize| scores.map(|score| middle + score * size * (1.0 + step as f64 / count).sqrt());
    (1..=horizon).map(fan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fan::MIDDLE;

    #[test]
    fn two_values_give_a_wide_interval_and_many_equal_ones_a_narrow_one() {
        let width = |fan: &[f64; LEVELS.len()]| fan[LEVELS.len() - 1] - fan[0];
        let wide = predict(&[10.0, 10.0], 4);
        assert!((wide[0][MIDDLE] - 10.0).abs() < 1e-9 && width(&wide[0]) > 4.0 && width(&wide[3]) > width(&wide[0]));
        assert!(width(&predict(&[10.0; 10_000], 4)[3]) < 0.1);
        assert_eq!(predict(&[0.0; 9], 1), [[0.0; LEVELS.len()]]);
    }
}
