//! Many series in one CSV file, the long form: `series_id,timestamp,value`, each series in the order of time; and one
//! series, `timestamp,value`.
//!
//! Timestamps are RFC 3339 (without an offset: UTC) or whole numbers of steps. Rows that are not there are gaps: they are
//! NaN on the grid, and a row's place among the rows is kept, since other programs count rows.

use csv::{ByteRecord, ReaderBuilder, Trim};
use forewarm_domain::time::{HOUR_MS, TimestampMs};
use std::collections::HashMap;
use std::io::Read;

/// The most rows of one file.
pub const ROWS_MAX: usize = 20_000_000;
/// The most steps from a series' first row to its last.
pub const STEPS_MAX: usize = 2_000_000;
/// The longest name of a series, in bytes.
const ID_BYTES_MAX: usize = 200;
/// The columns, in any order.
const COLUMNS: [&str; 3] = ["series_id", "timestamp", "value"];

/// The name of a series whose file names none.
pub const SINGLE: &str = "series";

/// One series on its grid.
#[derive(Debug, Clone, PartialEq)]
pub struct LongSeries {
    /// Its name.
    pub id: String,
    /// The beginning of the first step. Numbered steps begin at 1970 plus their number of steps.
    pub start: TimestampMs,
    /// The length of a step in milliseconds.
    pub step_ms: i64,
    /// One value per step, NaN where there is none.
    pub values: Vec<f64>,
    /// The place on the grid of each row of the file, rising.
    pub rows: Vec<usize>,
}

impl LongSeries {
    /// The values of the file's rows, without gaps.
    #[must_use]
    pub fn row_values(&self) -> Vec<f64> {
        self.rows.iter().filter_map(|at| self.values.get(*at).copied()).collect()
    }
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LongError {
    /// The first line is no header.
    #[error("line 1: {0}; begin the file with `series_id,timestamp,value`")]
    Header(String),
    /// A row that is no CSV, or has too few or too many fields.
    #[error("line {line}: {detail}")]
    Row {
        /// The line, from 1.
        line: u64,
        /// What does not fit.
        detail: String,
    },
    /// A field that can't be read.
    #[error("line {line}, column `{column}`: {detail}")]
    Field {
        /// The line, from 1.
        line: u64,
        /// The column's name.
        column: &'static str,
        /// What does not fit.
        detail: String,
    },
    /// No row at all.
    #[error("the file has a header and no rows")]
    Empty,
    /// Rows of one series go back in time, or repeat it.
    #[error(
        "line {line}: `{id}` has {at} after {before}; each series' rows rise in time (where a clock was set back, write UTC)"
    )]
    Order {
        /// The line, from 1.
        line: u64,
        /// The series.
        id: String,
        /// This row's time.
        at: String,
        /// The row's before.
        before: String,
    },
    /// Times that lie on no common grid.
    #[error("line {line}: `{id}` has {at}, which is no whole number of its steps of {step_ms} ms after its first row")]
    Grid {
        /// The line, from 1.
        line: u64,
        /// The series.
        id: String,
        /// This row's time.
        at: String,
        /// The series' step.
        step_ms: i64,
    },
    /// A series over the limits.
    #[error("`{id}` reaches over {steps} steps of {step_ms} ms, at most {STEPS_MAX} are read: split the series")]
    Long {
        /// The series.
        id: String,
        /// From the first row to the last.
        steps: usize,
        /// The series' step.
        step_ms: i64,
    },
    /// A file over the limits.
    #[error("the file has more than {ROWS_MAX} rows: split it")]
    Rows,
}

/// Rows of one series as they come.
struct Gathered {
    id: String,
    numbered: bool,
    /// Line, milliseconds or number, value.
    rows: Vec<(u64, i64, f64)>,
}

/// Reads a file. `numbered_step_ms` is the length of a step where timestamps are numbers; an hour is usual.
/// Series come in the order of their first rows.
///
/// # Errors
/// [`LongError`] with the line and what would be right.
pub fn read(source: impl Read, numbered_step_ms: i64) -> Result<Vec<LongSeries>, LongError> {
    let gathered = gather(source, false)?;
    gathered.into_iter().map(|series| on_grid(series, numbered_step_ms)).collect()
}

/// Reads a file of this form, or one of a single series without the column `series_id`; that one is called [`SINGLE`].
///
/// # Errors
/// As [`read`].
pub fn read_any(source: impl Read, numbered_step_ms: i64) -> Result<Vec<LongSeries>, LongError> {
    let gathered = gather(source, true)?;
    gathered.into_iter().map(|series| on_grid(series, numbered_step_ms)).collect()
}

/// The step that all of a file's series share; one hour without any.
///
/// # Errors
/// What differs, for the reader.
pub fn common_step(series: &[LongSeries]) -> Result<i64, String> {
    let step_ms = series.first().map_or(HOUR_MS, |one| one.step_ms);
    match series.iter().find(|one| one.step_ms != step_ms) {
        None => Ok(step_ms),
        Some(LongSeries { id, step_ms: other, .. }) => {
            Err(format!("`{id}` has steps of {other} ms, the first series {step_ms}"))
        }
    }
}

/// The usual step of numbered rows.
pub const NUMBERED_STEP_MS: i64 = HOUR_MS;

fn gather(source: impl Read, may_be_single: bool) -> Result<Vec<Gathered>, LongError> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(source);
    let [id_column, time_column, value_column] = columns(&mut reader, may_be_single)?;
    let (mut all, mut places): (Vec<Gathered>, HashMap<String, usize>) = Default::default();
    let (mut record, mut rows) = (ByteRecord::new(), 0);
    loop {
        let line = reader.position().line();
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(LongError::Row { line, detail: describe(&error) }),
        }
        let line = record.position().map_or(line, csv::Position::line);
        let row = Row { record: &record, line };
        let id = id_column.map_or(Ok(SINGLE), |column| row.id(column))?;
        let (numbered, at) = row.time(time_column.unwrap_or_default())?;
        let value = row.value(value_column.unwrap_or_default())?;
        let place = *places.entry(id.to_owned()).or_insert_with(|| {
            all.push(Gathered { id: id.to_owned(), numbered, rows: Vec::new() });
            all.len() - 1
        });
        push(&mut all[place], line, numbered, at, value)?;
        rows += 1;
        if rows > ROWS_MAX {
            return Err(LongError::Rows);
        }
    }
    if all.is_empty() { Err(LongError::Empty) } else { Ok(all) }
}

fn push(series: &mut Gathered, line: u64, numbered: bool, at: i64, value: f64) -> Result<(), LongError> {
    if numbered != series.numbered {
        let detail = "dates and numbers are mixed within one series".to_owned();
        return Err(LongError::Field { line, column: "timestamp", detail });
    }
    if let Some((_, before, _)) = series.rows.last().filter(|(_, before, _)| *before >= at) {
        let (at, before) = (series.time(at), series.time(*before));
        return Err(LongError::Order { line, id: series.id.clone(), at, before });
    }
    series.rows.push((line, at, value));
    Ok(())
}

impl Gathered {
    fn time(&self, at: i64) -> String {
        if self.numbered { at.to_string() } else { TimestampMs(at).to_string() }
    }

    /// The step of the grid: the most usual distance of two rows, of equally usual ones the smaller.
    fn step(&self) -> Option<i64> {
        let mut distances: Vec<i64> = self.rows.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
        distances.sort_unstable();
        let runs = distances.chunk_by(|a, b| a == b);
        runs.rev().max_by_key(|run| run.len()).and_then(|run| run.first().copied())
    }
}

fn on_grid(series: Gathered, numbered_step_ms: i64) -> Result<LongSeries, LongError> {
    // A single row has no distance: an hour, which its one value does not depend on.
    let distance = if series.numbered { 1 } else { series.step().unwrap_or(HOUR_MS) };
    let step_ms = if series.numbered { numbered_step_ms } else { distance };
    let first = series.rows.first().map_or(0, |row| row.1);
    let steps = series.rows.last().map_or(0, |row| (row.1.saturating_sub(first) / distance) as usize + 1);
    if steps > STEPS_MAX {
        return Err(LongError::Long { id: series.id, steps, step_ms });
    }
    let mut values = vec![f64::NAN; steps];
    let mut rows = Vec::with_capacity(series.rows.len());
    for (line, at, value) in &series.rows {
        let place = ((at - first) / distance) as usize;
        match values.get_mut(place).filter(|_| (at - first) % distance == 0) {
            Some(to) => *to = *value,
            None => {
                let at = series.time(*at);
                return Err(LongError::Grid { line: *line, id: series.id, at, step_ms });
            }
        }
        rows.push(place);
    }
    let start = TimestampMs(if series.numbered { first.saturating_mul(step_ms) } else { first });
    Ok(LongSeries { id: series.id, start, step_ms, values, rows })
}

/// The places of the columns; only that of the series' names may be missing, and only where that is allowed and the
/// file has no other column in its place.
fn columns<R: Read>(reader: &mut csv::Reader<R>, may_be_single: bool) -> Result<[Option<usize>; 3], LongError> {
    let header = reader.byte_headers().map_err(|error| LongError::Header(describe(&error)))?;
    let single = may_be_single && header.len() < COLUMNS.len();
    let mut places = [None; 3];
    for (number, (place, name)) in places.iter_mut().zip(COLUMNS).enumerate() {
        *place =
            header.iter().position(|field| field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field) == name.as_bytes());
        if place.is_none() && !(number == 0 && single) {
            return Err(LongError::Header(format!("there is no column `{name}`")));
        }
    }
    Ok(places)
}

/// One row and where it stands.
struct Row<'r> {
    record: &'r ByteRecord,
    line: u64,
}

impl Row<'_> {
    fn fail(&self, column: &'static str, detail: String) -> LongError {
        LongError::Field { line: self.line, column, detail }
    }

    fn text(&self, place: usize, column: &'static str) -> Result<&str, LongError> {
        let text = std::str::from_utf8(self.record.get(place).unwrap_or_default());
        let text = text.map_err(|_| self.fail(column, "it is not UTF-8".into()))?;
        if text.len() > ID_BYTES_MAX {
            return Err(self.fail(column, format!("it is longer than {ID_BYTES_MAX} bytes")));
        }
        Ok(text)
    }

    fn id(&self, place: usize) -> Result<&str, LongError> {
        let id = self.text(place, "series_id")?;
        if id.is_empty() { Err(self.fail("series_id", "it is empty; name the series".into())) } else { Ok(id) }
    }

    /// Whether it is a number, and the number or milliseconds since 1970.
    fn time(&self, place: usize) -> Result<(bool, i64), LongError> {
        let text = self.text(place, "timestamp")?;
        if let Ok(number) = text.parse::<i64>() {
            return Ok((true, number));
        }
        let written = if text.len() == "2026-01-01 00:00:00".len() {
            format!("{}Z", text.replacen(' ', "T", 1)).parse()
        } else {
            text.parse()
        };
        let at: TimestampMs = written
            .map_err(|_| self.fail("timestamp", format!("`{text}` is neither RFC 3339 nor a whole number of steps")))?;
        Ok((false, at.0))
    }

    fn value(&self, place: usize) -> Result<f64, LongError> {
        let text = self.text(place, "value")?;
        if text.is_empty() {
            return Ok(f64::NAN);
        }
        let value: f64 = text.parse().map_err(|_| self.fail("value", format!("`{text}` is not a number")))?;
        if value.is_infinite() {
            return Err(self.fail("value", "it is infinite; leave what is missing empty".into()));
        }
        Ok(value)
    }
}

fn describe(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields, the header has {expected_len}")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_rows(rows: &str) -> Result<Vec<LongSeries>, String> {
        let text = format!("series_id,timestamp,value\n{rows}");
        read(text.as_bytes(), NUMBERED_STEP_MS).map_err(|error| error.to_string())
    }

    #[test]
    fn dates_and_numbers_are_read_and_gaps_are_missing() {
        let rows = "a,2026-01-01 00:00:00,1\nb,5,7\na,2026-01-01T01:00:00Z,2\na,2026-01-01T04:00:00+01:00,\nb,7,8\n\
                    a,2026-01-01T04:00:00Z,4\n";
        let found = read_rows(rows).expect("valid");
        let (a, b) = (&found[0], &found[1]);
        assert_eq!((a.id.as_str(), a.step_ms, a.rows.as_slice()), ("a", HOUR_MS, &[0, 1, 3, 4][..]));
        assert_eq!((a.values[1], a.values[4], a.values.len()), (2.0, 4.0, 5));
        assert!(a.values[2].is_nan() && a.values[3].is_nan());
        assert_eq!((b.start, b.step_ms, b.rows.as_slice()), (TimestampMs(5 * HOUR_MS), HOUR_MS, &[0, 2][..]));
        assert_eq!(b.row_values(), [7.0, 8.0]);
    }

    #[test]
    fn faults_are_told_with_line_and_remedy() {
        for (rows, expected) in [
            ("", "a header and no rows"),
            ("a,1,x\n", "line 2, column `value`: `x` is not a number"),
            ("a,1,inf\n", "line 2, column `value`: it is infinite"),
            ("a,soon,1\n", "line 2, column `timestamp`: `soon` is neither"),
            (",1,1\n", "line 2, column `series_id`: it is empty"),
            ("a,1\n", "line 2: it has 2 fields, the header has 3"),
            ("a,2,1\na,1,1\n", "line 3: `a` has 1 after 2"),
            ("a,1,1\na,1,1\n", "rows rise in time"),
            ("a,1,1\na,2026-01-01 00:00:00,1\n", "dates and numbers are mixed"),
            ("a,1,1\na,3000000,1\n", "`a` reaches over 3000000 steps"),
            (
                "a,2026-01-01 00:00:00,1\na,2026-01-01 01:00:00,1\na,2026-01-01 02:00:00,1\na,2026-01-01 02:30:00,1\n",
                "line 5: `a` has 2026-01-01T02:30:00Z, which is no whole number of its steps of 3600000 ms",
            ),
        ] {
            let told = read_rows(rows).expect_err(rows);
            assert!(told.contains(expected), "{told}");
        }
        let told = read("id,timestamp,value\n".as_bytes(), 1).expect_err("no header").to_string();
        assert!(told.contains("no column `series_id`"), "{told}");
    }

    #[test]
    fn a_single_series_needs_no_name() {
        let found = read_any("timestamp,value\n1,5\n2,6\n".as_bytes(), 1).expect("valid");
        assert_eq!((found[0].id.as_str(), found[0].row_values()), (SINGLE, vec![5.0, 6.0]));
        let told = read_any("when,value\n1,5\n".as_bytes(), 1).expect_err("no time").to_string();
        assert!(told.contains("no column `timestamp`"), "{told}");
        let told = read("timestamp,value\n1,5\n".as_bytes(), 1).expect_err("no name").to_string();
        assert!(told.contains("no column `series_id`"), "{told}");
    }

    #[test]
    fn a_single_row_is_a_series() {
        let found = read_rows("a,2026-01-01 00:00:00,1\n").expect("valid");
        assert_eq!((found[0].values.as_slice(), found[0].step_ms), (&[1.0][..], HOUR_MS));
    }
}
