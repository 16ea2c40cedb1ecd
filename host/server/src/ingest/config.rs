//! The limits of ingest and the grid that samples are aligned to.

use super::error::IngestError;
use forewarm_domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

/// The grid and the limits of ingest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestConfig {
    /// The length of a step in milliseconds: 1 second to 1 day. Fixed for the life of a store.
    pub step_ms: i64,
    /// How far ahead of the host's clock a sample may be, in milliseconds.
    pub future_limit_ms: i64,
    /// How far behind its series' newest sample a sample may be, in milliseconds. Older steps are sealed.
    pub late_limit_ms: i64,
    /// Steps per series that are held in memory for the planner.
    pub hot_steps: usize,
    /// Series that may exist.
    pub max_series: usize,
    /// Samples of one batch.
    pub max_batch: usize,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            step_ms: MINUTE_MS,
            future_limit_ms: 5 * MINUTE_MS,
            late_limit_ms: 2 * HOUR_MS,
            hot_steps: 240,
            max_series: 100_000,
            max_batch: 50_000,
        }
    }
}

impl IngestConfig {
    /// # Errors
    /// [`IngestError::Config`] names the first setting that is out of range.
    pub fn check(&self) -> Result<(), IngestError> {
        let within = |name: &'static str, value: i64, least: i64, most: i64| {
            if (least..=most).contains(&value) { Ok(()) } else { Err(IngestError::Config { name, value, least, most }) }
        };
        let count = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        within("step_ms", self.step_ms, SECOND_MS, DAY_MS)?;
        within("future_limit_ms", self.future_limit_ms, 0, DAY_MS)?;
        within("late_limit_ms", self.late_limit_ms, 0, 7 * DAY_MS)?;
        within("hot_steps", count(self.hot_steps), 1, 100_000)?;
        within("max_series", count(self.max_series), 1, 10_000_000)?;
        within("max_batch", count(self.max_batch), 1, 1_000_000)
    }
}
