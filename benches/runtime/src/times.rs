//! How long something took, many times over.

use std::time::{Duration, Instant};

/// Durations of calls.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Takes the time of one call.
    pub(crate) fn take<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let answer = call();
        self.0.push(began.elapsed());
        answer
    }

    /// Adds one that was taken elsewhere.
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// The duration that `share` of 100 do not exceed, in microseconds.
    pub(crate) fn percentile_us(&mut self, share: usize) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        self.0.get(last * share / 100).map_or(f64::NAN, |took| took.as_secs_f64() * 1e6)
    }

    /// "p50 6.1, p99 9.0 us".
    pub(crate) fn shown(&mut self) -> String {
        format!("p50 {:.1}, p99 {:.1} us", self.percentile_us(50), self.percentile_us(99))
    }
}
