//! The backtest of one series after the other, with whoever answers for the members: the sandbox in production, anything
//! else in a test.
//!
//! At each scored origin the combination knows what came before it and nothing else: its weights and corrections are
//! read from windows that end at that origin or earlier, and so are those of the pool.

use crate::combine::CombineError;
use crate::ensemble::{self, Pool, Standing, Window};
use crate::weights::WINDOWS_MIN;
use crate::windows;
use forewarm_domain::forecast::Fan;
use forewarm_domain::series::Series;
use std::collections::{BTreeMap, BTreeSet};

/// What is asked of the members, and how it is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How many members there are.
    pub members: usize,
    /// Steps ahead.
    pub horizon: usize,
    /// Levels of the quantiles, rising inside (0, 1).
    pub levels: Vec<f64>,
    /// Backtest windows before each origin; 0 where nothing is combined.
    pub windows: usize,
    /// The fewest values that a window is forecast from.
    pub history_min: usize,
}

impl Plan {
    /// The usual number of windows, and two seasons before the first.
    #[must_use]
    pub fn new(members: usize, horizon: usize, levels: Vec<f64>, season: usize) -> Self {
        Self { members, horizon, levels, windows: WINDOWS_MIN, history_min: 2 * season + 1 }
    }

    fn windows_before(&self, origin: usize) -> Vec<usize> {
        windows::before(origin, self.horizon, self.windows, self.history_min)
    }

    /// What came after `place`, as far as it is known.
    #[must_use]
    pub fn truth(&self, series: &Series, place: usize) -> Vec<f64> {
        series.values.iter().skip(place).take(self.horizon).copied().collect()
    }
}

/// One series at one origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The number of values that were known.
    pub origin: usize,
    /// What each member forecast; `None` where it failed.
    pub members: Vec<Option<Fan>>,
    /// What the windows before say of them.
    pub standing: Standing,
    /// What no forecast falls below.
    pub floor: Option<f64>,
}

/// Where the members are asked for `origins` to be judged: there, and at the windows before, each place once.
#[must_use]
pub fn places(origins: &[usize], plan: &Plan) -> Vec<usize> {
    let all = origins.iter().flat_map(|origin| plan.windows_before(*origin).into_iter().chain([*origin]));
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What the answers at [`places`] say at each of `origins`.
#[must_use]
pub fn judged(series: &Series, origins: &[usize], plan: &Plan, answers: &BTreeMap<usize, Window>) -> Vec<Judged> {
    let judged = |origin: &usize| {
        let history = &series.values[..*origin.min(&series.values.len())];
        let places = plan.windows_before(*origin);
        let windows: Vec<&Window> = places.iter().filter_map(|place| answers.get(place)).collect();
        let standing = Standing::of(&windows, plan.members, &plan.levels);
        let members = answers.get(origin).map(|window| window.members.clone()).unwrap_or_default();
        Judged { origin: *origin, members, standing, floor: ensemble::floor(history) }
    };
    origins.iter().map(judged).collect()
}

/// Asks all members at each of the [`places`]. `ask` gives a member's answer to a history, `None` where it failed; the
/// histories of one place come in the order of the members.
#[must_use]
pub fn judge(
    series: &Series,
    origins: &[usize],
    plan: &Plan,
    mut ask: impl FnMut(usize, Series) -> Option<Fan>,
) -> Vec<Judged> {
    let mut answer = |place: usize| {
        let known = || Series { values: series.values[..place.min(series.values.len())].to_vec(), ..*series };
        let members = (0..plan.members).map(|member| ask(member, known())).collect();
        (place, Window { members, truth: plan.truth(series, place) })
    };
    let answers = places(origins, plan).into_iter().map(&mut answer).collect();
    judged(series, origins, plan, &answers)
}

/// The combination of each series at one origin, with the pool of them all.
#[must_use]
pub fn combine(all: &[&Judged], plan: &Plan) -> Vec<Result<Fan, CombineError>> {
    let standings: Vec<&Standing> = all.iter().map(|judged| &judged.standing).collect();
    let pool = Pool::of(standings.iter().copied(), &plan.levels);
    let one = |judged: &&Judged| {
        let Judged { members, standing, floor, .. } = judged;
        ensemble::combined(members, standing, &pool, &plan.levels, *floor)
    };
    all.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::{HOUR_MS, TimestampMs};

    const LEVELS: [f64; 3] = [0.1, 0.5, 0.9];

    fn series(values: Vec<f64>) -> Series {
        Series { start: TimestampMs(0), step_ms: HOUR_MS, values }
    }

    fn plan() -> Plan {
        Plan::new(2, 24, LEVELS.to_vec(), 24)
    }

    /// Two members: yesterday again, and zero. Each says when it was asked.
    fn ask(asked: &mut Vec<(usize, usize)>) -> impl FnMut(usize, Series) -> Option<Fan> {
        move |member, history| {
            asked.push((member, history.values.len()));
            let last = &history.values[history.values.len() - 24..];
            let path = |off: f64| last.iter().map(|value| if member == 0 { value + off } else { off }).collect();
            Fan::from_paths(history.end(), HOUR_MS, &LEVELS, &[path(-0.1), path(0.0), path(0.1)]).ok()
        }
    }

    fn wave(days: usize) -> Vec<f64> {
        (0..days * 24).map(|step| 5.0 + (step % 24) as f64 + (step as f64 * 0.618_033_988_75).fract()).collect()
    }

    #[test]
    fn each_place_is_asked_once_and_the_better_member_leads() {
        let mut asked = Vec::new();
        let judged = judge(&series(wave(12)), &[240, 264], &plan(), ask(&mut asked));
        let places: Vec<usize> = asked.iter().filter(|(member, _)| *member == 0).map(|(_, place)| *place).collect();
        let mut once = places.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!((once.len(), places.len()), (6, 6), "four windows, two origins");
        assert!(judged.iter().all(|judged| judged.standing.weights.as_ref().expect("a record").shares()[0] > 0.99));
        let all: Vec<&Judged> = vec![&judged[1]];
        let fan = combine(&all, &plan())[0].clone().expect("a fan");
        assert!((fan.at(3)[1] - 8.5).abs() < 0.7, "{:?}", fan.at(3));
    }

    #[test]
    fn nothing_after_the_origin_makes_a_difference() {
        let mut changed = wave(12);
        changed[240..].fill(1e6);
        let of = |values: Vec<f64>| {
            let mut asked = Vec::new();
            let judged = judge(&series(values), &[240], &plan(), ask(&mut asked));
            combine(&[&judged[0]], &plan())
        };
        assert_eq!(of(wave(12)), of(changed));
    }

    #[test]
    fn short_histories_and_failing_members_are_told() {
        let judged = judge(&series(wave(2)), &[30], &plan(), |member, history| {
            ask(&mut Vec::new())(member, history).filter(|_| member == 1)
        });
        assert!(judged[0].members[0].is_none() && judged[0].standing.weights.is_none());
        assert!(combine(&[&judged[0]], &plan())[0].is_ok(), "the member that answered serves");
        let nothing = judge(&series(wave(2)), &[30], &plan(), |_, _| None);
        assert!(combine(&[&nothing[0]], &plan())[0].is_err());
    }
}
