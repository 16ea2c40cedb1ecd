//! Shapes of a day: of mean 0 and mean deviation 1.

use rand::RngExt;
use rand::rngs::StdRng;

use super::DAY;
use super::chance::{log_uniform, normal, percent};

pub(super) type Shape = [f64; DAY];

/// Draws a shape: waves, a smooth random curve, hours of work, single sharp hours, a pattern that comes again within the
/// day, or two of these together.
pub(super) fn draw(random: &mut StdRng) -> Shape {
    let first = simple(random);
    if !percent(random, 40.0) {
        return even(first);
    }
    let (second, share) = (even(simple(random)), random.random_range(0.1..1.0));
    let first = even(first);
    even(std::array::from_fn(|hour| first[hour] + share * second[hour]))
}

/// A shape that deviates from another by a share.
pub(super) fn near(random: &mut StdRng, shape: &Shape, share: f64) -> Shape {
    let other = even(simple(random));
    std::array::from_fn(|hour| shape[hour] + share * other[hour])
}

fn simple(random: &mut StdRng) -> Shape {
    match random.random_range(0..100) {
        0..25 => waves(random),
        25..60 => curve(random),
        60..80 => working_hours(random),
        80..92 => sharp_hours(random),
        _ => within_the_day(random),
    }
}

fn waves(random: &mut StdRng) -> Shape {
    let waves: Vec<(f64, f64)> = (1..=4)
        .map(|wave| (random.random_range(0.0..1.0) / f64::from(wave), random.random_range(0.0..std::f64::consts::TAU)))
        .collect();
    std::array::from_fn(|hour| {
        let at = hour as f64 / DAY as f64 * std::f64::consts::TAU;
        waves.iter().zip(1..).map(|((part, phase), wave)| part * (f64::from(wave) * at + phase).sin()).sum()
    })
}

/// White noise under a kernel of some hours, around the clock.
fn curve(random: &mut StdRng) -> Shape {
    let width = log_uniform(random, 0.4, 5.0);
    let rough: Shape = std::array::from_fn(|_| normal(random));
    std::array::from_fn(|hour| {
        let part = |other: usize| {
            let apart = hour.abs_diff(other).min(DAY - hour.abs_diff(other)) as f64 / width;
            rough[other] * (-0.5 * apart * apart).exp()
        };
        (0..DAY).map(part).sum()
    })
}

fn working_hours(random: &mut StdRng) -> Shape {
    let (start, length) = (random.random_range(0.0..24.0), random.random_range(3.0..16.0));
    let ramp = log_uniform(random, 0.3, 4.0);
    std::array::from_fn(|hour| {
        let since = (hour as f64 - start).rem_euclid(24.0);
        (since / ramp).min(1.0).min(((length - since) / ramp).max(0.0))
    })
}

fn sharp_hours(random: &mut StdRng) -> Shape {
    let mut shape = [0.0; DAY];
    for _ in 0..random.random_range(1..=4) {
        let (hour, height) = (random.random_range(0..DAY), log_uniform(random, 0.3, 3.0));
        shape[hour] += height;
        if percent(random, 50.0) {
            shape[(hour + 1) % DAY] += height * random.random_range(0.0..1.0);
        }
    }
    shape
}

fn within_the_day(random: &mut StdRng) -> Shape {
    let period = [2, 3, 4, 6, 8, 12][random.random_range(0..6)];
    let pattern: Vec<f64> = (0..period).map(|_| normal(random)).collect();
    std::array::from_fn(|hour| pattern[hour % period])
}

fn even(shape: Shape) -> Shape {
    let mean = shape.iter().sum::<f64>() / DAY as f64;
    let spread = shape.iter().map(|value| (value - mean).abs()).sum::<f64>() / DAY as f64;
    shape.map(|value| (value - mean) / spread.max(1e-9))
}
