//! The planning loop: how often, how far ahead, and what it assumes until it has measured.

use super::Faults;
use forewarm_domain::id::PluginName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most steps ahead: stale steps come on top, and both together must fit a forecast.
const HORIZON_MAX: u32 = 7_200;

/// The most forecasters of the coming days.
const DAY_FORECASTERS_MAX: u32 = 16;

/// The planning loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanningConfig {
    /// How often each persona is planned anew, in seconds. It is also the step of every series: samples within one step
    /// are averaged.
    pub step_s: u32,
    /// How many steps ahead is forecast and planned.
    pub horizon_steps: u32,
    /// How late measurements arrive, in seconds; counted as part of the time that a launch takes.
    pub metric_lag_s: u32,
    /// What a launch is taken to last until launches have been measured, in seconds.
    pub assumed_boot_s: u32,
    /// How often forecasters fit their models anew, in seconds.
    pub refit_s: u32,
    /// The forecasters of the coming days, which are combined by what their backtests say; at most 16, and none where
    /// the list is empty.
    #[schema(max_items = 16)]
    pub day_forecasters: Vec<PluginName>,
}

impl Default for PlanningConfig {
    fn default() -> Self {
        Self {
            step_s: 60,
            horizon_steps: 60,
            metric_lag_s: 15,
            assumed_boot_s: 120,
            refit_s: 86_400,
            day_forecasters: ours(),
        }
    }
}

/// Those that come with forewarm and suit most loads.
fn ours() -> Vec<PluginName> {
    let names = ["analog", "arima", "ets", "lstm", "mstl", "naive", "ridge", "theta"];
    names.iter().filter_map(|name| format!("forecaster-{name}").parse().ok()).collect()
}

impl PlanningConfig {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("planning.step_s", self.step_s, 1..=3_600, "seconds");
        faults.range("planning.horizon_steps", self.horizon_steps, 1..=HORIZON_MAX, "steps");
        faults.range("planning.metric_lag_s", self.metric_lag_s, 0..=3_600, "seconds");
        faults.range("planning.assumed_boot_s", self.assumed_boot_s, 1..=86_400, "seconds");
        faults.range("planning.refit_s", self.refit_s, 60..=2_592_000, "seconds");
        let count = self.day_forecasters.len() as u32;
        faults.range("planning.day_forecasters", count, 0..=DAY_FORECASTERS_MAX, "forecasters");
    }
}
