//! Boot times as they were measured: a CSV file with the header `seconds`, one boot a row. A simulated boot is one of them
//! by chance.

use forewarm_domain::series::quantile;
use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use std::io::Read;

/// The most boots that are kept.
const BOOTS_MAX: usize = 1_000_000;
/// The longest that a boot may last, in seconds.
pub const BOOT_S_MAX: f64 = 86_400.0;
/// The share of boots that a plan allows for, as a host does.
const PLANNED_SHARE: f64 = 0.95;

/// See the module's description. There is at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Boots(Vec<f64>);

/// What is told of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BootSummary {
    /// How many were measured.
    pub count: usize,
    /// Half of them were quicker, in seconds.
    pub p50_s: f64,
    /// 95 of 100 were quicker, in seconds: what plans allow for.
    pub p95_s: f64,
}

/// What is wrong with a file of boot times.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BootsError {
    /// The file is no such CSV.
    #[error("line {line}: {detail}; expected a header `seconds` and rows such as 41.5")]
    Row {
        /// Where, from 1.
        line: u64,
        /// What the reader said.
        detail: String,
    },
    /// A value that is no boot time.
    #[error("line {line}: {value} s is no boot time: use a number above 0 up to {BOOT_S_MAX}")]
    Value {
        /// Where, from 1.
        line: u64,
        /// What stands there.
        value: f64,
    },
    /// No row at all.
    #[error("there is no boot time: give at least one row below the header `seconds`, or --boot-s instead")]
    Empty,
    /// Too many rows.
    #[error("there are more than {BOOTS_MAX} boot times: keep the newest")]
    TooMany,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    seconds: f64,
}

impl Boots {
    /// Reads boot times.
    ///
    /// # Errors
    /// [`BootsError`] with the first line that does not fit and what would be right.
    pub fn read(reader: impl Read) -> Result<Self, BootsError> {
        let mut boots = Vec::new();
        let mut rows = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
        for row in rows.deserialize::<Row>() {
            let Row { seconds } = row.map_err(|error| BootsError::Row {
                line: error.position().map_or(1, csv::Position::line),
                detail: error.to_string(),
            })?;
            if !(seconds > 0.0 && seconds <= BOOT_S_MAX) {
                return Err(BootsError::Value { line: boots.len() as u64 + 2, value: seconds });
            }
            if boots.len() == BOOTS_MAX {
                return Err(BootsError::TooMany);
            }
            boots.push(seconds);
        }
        if boots.is_empty() { Err(BootsError::Empty) } else { Ok(Self(boots)) }
    }

    /// What is told of them.
    #[must_use]
    pub fn summary(&self) -> BootSummary {
        let at = |share| quantile(&self.0, share).unwrap_or(BOOT_S_MAX);
        BootSummary { count: self.0.len(), p50_s: at(0.5), p95_s: at(PLANNED_SHARE) }
    }

    /// One of them, in steps.
    pub(crate) fn draw(&self, step_ms: i64, random: &mut StdRng) -> usize {
        let index = (random.random::<f64>() * self.0.len() as f64) as usize;
        let seconds = self.0.get(index).copied().unwrap_or(BOOT_S_MAX);
        steps(seconds, step_ms)
    }
}

/// A time in steps, rounded up, at least one.
#[must_use]
pub fn steps(seconds: f64, step_ms: i64) -> usize {
    ((seconds * 1_000.0 / step_ms as f64).ceil() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn boots_are_drawn_from_those_that_were_measured() {
        let boots = Boots::read("seconds\n30\n61\n600\n".as_bytes()).expect("three");
        assert_eq!(boots.summary().p50_s, 61.0);
        let mut random = StdRng::seed_from_u64(1);
        let mut drawn: Vec<usize> = (0..100).map(|_| boots.draw(60_000, &mut random)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [1, 2, 10]);
    }

    #[test]
    fn what_is_no_boot_time_is_told_with_its_line() {
        for (text, part) in [
            ("", "there is no boot time"),
            ("seconds\n", "there is no boot time"),
            ("seconds\n30\n0\n", "line 3: 0 s is no boot time"),
            ("seconds\n-1\n", "line 2"),
            ("seconds\nNaN\n", "line 2: NaN s"),
            ("seconds\n1e9\n", "line 2"),
            ("seconds\n30\nsoon\n", "line 3"),
            ("boot\n30\n", "expected a header `seconds`"),
        ] {
            let error = Boots::read(text.as_bytes()).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
