//! The combination of one series at one origin: what the record of its members' backtests says, and what the pool of all
//! series adds.
//!
//! A [`Window`] is what every member said at an earlier origin, and what came; a [`Standing`], weights and scores of one
//! series from its windows; a [`Pool`], the same over all series; [`combined`], the forecast.

use crate::combine::{CombineError, pool as mixture};
use crate::conformal::{Corrections, Scores};
use crate::weights::{Record, WINDOWS_MIN, Weights};
use forewarm_domain::forecast::Fan;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One backtest window of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// What each member forecast from the values before the window; `None` where it failed.
    pub members: Vec<Option<Fan>>,
    /// What came, one value per step, NaN where missing.
    pub truth: Vec<f64>,
}

impl Window {
    /// The mean absolute error of each member's median; NaN where it failed, or nothing is known of the truth.
    #[must_use]
    pub fn errors(&self) -> Vec<f64> {
        self.means(|fan, step, outcome| (outcome - fan.quantile(step, 0.5)).abs())
    }

    /// Twice the mean quantile loss of each member over all levels, which is the absolute error where the median is the
    /// only one; NaN as for [`Self::errors`]. It judges the whole distribution, as the mixture uses the whole of it.
    #[must_use]
    pub fn losses(&self) -> Vec<f64> {
        self.means(|fan, step, outcome| {
            let levels = fan.levels().iter().zip(fan.at(step));
            let losses = levels.map(|(level, value)| {
                let apart = outcome - value;
                2.0 * (level * apart).max((level - 1.0) * apart)
            });
            losses.sum::<f64>() / fan.levels().len() as f64
        })
    }

    /// The mean of something over the steps whose outcome is known, for each member.
    fn means(&self, of: impl Fn(&Fan, usize, f64) -> f64) -> Vec<f64> {
        let mean = |fan: &Fan| {
            let known = self.truth.iter().copied().take(fan.horizon()).enumerate();
            let (sum, count) = known
                .map(|(step, outcome)| of(fan, step, outcome))
                .filter(|value| value.is_finite())
                .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            sum / count
        };
        self.members.iter().map(|fan| fan.as_ref().map_or(f64::NAN, mean)).collect()
    }
}

/// What the windows of one series say.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The losses of each member, window by window.
    pub losses: Vec<Vec<f64>>,
    /// The series' own weights; `None` with fewer windows than they need.
    pub weights: Option<Weights>,
    /// The scores of the combination in these windows.
    pub scores: Scores,
}

impl Standing {
    /// Reads the windows. A window is combined by the weights of the other ones, since those of its own would make it look
    /// better than a forecast is.
    #[must_use]
    pub fn of(windows: &[&Window], members: usize, levels: &[f64]) -> Self {
        let by_window: Vec<Vec<f64>> = windows.iter().map(|window| window.losses()).collect();
        let losses = |without: Option<usize>| -> Vec<Vec<f64>> {
            let of = |member: usize| {
                let kept = by_window.iter().enumerate().filter(|(index, _)| Some(*index) != without);
                kept.map(|(_, losses)| losses.get(member).copied().unwrap_or(f64::NAN)).collect()
            };
            (0..members).map(of).collect()
        };
        let all = losses(None);
        let seen = by_window.iter().filter(|losses| losses.iter().any(|loss| loss.is_finite())).count();
        let mut scores = Scores::new(levels);
        for (index, window) in windows.iter().enumerate() {
            let weights = Weights::from_errors(&losses(Some(index))).or_else(|| Weights::equal(members));
            let combined = weights.and_then(|weights| mixture(&window.members, &weights).ok());
            if let Some(fan) = combined {
                scores.add(&fan, &window.truth);
            }
        }
        let weights = Weights::from_errors(&all).filter(|_| seen >= WINDOWS_MIN);
        Self { losses: all, weights, scores }
    }
}

/// What all series say together, for those that say too little themselves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pool {
    /// The mean of the series' weights.
    pub weights: Option<Weights>,
    /// What all windows say of the members.
    pub record: Record,
    /// The corrections of all scores.
    pub corrections: Option<Corrections>,
}

impl Pool {
    /// Pools series of the same members, levels and horizon.
    #[must_use]
    pub fn of<'a>(standings: impl IntoIterator<Item = &'a Standing> + Clone, levels: &[f64]) -> Self {
        let weights = Weights::pooled(standings.clone().into_iter().filter_map(|of| of.weights.as_ref()));
        let record = Record::of(standings.clone().into_iter().map(|of| of.losses.as_slice()));
        let mut all = standings.into_iter().map(|of| &of.scores);
        let scores = all.next().map(|first| {
            let mut scores = first.clone();
            all.for_each(|more| scores.merge(more));
            scores
        });
        Self { weights, record, corrections: scores.and_then(|scores| scores.read(levels)) }
    }
}

/// Whose backtests weights were read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeightedBy {
    /// The series' own: at least four windows.
    Own,
    /// Other series': the own history is too short.
    Pool,
    /// Nobody's: all count the same.
    Nobody,
}

/// What the members that answered count, and by whose record. `None` without any member.
#[must_use]
pub fn weights(members: &[Option<Fan>], own: &Standing, pool: &Pool) -> Option<(Weights, WeightedBy)> {
    let among = |weights: &Weights| weights.among(|member| members.get(member).is_some_and(Option::is_some));
    let equal = Weights::equal(members.len());
    let tempered = own.weights.as_ref().map(|own| own.tempered(&pool.record));
    let records = [(tempered.as_ref(), WeightedBy::Own), (pool.weights.as_ref(), WeightedBy::Pool)];
    let all = records.into_iter().chain([(equal.as_ref(), WeightedBy::Nobody)]);
    all.filter_map(|(weights, by)| Some((among(weights?)?, by))).next()
}

/// The forecast of a series from those of its members: mixed by their [`weights`], then corrected. `at` are the levels
/// to read the corrections at, the promised ones unless adapted; no quantile falls below `floor`.
///
/// # Errors
/// [`CombineError`] where no member answered.
pub fn combined(
    members: &[Option<Fan>],
    own: &Standing,
    pool: &Pool,
    at: &[f64],
    floor: Option<f64>,
) -> Result<Fan, CombineError> {
    let (weights, _) = weights(members, own, pool).ok_or(CombineError::Empty(members.len()))?;
    let raw = mixture(members, &weights)?;
    let corrections = Corrections::mixed(own.scores.read(at), pool.corrections.as_ref());
    match corrections.map(Corrections::cautious) {
        Some(corrections) => Ok(corrections.apply(&raw, floor)?),
        None => Ok(raw),
    }
}

/// Zero for a series that was never negative; forecasts of such a one are not either.
#[must_use]
pub fn floor(history: &[f64]) -> Option<f64> {
    history.iter().all(|value| value.is_nan() || *value >= 0.0).then_some(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::TimestampMs;

    const LEVELS: [f64; 3] = [0.1, 0.5, 0.9];
    const HORIZON: usize = 12;

    fn fan(centre: f64, width: f64) -> Option<Fan> {
        let paths = [-width, 0.0, width].map(|off| vec![centre + off; HORIZON]);
        Fan::from_paths(TimestampMs(0), 60_000, &LEVELS, &paths).ok()
    }

    /// Outcomes evenly over 9 to 11.
    fn truth(from: usize) -> Vec<f64> {
        (0..HORIZON).map(|step| 9.0 + 2.0 * ((from + step) as f64 * 0.618_033_988_75).fract()).collect()
    }

    fn windows(count: usize) -> Vec<Window> {
        let window =
            |index| Window { members: vec![fan(10.0, 0.1), fan(14.0, 0.1), None], truth: truth(index * HORIZON) };
        (0..count).map(window).collect()
    }

    fn standing(count: usize) -> Standing {
        let windows = windows(count);
        Standing::of(&windows.iter().collect::<Vec<_>>(), 3, &LEVELS)
    }

    #[test]
    fn the_better_member_leads_and_the_band_is_what_it_promises() {
        let own = standing(8);
        let weights = own.weights.clone().expect("enough windows");
        assert!(weights.shares()[0] > 0.99 && weights.shares()[2] == 0.0, "{weights:?}");
        let found = combined(&windows(1)[0].members, &own, &Pool::default(), &LEVELS, None).expect("a fan");
        let row = found.at(3);
        assert!((row[0] - 9.2).abs() < 0.2 && (row[2] - 10.8).abs() < 0.2, "{row:?}");
    }

    #[test]
    fn a_new_series_is_served_by_the_pool() {
        let (known, new) = (standing(8), standing(0));
        assert_eq!((new.weights.as_ref(), new.scores.count()), (None, 0));
        let pool = Pool::of([&known, &new], &LEVELS);
        let found = combined(&windows(1)[0].members, &new, &pool, &LEVELS, None).expect("a fan");
        assert!((found.at(3)[0] - 9.2).abs() < 0.2, "{found:?}");
        let alone = combined(&windows(1)[0].members, &new, &Pool::default(), &LEVELS, None).expect("a fan");
        assert!((alone.at(0)[1] - 12.0).abs() < 1e-9, "equal weights, no correction");
    }

    #[test]
    fn less_than_four_windows_are_no_record() {
        assert!(standing(3).weights.is_none() && standing(4).weights.is_some());
    }

    #[test]
    fn nothing_falls_below_the_floor_and_no_answer_is_an_error() {
        let own = standing(8);
        let members = [fan(0.1, 0.05), None, None];
        let found = combined(&members, &own, &Pool::default(), &LEVELS, floor(&[0.0, 1.0])).expect("a fan");
        assert_eq!(found.at(0)[0], 0.0);
        assert_eq!(floor(&[1.0, -1.0]), None);
        assert!(combined(&[None, None, None], &own, &Pool::default(), &LEVELS, None).is_err());
    }
}
