//! What is counted per plugin, and the snapshot of it that the host reports.

use crate::http::{HttpCounters, HttpMetrics};
use forewarm_domain::plugin::PluginErrorKind;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a plugin has done since it was loaded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PluginMetrics {
    /// Calls that reached the guest.
    pub calls: u64,
    /// The time that they took together, in seconds.
    pub call_seconds: f64,
    /// Milliseconds in which a guest computed, in whole ticks of the clock that ends it: a call of less counts nothing.
    pub guest_ticks: u64,
    /// Calls without an answer, by kind: the plugin's own refusals and the sandbox's.
    pub failures: BTreeMap<PluginErrorKind, u64>,
    /// Calls that ended in a trap, limits included, deadlines not.
    pub traps: u64,
    /// Calls that were ended at their deadline.
    pub deadlines: u64,
    /// Calls that were refused because there was no room for another instance.
    pub refused: u64,
    /// The most memory that one instance has had, in bytes.
    pub peak_memory_bytes: u64,
    /// Instances that live at present.
    pub live_instances: u64,
    /// Log lines that were dropped because a call had used up its budget.
    pub log_dropped: u64,
    /// Requests to the host's functions that were refused: keys and values of state over their limits, state that is not
    /// granted.
    pub refused_requests: u64,
    /// What became of its requests.
    pub http: HttpMetrics,
}

/// The counters behind [`PluginMetrics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    calls: AtomicU64,
    call_nanos: AtomicU64,
    traps: AtomicU64,
    deadlines: AtomicU64,
    refused: AtomicU64,
    peak_memory: AtomicU64,
    live: AtomicU64,
    log_dropped: AtomicU64,
    refused_requests: AtomicU64,
    guest_ticks: AtomicU64,
    /// Written where a call has failed, which is rare and slow anyway.
    failures: Mutex<BTreeMap<PluginErrorKind, u64>>,
    pub(crate) http: HttpCounters,
}

impl Counters {
    pub(crate) fn called(&self, took: Duration) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.call_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn trapped(&self) {
        self.traps.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn overdue(&self) {
        self.deadlines.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn memory(&self, bytes: u64) {
        self.peak_memory.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(crate) fn log_dropped(&self) {
        self.log_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request_refused(&self) {
        self.refused_requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ticked(&self) {
        self.guest_ticks.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, kind: PluginErrorKind) {
        *self.failures.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    pub(crate) fn snapshot(&self) -> PluginMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PluginMetrics {
            calls: read(&self.calls),
            call_seconds: read(&self.call_nanos) as f64 / 1e9,
            traps: read(&self.traps),
            deadlines: read(&self.deadlines),
            refused: read(&self.refused),
            peak_memory_bytes: read(&self.peak_memory),
            live_instances: read(&self.live),
            log_dropped: read(&self.log_dropped),
            refused_requests: read(&self.refused_requests),
            guest_ticks: read(&self.guest_ticks),
            failures: self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            http: self.http.snapshot(),
        }
    }
}

/// Counts an instance as living for as long as it is held.
#[derive(Debug)]
pub(crate) struct Living(Arc<Counters>);

impl Living {
    pub(crate) fn new(counters: &Arc<Counters>) -> Self {
        counters.live.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counters))
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snapshot_adds_up() {
        let counters = Arc::new(Counters::default());
        let living = Living::new(&counters);
        counters.called(Duration::from_millis(1_500));
        counters.memory(10);
        counters.memory(5);
        counters.failed(PluginErrorKind::Trap);
        counters.failed(PluginErrorKind::Trap);
        let seen = counters.snapshot();
        assert_eq!((seen.calls, seen.call_seconds, seen.peak_memory_bytes, seen.live_instances), (1, 1.5, 10, 1));
        assert_eq!(seen.failures, BTreeMap::from([(PluginErrorKind::Trap, 2)]));
        drop(living);
        assert_eq!(counters.snapshot().live_instances, 0);
    }
}
