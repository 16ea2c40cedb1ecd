//! What a simulation found, for programs and in a table.

use super::Simulated;
use super::args::{Protocol, SimulateArgs};
use super::grid::{self, GridPoint};
use super::overall::{Overall, overall};
use super::tiers::TierReport;
use crate::cli::backtest::members::Member;
use crate::cli::output::{table, text};
use forewarm_domain::persona::Policy;
use forewarm_domain::time::TimestampMs;
use forewarm_simulator::boots::{BootSummary, Boots};
use forewarm_simulator::cloud::Faults;
use forewarm_simulator::lane::{Lane, Switch};
use forewarm_simulator::run::Outcome;
use forewarm_simulator::tiers::Tiers;
use forewarm_simulator::trace::Gap;
use forewarm_simulator::world::World;
use serde::Serialize;
use std::collections::BTreeMap;

/// The worst shortages that are told of a policy.
const WORST_SHOWN: usize = 5;
/// The switches that are told of a policy.
const SWITCHES_SHOWN: usize = 20;

/// See the module's description.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Under which fixed rules; `null` where the arguments set them.
    pub(super) protocol: Option<&'static str>,
    pub(super) seed: u64,
    pub(super) forecaster: String,
    /// Seconds that a plan allows for a boot.
    pub(super) boot_s: f64,
    /// Of the boot times that were measured, where boots are drawn from them.
    pub(super) boots: Option<BootSummary>,
    /// What a missing instance-minute costs, in idle ones.
    pub(super) unserved_cost: f64,
    /// What an instance costs per hour, where that was given.
    pub(super) price_per_hour: Option<f64>,
    pub(super) currency: Option<String>,
    pub(super) faults: Faults,
    /// The cheaper tiers, where there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tiers: Option<Tiers>,
    /// By policy, over all series.
    pub(super) overall: BTreeMap<String, Overall>,
    /// The same policies under other costs and boots, where that was asked for.
    pub(super) pareto: Vec<GridPoint>,
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
    /// Time without rows, in which the last value is held.
    pub(super) gaps: Vec<Gap>,
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
    /// The cost as money, where a price was given: a missing instance-minute at what so many idle ones cost.
    pub(super) money: Option<f64>,
    /// The cost over the least possible one.
    pub(super) cost_ratio: f64,
    pub(super) unserved_instance_minutes: f64,
    pub(super) idle_instance_minutes: f64,
    pub(super) boot_instance_minutes: f64,
    pub(super) demand_instance_minutes: f64,
    pub(super) launches: u64,
    /// Instances that came to be needed, and those of them that found none ready.
    pub(super) arrivals: u64,
    pub(super) cold_starts: u64,
    /// The one over the other.
    pub(super) cold_start_rate: f64,
    pub(super) wait_p95_s: f64,
    pub(super) wait_p99_s: f64,
    /// Of the forecasts at the lead time; `null` for policies that look at none.
    pub(super) coverage: Option<f64>,
    pub(super) pinball: Option<f64>,
    /// How often another rule took over.
    pub(super) switches: usize,
    /// The last of these, with their reasons.
    pub(super) last_switches: Vec<ToldSwitch>,
    /// By tier, where it used cheaper ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tiers: Option<TierReport>,
    /// What was planned by the reactive rule for want of a forecast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fallback: Option<ToldFallback>,
    pub(super) worst: Vec<Worst>,
}

/// The reactive rule stood in.
#[derive(Debug, Serialize)]
pub(super) struct ToldFallback {
    pub(super) policy: &'static str,
    /// Since when first, how long in all, and why at first.
    pub(super) from: TimestampMs,
    pub(super) minutes: f64,
    pub(super) reason: String,
}

/// Another rule took over.
#[derive(Debug, Serialize)]
pub(super) struct ToldSwitch {
    pub(super) at: TimestampMs,
    pub(super) reason: String,
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
    pub(super) fn new(args: &SimulateArgs, boots: Option<&Boots>, member: &Member, done: &[Simulated]) -> Self {
        let price = args.price_per_hour;
        let series: BTreeMap<_, _> = done.iter().map(|one| (one.world.name.clone(), series(one, price))).collect();
        let boots = boots.map(Boots::summary);
        Self {
            protocol: args.protocol.map(|Protocol::Bench| "bench"),
            seed: args.seed,
            forecaster: format!("{} {}", member.name, member.version),
            boot_s: boots.map_or(f64::from(args.boot_s), |boots| boots.p95_s),
            boots,
            unserved_cost: args.cost_ratio,
            price_per_hour: price,
            currency: price.map(|_| args.currency.clone()),
            faults: args.faults(None),
            tiers: args.tiers(),
            overall: overall(&series),
            pareto: grid::points(done),
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
        let mut whole =
            table(&["POLICY", "COST RATIO", "COLD STARTS", "P75 OF SERIES", "UNSERVED", "IDLE HOURS", "MONEY"]);
        for (policy, one) in &self.overall {
            let currency = self.currency.as_deref().unwrap_or_default();
            whole.add_row([
                policy.clone(),
                format!("{:.2}", one.cost_ratio),
                format!("{:.1}%", 100.0 * one.cold_start_rate),
                format!("{:.1}%", 100.0 * one.cold_start_rate_p75),
                format!("{:.2}%", 100.0 * one.unserved_share),
                format!("{:.0}", one.wasted_instance_hours.warm),
                one.money.map_or_else(|| "-".to_owned(), |money| format!("{money:.2} {currency}")),
            ]);
        }
        let tiers = self.tiers.map_or_else(String::new, |_| format!("\n\nby tier:\n{}", self.tier_table()));
        format!(
            "over all series:\n{}{tiers}\n\ncost over the least possible (idle + booting + {} x unserved instance-minutes; boots take {} s), second half of each trace:\n{}\n\nof the demand's instance-minutes:\n{}\n",
            text(&whole, ""),
            self.unserved_cost,
            self.boot_s,
            text(&costs, ""),
            text(&detail, ""),
        )
    }
}

impl Report {
    /// Instance-hours and what they cost, by tier, of the policies that used cheaper ones.
    fn tier_table(&self) -> String {
        let mut rows = table(&["POLICY", "TIER", "INSTANCE-HOURS", "COST", "MONEY"]);
        let mut told = String::new();
        for (policy, tiers) in self.overall.iter().filter_map(|(policy, one)| Some((policy, one.tiers?))) {
            let money = tiers.money.map(|money| money.named());
            for (index, ((tier, minutes), (_, cost))) in
                tiers.instance_minutes.named().into_iter().zip(tiers.cost.named()).enumerate()
            {
                let money = money.and_then(|money| money.get(index).map(|(_, money)| format!("{money:.2}")));
                let hours = |minutes: f64| format!("{:.1}", minutes / 60.0);
                rows.add_row([
                    policy.clone(),
                    tier.into(),
                    hours(minutes),
                    hours(cost),
                    money.unwrap_or_else(|| "-".into()),
                ]);
            }
            told.push_str(&format!(
                "\n{policy}: {} parked ones started, {} shells specialised; {} cold starts waited for one of these, {:.0} s on average",
                tiers.started, tiers.specialised, tiers.shortened_cold_starts, tiers.shortened_wait_mean_s(),
            ));
        }
        format!("{}{told}", text(&rows, ""))
    }
}

fn means(series: &BTreeMap<String, SeriesReport>) -> BTreeMap<String, f64> {
    let mut logs: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (policy, one) in series.values().flat_map(|series| &series.policies) {
        logs.entry(policy.clone()).or_default().push(one.cost_ratio.ln());
    }
    logs.into_iter().map(|(policy, logs)| (policy, (logs.iter().sum::<f64>() / logs.len() as f64).exp())).collect()
}

fn series(Simulated { world, outcome, .. }: &Simulated, price: Option<f64>) -> SeriesReport {
    let policy = |lane: &Lane| (lane.name.clone(), policy(lane, outcome, world, price));
    SeriesReport {
        scored_from: world.at(world.split),
        scored_minutes: world.loads.len() - world.split,
        gaps: world.gaps.clone(),
        capacity_per_instance: world.capacity,
        least_cost: outcome.least_cost,
        policies: outcome.lanes.iter().map(policy).collect(),
    }
}

fn policy(lane: &Lane, outcome: &Outcome, world: &World, price: Option<f64>) -> PolicyReport {
    let score = &lane.score;
    let minutes = world.step_ms as f64 / 60_000.0;
    let cost = score.cost(outcome.setting.unserved) * minutes;
    let (waits, seconds) = (score.waits(), world.step_ms as f64 / 1_000.0);
    let forecasts = outcome.forecasts.filter(|_| lane.is_planner());
    PolicyReport {
        rule: lane.rule(),
        cost,
        money: price.map(|price| cost / 60.0 * price),
        // A demand that never changes costs nothing with foresight: a ratio is then told over one instance-minute.
        cost_ratio: cost / (outcome.least_cost * minutes).max(1.0),
        unserved_instance_minutes: score.unserved() * minutes,
        idle_instance_minutes: score.idle() * minutes,
        boot_instance_minutes: score.booting() * minutes,
        demand_instance_minutes: score.demand as f64 * minutes,
        launches: score.launches(),
        arrivals: score.arrivals,
        cold_starts: score.cold,
        cold_start_rate: score.cold_start_rate(),
        wait_p95_s: waits.p95 as f64 * seconds,
        wait_p99_s: waits.p99 as f64 * seconds,
        coverage: forecasts.map(|score| score.coverage),
        pinball: forecasts.map(|score| score.pinball),
        switches: lane.switches().len(),
        fallback: lane.fallback().map(|fallback| ToldFallback {
            policy: Policy::Reactive.as_str(),
            from: world.at(fallback.from),
            minutes: fallback.steps as f64 * minutes,
            reason: fallback.reason.clone(),
        }),
        tiers: score.usage().map(|usage| TierReport::of(usage, outcome.setting.unserved, world.step_ms, price)),
        last_switches: switches(lane, world),
        worst: worst(lane, world, minutes),
    }
}

/// The newest switches, the newest first.
fn switches(lane: &Lane, world: &World) -> Vec<ToldSwitch> {
    let told = |switch: &Switch| ToldSwitch { at: world.at(switch.step), reason: switch.reason.clone() };
    lane.switches().iter().rev().take(SWITCHES_SHOWN).map(told).collect()
}

fn worst(lane: &Lane, world: &World, minutes: f64) -> Vec<Worst> {
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
