//! Conformal correction: each quantile is moved by what its own past errors say, so that as many outcomes lie below it
//! as its level promises (Vovk et al. 2005; per quantile as in Romano et al. 2019).
//!
//! A score is (outcome - quantile) / unit. Half of a correction comes from the series' own scores, half from those of
//! all series: its own few windows know its bias, the pool knows the tails.

use forewarm_domain::forecast::{Fan, InvalidFan};
use serde::{Deserialize, Serialize};

/// The share of a correction that a series' own scores decide.
pub const OWN_SHARE: f64 = 0.5;
/// The most groups that a horizon is split into.
const GROUPS_MAX: usize = 4;
/// The fewest steps of one group.
const GROUP_STEPS_MIN: usize = 6;
/// The fewest scores that are read by horizon group; fewer are read over the whole horizon.
const GROUP_SCORES_MIN: usize = 40;
/// The fewest scores that anything is read from.
const SCORES_MIN: usize = 10;

/// The scores of past forecasts, by horizon group and level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    levels: Vec<f64>,
    horizon: usize,
    /// Scores of one group and level each, group by group, in no order.
    cells: Vec<Vec<f32>>,
}

impl Scores {
    /// No scores yet, of forecasts at `levels` that reach `horizon` steps ahead.
    #[must_use]
    pub fn new(levels: &[f64], horizon: usize) -> Self {
        let cells = vec![Vec::new(); groups(horizon) * levels.len()];
        Self { levels: levels.to_vec(), horizon, cells }
    }

    /// Adds the errors of one forecast in `unit`s, the series' scale. Steps without an outcome do not count; neither does
    /// a forecast of other levels, nor a series without a scale.
    pub fn add(&mut self, fan: &Fan, outcomes: &[f64], unit: f64) {
        if fan.levels() != self.levels || !(unit > 0.0 && unit.is_finite()) {
            return;
        }
        let steps = fan.horizon().min(self.horizon);
        for (step, outcome) in outcomes.iter().take(steps).enumerate().filter(|(_, outcome)| outcome.is_finite()) {
            let first = group(step, self.horizon) * self.levels.len();
            for (cell, quantile) in self.cells[first..].iter_mut().zip(fan.at(step)) {
                cell.push(((outcome - quantile) / unit) as f32);
            }
        }
    }

    /// Adds the scores of others, if they are of the same levels and horizon.
    pub fn merge(&mut self, other: &Self) {
        if self.levels == other.levels && self.horizon == other.horizon {
            self.cells.iter_mut().zip(&other.cells).for_each(|(cell, more)| cell.extend_from_slice(more));
        }
    }

    /// How many outcomes were scored.
    #[must_use]
    pub fn count(&self) -> usize {
        self.cells.iter().step_by(self.levels.len().max(1)).map(Vec::len).sum()
    }

    /// The correction of each group and level in units: the quantile of its scores at `at`, one per level.
    /// `None` where there are too few scores.
    #[must_use]
    pub fn read(&self, at: &[f64]) -> Option<Corrections> {
        if self.count() < SCORES_MIN || at.len() != self.levels.len() {
            return None;
        }
        let width = self.levels.len();
        let cells = (0..self.cells.len()).map(|index| {
            let (cell, level) = (&self.cells[index], index % width);
            let mut scores = if cell.len() >= GROUP_SCORES_MIN {
                cell.clone()
            } else {
                self.cells.iter().skip(level).step_by(width).flatten().copied().collect()
            };
            scores.sort_unstable_by(f32::total_cmp);
            quantile(&scores, at[level])
        });
        Some(Corrections { horizon: self.horizon, width, cells: cells.collect() })
    }
}

/// How far each quantile is moved, in units, by horizon group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Corrections {
    horizon: usize,
    width: usize,
    cells: Vec<f64>,
}

impl Corrections {
    /// Half of the series' own, half of the pool's; one of them where the other is missing.
    #[must_use]
    pub fn mixed(own: Option<Self>, pooled: Option<&Self>) -> Option<Self> {
        match (own, pooled) {
            (Some(own), Some(pooled)) if (own.horizon, own.width) == (pooled.horizon, pooled.width) => {
                let pairs = own.cells.iter().zip(&pooled.cells);
                let cells = pairs.map(|(own, pooled)| OWN_SHARE * own + (1.0 - OWN_SHARE) * pooled).collect();
                Some(Self { cells, ..own })
            }
            (Some(own), _) => Some(own),
            (None, pooled) => pooled.cloned(),
        }
    }

    /// Moves the quantiles of a forecast; `unit` is the series' scale, and `floor` a value that none falls below. They are
    /// put in order where they would cross. A forecast of other levels stays as it is.
    ///
    /// # Errors
    /// [`InvalidFan`] where the unit makes a quantile infinite.
    pub fn apply(&self, fan: &Fan, unit: f64, floor: Option<f64>) -> Result<Fan, InvalidFan> {
        if fan.levels().len() != self.width {
            return Ok(fan.clone());
        }
        let moved = |step: usize, level: usize, value: f64| {
            let cell = group(step, self.horizon) * self.width + level;
            let value = value + unit * self.cells.get(cell).copied().unwrap_or(0.0);
            floor.map_or(value, |floor| value.max(floor))
        };
        let path = |level: usize| (0..fan.horizon()).map(|step| moved(step, level, fan.at(step)[level])).collect();
        let paths: Vec<Vec<f64>> = (0..self.width).map(path).collect();
        Fan::from_paths(fan.start(), fan.step_ms(), fan.levels(), &paths)
    }
}

fn groups(horizon: usize) -> usize {
    (horizon / GROUP_STEPS_MIN).clamp(1, GROUPS_MAX)
}

/// The group of a step (from 0); steps beyond the horizon are in the last one.
fn group(step: usize, horizon: usize) -> usize {
    let groups = groups(horizon);
    (step * groups / horizon.max(1)).min(groups - 1)
}

/// The quantile at `level` of sorted values with the finite-sample rank (n + 1) x level (type 6 of Hyndman and Fan 1996),
/// linear between neighbours and held at the ends.
fn quantile(sorted: &[f32], level: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let rank = ((sorted.len() + 1) as f64 * level - 1.0).clamp(0.0, last as f64);
    let value = |index: usize| sorted.get(index.min(last)).map_or(0.0, |value| f64::from(*value));
    let (low, high) = (value(rank as usize), value(rank as usize + 1));
    low + (high - low) * rank.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::TimestampMs;
    use proptest::prelude::*;

    const LEVELS: [f64; 3] = [0.05, 0.5, 0.95];

    fn flat(values: [f64; 3], horizon: usize) -> Fan {
        Fan::from_paths(TimestampMs(0), 60_000, &LEVELS, &values.map(|value| vec![value; horizon])).expect("a fan")
    }

    /// Outcomes spread evenly over 0 to 1, in an order without a pattern.
    fn outcomes(from: usize, count: usize) -> Vec<f64> {
        (from..from + count).map(|index| (index as f64 * 0.618_033_988_75).fract()).collect()
    }

    #[test]
    fn coverage_is_what_the_levels_promise_whatever_the_forecast() {
        for forecast in [[0.5, 0.5, 0.5], [-3.0, 2.0, 9.0], [0.4, 0.45, 0.6]] {
            let fan = flat(forecast, 24);
            let mut scores = Scores::new(&LEVELS, 24);
            (0..20).for_each(|window| scores.add(&fan, &outcomes(window * 24, 24), 2.0));
            let corrections = scores.read(&LEVELS).expect("enough scores");
            let calibrated = corrections.apply(&fan, 2.0, None).expect("finite");
            let later: Vec<f64> = outcomes(10_000, 2_400);
            for (level, value) in LEVELS.iter().zip(calibrated.at(5)) {
                let below = later.iter().filter(|outcome| *outcome <= value).count() as f64 / later.len() as f64;
                assert!((below - level).abs() < 0.03, "{forecast:?} at {level}: {below}");
            }
        }
    }

    #[test]
    fn groups_differ_where_there_are_enough_scores() {
        let fan = flat([0.0; 3], 24);
        let mut scores = Scores::new(&LEVELS, 24);
        let growing: Vec<f64> = (0..24).map(f64::from).collect();
        (0..10).for_each(|_| scores.add(&fan, &growing, 1.0));
        let found = scores.read(&LEVELS).expect("enough").apply(&fan, 1.0, None).expect("finite");
        assert!(found.at(0)[1] < 4.0 && found.at(23)[1] > 19.0, "{found:?}");
        let mut few = Scores::new(&LEVELS, 24);
        few.add(&fan, &growing, 1.0);
        let found = few.read(&LEVELS).expect("24 scores").apply(&fan, 1.0, None).expect("finite");
        assert_eq!(found.at(0), found.at(23), "too few for groups");
    }

    #[test]
    fn half_own_and_half_pooled() {
        let of = |cells: Vec<f64>| Corrections { horizon: 4, width: 1, cells };
        let (own, pooled) = (of(vec![1.0]), of(vec![3.0]));
        assert_eq!(Corrections::mixed(Some(own.clone()), Some(&pooled)), Some(of(vec![2.0])));
        assert_eq!(Corrections::mixed(Some(own.clone()), None), Some(own));
        assert_eq!(Corrections::mixed(None, Some(&pooled)), Some(pooled));
        assert_eq!(Corrections::mixed(None, None), None);
    }

    #[test]
    fn what_cannot_be_scored_is_left_out() {
        let mut scores = Scores::new(&LEVELS, 24);
        scores.add(&flat([0.0; 3], 24), &[f64::NAN; 24], 1.0);
        scores.add(&flat([0.0; 3], 24), &[1.0; 24], 0.0);
        assert_eq!((scores.count(), scores.read(&LEVELS)), (0, None));
    }

    proptest! {
        #[test]
        fn corrected_quantiles_never_cross_and_keep_the_floor(
            cells in prop::collection::vec(-50.0..50.0_f64, 12), values in prop::collection::vec(0.0..100.0_f64, 3),
        ) {
            let corrections = Corrections { horizon: 24, width: 3, cells };
            let fan = flat([values[0], values[1], values[2]], 24);
            let found = corrections.apply(&fan, 1.5, Some(0.0)).expect("finite");
            for step in 0..24 {
                prop_assert!(found.at(step).is_sorted() && found.at(step)[0] >= 0.0);
            }
        }

        #[test]
        fn corrections_move_with_the_unit(unit in 0.1..100.0_f64, by in -1e3..1e3_f64) {
            let calibrated = |unit: f64, by: f64| {
                let fan = flat([0.3, 0.4, 0.5].map(|value| value * unit + by), 24);
                let mut scores = Scores::new(&LEVELS, 24);
                let outcomes: Vec<f64> = outcomes(0, 24).iter().map(|value| value * unit + by).collect();
                scores.add(&fan, &outcomes, unit);
                scores.read(&LEVELS).expect("enough").apply(&fan, unit, None).expect("finite").at(0).to_vec()
            };
            for (plain, other) in calibrated(1.0, 0.0).iter().zip(calibrated(unit, by)) {
                prop_assert!((plain * unit + by - other).abs() < 1e-4 * (unit + by.abs()));
            }
        }
    }
}
