//! What is lent, and what became of the market's calls.

use super::{Counts, Levels, Spans, long_seconds, register, spans};
use forewarm_domain::id::PersonaName;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// Instances of one persona that are not its own at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LentInstances {
    /// That tenants hold, and that are not called back.
    pub leased: u32,
    /// That tenants hold until a notice is over.
    pub called_back: u32,
    /// That could not be wiped.
    pub quarantined: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Lending {
    instances: Levels<2>,
    calls: Counts<2>,
    wipes_failed: Counts<1>,
    notice_seconds: Spans<1>,
    events_waiting: super::Gauge,
    reclaims: Counter,
}

impl Lending {
    pub(super) fn register(r: &mut Registry) -> Self {
        Self {
            instances: register(r, "lending_instances", "Instances that are lent or kept apart", Levels::default()),
            calls: register(r, "lending_calls", "Calls of the market's, by result", Family::default()),
            wipes_failed: register(r, "lending_wipes_failed", "Instances put into quarantine", Counts::default()),
            notice_seconds: register(
                r,
                "lending_notice_seconds",
                "Time from a notice to the taking of the lease's instances",
                spans(long_seconds),
            ),
            events_waiting: register(
                r,
                "lending_events_waiting",
                "Leases of which an event could not be published yet",
                super::Gauge::default(),
            ),
            reclaims: register(r, "lending_reclaims", "Leases called back by this host", Counter::default()),
        }
    }
}

impl super::Metrics {
    /// How many instances of a persona are lent or kept apart. One that never lent has no lines of its own.
    pub fn lent(&self, persona: &PersonaName, lent: LentInstances, lends: bool) {
        let labels = |state: &str| [("persona", persona.to_string()), ("state", state.to_owned())];
        let known = self.lending.instances.get(&labels("leased")).is_some();
        if !(known || lends || lent != LentInstances::default()) {
            return;
        }
        let states = [("leased", lent.leased), ("called_back", lent.called_back), ("quarantined", lent.quarantined)];
        for (state, count) in states {
            self.lending.instances.get_or_create(&labels(state)).set(count.into());
        }
    }

    /// The market called: `done`, or the reason why not.
    pub fn lending_call(&self, call: &'static str, result: &'static str) {
        self.lending.calls.get_or_create(&[("call", call.to_owned()), ("result", result.to_owned())]).inc();
    }

    /// An instance could not be wiped after a lease.
    pub fn wipe_failed(&self, persona: &PersonaName) {
        self.lending.wipes_failed.get_or_create(&[("persona", persona.to_string())]).inc();
    }

    /// The instances of a lease were taken, so long after its notice.
    pub fn notice_over(&self, persona: &PersonaName, lasted: Duration) {
        self.lending.notice_seconds.get_or_create(&[("persona", persona.to_string())]).observe(lasted.as_secs_f64());
    }

    /// So many leases wait for the bus to take an event of theirs.
    pub fn lending_events_waiting(&self, leases: usize) {
        self.lending.events_waiting.set(i64::try_from(leases).unwrap_or(i64::MAX));
    }

    /// So many leases were called back because the owner needs their instances.
    pub fn reclaimed(&self, leases: usize) {
        self.lending.reclaims.inc_by(leases as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;

    #[test]
    fn what_was_lent_once_stays_on_the_page() {
        let (metrics, web, idle) = (Metrics::default(), "web".parse().expect("valid"), "idle".parse().expect("valid"));
        metrics.lent(&web, LentInstances { leased: 3, called_back: 1, quarantined: 2 }, true);
        metrics.lent(&idle, LentInstances::default(), false);
        metrics.lending_call("grant", "not_enough");
        metrics.notice_over(&web, Duration::from_secs(120));
        let page = metrics.encode(&[]).expect("encodes");
        for line in [
            r#"forewarm_lending_instances{persona="web",state="leased"} 3"#,
            r#"forewarm_lending_instances{persona="web",state="called_back"} 1"#,
            r#"forewarm_lending_instances{persona="web",state="quarantined"} 2"#,
            r#"forewarm_lending_calls_total{call="grant",result="not_enough"} 1"#,
            r#"forewarm_lending_notice_seconds_count{persona="web"} 1"#,
        ] {
            assert!(page.contains(line), "{line} is missing in\n{page}");
        }
        assert!(!page.contains("idle"), "{page}");
        metrics.lent(&web, LentInstances::default(), false);
        let page = metrics.encode(&[]).expect("encodes");
        assert!(page.contains(r#"forewarm_lending_instances{persona="web",state="leased"} 0"#), "{page}");
    }
}
