//! What work that comes again makes of a past and of the steps ahead: the past without it, and for each step ahead the
//! values of earlier steps that were as far from its time, as sharply as the coming time is known (kernel weights).

use super::past::Past;
use super::recurring::{LOOKED_AT, Recurring};
use super::stats;

/// How precisely the distance from a time says what a step looks like, in steps.
const WIDTH: f64 = 0.25;
/// Weights end so many widths from the middle.
const TAIL: f64 = 4.0;
/// Steps farther than this from a time are steady.
const STEADY_FROM: f64 = 1.8;
/// The steady level is the median of the steady ones among so many steps, at least of so many.
const LEVEL_STEPS: usize = 24;
const LEVEL_MIN: usize = 4;
/// A step lies half a step before its end.
const HALF: f64 = 0.5;
/// A time that is overdue by more than so many deviations was missed.
const OVERDUE: f64 = 2.0;
/// A time whose deviation is more than this part of an interval says nothing.
const LOST: f64 = 0.25;

/// The earlier steps, and the times to come.
#[derive(Debug, Clone, PartialEq)]
pub struct Renewal {
    /// By rising distance.
    steps: Vec<Step>,
    steady: Vec<f64>,
    level: f64,
    /// The last time and the coming ones, as far as they are known.
    times: Vec<Time>,
    /// Steps between them.
    interval: f64,
}

/// What may be there at a step ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Beside the level.
    pub value: f64,
    /// What it counts, 1 at most.
    pub weight: f64,
    /// Whether it was seen so near to a time that it was not steady.
    pub near: bool,
}

/// An earlier step.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    /// From the nearest time, in steps; negative before it.
    distance: f64,
    /// Its value beside the steady level.
    value: f64,
}

/// A time, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Time {
    /// In steps ahead.
    at: f64,
    /// The standard deviation, in steps.
    spread: f64,
}

impl Renewal {
    /// Looks for what comes again in a past after an interval of its own, at no fixed times of its shortest season, and
    /// prepares `horizon` steps ahead.
    #[must_use]
    pub fn find(past: &Past, horizon: usize) -> Option<Self> {
        let recurring = Recurring::find(&past.values, past.seasons.first().copied())?;
        Some(Self::new(past, &recurring, horizon))
    }

    fn new(past: &Past, recurring: &Recurring, horizon: usize) -> Self {
        let mut steady = past.values.clone();
        let from = steady.len().saturating_sub(LOOKED_AT);
        let distances: Vec<f64> = (from..steady.len()).map(|step| nearest(&recurring.times, step as f64)).collect();
        let levels = Levels { values: &past.values[from..], distances: &distances };
        let begun = recurring.times[0] - recurring.interval;
        let mut known = stats::median(levels.values);
        let mut steps = Vec::with_capacity(distances.len());
        for ((at, value), distance) in steady.iter_mut().enumerate().skip(from).zip(&distances) {
            known = levels.around(at - from).unwrap_or(known);
            if at as f64 >= begun && !past.missing[at] {
                steps.push(Step { distance: *distance, value: *value - known });
            }
            if distance.abs() <= STEADY_FROM {
                *value = known;
            }
        }
        steps.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance));
        let level = levels.latest().unwrap_or(known);
        let times = times(recurring, past.values.len() as f64, horizon as f64);
        Self { steps, steady, level, times, interval: recurring.interval }
    }

    /// The past without it: the steady level in place of the steps near a time.
    #[must_use]
    pub fn steady(&self) -> &[f64] {
        &self.steady
    }

    /// The steady level now.
    #[must_use]
    pub fn level(&self) -> f64 {
        self.level
    }

    /// What may be there at a step ahead (from 0): where the coming times are not known so far, whatever was.
    pub fn outcomes(&self, step: usize) -> impl Iterator<Item = Outcome> {
        let far = |time: &&Time| (step as f64 - time.at).abs();
        let time = self.times.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
        let time = time.filter(|time| far(time) <= self.interval / 2.0 + WIDTH);
        let known = |time: &Time| (step as f64 - time.at, (WIDTH * WIDTH + time.spread * time.spread).sqrt());
        let (distance, width) = time.map_or((0.0, f64::INFINITY), known);
        let from = self.steps.partition_point(|step| step.distance < distance - TAIL * width);
        let near = self.steps[from..].iter().take_while(move |step| step.distance <= distance + TAIL * width);
        near.map(move |step| {
            let off = (step.distance - distance) / width;
            let near = step.distance.abs() <= STEADY_FROM;
            Outcome { value: step.value, weight: libm::exp(-off * off / 2.0), near }
        })
    }
}

/// The distance of a step from the nearest of rising times.
fn nearest(times: &[f64], step: f64) -> f64 {
    let after = times.partition_point(|time| *time < step);
    let around = &times[after.saturating_sub(1)..(after + 1).min(times.len())];
    around.iter().map(|time| step - time).min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0)
}

/// The last time, and those after it: each an interval after the one before, and less certain. One that is overdue is due
/// at once, until it counts as missed.
fn times(recurring: &Recurring, now: f64, horizon: f64) -> Vec<Time> {
    let last = recurring.times.last().map_or(0.0, |time| time - now);
    let coming = |count: u32| Time {
        at: last + f64::from(count) * recurring.interval,
        spread: recurring.spread * f64::from(count).sqrt(),
    };
    let known = |time: &Time| time.at < horizon + recurring.interval && time.spread < LOST * recurring.interval;
    let due = |time: Time| {
        let is_overdue = (-HALF - OVERDUE * time.spread..-HALF).contains(&time.at);
        Time { at: if is_overdue { -HALF } else { time.at }, ..time }
    };
    let near = (1..).map(coming).take_while(known).map(due);
    [Time { at: last, spread: 0.0 }].into_iter().chain(near).collect()
}

/// The steady level of values with distances from a time.
struct Levels<'a> {
    values: &'a [f64],
    distances: &'a [f64],
}

impl Levels<'_> {
    fn around(&self, at: usize) -> Option<f64> {
        self.of(at.saturating_sub(LEVEL_STEPS / 2), at + LEVEL_STEPS / 2)
    }

    fn latest(&self) -> Option<f64> {
        self.of(self.values.len().saturating_sub(LEVEL_STEPS), self.values.len())
    }

    /// `None` where hardly a step is steady.
    fn of(&self, from: usize, to: usize) -> Option<f64> {
        let steps = from..to.min(self.values.len());
        let steady = steps.filter(|step| self.distances[*step].abs() > STEADY_FROM).map(|step| self.values[step]);
        let steady: Vec<f64> = steady.collect();
        (steady.len() >= LEVEL_MIN).then(|| stats::median(&steady))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::past::History;
    use crate::numerics::seasons::SeasonLengths;

    const TIME: Time = Time { at: 0.0, spread: 0.0 };

    fn recurring(spread: f64) -> Recurring {
        Recurring { times: (0..10).map(|time| 8.0 + 10.0 * f64::from(time)).collect(), interval: 10.0, spread }
    }

    fn past(values: &[f64]) -> Past {
        let mut history = History::default();
        history.extend(values);
        history.past(&SeasonLengths::default(), 2).expect("values")
    }

    /// Dips of one step, the last one six steps ago.
    fn dips(steps: usize) -> Vec<f64> {
        (0..steps).map(|step| if step % 10 == 8 { 1.0 } else { 5.0 }).collect()
    }

    /// The mean of what may be there at a step ahead, in the series' own unit.
    fn mean(renewal: &Renewal, step: usize) -> f64 {
        let total: f64 = renewal.outcomes(step).map(|outcome| outcome.weight).sum();
        let sum: f64 = renewal.outcomes(step).map(|outcome| outcome.value * outcome.weight).sum();
        5.0 * (renewal.level() + sum / total)
    }

    #[test]
    fn the_nearest_time_is_before_or_after() {
        let of = |step| nearest(&[10.0, 20.0], step);
        assert_eq!([of(3.0), of(12.0), of(17.0), of(26.0)], [-7.0, 2.0, -3.0, 6.0]);
    }

    #[test]
    fn times_to_come_are_counted_from_the_last_one_and_ever_less_certain() {
        // The last time was 98.
        let of = |now, spread| times(&recurring(spread), now, 24.0);
        let ahead: Vec<f64> = of(104.0, 0.1).iter().map(|time| time.at).collect();
        assert_eq!(ahead, [-6.0, 4.0, 14.0, 24.0]);
        assert!((of(104.0, 0.1)[2].spread - 0.1 * 2.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(of(104.0, 3.0), [Time { at: -6.0, ..TIME }], "nothing is known");
        assert_eq!(of(109.0, 1.0)[1], Time { at: -0.5, spread: 1.0 }, "overdue");
        let missed = of(112.0, 1.0);
        assert_eq!((missed[1].at, missed[2].at), (-4.0, 6.0), "missed");
    }

    #[test]
    fn a_coming_dip_is_as_those_before_and_blurred_where_its_time_is() {
        let past = past(&dips(104));
        let ahead = |spread: f64| -> Vec<f64> {
            let renewal = Renewal::new(&past, &recurring(spread), 24);
            (0..10).map(|step| mean(&renewal, step)).collect()
        };
        let (sharp, blurred) = (ahead(0.0), ahead(1.0));
        assert!((sharp[4] - 1.0).abs() < 0.01 && (sharp[0] - 5.0).abs() < 0.01, "{sharp:?}");
        assert!((2.0..4.0).contains(&blurred[4]) && blurred[3] < 4.5 && blurred[5] < 4.5, "{blurred:?}");
    }

    #[test]
    fn outcomes_are_near_a_time_or_not_and_all_that_were_where_times_are_unknown() {
        let past = past(&dips(104));
        let renewal = Renewal::new(&past, &recurring(0.1), 48);
        assert!(renewal.outcomes(4).all(|outcome| outcome.near && outcome.weight <= 1.0));
        assert!(renewal.outcomes(0).all(|outcome| !outcome.near) && renewal.outcomes(0).count() > 5);
        let unknown = Renewal::new(&past, &recurring(2.6), 48);
        assert!(unknown.outcomes(20).all(|outcome| outcome.weight == 1.0));
        assert_eq!((unknown.outcomes(20).count(), unknown.outcomes(2).count()), (104, 104));
    }

    #[test]
    fn the_steady_past_has_none_of_it() {
        let past = past(&dips(104));
        assert_eq!(Renewal::new(&past, &recurring(0.1), 1).steady(), vec![1.0; 104]);
        let found = Renewal::find(&past, 1).expect("dips");
        assert!((found.interval - 10.0).abs() < 1e-9 && found.steady() == vec![1.0; 104]);
    }

    #[test]
    fn what_was_not_measured_is_no_outcome() {
        let mut values = dips(104);
        values.iter_mut().skip(4).step_by(10).for_each(|value| *value = f64::NAN);
        // A step ahead that lies as those that are missing do: four before a time, or six after it.
        let found = |values: &[f64]| Renewal::new(&past(values), &recurring(0.0), 1).outcomes(0).count();
        assert_eq!((found(&dips(104)), found(&values)), (21, 11));
    }
}
