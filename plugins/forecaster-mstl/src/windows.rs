//! What the decomposition is told beforehand: which seasons to look for, and over how many cycles each may change.

use forewarm_sdk::numerics::profile::{decompose, moving_average};
use forewarm_sdk::numerics::stats;

/// Windows of the local regression in cycles, and the weight that each gives the latest cycle.
const WINDOWS: [(usize, f64); 3] = [(11, 0.3), (25, 0.14), (61, 0.06)];
/// The least share of the values that is left after the seasons' states are paid for.
const FREE_MIN: f64 = 0.1;

/// The seasons that pay for their states: each is kept where the variance without it, by generalised cross-validation,
/// falls.
#[must_use]
pub fn worthwhile(values: &[f64], seasons: &[usize]) -> Vec<usize> {
    let mut kept = Vec::new();
    let mut least = unexplained(values, &kept, seasons);
    for season in seasons {
        let more: Vec<usize> = kept.iter().chain([season]).copied().collect();
        let left = unexplained(values, &more, seasons);
        if left < least {
            (kept, least) = (more, left);
        }
    }
    kept
}

/// The variance that is left without some of the seasons and the trend over the longest of `all`.
fn unexplained(values: &[f64], seasons: &[usize], all: &[usize]) -> f64 {
    let trend = moving_average(values, all.last().copied().unwrap_or(1));
    let rest: Vec<f64> = values.iter().zip(trend).map(|(value, trend)| value - trend).collect();
    let profiles = decompose(&rest, seasons);
    let season = |at: usize| profiles.iter().map(|profile| profile[at % profile.len()]).sum::<f64>();
    let left: Vec<f64> = rest.iter().enumerate().map(|(at, value)| value - season(at)).collect();
    let states = seasons.iter().sum::<usize>() as f64;
    let free = (1.0 - states / values.len().max(1) as f64).max(FREE_MIN);
    stats::variance(&left) / (free * free)
}

/// The window for a season: that whose weighted mean of the cycles so far came closest to the next one, on the later half
/// of the values.
#[must_use]
pub fn window(values: &[f64], period: usize) -> usize {
    let trend = moving_average(values, period);
    let rest: Vec<f64> = values.iter().zip(trend).map(|(value, trend)| value - trend).collect();
    let distance = |(_, weight): &(usize, f64)| {
        let mut typical = rest[..period.min(rest.len())].to_vec();
        let mut sum = 0.0;
        for (cycle, part) in rest.chunks(period).enumerate().skip(1) {
            // The first cycles are averaged: the first one alone would have too much to say.
            let weight = weight.max(1.0 / (cycle + 1) as f64);
            for (typical, value) in typical.iter_mut().zip(part) {
                let error = value - *typical;
                sum += if 2 * (cycle + 1) * period > rest.len() { error.abs() } else { 0.0 };
                *typical += weight * error;
            }
        }
        sum
    };
    WINDOWS.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).map_or(WINDOWS[0].0, |(window, _)| *window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::testing::forecaster::{load, noise};

    #[test]
    fn a_season_is_kept_where_it_explains_enough() {
        let both: Vec<f64> = (0..700).map(load).collect();
        assert_eq!(worthwhile(&both, &[24, 168]), [24, 168]);
        let day: Vec<f64> = (0..700).map(|step| load(step % 24) + 20.0 * noise(step)).collect();
        assert_eq!(worthwhile(&day, &[24, 168]), [24]);
        let none: Vec<f64> = (0..700).map(noise).collect();
        assert_eq!(worthwhile(&none, &[24, 168]), [0_usize; 0]);
    }

    #[test]
    fn a_steady_season_gets_a_long_window_and_a_changing_one_a_short_one() {
        let steady: Vec<f64> = (0..720).map(|step| load(step % 24) + 40.0 * noise(step)).collect();
        assert_eq!(window(&steady, 24), 61);
        let swing = |step: usize| ((step % 24) as f64 / 24.0 * std::f64::consts::TAU).sin();
        let changing: Vec<f64> =
            (0..720).map(|step| swing(step) * (step as f64 / 100.0) + 0.01 * noise(step)).collect();
        assert_eq!(window(&changing, 24), 11);
    }
}
