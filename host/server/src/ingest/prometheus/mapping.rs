//! Which Prometheus metrics are taken, as which of ours, and which label names the resource.

use forewarm_domain::series::Metric;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is taken without being configured. All are gauges; recording rules give the others.
const DEFAULT_METRICS: [(&str, Metric); 9] = [
    ("forewarm_cpu_cores", Metric::CpuCores),
    ("forewarm_memory_bytes", Metric::MemoryBytes),
    ("forewarm_disk_ops", Metric::DiskOps),
    ("forewarm_disk_bytes", Metric::DiskBytes),
    ("forewarm_network_bytes", Metric::NetworkBytes),
    ("forewarm_requests", Metric::Requests),
    ("container_memory_working_set_bytes", Metric::MemoryBytes),
    ("namespace_workload_pod:kube_pod_owner:cpu_usage_cores", Metric::CpuCores),
    ("process_resident_memory_bytes", Metric::MemoryBytes),
];

/// Labels that are looked at for the resource, the first that is there counts.
const DEFAULT_RESOURCE_LABELS: [&str; 3] = ["forewarm_resource", "service", "job"];

/// Which Prometheus metrics are taken, as which of ours, and which label names the resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MappingConfig {
    /// Prometheus metric names, beside the built-in ones (`forewarm_cpu_cores` and so on).
    pub metrics: BTreeMap<String, Metric>,
    /// Labels that may name the resource; the first one that a series has counts.
    pub resource_labels: Vec<String>,
}

impl Default for MappingConfig {
    fn default() -> Self {
        let resource_labels = DEFAULT_RESOURCE_LABELS.map(Into::into).to_vec();
        Self { metrics: BTreeMap::new(), resource_labels }
    }
}

/// A mapping that can't be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMapping {
    /// A counter only ever rises, so its value is no load.
    #[error(
        "`{0}` is a counter: record its rate under a name of its own (expr: rate({0}[2m])) and map that name instead"
    )]
    Counter(String),
    /// No label names the resource.
    #[error("resource_labels is empty: name at least one label that tells which resource a series belongs to")]
    NoResourceLabel,
}

/// Whether a metric is a counter, by Prometheus' naming rule.
pub(crate) fn is_counter(name: &str) -> bool {
    name.ends_with("_total")
}

impl MappingConfig {
    /// # Errors
    /// [`InvalidMapping`] names the first entry that can't be meant.
    pub fn check(&self) -> Result<(), InvalidMapping> {
        if let Some(name) = self.metrics.keys().find(|name| is_counter(name)) {
            return Err(InvalidMapping::Counter(name.clone()));
        }
        if self.resource_labels.is_empty() { Err(InvalidMapping::NoResourceLabel) } else { Ok(()) }
    }

    /// What a metric is taken as; `None` when it is not.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<Metric> {
        let built_in = || DEFAULT_METRICS.iter().find(|(known, _)| *known == name).map(|(_, metric)| *metric);
        self.metrics.get(name).copied().or_else(built_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_names_are_taken_and_own_ones_go_before() {
        let mut mapping = MappingConfig::default();
        assert_eq!(mapping.metric("forewarm_requests"), Some(Metric::Requests));
        assert_eq!(mapping.metric("up"), None);
        mapping.metrics.insert("forewarm_requests".into(), Metric::CpuCores);
        assert_eq!(mapping.metric("forewarm_requests"), Some(Metric::CpuCores));
        assert_eq!(mapping.check(), Ok(()));
    }

    #[test]
    fn counters_cannot_be_mapped() {
        let metrics = BTreeMap::from([("http_requests_total".into(), Metric::Requests)]);
        let error = MappingConfig { metrics, ..MappingConfig::default() }.check().expect_err("a counter");
        assert!(error.to_string().contains("rate(http_requests_total[2m])"), "{error}");
        let none = MappingConfig { resource_labels: vec![], ..MappingConfig::default() };
        assert_eq!(none.check(), Err(InvalidMapping::NoResourceLabel));
    }
}
