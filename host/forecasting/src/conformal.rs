//! Conformal correction: the distance of each quantile from the median is stretched by what past errors say, so that as
//! many outcomes lie below it as its level promises (conformalised quantile regression: Romano et al. 2019, per level).
//!
//! A score is an outcome's distance from the median in units of the quantile's own: 1 lies on the quantile. Scores of
//! several series can so be pooled. The median is not moved: a handful of windows says less of a bias than it seems.

use forewarm_domain::forecast::{Fan, InvalidFan};
use serde::{Deserialize, Serialize};

/// The share of a correction that a series' own scores decide; the pool of all series decides the rest. A tenth did
/// better than a half on windows before those that anything was scored on: four windows of one series know little.
pub const OWN_SHARE: f64 = 0.1;
/// The fewest scores that a correction is read from.
const SCORES_MIN: usize = 24;
/// No correction stretches or shrinks by more than this.
const FACTORS: (f64, f64) = (0.05, 20.0);

/// The scores of past forecasts, by level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    levels: Vec<f64>,
    /// Scores of one level each, in no order.
    scores: Vec<Vec<f32>>,
}

impl Scores {
    /// No scores yet, of forecasts at `levels`.
    #[must_use]
    pub fn new(levels: &[f64]) -> Self {
        Self { levels: levels.to_vec(), scores: vec![Vec::new(); levels.len()] }
    }

    /// Adds the errors of one forecast. Steps without an outcome do not count; neither does a quantile that lies on the
    /// median, nor a forecast of other levels.
    pub fn add(&mut self, fan: &Fan, outcomes: &[f64]) {
        if fan.levels() != self.levels {
            return;
        }
        let steps = outcomes.iter().take(fan.horizon()).enumerate();
        for (step, outcome) in steps.filter(|(_, outcome)| outcome.is_finite()) {
            let median = fan.quantile(step, 0.5);
            for (scores, quantile) in self.scores.iter_mut().zip(fan.at(step)) {
                let score = ((outcome - median) / (quantile - median)) as f32;
                if score.is_finite() {
                    scores.push(score);
                }
            }
        }
    }

    /// Adds the scores of others, if they are of the same levels.
    pub fn merge(&mut self, other: &Self) {
        if self.levels == other.levels {
            self.scores.iter_mut().zip(&other.scores).for_each(|(scores, more)| scores.extend_from_slice(more));
        }
    }

    /// How many scores the level with the most has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.scores.iter().map(Vec::len).max().unwrap_or_default()
    }

    /// The stretch of each level: the quantile of its scores at `at`, one per level, which is the level itself unless it
    /// was adapted. `None` where there are too few scores.
    #[must_use]
    pub fn read(&self, at: &[f64]) -> Option<Corrections> {
        if self.count() < SCORES_MIN || at.len() != self.levels.len() {
            return None;
        }
        let factor = |((scores, level), at): ((&Vec<f32>, &f64), &f64)| {
            if scores.len() < SCORES_MIN {
                return 1.0;
            }
            let mut sorted = scores.clone();
            sorted.sort_unstable_by(f32::total_cmp);
            // Below the median a larger score lies further down.
            let at = if *level < 0.5 { 1.0 - at } else { *at };
            quantile(&sorted, at).clamp(FACTORS.0, FACTORS.1)
        };
        Some(Corrections(self.scores.iter().zip(&self.levels).zip(at).map(factor).collect()))
    }
}

/// By how much the distance of each quantile from the median is multiplied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Corrections(Vec<f64>);

impl Corrections {
    /// The series' own and the pool's, as a geometric mean with [`OWN_SHARE`]; one of them where the other is missing.
    #[must_use]
    pub fn mixed(own: Option<Self>, pooled: Option<&Self>) -> Option<Self> {
        match (own, pooled) {
            (Some(own), Some(pooled)) if own.0.len() == pooled.0.len() => {
                let mixed = |(own, pooled): (&f64, &f64)| own.powf(OWN_SHARE) * pooled.powf(1.0 - OWN_SHARE);
                Some(Self(own.0.iter().zip(&pooled.0).map(mixed).collect()))
            }
            (Some(own), _) => Some(own),
            (None, pooled) => pooled.cloned(),
        }
    }

    /// The same where it stretches, the root of it where it shrinks: the windows behind a forecast are few, and what comes
    /// next tends to be less like them than they are like each other. On windows before those that anything was scored
    /// on, shrinking in full left too many outcomes outside the band and lost more than it won.
    #[must_use]
    pub fn cautious(self) -> Self {
        Self(self.0.into_iter().map(|factor| if factor < 1.0 { factor.sqrt() } else { factor }).collect())
    }

    /// Stretches a forecast; no quantile falls below `floor`. They are put in order where they would cross. A forecast of
    /// other levels stays as it is.
    ///
    /// # Errors
    /// [`InvalidFan`] where a quantile would be infinite.
    pub fn apply(&self, fan: &Fan, floor: Option<f64>) -> Result<Fan, InvalidFan> {
        if fan.levels().len() != self.0.len() {
            return Ok(fan.clone());
        }
        let stretched = |step: usize, level: usize, factor: f64| {
            let median = fan.quantile(step, 0.5);
            let value = median + factor * (fan.at(step)[level] - median);
            floor.map_or(value, |floor| value.max(floor))
        };
        let path = |(level, factor): (usize, &f64)| -> Vec<f64> {
            (0..fan.horizon()).map(|step| stretched(step, level, *factor)).collect()
        };
        let paths: Vec<Vec<f64>> = self.0.iter().enumerate().map(path).collect();
        Fan::from_paths(fan.start(), fan.step_ms(), fan.levels(), &paths)
    }
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

    const LEVELS: [f64; 5] = [0.05, 0.3, 0.5, 0.7, 0.95];
    const HORIZON: usize = 24;

    fn flat(values: [f64; 5]) -> Fan {
        Fan::from_paths(TimestampMs(0), 60_000, &LEVELS, &values.map(|value| vec![value; HORIZON])).expect("a fan")
    }

    /// Outcomes spread evenly over 0 to 1, in an order without a pattern.
    fn outcomes(from: usize, count: usize) -> Vec<f64> {
        (from..from + count).map(|index| (index as f64 * 0.618_033_988_75).fract()).collect()
    }

    fn scored(fan: &Fan, windows: usize) -> Scores {
        let mut scores = Scores::new(&LEVELS);
        (0..windows).for_each(|window| scores.add(fan, &outcomes(window * HORIZON, HORIZON)));
        scores
    }

    #[test]
    fn coverage_is_what_the_levels_promise_whatever_the_spread() {
        for forecast in [[0.47, 0.485, 0.5, 0.515, 0.53], [-8.0, 0.0, 0.5, 0.6, 0.8], [0.05, 0.3, 0.5, 0.7, 0.95]] {
            let fan = flat(forecast);
            let corrections = scored(&fan, 20).read(&LEVELS).expect("enough scores");
            let calibrated = corrections.apply(&fan, None).expect("finite");
            let later: Vec<f64> = outcomes(10_000, 2_400);
            for (level, value) in LEVELS.iter().zip(calibrated.at(5)) {
                let below = later.iter().filter(|outcome| *outcome <= value).count() as f64 / later.len() as f64;
                assert!((below - level).abs() < 0.03, "{forecast:?} at {level}: {below}");
            }
        }
    }

    #[test]
    fn a_tenth_own_and_the_rest_pooled() {
        let (own, pooled) = (Corrections(vec![1_024.0]), Corrections(vec![1.0]));
        let mixed = Corrections::mixed(Some(own.clone()), Some(&pooled)).expect("both are there");
        assert!((mixed.0[0] - 2.0).abs() < 1e-12, "{mixed:?}");
        assert_eq!(Corrections::mixed(Some(own.clone()), None), Some(own));
        assert_eq!(Corrections::mixed(None, Some(&pooled)), Some(pooled));
        assert_eq!(Corrections::mixed(None, None), None);
    }

    #[test]
    fn what_cannot_be_scored_is_left_out() {
        let mut scores = Scores::new(&LEVELS);
        scores.add(&flat([0.0, 0.25, 0.5, 0.75, 1.0]), &[f64::NAN; HORIZON]);
        scores.add(&flat([0.5; 5]), &[0.5; HORIZON]);
        scores.add(&Fan::from_paths(TimestampMs(0), 1, &[0.5], &[vec![1.0]]).expect("a fan"), &[1.0]);
        assert_eq!((scores.count(), scores.read(&LEVELS)), (0, None));
    }

    #[test]
    fn shrinking_counts_half_and_stretching_in_full() {
        assert_eq!(Corrections(vec![0.25, 1.0, 3.0]).cautious(), Corrections(vec![0.5, 1.0, 3.0]));
    }

    proptest! {
        #[test]
        fn corrected_quantiles_never_cross_and_keep_median_and_floor(
            factors in prop::collection::vec(0.05..20.0_f64, 5), values in prop::collection::vec(0.0..100.0_f64, 5),
        ) {
            let fan = flat([values[0], values[1], values[2], values[3], values[4]]);
            let found = Corrections(factors).apply(&fan, Some(0.0)).expect("finite");
            for step in 0..HORIZON {
                prop_assert!(found.at(step).is_sorted() && found.at(step)[0] >= 0.0);
                prop_assert!((found.at(step)[2] - fan.at(step)[2]).abs() < 1e-12);
            }
        }

        #[test]
        fn corrections_move_with_the_series(times in 0.1..100.0_f64, by in -1e3..1e3_f64) {
            let calibrated = |times: f64, by: f64| {
                let fan = flat([0.3, 0.4, 0.5, 0.55, 0.7].map(|value| value * times + by));
                let mut scores = Scores::new(&LEVELS);
                let outcomes: Vec<f64> = outcomes(0, HORIZON).iter().map(|value| value * times + by).collect();
                scores.add(&fan, &outcomes);
                scores.read(&LEVELS).expect("enough").apply(&fan, None).expect("finite").at(0).to_vec()
            };
            for (plain, other) in calibrated(1.0, 0.0).iter().zip(calibrated(times, by)) {
                prop_assert!((plain * times + by - other).abs() < 1e-3 * (times + by.abs()));
            }
        }
    }
}
