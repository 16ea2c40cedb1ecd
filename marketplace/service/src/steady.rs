//! A clock that nobody sets, beside the one that tells the date: notice is measured by it, so that setting the date
//! forward takes no time away from a tenant.

use crate::model::SteadyMark;
use forewarm_domain::time::Clock;
use std::sync::Arc;

/// Tells how long this machine has been running.
pub trait Steady: Send + Sync + 'static {
    /// The present point.
    fn mark(&self) -> SteadyMark;
}

/// The machine's time since it was started, sleep included.
#[derive(Debug, Clone)]
pub struct MachineSteady {
    epoch: String,
}

impl MachineSteady {
    /// The clock of this machine. It is the same one for every process until the machine is started again; where the
    /// system does not name its starts, it is this process' own.
    #[must_use]
    pub fn new() -> Self {
        let named = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let epoch = named.map_or_else(|_| uuid::Uuid::new_v4().to_string(), |text| text.trim().to_owned());
        Self { epoch }
    }
}

impl Default for MachineSteady {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(target_os = "linux")]
const RUNNING: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const RUNNING: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

impl Steady for MachineSteady {
    fn mark(&self) -> SteadyMark {
        let now = rustix::time::clock_gettime(RUNNING);
        let ms = now.tv_sec.saturating_mul(1_000).saturating_add(now.tv_nsec / 1_000_000);
        SteadyMark { epoch: self.epoch.clone(), ms }
    }
}

/// A clock of virtual time that nobody sets back: for simulations and replays.
#[derive(Clone)]
pub struct ClockSteady(pub Arc<dyn Clock>);

impl Steady for ClockSteady {
    fn mark(&self) -> SteadyMark {
        SteadyMark { epoch: "virtual".into(), ms: self.0.now().0 }
    }
}

/// Milliseconds from `earlier` to `now`; none when the machine was started in between, so that nobody knows.
pub(crate) fn elapsed(earlier: &SteadyMark, now: &SteadyMark) -> Option<i64> {
    (earlier.epoch == now.epoch).then(|| (now.ms - earlier.ms).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_s_clock_goes_on_and_is_the_same_for_all() {
        let (one, other) = (MachineSteady::new().mark(), MachineSteady::new().mark());
        assert!(elapsed(&one, &other).is_some_and(|ms| ms < 60_000));
        assert_eq!(elapsed(&one, &SteadyMark { epoch: "another start".into(), ms: 0 }), None);
    }
}
