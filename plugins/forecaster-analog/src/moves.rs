//! How what followed a candidate is moved to now: by regressions, over all candidates, of coming stretches of time on what
//! was seen before (the adjustment of Beaumont, Zhang and Balding 2002 to samples that are only like what is wanted).

use forewarm_sdk::numerics::cholesky::solve;

use crate::candidates::{Candidate, Candidates, TRAITS, Traits};

/// How many there are; what followed a candidate counts once by each.
pub const MOVES: usize = 2;
/// The fewest candidates that say anything of a stretch.
const PAIRS_MIN: usize = 8;
/// A stretch of the second move is a season's part.
const PARTS: usize = 8;
/// How strongly the slopes of the second move are drawn to zero, in candidates.
const RIDGE: f64 = 2.0;

/// Two moves. That of the level alone, a season at a time, by the part of a difference that lasts; and that of all traits,
/// an eighth of a season at a time, which tells the next hours better and those after them worse.
#[derive(Debug, Clone, PartialEq)]
pub struct Moves {
    level: Stretches,
    traits: Stretches,
}

/// By how much what followed moves per difference in each trait, stretch by stretch.
#[derive(Debug, Clone, PartialEq)]
struct Stretches {
    steps: usize,
    slopes: Vec<Traits>,
}

/// What a stretch was like after what was seen.
struct Pair {
    weight: f64,
    before: Traits,
    after: f64,
}

impl Moves {
    /// Learns from what followed the candidates, up to `horizon` steps.
    #[must_use]
    pub fn new(values: &[f64], candidates: &Candidates, period: usize, horizon: usize) -> Self {
        let mut sums = Vec::with_capacity(values.len() + 1);
        sums.push(0.0);
        values.iter().for_each(|value| sums.push(sums.last().copied().unwrap_or(0.0) + value));
        let lasting = |pairs: &[Pair]| slopes(pairs, 1, 0.0).map(|slope| slope.clamp(0.0, 1.0));
        Self {
            level: Stretches::new(&sums, candidates, period, horizon, lasting),
            traits: Stretches::new(&sums, candidates, (period / PARTS).max(1), horizon, |pairs| {
                slopes(pairs, TRAITS, RIDGE)
            }),
        }
    }

    /// By how much what followed `then` is moved to what follows `now`, `step` steps on: both moves.
    #[must_use]
    pub fn at(&self, step: usize, then: &Traits, now: &Traits) -> [f64; MOVES] {
        [&self.level, &self.traits].map(|stretches| stretches.at(step, then, now))
    }
}

impl Stretches {
    fn new(
        sums: &[f64],
        candidates: &Candidates,
        steps: usize,
        horizon: usize,
        law: impl Fn(&[Pair]) -> Traits,
    ) -> Self {
        let mut slopes: Vec<Traits> = Vec::new();
        for from in (0..horizon).step_by(steps) {
            let pair = |one: &Candidate| {
                let (from, to) = (one.place + from, one.place + from + steps);
                let after = (sums.get(to)? - sums[from]) / steps as f64;
                Some(Pair { weight: one.prior, before: one.traits, after })
            };
            let pairs: Vec<Pair> = candidates.all.iter().filter_map(pair).collect();
            // Where nothing is known of a stretch it is as the one before.
            let before = slopes.last().copied().unwrap_or_default();
            slopes.push(if pairs.len() < PAIRS_MIN { before } else { law(&pairs) });
        }
        Self { steps, slopes }
    }

    fn at(&self, step: usize, then: &Traits, now: &Traits) -> f64 {
        let slopes = self.slopes.get(step / self.steps).copied().unwrap_or_default();
        slopes.iter().zip(now.iter().zip(then)).map(|(slope, (now, then))| slope * (now - then)).sum()
    }
}

/// The slopes of what came after on the first `count` traits before, in a weighted ridge regression; 0 of those that are the
/// same everywhere.
fn slopes(pairs: &[Pair], count: usize, ridge: f64) -> Traits {
    let total: f64 = pairs.iter().map(|pair| pair.weight).sum();
    let mean = |of: &dyn Fn(&Pair) -> f64| pairs.iter().map(|pair| pair.weight * of(pair)).sum::<f64>() / total;
    let middle: Traits = std::array::from_fn(|index| mean(&|pair| pair.before[index]));
    let after = mean(&|pair| pair.after);
    let off = |pair: &Pair, index: usize| pair.before[index] - middle[index];
    let spread: Traits = std::array::from_fn(|index| {
        let spread = mean(&|pair| off(pair, index) * off(pair, index)).sqrt();
        if spread > 0.0 { spread } else { 1.0 }
    });
    // One candidate of so many equal ones.
    let one = mean(&|pair| pair.weight) / total;
    let mut matrix: Vec<f64> = Vec::with_capacity(count * count);
    for row in 0..count {
        for column in 0..count {
            let both = mean(&|pair| off(pair, row) * off(pair, column)) / (spread[row] * spread[column]);
            matrix.push(if row == column { both + ridge * one } else { both });
        }
    }
    let right = (0..count).map(|index| mean(&|pair| off(pair, index) * (pair.after - after)) / spread[index]);
    let found = solve(&mut matrix, right.collect()).unwrap_or_default();
    std::array::from_fn(|index| found.get(index).map_or(0.0, |slope| slope / spread[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves(law: impl Fn(usize) -> f64) -> Moves {
        let values: Vec<f64> = (0..960).map(law).collect();
        Moves::new(&values, &Candidates::new(&values, 24, 24), 24, 72)
    }

    fn lasting(law: impl Fn(usize) -> f64) -> Vec<f64> {
        moves(law).level.slopes.iter().map(|slopes| slopes[0]).collect()
    }

    #[test]
    fn a_drift_lasts_and_noise_does_not() {
        assert!(lasting(|step| step as f64 / 960.0).iter().all(|share| *share > 0.99));
        let day = |step: usize| ((step / 24) as f64 * 0.618_033_988_75).fract();
        assert!(lasting(|step| day(step * step)).iter().all(|share| *share < 0.5));
        assert_eq!(moves(|_| 0.5).at(5, &[0.0; TRAITS], &[1.0; TRAITS]), [0.0; MOVES]);
    }

    #[test]
    fn what_moved_lately_moves_the_next_hours_most() {
        // A slow wave of two days and a half: after a rise it goes on rising for a while.
        let found = moves(|step| (step as f64 * std::f64::consts::TAU / 60.0).sin());
        let rising = [0.0, 1.0, 0.5];
        let [by_level, next] = found.at(0, &[0.0; TRAITS], &rising);
        assert!(by_level == 0.0 && next > 0.2, "{by_level} {next}");
    }

    #[test]
    fn slopes_are_those_of_the_line_that_they_were_made_of() {
        let pair = |at: usize| {
            let before: Traits = std::array::from_fn(|index| ((at * (index + 3)) as f64 * 0.618_033_988_75).fract());
            Pair { weight: 1.0 + (at % 3) as f64, before, after: 0.5 * before[0] - 2.0 * before[1] + 7.0 }
        };
        let pairs: Vec<Pair> = (0..400).map(pair).collect();
        let found = slopes(&pairs, TRAITS, 0.0);
        assert!(found.iter().zip([0.5, -2.0, 0.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        let drawn = slopes(&pairs, TRAITS, 400.0);
        assert!(drawn.iter().zip(found).all(|(drawn, found)| drawn.abs() < found.abs().max(0.2)), "{drawn:?}");
    }

    #[test]
    fn stretches_that_nobody_saw_are_as_the_one_before() {
        let values: Vec<f64> = (0..120).map(|step| step as f64 / 120.0).collect();
        let found = Moves::new(&values, &Candidates::new(&values, 24, 24), 24, 960).level.slopes;
        assert!(found.len() == 40 && found.windows(2).skip(4).all(|pair| pair[0] == pair[1]), "{found:?}");
    }
}
