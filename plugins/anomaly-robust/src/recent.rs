//! The latest values, oldest first.

use crate::average::mean;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The latest values, at most as many as its constant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Recent<const KEPT: usize>(VecDeque<f64>);

impl<const KEPT: usize> Recent<KEPT> {
    /// Takes in a value.
    pub fn put(&mut self, value: f64) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    /// Gives the latest values, at most `count`.
    pub fn last(&self, count: usize) -> impl Iterator<Item = f64> {
        self.0.range(self.0.len().saturating_sub(count)..).copied()
    }

    /// Gives the mean of the latest values, at most `count`.
    #[must_use]
    pub fn mean(&self, count: usize) -> f64 {
        mean(self.last(count))
    }

    /// Gives the value that came `steps` before the latest.
    #[must_use]
    pub fn before(&self, steps: usize) -> Option<f64> {
        self.0.len().checked_sub(steps + 1).and_then(|at| self.0.get(at).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept() {
        let mut recent = Recent::<3>::default();
        (1..=5).for_each(|value| recent.put(f64::from(value)));
        assert_eq!(recent.last(2).collect::<Vec<_>>(), [4.0, 5.0]);
        assert_eq!((recent.mean(9), recent.before(2), recent.before(3)), (4.0, Some(3.0), None));
    }
}
