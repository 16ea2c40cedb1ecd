//! Inputs: ordinary and odd series from a seed.

use super::suite::Case;
use forewarm_domain::series::Series;
use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::fmt;

/// Levels as a planner asks for them.
pub(super) const LEVELS: [f64; 5] = [0.05, 0.25, 0.5, 0.9, 0.99];

/// A history, and what is asked of it.
#[derive(Debug, Clone)]
pub(super) struct SeriesCase {
    pub(super) label: &'static str,
    pub(super) values: Vec<f64>,
    pub(super) horizon: u32,
    pub(super) levels: Vec<f64>,
}

impl SeriesCase {
    pub(super) fn new(label: &'static str, values: Vec<f64>, horizon: u32) -> Self {
        Self { label, values, horizon, levels: LEVELS.to_vec() }
    }

    pub(super) fn series(&self) -> Series {
        series(self.values.clone())
    }
}

/// Values of minutes, from midnight on.
pub(super) fn series(values: Vec<f64>) -> Series {
    Series { start: TimestampMs(0), step_ms: MINUTE_MS, values }
}

impl fmt::Display for SeriesCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.values.iter().take(12).map(|value| short(*value)).collect();
        let more = if self.values.len() > shown.len() { ", ..." } else { "" };
        write!(f, "{}: {} values of minutes [{}{more}]", self.label, self.values.len(), shown.join(", "))?;
        if self.horizon > 0 {
            write!(f, ", horizon {}, levels {:?}", self.horizon, self.levels)?;
        }
        Ok(())
    }
}

fn short(value: f64) -> String {
    if value.is_finite() && value.abs() < 1e6 && (value * 100.0).fract() == 0.0 {
        return value.to_string();
    }
    format!("{value:.3e}")
}

impl Case for SeriesCase {
    fn simpler(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let half = self.values.len() / 2;
        if half > 0 {
            all.push(Self { values: self.values[half..].to_vec(), ..self.clone() });
            all.push(Self { values: self.values[..self.values.len() - half].to_vec(), ..self.clone() });
        }
        let rounded: Vec<_> = self.values.iter().map(|value| value.round()).collect();
        if rounded.iter().zip(&self.values).any(|(round, value)| round != value && !value.is_nan()) {
            all.push(Self { values: rounded, ..self.clone() });
        }
        if self.horizon > 1 {
            all.push(Self { horizon: 1, ..self.clone() });
            all.push(Self { horizon: self.horizon / 2, ..self.clone() });
        }
        if self.levels.len() > 2 {
            all.push(Self { levels: self.levels[..2].to_vec(), ..self.clone() });
        }
        all
    }
}

/// Random numbers of one property: each has its own, so that one more case of another changes none of these.
pub(super) fn random(seed: u64, property: &str) -> SmallRng {
    let mixed = property
        .bytes()
        .fold(seed ^ 0x9E37_79B9_7F4A_7C15, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    SmallRng::seed_from_u64(mixed)
}

/// `count` loads as they are measured: a level, a season, noise, now and then a gap or a burst.
pub(super) fn ordinary(random: &mut SmallRng, count: usize, lengths: (usize, usize), horizon: u32) -> Vec<SeriesCase> {
    let (low, high) = (lengths.0.min(lengths.1), lengths.1.max(1));
    (0..count)
        .map(|_| {
            let length = random.random_range(low..=high);
            let horizon = if horizon > 0 { random.random_range(1..=horizon) } else { 0 };
            SeriesCase::new("a load with a season", load(random, length), horizon)
        })
        .collect()
}

/// One such load.
pub(super) fn load(random: &mut SmallRng, length: usize) -> Vec<f64> {
    let level: f64 = random.random_range(5.0..500.0);
    let (period, phase) = (random.random_range(8.0..200.0), random.random_range(0.0..6.0));
    let (swing, noise) = (random.random_range(0.0..0.8), random.random_range(0.01..0.2));
    (0..length)
        .map(|step| {
            let season = 1.0 + swing * (std::f64::consts::TAU * step as f64 / period + phase).sin();
            let value = level * (season + noise * random.random_range(-1.0..1.0)).max(0.0);
            match random.random_range(0..100) {
                0..=1 => f64::NAN,
                2 => value * 3.0,
                _ => value,
            }
        })
        .collect()
}

/// Series that the contract allows and that nobody thinks of. `length` values each where the oddity leaves it open.
pub(super) fn odd(random: &mut SmallRng, length: usize, horizon: u32) -> Vec<SeriesCase> {
    let length = length.max(2);
    let noise: Vec<f64> = (0..length).map(|_| random.random_range(-1.0..1.0)).collect();
    let of = |value: f64| vec![value; length];
    let scaled = |scale: f64| noise.iter().map(|noise| noise * scale).collect::<Vec<_>>();
    let mut gaps = load(random, length);
    gaps.iter_mut().step_by(2).for_each(|value| *value = f64::NAN);
    let mut late = of(f64::NAN);
    late[length - 1] = 7.0;
    let mut early = of(f64::NAN);
    early[0] = 7.0;
    let mut shift = of(1.0);
    shift[length / 2..].fill(1e9);
    let alternating = (0..length).map(|step| if step % 2 == 0 { 0.0 } else { 1e12 }).collect();
    [
        ("an empty series", vec![]),
        ("a single value", vec![3.0]),
        ("a single missing value", vec![f64::NAN]),
        ("all missing", of(f64::NAN)),
        ("every other value missing", gaps),
        ("only the last value there", late),
        ("only the first value there", early),
        ("a constant", of(42.0)),
        ("zeros", of(0.0)),
        ("negative zeros", of(-0.0)),
        ("negative values", noise.iter().map(|noise| noise * 10.0 - 50.0).collect()),
        ("huge values", scaled(1e300)),
        ("the largest number", of(f64::MAX)),
        (
            "the largest and the lowest number",
            (0..length).map(|step| if step % 2 == 0 { f64::MAX } else { f64::MIN }).collect(),
        ),
        ("tiny values", scaled(1e-300)),
        ("the smallest numbers", of(5e-324)),
        ("a level that shifts by nine magnitudes", shift),
        ("one that leaps at every step", alternating),
        ("a rising line", (0..length).map(|step| step as f64).collect()),
    ]
    .into_iter()
    .map(|(label, values)| SeriesCase::new(label, values, horizon))
    .collect()
}

/// Whether two numbers are the same but for rounding.
pub(super) fn close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_inputs() {
        let make = |seed| ordinary(&mut random(seed, "x"), 3, (10, 50), 20);
        let text = |cases: &[SeriesCase]| cases.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(text(&make(1)), text(&make(1)));
        assert_ne!(text(&make(1)), text(&make(2)));
    }

    #[test]
    fn no_input_breaks_the_contract_itself() {
        let cases = odd(&mut random(0, "x"), 100, 1);
        assert!(cases.iter().all(|case| case.values.iter().all(|value| !value.is_infinite())));
    }

    #[test]
    fn simpler_cases_end() {
        let mut case = SeriesCase::new("x", vec![1.5; 64], 60);
        let mut steps = 0;
        while let Some(simpler) = case.simpler().pop() {
            case = simpler;
            steps += 1;
        }
        assert!(steps < 30, "{steps}");
    }
}
