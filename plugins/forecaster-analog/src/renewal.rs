//! What work that comes again makes of the steps ahead: the values of earlier steps that were as far from its time, as
//! sharply as the coming time is known (kernel weights).

use forewarm_sdk::numerics::domain::Domain;
use forewarm_sdk::numerics::past::Past;
use forewarm_sdk::numerics::stats;

use crate::recurring::{LOOKED_AT, Recurring};

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
/// What it counts beside other outcomes.
const SHARE: f64 = 0.6;

/// The earlier steps, and the times to come.
pub struct Renewal {
    /// By rising distance.
    steps: Vec<Step>,
    /// The steady level now.
    level: f64,
    /// The last time and the coming ones, as far as they are known.
    times: Vec<Time>,
    /// Steps between them.
    interval: f64,
}

/// An earlier step.
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
    /// Prepares the past that `recurring` was found in for `horizon` steps ahead.
    #[must_use]
    pub fn new(past: &Past, recurring: &Recurring, horizon: usize) -> Self {
        let values = &past.values;
        let from = values.len().saturating_sub(LOOKED_AT);
        let distances: Vec<f64> = (from..values.len()).map(|step| nearest(&recurring.times, step as f64)).collect();
        let levels = Levels { values: &values[from..], distances: &distances };
        let begun = recurring.times[0] - recurring.interval;
        let mut known = stats::median(levels.values);
        let mut steps = Vec::with_capacity(distances.len());
        for (at, distance) in distances.iter().enumerate() {
            known = levels.around(at).unwrap_or(known);
            if (from + at) as f64 >= begun && !past.missing[from + at] {
                steps.push(Step { distance: *distance, value: levels.values[at] - known });
            }
        }
        steps.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance));
        let level = levels.latest().unwrap_or(known);
        let times = times(recurring, values.len() as f64, horizon as f64);
        Self { steps, level, times, interval: recurring.interval }
    }

    /// Adds what may be there at a step ahead (from 0) to other outcomes with their weights; nothing where the coming
    /// times are not known so far.
    pub fn join(&self, step: usize, domain: &Domain, outcomes: &mut Vec<(f64, f64)>) {
        let far = |time: &&Time| (step as f64 - time.at).abs();
        let nearest = self.times.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
        let Some(time) = nearest.filter(|time| far(time) <= self.interval) else { return };
        let distance = step as f64 - time.at;
        let width = (WIDTH * WIDTH + time.spread * time.spread).sqrt();
        let from = self.steps.partition_point(|step| step.distance < distance - TAIL * width);
        let near = self.steps[from..].iter().take_while(|step| step.distance <= distance + TAIL * width);
        let outcome = |step: &Step| {
            let off = (step.distance - distance) / width;
            (domain.there(self.level + step.value), libm::exp(-off * off / 2.0))
        };
        let sum = |outcomes: &[(f64, f64)]| outcomes.iter().map(|(_, weight)| weight).sum::<f64>();
        let (others, count) = (sum(outcomes), outcomes.len());
        outcomes.extend(near.map(outcome));
        if others > 0.0 {
            let factor = others / sum(&outcomes[count..]) * SHARE / (1.0 - SHARE);
            outcomes[count..].iter_mut().for_each(|(_, weight)| *weight *= factor);
        }
    }
}

/// The distance of a step from the nearest of rising times.
fn nearest(times: &[f64], step: f64) -> f64 {
    let after = times.partition_point(|time| *time < step);
    let around = &times[after.saturating_sub(1)..(after + 1).min(times.len())];
    around.iter().map(|time| step - time).min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0)
}

/// The last time, and those to come: each an interval after the one before, and less certain. One that is overdue is due
/// at once, until it counts as missed.
fn times(recurring: &Recurring, now: f64, horizon: f64) -> Vec<Time> {
    let last = recurring.times.last().map_or(0.0, |time| time - now);
    let coming = |count: u32| Time {
        at: last + f64::from(count) * recurring.interval,
        spread: recurring.spread * f64::from(count).sqrt(),
    };
    let known = |time: &Time| time.at < horizon + recurring.interval && time.spread < LOST * recurring.interval;
    let near = (1..).map(coming).take_while(known);
    let due = near.filter(|time| time.at > -HALF - OVERDUE * time.spread);
    [Time { at: last, spread: 0.0 }]
        .into_iter()
        .chain(due.map(|time| Time { at: time.at.max(-HALF), ..time }))
        .collect()
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
    use forewarm_sdk::numerics::past::History;
    use forewarm_sdk::numerics::seasons::SeasonLengths;

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

    fn mean(outcomes: &[(f64, f64)]) -> f64 {
        let total: f64 = outcomes.iter().map(|(_, weight)| weight).sum();
        outcomes.iter().map(|(value, weight)| value * weight).sum::<f64>() / total
    }

    fn joined(past: &Past, recurring: &Recurring, step: usize, others: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut outcomes = others.to_vec();
        Renewal::new(past, recurring, 48).join(
            step,
            &Domain::new(&past.values, false).scaled(past.scale),
            &mut outcomes,
        );
        outcomes
    }

    fn at(past: &Past, recurring: &Recurring, step: usize) -> f64 {
        let domain = Domain::new(&past.values, false).scaled(past.scale);
        domain.back(mean(&joined(past, recurring, step, &[]))) * past.scale
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
        assert_eq!(of(112.0, 1.0)[1], Time { at: 6.0, spread: 1.0 * 2.0_f64.sqrt() }, "missed");
    }

    #[test]
    fn a_coming_dip_is_as_those_before_and_blurred_where_its_time_is() {
        let past = past(&dips(104));
        let sharp: Vec<f64> = (0..12).map(|step| at(&past, &recurring(0.0), step)).collect();
        assert!(
            (sharp[4] - 1.0).abs() < 0.1 && (sharp[0] - 5.0).abs() < 0.1 && (sharp[9] - 5.0).abs() < 0.1,
            "{sharp:?}"
        );
        let blurred: Vec<f64> = (2..7).map(|step| at(&past, &recurring(1.0), step)).collect();
        assert!(blurred[2] > 2.0 && blurred[2] < 4.0 && blurred[1] < 4.9 && blurred[3] < 4.9, "{blurred:?}");
    }

    #[test]
    fn it_counts_its_share_and_nothing_where_times_are_unknown() {
        let past = past(&dips(104));
        let others = [(0.0, 3.0), (1.0, 1.0)];
        let found = joined(&past, &recurring(0.1), 4, &others);
        let own: f64 = found[2..].iter().map(|(_, weight)| weight).sum();
        assert!(found[..2] == others && (own / (own + 4.0) - SHARE).abs() < 1e-12, "{found:?}");
        assert_eq!(joined(&past, &recurring(2.6), 20, &others), others);
    }

    #[test]
    fn what_was_not_measured_is_no_outcome() {
        let mut values = dips(104);
        values.iter_mut().skip(4).step_by(10).for_each(|value| *value = f64::NAN);
        // A step ahead that lies as those that are missing do: four before a time, or six after it.
        let found = |values: &[f64]| joined(&past(values), &recurring(0.0), 0, &[]).len();
        assert_eq!((found(&dips(104)), found(&values)), (21, 11));
    }
}
