//! Reading a demand trace: a CSV file with the header `timestamp,value`, RFC 3339 instants, one series a file; or what
//! Prometheus answers to a range query.

mod prometheus;

use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use serde::{Deserialize, Serialize};
use std::io::Read;

/// The most steps that a trace may span: 20 years of minutes.
pub const MAX_STEPS: usize = 10_512_000;
/// The most rows that a trace may have.
pub const MAX_ROWS: usize = 10_000_000;
/// Rows further apart than this many steps leave a gap that is told.
pub const GAP_STEPS: usize = 60;
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
    /// Where rows were missing for over [`GAP_STEPS`] steps, in which the last value is held.
    pub gaps: Vec<Gap>,
}

/// Time without rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The first step without.
    pub from: TimestampMs,
    /// How many steps.
    pub steps: usize,
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
    /// The trace has too many rows.
    #[error("line {line}: the trace has more than {MAX_ROWS} rows: cut it, or keep one row a minute")]
    TooManyRows {
        /// Where, from 1.
        line: u64,
    },
    /// What Prometheus answered is no series.
    #[error("{0}")]
    Prometheus(String),
    /// One sample of an answer by Prometheus can't be used.
    #[error("{series}, sample {sample}: {detail}")]
    Sample {
        /// The series' labels.
        series: String,
        /// Which of its samples, from 1.
        sample: usize,
        /// What is wrong.
        detail: String,
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
        let mut trace = Self::empty(name);
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
            trace.take(at, row.value, &mut last, line)?;
        }
        if count < 2 {
            return Err(TraceError::TooShort { rows: count });
        }
        Ok(trace)
    }

    fn empty(name: &str) -> Self {
        Self { name: name.to_owned(), start: TimestampMs(0), step_ms: MINUTE_MS, values: vec![], gaps: vec![] }
    }

    /// Takes in one row, the one in `line`.
    fn take(
        &mut self,
        at: TimestampMs,
        value: f64,
        last: &mut Option<TimestampMs>,
        line: u64,
    ) -> Result<(), TraceError> {
        if line > MAX_ROWS as u64 + 1 {
            return Err(TraceError::TooManyRows { line });
        }
        if !(0.0..=MAX_VALUE).contains(&value) {
            return Err(TraceError::Value { line, value });
        }
        if let Some(before) = last.filter(|before| at <= *before) {
            return Err(TraceError::Order { line, at, before });
        }
        *last = Some(at);
        self.put(at, value, line)
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
        let known = self.values.len();
        if index > known + GAP_STEPS {
            self.gaps.push(Gap { from: self.at(known), steps: index - known });
        }
        self.values.resize(known.max(index), held);
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
    fn a_gap_of_a_week_is_held_and_told() {
        let text = "timestamp,value\n2026-01-01T00:00:00Z,3\n2026-01-01T00:01:00Z,4\n2026-01-08T00:02:00Z,5\n";
        let trace = Trace::read("t", text.as_bytes()).expect("a trace");
        assert_eq!((trace.values.len(), trace.values[5_000]), (10_083, 4.0));
        assert_eq!(trace.gaps, [Gap { from: trace.at(2), steps: 10_080 }]);
    }

    #[test]
    fn ten_million_rows_are_the_most() {
        let mut trace = Trace::empty("t");
        let row = |trace: &mut Trace, line: u64| trace.take(TimestampMs(line as i64), 1.0, &mut None, line);
        assert!(row(&mut trace, 10_000_001).is_ok(), "the header is a line");
        assert!(matches!(row(&mut trace, 10_000_002), Err(TraceError::TooManyRows { .. })));
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
