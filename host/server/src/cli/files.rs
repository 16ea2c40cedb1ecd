//! Files that commands read and write: series in, figures out. Errors name the file and what would be right.

use super::error::CliError;
use forewarm_forecasting::long::{LongError, LongSeries};
use serde::Serialize;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The series of a file, by one of the readers of the long form.
pub(super) fn read_series(
    path: &Path,
    read: impl FnOnce(BufReader<File>) -> Result<Vec<LongSeries>, LongError>,
) -> Result<Vec<LongSeries>, CliError> {
    let file = File::open(path).map_err(|error| CliError::file(path, "can't be read", error))?;
    read(BufReader::new(file)).map_err(|error| CliError::file(path, "does not fit", error))
}

/// Writes figures for programs.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| CliError::Failed(error.to_string()))?;
    std::fs::write(path, text + "\n").map_err(|error| CliError::file(path, "can't be written", error))
}
