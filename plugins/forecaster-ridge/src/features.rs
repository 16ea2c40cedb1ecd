//! What level and shape were at any time, seen from any time.
//!
//! The shape is the median of the same phase in the latest cycles; the level's news are the values' departures from it.
//! Both may be stale, flat or shifted: the features say by how much, as distances from the shape.

use crate::shift::rebase;
use forewarm_sdk::numerics::stats;

/// Cycles whose median is the shape.
const SHAPE_CYCLES: usize = 7;
/// Cycles whose mean is the slow level.
const SLOW_CYCLES: usize = 7;
/// Steps of the quick level.
const QUICK_STEPS: usize = 3;
/// Steps of a cycle of the level where there is no season.
const STEPS_WITHOUT_SEASON: usize = 24;
/// Features that every series has, the constant being the first.
const COMMON: usize = 8;
/// Features for each further season.
const PER_SEASON: usize = 3;

/// A history with its shape and level.
#[derive(Debug, Clone)]
pub struct View {
    values: Vec<f64>,
    /// The shortest season, 1 for none.
    period: usize,
    /// The further seasons.
    longer: Vec<usize>,
    /// Steps of a cycle of the level.
    cycle: usize,
    /// The shape at each step as it was known one period before, to one period past the end.
    shape: Vec<f64>,
    departures: Vec<f64>,
    sums_of_values: Vec<f64>,
    sums_of_departures: Vec<f64>,
}

impl View {
    /// Looks at values without gaps with `seasons`, shortest first. What lies before a shift of the level is moved along.
    #[must_use]
    pub fn new(mut values: Vec<f64>, seasons: &[usize]) -> Self {
        let period = seasons.first().copied().unwrap_or(1);
        let longer = seasons.iter().skip(1).copied().collect();
        let cycle = if period > 1 { period } else { STEPS_WITHOUT_SEASON };
        let mut shape = shape_of(&values, period);
        if rebase(&mut values, &shape, period, cycle) {
            shape = shape_of(&values, period);
        }
        let departures: Vec<f64> =
            values.iter().zip(&shape).enumerate().map(|(at, (z, s))| if at < period { 0.0 } else { z - s }).collect();
        let (sums_of_values, sums_of_departures) = (sums(&values), sums(&departures));
        Self { values, period, longer, cycle, shape, departures, sums_of_values, sums_of_departures }
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// The shortest season, 1 for none.
    #[must_use]
    pub fn period(&self) -> usize {
        self.period
    }

    /// The value at an index.
    #[must_use]
    pub fn value(&self, at: usize) -> f64 {
        self.values[at]
    }

    /// The range of the values, widened by a share of it at both ends.
    #[must_use]
    pub fn range(&self, share: f64) -> (f64, f64) {
        let low = self.values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let beyond = share * (high - low);
        (low - beyond, high + beyond)
    }

    /// How many features a row has, the constant included.
    #[must_use]
    pub fn width(&self) -> usize {
        COMMON + PER_SEASON * self.longer.len()
    }

    /// The fewest known values that features can be read from.
    #[must_use]
    pub fn first(&self) -> usize {
        let longest = self.longer.last().copied().unwrap_or(self.period);
        longest + self.period
    }

    /// The shape at the step `ahead` of the `known` first values.
    #[must_use]
    pub fn shape(&self, known: usize, ahead: usize) -> f64 {
        self.shape[latest(known, ahead, self.period) + self.period]
    }

    /// Writes the features of the step `ahead` (from 1) of the `known` first values, at least [`View::first`] of them.
    pub fn features(&self, known: usize, ahead: usize, out: &mut Vec<f64>) {
        let shape = self.shape(known, ahead);
        let last = latest(known, ahead, self.period);
        let cycles_before = |cycles: usize| self.values[last.checked_sub(cycles * self.period).unwrap_or(last)];
        out.clear();
        out.push(1.0);
        out.push(cycles_before(0) - shape);
        out.push((cycles_before(0) + cycles_before(1) + cycles_before(2)) / 3.0 - shape);
        out.push(self.departures[known - 1]);
        out.push(mean(&self.sums_of_departures, known, QUICK_STEPS));
        out.push(mean(&self.sums_of_departures, known, self.cycle));
        out.push(mean(&self.sums_of_values, known, self.cycle) - shape);
        out.push(mean(&self.sums_of_values, known, SLOW_CYCLES * self.cycle) - shape);
        for season in &self.longer {
            let last = latest(known, ahead, *season);
            out.push(self.values[last] - shape);
            out.push(self.values[last.checked_sub(*season).unwrap_or(last)] - shape);
            out.push(self.departures[last]);
        }
    }
}

/// Which of the `seasons`, shortest first and each covered twice, `count` values are enough for: a longer one needs some
/// cycles of the shortest beside two of its own.
#[must_use]
pub fn usable(seasons: &[usize], count: usize) -> Vec<usize> {
    let shortest = seasons.first().copied().unwrap_or(1);
    let enough = |season: &usize| *season == shortest || count >= 2 * season + 3 * shortest;
    seasons.iter().copied().filter(enough).collect()
}

/// The latest of the `known` first values that lies a whole number of periods before the step `ahead` of them.
fn latest(known: usize, ahead: usize, period: usize) -> usize {
    known + ahead - 1 - ahead.div_ceil(period) * period
}

/// The mean of the latest `steps` of the `known` first values, from their running sums.
fn mean(sums: &[f64], known: usize, steps: usize) -> f64 {
    let from = known.saturating_sub(steps);
    (sums[known] - sums[from]) / (known - from).max(1) as f64
}

fn sums(values: &[f64]) -> Vec<f64> {
    let running = values.iter().scan(0.0, |sum, value| {
        *sum += value;
        Some(*sum)
    });
    std::iter::once(0.0).chain(running).collect()
}

/// The median of the same phase in the cycles before each step, to one period past the end; the values themselves in the
/// first period.
fn shape_of(values: &[f64], period: usize) -> Vec<f64> {
    let mut same_phase = Vec::with_capacity(SHAPE_CYCLES);
    let mut at = |step: usize| {
        if step < period {
            return values.get(step).copied().unwrap_or(0.0);
        }
        same_phase.clear();
        same_phase.extend((1..=(step / period).min(SHAPE_CYCLES)).map(|cycles| values[step - cycles * period]));
        same_phase.sort_unstable_by(f64::total_cmp);
        stats::quantile_of_sorted(&same_phase, 0.5)
    };
    (0..values.len() + period).map(&mut at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(view: &View, known: usize, ahead: usize) -> Vec<f64> {
        let mut out = Vec::new();
        view.features(known, ahead, &mut out);
        assert_eq!(out.len(), view.width());
        out
    }

    #[test]
    fn a_repeating_series_departs_from_nothing() {
        let view = View::new((0..20 * 24).map(|at| f64::from(at % 24)).collect(), &[24, 168]);
        for ahead in [1, 7, 24, 25, 60] {
            assert_eq!(view.shape(480, ahead), ((480 + ahead - 1) % 24) as f64);
            let row = features(&view, 480, ahead);
            assert!([1, 2, 3, 4, 5, 8, 9, 10].iter().all(|index| row[*index] == 0.0), "{ahead}: {row:?}");
        }
    }

    #[test]
    fn a_shift_of_the_level_is_seen_in_the_departures() {
        let shifted = |at: usize| (at % 24) as f64 + if at >= 476 { 100.0 } else { 0.0 };
        let view = View::new((0..480).map(shifted).collect(), &[24]);
        let row = features(&view, 480, 24);
        assert_eq!((row[3], row[4], row[5]), (100.0, 100.0, 100.0 / 6.0));
    }

    #[test]
    fn nothing_is_seen_of_the_future() {
        let values: Vec<f64> = (0..600).map(|at| f64::from((at * 37) % 101)).collect();
        let mut changed = values.clone();
        changed[400..].fill(-1e6);
        let (view, other) = (View::new(values, &[24, 168]), View::new(changed, &[24, 168]));
        for ahead in [1, 24, 30, 72, 180] {
            assert_eq!(features(&view, 400, ahead), features(&other, 400, ahead));
            assert_eq!(view.shape(400, ahead), other.shape(400, ahead));
        }
    }

    #[test]
    fn a_week_needs_more_than_two_weeks() {
        assert_eq!(usable(&[24, 168], 400), [24]);
        assert_eq!(usable(&[24, 168], 408), [24, 168]);
        assert_eq!(usable(&[], 408), [0; 0]);
    }

    #[test]
    fn without_a_season_the_shape_is_the_recent_median() {
        let view = View::new((0..40).map(f64::from).collect(), &[]);
        assert_eq!((view.period(), view.width(), view.shape(40, 5)), (1, 8, 36.0));
    }
}
