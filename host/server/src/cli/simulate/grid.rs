//! The same policies under other costs and boots: what the picture of cost against cold starts is made of.

use super::Simulated;
use forewarm_simulator::run::{Outcome, Setting};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a missing instance-minute costs, in idle ones.
const COSTS: [f64; 3] = [4.0, 19.0, 99.0];
/// Seconds that boots take; one that takes less than a step takes a step.
const BOOTS_S: [u32; 4] = [10, 60, 300, 900];

/// Every combination of costs and boots.
pub(super) fn settings(step_ms: i64) -> Vec<Setting> {
    let boot_steps = |boot_s: u32| forewarm_simulator::boots::steps(f64::from(boot_s), step_ms);
    let of_cost = |unserved| BOOTS_S.map(|boot_s| Setting { unserved, boot_steps: boot_steps(boot_s) });
    COSTS.into_iter().flat_map(of_cost).collect()
}

/// One series under one setting.
pub(super) struct Point {
    /// By policy: cost over the least possible, instances that came to be needed, and those of them that found none.
    policies: Vec<(String, f64, u64, u64)>,
}

impl Point {
    /// What is kept of an outcome.
    pub(super) fn of(outcome: &Outcome) -> Self {
        let policy = |lane: &forewarm_simulator::lane::Lane| {
            let cost = lane.score.cost(outcome.setting.unserved) / outcome.least_cost.max(1.0);
            (lane.name.clone(), cost, lane.score.arrivals, lane.score.cold)
        };
        Self { policies: outcome.lanes.iter().map(policy).collect() }
    }
}

/// All series under one setting.
#[derive(Debug, Serialize)]
pub(super) struct GridPoint {
    /// What a missing instance-minute costs, in idle ones.
    pub(super) unserved_cost: f64,
    pub(super) boot_s: u32,
    pub(super) policies: BTreeMap<String, GridPolicy>,
}

/// One policy under one setting.
#[derive(Debug, Default, Serialize)]
pub(super) struct GridPolicy {
    /// The geometric mean over all series.
    pub(super) cost_ratio: f64,
    /// Over all instances that came to be needed.
    pub(super) cold_start_rate: f64,
}

/// The grid over all series; empty where it was not asked for.
pub(super) fn points(done: &[Simulated]) -> Vec<GridPoint> {
    let asked = done.iter().all(|one| !one.grid.is_empty()) && !done.is_empty();
    let settings = COSTS.into_iter().flat_map(|unserved_cost| BOOTS_S.map(|boot_s| (unserved_cost, boot_s)));
    let point = |(index, (unserved_cost, boot_s)): (usize, (f64, u32))| {
        let points: Vec<&Point> = done.iter().filter_map(|one| one.grid.get(index)).collect();
        GridPoint { unserved_cost, boot_s, policies: policies(&points) }
    };
    if asked { settings.enumerate().map(point).collect() } else { Vec::new() }
}

fn policies(points: &[&Point]) -> BTreeMap<String, GridPolicy> {
    let mut sums: BTreeMap<String, (f64, u64, u64)> = BTreeMap::new();
    for (name, cost, arrivals, cold) in points.iter().flat_map(|point| &point.policies) {
        let sum = sums.entry(name.clone()).or_default();
        *sum = (sum.0 + cost.ln(), sum.1 + arrivals, sum.2 + cold);
    }
    let count = points.len().max(1) as f64;
    let policy = |(name, (logs, arrivals, cold)): (String, (f64, u64, u64))| {
        let cold_start_rate = cold as f64 / arrivals.max(1) as f64;
        (name, GridPolicy { cost_ratio: (logs / count).exp(), cold_start_rate })
    };
    sums.into_iter().map(policy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_averaged_as_ratios_and_cold_starts_as_instances() {
        let point = |cost: f64, arrivals, cold| Point { policies: vec![("reactive".into(), cost, arrivals, cold)] };
        let (one, other) = (point(2.0, 10, 5), point(8.0, 90, 0));
        let told = policies(&[&one, &other]);
        let reactive = told.get("reactive").expect("took part");
        assert!((reactive.cost_ratio - 4.0).abs() < 1e-9 && (reactive.cold_start_rate - 0.05).abs() < 1e-9);
    }

    #[test]
    fn every_combination_is_run_and_no_boot_is_shorter_than_a_step() {
        let settings = settings(60_000);
        assert_eq!(settings.len(), 12);
        let boots: Vec<usize> = settings.iter().take(4).map(|setting| setting.boot_steps).collect();
        assert_eq!(boots, [1, 1, 5, 15]);
    }
}
