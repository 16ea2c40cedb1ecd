//! What a replay came to, for people and for scripts.

use forewarm_domain::time::TimestampMs;
use serde::Serialize;
use std::time::Duration;

/// What a replay came to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The trace's name.
    pub trace: String,
    /// The first step that claims were made at.
    pub from: TimestampMs,
    /// Minutes replayed.
    pub steps: usize,
    /// Real time that it took.
    #[serde(rename = "took_s", serialize_with = "seconds")]
    pub took: Duration,
    /// What forewarm's planner achieved.
    pub forewarm: PolicySummary,
    /// What the reactive rule achieved on the same demand.
    pub reactive: PolicySummary,
}

/// What one policy achieved.
#[derive(Debug, Clone, Serialize)]
pub struct PolicySummary {
    /// Claims made.
    pub claims: usize,
    /// The share of them that got a warm instance at once, 0 to 1.
    pub warm_share: f64,
    /// 95th percentile of the wait in seconds, warm claims counted as none.
    pub wait_p95_s: f64,
    /// 99th percentile of the wait in seconds.
    pub wait_p99_s: f64,
    /// Instance-hours that stood idle.
    pub idle_hours: f64,
    /// Instance-hours spent booting.
    pub booting_hours: f64,
    /// Instance-hours that claims waited.
    pub unserved_hours: f64,
    /// Instances launched.
    pub launches: u64,
    /// What idle, booting and parked instances cost, in the driver's currency.
    pub cost: f64,
    /// Idle and booting time, and unserved time weighed 19 to 1, over what perfect foresight would have needed; absent
    /// where that is nothing.
    pub cost_ratio: Option<f64>,
    /// How often the load fell inside the forecast's 90% interval, where there was one.
    pub coverage: Option<f64>,
}

fn seconds<S: serde::Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(took.as_secs_f64())
}
