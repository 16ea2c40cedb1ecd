//! Series that are made up, for weights that owe nothing to anybody's data.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const DAY: usize = 24;
const WEEK: usize = 7 * DAY;

/// Makes `count` hourly series of `length` values: daily shapes and quieter or busier days of the week, trends, shifts of
/// level, bursts, and noise that remembers; the same for the same seed.
#[must_use]
pub fn generate(count: usize, length: usize, seed: u64) -> Vec<Vec<f64>> {
    (0..count).map(|number| one(length, seed.wrapping_add((number as u64) << 32))).collect()
}

fn one(length: usize, seed: u64) -> Vec<f64> {
    let mut random = StdRng::seed_from_u64(seed);
    let level = 10_f64.powf(random.random_range(-1.0..4.0));
    let strength = random.random_range(0.0_f64..1.0).powi(2);
    let (shape, days) = (daily(&mut random), weekly(&mut random));
    let noise = random.random_range(0.0_f64..0.8).powi(2) + 0.01;
    let memory: f64 = random.random_range(0.0..0.97);
    let drift = random.random_range(-0.3..0.3) * random.random_range(0.0_f64..1.0).powi(2);
    let wander = 0.02 * random.random_range(0.0_f64..1.0).powi(4);
    let (shift, burst) =
        (random.random_range(0.0_f64..1.0).powi(6) * 0.01, random.random_range(0.0_f64..1.0).powi(4) * 0.03);
    let phase = random.random_range(0..WEEK);
    let (mut rest, mut base) = (0.0, 1.0);
    (0..length)
        .map(|step| {
            let at = (step + phase) % WEEK;
            rest = memory * rest + (1.0 - memory * memory).sqrt() * normal(&mut random);
            base += wander * normal(&mut random);
            if random.random_bool(shift) {
                base = random.random_range(0.4..1.8);
            }
            let trend = base * (1.0 + drift * step as f64 / length as f64);
            let season = (1.0 + strength * shape[at % DAY]) * days[at / DAY];
            let peak = if random.random_bool(burst) { random.random_range(0.2..1.5) } else { 0.0 };
            (level * (trend.max(0.05) * season.max(0.0) * (1.0 + noise * rest) + peak)).max(0.0)
        })
        .collect()
}

/// A day as a few waves, between about -1 and 1.
fn daily(random: &mut StdRng) -> [f64; DAY] {
    let waves: Vec<(f64, f64)> = (1..=4)
        .map(|wave| (random.random_range(0.0..1.0) / f64::from(wave), random.random_range(0.0..std::f64::consts::TAU)))
        .collect();
    let size: f64 = waves.iter().map(|(size, _)| size).sum::<f64>().max(0.1);
    std::array::from_fn(|hour| {
        let at = hour as f64 / DAY as f64 * std::f64::consts::TAU;
        waves.iter().zip(1..).map(|((part, phase), wave)| part * (f64::from(wave) * at + phase).sin()).sum::<f64>()
            / size
    })
}

/// How much each day of the week counts: alike in a third of the series, else a quieter or busier weekend.
fn weekly(random: &mut StdRng) -> [f64; 7] {
    let weekend = if random.random_bool(0.33) { 1.0 } else { random.random_range(0.3..1.4) };
    std::array::from_fn(|day| if day >= 5 { weekend } else { 1.0 } * random.random_range(0.95..1.05))
}

/// A standard normal number (Box and Muller 1958).
fn normal(random: &mut StdRng) -> f64 {
    let (radius, angle) = (random.random_range(f64::EPSILON..1.0), random.random_range(0.0..std::f64::consts::TAU));
    (-2.0 * f64::ln(radius)).sqrt() * angle.cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_made_again_from_their_seed() {
        let series = generate(20, 500, 7);
        assert_eq!(series, generate(20, 500, 7));
        assert_ne!(series[0], generate(1, 500, 8)[0]);
        assert!(series.iter().flatten().all(|value| value.is_finite() && *value >= 0.0));
        assert!(series.iter().all(|values| values.len() == 500 && values.iter().any(|value| *value > 0.0)));
    }
}
