//! Values that are out of range, collected so that all of them are told at once.

use std::fmt;
use std::ops::RangeInclusive;

/// One value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, with dots between its parts.
    pub key: String,
    /// What is wrong with its value.
    pub problem: String,
    /// What would be right.
    pub help: String,
}

/// The values that cannot be used, in the order of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one.
    pub fn push(&mut self, key: &str, problem: impl Into<String>, help: impl Into<String>) {
        self.0.push(Fault { key: key.to_owned(), problem: problem.into(), help: help.into() });
    }

    /// Adds one unless `value` lies in `allowed`; `unit` stands behind the numbers, such as `seconds`.
    pub(super) fn range<T>(&mut self, key: &str, value: T, allowed: RangeInclusive<T>, unit: &str)
    where
        T: PartialOrd + Copy + fmt::Display,
    {
        let (least, most) = allowed.into_inner();
        if !(least..=most).contains(&value) {
            let help = format!("use {least} to {most} {unit}");
            self.push(key, format!("is {value}, out of range"), help.trim_end());
        }
    }

    /// The faults; empty when everything can be used.
    #[must_use]
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{} {}: {}", fault.key, fault.problem, fault.help)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_what_where_and_what_would_be_right() {
        let mut faults = Faults::default();
        faults.range("planning.step_s", 0, 1..=3600, "seconds");
        faults.range("planning.horizon_steps", 60, 1..=1440, "steps");
        assert_eq!(faults.to_string(), "planning.step_s is 0, out of range: use 1 to 3600 seconds");
    }
}
