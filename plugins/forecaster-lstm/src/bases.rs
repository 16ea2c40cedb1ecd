//! Bases: forecasts that copy. What repeats exactly is copied exactly, which a network's products never do; so the network
//! only chooses among these, and adds what they leave.

use crate::window::WEEK;

/// How many bases there are, in the order of [`Copies::at`].
pub const BASES: usize = 17;
/// Weeks of patches that are averaged.
const WEEKS: usize = 3;
/// Patches over which a drift is averaged.
const DRIFT: usize = 3;

/// What is known at an origin, to be copied from.
pub struct Copies<'a> {
    past: &'a [f64],
    patch: usize,
    /// Mean and median of the latest week of patches, by phase.
    means: Vec<f64>,
    medians: Vec<f64>,
    last: f64,
    last_patch: f64,
    /// How far the latest patch lies above the mean of the latest week of patches, and above the same patch of other weeks.
    above_mean: f64,
    above_weeks: f64,
    /// How much patches rose lately, per patch.
    drift: f64,
}

impl<'a> Copies<'a> {
    /// Prepares to copy from a series of at least one patch.
    pub fn new(past: &'a [f64], patch: usize) -> Self {
        let days = WEEK.min(past.len() / patch);
        let mut copies = Self {
            past,
            patch,
            means: Vec::with_capacity(patch),
            medians: Vec::with_capacity(patch),
            last: past[past.len() - 1],
            last_patch: mean(past[past.len() - patch..].iter().copied()),
            above_mean: 0.0,
            above_weeks: 0.0,
            drift: 0.0,
        };
        let mut sorted = Vec::with_capacity(days);
        for phase in 0..patch {
            sorted.clear();
            sorted.extend((1..=days).map(|day| copies.back(day * patch - phase)));
            copies.means.push(mean(sorted.iter().copied()));
            sorted.sort_by(f64::total_cmp);
            copies.medians.push((sorted[(days - 1) / 2] + sorted[days / 2]) / 2.0);
        }
        copies.above_mean = copies.last_patch - mean(copies.means.iter().copied());
        let before = mean((1..=patch).map(|back| copies.back(DRIFT * patch + back)));
        copies.drift = (copies.last_patch - before) / DRIFT as f64;
        copies.above_weeks = copies.last_patch - mean((1..=patch as isize).map(|back| copies.weeks(-back)));
        copies
    }

    /// The value so many steps before the origin, 1 for the last one; where the series is shorter, one of the same phase.
    fn back(&self, back: usize) -> f64 {
        let beyond = back.saturating_sub(self.past.len()).div_ceil(self.patch);
        self.past[self.past.len() + beyond * self.patch - back]
    }

    /// The mean over the weeks before, as far as the series has them, at a place beside the origin: 0 is the next step, -1
    /// the last one.
    fn weeks(&self, place: isize) -> f64 {
        let week = WEEK * self.patch;
        let backs = (1..=WEEKS).map(|weeks| (weeks * week).saturating_add_signed(-place));
        mean(
            backs
                .enumerate()
                .filter(|(index, back)| *index == 0 || *back <= self.past.len())
                .map(|(_, back)| self.back(back)),
        )
    }

    /// The bases of a step ahead, from 0.
    pub fn at(&self, step: usize) -> [f64; BASES] {
        let (patch, week) = (self.patch, WEEK * self.patch);
        let phase = step % patch;
        let season = |length: usize| self.back(length - step % length);
        let (day, last_week) = (season(patch), season(week));
        // Beyond a week ahead the latest week comes again.
        let weeks = self.weeks((step % week) as isize);
        let ahead = (step / patch + 1) as f64;
        let (usual, median) = (self.means[phase], self.medians[phase]);
        [
            // The same time on the day before, a week before, two weeks before.
            day,
            last_week,
            season(2 * week),
            // What is usual at this time: over weeks, over the latest days.
            weeks,
            usual,
            median,
            // No season.
            self.last,
            self.last_patch,
            // A season, moved to the latest value or to the latest day.
            last_week + self.last - self.back(week + 1),
            weeks + self.above_weeks,
            usual + self.last - self.means[patch - 1],
            usual + self.above_mean,
            day + self.last - self.back(patch + 1),
            // The day before, changed as it was a week before.
            day + last_week - self.back(week + patch - phase),
            // The day before, with the changes of the latest days going on.
            day + ahead * (day - self.back(2 * patch - phase)),
            day + ahead * (day - self.back((DRIFT + 1) * patch - phase)) / DRIFT as f64,
            day + ahead * self.drift,
        ]
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn law(step: usize) -> f64 {
        [10.0, 14.0, 30.0, 18.0][step % 4] + if step / 4 % 7 > 4 { 5.0 } else { 0.0 }
    }

    #[test]
    fn weeks_are_copied_exactly() {
        let series: Vec<f64> = (0..90).map(law).collect();
        let copies = Copies::new(&series, 4);
        for step in 0..8 {
            let bases = copies.at(step);
            for base in [1, 2, 3, 8, 9, 13] {
                assert!((bases[base] - law(90 + step)).abs() < 1e-9, "{base} {step}: {}", bases[base]);
            }
        }
    }

    #[test]
    fn a_short_past_is_copied_in_phase() {
        let day = |step: usize| [10.0, 14.0, 30.0, 18.0][step % 4];
        for count in 4..40 {
            let series: Vec<f64> = (0..count).map(day).collect();
            for step in 0..9 {
                for (base, value) in Copies::new(&series, 4).at(step).into_iter().enumerate() {
                    assert!(
                        [6, 7].contains(&base) || (value - day(count + step)).abs() < 1e-9,
                        "{count} {base} {step}"
                    );
                }
            }
        }
    }
}
