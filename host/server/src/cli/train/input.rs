//! The series that are trained on: a file's, or made-up ones.

use crate::cli::error::CliError;
use crate::cli::files::read_series;
use forewarm_forecasting::long::{self, NUMBERED_STEP_MS};
use forewarm_forecasting::seasons;
use std::path::Path;

/// Where the calendar gives no season, as for steps of an odd length.
const SEASON: usize = 24;

/// What is trained on.
pub(super) struct Input {
    pub(super) series: Vec<(String, Vec<f64>)>,
    /// Steps in the shortest season.
    pub(super) season: usize,
    /// Where it came from, for the card.
    pub(super) source: String,
}

impl Input {
    pub(super) fn read(history: Option<&Path>, generated: Option<u32>, seed: u64) -> Result<Self, CliError> {
        match (history, generated) {
            (Some(file), _) => Self::of_file(file),
            (None, count) => Ok(Self::generated(count.unwrap_or(0) as usize, seed)),
        }
    }

    fn of_file(file: &Path) -> Result<Self, CliError> {
        let read = read_series(file, |source| long::read(source, NUMBERED_STEP_MS))?;
        let apart =
            |what: String| CliError::file(file, "can't be used", format!("{what}; train on series of one step"));
        let step_ms = long::common_step(&read).map_err(apart)?;
        Ok(Self {
            series: read.into_iter().map(|series| (series.id, series.values)).collect(),
            season: seasons::usual(step_ms).first().copied().unwrap_or(SEASON),
            source: file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned(),
        })
    }

    fn generated(count: usize, seed: u64) -> Self {
        let series = forewarm_training::generate(count, forewarm_training::LENGTH, seed);
        Self {
            series: series.into_iter().enumerate().map(|(number, values)| (number.to_string(), values)).collect(),
            season: SEASON,
            source: format!("{count} generated series of seed {seed}; nobody's data"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_step_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("long.csv");
        std::fs::write(&file, "series_id,timestamp,value\na,1,2\na,2,3\nb,1,5\nb,2,6\n").expect("writes");
        let input = Input::read(Some(&file), None, 1).expect("it fits");
        assert_eq!((input.series.len(), input.season, input.source.as_str()), (2, 24, "long.csv"));
        let missing = Input::read(Some(Path::new("/no/such")), None, 1).err().map(|error| error.to_string());
        assert!(missing.is_some_and(|error| error.contains("/no/such can't be read")));
    }
}
