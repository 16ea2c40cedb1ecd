//! What a plugin may use, and what it has used, as the API and the metrics show it.

use forewarm_domain::plugin::PluginErrorKind;
use forewarm_runtime::{Limits, Plugin, WantedLimits};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a plugin may use, and what it has used since it was loaded.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PluginUsage {
    /// What its manifest asks for.
    pub wanted: PluginLimitsShown,
    /// What the operator allows.
    pub allowed: PluginLimitsShown,
    /// What is in force: the lesser of both.
    pub effective: PluginLimitsShown,
    /// The time of all its calls together, in seconds.
    pub call_seconds: f64,
    /// Milliseconds in which it computed, in whole ticks of the clock that ends it.
    pub guest_ticks: u64,
    /// Its instances that live at present.
    pub live_instances: u64,
    /// Log lines that were dropped because a call had used up its budget.
    pub log_dropped: u64,
    /// Requests to the host's functions that were refused.
    pub refused_requests: u64,
    /// Calls without an answer, by kind of failure.
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    pub failures: BTreeMap<PluginErrorKind, u64>,
}

/// Limits of one instance or one call; what is absent is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct PluginLimitsShown {
    /// Memory of one instance in MiB.
    pub memory_mib: Option<u64>,
    /// How long a call may take, in milliseconds.
    pub call_ms: Option<u64>,
    /// Log that a call may write, in KiB.
    pub log_kib: Option<u64>,
    /// Host functions that a call may call.
    pub host_calls: Option<u64>,
}

impl From<Limits> for PluginLimitsShown {
    fn from(limits: Limits) -> Self {
        Self {
            memory_mib: Some(limits.memory_bytes >> 20),
            call_ms: Some(u64::try_from(limits.call.as_millis()).unwrap_or(u64::MAX)),
            log_kib: Some(u64::from(limits.log_bytes) >> 10),
            host_calls: Some(limits.host_calls.into()),
        }
    }
}

impl From<WantedLimits> for PluginLimitsShown {
    fn from(wanted: WantedLimits) -> Self {
        Self {
            memory_mib: wanted.memory_mib.map(Into::into),
            call_ms: wanted.call_ms.map(Into::into),
            log_kib: wanted.log_kib.map(Into::into),
            host_calls: wanted.host_calls.map(Into::into),
        }
    }
}

impl PluginUsage {
    /// Of a loaded plugin.
    #[must_use]
    pub fn of(plugin: &Plugin) -> Self {
        let metrics = plugin.metrics();
        Self {
            wanted: plugin.manifest().limits.into(),
            allowed: plugin.allowed().into(),
            effective: plugin.limits().into(),
            call_seconds: metrics.call_seconds,
            guest_ticks: metrics.guest_ticks,
            live_instances: metrics.live_instances,
            log_dropped: metrics.log_dropped,
            refused_requests: metrics.refused_requests,
            failures: metrics.failures,
        }
    }
}
