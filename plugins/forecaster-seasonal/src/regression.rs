//! Fits one ridge regression and one spread per horizon.
//!
//! The Gram matrix of the features that all horizons share is computed once per group of horizons; only the few
//! features and the target that belong to a horizon are added for each. Rows are taken block by block, so that fitting
//! needs little memory beside the history.

use crate::features::{LEADING, Layout, Running, Term};
use crate::history::History;
use crate::ridge;
use crate::scale::{self, Scale};
use crate::spread::{Place, Spread};
use forewarm_sdk::kernels::{axpy, dot, gram};
use serde::{Deserialize, Serialize};

/// The horizons that get a regression of their own, with the rows between two that are used; others are interpolated.
const GROUPS: [(&[usize], usize); 3] = [
    (&[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60], 2),
    (&[90, 120, 180, 240], 4),
    (&[360, 480, 720, 1_080, 1_440], 6),
];
/// How many values a history has for each step of a stride.
const ROWS_PER_STRIDE: usize = 3_000;
/// Rows per block.
const BLOCK: usize = 256;
/// The fewest rows that a horizon is fitted on.
pub const ROWS_MIN: usize = 40;
/// Weight of persistence against the data, per row and once.
const STRENGTH: f64 = 1e-3;
const FLOOR: f64 = 1.0;
/// How far outside the fitted range a level is strange, as a share of the range's width.
const OUTSIDE: f64 = 0.25;

/// One horizon's regression and spread.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Horizon {
    steps: usize,
    /// Weights of the shared features, then of the horizon's own.
    weights: Vec<f64>,
    scale: Scale,
    spread: Spread,
}

/// The regressions of all horizons.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Regression {
    periods: Vec<usize>,
    horizons: Vec<Horizon>,
    /// The lowest and highest value that was fitted on.
    range: (f64, f64),
}

/// The columns of one block of rows.
struct Block {
    rows: usize,
    columns: Vec<f64>,
}

impl Block {
    fn new(width: usize) -> Self {
        Self { rows: 0, columns: vec![0.0; width * BLOCK] }
    }

    fn column(&self, index: usize) -> &[f64] {
        &self.columns[index * BLOCK..index * BLOCK + self.rows]
    }

    fn column_mut(&mut self, index: usize) -> &mut [f64] {
        &mut self.columns[index * BLOCK..index * BLOCK + self.rows]
    }

    fn put(&mut self, index: usize, row: usize, value: f64) {
        self.columns[index * BLOCK + row] = value;
    }
}

/// What is summed up for one horizon: its own features and the target, against all.
struct Sums {
    steps: usize,
    cross: Vec<f64>,
    own: Vec<f64>,
}

impl Regression {
    /// Fits all horizons that the history is long enough for; `None` when there are none.
    #[must_use]
    pub fn fit(history: &History, periods: &[usize], residual_memory: usize) -> Option<Self> {
        let count = history.values().len();
        let periods: Vec<usize> = periods.iter().copied().filter(|period| count >= 2 * period).collect();
        let layout = Layout::new(&periods);
        let means = Running::new(history.values(), &layout.repeated());
        let mut horizons = Vec::new();
        for (group, stride) in GROUPS {
            let first = layout.first().max(count / 10).min(180.max(layout.first()));
            let fitting: Vec<usize> = group.iter().copied().filter(|h| first + h + ROWS_MIN * 2 <= count).collect();
            for (steps, weights) in weights(history, &layout, &means, &fitting, first, thinned(stride, count)) {
                let rows = first.max((count - steps).saturating_sub(residual_memory));
                let errors = Errors { history, layout: &layout, means: &means, steps, weights: &weights };
                let scale = errors.scale(rows);
                let Some(spread) = Spread::new(&mut errors.pairs(&scale, rows)) else { continue };
                horizons.push(Horizon { steps, weights, scale, spread });
            }
        }
        let range = range(history.values(), (f64::INFINITY, f64::NEG_INFINITY));
        (!horizons.is_empty()).then_some(Self { periods, horizons, range })
    }

    /// The quantiles at `places` as seen from the end of the history, for every horizon with a regression of its own up
    /// to the first that reaches `horizon` steps. `values` holds at least one.
    ///
    /// A level that was never seen in fitting is taken as it is: weights say nothing about what lies outside.
    #[must_use]
    pub fn predict(&self, values: &[f32], horizon: usize, places: &[Place]) -> Vec<Row> {
        let layout = Layout::new(&self.periods);
        let at = values.len() - 1;
        let anchor = Term::ANCHOR.mean(values, at);
        let (strange, (low, high)) = (self.is_outside(anchor), self.widened(1.0));
        let difference = |term: Term| term.mean(values, at) - anchor;
        let mut features = vec![1.0, anchor];
        features.extend(layout.shared().into_iter().map(difference));
        let shared = features.len();
        let mut scaled = Vec::new();
        let needed = self.horizons.iter().take_while(|one| one.steps < horizon).count() + 1;
        let row = |one: &Horizon| {
            features.truncate(shared);
            features.extend(layout.own(one.steps).into_iter().map(difference));
            let predicted = anchor + dot(&features, &one.weights);
            let middle = if strange { anchor } else { predicted.clamp(low, high) };
            scaled.clear();
            scaled.extend(features.iter().enumerate().map(|(index, value)| scale::feature(index, *value, middle)));
            let scale = one.scale.at(&scaled);
            let quantiles = one.spread.at(middle, places).map(|error| middle + scale * error).collect();
            Row { steps: one.steps, middle, quantiles }
        };
        self.horizons.iter().take(needed).map(row).collect()
    }

    /// Whether a level lies clearly outside of what was fitted on.
    #[must_use]
    pub fn is_outside(&self, level: f64) -> bool {
        let (low, high) = self.widened(OUTSIDE);
        !(low..=high).contains(&level)
    }

    /// The fitted range, widened on both sides by a share of its width.
    fn widened(&self, share: f64) -> (f64, f64) {
        let (low, high) = self.range;
        let margin = (high - low) * share + 1e-6 * high.abs().max(low.abs());
        (low - margin, high + margin)
    }
}

/// The quantiles of one horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Steps ahead, from 1.
    pub steps: usize,
    /// The value that the quantiles lie around.
    pub middle: f64,
    /// One value per asked-for level.
    pub quantiles: Vec<f64>,
}

/// The range of some values and of a range before.
#[must_use]
pub fn range(values: &[f32], before: (f64, f64)) -> (f64, f64) {
    let wider = |(low, high): (f64, f64), value: &f32| (low.min(f64::from(*value)), high.max(f64::from(*value)));
    values.iter().fold(before, wider)
}

/// Of a short history more rows are used: neighbours say much the same, but there are few.
fn thinned(stride: usize, count: usize) -> usize {
    stride.min(count / ROWS_PER_STRIDE).max(1)
}

/// The weights of some horizons, from rows `first` on, every `stride`th.
fn weights(
    history: &History,
    layout: &Layout,
    means: &Running,
    horizons: &[usize],
    first: usize,
    stride: usize,
) -> Vec<(usize, Vec<f64>)> {
    let Some(longest) = horizons.iter().max() else { return Vec::new() };
    let values = history.values();
    let (shared, own) = (LEADING + layout.shared().len(), layout.own(1).len());
    let mut common = vec![0.0; shared * shared];
    let mut sums: Vec<Sums> = horizons
        .iter()
        .map(|steps| Sums {
            steps: *steps,
            cross: vec![0.0; (own + 1) * shared],
            own: vec![0.0; (own + 1) * (own + 1)],
        })
        .collect();
    let times: Vec<usize> = (first..values.len() - longest).rev().step_by(stride).collect();
    let (mut features, mut extra) = (Block::new(shared), Block::new(own + 1));
    for chunk in times.chunks(BLOCK) {
        features.rows = chunk.len();
        extra.rows = chunk.len();
        let anchors = fill_shared(&mut features, &layout.shared(), means, chunk);
        let columns: Vec<&[f64]> = (0..shared).map(|index| features.column(index)).collect();
        gram(&columns, &mut common);
        for sum in &mut sums {
            fill(&mut extra, 0, &layout.own(sum.steps), means, (chunk, &anchors));
            for (row, at) in chunk.iter().enumerate() {
                extra.put(own, row, f64::from(values[at + sum.steps]) - anchors[row]);
            }
            add(sum, &columns, &extra, own + 1);
        }
    }
    let rows = times.len() as f64;
    sums.iter().map(|sum| (sum.steps, solve(&common, sum, shared, own, rows))).collect()
}

fn add(sum: &mut Sums, columns: &[&[f64]], extra: &Block, own: usize) {
    for index in 0..own {
        let column = extra.column(index);
        for (other, shared) in columns.iter().enumerate() {
            sum.cross[index * columns.len() + other] += dot(column, shared);
        }
    }
    let own_columns: Vec<&[f64]> = (0..own).map(|index| extra.column(index)).collect();
    gram(&own_columns, &mut sum.own);
}

/// Puts the parts of the Gram matrix together and solves for one horizon's weights.
fn solve(common: &[f64], sum: &Sums, shared: usize, own: usize, rows: f64) -> Vec<f64> {
    let width = shared + own;
    let entry = |i: usize, j: usize| match (i.checked_sub(shared), j.checked_sub(shared)) {
        (None, None) => common[i * shared + j],
        (Some(i), None) => sum.cross[i * shared + j],
        (None, Some(j)) => sum.cross[j * shared + i],
        (Some(i), Some(j)) => sum.own[i * (own + 1) + j],
    };
    let gram: Vec<f64> = (0..width * width).map(|at| entry(at / width, at % width)).collect();
    let products: Vec<f64> = (0..width).map(|i| entry(i, width)).collect();
    ridge::solve(&gram, &products, rows, STRENGTH, FLOOR)
}

/// The errors of one horizon's predictions.
struct Errors<'a> {
    history: &'a History,
    layout: &'a Layout,
    means: &'a Running,
    steps: usize,
    weights: &'a [f64],
}

/// Rows between two errors that the spread and the scale are read from.
const SPREAD_STRIDE: usize = 3;
const SCALE_STRIDE: usize = 6;

impl Errors<'_> {
    /// Fits the scale of the errors, over the rows from `from` on.
    fn scale(&self, from: usize) -> Scale {
        let width = self.weights.len();
        let mut sums = vec![0.0; (width + 1) * (width + 1)];
        self.blocks(from, thinned(SCALE_STRIDE, self.history.values().len()), |block, _| {
            let columns: Vec<&[f64]> = (0..=width).map(|index| block.column(index)).collect();
            gram(&columns, &mut sums);
        });
        Scale::fit(&sums, width)
    }

    /// Pairs of a prediction and its error in units of the scale, over the rows from `from` on.
    fn pairs(&self, scale: &Scale, from: usize) -> Vec<(f32, f32)> {
        let (weights, typical) = scale.parts();
        let stride = thinned(SPREAD_STRIDE, self.history.values().len());
        let mut pairs = Vec::with_capacity((self.history.values().len() - from) / stride + 1);
        let mut scales = vec![0.0; BLOCK];
        self.blocks(from, stride, |block, errors| {
            scales[..block.rows].fill(typical);
            for (index, weight) in weights.iter().enumerate() {
                axpy(*weight, block.column(index), &mut scales);
            }
            for (row, error) in errors.iter().enumerate().filter(|(_, error)| !error.is_nan()) {
                pairs.push((block.column(1)[row] as f32, (error / scale.within(scales[row])) as f32));
            }
        });
        pairs
    }

    /// Walks over blocks of rows, each with the features of the scale and the size of the error as columns, and with
    /// the errors beside it. Where the target is missing the row is all zeros and its error NaN.
    fn blocks(&self, from: usize, stride: usize, mut each: impl FnMut(&Block, &[f64])) {
        let (layout, means, values) = (self.layout, self.means, self.history.values());
        let (terms, own_terms) = (layout.shared(), layout.own(self.steps));
        let (shared, width) = (LEADING + terms.len(), self.weights.len());
        let times: Vec<usize> = (from..values.len() - self.steps).rev().step_by(stride).collect();
        let (mut features, mut own, mut block) =
            (Block::new(shared), Block::new(width - shared), Block::new(width + 1));
        let (mut predicted, mut errors) = (vec![0.0; BLOCK], vec![0.0; BLOCK]);
        for chunk in times.chunks(BLOCK) {
            (features.rows, own.rows, block.rows) = (chunk.len(), chunk.len(), chunk.len());
            let anchors = fill_shared(&mut features, &terms, means, chunk);
            fill(&mut own, 0, &own_terms, means, (chunk, &anchors));
            predicted[..chunk.len()].copy_from_slice(&anchors);
            let column =
                |index: usize| index.checked_sub(shared).map_or_else(|| features.column(index), |i| own.column(i));
            for (index, weight) in self.weights.iter().enumerate() {
                axpy(*weight, column(index), &mut predicted);
            }
            for (row, at) in chunk.iter().enumerate() {
                let target = at + self.steps;
                let missing = self.history.is_missing(target);
                errors[row] = if missing { f64::NAN } else { f64::from(values[target]) - predicted[row] };
                block.put(width, row, if missing { 0.0 } else { errors[row].abs() });
            }
            for index in 0..width {
                let pairs = column(index).iter().zip(&predicted);
                for (to, (value, predicted)) in block.column_mut(index).iter_mut().zip(pairs) {
                    *to = scale::feature(index, *value, *predicted);
                }
            }
            for row in (0..chunk.len()).filter(|row| errors[*row].is_nan()) {
                (0..width).for_each(|index| block.put(index, row, 0.0));
            }
            each(&block, &errors[..chunk.len()]);
        }
    }
}

/// Fills the shared features of some times, and gives the recent level at each.
fn fill_shared(block: &mut Block, terms: &[Term], means: &Running, times: &[usize]) -> Vec<f64> {
    let (zeros, mut anchors) = (vec![0.0; times.len()], vec![0.0; times.len()]);
    means.write(Term::ANCHOR, times, &zeros, &mut anchors);
    block.column_mut(0).fill(1.0);
    block.column_mut(1).copy_from_slice(&anchors);
    fill(block, LEADING, terms, means, (times, &anchors));
    anchors
}

/// Fills the columns from `first` on with the differences of some terms from the recent levels.
fn fill(block: &mut Block, first: usize, terms: &[Term], means: &Running, (times, anchors): (&[usize], &[f64])) {
    for (index, term) in terms.iter().enumerate() {
        means.write(*term, times, anchors, block.column_mut(first + index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(count: u32, value: impl Fn(f64) -> f64) -> History {
        let values: Vec<f64> = (0..count).map(|step| value(f64::from(step))).collect();
        History::new(20_160, &values).expect("not all missing")
    }

    /// The median for each of the regression's horizons, in the history's own unit.
    fn medians(history: &History, periods: &[usize]) -> Vec<(usize, f64)> {
        let regression = Regression::fit(history, periods, 14_400).expect("long enough");
        let rows = regression.predict(history.values(), 2_000, &[Place::of(0.5)]);
        rows.iter().map(|row| (row.steps, row.quantiles[0] * history.scale())).collect()
    }

    #[test]
    fn a_daily_profile_is_foreseen() {
        let law = |step: f64| 100.0 + 50.0 * (step / 1_440.0 * std::f64::consts::TAU).sin();
        for (steps, median) in medians(&history(4 * 1_440, law), &[1_440]) {
            let expected = law(f64::from(4 * 1_440 - 1 + u32::try_from(steps).expect("small")));
            assert!((median - expected).abs() < 2.0, "{steps}: {median} for {expected}");
        }
    }

    #[test]
    fn a_constant_stays_what_it_is() {
        for (steps, median) in medians(&history(500, |_| 7.0), &[1_440]) {
            assert!((median - 7.0).abs() < 1e-5, "{steps}: {median}");
        }
    }

    #[test]
    fn too_short_a_history_has_no_regression() {
        assert!(Regression::fit(&history(30, |step| step), &[1_440], 14_400).is_none());
    }
}
