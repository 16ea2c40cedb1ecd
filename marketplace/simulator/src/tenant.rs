//! Synthetic tenants: what an instance is worth to them, how often they want some, and what they may spend.

use crate::setting::Setting;
use distrs::Normal;
use forewarm_auction::{MicroCredits, Price};
use forewarm_domain::id::TenantName;
use forewarm_domain::lending::LeaseClass;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Spread of values and budgets over the tenants, and of values over one tenant's orders: standard deviations of the
/// logarithm.
const VALUE_SPREAD: f64 = 0.6;
const ORDER_SPREAD: f64 = 0.2;
const BUDGET_SPREAD: f64 = 0.8;
/// What a firm lease is worth to those who want one, in reclaimable ones.
const FIRM_WORTH: f64 = 1.25;
/// The most instances that a tenant ever wants in one order.
const UNITS_MAX: u32 = 12;
/// The most windows for which an order goes on.
const PATIENCE_MAX: usize = 4;

/// One tenant. It wants one owner's instances.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// Its organisation; nobody else's.
    pub name: TenantName,
    /// The place of the owner.
    pub owner: usize,
    /// What it wants.
    pub class: LeaseClass,
    /// What an instance-second is worth to it, in micro-credits.
    value: f64,
    /// The most instances of an order.
    units_most: u32,
    /// Orders of a window, on average over the day.
    orders_per_window: f64,
    /// What it may spend in a day.
    pub budget: MicroCredits,
}

/// What a tenant wants in one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Want {
    /// What it would pay at most.
    pub limit: Price,
    /// How many.
    pub units: u32,
    /// No fewer than this.
    pub min_fill: Option<u32>,
    /// For how many windows it asks, if it gets none.
    pub patience: usize,
}

/// Draws all tenants.
#[must_use]
pub fn tenants(setting: &Setting, owners: usize) -> Vec<Tenant> {
    let mut random = StdRng::seed_from_u64(setting.seed);
    let base = setting.value * f64::from(setting.carrying());
    let tenant = |number: usize| {
        let firm = random.random_bool(setting.firm_share);
        let worth = if firm { FIRM_WORTH } else { 1.0 };
        let active = -f64::ln(1.0 - random.random::<f64>());
        let budget = setting.budget * 1e6 * spread(&mut random, BUDGET_SPREAD);
        Some(Tenant {
            name: format!("tenant-{number}").parse().ok()?,
            owner: random.random_range(0..owners.max(1)),
            class: if firm { LeaseClass::Firm } else { LeaseClass::Reclaimable },
            value: base * worth * spread(&mut random, VALUE_SPREAD),
            units_most: random.random_range(1..=UNITS_MAX),
            orders_per_window: setting.orders_per_window() * active,
            budget: MicroCredits(budget as i64),
        })
    };
    (0..setting.tenants).filter_map(tenant).collect()
}

impl Tenant {
    /// What it wants in a window that begins after `day` of a day: most by day, least by night.
    pub fn wants(&self, random: &mut StdRng, setting: &Setting, day: f64) -> Vec<Want> {
        let busy = 1.0 - 0.6 * (std::f64::consts::TAU * day).cos();
        let count = poisson(random, self.orders_per_window * busy);
        (0..count).filter_map(|_| self.want(random, setting)).collect()
    }

    fn want(&self, random: &mut StdRng, setting: &Setting) -> Option<Want> {
        let limit = (self.value * spread(random, ORDER_SPREAD)).round().clamp(1.0, f64::from(Price::MAX.get()));
        let units = random.random_range(1..=self.units_most);
        let least = random.random_bool(setting.min_fill_share).then(|| random.random_range(1..=units));
        let patience = random.random_range(1..=PATIENCE_MAX);
        Some(Want { limit: Price::try_from(limit as i64).ok()?, units, min_fill: least, patience })
    }
}

/// A log-normal factor whose median is 1.
fn spread(random: &mut StdRng, sigma: f64) -> f64 {
    let chance = random.random_range(1e-9..1.0 - 1e-9);
    (sigma * Normal::ppf(chance, 0.0, 1.0)).exp()
}

/// A Poisson number by multiplying chances (Knuth), for the small means of one tenant's window.
fn poisson(random: &mut StdRng, mean: f64) -> usize {
    let (stop, mut left, mut count) = ((-mean).exp(), 1.0, 0);
    loop {
        left *= random.random::<f64>();
        if left <= stop || count >= 1_000 {
            return count;
        }
        count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_tenants() {
        let setting = Setting::default();
        assert_eq!(tenants(&setting, 3), tenants(&setting, 3));
        assert_ne!(tenants(&setting, 3), tenants(&Setting { seed: 2, ..setting }, 3));
    }

    #[test]
    fn tenants_are_as_many_and_as_busy_as_was_asked_for() {
        let setting = Setting { tenants: 4_000, ..Setting::default() };
        let tenants = tenants(&setting, 3);
        assert_eq!(tenants.len(), 4_000);
        assert!((0..3).all(|owner| tenants.iter().filter(|tenant| tenant.owner == owner).count() > 1_000));
        let mut random = StdRng::seed_from_u64(5);
        let orders: usize = (0..48)
            .map(|window| {
                let day = f64::from(window) / 48.0;
                tenants.iter().map(|tenant| tenant.wants(&mut random, &setting, day).len()).sum::<usize>()
            })
            .sum();
        let per_tenant = orders as f64 / 4_000.0;
        assert!((3.6..4.4).contains(&per_tenant), "{per_tenant}");
        let mut budgets: Vec<_> = tenants.iter().map(|tenant| tenant.budget.0).collect();
        budgets.sort_unstable();
        assert!((18_000_000..22_000_000).contains(&budgets[2_000]), "{}", budgets[2_000]);
    }
}
