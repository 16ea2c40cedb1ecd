//! Reading a demand trace: a CSV file with the header `timestamp,value`, RFC 3339 instants, one series a file.

use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use serde::Deserialize;
use std::io::Read;

/// The most steps that a trace may span: 20 years of minutes.
pub const MAX_STEPS: usize = 10_512_000;
/// The largest value that is taken for a load.
pub const MAX_VALUE: f64 = 1e15;

/// A load on a regular grid of one minute: coarser ones are held, of several in one minute the last counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Names it: the file's stem.
    pub name: String,
    /// The beginning of the first step.
    pub start: TimestampMs,
    /// The step in milliseconds.
    pub step_ms: i64,
    /// One value per step, all finite and not negative.
    pub values: Vec<f64>,
}

/// What is wrong with a trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file is no such CSV.
    #[error("line {line}: {detail}; expected a header `timestamp,value` and rows such as 2026-03-01T12:00:00Z,41.5")]
    Row {
        /// Where, from 1.
        line: u64,
        /// What the reader said.
        detail: String,
    },
    /// A value that is no load.
    #[error("line {line}: the value {value} is not a load: use a finite number from 0 to {MAX_VALUE:e}")]
    Value {
        /// Where, from 1.
        line: u64,
        /// What stands there.
        value: f64,
    },
    /// An instant that does not follow the one before.
    #[error("line {line}: {at} is not after the row before ({before}): sort the rows by time and keep one an instant")]
    Order {
        /// Where, from 1.
        line: u64,
        /// What stands there.
        at: TimestampMs,
        /// The row before.
        before: TimestampMs,
    },
    /// The trace is too long.
    #[error("line {line}: the trace spans more than {MAX_STEPS} minutes: cut it")]
    TooLong {
        /// Where, from 1.
        line: u64,
    },
    /// The trace is too short.
    #[error("the trace has {rows} rows: at least 2 are needed")]
    TooShort {
        /// How many there are.
        rows: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    timestamp: String,
    value: f64,
}

impl Trace {
    /// Reads a trace.
    ///
    /// # Errors
    /// [`TraceError`] with the first line that does not fit and what would be right.
    pub fn read(name: &str, reader: impl Read) -> Result<Self, TraceError> {
        let mut rows = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
        let mut trace = Self { name: name.to_owned(), start: TimestampMs(0), step_ms: MINUTE_MS, values: vec![] };
        let mut last: Option<TimestampMs> = None;
        let mut count = 0;
        for row in rows.deserialize::<Row>() {
            let row = row.map_err(|error| TraceError::Row {
                line: error.position().map_or(1, csv::Position::line),
                detail: error.to_string(),
            })?;
            count += 1;
            let line = count as u64 + 1;
            let at: TimestampMs =
                row.timestamp.parse().map_err(|error| TraceError::Row { line, detail: format!("{error}") })?;
            if !(0.0..=MAX_VALUE).contains(&row.value) {
                return Err(TraceError::Value { line, value: row.value });
            }
            if let Some(before) = last.filter(|before| at <= *before) {
                return Err(TraceError::Order { line, at, before });
            }
            last = Some(at);
            trace.put(at, row.value, line)?;
        }
        if count < 2 {
            return Err(TraceError::TooShort { rows: count });
        }
        Ok(trace)
    }

    fn put(&mut self, at: TimestampMs, value: f64, line: u64) -> Result<(), TraceError> {
        let step = at.floor(MINUTE_MS);
        let Some(held) = self.values.last().copied() else {
            self.start = step;
            self.values.push(value);
            return Ok(());
        };
        let index = usize::try_from(step.since(self.start) / MINUTE_MS).unwrap_or(usize::MAX);
        if index >= MAX_STEPS {
            return Err(TraceError::TooLong { line });
        }
        self.values.resize(self.values.len().max(index), held);
        match self.values.get_mut(index) {
            Some(same_step) => *same_step = value,
            None => self.values.push(value),
        }
        Ok(())
    }

    /// The beginning of step `index`.
    #[must_use]
    pub fn at(&self, index: usize) -> TimestampMs {
        self.start + self.step_ms * index as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: &str) -> Result<Vec<f64>, String> {
        let text = format!("timestamp,value\n{rows}");
        Trace::read("t", text.as_bytes()).map(|trace| trace.values).map_err(|error| error.to_string())
    }

    #[test]
    fn coarser_steps_are_held_and_finer_ones_end_with_the_last() {
        let rows = "2026-01-01T00:00:00Z,1\n2026-01-01T00:03:00Z,4\n2026-01-01T00:03:30Z,5\n2026-01-01T00:04:00Z,6\n";
        assert_eq!(read(rows), Ok(vec![1.0, 1.0, 1.0, 5.0, 6.0]));
    }

    #[test]
    fn errors_name_the_line_and_what_would_be_right() {
        let first = "2026-01-01T00:00:00Z,1\n";
        for (rows, expected) in [
            (format!("{first}tomorrow,2\n"), "line 3: `tomorrow` is not an RFC 3339 instant"),
            (format!("{first}2026-01-01T00:01:00Z,NaN\n"), "line 3: the value NaN is not a load"),
            (format!("{first}2026-01-01T00:01:00Z,-1\n"), "line 3: the value -1 is not a load"),
            (format!("{first}2026-01-01T00:01:00Z,x\n"), "line 3"),
            (format!("{first}{first}"), "line 3: 2026-01-01T00:00:00Z is not after the row before"),
            (format!("{first}2099-01-01T00:01:00Z,1\n"), "line 3: the trace spans more than"),
            (first.to_owned(), "the trace has 1 rows"),
        ] {
            let error = read(&rows).expect_err(&rows);
            assert!(error.contains(expected), "{error}");
        }
        let error = Trace::read("t", "time,load\n1,2\n".as_bytes()).expect_err("header").to_string();
        assert!(error.contains("header `timestamp,value`"), "{error}");
    }
}
