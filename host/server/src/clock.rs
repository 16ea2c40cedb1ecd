//! The machine's clock.

use forewarm_domain::lending::Moment;
use forewarm_domain::time::{Clock, TimestampMs};
use rustix::time::{ClockId, clock_gettime};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Which start of the machine this is.
static BOOT: LazyLock<String> = LazyLock::new(|| {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
});

/// Tells the machine's time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> TimestampMs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        TimestampMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn moment(&self) -> Moment {
        let up = clock_gettime(UPTIME);
        let uptime_ms = up.tv_sec.saturating_mul(1_000).saturating_add(up.tv_nsec / 1_000_000);
        Moment { at: self.now(), uptime_ms, boot: BOOT.clone() }
    }
}

/// Counts while the machine sleeps, too, where it can.
#[cfg(target_os = "linux")]
const UPTIME: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const UPTIME: ClockId = ClockId::Monotonic;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uptime_never_goes_back() {
        let (one, other) = (SystemClock.moment(), SystemClock.moment());
        assert!(one.uptime_ms > 0 && one.uptime_ms <= other.uptime_ms && one.boot == other.boot);
    }
}
