//! The shape of errors: the quantiles of errors in units of their size, from a sample and, where it is small or in its
//! far tails, from the normal distribution.

use super::stats::{quantile_of_sorted, quantiles_of_weighted};
use distrs::Normal;
use serde::{Deserialize, Serialize};

/// The levels that are read off a sample.
const LEVELS: [f64; 19] =
    [0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99];
/// A sample of this size counts as much as the normal distribution.
const EVEN_SAMPLE: f64 = 20.0;
/// The least rise of the outer tails per normal score, so that they never end.
const TAIL_MIN: f64 = 0.25;

/// The quantile of the standard normal distribution at a level within (0, 1): Wichura's AS 241.
#[must_use]
pub fn normal_quantile(level: f64) -> f64 {
    Normal::ppf(level.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON), 0.0, 1.0)
}

/// A quantile function over normal scores, rising and finite for every level within (0, 1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// One value per level of [`LEVELS`].
    knots: Vec<f64>,
}

impl Shape {
    /// Reads a shape off errors in units of their size; `sample` gets sorted. `count` says how many of them are
    /// independent: few lean on the normal distribution.
    #[must_use]
    pub fn new(sample: &mut [f64], count: f64) -> Self {
        sample.sort_unstable_by(f64::total_cmp);
        let count = if sample.is_empty() { 0.0 } else { count };
        Self::blended(count, LEVELS.iter().map(|level| quantile_of_sorted(sample, *level)))
    }

    /// The same from rising errors that have weights. They count as many as equal weights of the same variance would.
    #[must_use]
    pub fn weighted(sorted: &[(f64, f64)]) -> Self {
        let sum: f64 = sorted.iter().map(|(_, weight)| weight).sum();
        let squares: f64 = sorted.iter().map(|(_, weight)| weight * weight).sum();
        let count = if squares > 0.0 { sum * sum / squares } else { 0.0 };
        Self::blended(count, quantiles_of_weighted(sorted, &LEVELS).into_iter())
    }

    fn blended(count: f64, quantiles: impl Iterator<Item = f64>) -> Self {
        let own = count / (count + EVEN_SAMPLE);
        let knots = quantiles.zip(LEVELS).map(|(value, level)| own * value + (1.0 - own) * normal_quantile(level));
        Self { knots: knots.collect() }
    }

    /// The quantile at a level within (0, 1): between two levels along the normal scores, beyond the last along their
    /// slope.
    #[must_use]
    pub fn at(&self, level: f64) -> f64 {
        let after = LEVELS.partition_point(|known| *known < level).clamp(1, LEVELS.len() - 1);
        let (low, high) = (normal_quantile(LEVELS[after - 1]), normal_quantile(LEVELS[after]));
        let (from, to) = (self.knots[after - 1], self.knots[after]);
        let score = normal_quantile(level);
        let slope = (to - from) / (high - low);
        match score {
            below if below < low => from + slope.max(TAIL_MIN) * (below - low),
            above if above > high => to + slope.max(TAIL_MIN) * (above - high),
            inside => from + slope * (inside - low),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantiles_agree_with_the_tables() {
        for (level, score) in [(0.5, 0.0), (0.95, 1.644_853_627), (0.01, -2.326_347_874), (1e-9, -5.997_807_015)] {
            assert!((normal_quantile(level) - score).abs() < 1e-8, "{level}");
        }
        assert!(normal_quantile(0.0).is_finite() && normal_quantile(1.0).is_finite());
    }

    #[test]
    fn a_large_sample_is_read_and_none_is_normal() {
        let mut skewed: Vec<f64> = (0..4_000).map(|at| (f64::from(at) / 4_000.0).powi(3)).collect();
        let shape = Shape::new(&mut skewed, 4_000.0);
        assert!((shape.at(0.9) - 0.729).abs() < 0.02, "{}", shape.at(0.9));
        assert!((Shape::new(&mut [], 0.0).at(0.9) - 1.281_55).abs() < 0.01);
    }

    #[test]
    fn weights_say_which_errors_count() {
        let sample: Vec<(f64, f64)> =
            (0..2_000).map(|at| (f64::from(at), if at < 1_000 { 1.0 } else { 0.0 })).collect();
        let shape = Shape::weighted(&sample);
        assert!((shape.at(0.5) - 500.0).abs() < 15.0, "{}", shape.at(0.5));
        assert!((Shape::weighted(&[]).at(0.9) - 1.281_55).abs() < 0.01);
    }

    #[test]
    fn quantiles_rise_and_stay_finite_to_the_last_level() {
        for sample in [vec![0.0; 50], vec![-1.0, 1.0], (0..300).map(|at| f64::from(at % 7)).collect()] {
            let count = sample.len() as f64;
            let shape = Shape::new(&mut sample.clone(), count);
            let mut before = f64::NEG_INFINITY;
            for level in [1e-12, 0.001, 0.01, 0.04, 0.05, 0.33, 0.5, 0.51, 0.9, 0.991, 0.999_999] {
                let value = shape.at(level);
                assert!(value.is_finite() && value >= before, "{level}: {value} after {before}");
                before = value;
            }
        }
    }
}
