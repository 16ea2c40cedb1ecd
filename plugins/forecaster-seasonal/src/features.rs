//! What a prediction is made from: recent levels, and the level around the same time one period ago.
//!
//! Every feature but the last two is a difference from the recent level, so that a model without weights predicts that
//! level: shrinking weights leads towards persistence, not towards zero.

/// Windows of the recent levels, in steps.
const WINDOWS: [usize; 5] = [1, 10, 30, 60, 180];
/// Window of the recent level itself.
const ANCHOR: usize = 3;
/// Features that do not depend on the horizon and on seasons: the windows, the level and the constant.
const PLAIN: usize = WINDOWS.len() + 2;
/// Features that a season adds for every horizon.
const PER_HORIZON: usize = 2;
/// Features that a season adds once.
const PER_SEASON: usize = 2;

/// Which features there are, for given seasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    seasons: Vec<Season>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Season {
    period: usize,
    /// Half the widths of the windows around the same time one period ago.
    narrow: usize,
    wide: usize,
    /// Window of the level one period ago.
    long: usize,
}

/// Means over windows of the values, for one series.
pub trait Means {
    /// The mean of the `window` values that end at `at`, fewer at the beginning.
    fn mean(&self, at: usize, window: usize) -> f64;
}

/// Means by summing up: for a few times.
pub struct Summed<'a>(pub &'a [f32]);

impl Means for Summed<'_> {
    fn mean(&self, at: usize, window: usize) -> f64 {
        let from = (at + 1).saturating_sub(window);
        let part = &self.0[from..=at];
        let (blocks, rest) = part.as_chunks::<8>();
        let mut lanes = [0.0_f64; 8];
        for block in blocks {
            for lane in 0..8 {
                lanes[lane] += f64::from(block[lane]);
            }
        }
        let sum: f64 = lanes.iter().sum::<f64>() + rest.iter().map(|value| f64::from(*value)).sum::<f64>();
        sum / part.len() as f64
    }
}

/// Means by differences of running sums: for many times.
pub struct Running(Vec<f64>);

impl Running {
    /// Sums up all values once.
    #[must_use]
    pub fn new(values: &[f32]) -> Self {
        let mut sums = Vec::with_capacity(values.len() + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for value in values {
            sum += f64::from(*value);
            sums.push(sum);
        }
        Self(sums)
    }
}

impl Means for Running {
    fn mean(&self, at: usize, window: usize) -> f64 {
        let from = (at + 1).saturating_sub(window);
        (self.0[at + 1] - self.0[from]) / (at + 1 - from) as f64
    }
}

impl Layout {
    /// The layout for seasons of these periods, in steps.
    #[must_use]
    pub fn new(periods: &[usize]) -> Self {
        let share = |period: usize, part: usize| (period * part / 1_440).max(1);
        let season = |period: &usize| {
            // A week's profile is as sharp as a day's, hence windows by the shortest period.
            let base = periods.iter().copied().min().unwrap_or(*period);
            Season {
                period: *period,
                narrow: (share(base, 5) - 1) / 2,
                wide: share(base, 30) / 2,
                long: share(base, 60),
            }
        };
        Self { seasons: periods.iter().map(season).collect() }
    }

    /// How many features do not depend on the horizon.
    #[must_use]
    pub fn shared(&self) -> usize {
        PLAIN + PER_SEASON * self.seasons.len()
    }

    /// How many features there are.
    #[must_use]
    pub fn width(&self) -> usize {
        self.shared() + PER_HORIZON * self.seasons.len()
    }

    /// The first time at which every feature is known: the longest period.
    #[must_use]
    pub fn first(&self) -> usize {
        self.seasons.iter().map(|season| season.period).max().unwrap_or(0)
    }

    /// The recent level at a time, from which features and predictions are differences.
    pub fn anchor(&self, means: &impl Means, at: usize) -> f64 {
        means.mean(at, ANCHOR)
    }

    /// Writes the features at a time that do not depend on the horizon.
    pub fn write_shared(&self, means: &impl Means, at: usize, anchor: f64, mut put: impl FnMut(usize, f64)) {
        put(0, 1.0);
        put(1, anchor);
        for (index, window) in WINDOWS.iter().enumerate() {
            put(2 + index, means.mean(at, *window) - anchor);
        }
        for (index, season) in self.seasons.iter().enumerate() {
            let then = at.saturating_sub(season.period);
            put(PLAIN + PER_SEASON * index, means.mean(then, 2 * season.narrow + 1) - anchor);
            put(PLAIN + PER_SEASON * index + 1, means.mean(then, season.long) - anchor);
        }
    }

    /// Writes the features at a time for one horizon, counted from zero.
    pub fn write_horizon(
        &self,
        means: &impl Means,
        at: usize,
        horizon: usize,
        anchor: f64,
        mut put: impl FnMut(usize, f64),
    ) {
        for (index, season) in self.seasons.iter().enumerate() {
            for (offset, half) in [season.narrow, season.wide].into_iter().enumerate() {
                // The same time one period ago, but nothing later than now. Beyond one period, two periods ago.
                let ahead = (horizon - 1) % season.period + 1 + half;
                let then = (at + ahead).saturating_sub(season.period).min(at);
                put(PER_HORIZON * index + offset, means.mean(then, 2 * half + 1) - anchor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_a_mean_agree() {
        let values: Vec<f32> = (0..300_u16).map(|step| f32::from(step % 37)).collect();
        let (summed, running) = (Summed(&values), Running::new(&values));
        for (at, window) in [(0, 1), (0, 10), (5, 3), (299, 180), (299, 500), (100, 17)] {
            assert!((summed.mean(at, window) - running.mean(at, window)).abs() < 1e-9, "{at} {window}");
        }
    }

    #[test]
    fn every_feature_is_written_once() {
        let values = vec![1.0_f32; 400];
        let layout = Layout::new(&[24, 168]);
        let (mut shared, mut own) = (vec![0; layout.shared()], vec![0; layout.width() - layout.shared()]);
        layout.write_shared(&Summed(&values), 399, 1.0, |index, _| shared[index] += 1);
        layout.write_horizon(&Summed(&values), 399, 200, 1.0, |index, _| own[index] += 1);
        assert!(shared.iter().chain(&own).all(|count| *count == 1));
    }

    #[test]
    fn the_same_time_one_period_ago_is_found() {
        let values: Vec<f32> = (0..100_u16).map(f32::from).collect();
        let layout = Layout::new(&[24]);
        let mut found = Vec::new();
        layout.write_horizon(&Summed(&values), 99, 5, 0.0, |_, value| found.push(value));
        assert_eq!(found, [80.0, 80.0]);
    }
}
