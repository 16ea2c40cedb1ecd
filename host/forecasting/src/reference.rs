//! The two forecasts that others are measured against: the seasonal naive one, and Naive2 of the M4 competition.

use crate::measures::DECILES;
use forewarm_domain::forecast::Fan;

/// z-values of the deciles 0.1 to 0.9 of a normal distribution.
const Z_DECILES: [f64; 9] = [-1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816];
/// The z-value of the 95% quantile.
const Z_OUTER: f64 = 1.6449;
/// The z-value of M4's test for a season, at 90%.
const Z_SEASONAL: f64 = 1.645;

/// A forecast in the form that is measured: a point, nine deciles and the 90% band per step.
#[derive(Debug, Clone, PartialEq)]
pub struct Banded {
    /// The point forecast per step.
    pub point: Vec<f64>,
    /// The deciles 0.1 to 0.9 per step.
    pub deciles: Vec<[f64; 9]>,
    /// The 5% and 95% quantiles per step.
    pub band: Vec<(f64, f64)>,
}

impl From<&Fan> for Banded {
    fn from(fan: &Fan) -> Self {
        Self::at(fan, &(0..fan.horizon()).collect::<Vec<_>>())
    }
}

impl Banded {
    /// A fan in some of its steps, from 0.
    #[must_use]
    pub fn at(fan: &Fan, steps: &[usize]) -> Self {
        let steps = || steps.iter().copied();
        Self {
            point: steps().map(|step| fan.quantile(step, 0.5)).collect(),
            deciles: steps().map(|step| DECILES.map(|level| fan.quantile(step, level))).collect(),
            band: steps().map(|step| (fan.quantile(step, 0.05), fan.quantile(step, 0.95))).collect(),
        }
    }

    /// A forecast without a spread.
    #[must_use]
    pub fn point(point: Vec<f64>) -> Self {
        let deciles = point.iter().map(|value| [*value; 9]).collect();
        let band = point.iter().map(|value| (*value, *value)).collect();
        Self { point, deciles, band }
    }
}

/// The last season again, with a normal spread from the in-sample seasonal differences that grows with the seasons
/// ahead. `None` for a history that is not longer than a season.
#[must_use]
pub fn seasonal_naive(history: &[f64], horizon: usize, season: usize) -> Option<Banded> {
    let last = history.len().checked_sub(season).filter(|start| season > 0 && *start > 0)?;
    let squares = history.iter().zip(&history[season..]).map(|(before, value)| (value - before).powi(2));
    let deviation = (squares.sum::<f64>() / last as f64).sqrt();
    let point: Vec<f64> = (0..horizon).map(|step| history[last + step % season]).collect();
    let spread = |step: usize| deviation * ((step / season + 1) as f64).sqrt();
    let deciles = point.iter().enumerate().map(|(step, mu)| Z_DECILES.map(|z| mu + z * spread(step))).collect();
    let band = point.iter().enumerate().map(|(step, mu)| (mu - Z_OUTER * spread(step), mu + Z_OUTER * spread(step)));
    Some(Banded { band: band.collect(), deciles, point })
}

/// Naive2 of the M4 competition: the last value, with a multiplicative seasonal index where the autocorrelation at the
/// season is significant and all values are positive.
#[must_use]
pub fn naive2(history: &[f64], horizon: usize, season: usize) -> Vec<f64> {
    let n = history.len();
    let last = history.last().copied().unwrap_or(0.0);
    let positive = history.iter().all(|value| *value > 0.0);
    if n < 2 * season + 1 || !positive || !is_seasonal(history, season) {
        return vec![last; horizon];
    }
    let index = seasonal_index(history, season);
    let level = last / index[(n - 1) % season];
    (0..horizon).map(|step| level * index[(n + step) % season]).collect()
}

/// Whether the autocorrelation at `season` is above Bartlett's bound at 90%.
fn is_seasonal(history: &[f64], season: usize) -> bool {
    let n = history.len();
    let mean = history.iter().sum::<f64>() / n as f64;
    let x: Vec<f64> = history.iter().map(|value| value - mean).collect();
    let variance: f64 = x.iter().map(|value| value * value).sum();
    if variance <= 0.0 {
        return false;
    }
    let at = |lag: usize| x.iter().zip(&x[lag..]).map(|(a, b)| a * b).sum::<f64>() / variance;
    let before: f64 = (1..season).map(|lag| at(lag).powi(2)).sum();
    at(season).abs() > Z_SEASONAL * ((1.0 + 2.0 * before) / n as f64).sqrt()
}

/// Mean ratio of values to their centred moving average (of `season` + 1, the ends halved), by phase, of mean one.
fn seasonal_index(history: &[f64], season: usize) -> Vec<f64> {
    let (mut sums, mut counts) = (vec![0.0; season], vec![0.0; season]);
    for (offset, around) in history.windows(season + 1).enumerate() {
        let ends = (around[0] + around[season]) / 2.0;
        let trend = (around[1..season].iter().sum::<f64>() + ends) / season as f64;
        let at = offset + season / 2;
        sums[at % season] += history[at] / trend;
        counts[at % season] += 1.0;
    }
    let index: Vec<f64> = sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect();
    let total: f64 = index.iter().sum();
    index.iter().map(|value| value * season as f64 / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_season_comes_again_and_widens() {
        let history = [1.0, 2.0, 3.0, 2.0, 3.0, 4.0];
        let found = seasonal_naive(&history, 4, 3).expect("two seasons");
        assert_eq!(found.point, [2.0, 3.0, 4.0, 2.0]);
        assert_eq!(found.band[0], (2.0 - Z_OUTER, 2.0 + Z_OUTER));
        assert!((found.band[3].1 - (2.0 + Z_OUTER * 2_f64.sqrt())).abs() < 1e-12);
        assert_eq!(seasonal_naive(&history, 4, 6), None);
    }

    #[test]
    fn naive2_repeats_a_multiplicative_season() {
        let history: Vec<f64> = (0..60_u32).map(|step| 10.0 * f64::from(1 + step % 4)).collect();
        let found = naive2(&history, 4, 4);
        for (value, expected) in found.iter().zip([10.0, 20.0, 30.0, 40.0]) {
            assert!((value - expected).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn naive2_is_the_last_value_without_a_season() {
        let squares: Vec<f64> = (0..60_u32).map(|step| 1.0 + f64::from(step * step * 31 % 97)).collect();
        assert_eq!(naive2(&squares, 2, 24), [squares[59]; 2]);
        assert_eq!(naive2(&[5.0; 60], 2, 4), [5.0; 2]);
        assert_eq!(naive2(&[-1.0, 1.0, -1.0, 1.0, -1.0, 1.0], 2, 2), [1.0; 2], "not positive");
        assert_eq!(naive2(&[], 1, 4), [0.0]);
    }
}
