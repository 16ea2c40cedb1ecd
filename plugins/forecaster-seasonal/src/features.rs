//! What a prediction is made from: recent levels, the level around the same time one period ago, and what it was around
//! that time on average over the last periods.
//!
//! Every feature but the first two is a difference from the recent level, so that a model without weights predicts that
//! level: shrinking weights leads towards persistence, not towards zero.

/// Windows of the recent levels, in steps.
const WINDOWS: [usize; 8] = [1, 2, 6, 10, 20, 30, 60, 180];
/// Window of the recent level itself.
const ANCHOR: usize = 3;
/// How many features come before the differences: the constant and the level.
pub const LEADING: usize = 2;

/// Seasons that a profile is averaged over.
const PROFILE_SEASONS: usize = 7;
/// Parts of a season that have a profile of their own, averaged over one season.
const PARTS: usize = 24;

/// The mean of `window` values, the last of them `back` steps ago, averaged over `repeats` such windows that lie one
/// `period` before the other; fewer at the beginning of the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    back: usize,
    window: usize,
    repeats: usize,
    period: usize,
}

impl Term {
    /// The recent level, from which features and predictions are differences.
    pub const ANCHOR: Self = Self::once(0, ANCHOR);

    const fn once(back: usize, window: usize) -> Self {
        Self { back, window, repeats: 1, period: 0 }
    }

    /// Where each window ends, as seen from the value at `at`: at least one.
    fn ends(self, at: usize) -> impl Iterator<Item = usize> {
        let last = (at + 1).saturating_sub(self.back).max(1);
        (0..self.repeats).map_while(move |repeat| last.checked_sub(repeat * self.period).filter(|end| *end > 0))
    }

    /// Averages what `one` gives for the window that ends at an index.
    fn average(self, at: usize, one: impl Fn(usize) -> f64) -> f64 {
        let (sum, count) = self.ends(at).fold((0.0, 0_u32), |(sum, count), end| (sum + one(end), count + 1));
        sum / f64::from(count)
    }

    /// The mean as seen from the value at `at`, by summing up: for a few times.
    #[must_use]
    pub fn mean(self, values: &[f32], at: usize) -> f64 {
        self.average(at, |end| self.mean_until(values, end))
    }

    fn mean_until(self, values: &[f32], end: usize) -> f64 {
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

/// Running sums of a series, for means at many times: of the values, and of these sums one season after the other, so
/// that a profile over many seasons takes no longer than one window.
pub struct Running {
    sums: Vec<f64>,
    /// For each period that profiles repeat at: at each index the sum of [`Self::sums`] there and whole periods before.
    seasons: Vec<(usize, Vec<f64>)>,
}

impl Running {
    /// Sums up all values once, and the sums once more for each of `periods`.
    #[must_use]
    pub fn new(values: &[f32], periods: &[usize]) -> Self {
        let mut sums = Vec::with_capacity(values.len() + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for value in values {
            sum += f64::from(*value);
            sums.push(sum);
        }
        let seasons = periods.iter().map(|period| (*period, over_seasons(&sums, *period))).collect();
        Self { sums, seasons }
    }

    /// Writes how far a term's mean as seen from each of `times`, which fall, lies above each of `levels`.
    pub fn write(&self, term: Term, times: &[usize], levels: &[f64], out: &mut [f64]) {
        let (Some(latest), Some(earliest)) = (times.first(), times.last()) else { return };
        let (ends, span) = ((earliest + 1).saturating_sub(term.back), latest - earliest + 1);
        let share = 1.0 / (term.window as f64 * f64::from(u32::try_from(term.repeats).unwrap_or(u32::MAX)));
        let rows = out.iter_mut().zip(times).zip(levels);
        // Slices of one length, so that one check of an index stands for all.
        let season = self.seasons.iter().find(|(period, _)| *period == term.period && term.repeats > 1);
        let seasons = season.map_or(0, |(period, _)| term.repeats * period);
        match (season, ends.checked_sub(term.window + seasons)) {
            (Some((_, sums)), Some(first)) => {
                let part = |from: usize| &sums[from..from + span];
                let (a, b) = (part(first), part(first + term.window));
                let (c, d) = (part(ends - term.window), part(ends));
                for ((out, at), level) in rows {
                    let at = at - earliest;
                    *out = ((d[at] - c[at]) - (b[at] - a[at])) * share - level;
                }
            }
            (None, Some(first)) if term.repeats == 1 => {
                let (a, b) = (&self.sums[first..first + span], &self.sums[ends..ends + span]);
                for ((out, at), level) in rows {
                    let at = at - earliest;
                    *out = (b[at] - a[at]) * share - level;
                }
            }
            _ => rows.for_each(|((out, at), level)| *out = self.mean(term, *at) - level),
        }
    }

    /// The mean as seen from the value at `at`, where the beginning of the series may cut it short.
    fn mean(&self, term: Term, at: usize) -> f64 {
        term.average(at, |end| {
            let start = end.saturating_sub(term.window);
            (self.sums[end] - self.sums[start]) / (end - start) as f64
        })
    }
}

/// The sum of the values at each index and whole periods before it.
fn over_seasons(values: &[f64], period: usize) -> Vec<f64> {
    let mut sums = values.to_vec();
    for at in period..sums.len() {
        sums[at] += sums[at - period];
    }
    sums
}

/// Which features there are, for given seasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    seasons: Vec<Season>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Season {
    period: usize,
    /// Windows around the time that is foretold, one or more periods ago: half their width, and over how many periods
    /// they are averaged.
    profiles: Vec<(usize, usize)>,
    /// Levels that all horizons share.
    levels: Vec<Term>,
}

impl Layout {
    /// The layout for seasons of these periods, in steps, the shortest first. A shortest one that has 24 whole parts of
    /// at least four steps, as a day has hours, brings the profile of such a part along: what runs on a timetable.
    #[must_use]
    pub fn new(periods: &[usize]) -> Self {
        let Some(shortest) = periods.first().copied() else { return Self { seasons: vec![] } };
        // A week's profile is as sharp as a day's, hence windows by the shortest period.
        let share = |part: usize| (shortest * part / 1_440).max(1);
        let (narrow, wide) = ((share(5) - 1) / 2, share(30) / 2);
        let season = |period: &usize| {
            let mut profiles = vec![(0, 1), (narrow, 1), (wide, 1)];
            if *period == shortest {
                profiles.extend([(narrow, PROFILE_SEASONS), (wide, PROFILE_SEASONS)]);
            }
            profiles.dedup();
            let levels = vec![Term::once(*period, 2 * narrow + 1), Term::once(*period, share(60))];
            Season { period: *period, profiles, levels }
        };
        let part = (shortest % PARTS == 0 && shortest / PARTS >= 4).then(|| {
            let mut profiles = vec![(0, PARTS), (narrow, PARTS)];
            profiles.dedup();
            Season { period: shortest / PARTS, profiles, levels: vec![Term::once(0, shortest)] }
        });
        Self { seasons: periods.iter().map(season).chain(part).collect() }
    }

    /// The terms that all horizons share; each makes one feature, its difference from the recent level. The constant and
    /// the recent level come before them.
    #[must_use]
    pub fn shared(&self) -> Vec<Term> {
        let recent = WINDOWS.iter().map(|window| Term::once(0, *window));
        recent.chain(self.seasons.iter().flat_map(|season| season.levels.iter().copied())).collect()
    }

    /// The terms that belong to one horizon, in steps from 1: the same time one period ago or averaged over several, but
    /// nothing later than now. Beyond one period it is the latest period at that time.
    #[must_use]
    pub fn own(&self, horizon: usize) -> Vec<Term> {
        let around = |season: &Season, (half, repeats): (usize, usize)| {
            let ahead = (horizon - 1) % season.period + 1 + half;
            let back = season.period.saturating_sub(ahead);
            Term { back, window: 2 * half + 1, repeats, period: season.period }
        };
        let all = self.seasons.iter().flat_map(|season| season.profiles.iter().map(|profile| around(season, *profile)));
        all.collect()
    }

    /// The periods at which a feature is averaged over several seasons.
    #[must_use]
    pub fn repeated(&self) -> Vec<usize> {
        let repeats = |season: &&Season| season.profiles.iter().any(|(_, repeats)| *repeats > 1);
        self.seasons.iter().filter(repeats).map(|season| season.period).collect()
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
        let running = Running::new(&values, &[24]);
        let levels = [0.0, 1.0, -2.0];
        for (back, window) in [(0, 1), (0, 10), (0, 500), (24, 3), (200, 17), (400, 2)] {
            for (repeats, period) in [(1, 0), (1, 24), (5, 24), (2, 100), (40, 24)] {
                let term = Term { back, window, repeats, period };
                for times in [[299, 100, 0], [299, 298, 297]] {
                    let mut out = [0.0; 3];
                    running.write(term, &times, &levels, &mut out);
                    for ((got, at), level) in out.iter().zip(times).zip(levels) {
                        assert!((got + level - term.mean(&values, at)).abs() < 1e-9, "{term:?} at {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_season_adds_its_terms() {
        assert_eq!((Layout::new(&[]).shared().len(), Layout::new(&[]).own(5).len()), (8, 0));
        assert_eq!(
            (Layout::new(&[24, 168]).shared().len(), Layout::new(&[24, 168]).own(200).len()),
            (12, 3),
            "hourly windows of one value are told once"
        );
        assert_eq!((Layout::new(&[1_440]).shared().len(), Layout::new(&[1_440]).own(5).len()), (11, 7), "and by hours");
        assert_eq!(Layout::new(&[24, 168]).first(), 168);
    }

    #[test]
    fn the_same_time_one_period_ago_is_found() {
        let values: Vec<f32> = (0..100_u16).map(f32::from).collect();
        let at = |horizon| Layout::new(&[24]).own(horizon)[0].mean(&values, 99);
        assert_eq!((at(5), at(24), at(29)), (80.0, 99.0, 80.0));
        let profile = Term { back: 19, window: 1, repeats: 7, period: 24 };
        assert_eq!(profile.mean(&values, 99), (80.0 + 56.0 + 32.0 + 8.0) / 4.0, "as many as there are");
    }
}
