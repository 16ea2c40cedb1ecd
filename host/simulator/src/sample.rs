//! A generated demand trace: what a busy web service's requests look like, for trying forewarm without any data.

use crate::trace::Trace;
use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::f64::consts::TAU;

/// Days that the sample covers.
pub const DAYS: usize = 8;
const MINUTES_PER_DAY: usize = 1_440;
/// 2026-03-02T00:00:00Z, a Monday.
const START: TimestampMs = TimestampMs(1_772_409_600_000);

/// Requests per second, one value a minute: a daily and a weekly pattern, slow drift, noise, and a few bursts. The same
/// seed gives the same trace.
#[must_use]
pub fn demand(seed: u64) -> Trace {
    demand_of(DAYS, seed)
}

/// As [`demand`], over so many days.
#[must_use]
pub fn demand_of(days: usize, seed: u64) -> Trace {
    let mut random = StdRng::seed_from_u64(seed);
    let mut drift = 0.0;
    let mut burst = 0.0;
    let values = (0..days * MINUTES_PER_DAY).map(|minute| {
        drift = 0.999 * drift + 0.01 * (random.random::<f64>() - 0.5);
        burst *= 0.93;
        if random.random::<f64>() < 1.0 / 900.0 {
            burst += 40.0 + 80.0 * random.random::<f64>();
        }
        let noise = 1.0 + 0.06 * (random.random::<f64>() + random.random::<f64>() - 1.0);
        let load = (pattern(minute) * (1.0 + drift) * noise + burst).max(0.0);
        (load * 1_000.0).round() / 1_000.0
    });
    Trace { name: "sample".into(), start: START, step_ms: MINUTE_MS, values: values.collect(), gaps: vec![] }
}

/// The load without chance: low at night, two humps by day, less at the weekend, a rush on the hour.
fn pattern(minute: usize) -> f64 {
    let day = minute / MINUTES_PER_DAY % 7;
    let phase = (minute % MINUTES_PER_DAY) as f64 / MINUTES_PER_DAY as f64;
    let daily = 200.0 - 130.0 * (TAU * (phase - 0.08)).cos() - 35.0 * (2.0 * TAU * (phase - 0.05)).cos();
    let weekly = if day >= 5 { 0.55 } else { 1.0 };
    let rush = if minute % 60 < 5 { 1.12 } else { 1.0 };
    daily.max(20.0) * weekly * rush
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_trace() {
        assert_eq!(demand(1), demand(1));
        assert_ne!(demand(1), demand(2));
    }

    #[test]
    fn it_is_a_usable_load() {
        let trace = demand(1);
        assert_eq!(trace.values.len(), DAYS * MINUTES_PER_DAY);
        assert!(trace.values.iter().all(|load| load.is_finite() && *load >= 0.0));
    }
}
