//! Kinds of loads, and what may happen to any of them.

use rand::RngExt;
use rand::rngs::StdRng;

use super::chance::{Noise, log_uniform, normal, percent, poisson};
use super::week;

/// Draws a load in units of its own.
pub(super) fn draw(random: &mut StdRng, length: usize) -> Vec<f64> {
    let level = log_uniform(random, 0.1, 1e4);
    let load = match random.random_range(0..100) {
        0..78 => week::draw(random, length),
        78..84 => wandering(random, length),
        84..89 => levels(random, length),
        _ => return counts(random, length),
    };
    load.into_iter().map(|value| value * level).collect()
}

/// No season: a memory of hours, or a random walk that is drawn back.
fn wandering(random: &mut StdRng, length: usize) -> Vec<f64> {
    let (size, grows) = (log_uniform(random, 0.02, 1.0), random.random_bool(0.5));
    let memory = 1.0 - log_uniform(random, 0.001, 1.0);
    let (mut slow, mut fast) = (Noise::new(random, memory), Noise::draw(random));
    let share = random.random_range(0.0..1.0);
    (0..length)
        .map(|_| {
            let value = size * (slow.next(random) + share * fast.next(random));
            if grows { value.exp() } else { (1.0 + value).max(0.0) }
        })
        .collect()
}

/// A level that holds for a while, then another one.
fn levels(random: &mut StdRng, length: usize) -> Vec<f64> {
    let (hold, size) = (log_uniform(random, 4.0, 300.0), log_uniform(random, 0.001, 0.3));
    let known: Vec<f64> = (0..random.random_range(2..6)).map(|_| log_uniform(random, 0.1, 2.0)).collect();
    let fresh = random.random_bool(0.3);
    let (mut noise, mut level) = (Noise::draw(random), known[0]);
    (0..length)
        .map(|_| {
            if random.random_bool(1.0 / hold) {
                level = if fresh { log_uniform(random, 0.1, 2.0) } else { known[random.random_range(0..known.len())] };
            }
            (level * (1.0 + size * noise.next(random))).max(0.0)
        })
        .collect()
}

/// Events at a rate that has a day and a week, seldom or often.
fn counts(random: &mut StdRng, length: usize) -> Vec<f64> {
    let rate = log_uniform(random, 0.02, 60.0);
    let each = if percent(random, 70.0) { 1.0 } else { log_uniform(random, 0.1, 100.0) };
    week::draw(random, length).into_iter().map(|value| each * poisson(random, rate * value.min(50.0))).collect()
}

/// Shifts of level, bursts, jobs, hours off, a cap, rounding: each in a part of the loads.
pub(super) fn disturb(random: &mut StdRng, values: &mut [f64]) {
    let length = values.len().max(1);
    let mean = values.iter().sum::<f64>() / length as f64;
    if percent(random, 15.0) {
        shift(random, values);
    }
    if percent(random, 20.0) {
        bursts(random, values, mean);
    }
    if percent(random, 12.0) {
        jobs(random, values, mean);
    }
    if percent(random, 4.0) {
        let often = log_uniform(random, 0.002, 0.05);
        let left = random.random_range(0.0..0.5);
        values.iter_mut().for_each(|value| *value *= if random.random_bool(often) { left } else { 1.0 });
    }
    if percent(random, 6.0) {
        let cap = mean * random.random_range(0.8..2.0);
        values.iter_mut().for_each(|value| *value = value.min(cap));
    }
    if percent(random, 12.0) {
        let unit = mean.max(f64::MIN_POSITIVE) * log_uniform(random, 0.002, 0.3);
        values.iter_mut().for_each(|value| *value = (*value / unit).round() * unit);
    }
}

/// Another level from some time on, at once or by and by; or for some days only.
fn shift(random: &mut StdRng, values: &mut [f64]) {
    for _ in 0..random.random_range(1..=3) {
        let (from, factor) = (random.random_range(0..values.len()), log_uniform(random, 0.4, 2.5));
        let slowness = if percent(random, 50.0) { 0.1 } else { log_uniform(random, 3.0, 72.0) };
        let until = if percent(random, 40.0) { from + random.random_range(12..200) } else { values.len() };
        for (since, value) in values.iter_mut().take(until).skip(from).enumerate() {
            *value *= 1.0 + (factor - 1.0) * (1.0 - (-(since as f64 + 0.1) / slowness).exp());
        }
    }
}

/// Hours of much more than usual, at any time.
fn bursts(random: &mut StdRng, values: &mut [f64], mean: f64) {
    let (often, ends) = (log_uniform(random, 0.001, 0.05), random.random_range(0.2..1.0));
    let size = mean * log_uniform(random, 0.2, 4.0);
    let mut height = 0.0;
    for value in values {
        if random.random_bool(often) {
            height = size * (0.5 * normal(random)).exp();
        } else if random.random_bool(ends) {
            height = 0.0;
        }
        *value += height;
    }
}

/// Jobs that begin after so many hours again, on a base that they add to or stop; some are left out, some are late.
fn jobs(random: &mut StdRng, values: &mut [f64], mean: f64) {
    let every = if percent(random, 60.0) { super::DAY } else { random.random_range(2..60) };
    let (size, spread) = (mean * log_uniform(random, 0.1, 4.0), random.random_range(0.0..0.8));
    let (left_out, late) = (random.random_range(0.0..0.4), random.random_range(0.0_f64..1.0).powi(3));
    let (hours, adds) = (random.random_range(1..4), percent(random, 80.0));
    let first = random.random_range(0..every);
    for start in (first..values.len()).step_by(every) {
        if random.random_bool(left_out) {
            continue;
        }
        let start = start + usize::from(random.random_bool(late));
        let height = size * (spread * normal(random)).exp();
        for value in values.iter_mut().skip(start).take(hours) {
            *value = if adds { *value + height } else { (*value - height).max(0.0) };
        }
    }
}
