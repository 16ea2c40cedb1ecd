//! What an instance of each persona costs, as its driver says: asked for when there is something to pay for, and again
//! from time to time.

use super::Core;
use forewarm_domain::id::PersonaName;
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::Persona;
use forewarm_domain::plugin::{PluginError, Price};
use forewarm_domain::time::{HOUR_MS, MINUTE_MS, TimestampMs};
use futures::stream::{self, StreamExt};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::warn;

/// How long prices are taken to hold.
const HOLDS_MS: i64 = HOUR_MS;
/// How soon they are asked for again when they could not be had.
const ASK_AGAIN_MS: i64 = MINUTE_MS;
/// Personas whose prices are asked for in one round, so that a round ends.
const AT_A_TIME: usize = 500;

/// See the module's description.
#[derive(Default)]
pub(super) struct PriceBook(Mutex<HashMap<PersonaName, Known>>);

struct Known {
    /// Of which version of the persona; another one may be of another size or driver.
    version: u32,
    /// What a warm instance costs per hour.
    per_hour: Option<f64>,
    ask_again_at: TimestampMs,
}

impl PriceBook {
    fn known(&self) -> MutexGuard<'_, HashMap<PersonaName, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a warm instance costs per hour, where the driver has told.
    pub(super) fn per_hour(&self, persona: &Persona) -> Option<f64> {
        let known = self.known();
        known.get(&persona.spec.name).filter(|known| known.version == persona.version)?.per_hour
    }

    fn is_due(&self, persona: &Persona, now: TimestampMs) -> bool {
        let known = self.known();
        let known = known.get(&persona.spec.name).filter(|known| known.version == persona.version);
        known.is_none_or(|known| known.ask_again_at <= now)
    }

    /// Notes what was answered. Where the driver did not answer, what it said before still holds.
    fn note(&self, persona: &Persona, answer: Result<Option<f64>, ()>, now: TimestampMs) {
        let before = self.per_hour(persona);
        let (per_hour, wait_ms) = match answer {
            Ok(per_hour) => (per_hour, HOLDS_MS),
            Err(()) => (before, ASK_AGAIN_MS),
        };
        let known = Known { version: persona.version, per_hour, ask_again_at: now + wait_ms };
        self.known().insert(persona.spec.name.clone(), known);
    }
}

/// The price of a warm instance among a driver's prices.
fn warm(prices: &[Price]) -> Option<f64> {
    prices.iter().find(|price| price.tier == Tier::Warm).map(|price| price.per_hour)
}

impl Core {
    /// Asks drivers for prices that are needed and not known, or were asked for long ago.
    pub(super) async fn learn_prices(&self) {
        let now = self.clock.now();
        let has_to_pay =
            |persona: &Persona| persona.spec.scaling.budget.is_some() || self.stock(&persona.spec.name).total() > 0;
        let answers = |persona: &Persona| self.drivers_down.of(&persona.spec.plugins.driver).is_none();
        let due = self.catalog.list().into_iter().filter(|persona| self.price_book.is_due(persona, now));
        let due: Vec<Arc<Persona>> =
            due.filter(|persona| answers(persona) && has_to_pay(persona)).take(AT_A_TIME).collect();
        let asked = stream::iter(due).for_each_concurrent(self.settings.parallel_calls.max(1), |persona| async move {
            if let Err(error) = self.learn_price(&persona).await {
                warn!(persona = %persona.spec.name, %error, "what an instance costs is not known: it is asked again later");
            }
        });
        asked.await;
    }

    /// Asks what a warm instance of a persona costs per hour and remembers it; `None` where the driver has no price.
    ///
    /// # Errors
    /// [`PluginError`] when the persona's driver does not answer.
    pub async fn learn_price(&self, persona: &Persona) -> Result<Option<f64>, PluginError> {
        self.learn_prices_of(persona).await.map(|prices| warm(&prices))
    }

    /// Asks for a persona's prices and remembers that of a warm instance.
    pub(super) async fn learn_prices_of(&self, persona: &Persona) -> Result<Vec<Price>, PluginError> {
        let answer = self.prices(persona).await;
        let price = answer.as_ref().map(|prices| warm(prices)).map_err(|_| ());
        self.price_book.note(persona, price, self.clock.now());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_those_of_a_version_and_of_a_while() {
        let spec = serde_json::from_value(serde_json::json!({
            "name": "web",
            "allocation": { "cpu_millis": 500, "memory_mib": 512 },
            "demand": { "series": { "resource": "web", "metric": "requests" }, "capacity_per_instance": 10.0 },
        }));
        let mut web =
            Persona { version: 1, applied_at: TimestampMs(0), applied_by: "ops".into(), spec: spec.expect("valid") };
        let (book, now) = (PriceBook::default(), TimestampMs(0));
        assert!(book.is_due(&web, now));
        book.note(&web, Ok(Some(0.5)), now);
        assert_eq!((book.per_hour(&web), book.is_due(&web, now + HOLDS_MS - 1)), (Some(0.5), false));
        book.note(&web, Err(()), now + HOLDS_MS);
        assert_eq!(book.per_hour(&web), Some(0.5), "the last price holds while no other can be had");
        assert!(book.is_due(&web, now + HOLDS_MS + ASK_AGAIN_MS));
        web.version = 2;
        assert_eq!((book.per_hour(&web), book.is_due(&web, now)), (None, true), "it may be of another size");
    }
}
