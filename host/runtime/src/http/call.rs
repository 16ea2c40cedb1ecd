//! What one call of a plugin has left of its requests, and where its failures are reported.

use super::metrics::HttpCounters;
use super::problem::{Problem, REASONS, Target};
use crate::metrics::Counters;
use forewarm_domain::id::PluginName;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tracing::warn;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Call {
    plugin: PluginName,
    counters: Arc<Counters>,
    left: AtomicU32,
    /// One bit per reason that was logged already: a guest can't flood the log.
    told: AtomicU32,
    alive: Arc<AtomicBool>,
}

const _: () = assert!(REASONS.len() <= u32::BITS as usize, "every reason has its bit");

impl Call {
    pub(super) fn new(plugin: &PluginName, counters: &Arc<Counters>, requests: u32, alive: &Arc<AtomicBool>) -> Self {
        Self {
            plugin: plugin.clone(),
            counters: Arc::clone(counters),
            left: AtomicU32::new(requests),
            told: AtomicU32::new(0),
            alive: Arc::clone(alive),
        }
    }

    fn http(&self) -> &HttpCounters {
        &self.counters.http
    }

    /// Counts a request of the call.
    pub(super) fn request(&self) -> Result<(), Problem> {
        self.http().requested();
        let take = |left: u32| left.checked_sub(1);
        let taken = self.left.try_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(drop).map_err(|_| Problem::PerCall)
    }

    /// Whether the guest that made the call still lives. One that was killed while it wrote a body leaves a body that
    /// looks complete.
    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    /// Counts a failure, and logs it if it is the call's first for its reason.
    pub(super) fn report(&self, problem: Problem, target: &Target) {
        self.http().failed(problem);
        let bit = 1 << problem.reason();
        if self.told.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            let reason = REASONS.get(problem.reason()).copied().unwrap_or_default();
            warn!(plugin = %self.plugin, reason, request = %target, "a plugin's request failed: {problem}");
        }
    }
}
