//! The lengths of a series' seasons: what an operator may set, and what the calendar gives where nothing is set.

use serde::{Deserialize, Serialize};

/// The most seasons of one series.
pub const SEASONS_MAX: usize = 3;
/// The shortest and the longest season in steps; the longest is a week of minutes.
pub const LENGTHS: std::ops::RangeInclusive<u32> = 2..=10_080;
/// The shortest season that the calendar gives, in steps.
const CALENDAR_MIN: u32 = 4;
/// A day and a week.
const CALENDAR_MS: [u32; 2] = [86_400_000, 604_800_000];

/// Lengths of seasons in steps, rising: none to [`SEASONS_MAX`] of them within [`LENGTHS`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
pub struct SeasonLengths(Vec<u32>);

impl SeasonLengths {
    /// Gives the day and the week, each where it is a whole number of at least four steps.
    #[must_use]
    pub fn of_calendar(step_ms: u32) -> Self {
        let step_ms = step_ms.max(1);
        let whole = CALENDAR_MS.into_iter().filter(|season_ms| season_ms.is_multiple_of(step_ms));
        Self(
            whole
                .map(|season_ms| season_ms / step_ms)
                .filter(|steps| (CALENDAR_MIN..=10_080).contains(steps))
                .collect(),
        )
    }

    /// Gives the lengths that `count` values cover at least twice.
    #[must_use]
    pub fn covered_by(&self, count: usize) -> Vec<usize> {
        self.0.iter().map(|length| *length as usize).filter(|length| 2 * length <= count).collect()
    }
}

impl TryFrom<Vec<u32>> for SeasonLengths {
    type Error = String;

    fn try_from(lengths: Vec<u32>) -> Result<Self, String> {
        if lengths.len() > SEASONS_MAX {
            return Err(format!("a series has at most {SEASONS_MAX} season lengths, got {}", lengths.len()));
        }
        if let Some(length) = lengths.iter().find(|length| !LENGTHS.contains(length)) {
            return Err(format!("a season has {} to {} steps, got {length}", LENGTHS.start(), LENGTHS.end()));
        }
        if lengths.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(format!("season lengths must rise, got {lengths:?}"));
        }
        Ok(Self(lengths))
    }
}

impl From<SeasonLengths> for Vec<u32> {
    fn from(lengths: SeasonLengths) -> Self {
        lengths.0
    }
}

/// The parameters of a forecaster that has seasons and nothing else to be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeasonParameters {
    /// What the operator set; the calendar's seasons where absent.
    pub season_lengths: Option<SeasonLengths>,
}

impl SeasonParameters {
    /// Gives the seasons of a series of `step_ms`.
    #[must_use]
    pub fn seasons(&self, step_ms: u32) -> SeasonLengths {
        self.season_lengths.clone().unwrap_or_else(|| SeasonLengths::of_calendar(step_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(step_ms: u32) -> Vec<u32> {
        SeasonLengths::of_calendar(step_ms).into()
    }

    #[test]
    fn the_calendar_gives_whole_days_and_weeks() {
        assert_eq!(calendar(3_600_000), [24, 168]);
        assert_eq!(calendar(60_000), [1_440, 10_080]);
        assert_eq!(calendar(86_400_000), [7], "one step is no season");
        assert_eq!(calendar(43_200_000), [14], "two steps are too few");
        assert_eq!(calendar(15_000), [5_760], "a week of this step is too long");
        assert_eq!(calendar(7_000_000), [0_u32; 0], "no whole number of steps");
    }

    #[test]
    fn a_season_counts_once_it_is_covered_twice() {
        let seasons = SeasonLengths::of_calendar(3_600_000);
        assert_eq!(seasons.covered_by(47), [0_usize; 0]);
        assert_eq!(seasons.covered_by(335), [24]);
        assert_eq!(seasons.covered_by(336), [24, 168]);
    }

    #[test]
    fn wrong_lengths_are_refused_with_what_would_be_right() {
        let read = |text: &str| serde_json::from_str::<SeasonParameters>(text).map_err(|error| error.to_string());
        assert_eq!(read("{}").map(|read| read.season_lengths), Ok(None));
        assert!(read(r#"{"season_lengths": []}"#).is_ok_and(|read| read.seasons(60_000) == SeasonLengths::default()));
        for (text, part) in [
            (r#"{"season_lengths": [1]}"#, "2 to 10080"),
            (r#"{"season_lengths": [24, 24]}"#, "must rise"),
            (r#"{"season_lengths": [2, 3, 4, 5]}"#, "at most 3"),
            (r#"{"seasons": [24]}"#, "seasons"),
        ] {
            assert!(read(text).is_err_and(|error| error.contains(part)), "{text}");
        }
    }
}
