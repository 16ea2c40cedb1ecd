//! What is written and printed of the anomalies in a file.

use super::AnomaliesArgs;
use super::ranges::{Range, ranges};
use crate::cli::error::CliError;
use crate::cli::output::{number, or_dash, table, text};
use forewarm_domain::plugin::Verdict;
use forewarm_domain::time::TimestampMs;
use forewarm_forecasting::long::{LongSeries, SINGLE};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Ranges that are printed.
const RANGES_SHOWN: usize = 50;

/// A series and what was thought of each step.
type Judged = (LongSeries, Vec<Verdict>);

/// What was found in a file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    plugin: String,
    sensitivity: f64,
    series: Vec<SeriesReport>,
}

/// What was found in a series.
#[derive(Debug, Serialize)]
struct SeriesReport {
    id: String,
    step_ms: i64,
    values: usize,
    anomalies: usize,
    ranges: Vec<Range>,
}

/// The file's rows: time, value and verdict.
fn rows((series, verdicts): &Judged) -> impl Iterator<Item = (TimestampMs, f64, Verdict)> {
    series.rows.iter().filter_map(move |row| {
        let at = series.start + series.step_ms * *row as i64;
        Some((at, *series.values.get(*row)?, *verdicts.get(*row)?))
    })
}

impl Report {
    pub(super) fn new(judged: &[Judged], args: &AnomaliesArgs) -> Self {
        let series = judged.iter().map(|judged| SeriesReport {
            id: judged.0.id.clone(),
            step_ms: judged.0.step_ms,
            values: judged.0.rows.len(),
            anomalies: rows(judged).filter(|(_, _, verdict)| verdict.anomalous).count(),
            ranges: ranges(rows(judged)),
        });
        Self { plugin: args.plugin.clone(), sensitivity: args.sensitivity, series: series.collect() }
    }

    /// The ranges alone, and how much they are of the whole.
    pub(super) fn page(&self) -> String {
        let mut shown = table(&["SERIES", "FROM", "TO", "ANOMALIES", "FARTHEST", "SCORE", "USUAL FROM", "TO"]);
        let all = || self.series.iter().flat_map(|series| series.ranges.iter().map(|range| (&series.id, range)));
        for (id, range) in all().take(RANGES_SHOWN) {
            let usual = |bound: Option<f64>| or_dash(bound.map(number));
            shown.add_row([
                id.clone(),
                range.from.to_string(),
                range.to.to_string(),
                range.values.to_string(),
                number(range.value),
                number(range.score),
                usual(range.expected_low),
                usual(range.expected_high),
            ]);
        }
        let count = all().count();
        let more = if count > RANGES_SHOWN { format!("\nand {} more", count - RANGES_SHOWN) } else { String::new() };
        let anomalies: usize = self.series.iter().map(|series| series.anomalies).sum();
        let values: usize = self.series.iter().map(|series| series.values).sum();
        let summary = format!("{anomalies} of {values} values are anomalies, in {count} ranges");
        format!("{}{more}\n{summary}", text(&shown, "")).trim_start().to_owned()
    }
}

/// A verdict per row of the file.
pub(super) fn write_values(file: &Path, judged: &[Judged]) -> Result<(), CliError> {
    let written = File::create(file).map(BufWriter::new).and_then(|mut out| {
        let several = judged.iter().any(|(series, _)| series.id != SINGLE);
        let id = if several { "series_id," } else { "" };
        writeln!(out, "{id}timestamp,value,score,expected_low,expected_high,anomaly")?;
        let mut lines = csv::WriterBuilder::new().has_headers(false).from_writer(out);
        for judged in judged {
            for (at, value, of) in rows(judged) {
                let id = several.then(|| judged.0.id.clone());
                let bounds = <[_; 2]>::from(of.usual()).map(optional);
                let value = if value.is_nan() { String::new() } else { value.to_string() };
                let fields = [at.to_string(), value, of.score.to_string()].into_iter().chain(bounds);
                let anomaly = u8::from(of.anomalous).to_string();
                lines.write_record(id.into_iter().chain(fields).chain([anomaly]))?;
            }
        }
        lines.flush()
    });
    written.map_err(|error| CliError::file(file, "can't be written", error))
}

fn optional(bound: Option<f64>) -> String {
    bound.map_or_else(String::new, |bound| bound.to_string())
}
