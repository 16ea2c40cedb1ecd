//! Measurements that come in: how late or early they may be, and what Prometheus' names mean.

use super::Faults;
use forewarm_domain::series::Metric;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Measurements that come in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// Samples that are older than this many seconds against the newest of their series are refused.
    pub late_limit_s: u32,
    /// Samples that lie more than this many seconds in the future are refused.
    pub future_limit_s: u32,
    /// Series that may exist; samples of one more are refused.
    pub max_series: u32,
    /// What Prometheus' metrics mean here: the first rule that fits a time series takes it, the others are counted and
    /// left aside.
    pub remote_write: Vec<RemoteWriteRule>,
}

/// One rule that takes a Prometheus time series in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteWriteRule {
    /// The name of the Prometheus metric.
    pub name: String,
    /// What it measures here.
    pub metric: Metric,
    /// The labels whose values make the resource's name, joined by `/`.
    pub resource_labels: Vec<String>,
    /// Multiplies every value, to bring it to the metric's unit.
    #[serde(default = "one")]
    pub scale: f64,
    /// Whether it is a counter whose growth per second is wanted.
    #[serde(default)]
    pub counter: bool,
}

fn one() -> f64 {
    1.0
}

fn rule(name: &str, metric: Metric, labels: &[&str], counter: bool) -> RemoteWriteRule {
    let resource_labels = labels.iter().map(|label| (*label).to_owned()).collect();
    RemoteWriteRule { name: name.to_owned(), metric, resource_labels, scale: 1.0, counter }
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            late_limit_s: 3_600,
            future_limit_s: 300,
            max_series: 100_000,
            remote_write: vec![
                rule("container_cpu_usage_seconds_total", Metric::CpuCores, &["namespace", "pod"], true),
                rule("container_memory_working_set_bytes", Metric::MemoryBytes, &["namespace", "pod"], false),
                rule("http_requests_total", Metric::Requests, &["job"], true),
            ],
        }
    }
}

impl IngestConfig {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("ingest.late_limit_s", self.late_limit_s, 0..=31_536_000, "seconds");
        faults.range("ingest.future_limit_s", self.future_limit_s, 0..=86_400, "seconds");
        faults.range("ingest.max_series", self.max_series, 1..=10_000_000, "series");
        for (index, rule) in self.remote_write.iter().enumerate() {
            let key = |field: &str| format!("ingest.remote_write[{index}].{field}");
            if rule.name.is_empty() {
                faults.push(&key("name"), "is empty", "name the Prometheus metric");
            }
            if rule.resource_labels.is_empty() {
                faults.push(&key("resource_labels"), "is empty", "name at least one label, such as `job`");
            }
            if !(rule.scale.is_finite() && rule.scale > 0.0) {
                faults.push(&key("scale"), format!("is {}", rule.scale), "use a finite number above 0");
            }
        }
    }
}
