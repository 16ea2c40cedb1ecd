//! The series that are trained on: a file's, or made-up ones.

use crate::cli::error::CliError;
use forewarm_forecasting::long::{self, NUMBERED_STEP_MS};
use std::fs::File;
use std::path::Path;

/// Where the calendar gives no season, as for steps of an odd length.
const SEASON: usize = 24;
/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// Values of a made-up series: eight weeks of hours.
const GENERATED_VALUES: usize = 1_344;

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
        let source = File::open(file).map_err(|error| CliError::file(file, "can't be read", error))?;
        let read =
            long::read(source, NUMBERED_STEP_MS).map_err(|error| CliError::file(file, "can't be used", error))?;
        let step_ms = read.first().map_or(NUMBERED_STEP_MS, |series| series.step_ms);
        if let Some(other) = read.iter().find(|series| series.step_ms != step_ms) {
            let steps = format!("`{}` has steps of {} ms, others of {step_ms} ms", other.id, other.step_ms);
            return Err(CliError::file(file, "can't be used", format!("{steps}; train on series of one step")));
        }
        Ok(Self {
            series: read.into_iter().map(|series| (series.id, series.values)).collect(),
            season: day(step_ms),
            source: file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned(),
        })
    }

    fn generated(count: usize, seed: u64) -> Self {
        let series = forewarm_training::generate(count, GENERATED_VALUES, seed);
        Self {
            series: series.into_iter().enumerate().map(|(number, values)| (number.to_string(), values)).collect(),
            season: SEASON,
            source: format!("{count} generated series of seed {seed}; nobody's data"),
        }
    }
}

/// Steps of a day where they are whole and enough, of a week of days, or [`SEASON`].
fn day(step_ms: i64) -> usize {
    let whole = |season_ms: i64| (step_ms > 0 && season_ms % step_ms == 0).then(|| season_ms / step_ms);
    let enough = |steps: &i64| (4..=10_080).contains(steps);
    let steps = whole(DAY_MS).filter(enough).or_else(|| whole(7 * DAY_MS).filter(enough));
    steps.and_then(|steps| usize::try_from(steps).ok()).unwrap_or(SEASON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_is_a_day_or_a_week_of_days() {
        assert_eq!([3_600_000, 60_000, 86_400_000, 7_000_000].map(day), [24, 1_440, 7, SEASON]);
    }

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
