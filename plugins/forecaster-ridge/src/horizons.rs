//! The horizons that have a regression of their own; those in between are interpolated.

/// The farthest regression, in seasons.
const SEASONS_AHEAD: usize = 3;
/// Where there is no season, horizons are laid out as if one had this many steps.
const STEPS_WITHOUT_SEASON: usize = 24;
/// Up to a quarter of the season horizons double, in longer seasons they grow by four.
const LONG_SEASON: usize = 96;

/// The horizons for a season of `period` steps, rising from 1: close together at first, then half a season apart.
#[must_use]
pub fn horizons(period: usize) -> Vec<usize> {
    let period = if period > 1 { period } else { STEPS_WITHOUT_SEASON };
    let factor = if period > LONG_SEASON { 4 } else { 2 };
    let near = std::iter::successors(Some(1), |steps| Some(steps * factor)).take_while(|steps| 4 * steps < period);
    let far = (2..2 * SEASONS_AHEAD).map(|halves| (halves + 1) * period / 2);
    let mut all: Vec<usize> = near.chain([period / 3, period * 7 / 12, period]).chain(far).collect();
    all.retain(|steps| *steps > 0);
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_rise_from_one() {
        assert_eq!(horizons(24), [1, 2, 4, 8, 14, 24, 36, 48, 60, 72]);
        assert_eq!(horizons(1), horizons(24));
        assert_eq!(horizons(1_440)[..8], [1, 4, 16, 64, 256, 480, 840, 1_440]);
        for period in 2..300 {
            let all = horizons(period);
            assert!(all[0] == 1 && all.windows(2).all(|pair| pair[0] < pair[1]), "{period}: {all:?}");
        }
    }
}
