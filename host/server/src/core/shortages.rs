//! Drivers that have run out of capacity or of a quota of their own: nothing is asked of them for a while, then one launch
//! is tried, and after each failure the wait is twice as long.
//!
//! A driver without capacity lacks it for instances of one persona; one at its quota, for all that it serves.

use super::Core;
use forewarm_bus::message::EventTopic;
use forewarm_domain::id::{PersonaName, PluginName};
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use forewarm_domain::time::{MINUTE_MS, SECOND_MS, TimestampMs};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::warn;

/// The first wait before another launch is tried.
const FIRST_WAIT_MS: i64 = 5 * SECOND_MS;
/// The longest such wait.
const LONGEST_WAIT_MS: i64 = 10 * MINUTE_MS;

/// Whose launches fail: those of one persona, or of all that the driver serves.
type Whose = (PluginName, Option<PersonaName>);

/// See the module's description.
#[derive(Default)]
pub(super) struct Shortages(Mutex<HashMap<Whose, Shortage>>);

#[derive(Debug, Clone)]
struct Shortage {
    /// What the driver said last.
    said: String,
    wait_ms: i64,
    /// When another launch may be tried.
    retry_at: TimestampMs,
    /// Whether one is being tried: its failure counts, those of launches that were under way before do not.
    tried: bool,
}

/// What may be launched of a persona, as far as its driver's capacity goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Whatever is wanted.
    Free,
    /// One, to find out whether there is capacity again.
    Try,
    /// Nothing until then.
    Wait(TimestampMs),
}

impl Shortages {
    fn of_all(&self) -> MutexGuard<'_, HashMap<Whose, Shortage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a launch failed; true where that is news: there was capacity before.
    fn failed(&self, persona: &PersonaName, error: &PluginError, now: TimestampMs) -> bool {
        let of = (error.kind != PluginErrorKind::QuotaExceeded).then(|| persona.clone());
        let mut shortages = self.of_all();
        let Some(known) = shortages.get_mut(&(error.plugin.clone(), of.clone())) else {
            let (said, wait_ms) = (error.to_string(), FIRST_WAIT_MS);
            let new = Shortage { said, wait_ms, retry_at: now + wait_ms, tried: false };
            shortages.insert((error.plugin.clone(), of), new);
            return true;
        };
        known.said = error.to_string();
        if known.tried || now >= known.retry_at {
            known.wait_ms = known.wait_ms.saturating_mul(2).min(LONGEST_WAIT_MS);
            (known.retry_at, known.tried) = (now + known.wait_ms, false);
        }
        false
    }

    /// Notes that a launch was taken; true where that is news.
    fn succeeded(&self, driver: &PluginName, persona: &PersonaName) -> bool {
        let mut shortages = self.of_all();
        let own = shortages.remove(&(driver.clone(), Some(persona.clone())));
        let all = shortages.remove(&(driver.clone(), None));
        own.is_some() || all.is_some()
    }

    /// What may be launched of a persona.
    pub(super) fn leave(&self, driver: &PluginName, persona: &PersonaName, now: TimestampMs) -> Leave {
        let shortages = self.of_all();
        let until = concerning(&shortages, driver, persona).map(|(_, shortage)| shortage.retry_at).max();
        match until {
            None => Leave::Free,
            Some(until) if now < until => Leave::Wait(until),
            Some(_) => Leave::Try,
        }
    }

    /// Notes that a launch is being tried: the next one is so only after the same wait.
    pub(super) fn tried(&self, driver: &PluginName, persona: &PersonaName, now: TimestampMs) {
        let mut shortages = self.of_all();
        let concerning: Vec<Whose> = concerning(&shortages, driver, persona).map(|(whose, _)| whose.clone()).collect();
        for whose in concerning {
            if let Some(shortage) = shortages.get_mut(&whose) {
                (shortage.retry_at, shortage.tried) = (now + shortage.wait_ms, true);
            }
        }
    }

    /// What the driver said, and until when nothing is asked of it; `None` where a launch may be tried.
    pub(super) fn said(&self, driver: &PluginName, persona: &PersonaName, now: TimestampMs) -> Option<String> {
        let shortages = self.of_all();
        let holding = concerning(&shortages, driver, persona).filter(|(_, shortage)| now < shortage.retry_at);
        let (_, longest) = holding.max_by_key(|(_, shortage)| shortage.retry_at)?;
        Some(format!("{}; it is asked again at {}", longest.said, longest.retry_at))
    }
}

fn concerning<'a>(
    shortages: &'a HashMap<Whose, Shortage>,
    driver: &PluginName,
    persona: &PersonaName,
) -> impl Iterator<Item = (&'a Whose, &'a Shortage)> {
    let keys = [(driver.clone(), Some(persona.clone())), (driver.clone(), None)];
    keys.into_iter().filter_map(|key| shortages.get_key_value(&key))
}

impl Core {
    /// Notes that a driver could not launch an instance for want of capacity; false where it failed for another reason.
    pub(super) async fn note_shortage(&self, persona: &PersonaName, error: &PluginError, now: TimestampMs) -> bool {
        if !matches!(error.kind, PluginErrorKind::OutOfCapacity | PluginErrorKind::QuotaExceeded) {
            return false;
        }
        if self.shortages.failed(persona, error, now) {
            warn!(%persona, driver = %error.plugin, %error, "the driver launches nothing at present: it is tried again later");
            let data = serde_json::json!({ "persona": persona, "kind": error.kind, "available": false });
            self.tell(EventTopic::DriverCapacity, error.plugin.to_string(), error.to_string(), data).await;
        }
        true
    }

    /// Notes that a driver launched an instance.
    pub(super) async fn note_capacity(&self, persona: &PersonaName, driver: &PluginName) {
        if self.shortages.succeeded(driver, persona) {
            let reason = format!("{driver} launches instances of {persona} again");
            tracing::info!("{reason}");
            let data = serde_json::json!({ "persona": persona, "available": true });
            self.tell(EventTopic::DriverCapacity, driver.to_string(), reason, data).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: PluginErrorKind) -> PluginError {
        PluginError { plugin: "driver-x".parse().expect("valid"), kind, message: "no hosts".into() }
    }

    #[test]
    fn waits_grow_with_each_try_that_fails() {
        let (shortages, driver, web) =
            (Shortages::default(), "driver-x".parse().expect("valid"), "web".parse().expect("valid"));
        let full = error(PluginErrorKind::OutOfCapacity);
        let at = |seconds: i64| TimestampMs(seconds * SECOND_MS);
        assert_eq!(shortages.leave(&driver, &web, at(0)), Leave::Free);
        assert!(shortages.failed(&web, &full, at(0)));
        assert!(!shortages.failed(&web, &full, at(1)), "one that was under way as well is no news");
        assert_eq!(shortages.leave(&driver, &web, at(4)), Leave::Wait(at(5)));
        assert!(shortages.said(&driver, &web, at(4)).expect("short").contains("no hosts"));
        assert_eq!(shortages.leave(&driver, &web, at(5)), Leave::Try);
        shortages.tried(&driver, &web, at(5));
        assert_eq!(shortages.leave(&driver, &web, at(6)), Leave::Wait(at(10)), "one is tried at a time");
        assert!(!shortages.failed(&web, &full, at(6)));
        assert_eq!(shortages.leave(&driver, &web, at(7)), Leave::Wait(at(16)), "twice as long");
        for _ in 0..20 {
            let Leave::Wait(until) = shortages.leave(&driver, &web, at(16)) else { continue };
            shortages.tried(&driver, &web, until);
            shortages.failed(&web, &full, until);
        }
        assert!(shortages.succeeded(&driver, &web) && !shortages.succeeded(&driver, &web));
        assert_eq!(shortages.leave(&driver, &web, at(16)), Leave::Free);
    }

    #[test]
    fn a_quota_is_everybodys_and_a_lack_of_capacity_ones_own() {
        let (shortages, driver): (_, PluginName) = (Shortages::default(), "driver-x".parse().expect("valid"));
        let [web, jobs] = ["web", "jobs"].map(|name| -> PersonaName { name.parse().expect("valid") });
        let now = TimestampMs(0);
        shortages.failed(&web, &error(PluginErrorKind::OutOfCapacity), now);
        assert!(shortages.said(&driver, &web, now).is_some() && shortages.said(&driver, &jobs, now).is_none());
        shortages.failed(&web, &error(PluginErrorKind::QuotaExceeded), now);
        assert!(shortages.said(&driver, &jobs, now).is_some());
        assert!(shortages.said(&"other".parse().expect("valid"), &web, now).is_none());
    }
}
