//! What an instance of each persona costs, as it stands and in each of its placements: asked of its driver, kept for an hour
//! or two, and never guessed.

use super::Core;
use super::descriptions::ASK_AGAIN_MS;
use super::tiers::Offer;
use forewarm_bus::message::{DriverAnswer, DriverCall, DriverRequest};
use forewarm_domain::id::{PersonaName, PlacementName};
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::{Persona, Placement};
use forewarm_domain::plugin::{DriverDescription, PersonaView, PluginError, PluginErrorKind, Price};
use forewarm_domain::time::{HOUR_MS, TimestampMs};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::warn;

/// How long prices are taken to hold at least.
const HOLDS_MS: i64 = HOUR_MS;

/// See the module's description.
#[derive(Default)]
pub(super) struct PriceBook(Mutex<HashMap<PersonaName, Known>>);

#[derive(Debug, Clone, Default)]
struct Known {
    /// Of which version of the persona these are, 0 where there are none: another one may be of another size or driver.
    version: u32,
    prices: Prices,
    /// Which version was asked for last, and when it is again.
    asked_for: u32,
    ask_again_at: TimestampMs,
}

/// What the driver has told of one persona.
#[derive(Debug, Clone, Default, PartialEq)]
struct Prices {
    own: Vec<Price>,
    /// Of the placements that it has prices for.
    placed: HashMap<PlacementName, Vec<Price>>,
}

impl Prices {
    fn of(&self, placement: Option<&PlacementName>) -> Option<&[Price]> {
        match placement {
            None => Some(&self.own),
            Some(name) => self.placed.get(name).map(Vec::as_slice),
        }
    }
}

/// The price of a tier among a driver's prices.
pub(super) fn price_of(prices: &[Price], tier: Tier) -> Option<f64> {
    prices.iter().find(|price| price.tier == tier).map(|price| price.per_hour)
}

impl PriceBook {
    fn known(&self) -> MutexGuard<'_, HashMap<PersonaName, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prices<T>(&self, persona: &Persona, read: impl FnOnce(&Prices) -> T) -> Option<T> {
        let known = self.known();
        let known = known.get(&persona.spec.name).filter(|known| known.version == persona.version)?;
        Some(read(&known.prices))
    }

    /// What a warm instance of the persona as it stands costs per hour, where the driver has told.
    pub(super) fn per_hour(&self, persona: &Persona) -> Option<f64> {
        self.placed(persona, None, Tier::Warm)
    }

    /// What an instance in a placement costs per hour in a tier, where the driver has told.
    pub(super) fn placed(&self, persona: &Persona, placement: Option<&PlacementName>, tier: Tier) -> Option<f64> {
        self.prices(persona, |prices| price_of(prices.of(placement)?, tier))?
    }

    /// What a warm instance costs per hour where it costs the most, as far as the driver has told.
    pub(super) fn dearest(&self, persona: &Persona) -> Option<f64> {
        let own = self.per_hour(persona)?;
        let all = persona.spec.placements.iter();
        Some(all.filter_map(|one| self.placed(persona, Some(&one.name), Tier::Warm)).fold(own, f64::max))
    }

    fn is_due(&self, persona: &Persona, now: TimestampMs) -> bool {
        let known = self.known();
        let known = known.get(&persona.spec.name).filter(|known| known.asked_for == persona.version);
        known.is_none_or(|known| known.ask_again_at <= now)
    }

    /// There was no answer: what was said before still holds.
    fn put_off(&self, persona: &Persona, now: TimestampMs) {
        let mut known = self.known();
        let known = known.entry(persona.spec.name.clone()).or_default();
        (known.asked_for, known.ask_again_at) = (persona.version, now + ASK_AGAIN_MS);
    }

    /// Notes what was answered; for placements of which there was no answer, what was said before still holds.
    fn note(&self, persona: &Persona, mut prices: Prices, wait_ms: i64, now: TimestampMs) {
        let before = self.prices(persona, Prices::clone).unwrap_or_default();
        for (name, known) in before.placed {
            prices.placed.entry(name).or_insert(known);
        }
        let (version, ask_again_at) = (persona.version, now + wait_ms);
        let known = Known { version, prices, asked_for: version, ask_again_at };
        self.known().insert(persona.spec.name.clone(), known);
    }

    /// The tiers on offer, by the last prices that are known of any version of the persona.
    fn offer(&self, persona: &Persona, description: &DriverDescription) -> Option<Offer> {
        let known = self.known();
        let known = known.get(&persona.spec.name).filter(|known| known.version > 0)?;
        Some(Offer::of(description, &known.prices.own))
    }
}

/// One to two times [`HOLDS_MS`], so that not all are asked for in the same round.
fn holds_ms(persona: &PersonaName) -> i64 {
    let mut hasher = DefaultHasher::new();
    persona.hash(&mut hasher);
    HOLDS_MS + (hasher.finish() % HOLDS_MS.unsigned_abs()) as i64
}

impl Core {
    /// The tiers on offer for a persona; by the last prices that were known where its driver does not answer, `None` where
    /// none were. Asks for prices when they are due.
    pub(super) async fn offer(&self, persona: &Persona, now: TimestampMs) -> Option<Offer> {
        let driver = &persona.spec.plugins.driver;
        let answers = !self.descriptions.is_put_off(driver, now) && self.drivers_down.of(driver).is_none();
        if answers && self.price_book.is_due(persona, now) {
            self.ask_for_prices(persona, now).await;
        }
        let description = if answers { self.description(driver, now).await } else { self.descriptions.last(driver) };
        self.price_book.offer(persona, description?.as_ref())
    }

    async fn ask_for_prices(&self, persona: &Persona, now: TimestampMs) {
        let Err(error) = self.learn_prices(persona).await else { return };
        warn!(persona = %persona.spec.name, %error, "what an instance costs is not known: it is asked again later");
        self.price_book.put_off(persona, now);
        // One that answers, though not to this, is asked for the others all the same.
        if error.kind.is_passing() {
            self.descriptions.put_off(&persona.spec.plugins.driver, now);
        }
    }

    /// Asks what a warm instance of a persona costs per hour and remembers it; `None` where the driver has no price.
    ///
    /// # Errors
    /// [`PluginError`] when the persona's driver does not answer.
    pub async fn learn_price(&self, persona: &Persona) -> Result<Option<f64>, PluginError> {
        self.learn_prices(persona).await?;
        Ok(self.price_book.per_hour(persona))
    }

    /// Asks for the prices of a persona and of its placements, and remembers them. A placement without an answer is asked
    /// for again before long.
    async fn learn_prices(&self, persona: &Persona) -> Result<(), PluginError> {
        let own = self.prices(persona).await?;
        let (mut placed, mut wait_ms) = (HashMap::new(), holds_ms(&persona.spec.name));
        for placement in &persona.spec.placements {
            match self.prices_in(persona, Some(placement)).await {
                Ok(prices) => drop(placed.insert(placement.name.clone(), prices)),
                Err(error) => {
                    warn!(persona = %persona.spec.name, placement = %placement.name, %error, "what an instance costs there is not known");
                    wait_ms = ASK_AGAIN_MS;
                }
            }
        }
        self.price_book.note(persona, Prices { own, placed }, wait_ms, self.clock.now());
        Ok(())
    }

    /// What it costs to hold one instance of a persona as it stands, by tier.
    ///
    /// # Errors
    /// [`PluginError`] when the persona's driver does not answer.
    pub async fn prices(&self, persona: &Persona) -> Result<Vec<Price>, PluginError> {
        self.prices_in(persona, None).await
    }

    async fn prices_in(&self, persona: &Persona, placement: Option<&Placement>) -> Result<Vec<Price>, PluginError> {
        let plugin = persona.spec.plugins.driver.clone();
        let operation = DriverRequest::Prices(Box::new(PersonaView::placed(persona, placement)));
        match self.ask(&DriverCall { plugin: plugin.clone(), operation }).await? {
            DriverAnswer::Prices(prices) => Ok(prices),
            _ => Err(PluginError {
                plugin,
                kind: PluginErrorKind::InvalidAnswer,
                message: "asked for prices, got something else".into(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(version: u32) -> Persona {
        let spec = serde_json::from_value(serde_json::json!({
            "name": "web",
            "allocation": { "cpu_millis": 500, "memory_mib": 512 },
            "demand": { "series": { "resource": "web", "metric": "requests" }, "capacity_per_instance": 10.0 },
            "placements": [{ "name": "zone-b", "settings": { "zone": "b" } }],
        }));
        Persona { version, applied_at: TimestampMs(0), applied_by: "ops".into(), spec: spec.expect("valid") }
    }

    fn prices(own: f64, zone_b: Option<f64>) -> Prices {
        let warm = |per_hour| vec![Price { tier: Tier::Warm, per_hour }];
        let placed = zone_b.map(|per_hour| ("zone-b".parse().expect("valid"), warm(per_hour)));
        Prices { own: warm(own), placed: placed.into_iter().collect() }
    }

    #[test]
    fn prices_are_those_of_a_version_and_of_a_while() {
        let (book, now) = (PriceBook::default(), TimestampMs(0));
        assert!(book.is_due(&web(1), now));
        book.note(&web(1), prices(0.5, None), HOLDS_MS, now);
        assert_eq!((book.per_hour(&web(1)), book.is_due(&web(1), now + HOLDS_MS - 1)), (Some(0.5), false));
        assert!(book.is_due(&web(1), now + HOLDS_MS), "and until there is an answer it still holds");
        book.put_off(&web(1), now + HOLDS_MS);
        assert_eq!((book.per_hour(&web(1)), book.is_due(&web(1), now + HOLDS_MS)), (Some(0.5), false));
        assert_eq!((book.per_hour(&web(2)), book.is_due(&web(2), now)), (None, true), "it may be of another size");
    }

    #[test]
    fn a_placement_keeps_its_price_while_there_is_no_other() {
        let (book, now, zone_b) = (PriceBook::default(), TimestampMs(0), "zone-b".parse().expect("valid"));
        let there = |book: &PriceBook| book.placed(&web(1), Some(&zone_b), Tier::Warm);
        book.note(&web(1), prices(0.5, None), HOLDS_MS, now);
        assert_eq!((there(&book), book.dearest(&web(1))), (None, Some(0.5)), "it is not guessed");
        book.note(&web(1), prices(0.5, Some(0.7)), HOLDS_MS, now);
        book.note(&web(1), prices(0.6, None), HOLDS_MS, now);
        assert_eq!((there(&book), book.per_hour(&web(1)), book.dearest(&web(1))), (Some(0.7), Some(0.6), Some(0.7)));
        assert_eq!(book.placed(&web(1), Some(&zone_b), Tier::Parked), None);
    }
}
