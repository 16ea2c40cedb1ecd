//! How often a series has to be differenced before it is stationary, along the season and from value to value.

use forewarm_sdk::kernels::dot;
use forewarm_sdk::numerics::{profile, stats};

/// The 5% critical value of the test of Kwiatkowski, Phillips, Schmidt and Shin for stationarity around a level.
const KPSS_CRITICAL: f64 = 0.463;
/// The most differences from value to value.
const DIFFERENCES_MAX: usize = 2;
/// Seasons stronger than this are differenced. Hyndman's threshold is 0.64; weaker seasons of loads last as well, and a
/// moving average over seasons smooths what a difference roughens.
const STRENGTH_MIN: f64 = 0.3;

/// The differences to the value `lag` steps before.
#[must_use]
pub fn differences(values: &[f64], lag: usize) -> Vec<f64> {
    values.iter().skip(lag).zip(values).map(|(now, before)| now - before).collect()
}

/// How often differences have to be taken until the test does not find a level that moves, at most twice.
#[must_use]
pub fn differences_needed(values: &[f64]) -> usize {
    let taken = std::iter::successors(Some(values.to_vec()), |values| Some(differences(values, 1)));
    taken.take(DIFFERENCES_MAX).take_while(|values| kpss(values) > KPSS_CRITICAL).count()
}

/// The statistic of Kwiatkowski, Phillips, Schmidt and Shin (1992) for a level, with a Bartlett window of
/// `3 sqrt(n) / 13` lags; 0 for constants.
#[must_use]
pub fn kpss(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let middle = stats::mean(values);
    let centred: Vec<f64> = values.iter().map(|value| value - middle).collect();
    let lags = (3.0 * count.sqrt() / 13.0) as usize;
    let at = |lag: usize| centred.get(lag..).map_or(0.0, |later| dot(later, &centred)) / count;
    let weight = |lag: usize| 2.0 * (1.0 - lag as f64 / (lags + 1) as f64);
    let long_run = at(0) + (1..=lags).map(|lag| weight(lag) * at(lag)).sum::<f64>();
    let mut sum = 0.0;
    let squares: f64 = centred
        .iter()
        .map(|value| {
            sum += value;
            sum * sum
        })
        .sum();
    if long_run > 0.0 { squares / (count * count * long_run) } else { 0.0 }
}

/// Whether the season of `period` steps is so strong that it is differenced, by the measure of Wang, Smith and Hyndman
/// (2006).
#[must_use]
pub fn is_seasonal(values: &[f64], period: usize) -> bool {
    let trend = profile::moving_average(values, period);
    let detrended: Vec<f64> = values.iter().zip(&trend).map(|(value, trend)| value - trend).collect();
    let shape = profile::means(&detrended, period);
    let rest: Vec<f64> = detrended.iter().zip(shape.iter().cycle()).map(|(value, shape)| value - shape).collect();
    let whole = stats::variance(&detrended);
    whole > 0.0 && 1.0 - stats::variance(&rest) / whole > STRENGTH_MIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::published::{LH, WWW_USAGE, air_passengers};

    #[test]
    fn differences_undo_sums() {
        assert_eq!(differences(&[1.0, 4.0, 9.0, 16.0], 1), [3.0, 5.0, 7.0]);
        assert_eq!(differences(&[1.0, 4.0, 9.0, 16.0], 2), [8.0, 12.0]);
        assert_eq!(differences(&[1.0], 2), [0.0; 0]);
    }

    #[test]
    fn series_are_differenced_as_published() {
        let strong = air_passengers();
        assert!(is_seasonal(&strong, 12));
        assert_eq!(differences_needed(&strong), 1);
        assert_eq!(differences_needed(&WWW_USAGE), 1);
        assert_eq!(differences_needed(&LH), 0);
        assert!(!is_seasonal(&LH, 12));
    }

    #[test]
    fn constants_and_nothing_are_stationary() {
        for values in [vec![], vec![3.0], vec![3.0; 50]] {
            assert_eq!(differences_needed(&values), 0);
        }
    }
}
