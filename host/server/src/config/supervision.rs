//! Supervision of plugins: when one that fails is held back, and for how long.

use super::Faults;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// When a plugin that fails is held back. Traps, missed deadlines, limits gone over and answers that break the contract
/// count; what a plugin answers by the contract does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PluginSupervision {
    /// How long a failure counts, in seconds.
    pub window_s: u32,
    /// The failure within the window that leads to quarantine.
    pub budget: u32,
    /// How long the second failure within the window holds calls back, in milliseconds; each further one doubles it.
    pub backoff_min_ms: u32,
    /// The longest that a failure short of the budget holds calls back, in milliseconds.
    pub backoff_max_ms: u32,
    /// After how many seconds of quarantine one call is let through to see; 0 waits for `forewarm plugin release`.
    pub rest_s: u32,
    /// How many seconds after a switch a quarantine brings the version before back.
    pub probation_s: u32,
}

impl Default for PluginSupervision {
    fn default() -> Self {
        Self { window_s: 300, budget: 5, backoff_min_ms: 500, backoff_max_ms: 60_000, rest_s: 900, probation_s: 900 }
    }
}

impl PluginSupervision {
    pub(super) fn check(self, key: &str, faults: &mut Faults) {
        faults.range(&format!("{key}.window_s"), self.window_s, 1..=86_400, "seconds");
        faults.range(&format!("{key}.budget"), self.budget, 1..=1_000, "failures");
        faults.range(&format!("{key}.backoff_min_ms"), self.backoff_min_ms, 1..=3_600_000, "milliseconds");
        faults.range(&format!("{key}.backoff_max_ms"), self.backoff_max_ms, 1..=3_600_000, "milliseconds");
        faults.range(&format!("{key}.rest_s"), self.rest_s, 0..=2_592_000, "seconds");
        faults.range(&format!("{key}.probation_s"), self.probation_s, 0..=2_592_000, "seconds");
        if self.backoff_min_ms > self.backoff_max_ms {
            let help = format!("it may be {} at most, as {key}.backoff_max_ms is", self.backoff_max_ms);
            faults.push(&format!("{key}.backoff_min_ms"), format!("is {}", self.backoff_min_ms), help);
        }
    }
}
