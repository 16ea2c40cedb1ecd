//! The latest values of one sort, and their median and spread.

use serde::{Deserialize, Serialize};

/// Makes the median absolute deviation of normal noise its standard deviation (Rousseeuw and Croux 1993).
const NORMAL: f64 = 1.4826;

/// The latest values, at most as many as [`Window::put`] is told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Window {
    values: Vec<f64>,
    /// Where the next value goes once the window is full.
    next: u16,
    /// The last day that was seen, and how many there were.
    day: i64,
    days: u16,
}

/// The middle and the spread of a window. Both are halved, so that no difference of two numbers overflows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Middle {
    /// Half the median.
    pub half_median: f64,
    /// Half the robust standard deviation.
    pub half_spread: f64,
}

impl Window {
    /// Takes in one value of one day.
    pub fn put(&mut self, value: f64, day: i64, memory: u16) {
        if self.days == 0 || day != self.day {
            self.day = day;
            self.days = self.days.saturating_add(1);
        }
        if self.values.len() < usize::from(memory) {
            self.values.push(value);
            return;
        }
        if let Some(oldest) = self.values.get_mut(usize::from(self.next)) {
            *oldest = value;
        }
        self.next = (self.next + 1) % memory.max(1);
    }

    /// Counts the values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Counts the days that values came from.
    #[must_use]
    pub fn days(&self) -> u16 {
        self.days
    }

    /// Gives the middle; `None` of an empty window.
    #[must_use]
    pub fn middle(&self) -> Option<Middle> {
        let mut halves: Vec<f64> = self.values.iter().map(|value| value * 0.5).collect();
        let half_median = quantile(&mut halves, 0.5)?;
        halves.iter_mut().for_each(|half| *half = (*half - half_median).abs());
        Some(Middle { half_median, half_spread: quantile(&mut halves, 0.5)? * NORMAL })
    }

    /// Gives a quantile of the values; `None` of an empty window.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        quantile(&mut self.values.clone(), q)
    }
}

fn quantile(values: &mut [f64], q: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let at = (last as f64 * q).round() as usize;
    Some(*values.select_nth_unstable_by(at.min(last), f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_values_are_kept() {
        let mut window = Window::default();
        (0..10).for_each(|value| window.put(f64::from(value), i64::from(value) / 5, 5));
        assert_eq!((window.len(), window.days()), (5, 2));
        assert_eq!(window.quantile(0.0), Some(5.0));
        assert_eq!(window.middle().map(|middle| middle.half_median), Some(3.5));
    }

    #[test]
    fn the_largest_numbers_have_a_middle() {
        let mut window = Window::default();
        for value in [f64::MAX, f64::MIN, f64::MAX] {
            window.put(value, 0, 5);
        }
        assert_eq!(window.middle().map(|middle| middle.half_median), Some(f64::MAX / 2.0));
        assert_eq!(Window::default().middle(), None);
    }
}
