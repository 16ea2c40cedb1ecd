//! How far off a prediction may be, from the same features: a ridge regression of the size of the errors on the
//! prediction and on how far the recent levels lie apart. Errors divided by it are alike enough to share quantiles.

use crate::ridge;
use forewarm_sdk::kernels::dot;
use serde::{Deserialize, Serialize};

/// Weight of the typical error against the data, per row and once.
const STRENGTH: f64 = 1e-2;
const FLOOR: f64 = 20.0;
/// The scale stays within these multiples of the typical error.
const RANGE: (f64, f64) = (0.1, 10.0);
/// Keeps the scale of a series without errors above zero; series are scaled to around one.
const LEAST: f64 = 1e-9;
/// Which feature is replaced by the prediction: the level.
const LEVEL: usize = 1;

/// The scale of the errors of one horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    typical: f64,
    weights: Vec<f64>,
}

impl Scale {
    /// Fits from the Gram matrix of the features, as [`feature`] gives them, with the errors' size as the last column.
    /// The first feature is the constant; rows of zeros do not count.
    #[must_use]
    pub fn fit(gram: &[f64], width: usize) -> Self {
        let entry = |i: usize, j: usize| gram[i * (width + 1) + j];
        let rows = entry(0, 0);
        let typical = entry(0, width) / rows.max(1.0) + LEAST;
        let square: Vec<f64> = (0..width * width).map(|at| entry(at / width, at % width)).collect();
        let products: Vec<f64> = (0..width).map(|i| entry(i, width) - typical * entry(i, 0)).collect();
        Self { typical, weights: ridge::solve(&square, &products, rows, STRENGTH, FLOOR) }
    }

    /// The scale for features as [`feature`] gives them.
    #[must_use]
    pub fn at(&self, features: &[f64]) -> f64 {
        self.within(self.typical + dot(features, &self.weights))
    }

    /// The weights, and the value that their sum is added to, for whole columns.
    #[must_use]
    pub fn parts(&self) -> (&[f64], f64) {
        (&self.weights, self.typical)
    }

    /// Holds a sum within the range.
    #[must_use]
    pub fn within(&self, sum: f64) -> f64 {
        sum.clamp(RANGE.0 * self.typical, RANGE.1 * self.typical)
    }
}

/// The feature of the scale at an index, from that of the prediction.
#[must_use]
pub fn feature(index: usize, value: f64, prediction: f64) -> f64 {
    if index == LEVEL { prediction } else { value.abs() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fits on rows of constant, level and one difference, with the size of the error last.
    fn fit(rows: &[[f64; 4]]) -> Scale {
        let mut gram = vec![0.0; 16];
        for row in rows {
            for (i, x) in row.iter().enumerate() {
                for (j, y) in row.iter().enumerate() {
                    gram[i * 4 + j] += x * y;
                }
            }
        }
        Scale::fit(&gram, 3)
    }

    #[test]
    fn a_restless_level_has_a_larger_scale() {
        let rows: Vec<[f64; 4]> =
            (0..2_000_u16).map(|row| f64::from(row % 10)).map(|apart| [1.0, 5.0, apart, 1.0 + 0.2 * apart]).collect();
        let scale = fit(&rows);
        assert!((scale.at(&[1.0, 5.0, 0.0]) - 1.0).abs() < 0.15, "{}", scale.at(&[1.0, 5.0, 0.0]));
        assert!((scale.at(&[1.0, 5.0, 9.0]) - 2.8).abs() < 0.15);
        assert!(scale.at(&[1.0, 5.0, 1e9]) <= 10.0 * 1.9 + 1e-6, "it never runs away");
    }

    #[test]
    fn without_errors_it_stays_above_zero() {
        assert!(fit(&[[1.0, 1.0, 0.0, 0.0]; 50]).at(&[1.0, 1.0, 0.0]) > 0.0);
        assert!(fit(&[[0.0; 4]; 50]).at(&[1.0, 1.0, 0.0]) > 0.0);
    }
}
