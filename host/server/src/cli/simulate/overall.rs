//! One policy over all series: what the first lines of a report tell.

use super::report::{PolicyReport, SeriesReport};
use super::tiers::TierReport;
use forewarm_domain::series::quantile;
use serde::Serialize;
use std::collections::BTreeMap;

/// One policy over all series.
#[derive(Debug, Serialize)]
pub(super) struct Overall {
    /// The geometric mean of the cost over the least possible.
    pub(super) cost_ratio: f64,
    /// Idle, booting and missing instance-minutes in idle ones, summed.
    pub(super) cost: f64,
    /// The same as money, where a price was given.
    pub(super) money: Option<f64>,
    /// Over all instances that came to be needed.
    pub(super) cold_start_rate: f64,
    /// Three of four series have a lower one (Shahrad et al. 2020).
    pub(super) cold_start_rate_p75: f64,
    /// Instances that came to be needed and found none ready.
    #[serde(skip)]
    pub(super) cold_starts: u64,
    /// The share of the demand's instance-minutes that went unserved.
    pub(super) unserved_share: f64,
    /// Instance-hours that were paid for and served nobody, by the tier in which they were spent.
    pub(super) wasted_instance_hours: Wasted,
    pub(super) idle_instance_minutes: f64,
    pub(super) boot_instance_minutes: f64,
    pub(super) unserved_instance_minutes: f64,
    pub(super) launches: u64,
    /// By tier, where it used cheaper ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tiers: Option<TierReport>,
}

/// Instance-hours that served nobody, by tier.
#[derive(Debug, Serialize)]
pub(super) struct Wasted {
    /// Ready and idle.
    pub(super) warm: f64,
    /// On their way.
    pub(super) booting: f64,
    /// On their way from a cheaper tier, or into one; absent, as the following ones, without cheaper tiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) moving: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parked: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shell: Option<f64>,
}

impl Wasted {
    fn of(idle: f64, booting: f64, tiers: Option<TierReport>) -> Self {
        let hours = |of: fn(&TierReport) -> f64| tiers.as_ref().map(|tiers| of(tiers) / 60.0);
        Self {
            warm: idle / 60.0,
            booting: booting / 60.0,
            moving: hours(|tiers| tiers.instance_minutes.activating + tiers.instance_minutes.parking),
            parked: hours(|tiers| tiers.instance_minutes.parked),
            shell: hours(|tiers| tiers.instance_minutes.shell),
        }
    }

    /// Those that were paid for in full: ready, or on their way.
    pub(super) fn running(&self) -> f64 {
        self.warm + self.booting + self.moving.unwrap_or(0.0)
    }
}

/// By policy.
pub(super) fn overall(series: &BTreeMap<String, SeriesReport>) -> BTreeMap<String, Overall> {
    let mut policies: BTreeMap<String, Vec<&PolicyReport>> = BTreeMap::new();
    for (name, policy) in series.values().flat_map(|one| &one.policies) {
        policies.entry(name.clone()).or_default().push(policy);
    }
    policies.into_iter().map(|(name, all)| (name, one(&all))).collect()
}

fn one(all: &[&PolicyReport]) -> Overall {
    let sum = |of: fn(&PolicyReport) -> f64| all.iter().map(|policy| of(policy)).sum::<f64>();
    let (arrivals, cold) =
        all.iter().fold((0, 0), |(arrivals, cold), policy| (arrivals + policy.arrivals, cold + policy.cold_starts));
    let rates: Vec<f64> = all.iter().map(|policy| policy.cold_start_rate).collect();
    let (idle, booting) = (sum(|policy| policy.idle_instance_minutes), sum(|policy| policy.boot_instance_minutes));
    let unserved = sum(|policy| policy.unserved_instance_minutes);
    let tiers = TierReport::sum(all.iter().filter_map(|policy| policy.tiers));
    Overall {
        cost_ratio: (sum(|policy| policy.cost_ratio.ln()) / all.len().max(1) as f64).exp(),
        cost: sum(|policy| policy.cost),
        money: all.iter().map(|policy| policy.money).sum(),
        cold_start_rate: cold as f64 / arrivals.max(1) as f64,
        cold_start_rate_p75: quantile(&rates, 0.75).unwrap_or(0.0),
        cold_starts: cold,
        unserved_share: unserved / sum(|policy| policy.demand_instance_minutes).max(1.0),
        wasted_instance_hours: Wasted::of(idle, booting, tiers),
        idle_instance_minutes: idle,
        boot_instance_minutes: booting,
        unserved_instance_minutes: unserved,
        launches: all.iter().map(|policy| policy.launches).sum(),
        tiers,
    }
}
