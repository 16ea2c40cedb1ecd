//! A series that is measured more coarsely than it is kept, five-minute averages on a grid of minutes, say: its value
//! changes only at every so many steps. Forecasts are made on its own grid, and between two changes nothing is uncertain.

use crate::history::History;
use serde::{Deserialize, Serialize};

/// The fewest changes from which a rhythm is read: as many at random hardly ever have one.
const CHANGES_MIN: usize = 30;
/// The longest step that a series may have, in milliseconds.
const STEP_MS_MAX: u64 = 86_400_000;

/// How many steps each value stands for, and how far the newest has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    steps: usize,
    /// Steps since the newest value came, from 0 to `steps` - 1.
    age: usize,
}

/// What the next value is to a held series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It begins a new coarse step.
    New,
    /// It repeats the newest value, as expected.
    Repeated,
    /// It changed where it should not: the rhythm is no longer.
    Broken,
}

impl Held {
    /// Every value stands for one step.
    pub const NOT: Self = Self { steps: 1, age: 0 };

    /// Finds the rhythm in which the values of a history of `step_ms` change: the greatest common divisor of the
    /// distances between changes. [`Held::NOT`] where there is none.
    #[must_use]
    pub fn find(history: &History, step_ms: u32) -> Self {
        let values = history.values();
        let known = |at: &usize| !history.is_missing(*at) && !history.is_missing(*at - 1);
        let changed = (1..values.len()).filter(known).filter(|at| values[*at].to_bits() != values[*at - 1].to_bits());
        let (mut first, mut count, mut steps) = (None, 0, 0);
        for at in changed {
            count += 1;
            steps = gcd(steps, at - *first.get_or_insert(at));
            if steps == 1 {
                return Self::NOT;
            }
        }
        match first {
            Some(first) if count >= CHANGES_MIN && steps as u64 * u64::from(step_ms) <= STEP_MS_MAX => {
                Self { steps, age: (values.len() - 1 - first) % steps }
            }
            _ => Self::NOT,
        }
    }

    /// How many steps each value stands for, at least one.
    #[must_use]
    pub fn steps(self) -> usize {
        self.steps
    }

    /// How many coarse steps ahead `step` lies, seen from the newest value; 0 is the newest value itself.
    #[must_use]
    pub fn ahead(self, step: usize) -> usize {
        (self.age + step) / self.steps
    }

    /// Takes in the next value, missing ones included; `newest` is the newest coarse value, `None` where it is missing.
    pub fn take(&mut self, newest: Option<f32>, value: Option<f32>) -> Next {
        if self.age + 1 == self.steps {
            self.age = 0;
            return Next::New;
        }
        let differs = newest.zip(value).is_some_and(|(newest, value)| newest.to_bits() != value.to_bits());
        if differs {
            return Next::Broken;
        }
        self.age += 1;
        Next::Repeated
    }

    /// The coarse values of a history that is held in this rhythm, NaN where missing.
    #[must_use]
    pub fn thin(self, history: &History) -> Vec<f64> {
        let newest = history.values().len() - 1 - self.age;
        (newest % self.steps..=newest).step_by(self.steps).map(|at| history.value(at)).collect()
    }

    /// The values of a coarse history, each repeated for the steps that it stands for.
    #[must_use]
    pub fn spread(self, coarse: &History) -> Vec<f64> {
        let count = coarse.values().len();
        let times = |at: usize| if at + 1 == count { self.age + 1 } else { self.steps };
        (0..count).flat_map(|at| std::iter::repeat_n(coarse.value(at), times(at))).collect()
    }
}

fn gcd(mut a: usize, mut b: usize) -> usize {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(count: usize, steps: usize, offset: usize) -> History {
        let value = |at: usize| ((at + offset) / steps * 7919 % 101) as f64 + 1.0;
        History::new(20_160, &(0..count).map(value).collect::<Vec<_>>()).expect("not all missing")
    }

    #[test]
    fn the_rhythm_is_found_with_its_phase() {
        for (steps, offset) in [(5, 0), (5, 3), (60, 11), (1, 0)] {
            let held = Held::find(&history(4_000, steps, offset), 60_000);
            assert_eq!((held.steps(), held.age), (steps, (3_999 + offset) % steps), "{steps} {offset}");
        }
        assert_eq!(Held::find(&history(100, 5, 0), 60_000), Held::NOT, "too few changes to tell");
        assert_eq!(Held::find(&history(4_000, 60, 0), 3_600_000), Held::NOT, "longer than a day");
    }

    #[test]
    fn thinning_and_spreading_are_inverse() {
        let fine = history(4_003, 5, 2);
        let held = Held::find(&fine, 60_000);
        let coarse = History::new(20_160, &held.thin(&fine)).expect("not all missing");
        let again = held.spread(&coarse);
        let skipped = fine.values().len() - again.len();
        assert!(skipped < 5);
        assert!((skipped..4_003).all(|at| (again[at - skipped] - fine.value(at)).abs() < 1e-4));
    }

    #[test]
    fn a_change_out_of_turn_breaks_it() {
        let mut held = Held { steps: 3, age: 1 };
        assert_eq!(held.take(Some(1.0), Some(1.0)), Next::Repeated);
        assert_eq!((held.ahead(1), held.ahead(3), held.ahead(4)), (1, 1, 2));
        assert_eq!(held.take(Some(1.0), Some(2.0)), Next::New);
        assert_eq!(held.take(Some(2.0), None), Next::Repeated);
        assert_eq!(held.take(Some(2.0), Some(3.0)), Next::Broken);
    }
}
