//! What drivers say of themselves: tiers, operations, the most instances. Asked in one place, kept for minutes; a driver
//! that does not answer keeps what it said before, and one plan waiting, not all of them.

use super::Core;
use forewarm_bus::message::{DriverAnswer, DriverCall, DriverRequest};
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{DriverDescription, PluginError, PluginErrorKind};
use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often drivers are asked what they can: another version, or other parameters, may answer otherwise.
const ASKED_EVERY_MS: i64 = 5 * MINUTE_MS;
/// How long one that did not answer is not asked again.
pub(super) const ASK_AGAIN_MS: i64 = MINUTE_MS;

/// See the module's description.
pub(super) struct Descriptions {
    /// The most instances of a driver that the operator has set.
    set: BTreeMap<PluginName, u32>,
    asked: Mutex<HashMap<PluginName, Asked>>,
}

#[derive(Default)]
struct Asked {
    /// With the instant of the answer.
    description: Option<(TimestampMs, Arc<DriverDescription>)>,
    /// Nothing is asked before.
    put_off_until: Option<TimestampMs>,
}

impl Descriptions {
    pub(super) fn new(set: BTreeMap<PluginName, u32>) -> Self {
        Self { set, asked: Mutex::default() }
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<PluginName, Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_due(&self, driver: &PluginName, now: TimestampMs) -> bool {
        let asked = self.asked();
        let last = asked.get(driver).and_then(|asked| asked.description.as_ref());
        last.is_none_or(|(at, _)| now.since(*at) >= ASKED_EVERY_MS)
    }

    /// What a driver said last, however long ago.
    pub(super) fn last(&self, driver: &PluginName) -> Option<Arc<DriverDescription>> {
        self.asked().get(driver)?.description.as_ref().map(|(_, description)| Arc::clone(description))
    }

    fn note(&self, driver: &PluginName, description: Arc<DriverDescription>, now: TimestampMs) {
        let asked = Asked { description: Some((now, description)), put_off_until: None };
        self.asked().insert(driver.clone(), asked);
    }

    /// A driver did not answer.
    pub(super) fn put_off(&self, driver: &PluginName, now: TimestampMs) {
        self.asked().entry(driver.clone()).or_default().put_off_until = Some(now + ASK_AGAIN_MS);
    }

    pub(super) fn is_put_off(&self, driver: &PluginName, now: TimestampMs) -> bool {
        self.asked().get(driver).and_then(|asked| asked.put_off_until).is_some_and(|until| now < until)
    }

    /// The most instances of a driver: what the operator has set, and what the driver says that it can. `None` where nobody
    /// limits them.
    pub(super) fn quota(&self, driver: &PluginName) -> Option<u32> {
        let asked = self.asked();
        let described = asked.get(driver).and_then(|asked| asked.description.as_ref());
        let described = described.and_then(|(_, description)| description.max_instances);
        [self.set.get(driver).copied(), described].into_iter().flatten().min()
    }
}

impl Core {
    /// Asks a driver what it can do, where that was not done of late. One that does not tell keeps what it said before.
    pub(super) async fn learn_description(&self, driver: &PluginName) {
        let now = self.clock.now();
        if self.descriptions.is_due(driver, now) {
            drop(self.describe(driver, now).await);
        }
    }

    /// What a driver can do, as it said last; asked for where it never was.
    pub(super) async fn description(&self, driver: &PluginName, now: TimestampMs) -> Option<Arc<DriverDescription>> {
        let last = self.descriptions.last(driver);
        if last.is_some() || self.descriptions.is_put_off(driver, now) {
            return last;
        }
        let described = self.describe(driver, now).await;
        described.inspect_err(|_| self.descriptions.put_off(driver, now)).ok()
    }

    async fn describe(&self, driver: &PluginName, now: TimestampMs) -> Result<Arc<DriverDescription>, PluginError> {
        let request = DriverCall { plugin: driver.clone(), operation: DriverRequest::Describe };
        let DriverAnswer::Description(description) = self.ask(&request).await? else {
            let (plugin, kind) = (driver.clone(), PluginErrorKind::InvalidAnswer);
            return Err(PluginError { plugin, kind, message: "asked what it can do, it said something else".into() });
        };
        let description = Arc::new(description);
        self.descriptions.note(driver, Arc::clone(&description), now);
        Ok(description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::instance::Tier;

    fn says(max_instances: Option<u32>) -> Arc<DriverDescription> {
        let (summary, tiers) = ("a cloud".into(), vec![Tier::Warm]);
        Arc::new(DriverDescription { summary, tiers, operations: vec![], max_instances })
    }

    #[test]
    fn the_smaller_quota_counts() {
        let driver = |name: &str| -> PluginName { name.parse().expect("valid") };
        let descriptions = Descriptions::new([(driver("a"), 5), (driver("b"), 5)].into());
        descriptions.note(&driver("a"), says(Some(3)), TimestampMs(0));
        descriptions.note(&driver("b"), says(None), TimestampMs(0));
        descriptions.note(&driver("c"), says(Some(7)), TimestampMs(0));
        let quotas = ["a", "b", "c", "d"].map(|name| descriptions.quota(&driver(name)));
        assert_eq!(quotas, [Some(3), Some(5), Some(7), None]);
    }

    #[test]
    fn what_a_driver_said_stays_while_it_says_nothing() {
        let driver: PluginName = "a".parse().expect("valid");
        let (descriptions, at) = (Descriptions::new(BTreeMap::new()), TimestampMs(0));
        assert!(descriptions.last(&driver).is_none() && descriptions.is_due(&driver, at));
        descriptions.note(&driver, says(Some(3)), at);
        assert!(
            !descriptions.is_due(&driver, at + ASKED_EVERY_MS - 1) && descriptions.is_due(&driver, at + ASKED_EVERY_MS)
        );
        descriptions.put_off(&driver, at);
        assert!(descriptions.is_put_off(&driver, at) && !descriptions.is_put_off(&driver, at + ASK_AGAIN_MS));
        assert_eq!((descriptions.last(&driver), descriptions.quota(&driver)), (Some(says(Some(3))), Some(3)));
    }
}
