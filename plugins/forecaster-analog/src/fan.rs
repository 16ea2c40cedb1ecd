//! Quantiles of a step ahead: those of what followed the candidates, with tails from the normal distribution.

use forewarm_sdk::numerics::shape::normal_quantile;
use forewarm_sdk::numerics::stats::quantiles_of_weighted;

use crate::candidates::effective;

/// A sample that counts as this many says as much of its shape as the normal distribution does.
const EVEN_SAMPLE: f64 = 4.0;
/// What counts less than this beside the largest weight is not worth sorting.
const NEGLIGIBLE: f64 = 1e-5;

/// Reads quantiles at levels that do not change.
pub struct Reading {
    /// The levels, and the middle one.
    levels: Vec<f64>,
    scores: Vec<f64>,
}

impl Reading {
    /// Prepares to read at rising levels.
    #[must_use]
    pub fn new(levels: &[f64]) -> Self {
        Self { levels: levels.to_vec(), scores: levels.iter().map(|level| normal_quantile(*level)).collect() }
    }

    /// The quantiles of outcomes with weights, which get sorted, without those that count next to nothing; each comes from
    /// a candidate of which there are `times`. None where there is no outcome.
    #[must_use]
    pub fn read(&self, outcomes: &mut Vec<(f64, f64)>, times: usize) -> Option<Row> {
        let largest = outcomes.iter().map(|(_, weight)| *weight).reduce(f64::max)?;
        outcomes.retain(|(_, weight)| *weight >= NEGLIGIBLE * largest);
        outcomes.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let weights: Vec<f64> = outcomes.iter().map(|(_, weight)| *weight).collect();
        let total: f64 = weights.iter().sum();
        let count = effective(&weights) / times as f64;
        let middle = outcomes.iter().map(|(value, weight)| value * weight).sum::<f64>() / total;
        let squares = outcomes.iter().map(|(value, weight)| weight * (value - middle) * (value - middle)).sum::<f64>();
        let deviation = (squares / total).sqrt();
        let median = quantiles_of_weighted(outcomes, &[0.5])[0];
        let own = count / (count + EVEN_SAMPLE);
        let sample = quantiles_of_weighted(outcomes, &self.levels);
        let mixed = |(value, score): (f64, &f64)| own * value + (1.0 - own) * (median + score * deviation);
        Some(Row { median, quantiles: sample.into_iter().zip(&self.scores).map(mixed).collect() })
    }
}

/// The quantiles of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The median.
    pub median: f64,
    /// One per level, rising.
    pub quantiles: Vec<f64>,
}

impl Row {
    /// The same, with `times` the distances from the median.
    pub fn widened(&self, times: f64) -> impl Iterator<Item = f64> {
        self.quantiles.iter().map(move |value| self.median + times * (value - self.median))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_sample_is_read_and_a_small_one_leans_on_the_normal_distribution() {
        let reading = Reading::new(&[0.1, 0.5, 0.9]);
        let mut even: Vec<(f64, f64)> = (0..4_000).map(|at| (f64::from(at) / 4_000.0, 1.0)).collect();
        let row = reading.read(&mut even, 1).expect("outcomes");
        for (value, level) in row.quantiles.iter().zip([0.1, 0.5, 0.9]) {
            assert!((value - level).abs() < 0.01, "{row:?}");
        }
        let few = reading.read(&mut vec![(0.0, 1.0), (1.0, 1.0)], 1).expect("outcomes");
        assert!(few.quantiles[0] < 0.0 && few.quantiles[2] > 1.0 && few.median == 0.5, "{few:?}");
        assert_eq!(reading.read(&mut Vec::new(), 1), None);
    }

    #[test]
    fn equal_outcomes_have_no_width_and_widening_keeps_the_median() {
        let reading = Reading::new(&[1e-9, 0.5, 0.99]);
        assert_eq!(reading.read(&mut vec![(0.25, 1.0); 9], 1).map(|row| row.quantiles), Some(vec![0.25; 3]));
        let row = Row { median: 1.0, quantiles: vec![0.0, 1.0, 3.0] };
        assert_eq!(row.widened(2.0).collect::<Vec<_>>(), [-1.0, 1.0, 5.0]);
    }
}
