//! A level that moved for good: what came before is moved along, so that shape and level learn from one level.

use forewarm_sdk::numerics::stats;

/// A shift is looked for up to this many cycles back: later shape and level have followed.
const CYCLES_BACK: usize = 7;
/// A cycle is looked at in this many parts.
const PARTS: usize = 4;
/// Departures from the shape count as strange beyond this quantile of all earlier ones.
const STRANGE: f64 = 0.98;
/// The share of values since the shift that have to be strange, all to the same side.
const AGREEING: f64 = 0.9;

/// Moves the values before the latest shift of the level to the new one, and tells whether there was one. `shape` is the
/// shape at each step as it was known one `period` before. At least half a `cycle` has to be strange.
pub fn rebase(values: &mut [f64], shape: &[f64], period: usize, cycle: usize) -> bool {
    let count = values.len();
    let Some(calm) = count.checked_sub(CYCLES_BACK * cycle).filter(|calm| *calm >= 3 * cycle) else {
        return false;
    };
    let mut earlier: Vec<f64> = (cycle..calm).map(|at| (values[at] - shape[at]).abs()).collect();
    earlier.sort_unstable_by(f64::total_cmp);
    let strange = stats::quantile_of_sorted(&earlier, STRANGE);
    let steps = |parts: usize| (parts * cycle).div_ceil(PARTS).max(2);
    let shift = (PARTS / 2..=PARTS * CYCLES_BACK)
        .rev()
        .find_map(|parts| shifted(&values[count - steps(parts)..], &shape[count - steps(parts)..], period, strange));
    let Some((since, by)) = shift else { return false };
    values[..count - since].iter_mut().for_each(|value| *value += by);
    true
}

/// How long ago and by how much the values moved off the shape that was known when they did.
fn shifted(values: &[f64], shape: &[f64], period: usize, strange: f64) -> Option<(usize, f64)> {
    let departures: Vec<f64> = values.iter().enumerate().map(|(at, value)| value - shape[at % period]).collect();
    let by = stats::median(&departures);
    let agreeing = departures.iter().filter(|departure| **departure * by.signum() > strange).count();
    (by != 0.0 && agreeing as f64 >= AGREEING * departures.len() as f64).then_some((departures.len(), by))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shape of 24 steps with a departure, and what [`rebase`] makes of it.
    fn rebased(departure: impl Fn(usize) -> f64) -> Option<Vec<f64>> {
        let phase = |at: usize| (at % 24) as f64;
        let values: Vec<f64> = (0..480).map(|at| phase(at) + departure(at)).collect();
        let mut moved = values.clone();
        let shape: Vec<f64> = (0..504).map(phase).collect();
        rebase(&mut moved, &shape, 24, 24)
            .then(|| moved.iter().zip(&values).map(|(after, before)| after - before).collect())
    }

    fn restless(at: usize) -> f64 {
        (at * 31 % 17) as f64 / 8.0 - 1.0
    }

    #[test]
    fn what_came_before_a_shift_is_moved() {
        let by = rebased(|at| restless(at) + if at < 462 { 0.0 } else { 50.0 }).expect("a shift");
        assert!(by[..462].iter().all(|by| (by - 50.0).abs() < 1.0) && by[462..].iter().all(|by| *by == 0.0));
    }

    #[test]
    fn peaks_short_spells_and_both_sides_are_no_shift() {
        assert_eq!(rebased(restless), None);
        assert_eq!(rebased(|at| if at < 473 { restless(at) } else { 50.0 }), None, "less than half a cycle");
        assert_eq!(rebased(|at| if at < 460 { restless(at) } else { 50.0 * restless(at).signum() }), None);
        assert_eq!(rebased(|at| if at % 100 > 80 { 50.0 } else { restless(at) }), None, "it was seen before");
    }

    #[test]
    fn short_and_constant_series_stay() {
        assert!(!rebase(&mut [1.0; 100], &[1.0; 124], 24, 24));
        assert!(!rebase(&mut [1.0; 480], &[1.0; 504], 24, 24));
    }
}
