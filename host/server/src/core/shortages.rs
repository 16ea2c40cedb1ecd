//! Drivers that have run out of capacity or of a quota of their own: nothing is asked of them for a while, then one launch
//! is tried, and after each failure the wait is twice as long.
//!
//! A driver without capacity lacks it for instances of one persona in one of its placements; one at its quota, for all that
//! it serves. Shortages are saved, so that a start does not ask for everything at once again.

use super::Core;
use crate::store::{Store, StoreError, Write};
use forewarm_bus::message::EventTopic;
use forewarm_domain::id::{PersonaName, PlacementName, PluginName};
use forewarm_domain::instance::Instance;
use forewarm_domain::persona::Persona;
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use forewarm_domain::time::{MINUTE_MS, SECOND_MS, TimestampMs};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::warn;

/// The first wait before another launch is tried.
const FIRST_WAIT_MS: i64 = 5 * SECOND_MS;
/// The longest such wait.
const LONGEST_WAIT_MS: i64 = 10 * MINUTE_MS;

/// Under which setting shortages are saved.
const KEY: &str = "shortages";

/// Where launches fail: those of one persona in one of its placements, or all that the driver serves.
type Where = (PluginName, Option<Place>);
type Place = (PersonaName, Option<PlacementName>);

/// See the module's description.
#[derive(Default)]
pub(super) struct Shortages(Mutex<HashMap<Where, Shortage>>);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Shortage {
    /// What the driver said last.
    said: String,
    wait_ms: i64,
    /// When another launch may be tried.
    retry_at: TimestampMs,
    /// Whether one is being tried: its failure counts, those of launches that were under way before do not.
    #[serde(skip)]
    tried: bool,
}

/// What a failed launch says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    /// There was capacity before.
    News,
    /// It is still so: the wait grows.
    Longer,
    /// It was known: the launch was under way.
    Known,
}

/// What may be launched, as far as the driver's capacity goes, the freest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leave {
    /// Whatever is wanted.
    Free,
    /// One, to find out whether there is capacity again.
    Try,
    /// Nothing until then.
    Wait(TimestampMs),
}

impl Shortages {
    /// Takes up what was saved last.
    pub(super) async fn open(store: &Store) -> Result<Self, StoreError> {
        let Some(text) = store.setting(KEY).await? else { return Ok(Self::default()) };
        let saved: Vec<(Where, Shortage)> =
            serde_json::from_str(&text).map_err(|error| StoreError::corrupt("what drivers are short of", error))?;
        Ok(Self(Mutex::new(saved.into_iter().collect())))
    }

    fn record(&self) -> Write {
        let all: Vec<(Where, Shortage)> =
            self.of_all().iter().map(|(place, shortage)| (place.clone(), shortage.clone())).collect();
        let value = (!all.is_empty()).then(|| serde_json::to_string(&all).ok()).flatten();
        Write::Setting { key: KEY.to_owned(), value }
    }

    fn of_all(&self) -> MutexGuard<'_, HashMap<Where, Shortage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a launch failed.
    fn failed(&self, place: &Place, error: &PluginError, now: TimestampMs) -> Failed {
        let of = (error.kind != PluginErrorKind::QuotaExceeded).then(|| place.clone());
        let mut shortages = self.of_all();
        let Some(known) = shortages.get_mut(&(error.plugin.clone(), of.clone())) else {
            let (said, wait_ms) = (error.to_string(), FIRST_WAIT_MS);
            let new = Shortage { said, wait_ms, retry_at: now + wait_ms, tried: false };
            shortages.insert((error.plugin.clone(), of), new);
            return Failed::News;
        };
        known.said = error.to_string();
        if known.tried || now >= known.retry_at {
            known.wait_ms = known.wait_ms.saturating_mul(2).min(LONGEST_WAIT_MS);
            (known.retry_at, known.tried) = (now + known.wait_ms, false);
            return Failed::Longer;
        }
        Failed::Known
    }

    /// Notes that a launch was taken; true where that is news.
    fn succeeded(&self, driver: &PluginName, place: &Place) -> bool {
        let mut shortages = self.of_all();
        let own = shortages.remove(&(driver.clone(), Some(place.clone())));
        let all = shortages.remove(&(driver.clone(), None));
        own.is_some() || all.is_some()
    }

    fn leave(&self, of: &Where, now: TimestampMs) -> Leave {
        match self.of_all().get(of).map(|shortage| shortage.retry_at) {
            None => Leave::Free,
            Some(until) if now < until => Leave::Wait(until),
            Some(_) => Leave::Try,
        }
    }

    /// What may be launched of all that a driver serves.
    pub(super) fn leave_in_all(&self, driver: &PluginName, now: TimestampMs) -> Leave {
        self.leave(&(driver.clone(), None), now)
    }

    /// What may be launched of a persona in one of its placements, as far as that alone goes.
    pub(super) fn leave_in(&self, persona: &Persona, placement: Option<&PlacementName>, now: TimestampMs) -> Leave {
        self.leave(&place_of(persona, placement), now)
    }

    /// What may be launched of a persona wherever there is capacity first.
    pub(super) fn leave_anywhere(&self, persona: &Persona, now: TimestampMs) -> Leave {
        let names = persona.spec.choices().map(|choice| choice.map(|placement| &placement.name));
        let freest = names.map(|placement| self.leave_in(persona, placement, now)).min().unwrap_or(Leave::Free);
        freest.max(self.leave_in_all(&persona.spec.plugins.driver, now))
    }

    /// Notes that launches are being tried in some placements: the next ones are so only after the same wait.
    pub(super) fn tried(&self, persona: &Persona, placements: &[Option<PlacementName>], now: TimestampMs) {
        let places = placements.iter().map(|placement| place_of(persona, placement.as_ref()));
        let all = (!placements.is_empty()).then(|| (persona.spec.plugins.driver.clone(), None));
        let mut shortages = self.of_all();
        for place in places.chain(all) {
            if let Some(shortage) = shortages.get_mut(&place) {
                (shortage.retry_at, shortage.tried) = (now + shortage.wait_ms, true);
            }
        }
    }

    /// What the driver said, and until when nothing is asked of it; `None` where a launch may be tried in some placement.
    pub(super) fn said(&self, persona: &Persona, now: TimestampMs) -> Option<String> {
        let Leave::Wait(until) = self.leave_anywhere(persona, now) else { return None };
        let names = persona.spec.choices().map(|choice| choice.map(|placement| &placement.name));
        let all = (persona.spec.plugins.driver.clone(), None);
        let shortages = self.of_all();
        let mut concerning = names.map(|placement| place_of(persona, placement)).chain([all]);
        let holding = concerning.find_map(|place| shortages.get(&place).filter(|one| one.retry_at == until))?;
        Some(format!("{}; it is asked again at {until}", holding.said))
    }
}

fn place_of(persona: &Persona, placement: Option<&PlacementName>) -> Where {
    (persona.spec.plugins.driver.clone(), Some((persona.spec.name.clone(), placement.cloned())))
}

/// How a place is called in what is told of it.
fn shown((persona, placement): &Place) -> String {
    placement.as_ref().map_or_else(|| persona.to_string(), |placement| format!("{persona} in {placement}"))
}

impl Core {
    /// Notes that a driver could not launch an instance for want of capacity; false where it failed for another reason.
    pub(super) async fn note_shortage(&self, failed: &Instance, error: &PluginError, now: TimestampMs) -> bool {
        if !matches!(error.kind, PluginErrorKind::OutOfCapacity | PluginErrorKind::QuotaExceeded) {
            return false;
        }
        let place = (failed.persona.clone(), failed.placement.clone());
        let failed = self.shortages.failed(&place, error, now);
        if failed != Failed::Known {
            self.save_shortages().await;
        }
        if failed == Failed::News {
            warn!(place = shown(&place), driver = %error.plugin, %error, "the driver launches nothing at present: it is tried again later");
            self.tell_capacity(&error.plugin, &place, error.to_string(), Some(error.kind)).await;
        }
        true
    }

    /// Notes that a driver launched an instance.
    pub(super) async fn note_capacity(&self, launched: &Instance) {
        let place = (launched.persona.clone(), launched.placement.clone());
        if self.shortages.succeeded(&launched.driver, &place) {
            self.save_shortages().await;
            let reason = format!("{} launches instances of {} again", launched.driver, shown(&place));
            tracing::info!("{reason}");
            self.tell_capacity(&launched.driver, &place, reason, None).await;
        }
    }

    /// What can't be saved is found out again.
    async fn save_shortages(&self) {
        if let Err(error) = self.store.commit(vec![self.shortages.record()]).await {
            warn!(%error, "what drivers are short of is not saved");
        }
    }

    async fn tell_capacity(&self, driver: &PluginName, place: &Place, reason: String, lacks: Option<PluginErrorKind>) {
        let (persona, placement) = place;
        let mut data = serde_json::json!({ "persona": persona, "available": lacks.is_none() });
        if let Some(kind) = lacks {
            data["kind"] = serde_json::json!(kind);
        }
        if let Some(placement) = placement {
            data["placement"] = serde_json::json!(placement);
        }
        self.tell(EventTopic::DriverCapacity, driver.to_string(), reason, data).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: PluginErrorKind) -> PluginError {
        PluginError { plugin: "driver-x".parse().expect("valid"), kind, message: "no hosts".into() }
    }

    fn persona(name: &str, placements: &[&str]) -> Persona {
        let placed = |name: &&str| serde_json::json!({ "name": name, "settings": { "zone": name } });
        let spec = serde_json::from_value(serde_json::json!({
            "name": name,
            "allocation": { "cpu_millis": 500, "memory_mib": 512 },
            "demand": { "series": { "resource": name, "metric": "requests" }, "capacity_per_instance": 10.0 },
            "placements": placements.iter().map(placed).collect::<Vec<_>>(),
            "plugins": { "driver": "driver-x" },
        }));
        Persona { version: 1, applied_at: TimestampMs(0), applied_by: "ops".into(), spec: spec.expect("valid") }
    }

    fn place(name: &str, placement: Option<&str>) -> Place {
        (name.parse().expect("valid"), placement.map(|placement| placement.parse().expect("valid")))
    }

    fn at(seconds: i64) -> TimestampMs {
        TimestampMs(seconds * SECOND_MS)
    }

    #[test]
    fn waits_grow_with_each_try_that_fails() {
        let (shortages, web, here) = (Shortages::default(), persona("web", &[]), place("web", None));
        let full = error(PluginErrorKind::OutOfCapacity);
        let leave = |seconds| shortages.leave_anywhere(&web, at(seconds));
        assert_eq!(leave(0), Leave::Free);
        assert_eq!(shortages.failed(&here, &full, at(0)), Failed::News);
        assert_eq!(shortages.failed(&here, &full, at(1)), Failed::Known, "one that was under way as well");
        assert_eq!(leave(4), Leave::Wait(at(5)));
        assert!(shortages.said(&web, at(4)).expect("short").contains("no hosts"));
        assert_eq!(leave(5), Leave::Try);
        shortages.tried(&web, &[None], at(5));
        assert_eq!(leave(6), Leave::Wait(at(10)), "one is tried at a time");
        assert_eq!(shortages.failed(&here, &full, at(6)), Failed::Longer);
        assert_eq!(leave(7), Leave::Wait(at(16)), "twice as long");
        for _ in 0..20 {
            let Leave::Wait(until) = leave(16) else { continue };
            shortages.tried(&web, &[None], until);
            shortages.failed(&here, &full, until);
        }
        let driver = "driver-x".parse().expect("valid");
        assert!(shortages.succeeded(&driver, &here) && !shortages.succeeded(&driver, &here));
        assert_eq!(leave(16), Leave::Free);
    }

    #[test]
    fn a_quota_is_everybodys_and_a_lack_of_capacity_ones_own() {
        let (shortages, now) = (Shortages::default(), TimestampMs(0));
        let [web, jobs] = ["web", "jobs"].map(|name| persona(name, &[]));
        shortages.failed(&place("web", None), &error(PluginErrorKind::OutOfCapacity), now);
        assert!(shortages.said(&web, now).is_some() && shortages.said(&jobs, now).is_none());
        shortages.failed(&place("web", None), &error(PluginErrorKind::QuotaExceeded), now);
        assert!(shortages.said(&jobs, now).is_some());
        let elsewhere: PluginName = "other".parse().expect("valid");
        assert_eq!(shortages.leave_in_all(&elsewhere, now), Leave::Free);
    }

    #[test]
    fn a_full_placement_leaves_the_others() {
        let (shortages, web) = (Shortages::default(), persona("web", &["b"]));
        let full = error(PluginErrorKind::OutOfCapacity);
        let b = "b".parse().expect("valid");
        assert_eq!(shortages.failed(&place("web", Some("b")), &full, at(0)), Failed::News);
        assert_eq!(shortages.leave_in(&web, Some(&b), at(1)), Leave::Wait(at(5)));
        assert_eq!((shortages.leave_anywhere(&web, at(1)), shortages.said(&web, at(1))), (Leave::Free, None));
        assert_eq!(shortages.failed(&place("web", None), &full, at(2)), Failed::News, "another place");
        assert_eq!(shortages.leave_anywhere(&web, at(3)), Leave::Wait(at(5)), "where there may be capacity first");
        assert_eq!(shortages.leave_anywhere(&web, at(5)), Leave::Try);
        shortages.tried(&web, &[Some(b.clone())], at(5));
        assert_eq!(shortages.leave_in(&web, Some(&b), at(6)), Leave::Wait(at(10)));
        assert_eq!(shortages.leave_in(&web, None, at(6)), Leave::Wait(at(7)), "it was not tried there");
        assert_eq!(shortages.failed(&place("web", None), &error(PluginErrorKind::QuotaExceeded), at(6)), Failed::News);
        assert_eq!(shortages.leave_anywhere(&web, at(10)), Leave::Wait(at(11)), "a quota is everybody's");
    }

    #[test]
    fn what_is_saved_is_taken_up_again() {
        let (shortages, web) = (Shortages::default(), persona("web", &["b"]));
        let empty = Write::Setting { key: KEY.into(), value: None };
        assert_eq!(shortages.record(), empty);
        shortages.failed(&place("web", Some("b")), &error(PluginErrorKind::OutOfCapacity), at(0));
        shortages.failed(&place("web", None), &error(PluginErrorKind::QuotaExceeded), at(1));
        let Write::Setting { value: Some(text), .. } = shortages.record() else { panic!("something is saved") };
        let again: Vec<(Where, Shortage)> = serde_json::from_str(&text).expect("what was saved");
        let again = Shortages(Mutex::new(again.into_iter().collect()));
        assert_eq!(again.leave_anywhere(&web, at(2)), Leave::Wait(at(6)));
        assert_eq!(again.leave_in(&web, Some(&"b".parse().expect("valid")), at(2)), Leave::Wait(at(5)));
        again.succeeded(&"driver-x".parse().expect("valid"), &place("web", Some("b")));
        assert_eq!(again.record(), empty);
    }
}
