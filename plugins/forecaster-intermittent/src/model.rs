//! Idle times and sizes of demand, and the quantiles that follow from both.

use crate::arrivals::Arrivals;
use serde::{Deserialize, Serialize};

/// The fewest values that are there in a history.
pub const PRESENT_MIN: usize = 2;
/// How many of the latest sizes are kept.
const SIZES_MAX: usize = 512;

/// What is known of a series.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    arrivals: Arrivals,
    /// The latest values that were not zero, in no order.
    sizes: Vec<f64>,
    /// Where the next size goes once all places are taken.
    oldest: usize,
}

impl Model {
    /// Takes in the next value, NaN where missing.
    pub fn push(&mut self, value: f64) {
        self.arrivals.push((!value.is_nan()).then_some(value != 0.0));
        if value.is_nan() || value == 0.0 {
            return;
        }
        if self.sizes.len() < SIZES_MAX {
            self.sizes.push(value);
        } else {
            self.sizes[self.oldest] = value;
            self.oldest = (self.oldest + 1) % SIZES_MAX;
        }
    }

    /// Predicts `horizon` steps at rising `levels`: one path per level. Every value is 0 or a size that was seen.
    #[must_use]
    pub fn forecast(&self, horizon: usize, levels: &[f64]) -> Vec<Vec<f64>> {
        let mut sorted = self.sizes.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let below = sorted.partition_point(|size| *size < 0.0) as f64 / sorted.len().max(1) as f64;
        let chances = self.arrivals.chances(horizon);
        let path = |level: &f64| chances.iter().map(|chance| quantile(*level, *chance, &sorted, below)).collect();
        levels.iter().map(path).collect()
    }
}

/// The quantile of a step that has a size with `chance` and is zero else; `below` is the share of negative sizes.
fn quantile(level: f64, chance: f64, sorted: &[f64], below: f64) -> f64 {
    if level < chance * below {
        return size(level / chance, sorted).min(0.0);
    }
    let zero = 1.0 - chance;
    if level <= chance * below + zero { 0.0 } else { size((level - zero) / chance, sorted).max(0.0) }
}

/// The least of the sizes that at least this share of them does not exceed; 0 for none.
fn size(share: f64, sorted: &[f64]) -> f64 {
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).wrapping_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_mixture() {
        let sizes = [1.0, 2.0, 3.0, 4.0];
        let at = |level| quantile(level, 0.4, &sizes, 0.0);
        assert_eq!([at(0.1), at(0.6), at(0.65), at(0.75), at(0.999)], [0.0, 0.0, 1.0, 2.0, 4.0]);
        assert_eq!(quantile(0.5, 1.0, &sizes, 0.0), 2.0);
        assert_eq!(quantile(0.9, 0.0, &sizes, 0.0), 0.0);
    }

    #[test]
    fn negative_sizes_lie_below_zero() {
        let at = |level| quantile(level, 0.5, &[-2.0, -1.0, 5.0, 6.0], 0.5);
        assert_eq!([at(0.1), at(0.2), at(0.5), at(0.8), at(0.9)], [-2.0, -1.0, 0.0, 5.0, 6.0]);
    }

    #[test]
    fn the_latest_sizes_count() {
        let mut model = Model::default();
        (0..2 * SIZES_MAX).for_each(|step| model.push(if step < SIZES_MAX { 1.0 } else { 9.0 }));
        assert_eq!(model.forecast(1, &[0.1, 0.9]), [[9.0], [9.0]]);
    }
}
