//! A series from a file: CSV as traces are written, or JSON.

use super::file::{json, read};
use crate::cli::error::CliError;
use crate::cli::files::WrittenSeries;
use forewarm_domain::series::Series;
use forewarm_simulator::trace::Trace;
use std::path::Path;

/// What a series' file should hold, for errors.
pub(super) const EXPECTED: &str = "a CSV file with the header timestamp,value, or JSON such as {\"start\": \"2026-03-01T12:00:00Z\", \"step_ms\": 60000, \
     \"values\": [41.5, null]}";

/// # Errors
/// [`CliError`] with the file, the place in it and what would be right.
pub(super) fn series(path: &Path) -> Result<Series, CliError> {
    if path.extension().is_some_and(|extension| extension == "json") {
        return Ok(json::<WrittenSeries>(path, EXPECTED)?.into());
    }
    let bytes = read(path)?;
    let trace = Trace::read("input", bytes.as_slice()).map_err(|error| CliError::file(path, "does not fit", error))?;
    Ok(Series { start: trace.start, step_ms: trace.step_ms, values: trace.values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str) -> Result<Series, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        series(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn both_forms_are_read() {
        let csv = check("x.csv", "timestamp,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,2\n").expect("valid");
        assert_eq!((csv.step_ms, csv.values), (60_000, vec![1.0, 2.0]));
        let text = r#"{"start": "2026-01-01T00:00:00Z", "step_ms": 3600000, "values": [1, null]}"#;
        let json = check("x.json", text).expect("valid");
        assert_eq!((json.step_ms, json.values.len()), (3_600_000, 2));
        assert!(json.values[1].is_nan());
    }

    #[test]
    fn faults_have_file_and_line() {
        let error = check("x.csv", "timestamp,value\n2026-01-01T00:00:00Z,much\n").expect_err("no number");
        assert!(error.contains("x.csv") && error.contains("line 2"), "{error}");
        let error = check("x.json", "{\"start\": \"2026-01-01T00:00:00Z\",\n\"step\": 1}").expect_err("no step_ms");
        assert!(error.contains("line 2") && error.contains("expected a CSV file"), "{error}");
    }
}
