//! What an operator can set, and what follows from it for series of some step.

use serde::{Deserialize, Serialize};

/// The most values that are kept, whatever the parameters say: 28 days of minutes.
pub const VALUES_MAX: usize = 40_320;
/// The fewest values that are kept, so that coarse series can be learned from as well.
pub const VALUES_MIN: usize = 512;

/// The parameters, as in `parameters.schema.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// The shorter season in minutes; the longer one is seven of it.
    pub season_minutes: u32,
    /// Days of history that are kept.
    pub memory_days: u32,
    /// Latest steps from which the spread is read.
    pub residual_memory: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { season_minutes: 1_440, memory_days: 14, residual_memory: 14_400 }
    }
}

impl Parameters {
    /// How many values of `step_ms` are kept.
    #[must_use]
    pub fn capacity(&self, step_ms: u32) -> usize {
        let values = u64::from(self.memory_days) * 86_400_000 / u64::from(step_ms.max(1));
        usize::try_from(values).unwrap_or(VALUES_MAX).clamp(VALUES_MIN, VALUES_MAX)
    }

    /// The periods to look for in series of `step_ms`, in steps, the shorter one first.
    #[must_use]
    pub fn periods(&self, step_ms: u32) -> Vec<usize> {
        let season_ms = u64::from(self.season_minutes) * 60_000;
        [1, 7]
            .iter()
            .filter(|factor| (season_ms * **factor).is_multiple_of(u64::from(step_ms.max(1))))
            .filter_map(|factor| usize::try_from(season_ms * factor / u64::from(step_ms.max(1))).ok())
            .filter(|period| *period >= 4)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_the_defaults() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../parameters.schema.json")).expect("the schema is JSON");
        let default = |name: &str| schema["properties"][name]["default"].as_u64().expect("a default");
        let parameters = Parameters::default();
        assert_eq!(default("season_minutes"), u64::from(parameters.season_minutes));
        assert_eq!(default("memory_days"), u64::from(parameters.memory_days));
        assert_eq!(default("residual_memory"), u64::from(parameters.residual_memory));
    }

    #[test]
    fn periods_and_capacity_follow_the_step() {
        let parameters = Parameters::default();
        assert_eq!((parameters.periods(60_000), parameters.capacity(60_000)), (vec![1_440, 10_080], 20_160));
        assert_eq!((parameters.periods(3_600_000), parameters.capacity(3_600_000)), (vec![24, 168], VALUES_MIN));
        assert_eq!(parameters.periods(86_400_000), vec![7], "a day is too short a season for daily values");
        assert_eq!(parameters.capacity(1_000), VALUES_MAX);
    }
}
