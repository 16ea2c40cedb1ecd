//! Honest intervals: how far a method's own forecasts of its past lay off, by steps ahead and time of the season, and
//! the distribution of these errors.

use super::shape::Shape;
use serde::{Deserialize, Serialize};

/// The most parts of a season whose sizes of error are told apart.
const PHASES_MAX: usize = 48;
/// A part of the season whose errors were seen in this many cycles counts half, and all errors together the other half.
const EVEN_CYCLES: f64 = 8.0;
/// The bounds of a part's size of error, relative to that of all.
const PHASE_BOUNDS: (f64, f64) = (0.2, 4.0);
/// The most errors that the shape is read from.
const SHAPE_SAMPLE_MAX: usize = 2_000;
/// Beyond the last measured step errors grow with at most this power of time: that of a random walk.
const GROWTH_MAX: f64 = 0.5;

/// One forecast and its outcome.
#[derive(Debug, Clone, Copy)]
struct Row {
    ahead: u32,
    phase: u32,
    error: f64,
}

/// Errors as they are collected.
#[derive(Debug)]
pub struct ErrorLog {
    period: usize,
    rows: Vec<Row>,
}

impl ErrorLog {
    /// Begins a log for a series with a season of `period` steps; 1 for none.
    #[must_use]
    pub fn new(period: usize) -> Self {
        Self { period: period.max(1), rows: Vec::new() }
    }

    /// Notes how far the outcome at index `target` lay above its forecast `ahead` steps earlier.
    pub fn note(&mut self, ahead: usize, target: usize, error: f64) {
        self.rows.push(Row { ahead: ahead as u32, phase: phase(target, self.period) as u32, error });
    }

    /// The most steps between a forecast and its outcome.
    fn farthest(&self) -> usize {
        self.rows.iter().map(|row| row.ahead as usize).max().unwrap_or(0)
    }

    /// Makes the spread of the errors. `cycles` says how many seasons they span and `count` how many of them are
    /// independent; few lean on `prior`, the size of error that is expected without evidence. All sizes are widened by
    /// `inflation`, for parameters that were fitted to the same values.
    #[must_use]
    pub fn spread(self, cycles: f64, count: f64, prior: f64, inflation: f64) -> Spread {
        let evidence = 1.0 - 1.0 / (1.0 + (count / 4.0) * (count / 4.0));
        let reaches = reaches(&self, |size| inflation * (evidence * size + (1.0 - evidence) * prior), prior);
        let mut spread = Spread {
            growth: growth(&reaches),
            reaches,
            period: self.period,
            phases: Vec::new(),
            shape: Shape::new(&mut [], 0.0),
        };
        let sizes: Vec<f64> = (0..=self.farthest()).map(|ahead| spread.measured(ahead)).collect();
        spread.phases = phases(&self, &sizes, cycles);
        let stride = self.rows.len().div_ceil(SHAPE_SAMPLE_MAX).max(1);
        // Neighbouring rows belong to one forecast: a stride that shares no factor with its length samples all steps.
        let sampled = self.rows.iter().step_by(stride | 1);
        let sized =
            sampled.map(|row| (row.error * inflation, sizes[row.ahead as usize] * spread.phase(row.phase as usize)));
        let mut sample: Vec<f64> = sized.filter(|(_, size)| *size > 0.0).map(|(error, size)| error / size).collect();
        spread.shape = Shape::new(&mut sample, count);
        spread
    }
}

/// The part of the season that an index falls into.
fn phase(target: usize, period: usize) -> usize {
    (target % period) * period.min(PHASES_MAX) / period
}

/// A standard deviation per mean absolute error of a normal distribution.
const DEVIATION: f64 = 1.253_314_137_315_5;

/// The size of the errors by steps ahead, from the mean absolute error of groups that get wider with the distance, made
/// to rise: the mean step of each group and the size there.
fn reaches(log: &ErrorLog, size: impl Fn(f64) -> f64, prior: f64) -> Vec<(f64, f64)> {
    let group_of: Vec<usize> =
        (0..=log.farthest()).map(|ahead| (libm::log2(ahead.max(1) as f64) * 3.0) as usize).collect();
    let mut groups = vec![(0.0, 0.0, 0.0); group_of.last().map_or(0, |last| last + 1)];
    for row in &log.rows {
        let group = &mut groups[group_of[row.ahead as usize]];
        *group = (group.0 + f64::from(row.ahead), group.1 + row.error.abs(), group.2 + 1.0);
    }
    let known = groups.iter().filter(|group| group.2 > 0.0);
    let found = known.map(|(ahead, error, count)| (ahead / count, size(DEVIATION * error / count), *count)).collect();
    let risen = rising(found);
    if risen.is_empty() { vec![(1.0, size(prior))] } else { risen }
}

/// Pools neighbours until the sizes rise (isotonic regression).
fn rising(groups: Vec<(f64, f64, f64)>) -> Vec<(f64, f64)> {
    let mut pools: Vec<(Vec<f64>, f64, f64)> = Vec::new();
    for (ahead, size, count) in groups {
        pools.push((vec![ahead], size, count));
        while let [.., before, last] = pools.as_mut_slice()
            && before.1 > last.1
        {
            let count = before.2 + last.2;
            before.1 = (before.1 * before.2 + last.1 * last.2) / count;
            before.2 = count;
            before.0.append(&mut last.0);
            pools.pop();
        }
    }
    pools.into_iter().flat_map(|(steps, size, _)| steps.into_iter().map(move |ahead| (ahead, size))).collect()
}

/// With which power of time the sizes rose over the last octave; that of a random walk where this was not seen.
fn growth(reaches: &[(f64, f64)]) -> f64 {
    let [.., (far, size)] = reaches else { return GROWTH_MAX };
    let half = reaches.iter().rev().find(|(ahead, _)| *ahead <= far / 2.0);
    let Some((near, before)) = half.filter(|(_, before)| *before > 0.0) else { return GROWTH_MAX };
    (libm::log(size / before) / libm::log(far / near)).clamp(0.0, GROWTH_MAX)
}

/// The sizes of the errors of each part of the season, relative to `sizes` by steps ahead.
fn phases(log: &ErrorLog, sizes: &[f64], cycles: f64) -> Vec<f64> {
    let parts = log.period.min(PHASES_MAX);
    if parts < 2 {
        return Vec::new();
    }
    let mut sums = vec![(0.0, 0.0); parts];
    for row in &log.rows {
        let size = sizes[row.ahead as usize];
        if size > 0.0 {
            let sum = &mut sums[row.phase as usize];
            *sum = (sum.0 + row.error.abs() / size, sum.1 + 1.0);
        }
    }
    let (total, count) = sums.iter().fold((0.0, 0.0), |all, sum| (all.0 + sum.0, all.1 + sum.1));
    if total <= 0.0 {
        return Vec::new();
    }
    let own = cycles / (cycles + EVEN_CYCLES);
    let relative = |(sum, known): &(f64, f64)| if *known > 0.0 { sum / known / (total / count) } else { 1.0 };
    sums.iter().map(|sum| (own * relative(sum) + 1.0 - own).clamp(PHASE_BOUNDS.0, PHASE_BOUNDS.1)).collect()
}

/// The spread of outcomes around a forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Steps ahead and the size of error there, both rising; at least one.
    reaches: Vec<(f64, f64)>,
    /// The power of time with which the size grows beyond the last of them.
    growth: f64,
    period: usize,
    /// Relative sizes by part of the season; empty where they do not differ.
    phases: Vec<f64>,
    shape: Shape,
}

impl Spread {
    /// The size of the error `ahead` steps on for the value at index `target`, a standard deviation of normal errors.
    #[must_use]
    pub fn size(&self, ahead: usize, target: usize) -> f64 {
        self.measured(ahead) * self.phase(phase(target, self.period))
    }

    /// The quantile of the errors at a level within (0, 1), in units of their size.
    #[must_use]
    pub fn quantile(&self, level: f64) -> f64 {
        self.shape.at(level)
    }

    fn phase(&self, phase: usize) -> f64 {
        self.phases.get(phase).copied().unwrap_or(1.0)
    }

    /// Between the measured steps linear, beyond them a power of time.
    fn measured(&self, ahead: usize) -> f64 {
        let ahead = ahead as f64;
        let after = self.reaches.partition_point(|(known, _)| *known < ahead);
        match (after.checked_sub(1).and_then(|before| self.reaches.get(before)), self.reaches.get(after)) {
            (None, Some((_, size))) => *size,
            (Some((from, low)), Some((to, high))) => low + (high - low) * (ahead - from) / (to - from),
            (Some((last, size)), None) => size * libm::pow(ahead / last, self.growth),
            (None, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(step: usize) -> f64 {
        ((step * 7_919 + step * step % 613 * 104_729) % 1_009) as f64 / 504.5 - 1.0
    }

    /// Errors whose size grows with the root of the distance and doubles in the second half of a season of 10.
    fn logged() -> Spread {
        let mut log = ErrorLog::new(10);
        for origin in 0..200 {
            for ahead in 1..=20 {
                let size = (ahead as f64).sqrt() * if (origin + ahead) % 10 < 5 { 1.0 } else { 2.0 };
                log.note(ahead, origin + ahead, size * noise(origin * 20 + ahead));
            }
        }
        log.spread(200.0, 200.0, 1.0, 1.0)
    }

    #[test]
    fn sizes_follow_distance_and_time_of_the_season() {
        let spread = logged();
        let growth = spread.size(16, 0) / spread.size(4, 0);
        assert!((1.7..2.3).contains(&growth), "{growth}");
        let ratio = spread.size(4, 7) / spread.size(4, 2);
        assert!((1.7..2.2).contains(&ratio), "{ratio}");
        let beyond = spread.size(80, 0) / spread.size(20, 0);
        assert!((1.6..2.1).contains(&beyond), "{beyond}");
    }

    #[test]
    fn quantiles_hold_their_share_of_the_errors() {
        let spread = logged();
        let inside = (0..2_000).filter(|at| {
            let (origin, ahead) = (at / 20, at % 20 + 1);
            let size = (ahead as f64).sqrt() * if (origin + ahead) % 10 < 5 { 1.0 } else { 2.0 };
            (size * noise(origin * 20 + ahead)).abs() <= spread.size(ahead, origin + ahead) * spread.quantile(0.95)
        });
        let inside = inside.count();
        assert!((1_700..1_900).contains(&inside), "{inside} of 2000 in the middle 90%");
    }

    #[test]
    fn without_errors_the_prior_counts() {
        let spread = ErrorLog::new(1).spread(0.0, 0.0, 3.0, 1.0);
        assert_eq!(spread.size(1, 0), 3.0);
        assert_eq!(spread.size(4, 0), 6.0);
    }

    #[test]
    fn a_perfect_method_has_no_spread() {
        let mut log = ErrorLog::new(3);
        (0..600).for_each(|at| log.note(at % 6 + 1, at, 0.0));
        assert!(log.spread(100.0, 1e6, 0.0, 1.0).size(5, 1) < 1e-9);
    }
}
