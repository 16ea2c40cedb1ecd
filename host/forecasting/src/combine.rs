//! One forecast of several: the mixture of their distributions by weight (a linear opinion pool: Stone 1961).
//!
//! Where members agree it is as sharp as they are; where they don't it is as wide as their disagreement, and its median goes
//! with the majority. The average of their quantiles, which is as sharp as its members in any case, did worse on windows
//! before those that anything was scored on, corrected or not.

use crate::weights::Weights;
use forewarm_domain::forecast::{Fan, InvalidFan};

/// Why forecasts can't be combined.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CombineError {
    /// No member with any weight answered.
    #[error("none of the {0} forecasters gave a forecast")]
    Empty(usize),
    /// Members were asked different things.
    #[error("member {0} answered for other levels, steps or times than the first")]
    Mismatch(usize),
    /// The mixture is no forecast; only of values near the largest number there is.
    #[error(transparent)]
    Invalid(#[from] InvalidFan),
}

/// The probabilities at which members are read, in the middle of as many equal parts.
const READINGS: usize = 50;

/// The mixture of those members that answered; the shares of the others fall to them. A member alone stays as it is.
///
/// # Errors
/// [`CombineError`].
pub fn pool(members: &[Option<Fan>], weights: &Weights) -> Result<Fan, CombineError> {
    let answered = |member: usize| members.get(member).is_some_and(Option::is_some);
    let weights = weights.among(answered).ok_or(CombineError::Empty(members.len()))?;
    let shared = members.iter().zip(weights.shares()).enumerate();
    let counted = shared.filter(|(_, (_, weight))| **weight > 0.0);
    let counted: Vec<(usize, &Fan, f64)> =
        counted.filter_map(|(index, (fan, weight))| Some((index, fan.as_ref()?, *weight))).collect();
    let first = counted.first().map(|(_, fan, _)| *fan).ok_or(CombineError::Empty(members.len()))?;
    if let Some((other, ..)) = counted.iter().find(|(_, fan, _)| !alike(first, fan)) {
        return Err(CombineError::Mismatch(*other));
    }
    if counted.len() == 1 {
        return Ok(first.clone());
    }
    let levels = first.levels();
    let readings: Vec<Reading> =
        (0..READINGS).map(|index| Reading::of(levels, (index as f64 + 0.5) / READINGS as f64)).collect();
    let mut paths = vec![Vec::with_capacity(first.horizon()); levels.len()];
    let mut mixed: Vec<(f64, f64)> = Vec::with_capacity(counted.len() * READINGS);
    for step in 0..first.horizon() {
        mixed.clear();
        for (_, fan, weight) in &counted {
            mixed.extend(readings.iter().map(|reading| (reading.from(fan.at(step)), weight / READINGS as f64)));
        }
        mixed.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        quantiles(&mixed, levels).zip(&mut paths).for_each(|(value, path)| path.push(value));
    }
    Ok(Fan::from_paths(first.start(), first.step_ms(), levels, &paths)?)
}

/// Where a probability lies among levels: linear between two of them, and beyond the outermost with their slope.
struct Reading {
    low: usize,
    high: usize,
    share: f64,
}

impl Reading {
    fn of(levels: &[f64], probability: f64) -> Self {
        let last = levels.len().saturating_sub(1);
        let low = levels.partition_point(|level| *level <= probability).saturating_sub(1).min(last.saturating_sub(1));
        let high = (low + 1).min(last);
        let span = levels[high] - levels[low];
        Self { low, high, share: if span > 0.0 { (probability - levels[low]) / span } else { 0.0 } }
    }

    fn from(&self, row: &[f64]) -> f64 {
        row[self.low] + self.share * (row[self.high] - row[self.low])
    }
}

/// The quantiles at rising levels of rising values with weights of sum one: linear between the middles of their weights.
fn quantiles<'a>(mixed: &'a [(f64, f64)], levels: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    let mut at = 0;
    let (mut before, mut below) = ((f64::NEG_INFINITY, 0.0), 0.0);
    levels.iter().map(move |level| {
        while let Some((value, weight)) = mixed.get(at) {
            let middle = below + weight / 2.0;
            if middle > *level {
                let (low, from) = before;
                let share = if low.is_finite() { (level - from) / (middle - from) } else { 1.0 };
                return if low.is_finite() { low + share * (value - low) } else { *value };
            }
            before = (*value, middle);
            below += weight;
            at += 1;
        }
        before.0
    })
}

fn alike(a: &Fan, b: &Fan) -> bool {
    (a.start(), a.step_ms(), a.horizon()) == (b.start(), b.step_ms(), b.horizon()) && a.levels() == b.levels()
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::TimestampMs;
    use proptest::prelude::*;

    fn fan(levels: &[f64], rows: &[Vec<f64>]) -> Fan {
        let paths: Vec<Vec<f64>> = (0..levels.len()).map(|level| rows.iter().map(|row| row[level]).collect()).collect();
        Fan::from_paths(TimestampMs(0), 60_000, levels, &paths).expect("a fan")
    }

    #[test]
    fn the_share_of_a_failed_member_falls_to_the_others() {
        let weights = Weights::from_errors(&[vec![1.0], vec![1.0], vec![1.0]]).expect("all answered");
        let (a, b) = (fan(&[0.5], &[vec![2.0]]), fan(&[0.5], &[vec![4.0]]));
        let found = pool(&[Some(a), None, Some(b)], &weights).expect("two answered");
        assert!((2.0..=4.0).contains(&found.at(0)[0]), "{found:?}");
        assert_eq!(pool(&[None, None, None], &weights), Err(CombineError::Empty(3)));
    }

    #[test]
    fn members_that_were_asked_something_else_are_named() {
        let weights = Weights::equal(2).expect("two");
        let (a, b) = (fan(&[0.5], &[vec![2.0]]), fan(&[0.4], &[vec![4.0]]));
        assert_eq!(pool(&[Some(a), Some(b)], &weights), Err(CombineError::Mismatch(1)));
    }

    #[test]
    fn where_members_differ_the_band_holds_both_and_the_median_goes_with_the_majority() {
        let levels = [0.05, 0.5, 0.95];
        let near = |centre: f64| Some(fan(&levels, &[vec![centre - 1.0, centre, centre + 1.0]]));
        let weights = Weights::equal(3).expect("three");
        let found = pool(&[near(10.0), near(10.2), near(50.0)], &weights).expect("a fan");
        let row = found.at(0);
        assert!(
            (9.0..9.6).contains(&row[0]) && (10.0..10.8).contains(&row[1]) && (50.0..51.0).contains(&row[2]),
            "{row:?}"
        );
        let alone = pool(&[near(10.0), None, None], &weights).expect("a fan");
        assert_eq!(Some(alone), near(10.0));
        let agreed = pool(&[near(10.0), near(10.0), near(10.0)], &weights).expect("a fan");
        for (value, expected) in agreed.at(0).iter().zip([9.0, 10.0, 11.0]) {
            assert!((value - expected).abs() < 0.05, "{agreed:?}");
        }
    }

    fn rows() -> impl Strategy<Value = Vec<Vec<f64>>> {
        prop::collection::vec(prop::collection::vec(-1e6..1e6_f64, 3), 4)
    }

    proptest! {
        #[test]
        fn it_never_crosses_and_moves_with_its_members(
            a in rows(), b in rows(), errors in prop::collection::vec(0.1..10.0_f64, 2), by in -1e3..1e3_f64,
            times in 0.1..10.0_f64,
        ) {
            let levels = [0.1, 0.5, 0.9];
            let weights = Weights::from_errors(&[vec![errors[0]], vec![errors[1]]]).expect("both answered");
            let moved = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> {
                rows.iter().map(|row| row.iter().map(|value| value * times + by).collect()).collect()
            };
            let plain = pool(&[Some(fan(&levels, &a)), Some(fan(&levels, &b))], &weights).expect("a fan");
            let other =
                pool(&[Some(fan(&levels, &moved(&a))), Some(fan(&levels, &moved(&b)))], &weights).expect("a fan");
            for step in 0..4 {
                prop_assert!(plain.at(step).is_sorted());
                for (value, other) in plain.at(step).iter().zip(other.at(step)) {
                    prop_assert!((value * times + by - other).abs() < 1e-6);
                }
            }
        }
    }
}
