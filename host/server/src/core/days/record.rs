//! What the day clock knows of one persona's load, as it is shown and kept.

use forewarm_domain::forecast::Fan;
use forewarm_domain::id::PluginName;
use forewarm_domain::series::SeriesKey;
use forewarm_domain::time::TimestampMs;
use forewarm_forecasting::ensemble::{WeightedBy, Window};
use forewarm_forecasting::online::AdaptiveLevels;
use forewarm_forecasting::seasons::{Cycle, FoundSeason};
use forewarm_forecasting::weights::Weights;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The load of the coming days, in hours: several forecasters, combined by what their backtests say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DayForecast {
    /// When it was made.
    pub made_at: TimestampMs,
    /// When it is made anew, at the latest.
    pub next_at: TimestampMs,
    /// The combination: one row per hour ahead and one column per level.
    pub fan: Fan,
    /// The forecasters that it is made of, in the order of the configuration.
    pub models: Vec<ModelRecord>,
    /// Whose record the weights are.
    pub weighted_by: WeightedBy,
    /// The beginnings of the backtest windows, the oldest first.
    pub windows: Vec<TimestampMs>,
    /// What repeats in the load, the shortest first.
    pub seasons: Vec<LoadSeason>,
    /// At which level each quantile of the fan is read, after what followed earlier forecasts: above the promised one
    /// where too many loads lay above.
    pub read_at: Vec<f64>,
}

/// One forecaster's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelRecord {
    /// The forecaster.
    pub plugin: PluginName,
    /// Its share in the combination, 0 to 1.
    pub weight: f64,
    /// The mean absolute error of its median in each window; `null` where it gave no forecast, or nothing was measured.
    pub errors: Vec<Option<f64>>,
    /// Why it gives no forecast now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A season of the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LoadSeason {
    /// How long it is, in seconds.
    pub period_s: u64,
    /// What it is by the calendar.
    pub cycle: Cycle,
    /// The share of the variance that it explains, 0 to 1, after the shorter ones.
    pub strength: f64,
    /// The backtest error with it over that without it, below 1.
    pub error_share: f64,
}

impl LoadSeason {
    pub(super) fn of(found: &FoundSeason, step_ms: i64) -> Self {
        let FoundSeason { period, cycle, strength, error_share } = *found;
        Self { period_s: period as u64 * step_ms.unsigned_abs() / 1_000, cycle, strength, error_share }
    }
}

/// What each member answered at the origin and at the windows before it.
pub(super) struct Answers {
    /// Why each gives no forecast at the origin, if it gives none.
    pub(super) failures: Vec<Option<String>>,
    /// The windows before the origin, by the number of values known there.
    pub(super) windows: BTreeMap<usize, Window>,
}

/// The members' part in a forecast.
pub(super) fn records(members: &[PluginName], weights: &Weights, answers: &Answers) -> Vec<ModelRecord> {
    let share = |index: usize| weights.shares().get(index).copied();
    let errors: Vec<Vec<f64>> = answers.windows.values().map(Window::errors).collect();
    let of_one = |index: usize| {
        let finite = |errors: &Vec<f64>| errors.get(index).copied().filter(|error| error.is_finite());
        errors.iter().map(finite).collect()
    };
    let record = |(index, plugin): (usize, &PluginName)| ModelRecord {
        plugin: plugin.clone(),
        weight: share(index).unwrap_or_default(),
        errors: of_one(index),
        failure: answers.failures.get(index).cloned().flatten(),
    };
    members.iter().enumerate().map(record).collect()
}

/// A forecast with what the next one is made from; outlives the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) forecast: DayForecast,
    /// Whose load it is of.
    pub(super) series: SeriesKey,
    /// How many steps had been measured by then.
    pub(super) measured: u64,
    pub(super) levels: AdaptiveLevels,
}

impl Kept {
    /// Whether the load is to be forecast anew. A history that has doubled since tells enough to not wait for its turn.
    pub(super) fn is_due(&self, series: &SeriesKey, measured: u64, members: &[PluginName], now: TimestampMs) -> bool {
        let forecast = &self.forecast;
        let others = !forecast.models.iter().map(|model| &model.plugin).eq(members);
        let doubled = measured >= self.measured.saturating_mul(2).max(1);
        self.series != *series || others || doubled || now >= forecast.next_at
    }
}
