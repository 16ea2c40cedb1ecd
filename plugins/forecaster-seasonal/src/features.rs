//! What a prediction is made from: recent levels, and the level around the same time one period ago.
//!
//! Every feature but the last two is a difference from the recent level, so that a model without weights predicts that
//! level: shrinking weights leads towards persistence, not towards zero.

/// Windows of the recent levels, in steps.
const WINDOWS: [usize; 8] = [1, 2, 6, 10, 20, 30, 60, 180];
/// Window of the recent level itself.
const ANCHOR: usize = 3;
/// How many features come before the differences: the constant and the level.
pub const LEADING: usize = 2;

/// The mean of `window` values, the last of them `back` steps ago; fewer values at the beginning of the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    back: usize,
    window: usize,
}

impl Term {
    /// The recent level, from which features and predictions are differences.
    pub const ANCHOR: Self = Self { back: 0, window: ANCHOR };

    /// The mean as seen from the value at `at`, by summing up: for a few times.
    #[must_use]
    pub fn mean(self, values: &[f32], at: usize) -> f64 {
        let end = (at + 1).saturating_sub(self.back).max(1);
        let part = &values[end.saturating_sub(self.window)..end];
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

/// Running sums of a series, for means at many times.
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

    /// Writes a term's mean as seen from each of `times`.
    pub fn write(&self, term: Term, times: &[usize], out: &mut [f64]) {
        let share = 1.0 / term.window as f64;
        for (out, at) in out.iter_mut().zip(times) {
            let end = (at + 1).saturating_sub(term.back).max(1);
            *out = match end.checked_sub(term.window) {
                Some(start) => (self.0[end] - self.0[start]) * share,
                None => self.0[end] / end as f64,
            };
        }
    }
}

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

impl Layout {
    /// The layout for seasons of these periods, in steps.
    #[must_use]
    pub fn new(periods: &[usize]) -> Self {
        let share = |period: usize, part: usize| (period * part / 1_440).max(1);
        let season = |period: &usize| {
            // A week's profile is as sharp as a day's, hence windows by the shortest period.
            let base = periods.iter().copied().min().unwrap_or(*period);
            let (narrow, wide) = ((share(base, 5) - 1) / 2, share(base, 30) / 2);
            Season { period: *period, narrow, wide, long: share(base, 60) }
        };
        Self { seasons: periods.iter().map(season).collect() }
    }

    /// The terms that all horizons share; each makes one feature, its difference from the recent level. The constant and
    /// the recent level come before them.
    #[must_use]
    pub fn shared(&self) -> Vec<Term> {
        let recent = WINDOWS.iter().map(|window| Term { back: 0, window: *window });
        let before = self.seasons.iter().flat_map(|season| {
            let term = |window| Term { back: season.period, window };
            [term(2 * season.narrow + 1), term(season.long)]
        });
        recent.chain(before).collect()
    }

    /// The terms that belong to one horizon, in steps from 1: the same time one period ago, but nothing later than now.
    /// Beyond one period it is the latest period at that time.
    #[must_use]
    pub fn own(&self, horizon: usize) -> Vec<Term> {
        let around = |season: &Season, half: usize| {
            let ahead = (horizon - 1) % season.period + 1 + half;
            Term { back: season.period.saturating_sub(ahead), window: 2 * half + 1 }
        };
        self.seasons.iter().flat_map(|season| [around(season, season.narrow), around(season, season.wide)]).collect()
    }

    /// The first time at which every feature is known: the longest period.
    #[must_use]
    pub fn first(&self) -> usize {
        self.seasons.iter().map(|season| season.period).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_a_mean_agree() {
        let values: Vec<f32> = (0..300_u16).map(|step| f32::from(step % 37)).collect();
        let running = Running::new(&values);
        let times = [0, 5, 100, 299];
        for (back, window) in [(0, 1), (0, 10), (0, 500), (24, 3), (200, 17), (400, 2)] {
            let term = Term { back, window };
            let mut out = [0.0; 4];
            running.write(term, &times, &mut out);
            for (got, at) in out.iter().zip(times) {
                assert!((got - term.mean(&values, at)).abs() < 1e-9, "{term:?} at {at}");
            }
        }
    }

    #[test]
    fn every_season_adds_its_terms() {
        assert_eq!((Layout::new(&[]).shared().len(), Layout::new(&[]).own(5).len()), (8, 0));
        assert_eq!((Layout::new(&[24, 168]).shared().len(), Layout::new(&[24, 168]).own(200).len()), (12, 4));
        assert_eq!(Layout::new(&[24, 168]).first(), 168);
    }

    #[test]
    fn the_same_time_one_period_ago_is_found() {
        let values: Vec<f32> = (0..100_u16).map(f32::from).collect();
        let at = |horizon| Layout::new(&[24]).own(horizon)[0].mean(&values, 99);
        assert_eq!((at(5), at(24), at(29)), (80.0, 99.0, 80.0));
    }
}
