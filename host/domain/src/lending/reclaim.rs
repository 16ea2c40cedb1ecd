//! Whether what an owner needs again is called back from its tenants or booted: whatever costs least.

use crate::forecast::Fan;
use crate::plan::instances_for;
use crate::time::{SECOND_MS, TimestampMs};

/// A lease that could be called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recallable {
    /// How many instances come back with it.
    pub units: u32,
    /// What that costs in all, in micro-credits.
    pub cost: i64,
    /// When they are the owner's again, wiped, in milliseconds from now.
    pub back_in_ms: i64,
}

/// What is needed, and what either way costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need<'a> {
    /// Instances that are missing; above zero.
    pub units: u32,
    /// When they are needed, in milliseconds from now.
    pub in_ms: i64,
    /// Leases in the order in which they would be called back.
    pub recallable: &'a [Recallable],
    /// How long a boot takes, in milliseconds.
    pub boot_ms: i64,
    /// What booting one and keeping it as long as it is needed costs, in micro-credits.
    pub boot_cost: i64,
    /// How many may be booted.
    pub boot_most: u32,
    /// What missing one costs, in micro-credits per instance-second.
    pub shortage_cost: u32,
    /// For how long one that comes from neither is missed, in milliseconds.
    pub horizon_ms: i64,
}

/// What costs least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recall {
    /// How many of the leases are called back, from the first one on; 0 is booting alone.
    pub leases: usize,
    /// How many of the missing instances come back with them.
    pub units: u32,
    /// What that costs, in micro-credits: paid to tenants, and missed until they are back.
    pub cost: i64,
    /// What all of it costs, what is booted beside included.
    pub total: i64,
    /// What booting all would cost.
    pub boot_total: i64,
}

/// Compares booting all with calling back the first lease, the first two and so on, and booting the rest. Of equal costs
/// the one that calls back less counts: no tenant is disturbed for nothing.
#[must_use]
pub fn recall(need: &Need<'_>) -> Recall {
    let boot_total = booted(need, need.units);
    let mut best = Recall { leases: 0, units: 0, cost: 0, total: boot_total, boot_total };
    let (mut units, mut cost) = (0_u32, 0_i64);
    for (index, lease) in need.recallable.iter().enumerate() {
        let of_use = lease.units.min(need.units - units);
        if of_use == 0 {
            break;
        }
        units += of_use;
        cost = cost.saturating_add(lease.cost).saturating_add(missed(need, of_use, lease.back_in_ms));
        let total = cost.saturating_add(booted(need, need.units - units));
        if total < best.total {
            best = Recall { leases: index + 1, units, cost, total, boot_total };
        }
    }
    best
}

/// What it costs to boot as many as may be, and to go without the others.
fn booted(need: &Need<'_>, units: u32) -> i64 {
    let boots = units.min(need.boot_most);
    let paid = need.boot_cost.saturating_mul(i64::from(boots)).saturating_add(missed(need, boots, need.boot_ms));
    let never = need.in_ms.max(0).saturating_add(need.horizon_ms);
    paid.saturating_add(missed(need, units - boots, never))
}

/// What it costs that `units` come `in_ms` from now.
fn missed(need: &Need<'_>, units: u32, in_ms: i64) -> i64 {
    let late_s = in_ms.saturating_sub(need.in_ms.max(0)).max(0) / SECOND_MS;
    late_s.saturating_mul(i64::from(need.shortage_cost)).saturating_mul(i64::from(units))
}

/// When the load first needs more than `have` instances at a level, in milliseconds from `at`; `None` where it never does.
#[must_use]
pub fn needed_in_ms(fan: &Fan, capacity_per_instance: f64, level: f64, have: u32, at: TimestampMs) -> Option<i64> {
    let needs_more = |step: &usize| instances_for(fan.quantile(*step, level), capacity_per_instance) > have;
    let first = (0..fan.horizon()).find(needs_more)?;
    Some((fan.start() + fan.step_ms() * first as i64).since(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MINUTE_MS;
    use proptest::prelude::*;

    fn need(units: u32, recallable: &[Recallable]) -> Need<'_> {
        Need {
            units,
            in_ms: 0,
            recallable,
            boot_ms: 5 * MINUTE_MS,
            boot_cost: 1_000,
            boot_most: 100,
            shortage_cost: 10,
            horizon_ms: 60 * MINUTE_MS,
        }
    }

    fn lease(units: u32, cost: i64, back_in_ms: i64) -> Recallable {
        Recallable { units, cost, back_in_ms }
    }

    fn check(need: &Need<'_>, leases: usize, total: i64) {
        let found = recall(need);
        assert_eq!((found.leases, found.total), (leases, total), "{need:?}");
    }

    #[test]
    fn the_cheaper_way_is_taken() {
        // Booting: 1,000 and 300 s x 10 missed = 4,000 each.
        check(&need(3, &[]), 0, 12_000);
        check(&need(2, &[lease(2, 5_000, MINUTE_MS)]), 1, 5_000 + 1_200);
        check(&need(2, &[lease(2, 9_000, MINUTE_MS)]), 0, 8_000);
        // The first is worth it, the second is not: one is booted.
        check(&need(3, &[lease(2, 1_000, 0), lease(2, 6_000, 0)]), 1, 1_000 + 4_000);
        // More than is needed comes back with it: what is of no use counts for nothing.
        check(&need(1, &[lease(9, 3_000, 0)]), 1, 3_000);
        check(&need(1, &[lease(9, 4_000, 0)]), 0, 4_000);
    }

    #[test]
    fn time_decides_where_money_is_equal() {
        let later = Need { in_ms: 5 * MINUTE_MS, ..need(1, &[]) };
        check(&later, 0, 1_000);
        let leases = [lease(1, 900, 15 * MINUTE_MS)];
        check(&Need { recallable: &leases, ..later }, 0, 1_000);
        // Where no more may be booted, late is better than never.
        check(&Need { recallable: &leases, boot_most: 0, ..later }, 1, 900 + 600 * 10);
    }

    #[test]
    fn a_rise_is_seen_when_it_comes() {
        let paths = [vec![10.0, 10.0, 35.0], vec![10.0, 25.0, 45.0]];
        let fan = Fan::from_paths(TimestampMs(MINUTE_MS), MINUTE_MS, &[0.5, 0.95], &paths).expect("valid");
        let found = |have| needed_in_ms(&fan, 10.0, 0.95, have, TimestampMs(0));
        assert_eq!([0, 1, 3, 5].map(found), [Some(MINUTE_MS), Some(2 * MINUTE_MS), Some(3 * MINUTE_MS), None]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn no_prefix_is_cheaper(
            units in 1..9_u32, in_ms in -5_000..600_000_i64, boot_most in 0..9_u32, boot_cost in 0..9_000_i64,
            leases in prop::collection::vec((1..4_u32, 0..9_000_i64, 0..900_000_i64), 0..6),
        ) {
            let leases: Vec<Recallable> = leases.into_iter().map(|(units, cost, back)| lease(units, cost, back)).collect();
            let need = Need { in_ms, boot_cost, boot_most, ..need(units, &leases) };
            let best = recall(&need);
            for count in 0..=leases.len() {
                let some = Need { recallable: &leases[..count], ..need };
                prop_assert!(recall(&some).total >= best.total);
            }
            prop_assert!(best.total <= best.boot_total && best.units <= units);
        }
    }
}
