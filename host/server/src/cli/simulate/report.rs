//! What a simulation found, for programs and in a table.

use super::{Protocol, SimulateArgs, Simulated};
use crate::cli::backtest::members::Member;
use crate::cli::output::{table, text};
use forewarm_domain::time::TimestampMs;
use forewarm_simulator::cloud::Faults;
use forewarm_simulator::lane::Lane;
use serde::Serialize;
use std::collections::BTreeMap;

/// The worst shortages that are told of a policy.
const WORST_SHOWN: usize = 5;

/// See the module's description.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Under which fixed rules; `null` where the arguments set them.
    pub(super) protocol: Option<&'static str>,
    pub(super) seed: u64,
    pub(super) forecaster: String,
    pub(super) boot_s: u32,
    /// What a missing instance-minute costs, in idle ones.
    pub(super) unserved_cost: f64,
    pub(super) faults: Faults,
    pub(super) series: BTreeMap<String, SeriesReport>,
    /// By policy: the geometric mean of the cost ratios over all series.
    pub(super) geometric_mean_cost_ratio: BTreeMap<String, f64>,
}

/// One series.
#[derive(Debug, Serialize)]
pub(super) struct SeriesReport {
    /// The beginning of the part that is scored.
    pub(super) scored_from: TimestampMs,
    pub(super) scored_minutes: usize,
    pub(super) capacity_per_instance: f64,
    /// What perfect foresight would have paid, in idle instance-minutes.
    pub(super) least_cost: f64,
    pub(super) policies: BTreeMap<String, PolicyReport>,
}

/// One policy on one series; costs in idle instance-minutes.
#[derive(Debug, Serialize)]
pub(super) struct PolicyReport {
    /// The rule with its parameters; for a planner, that which led at the end.
    pub(super) rule: String,
    pub(super) cost: f64,
    /// The cost over the least possible one.
    pub(super) cost_ratio: f64,
    pub(super) unserved_instance_minutes: f64,
    pub(super) idle_instance_minutes: f64,
    pub(super) boot_instance_minutes: f64,
    pub(super) demand_instance_minutes: f64,
    pub(super) launches: u64,
    /// The share of instances that came to be needed and found none ready.
    pub(super) cold_start_rate: f64,
    pub(super) wait_p95_s: f64,
    pub(super) wait_p99_s: f64,
    /// Of the forecasts at the lead time; `null` for policies that look at none.
    pub(super) coverage: Option<f64>,
    pub(super) pinball: Option<f64>,
    /// How often another rule took over.
    pub(super) switches: usize,
    pub(super) worst: Vec<Worst>,
}

/// One of the worst shortages.
#[derive(Debug, Serialize)]
pub(super) struct Worst {
    pub(super) from: TimestampMs,
    pub(super) minutes: f64,
    pub(super) unserved_instance_minutes: f64,
    pub(super) highest_demand: u32,
    /// What had been planned a boot before, and why.
    pub(super) planned: Option<u32>,
    pub(super) reasons: Option<String>,
}

impl Report {
    pub(super) fn new(args: &SimulateArgs, member: &Member, done: &[Simulated]) -> Self {
        let series: BTreeMap<_, _> = done.iter().map(|one| (one.world.name.clone(), series(one))).collect();
        Self {
            protocol: args.protocol.map(|Protocol::Bench| "bench"),
            seed: args.seed,
            forecaster: format!("{} {}", member.name, member.version),
            boot_s: args.boot_s,
            unserved_cost: args.cost_ratio,
            faults: args.faults(),
            geometric_mean_cost_ratio: means(&series),
            series,
        }
    }

    /// A table for people: cost ratios by series, then what they are made of.
    pub(super) fn page(&self) -> String {
        let policies: Vec<&String> = self.geometric_mean_cost_ratio.keys().collect();
        let heads: Vec<String> = policies.iter().map(|policy| policy.to_uppercase().replace('_', " ")).collect();
        let mut costs = table(&std::iter::once("SERIES").chain(heads.iter().map(String::as_str)).collect::<Vec<_>>());
        for (name, series) in &self.series {
            let ratio = |policy: &&String| {
                series.policies.get(*policy).map_or(String::new(), |one| format!("{:.2}", one.cost_ratio))
            };
            costs.add_row(std::iter::once(name.clone()).chain(policies.iter().map(ratio)));
        }
        let means = policies.iter().map(|policy| format!("{:.3}", self.geometric_mean_cost_ratio[*policy]));
        costs.add_row(std::iter::once("geometric mean".to_owned()).chain(means));
        let mut detail =
            table(&["SERIES", "POLICY", "COLD STARTS", "UNSERVED", "IDLE", "BOOTING", "LAUNCHES", "P95 WAIT", "RULE"]);
        for (name, series) in &self.series {
            for (policy, one) in &series.policies {
                let of_demand =
                    |minutes: f64| format!("{:.2}%", 100.0 * minutes / one.demand_instance_minutes.max(1.0));
                detail.add_row([
                    name.clone(),
                    policy.clone(),
                    format!("{:.1}%", 100.0 * one.cold_start_rate),
                    of_demand(one.unserved_instance_minutes),
                    of_demand(one.idle_instance_minutes),
                    of_demand(one.boot_instance_minutes),
                    one.launches.to_string(),
                    format!("{:.0} s", one.wait_p95_s),
                    one.rule.clone(),
                ]);
            }
        }
        format!(
            "cost over the least possible (idle + booting + {} x unserved instance-minutes; boots take {} s), second half of each trace:\n{}\n\nof the demand's instance-minutes:\n{}\n",
            self.unserved_cost,
            self.boot_s,
            text(&costs, ""),
            text(&detail, ""),
        )
    }
}

fn means(series: &BTreeMap<String, SeriesReport>) -> BTreeMap<String, f64> {
    let mut logs: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (policy, one) in series.values().flat_map(|series| &series.policies) {
        logs.entry(policy.clone()).or_default().push(one.cost_ratio.ln());
    }
    logs.into_iter().map(|(policy, logs)| (policy, (logs.iter().sum::<f64>() / logs.len() as f64).exp())).collect()
}

fn series(Simulated { world, outcome }: &Simulated) -> SeriesReport {
    let policy = |lane: &Lane| (lane.name.clone(), policy(lane, outcome, world));
    SeriesReport {
        scored_from: world.at(world.split),
        scored_minutes: world.loads.len() - world.split,
        capacity_per_instance: world.capacity,
        least_cost: outcome.least_cost,
        policies: outcome.lanes.iter().map(policy).collect(),
    }
}

fn policy(
    lane: &Lane,
    outcome: &forewarm_simulator::run::Outcome,
    world: &forewarm_simulator::world::World,
) -> PolicyReport {
    let (score, tally) = (&lane.score, lane.score.tally);
    let minutes = world.step_ms as f64 / 60_000.0;
    let cost = tally.cost(outcome.setting.unserved) * minutes;
    let (waits, seconds) = (score.waits(), world.step_ms as f64 / 1_000.0);
    let forecasts = outcome.forecasts.filter(|_| lane.is_planner());
    PolicyReport {
        rule: lane.rule(),
        cost,
        // A demand that never changes costs nothing with foresight: a ratio is then told over one instance-minute.
        cost_ratio: cost / (outcome.least_cost * minutes).max(1.0),
        unserved_instance_minutes: tally.unserved as f64 * minutes,
        idle_instance_minutes: tally.idle as f64 * minutes,
        boot_instance_minutes: tally.booting as f64 * minutes,
        demand_instance_minutes: score.demand as f64 * minutes,
        launches: tally.launches,
        cold_start_rate: score.cold_start_rate(),
        wait_p95_s: waits.p95 as f64 * seconds,
        wait_p99_s: waits.p99 as f64 * seconds,
        coverage: forecasts.map(|score| score.coverage),
        pinball: forecasts.map(|score| score.pinball),
        switches: lane.switches().len(),
        worst: worst(lane, world, minutes),
    }
}

fn worst(lane: &Lane, world: &forewarm_simulator::world::World, minutes: f64) -> Vec<Worst> {
    let mut moments: Vec<_> = lane.moments.iter().collect();
    moments.sort_by_key(|moment| (std::cmp::Reverse(moment.unserved), moment.from));
    let told = moments.into_iter().take(WORST_SHOWN).map(|moment| Worst {
        from: world.at(moment.from),
        minutes: moment.steps as f64 * minutes,
        unserved_instance_minutes: moment.unserved as f64 * minutes,
        highest_demand: moment.demand,
        planned: moment.planned.as_ref().map(|(wanted, _)| *wanted),
        reasons: moment.planned.as_ref().map(|(_, reasons)| reasons.clone()),
    });
    told.collect()
}
