//! What each plugin has used and may use, as metrics: read off the plugins when the page is asked for.

use super::{Labels, Levels, register};
use crate::plugins::{PluginInfo, PluginUsage};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

type Counts<const N: usize> = Family<Labels<N>, Counter>;
type Sums<const N: usize> = Family<Labels<N>, Counter<f64, AtomicU64>>;

struct Sandbox {
    calls: Counts<2>,
    call_seconds: Sums<2>,
    ticks: Counts<2>,
    failures: Counts<3>,
    refused: Counts<2>,
    log_dropped: Counts<2>,
    live: Levels<2>,
    peak_memory: Levels<2>,
    memory_limit: Levels<2>,
    call_limit: Levels<2>,
}

/// The metrics of these plugins; those that could not be loaded have none.
pub(super) fn registry(plugins: &[PluginInfo]) -> Registry {
    let mut registry = Registry::with_prefix("forewarm_sandbox");
    let sandbox = Sandbox::register(&mut registry);
    for info in plugins {
        let (Some(name), Some(version), Some(usage)) = (&info.name, &info.version, &info.usage) else { continue };
        sandbox.show(info, &[("plugin", name.to_string()), ("version", version.clone())], usage);
    }
    registry
}

impl Sandbox {
    fn register(r: &mut Registry) -> Self {
        Self {
            calls: register(r, "calls", "Calls that reached a plugin's guest code", Counts::default()),
            call_seconds: register(r, "call_seconds", "Time of a plugin's calls together", Sums::default()),
            ticks: register(r, "guest_ticks", "Milliseconds in which a plugin computed", Counts::default()),
            failures: register(r, "failures", "Calls to a plugin without an answer, by kind", Counts::default()),
            refused: register(r, "refused_requests", "Requests of a plugin that were refused", Counts::default()),
            log_dropped: register(r, "log_lines_dropped", "Log lines of a plugin over its budget", Counts::default()),
            live: register(r, "live_instances", "Instances of a plugin", Levels::default()),
            peak_memory: register(r, "peak_memory_bytes", "Most memory that one instance had", Levels::default()),
            memory_limit: register(r, "memory_limit_bytes", "Memory that an instance may have", Levels::default()),
            call_limit: register(r, "call_limit_ms", "How long a call may take", Levels::default()),
        }
    }

    fn show(&self, info: &PluginInfo, labels: &Labels<2>, usage: &PluginUsage) {
        let level = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.calls.get_or_create(labels).inc_by(info.calls);
        self.call_seconds.get_or_create(labels).inc_by(usage.call_seconds);
        self.ticks.get_or_create(labels).inc_by(usage.guest_ticks);
        self.refused.get_or_create(labels).inc_by(usage.refused_requests);
        self.log_dropped.get_or_create(labels).inc_by(usage.log_dropped);
        self.live.get_or_create(labels).set(level(usage.live_instances));
        self.peak_memory.get_or_create(labels).set(level(info.peak_memory_bytes));
        self.memory_limit.get_or_create(labels).set(level(usage.effective.memory_mib.unwrap_or_default() << 20));
        self.call_limit.get_or_create(labels).set(level(usage.effective.call_ms.unwrap_or_default()));
        for (kind, count) in &usage.failures {
            let [plugin, version] = labels.clone();
            let kind = ("kind", kind.to_string().replace(' ', "_"));
            self.failures.get_or_create(&[plugin, version, kind]).inc_by(*count);
        }
    }
}
