//! A small demand trace: waves with noise, one value a minute, the same for the same seed.

use std::{f64::consts::TAU, fmt::Write, fs, path::Path};

use rand::{RngExt, SeedableRng, rngs::SmallRng};

use crate::clock;

const MINUTE_MS: i64 = 60_000;
/// Minutes from one crest to the next.
const WAVE: f64 = 180.0;

/// A trace.
pub struct Trace {
    /// The first minute, in milliseconds since 1970.
    pub start: i64,
    /// One value a minute, in whole thousandths so that its text is exact.
    pub values: Vec<f64>,
}

impl Trace {
    /// So many minutes that ended at midnight some days ago.
    #[must_use]
    pub fn generate(seed: u64, minutes: usize) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let value = |minute: usize| {
            let wave = 100.0 + 80.0 * (TAU * minute as f64 / WAVE).sin();
            ((wave + random.random_range(0.0..20.0)) * 1_000.0).round() / 1_000.0
        };
        Self { start: clock::parse("2026-03-02T00:00:00Z"), values: (0..minutes).map(value).collect() }
    }

    /// The beginning of a minute.
    #[must_use]
    pub fn at(&self, minute: usize) -> i64 {
        self.start + i64::try_from(minute).expect("a short trace") * MINUTE_MS
    }

    /// Writes it as `timestamp,value`.
    ///
    /// # Panics
    /// When the file can't be written.
    pub fn write(&self, file: &Path) {
        let mut text = String::from("timestamp,value\n");
        for (minute, value) in self.values.iter().enumerate() {
            let _ = writeln!(text, "{},{value}", clock::text(self.at(minute)));
        }
        fs::write(file, text).expect("a folder of ours");
    }
}
