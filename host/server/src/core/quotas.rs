//! How many instances a driver may have at a time, for all the personas that it serves: what the operator has set, and what
//! the driver says that it can.

use super::Core;
use forewarm_bus::message::{DriverAnswer, DriverCall, DriverRequest};
use forewarm_domain::id::PluginName;
use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often drivers are asked what they can: another version, or other parameters, may answer otherwise.
const ASKED_EVERY_MS: i64 = 5 * MINUTE_MS;

/// See the module's description.
pub(super) struct Quotas {
    set: BTreeMap<PluginName, u32>,
    described: Mutex<HashMap<PluginName, Described>>,
}

struct Described {
    most: Option<u32>,
    at: TimestampMs,
}

impl Quotas {
    pub(super) fn new(set: BTreeMap<PluginName, u32>) -> Self {
        Self { set, described: Mutex::default() }
    }

    fn described(&self) -> MutexGuard<'_, HashMap<PluginName, Described>> {
        self.described.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most instances of a driver; `None` where nobody limits them.
    pub(super) fn of(&self, driver: &PluginName) -> Option<u32> {
        let described = self.described().get(driver).and_then(|described| described.most);
        [self.set.get(driver).copied(), described].into_iter().flatten().min()
    }

    fn is_due(&self, driver: &PluginName, now: TimestampMs) -> bool {
        self.described().get(driver).is_none_or(|described| now.since(described.at) >= ASKED_EVERY_MS)
    }
}

impl Core {
    /// Asks a driver for its quota, where that was not done of late. One that does not tell keeps what it said before.
    pub(super) async fn learn_quota(&self, driver: &PluginName) {
        let now = self.clock.now();
        if !self.quotas.is_due(driver, now) {
            return;
        }
        let request = DriverCall { plugin: driver.clone(), operation: DriverRequest::Describe };
        if let Ok(DriverAnswer::Description(description)) = self.ask(&request).await {
            let described = Described { most: description.max_instances, at: now };
            self.quotas.described().insert(driver.clone(), described);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_one_counts() {
        let driver = |name: &str| -> PluginName { name.parse().expect("valid") };
        let quotas = Quotas::new([(driver("a"), 5), (driver("b"), 5)].into());
        let describe = |name: &str, most: Option<u32>| {
            quotas.described().insert(driver(name), Described { most, at: TimestampMs(0) });
        };
        describe("a", Some(3));
        describe("b", None);
        describe("c", Some(7));
        assert_eq!(["a", "b", "c", "d"].map(|name| quotas.of(&driver(name))), [Some(3), Some(5), Some(7), None]);
        assert!(quotas.is_due(&driver("d"), TimestampMs(0)) && !quotas.is_due(&driver("a"), TimestampMs(1)));
    }
}
