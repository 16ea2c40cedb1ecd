//! The tiers that drivers offer, and what they cost: asked for per persona, kept for hours, and never guessed.

use super::Core;
use super::pool::Ways;
use forewarm_bus::message::{DriverAnswer, DriverCall, DriverRequest};
use forewarm_domain::id::{PersonaName, PluginName};
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::Persona;
use forewarm_domain::plan::Standby;
use forewarm_domain::plugin::{DriverDescription, DriverOperation, PluginError, PluginErrorKind, Price};
use forewarm_domain::time::{HOUR_MS, MINUTE_MS, TimestampMs};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::debug;

/// How long an offer counts at least, and how long a driver that did not answer is not asked again.
const OFFER_KEPT_MS: i64 = HOUR_MS;
const ASK_AGAIN_MS: i64 = MINUTE_MS;

/// Prices per instance-hour of the tiers that may be used, in the driver's currency. A tier without a price, or whose
/// operations the driver does not have, is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Offer {
    pub warm: f64,
    pub parked: Option<f64>,
    pub shell: Option<f64>,
}

impl Offer {
    fn of(description: &DriverDescription, prices: &[Price]) -> Self {
        let price = |tier: Tier| prices.iter().find(|price| price.tier == tier).map(|price| price.per_hour);
        let warm = price(Tier::Warm).unwrap_or(0.0);
        // One that costs as much as a warm one is of no use.
        let usable = |tier: Tier, operations: &[DriverOperation]| {
            let offered = description.tiers.contains(&tier);
            let operable = operations.iter().all(|operation| description.operations.contains(operation));
            price(tier).filter(|price| offered && operable && *price < warm)
        };
        Self {
            warm,
            parked: usable(Tier::Parked, &[DriverOperation::Park, DriverOperation::Start]),
            shell: usable(Tier::Shell, &[DriverOperation::Specialise]),
        }
    }

    /// What so many parked instances cost less per hour than warm ones would.
    pub(super) fn saved_per_hour(&self, parked: u32) -> Option<f64> {
        self.parked.filter(|_| parked > 0).map(|price| f64::from(parked) * (self.warm - price))
    }
}

/// What is known of each persona's offer, and of what each driver can do.
#[derive(Default)]
pub(super) struct Offers(Mutex<Book>);

#[derive(Default)]
struct Book {
    offers: HashMap<PersonaName, Known>,
    drivers: HashMap<PluginName, Asked>,
}

#[derive(Clone, Copy)]
struct Known {
    /// Of which version of the persona.
    version: u32,
    ask_again_at: TimestampMs,
    offer: Offer,
}

/// What a driver said of itself, and when it may be asked again: one that does not answer keeps one plan waiting, not
/// all of them.
struct Asked {
    /// With the instant until which it counts: another version of the plugin may do more.
    description: Option<(TimestampMs, DriverDescription)>,
    ask_again_at: TimestampMs,
}

impl Offers {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A driver did not answer.
    fn put_off(&self, driver: &PluginName, now: TimestampMs) {
        let mut book = self.book();
        let description = book.drivers.remove(driver).and_then(|asked| asked.description);
        book.drivers.insert(driver.clone(), Asked { description, ask_again_at: now + ASK_AGAIN_MS });
    }

    fn is_put_off(&self, driver: &PluginName, now: TimestampMs) -> bool {
        let book = self.book();
        book.drivers.get(driver).is_some_and(|asked| asked.ask_again_at > now)
    }
}

impl Core {
    /// The tiers on offer for a persona; the last that was known where its driver does not answer, `None` where nothing
    /// was.
    pub(super) async fn offer(&self, persona: &Persona, now: TimestampMs) -> Option<Offer> {
        let (name, driver) = (&persona.spec.name, &persona.spec.plugins.driver);
        let known = self.offers.book().offers.get(name).copied();
        let last = known.map(|known| known.offer);
        let is_fresh = known.is_some_and(|known| known.version == persona.version && now < known.ask_again_at);
        if is_fresh || self.offers.is_put_off(driver, now) || self.drivers_down.of(driver).is_some() {
            return last;
        }
        match self.ask_for_offer(persona, now).await {
            Ok(offer) => {
                let known = Known { version: persona.version, ask_again_at: now + kept_ms(name), offer };
                self.offers.book().offers.insert(name.clone(), known);
                Some(offer)
            }
            Err(error) => {
                debug!(persona = %name, %error, "prices are not known");
                self.offers.put_off(driver, now);
                last
            }
        }
    }

    async fn ask_for_offer(&self, persona: &Persona, now: TimestampMs) -> Result<Offer, PluginError> {
        let driver = &persona.spec.plugins.driver;
        let known = self.offers.book().drivers.get(driver).and_then(|asked| asked.description.clone());
        let description = match known.filter(|(until, _)| now < *until) {
            Some((_, description)) => description,
            None => self.describe(driver, now).await?,
        };
        Ok(Offer::of(&description, &self.learn_prices_of(persona).await?))
    }

    async fn describe(&self, driver: &PluginName, now: TimestampMs) -> Result<DriverDescription, PluginError> {
        let request = DriverCall { plugin: driver.clone(), operation: DriverRequest::Describe };
        let DriverAnswer::Description(description) = self.ask(&request).await? else {
            let (plugin, kind) = (driver.clone(), PluginErrorKind::InvalidAnswer);
            return Err(PluginError { plugin, kind, message: "asked what it can do, it said something else".into() });
        };
        let description_until = Some((now + OFFER_KEPT_MS, description.clone()));
        let asked = Asked { description: description_until, ask_again_at: TimestampMs::MIN };
        self.offers.book().drivers.insert(driver.clone(), asked);
        Ok(description)
    }

    /// The standby tiers that a plan may use, with what was measured of them.
    pub(super) fn standby(&self, persona: &Persona, offer: Offer) -> Vec<Standby> {
        let name = &persona.spec.name;
        let steps = |ms: i64| ms as f64 / self.settings.step_ms as f64;
        let tiers = [(Tier::Parked, offer.parked), (Tier::Shell, offer.shell)];
        let standby = |(tier, price): (Tier, Option<f64>)| {
            let hold = price? / offer.warm;
            let latency_steps = steps(self.activation_ms(name, tier) + self.settings.metric_lag_ms);
            let build_steps = steps(self.lead_ms(name)).ceil().max(1.0) as usize;
            Some(Standby { tier, hold, latency_steps, build_steps })
        };
        tiers.into_iter().filter_map(standby).collect()
    }

    /// How long the ways to a ready instance of a persona take.
    pub(super) fn ways(&self, persona: &Persona) -> Ways {
        let name = &persona.spec.name;
        Ways {
            boot_ms: self.boot_ms(name),
            start_ms: self.activation_ms(name, Tier::Parked),
            specialise_ms: self.activation_ms(name, Tier::Shell),
            class: Some(persona.spec.shell_class()),
        }
    }
}

/// One to two times [`OFFER_KEPT_MS`], so that not all are asked for in the same round.
fn kept_ms(persona: &PersonaName) -> i64 {
    let mut hasher = DefaultHasher::new();
    persona.hash(&mut hasher);
    OFFER_KEPT_MS + (hasher.finish() % OFFER_KEPT_MS.unsigned_abs()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(parked: f64) -> Vec<Price> {
        [(Tier::Parked, parked), (Tier::Shell, 0.5), (Tier::Warm, 1.0)]
            .map(|(tier, per_hour)| Price { tier, per_hour })
            .to_vec()
    }

    fn driver(operations: Vec<DriverOperation>) -> DriverDescription {
        let tiers = vec![Tier::Parked, Tier::Shell, Tier::Warm];
        DriverDescription { summary: "a cloud".into(), tiers, operations, max_instances: None }
    }

    #[test]
    fn a_tier_is_used_where_it_has_a_price_and_its_operations() {
        let able = driver(vec![DriverOperation::Park, DriverOperation::Start, DriverOperation::Specialise]);
        let offer = Offer::of(&able, &prices(0.1));
        assert_eq!((offer.parked, offer.shell), (Some(0.1), Some(0.5)));
        assert_eq!(offer.saved_per_hour(3).map(|saved| (saved * 10.0).round()), Some(27.0));
        assert_eq!(offer.saved_per_hour(0), None);
        assert_eq!(Offer::of(&able, &prices(1.0)).parked, None, "no cheaper than warm");
        assert_eq!(Offer::of(&able, &prices(0.1)[1..]).parked, None, "no price");
        let offer = Offer::of(&driver(vec![DriverOperation::Park]), &prices(0.1));
        assert_eq!((offer.parked, offer.shell), (None, None), "what is parked could not be started");
        let warm_only = DriverDescription { tiers: vec![Tier::Warm], ..able };
        assert_eq!(Offer::of(&warm_only, &prices(0.1)).parked, None);
    }
}
