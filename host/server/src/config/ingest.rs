//! Measurements that come in: how late or early they may be, and what Prometheus' names mean.

use super::Faults;
use crate::ingest::prometheus::MappingConfig;
use forewarm_domain::series::Metric;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Measurements that come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// Samples that are older than this many seconds against the newest of their series are refused.
    pub late_limit_s: u32,
    /// Samples that lie more than this many seconds in the future are refused.
    pub future_limit_s: u32,
    /// Series that may exist; samples of one more are refused.
    pub max_series: u32,
    /// What Prometheus' metrics mean here.
    pub remote_write: RemoteWriteConfig,
}

/// What Prometheus' metrics mean here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RemoteWriteConfig {
    /// Which Prometheus metrics are taken as which metric, beside the built-in ones (`forewarm_cpu_cores` and so on), such
    /// as `{ "job:requests:rate1m" = "requests" }`. Record the rate of a counter and map that.
    #[schema(value_type = std::collections::HashMap<String, Metric>)]
    pub metrics: BTreeMap<String, Metric>,
    /// Labels that may name the resource; the first one that a time series has counts.
    pub resource_labels: Vec<String>,
}

impl Default for RemoteWriteConfig {
    fn default() -> Self {
        let MappingConfig { metrics, resource_labels } = MappingConfig::default();
        Self { metrics, resource_labels }
    }
}

impl From<RemoteWriteConfig> for MappingConfig {
    fn from(RemoteWriteConfig { metrics, resource_labels }: RemoteWriteConfig) -> Self {
        Self { metrics, resource_labels }
    }
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            late_limit_s: 7_200,
            future_limit_s: 300,
            max_series: 100_000,
            remote_write: RemoteWriteConfig::default(),
        }
    }
}

impl IngestConfig {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("ingest.late_limit_s", self.late_limit_s, 0..=604_800, "seconds");
        faults.range("ingest.future_limit_s", self.future_limit_s, 0..=86_400, "seconds");
        faults.range("ingest.max_series", self.max_series, 1..=10_000_000, "series");
        if let Err(error) = MappingConfig::from(self.remote_write.clone()).check() {
            faults.push("ingest.remote_write", "cannot be used", error.to_string());
        }
    }
}
