//! The tiers that a driver offers for a persona, and the ways between them.

use super::Core;
use super::pool::Ways;
use super::prices::price_of;
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::Persona;
use forewarm_domain::plan::Standby;
use forewarm_domain::plugin::{DriverDescription, DriverOperation, Price};

/// Prices per instance-hour of the tiers that may be used, in the driver's currency. A tier without a price, or whose
/// operations the driver does not have, is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Offer {
    pub warm: f64,
    pub parked: Option<f64>,
    pub shell: Option<f64>,
}

impl Offer {
    pub(super) fn of(description: &DriverDescription, prices: &[Price]) -> Self {
        let price = |tier: Tier| price_of(prices, tier);
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

impl Core {
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
