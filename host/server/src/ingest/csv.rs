//! Samples as CSV, row by row: `timestamp,value` of one series, or `resource,metric,timestamp,value`.

use super::sample::Sample;
use csv::{ByteRecord, Reader, ReaderBuilder, Trim};
use forewarm_domain::id::ResourceName;
use forewarm_domain::series::{Metric, SeriesKey};
use forewarm_domain::time::TimestampMs;
use std::io::Read;

/// Whole numbers below this are taken for seconds, which are not accepted: as milliseconds they would lie before 1974.
const SECONDS_BELOW: i64 = 123_000_000_000;

/// What a file of `timestamp,value` measures; needed only for such a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvDefaults {
    /// The resource, where there is no column for it.
    pub resource: Option<ResourceName>,
    /// The metric, where there is no column for it.
    pub metric: Option<Metric>,
}

/// Why a file, or a row of it, was not decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// The first line names columns that are not expected, or lacks one.
    #[error("line 1: {detail}; begin the file with `timestamp,value` or `resource,metric,timestamp,value`")]
    Header {
        /// What does not fit.
        detail: String,
    },
    /// The file has no column for it, and neither did the caller say.
    #[error("the file has no column `{0}`: name it beside the file, or add the column")]
    Missing(&'static str),
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
    /// A row that is no CSV, or has too few or too many fields.
    #[error("line {line}: {detail}")]
    Row {
        /// The line, from 1.
        line: u64,
        /// What does not fit.
        detail: String,
    },
}

/// Reads samples row by row, in constant memory. A row with an empty value is left out: nothing was measured.
pub struct CsvSamples<R> {
    reader: Reader<R>,
    columns: Columns,
    defaults: CsvDefaults,
    record: ByteRecord,
    /// The key of the last row: files are mostly ordered by series.
    last_key: Option<SeriesKey>,
    failed: bool,
}

/// Where the columns are.
struct Columns {
    resource: Option<usize>,
    metric: Option<usize>,
    timestamp: usize,
    value: usize,
}

/// Begins to read a file. What follows the first error is not read.
///
/// # Errors
/// [`CsvError::Header`] or [`CsvError::Missing`].
pub fn decode<R: Read>(source: R, defaults: CsvDefaults) -> Result<CsvSamples<R>, CsvError> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(source);
    let columns = find_columns(&mut reader)?;
    if columns.resource.is_none() && defaults.resource.is_none() {
        return Err(CsvError::Missing("resource"));
    }
    if columns.metric.is_none() && defaults.metric.is_none() {
        return Err(CsvError::Missing("metric"));
    }
    Ok(CsvSamples { reader, columns, defaults, record: ByteRecord::new(), last_key: None, failed: false })
}

fn find_columns<R: Read>(reader: &mut Reader<R>) -> Result<Columns, CsvError> {
    let headers = reader.headers().map_err(|error| CsvError::Header { detail: error.to_string() })?;
    // Spreadsheets put a byte order mark before the first name.
    let names: Vec<&str> = headers.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
    if let Some(name) = names.iter().find(|name| !["resource", "metric", "timestamp", "value"].contains(name)) {
        let detail = format!("the column `{}` is not known", name.chars().take(80).collect::<String>());
        return Err(CsvError::Header { detail });
    }
    if let Some(name) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| name) {
        return Err(CsvError::Header { detail: format!("the column `{name}` comes twice") });
    }
    let place = |wanted: &str| names.iter().position(|name| *name == wanted);
    let needed = |name| place(name).ok_or_else(|| CsvError::Header { detail: format!("there is no column `{name}`") });
    Ok(Columns {
        resource: place("resource"),
        metric: place("metric"),
        timestamp: needed("timestamp")?,
        value: needed("value")?,
    })
}

impl<R: Read> CsvSamples<R> {
    /// The next batch of at most `most` samples; empty at the end.
    ///
    /// # Errors
    /// The first row that can't be read; rows before it in this batch are lost with it.
    pub fn next_batch(&mut self, most: usize) -> Result<Vec<Sample>, CsvError> {
        self.by_ref().take(most).collect()
    }

    fn read(&mut self) -> Result<Option<Sample>, CsvError> {
        loop {
            let line = self.reader.position().line();
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => {
                    let line = error.position().map_or(line, csv::Position::line);
                    return Err(CsvError::Row { line, detail: describe(&error) });
                }
            }
            let line = self.record.position().map_or(line, csv::Position::line);
            let row = Row { record: &self.record, line };
            let value = row.text(self.columns.value, "value")?;
            if !value.is_empty() {
                let value = value.parse().map_err(|_| row.fail("value", format!("`{value}` is not a number")))?;
                let at = row.timestamp(self.columns.timestamp)?;
                let key = row.key(&self.columns, &self.defaults, self.last_key.as_ref())?;
                self.last_key = Some(key.clone());
                return Ok(Some(Sample { key, at, value }));
            }
        }
    }
}

impl<R: Read> Iterator for CsvSamples<R> {
    type Item = Result<Sample, CsvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.read();
        self.failed = next.is_err();
        next.transpose()
    }
}

/// One row and where it stands.
struct Row<'r> {
    record: &'r ByteRecord,
    line: u64,
}

impl Row<'_> {
    fn fail(&self, column: &'static str, detail: String) -> CsvError {
        CsvError::Field { line: self.line, column, detail }
    }

    fn text(&self, index: usize, column: &'static str) -> Result<&str, CsvError> {
        let bytes = self.record.get(index).unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|_| self.fail(column, "it is not UTF-8".into()))?;
        if text.len() > 300 { Err(self.fail(column, "it is longer than 300 bytes".into())) } else { Ok(text) }
    }

    /// RFC 3339, or whole milliseconds since 1970.
    fn timestamp(&self, index: usize) -> Result<TimestampMs, CsvError> {
        let text = self.text(index, "timestamp")?;
        match text.parse::<i64>() {
            Ok(ms) if (0..SECONDS_BELOW).contains(&ms) => {
                Err(self.fail("timestamp", format!("`{text}` looks like seconds; write milliseconds or RFC 3339")))
            }
            Ok(ms) => Ok(TimestampMs(ms)),
            Err(_) => text.parse().map_err(|error: forewarm_domain::time::InvalidTimestamp| {
                self.fail("timestamp", format!("{error}, or whole milliseconds since 1970"))
            }),
        }
    }

    fn key(&self, columns: &Columns, defaults: &CsvDefaults, last: Option<&SeriesKey>) -> Result<SeriesKey, CsvError> {
        let resource = match (columns.resource, &defaults.resource) {
            (None, default) => default.clone().ok_or(CsvError::Missing("resource"))?,
            (Some(index), _) => {
                let text = self.text(index, "resource")?;
                match last.filter(|last| last.resource.as_str() == text) {
                    Some(last) => last.resource.clone(),
                    None => text
                        .parse()
                        .map_err(|error: forewarm_domain::id::InvalidName| self.fail("resource", error.to_string()))?,
                }
            }
        };
        let metric = match (columns.metric, defaults.metric) {
            (None, default) => default.ok_or(CsvError::Missing("metric"))?,
            (Some(index), _) => {
                let text = self.text(index, "metric")?;
                text.parse()
                    .map_err(|error: forewarm_domain::series::UnknownMetric| self.fail("metric", error.to_string()))?
            }
        };
        Ok(SeriesKey { resource, metric })
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

    fn web() -> CsvDefaults {
        CsvDefaults { resource: "web".parse().ok(), metric: Some(Metric::Requests) }
    }

    fn read(text: &str, defaults: CsvDefaults) -> Result<Vec<(String, i64, f64)>, CsvError> {
        let samples: Result<Vec<Sample>, _> = decode(text.as_bytes(), defaults)?.collect();
        Ok(samples?.into_iter().map(|s| (s.key.to_string(), s.at.0, s.value)).collect())
    }

    #[test]
    fn both_headers_are_read() {
        let one = "\u{feff}timestamp,value\n1767225600000, 1.5\n2026-01-01T00:01:00Z,\n2026-01-01T00:02:00Z,2\n";
        let expected =
            [("web/requests".into(), 1_767_225_600_000, 1.5), ("web/requests".into(), 1_767_225_720_000, 2.0)];
        assert_eq!(read(one, web()), Ok(expected.to_vec()));
        let all = "resource,metric,timestamp,value\r\na,cpu_cores,2026-01-01T00:00:00Z,1e3\r\nb,requests,2026-01-01T00:00:00Z,0\r\n";
        let expected = [("a/cpu_cores".into(), 1_767_225_600_000, 1e3), ("b/requests".into(), 1_767_225_600_000, 0.0)];
        assert_eq!(read(all, CsvDefaults::default()), Ok(expected.to_vec()));
    }

    #[test]
    fn errors_name_line_and_column() {
        let rows = |rows: &str| format!("resource,metric,timestamp,value\na,requests,2026-01-01T00:00:00Z,1\n{rows}\n");
        for (text, expected) in [
            (String::new(), "line 1: there is no column `timestamp`"),
            ("time,value\n".into(), "line 1: the column `time` is not known"),
            ("timestamp,value,value\n".into(), "the column `value` comes twice"),
            ("timestamp,value\n".into(), "no column `resource`"),
            (rows("a,requests,2026-01-01T00:00:00Z,much"), "line 3, column `value`: `much` is not a number"),
            (rows("a,requests,yesterday,1"), "line 3, column `timestamp`: `yesterday` is not an RFC 3339"),
            (rows("a,requests,1767225600,1"), "line 3, column `timestamp`: `1767225600` looks like seconds"),
            (rows("a,load,2026-01-01T00:00:00Z,1"), "line 3, column `metric`: `load` is not a metric"),
            (rows("a b,requests,2026-01-01T00:00:00Z,1"), "line 3, column `resource`: `a b`"),
            (rows("a,requests,2026-01-01T00:00:00Z"), "line 3: it has 3 fields, the header has 4"),
        ] {
            let told = read(&text, CsvDefaults::default()).expect_err(&text).to_string();
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn nothing_is_read_after_an_error() {
        let mut samples = decode("timestamp,value\nx,1\n1767225600000,1\n".as_bytes(), web()).expect("a header");
        assert!(samples.next().is_some_and(|row| row.is_err()));
        assert!(samples.next().is_none());
    }
}
