//! The work of the comparison: little enough that the way in and out is what is measured, and real enough that all that
//! goes in is read and all that comes out depends on it.

/// Values that go in.
pub const VALUES: usize = 2_000;
/// Steps and levels that come out: 864 values.
pub const HORIZON: usize = 72;
/// The levels of the answer.
pub const LEVELS: [f64; 12] = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99];

/// The mean of what went in and its spread, which all that comes out is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// The mean.
    pub mean: f64,
    /// The mean distance from it.
    pub spread: f64,
}

impl Summary {
    /// Reads every value twice.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let count = values.len().max(1) as f64;
        let mean = sum(values, |value| value) / count;
        Self { mean, spread: sum(values, |value| (value - mean).abs()) / count }
    }

    /// The value at a level, `step` steps ahead.
    #[must_use]
    pub fn at(&self, level: f64, step: usize) -> f64 {
        self.mean + self.spread * level * (1.0 + step as f64)
    }
}

/// In eight lanes, which a compiler of WebAssembly turns into SIMD and which spares most checks of the deadline.
fn sum(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let (blocks, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for block in blocks {
        for (lane, value) in lanes.iter_mut().zip(block) {
            *lane += of(*value);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|value| of(*value)).sum::<f64>()
}
