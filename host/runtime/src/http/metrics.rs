//! What is counted of a plugin's requests.

use super::problem::{Problem, REASONS};
use std::sync::atomic::{AtomicU64, Ordering};

/// What became of a plugin's requests since it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HttpMetrics {
    /// Requests that it made, refused ones included.
    pub requests: u64,
    failures: [u64; REASONS.len()],
}

impl HttpMetrics {
    /// Every reason for which a request can be refused or fail, with the number of those that did.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        REASONS.into_iter().zip(self.failures)
    }

    /// The number of requests that were refused or failed for `reason`; 0 where there is no such reason.
    #[must_use]
    pub fn failed(&self, reason: &str) -> u64 {
        self.failures().find(|(known, _)| *known == reason).map_or(0, |(_, count)| count)
    }
}

/// The counters behind [`HttpMetrics`].
#[derive(Debug, Default)]
pub(crate) struct HttpCounters {
    requests: AtomicU64,
    failures: [AtomicU64; REASONS.len()],
}

impl HttpCounters {
    pub(super) fn requested(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, problem: Problem) {
        if let Some(count) = self.failures.get(problem.reason()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> HttpMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        HttpMetrics { requests: read(&self.requests), failures: self.failures.each_ref().map(read) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_reason() {
        let counters = HttpCounters::default();
        counters.requested();
        for problem in [Problem::Address, Problem::Total, Problem::FirstByte, Problem::Protocol] {
            counters.failed(problem);
        }
        let seen = counters.snapshot();
        assert_eq!((seen.requests, seen.failed("address"), seen.failed("timeout")), (1, 1, 2));
        assert_eq!((seen.failed("protocol"), seen.failed("rate"), seen.failed("no such")), (1, 0, 0));
    }
}
