//! Averages that follow a series.

use serde::{Deserialize, Serialize};

/// An exponentially weighted average that begins as the plain mean.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Average {
    mean: f64,
    seen: u32,
}

impl Average {
    /// Gives the average; 0 before the first value.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Counts the values.
    #[must_use]
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// Moves by `share` of the distance to a value, and by more at first.
    pub fn put(&mut self, value: f64, share: f64) {
        self.seen = self.seen.saturating_add(1);
        self.mean += share.max(1.0 / f64::from(self.seen)) * (value - self.mean);
    }
}

/// The plain mean; 0 of nothing.
#[must_use]
pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_as_the_mean_and_follows() {
        let mut average = Average::default();
        [1.0, 2.0, 3.0].iter().for_each(|value| average.put(*value, 0.01));
        assert!((average.mean() - 2.0).abs() < 1e-12);
        (0..1_000).for_each(|_| average.put(10.0, 0.01));
        assert!((average.mean() - 10.0).abs() < 0.01 && average.seen() == 1_003);
        assert_eq!(mean([].into_iter()), 0.0);
    }
}
