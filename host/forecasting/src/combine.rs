//! One forecast of several: the weighted average of their quantiles, level by level (Vincentisation).
//!
//! An average of rows that do not cross does not cross, and it keeps the members' shape, where a mixture of their
//! distributions would widen it.

use crate::weights::Weights;
use forewarm_domain::forecast::{Fan, InvalidFan};

/// Why forecasts can't be combined.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CombineError {
    /// No member with any weight answered.
    #[error("none of the {0} members with a weight gave a forecast")]
    Empty(usize),
    /// Members were asked different things.
    #[error("member {0} answered for other levels, steps or times than the first")]
    Mismatch(usize),
    /// The average is no forecast; only of values near the largest number there is.
    #[error(transparent)]
    Invalid(#[from] InvalidFan),
}

/// The weighted average of those members that answered; the shares of the others fall to them.
///
/// # Errors
/// [`CombineError`].
pub fn average(members: &[Option<Fan>], weights: &Weights) -> Result<Fan, CombineError> {
    let answered = |member: usize| members.get(member).is_some_and(Option::is_some);
    let weights = weights.among(answered).ok_or(CombineError::Empty(members.len()))?;
    let shared = members.iter().zip(weights.shares()).enumerate();
    let mut counted = shared.filter_map(|(index, (fan, weight))| Some((index, fan.as_ref()?, *weight)));
    let mut sum: Option<(&Fan, Vec<Vec<f64>>)> = None;
    counted.try_for_each(|(index, fan, weight)| {
        let (first, paths) = sum.get_or_insert_with(|| (fan, vec![vec![0.0; fan.horizon()]; fan.levels().len()]));
        if !alike(first, fan) {
            return Err(CombineError::Mismatch(index));
        }
        for step in 0..fan.horizon() {
            paths.iter_mut().zip(fan.at(step)).for_each(|(path, value)| path[step] += weight * value);
        }
        Ok(())
    })?;
    let (first, paths) = sum.ok_or(CombineError::Empty(members.len()))?;
    Ok(Fan::from_paths(first.start(), first.step_ms(), first.levels(), &paths)?)
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
        let found = average(&[Some(a), None, Some(b)], &weights).expect("two answered");
        assert!((found.at(0)[0] - 3.0).abs() < 1e-12);
        assert_eq!(average(&[None, None, None], &weights), Err(CombineError::Empty(3)));
    }

    #[test]
    fn members_that_were_asked_something_else_are_named() {
        let weights = Weights::equal(2).expect("two");
        let (a, b) = (fan(&[0.5], &[vec![2.0]]), fan(&[0.4], &[vec![4.0]]));
        assert_eq!(average(&[Some(a), Some(b)], &weights), Err(CombineError::Mismatch(1)));
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
            let plain = average(&[Some(fan(&levels, &a)), Some(fan(&levels, &b))], &weights).expect("a fan");
            let other =
                average(&[Some(fan(&levels, &moved(&a))), Some(fan(&levels, &moved(&b)))], &weights).expect("a fan");
            for step in 0..4 {
                prop_assert!(plain.at(step).is_sorted());
                for (value, other) in plain.at(step).iter().zip(other.at(step)) {
                    prop_assert!((value * times + by - other).abs() < 1e-6);
                }
            }
        }
    }
}
