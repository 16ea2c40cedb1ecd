//! From a series' own steps to the network's, and back: the network has a fixed number of values in a season, series have
//! seasons of any length.

/// How many values of a series' season go into a patch, and the fine structure that is lost on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Steps of the series in a season.
    season: usize,
    /// Values of the network in a patch.
    patch: usize,
}

impl Grid {
    /// A grid between a season and a patch, both at least 1.
    #[must_use]
    pub fn new(season: usize, patch: usize) -> Self {
        Self { season: season.max(1), patch: patch.max(1) }
    }

    /// The steps of the series in one value of the network.
    fn steps_per_value(self) -> f64 {
        self.season as f64 / self.patch as f64
    }

    /// Whether a value of the network is one step.
    #[must_use]
    pub fn is_identity(self) -> bool {
        self.season == self.patch
    }

    /// How many values of the network `steps` ahead reach into.
    #[must_use]
    pub fn values_ahead(self, steps: usize) -> usize {
        (steps * self.patch).div_ceil(self.season)
    }

    /// The means of the series over the network's values, the last of which ends with the series; the newest `count` at
    /// most. Without missing values.
    #[must_use]
    pub fn coarsen(self, series: &[f64], count: usize) -> Vec<f64> {
        if self.is_identity() {
            return series[series.len().saturating_sub(count)..].to_vec();
        }
        let width = self.steps_per_value();
        let whole = (series.len() * self.patch / self.season).min(count);
        let needed = (whole * self.season).div_ceil(self.patch).min(series.len());
        let sums = Running::new(&series[series.len() - needed..]);
        let end = needed as f64;
        (0..whole).rev().map(|back| sums.mean(end - (back + 1) as f64 * width, end - back as f64 * width)).collect()
    }

    /// The value of a path of the network in each of the series' next `steps`: the mean over what a long step covers, and
    /// on the line between the middles of two values for a short one. `last` is the value before the path.
    #[must_use]
    pub fn refine(self, last: f64, path: &[f64], steps: usize) -> Vec<f64> {
        if self.is_identity() {
            return path[..steps.min(path.len())].to_vec();
        }
        let width = self.steps_per_value();
        if width < 1.0 {
            let sums = Running::new(path);
            return (0..steps).map(|step| sums.mean(step as f64 / width, (step + 1) as f64 / width)).collect();
        }
        let at = |index: usize| if index == 0 { last } else { path[(index - 1).min(path.len() - 1)] };
        let value = |step: usize| {
            // Middles lie at 0.5, 1.5, ... values ahead; `last` at -0.5.
            let place = (step as f64 + 0.5) / width + 0.5;
            let (before, share) = (place as usize, place.fract());
            at(before) + (at(before + 1) - at(before)) * share
        };
        (0..steps).map(value).collect()
    }

    /// What the network's values do not tell of the series: the mean deviation from them by phase of the season, beginning
    /// with the step that follows, and the standard deviation that is left.
    #[must_use]
    pub fn fine(self, series: &[f64], coarse: &[f64]) -> Fine {
        let Some(first) = coarse.first().copied() else { return Fine::default() };
        if self.season <= self.patch {
            return Fine::default();
        }
        let steps = (coarse.len() * self.season / self.patch).min(series.len());
        let known = &series[series.len() - steps..];
        let told = self.refine(first, coarse, steps);
        let mut profile = vec![(0.0, 0.0); self.season];
        let phase = |index: usize| (index + self.season - steps % self.season) % self.season;
        for (index, (value, told)) in known.iter().zip(&told).enumerate() {
            let (sum, count) = &mut profile[phase(index)];
            *sum += value - told;
            *count += 1.0;
        }
        // One season tells nothing about how much of its deviations comes again.
        let trust = |count: f64| if count < 2.0 { 0.0 } else { 1.0 / count };
        let profile: Vec<f64> = profile.into_iter().map(|(sum, count)| sum * trust(count)).collect();
        let left =
            known.iter().zip(&told).enumerate().map(|(index, (value, told))| value - told - profile[phase(index)]);
        let squares: f64 = left.map(|rest| rest * rest).sum();
        Fine { profile, deviation: (squares / steps.max(1) as f64).sqrt() }
    }
}

/// The structure within the network's values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fine {
    profile: Vec<f64>,
    /// The standard deviation that is left beside the profile.
    pub deviation: f64,
}

impl Fine {
    /// The mean deviation of a step ahead, from 0.
    #[must_use]
    pub fn at(&self, step: usize) -> f64 {
        if self.profile.is_empty() { 0.0 } else { self.profile[step % self.profile.len()] }
    }
}

/// Running sums, for means over parts of values.
struct Running(Vec<f64>);

impl Running {
    fn new(values: &[f64]) -> Self {
        let mut sum = 0.0;
        let sums = values.iter().map(|value| {
            sum += value;
            sum
        });
        Self(std::iter::once(0.0).chain(sums).collect())
    }

    fn mean(&self, from: f64, to: f64) -> f64 {
        let last = self.0.len() - 1;
        let until = |place: f64| {
            let place = place.clamp(0.0, last as f64);
            let before = (place as usize).min(last.saturating_sub(1));
            self.0[before] + (self.0[(before + 1).min(last)] - self.0[before]) * (place - before as f64)
        };
        (until(to) - until(from)) / (to.min(last as f64) - from.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seasons_change_nothing() {
        let grid = Grid::new(24, 24);
        let series: Vec<f64> = (0..50).map(f64::from).collect();
        assert_eq!(grid.coarsen(&series, 30), series[20..]);
        assert_eq!(grid.refine(0.0, &series, 7), series[..7]);
        assert_eq!((grid.values_ahead(48), grid.fine(&series, &series).deviation), (48, 0.0));
    }

    #[test]
    fn minutes_become_hours_that_end_with_the_series() {
        let grid = Grid::new(1_440, 24);
        let series: Vec<f64> = (0..200).map(|step| f64::from((step - 20) / 60)).collect();
        assert_eq!(grid.coarsen(&series, 100), [0.0, 1.0, 2.0]);
        assert_eq!((grid.values_ahead(60), grid.values_ahead(61), grid.values_ahead(1_440)), (1, 2, 24));
    }

    #[test]
    fn parts_of_steps_count_by_their_share() {
        let grid = Grid::new(3, 2);
        assert_eq!(grid.coarsen(&[1.0, 2.0, 3.0], 9), [4.0 / 3.0, 8.0 / 3.0]);
        let half_days = Grid::new(2, 4);
        assert_eq!(half_days.coarsen(&[1.0, 5.0], 9), [1.0, 1.0, 5.0, 5.0]);
        assert_eq!(half_days.refine(0.0, &[1.0, 3.0, 5.0, 5.0], 2), [2.0, 5.0]);
    }

    #[test]
    fn what_hours_do_not_tell_comes_back_by_the_minute() {
        let grid = Grid::new(1_440, 24);
        let burst = |step: usize| if step % 1_440 == 600 { 90.0 } else { 3.0 };
        let series: Vec<f64> = (0..4 * 1_440).map(burst).collect();
        let coarse = grid.coarsen(&series, 1_000);
        let fine = grid.fine(&series, &coarse);
        let next = grid.refine(3.0, &coarse[coarse.len() - 24..], 1_440);
        for step in [0, 599, 600, 601, 1_439] {
            assert!((next[step] + fine.at(step) - burst(step)).abs() < 0.1, "{step}: {}", next[step] + fine.at(step));
        }
        assert!(fine.deviation < 0.1, "{}", fine.deviation);
    }
}
