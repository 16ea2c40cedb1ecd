//! What plugins ask of a series.

use crate::{Error, Series};

impl Series {
    /// Counts the values that are there, missing ones (NaN) left out.
    #[must_use]
    pub fn count_present(&self) -> usize {
        self.values.iter().filter(|value| !value.is_nan()).count()
    }

    /// Gives the values that are there, oldest first.
    pub fn present(&self) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().copied().filter(|value| !value.is_nan())
    }

    /// Checks what the contract promises: a step of 1 s to 1 day, and no infinities.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] naming the part that breaks it.
    pub fn check(&self) -> Result<(), Error> {
        if !(1_000..=86_400_000).contains(&self.step_ms) {
            return Err(Error::invalid_input(format!("step-ms must be 1000 to 86400000, got {}", self.step_ms)));
        }
        check_values(&self.values)
    }
}

/// Checks that no value is infinite.
///
/// # Errors
/// [`Error::InvalidInput`] naming the first that is.
pub(crate) fn check_values(values: &[f64]) -> Result<(), Error> {
    match values.iter().position(|value| value.is_infinite()) {
        None => Ok(()),
        Some(at) => Err(Error::invalid_input(format!("value {at} is infinite; a missing value is NaN"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(step_ms: u32, values: &[f64]) -> Series {
        Series { start_ms: 0, step_ms, values: values.to_vec() }
    }

    #[test]
    fn missing_values_do_not_count() {
        let series = series(60_000, &[1.0, f64::NAN, 3.0]);
        assert_eq!(series.count_present(), 2);
        assert_eq!(series.present().sum::<f64>(), 4.0);
        assert_eq!(series.check(), Ok(()));
    }

    #[test]
    fn steps_and_infinities_are_refused() {
        assert!(matches!(series(999, &[]).check(), Err(Error::InvalidInput(_))));
        assert!(
            matches!(series(1_000, &[1.0, f64::INFINITY]).check(), Err(Error::InvalidInput(text)) if text.contains("value 1"))
        );
    }
}
