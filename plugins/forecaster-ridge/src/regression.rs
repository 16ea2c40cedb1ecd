//! One horizon's ridge regression of what came on what the features said, as distances from the shape: without evidence
//! the forecast is the shape.
//!
//! It goes for the least absolute error (by reweighting), since the middle of a forecast is a median. How strongly the
//! weights are drawn to zero is not chosen but averaged: strengths count by how well they did on blocks left out.

use crate::features::View;
use forewarm_sdk::kernels::{axpy, gram};
use forewarm_sdk::numerics::cholesky;
use serde::{Deserialize, Serialize};

/// The strengths, as weights of zero against one row's worth of evidence per row.
const STRENGTHS: [f64; 7] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
/// The strength while rows are reweighted.
const REWEIGHTING_STRENGTH: f64 = 0.1;
/// Times that rows are reweighted, and the least error that tells rows apart, in mean errors.
const REWEIGHTINGS: usize = 2;
const ERROR_MIN: f64 = 0.1;
/// The power of a strength's error that gives its weight.
const SELECTION: i32 = 30;
/// Blocks that are left out in turn.
const BLOCKS: usize = 5;
/// The most and the fewest rows of one regression.
const ROWS_MAX: usize = 1_200;
const ROWS_MIN: usize = 30;
/// A row counts half when it is this many cycles old, of a day or of as many steps without a season.
const HALF_LIFE_CYCLES: f64 = 14.0;
const STEPS_WITHOUT_SEASON: usize = 24;

/// The weights of the features for one horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weights(Vec<f64>);

impl Weights {
    /// The distance from the shape that features let expect.
    #[must_use]
    pub fn predict(&self, features: &[f64]) -> f64 {
        self.0.iter().zip(features).map(|(weight, feature)| weight * feature).sum()
    }
}

/// One outcome beside the forecast that was made without it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The index of the value that was forecast.
    pub target: usize,
    /// By how much the value lay above the forecast.
    pub error: f64,
    /// How much it counts: less the older it is.
    pub weight: f64,
}

/// Fits one horizon. `None` where there are too few rows.
#[must_use]
pub fn fit(view: &View, missing: &[bool], ahead: usize) -> Option<(Weights, Vec<Outcome>)> {
    let rows = Rows::new(view, missing, ahead)?;
    let emphasis = rows.reweighted();
    let blocks = rows.grams(&emphasis);
    let whole = total(&blocks);
    let mut tried: Vec<(f64, Vec<f64>, Vec<f64>)> = Vec::with_capacity(STRENGTHS.len());
    for strength in STRENGTHS {
        let errors = rows.errors_left_out(&blocks, &whole, strength);
        let weights = solve(&whole, rows.width(), strength);
        tried.push((rows.mean_error(&errors), weights, errors));
    }
    let least = tried.iter().map(|(error, ..)| *error).fold(f64::INFINITY, f64::min);
    let shares: Vec<f64> = tried.iter().map(|(error, ..)| share(least, *error)).collect();
    let all: f64 = shares.iter().sum();
    let mut weights = vec![0.0; rows.width()];
    let mut errors = vec![0.0; rows.count()];
    for (share, (_, some, off)) in shares.iter().zip(&tried) {
        axpy(share / all, some, &mut weights);
        axpy(share / all, off, &mut errors);
    }
    Some((Weights(rows.unscaled(weights)), rows.outcomes(&errors)))
}

/// How much a strength counts: 1 for the best, steeply less for worse ones.
fn share(least: f64, error: f64) -> f64 {
    if error > least { (least / error).powi(SELECTION) } else { 1.0 }
}

/// The rows of a regression by column, features in units of their root mean square, the outcome last.
struct Rows {
    columns: Vec<Vec<f64>>,
    scales: Vec<f64>,
    targets: Vec<usize>,
    /// What each row counts for its age.
    weights: Vec<f64>,
}

impl Rows {
    fn new(view: &View, missing: &[bool], ahead: usize) -> Option<Self> {
        let last = view.count().checked_sub(ahead)?;
        let possible = (last + 1).checked_sub(view.first())?;
        let stride = stride(possible, view.period());
        let mut columns = vec![Vec::with_capacity(possible / stride + 1); view.width() + 1];
        let (mut targets, mut weights, mut features) = (Vec::new(), Vec::new(), Vec::new());
        let cycle = if view.period() > 1 { view.period() } else { STEPS_WITHOUT_SEASON };
        let half_life = HALF_LIFE_CYCLES * cycle as f64;
        for known in (view.first()..=last).rev().step_by(stride) {
            let target = known + ahead - 1;
            if missing.get(target).copied().unwrap_or(false) {
                continue;
            }
            view.features(known, ahead, &mut features);
            features.push(view.value(target) - view.shape(known, ahead));
            columns.iter_mut().zip(&features).for_each(|(column, feature)| column.push(*feature));
            targets.push(target);
            weights.push(libm::exp2(-((view.count() - target) as f64) / half_life));
        }
        if targets.len() < ROWS_MIN {
            return None;
        }
        let mut rows = Self { columns, scales: Vec::new(), targets, weights };
        rows.scale();
        Some(rows)
    }

    /// Brings the features to a root mean square of one; one that is always zero stays so.
    fn scale(&mut self) {
        let width = self.width();
        for column in self.columns.iter_mut().take(width) {
            let square = column.iter().map(|value| value * value).sum::<f64>() / column.len() as f64;
            let scale = if square > 0.0 { square.sqrt() } else { 1.0 };
            column.iter_mut().for_each(|value| *value /= scale);
            self.scales.push(scale);
        }
    }

    fn unscaled(&self, weights: Vec<f64>) -> Vec<f64> {
        weights.into_iter().zip(&self.scales).map(|(weight, scale)| weight / scale).collect()
    }

    fn width(&self) -> usize {
        self.columns.len() - 1
    }

    fn count(&self) -> usize {
        self.targets.len()
    }

    fn block(&self, index: usize) -> std::ops::Range<usize> {
        index * self.count() / BLOCKS..(index + 1) * self.count() / BLOCKS
    }

    /// The Gram matrix of each block, rows counting by `emphasis`.
    fn grams(&self, emphasis: &[f64]) -> Vec<Vec<f64>> {
        let roots: Vec<f64> = emphasis.iter().map(|weight| weight.sqrt()).collect();
        let weighted: Vec<Vec<f64>> =
            self.columns.iter().map(|column| column.iter().zip(&roots).map(|(x, root)| x * root).collect()).collect();
        let one = |block: usize| {
            let columns: Vec<&[f64]> = weighted.iter().map(|column| &column[self.block(block)]).collect();
            let mut out = vec![0.0; columns.len() * columns.len()];
            gram(&columns, &mut out);
            out
        };
        (0..BLOCKS).map(one).collect()
    }

    /// What each row counts for its age and, by least absolute instead of least squared errors, for its own error.
    fn reweighted(&self) -> Vec<f64> {
        let mut emphasis = self.weights.clone();
        let rows = 0..self.count();
        for _ in 0..REWEIGHTINGS {
            let weights = solve(&total(&self.grams(&emphasis)), self.width(), REWEIGHTING_STRENGTH);
            let errors = self.errors(&weights, rows.clone());
            let mean = errors.iter().map(|error| error.abs()).sum::<f64>() / errors.len() as f64;
            if mean <= 0.0 {
                break;
            }
            for ((emphasis, weight), error) in emphasis.iter_mut().zip(&self.weights).zip(&errors) {
                *emphasis = weight / (error.abs() / mean + ERROR_MIN);
            }
        }
        emphasis
    }

    /// How far the outcomes of some rows lie above what `weights` predict.
    fn errors(&self, weights: &[f64], rows: std::ops::Range<usize>) -> Vec<f64> {
        let mut errors = self.columns[self.width()][rows.clone()].to_vec();
        for (column, weight) in self.columns.iter().zip(weights) {
            axpy(-weight, &column[rows.clone()], &mut errors);
        }
        errors
    }

    /// The error of every row by weights that were fitted without its block.
    fn errors_left_out(&self, blocks: &[Vec<f64>], whole: &[f64], strength: f64) -> Vec<f64> {
        let one = |(index, block): (usize, &Vec<f64>)| {
            let rest: Vec<f64> = whole.iter().zip(block).map(|(all, own)| all - own).collect();
            self.errors(&solve(&rest, self.width(), strength), self.block(index))
        };
        blocks.iter().enumerate().flat_map(one).collect()
    }

    fn mean_error(&self, errors: &[f64]) -> f64 {
        errors.iter().zip(&self.weights).map(|(error, weight)| error.abs() * weight).sum()
    }

    fn outcomes(&self, errors: &[f64]) -> Vec<Outcome> {
        let all = self.targets.iter().zip(errors).zip(&self.weights);
        all.map(|((target, error), weight)| Outcome { target: *target, error: *error, weight: *weight }).collect()
    }
}

/// The stride at which at most [`ROWS_MAX`] of the rows are seen, at every phase of the season.
fn stride(possible: usize, period: usize) -> usize {
    let shares_a_factor =
        |stride: usize| (2..=stride).any(|factor| stride.is_multiple_of(factor) && period.is_multiple_of(factor));
    let least = possible.div_ceil(ROWS_MAX).max(1);
    (least..).find(|stride| !shares_a_factor(*stride)).unwrap_or(1)
}

fn total(blocks: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = vec![0.0; blocks.first().map_or(0, Vec::len)];
    blocks.iter().for_each(|block| axpy(1.0, block, &mut sum));
    sum
}

/// Solves for the weights of `width` features from the Gram matrix of them and the outcome; zeros where that fails. The
/// first feature is the constant: its square is what all rows count together, and it is drawn to zero more strongly.
fn solve(gram: &[f64], width: usize, strength: f64) -> Vec<f64> {
    let side = width + 1;
    let rows = gram[0];
    if rows <= 0.0 {
        return vec![0.0; width];
    }
    let mut matrix = vec![0.0; width * width];
    for i in 0..width {
        for j in 0..=i {
            matrix[i * width + j] = gram[i * side + j] / rows;
        }
        matrix[i * width + i] += if i == 0 { 2.0 * strength } else { strength };
    }
    let right = (0..width).map(|i| gram[i * side + width] / rows).collect();
    cholesky::solve(&mut matrix, right).unwrap_or_else(|| vec![0.0; width])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise within -1 and 1: the mixing of SplitMix64.
    fn noise(at: usize) -> f64 {
        let mut mixed = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed >> 40) as f64 / f64::from(1 << 23) - 1.0
    }

    fn fitted(count: usize, value: impl Fn(usize) -> f64, ahead: usize) -> Option<(Weights, Vec<Outcome>)> {
        fit(&View::new((0..count).map(value).collect(), &[24]), &[], ahead)
    }

    #[test]
    fn white_noise_is_forecast_by_its_middle() {
        let (weights, outcomes) = fitted(700, noise, 5).expect("enough rows");
        let mean = outcomes.iter().map(|outcome| outcome.error.abs()).sum::<f64>() / outcomes.len() as f64;
        assert!(mean < 0.56, "the best is 0.5: {mean}");
        assert!(weights.predict(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]).abs() < 0.2, "{weights:?}");
    }

    #[test]
    fn a_level_that_lasts_is_followed_one_step_ahead_and_less_so_later() {
        let mut level = 0.0;
        let values: Vec<f64> = (0..800)
            .map(|at| {
                level = 0.95 * level + noise(at);
                level
            })
            .collect();
        let last = |ahead: usize| {
            let (weights, _) = fitted(800, |at| values[at], ahead).expect("enough rows");
            weights.predict(&[0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0])
        };
        assert!(last(1) > 0.6 && last(24) < last(1), "{} {}", last(1), last(24));
    }

    #[test]
    fn missing_outcomes_are_no_rows_and_few_rows_are_none() {
        let view = View::new((0..200).map(noise).collect(), &[24]);
        let mut missing = vec![false; 200];
        missing[100..150].fill(true);
        let (_, outcomes) = fit(&view, &missing, 1).expect("enough rows");
        assert!(outcomes.iter().all(|outcome| !(100..150).contains(&outcome.target)));
        assert_eq!(outcomes.len(), 200 - 48 - 50);
        assert_eq!(fitted(77, noise, 1), None);
        assert_eq!(fitted(100, noise, 101), None);
    }

    #[test]
    fn long_histories_are_seen_at_every_phase() {
        for (possible, period) in [(20_000, 1_440), (1_201, 24), (500, 24), (19_000, 7)] {
            let stride = stride(possible, period);
            assert!(possible / stride <= ROWS_MAX, "{possible}");
            let phases: std::collections::BTreeSet<usize> = (0..period).map(|row| row * stride % period).collect();
            assert_eq!(phases.len(), period);
        }
    }
}
