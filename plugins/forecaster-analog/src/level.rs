//! How much of a difference in level lasts: an autoregression of the mean of a coming season on that of the season
//! before, one per season ahead.

use crate::candidates::Candidates;

/// The fewest candidates that say anything of it.
const PAIRS_MIN: usize = 8;

/// The share of a difference in level that is still there in each coming season, the next one first; 0 to 1.
#[must_use]
pub fn persistence(values: &[f64], candidates: &Candidates, period: usize, seasons: usize) -> Vec<f64> {
    let mut sums = Vec::with_capacity(values.len() + 1);
    sums.push(0.0);
    values.iter().for_each(|value| sums.push(sums.last().copied().unwrap_or(0.0) + value));
    let mut shares: Vec<f64> = Vec::with_capacity(seasons);
    for ahead in 0..seasons {
        let known = candidates.all.iter().filter(|one| one.place + (ahead + 1) * period <= values.len());
        let pairs: Vec<(f64, f64, f64)> = known
            .map(|one| {
                let from = one.place + ahead * period;
                (one.prior, one.level, (sums[from + period] - sums[from]) / period as f64)
            })
            .collect();
        // Where nothing is known of a season it is as the one before.
        let before = shares.last().copied().unwrap_or(0.0);
        shares.push(if pairs.len() < PAIRS_MIN { before } else { slope(&pairs).clamp(0.0, 1.0) });
    }
    shares
}

/// The slope of the line through weighted pairs of before and after; 0 where all are the same before.
fn slope(pairs: &[(f64, f64, f64)]) -> f64 {
    let total: f64 = pairs.iter().map(|(weight, ..)| weight).sum();
    let (x, y) =
        pairs.iter().fold((0.0, 0.0), |(x, y), (weight, before, after)| (x + weight * before, y + weight * after));
    let (x, y) = (x / total, y / total);
    let (both, alone) = pairs.iter().fold((0.0, 0.0), |(both, alone), (weight, before, after)| {
        (both + weight * (before - x) * (after - y), alone + weight * (before - x) * (before - x))
    });
    if alone > 0.0 { both / alone } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(law: impl Fn(usize) -> f64) -> Vec<f64> {
        let values: Vec<f64> = (0..960).map(law).collect();
        persistence(&values, &Candidates::new(&values, 24, 24), 24, 3)
    }

    #[test]
    fn a_drift_lasts_and_noise_does_not() {
        assert!(shares(|step| step as f64 / 960.0).iter().all(|share| *share > 0.99));
        let day = |step: usize| ((step / 24) as f64 * 0.618_033_988_75).fract();
        assert!(shares(|step| day(step * step)).iter().all(|share| *share < 0.5));
        assert_eq!(shares(|_| 0.5), [0.0; 3]);
    }

    #[test]
    fn seasons_that_nobody_saw_are_as_the_one_before() {
        let values: Vec<f64> = (0..120).map(|step| step as f64 / 120.0).collect();
        let shares = persistence(&values, &Candidates::new(&values, 24, 24), 24, 40);
        assert!(shares.len() == 40 && shares.windows(2).skip(2).all(|pair| pair[0] == pair[1]), "{shares:?}");
    }
}
