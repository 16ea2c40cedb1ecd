//! The spread of the outcomes around a prediction: quantiles of the model's own latest errors, apart for low and high
//! predictions, since most loads scatter more when they are high.

use serde::{Deserialize, Serialize};

/// The levels at which quantiles are kept; asked-for levels are interpolated between them.
pub const LEVELS: [f64; 35] = [
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6,
    0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.965, 0.975, 0.985, 0.99, 0.995, 0.9975, 0.999, 0.9997,
];
/// The most groups of predictions that are told apart.
const BINS_MAX: usize = 10;
/// The fewest errors that a group's quantiles are read from.
const BIN_ROWS_MIN: usize = 100;

/// How much a short sample is widened, in pairs.
const SHORTNESS: f32 = 20.0;

/// Where an asked-for level lies among [`LEVELS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    index: usize,
    share: f64,
}

impl Place {
    /// Finds a level; those beyond the outermost ones are taken as these.
    #[must_use]
    pub fn of(level: f64) -> Self {
        let after = LEVELS.partition_point(|known| *known <= level);
        if after == 0 {
            return Self { index: 0, share: 0.0 };
        }
        let index = (after - 1).min(LEVELS.len() - 2);
        let share = (level - LEVELS[index]) / (LEVELS[index + 1] - LEVELS[index]);
        Self { index, share: share.clamp(0.0, 1.0) }
    }
}

/// The quantiles of the errors, by group of predictions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle prediction of each group, rising.
    centres: Vec<f32>,
    /// One row per group, one column per level.
    quantiles: Vec<f32>,
}

impl Spread {
    /// Reads the quantiles off pairs of a prediction and its error. `None` when there are no pairs.
    #[must_use]
    pub fn new(pairs: &mut [(f32, f32)]) -> Option<Self> {
        if pairs.is_empty() {
            return None;
        }
        // A short sample has not seen its tails: it is widened, by 2% for 1,000 pairs.
        let widened = 1.0 + SHORTNESS / pairs.len() as f32;
        let bins = (pairs.len() / BIN_ROWS_MIN).clamp(1, BINS_MAX);
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut spread = Self { centres: Vec::new(), quantiles: Vec::new() };
        let mut errors = Vec::with_capacity(pairs.len() / bins + 1);
        for bin in 0..bins {
            let group = &pairs[bin * pairs.len() / bins..(bin + 1) * pairs.len() / bins];
            errors.clear();
            errors.extend(group.iter().map(|pair| pair.1));
            errors.sort_unstable_by(f32::total_cmp);
            spread.centres.push(group[group.len() / 2].0);
            spread.quantiles.extend(LEVELS.iter().map(|level| quantile(&errors, *level) * widened));
        }
        Some(spread)
    }

    /// The quantiles of the error for one prediction, between the two groups it lies between, at `places`.
    pub fn at<'a>(&'a self, prediction: f64, places: &'a [Place]) -> impl Iterator<Item = f64> + 'a {
        let after = self.centres.partition_point(|centre| f64::from(*centre) <= prediction);
        let low = after.saturating_sub(1);
        let high = after.min(self.centres.len() - 1);
        let (from, to) = (f64::from(self.centres[low]), f64::from(self.centres[high]));
        let share = if to > from { ((prediction - from) / (to - from)).clamp(0.0, 1.0) } else { 0.0 };
        let row = |bin: usize| &self.quantiles[bin * LEVELS.len()..(bin + 1) * LEVELS.len()];
        let (low, high) = (row(low), row(high));
        let one = |row: &[f32], place: &Place| {
            let (a, b) = (f64::from(row[place.index]), f64::from(row[place.index + 1]));
            a + (b - a) * place.share
        };
        places.iter().map(move |place| {
            let (a, b) = (one(low, place), one(high, place));
            a + (b - a) * share
        })
    }
}

/// The `level`-quantile of sorted errors, linear between neighbours.
fn quantile(sorted: &[f32], level: f64) -> f32 {
    let position = level * (sorted.len() - 1) as f64;
    let index = position as usize;
    let next = sorted[(index + 1).min(sorted.len() - 1)];
    sorted[index] + (next - sorted[index]) * (position - index as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_placed_and_outer_ones_held() {
        for level in [0.001, 0.3, 0.31, 0.5, 0.9997] {
            let place = Place::of(level);
            let back = LEVELS[place.index] + (LEVELS[place.index + 1] - LEVELS[place.index]) * place.share;
            assert!((back - level).abs() < 1e-12, "{level}");
        }
        assert_eq!(Place::of(1e-9), Place { index: 0, share: 0.0 });
        assert_eq!(Place::of(0.999_999), Place { index: LEVELS.len() - 2, share: 1.0 });
    }

    #[test]
    fn high_predictions_have_their_own_spread() {
        let mut pairs: Vec<(f32, f32)> = (0..1_200_u16)
            .map(|row| {
                let high = row % 2 == 1;
                let error = f32::from(row / 2 % 101) / 50.0 - 1.0;
                (
                    if high { 10.0 + f32::from(row) * 1e-4 } else { f32::from(row) * 1e-4 },
                    error * if high { 5.0 } else { 1.0 },
                )
            })
            .collect();
        let spread = Spread::new(&mut pairs).expect("pairs");
        let places = [Place::of(0.05), Place::of(0.5), Place::of(0.95)];
        let low: Vec<f64> = spread.at(-3.0, &places).collect();
        let high: Vec<f64> = spread.at(30.0, &places).collect();
        assert!((low[2] - 0.9).abs() < 0.1 && (high[2] - 4.5).abs() < 0.5, "{low:?} {high:?}");
        assert!(low[0] < low[1] && low[1] < low[2]);
    }

    #[test]
    fn few_pairs_make_one_group_and_none_make_none() {
        assert!(Spread::new(&mut []).is_none());
        let spread = Spread::new(&mut [(1.0, -1.0), (2.0, 1.0)]).expect("pairs");
        assert_eq!(spread.at(5.0, &[Place::of(0.5)]).collect::<Vec<_>>(), [0.0]);
    }
}
