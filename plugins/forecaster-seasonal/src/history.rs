//! The values that are remembered: bridged where missing, and marked there.

use serde::{Deserialize, Serialize};

/// How far the store may outgrow its capacity before the oldest values are dropped; a multiple of 64.
const SLACK: usize = 512;
/// Values are held within this multiple of the scale, which `f32` can still tell apart.
const LIMIT: f64 = 1e30;

/// The latest values, scaled to around one and stored in single precision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct History {
    capacity: usize,
    scale: f64,
    values: Vec<f32>,
    /// One bit per value, set where it was missing.
    missing: Vec<u64>,
    /// Missing values at the end, not yet bridged to a later one.
    open_gap: usize,
}

impl History {
    /// Begins with the latest values of a history, at most `capacity`, none of them infinite. Leading missing values are
    /// dropped; `None` where all are missing.
    #[must_use]
    pub fn new(capacity: usize, values: &[f64]) -> Option<Self> {
        // What lies before the window makes no difference, its scale included.
        let values = &values[values.len().saturating_sub(capacity)..];
        let first = values.iter().position(|value| !value.is_nan())?;
        let largest = values.iter().filter(|value| !value.is_nan()).fold(0.0_f64, |most, value| most.max(value.abs()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let mut history =
            Self { capacity, scale, values: Vec::with_capacity(capacity + SLACK), missing: Vec::new(), open_gap: 0 };
        history.push_all(&values[first..]);
        Some(history)
    }

    /// Takes in the next values, NaN where missing.
    pub fn push_all(&mut self, values: &[f64]) {
        for value in values {
            self.push(*value);
            if self.values.len() >= self.capacity + SLACK {
                self.values.drain(..SLACK);
                self.missing.drain(..SLACK / 64);
            }
        }
    }

    fn push(&mut self, value: f64) {
        let at = self.values.len();
        if at.is_multiple_of(64) {
            self.missing.push(0);
        }
        if value.is_nan() {
            self.values.push(self.values.last().copied().unwrap_or(0.0));
            self.mark_missing(at);
            self.open_gap += 1;
        } else {
            self.values.push(narrow(value / self.scale));
            self.close_gap(at);
        }
    }

    fn mark_missing(&mut self, at: usize) {
        if let Some(word) = self.missing.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    /// Draws a straight line over the gap that ends before `at`.
    fn close_gap(&mut self, at: usize) {
        let gap = std::mem::take(&mut self.open_gap).min(at);
        let Some(from) = at.checked_sub(gap + 1) else { return };
        let (start, end) = (f64::from(self.values[from]), f64::from(self.values[at]));
        for step in 1..=gap {
            let share = fraction(step, gap + 1);
            self.values[from + step] = narrow(start + (end - start) * share);
        }
    }

    /// The values in units of [`History::scale`], oldest first, at least one.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The value at an index in the series' own unit, NaN where it was missing.
    #[must_use]
    pub fn value(&self, at: usize) -> f64 {
        if self.is_missing(at) { f64::NAN } else { f64::from(self.values[at]) * self.scale }
    }

    /// A value as it would be stored; `None` where it is missing.
    #[must_use]
    pub fn as_stored(&self, value: f64) -> Option<f32> {
        (!value.is_nan()).then(|| narrow(value / self.scale))
    }

    /// The newest value, `None` where it was missing.
    #[must_use]
    pub fn newest(&self) -> Option<f32> {
        let at = self.values.len().checked_sub(1)?;
        (!self.is_missing(at)).then(|| self.values[at])
    }

    /// What one unit of the stored values stands for.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Whether the value at an index was missing and is only bridged.
    #[must_use]
    pub fn is_missing(&self, at: usize) -> bool {
        self.missing.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }
}

fn fraction(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// Single precision, within the limits that keep every later sum finite.
fn narrow(value: f64) -> f32 {
    value.clamp(-LIMIT, LIMIT) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    fn stored(values: &[f64]) -> Vec<f64> {
        let history = History::new(VALUES, values).expect("not all missing");
        history.values().iter().map(|value| (f64::from(*value) * history.scale() * 1e4).round() / 1e4).collect()
    }
    const VALUES: usize = 100;

    #[test]
    fn gaps_are_bridged_and_marked() {
        assert_eq!(stored(&[NAN, 1.0, NAN, NAN, 4.0, NAN]), [1.0, 2.0, 3.0, 4.0, 4.0]);
        let history = History::new(VALUES, &[1.0, NAN, 3.0]).expect("not all missing");
        assert_eq!((0..3).map(|at| history.is_missing(at)).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert!(History::new(VALUES, &[]).is_none());
        assert!(History::new(VALUES, &[NAN, NAN]).is_none());
    }

    #[test]
    fn old_values_and_their_marks_are_dropped_together() {
        let mut history = History::new(64, &[1.0]).expect("not all missing");
        for step in 0..5_000_u32 {
            history.push_all(&[if step % 7 == 3 { NAN } else { 1.0 + f64::from(step % 7) }]);
        }
        let values = history.values();
        assert!(values.len() >= 64 && values.len() < 64 + SLACK);
        for at in 1..values.len() {
            let back = values.len() - 1 - at;
            assert_eq!(history.is_missing(at), (4_999 - back as u32) % 7 == 3, "{at}");
        }
    }

    #[test]
    fn what_lies_before_the_window_makes_no_difference() {
        let mut values = vec![NAN; 150];
        values[0] = 5e9;
        values[148] = 3.0;
        values[149] = 7.0;
        assert_eq!(stored(&values), [3.0, 7.0]);
    }

    #[test]
    fn huge_values_stay_finite() {
        let history = History::new(VALUES, &[1e-300, 1e300, -1e308]).expect("not all missing");
        assert!(history.values().iter().all(|value| value.is_finite()));
        let mut small = History::new(VALUES, &[1e-300]).expect("not all missing");
        small.push_all(&[1e300]);
        assert!(small.values().iter().all(|value| value.is_finite()));
    }
}
