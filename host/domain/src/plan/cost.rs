//! What a plan is expected to cost, and what it would have been under other rules.

use super::{Outlook, Plan, Reason, ReasonCode, Snapshot, bounds, decide, instances_for};
use crate::forecast::Fan;
use crate::persona::Policy;
use crate::policy::{Choice, Rule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Points of each step's distribution at which the demand is looked at.
const POINTS: usize = 50;

/// What holding a number of instances over the forecast's horizon is expected to cost.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ExpectedCost {
    /// Idle instance-steps.
    pub idle: f64,
    /// Booting instance-steps.
    pub booting: f64,
    /// Instance-steps in which one is missing.
    pub missing: f64,
    /// All of it in idle instance-steps: a missing one counts as often as the persona's critical ratio says.
    pub cost: f64,
}

/// What a plan would have been under a rule, within the same bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alternative {
    /// The kind of rule.
    pub policy: Policy,
    /// The rule with its parameters, in words.
    pub rule: String,
    /// Whether it is the one that decides.
    pub decides: bool,
    /// Instances that would be wanted.
    pub wanted: u32,
    /// What that is expected to cost over the forecast's horizon; `None` without a forecast.
    pub expected: Option<ExpectedCost>,
    /// What following it would have cost of late, in idle instance-steps, discounted; `None` where it was not followed.
    pub cost_of_late: Option<f64>,
    /// Why so many, bounds included.
    pub reasons: Vec<Reason>,
}

/// A rule that is followed in shadow, as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The rule.
    pub rule: Rule,
    /// What it wants, before the bounds.
    pub wish: u32,
    /// What following it would have cost of late.
    pub cost: f64,
    /// Whether it leads.
    pub leads: bool,
}

/// What holding `wanted` instances is expected to cost over the forecast's horizon; `None` without a forecast. What is
/// on its way, and what is launched for it, serves after the lead time.
#[must_use]
pub fn expected_cost(snapshot: &Snapshot, wanted: u32) -> Option<ExpectedCost> {
    let (snapshot, _) = bounds::with_events(snapshot);
    let snapshot = snapshot.as_ref();
    let Outlook::Forecast(fan) = &snapshot.outlook else { return None };
    let economy = snapshot.economy();
    let serving = wanted.min(snapshot.stock.total().saturating_sub(snapshot.stock.booting));
    let mut sum = ExpectedCost::default();
    for step in 0..fan.horizon() {
        let ready = if step < economy.boot_steps { serving } else { wanted };
        let (idle, missing) = apart(fan, step, snapshot.capacity_per_instance, ready);
        sum.idle += idle;
        sum.missing += missing;
        sum.booting += f64::from(wanted - ready);
    }
    sum.cost = sum.idle + sum.booting + economy.unserved * sum.missing;
    Some(sum)
}

/// The instances that are expected to be idle and to be missing at a step where `ready` serve.
fn apart(fan: &Fan, step: usize, capacity: f64, ready: u32) -> (f64, f64) {
    let ready = f64::from(ready);
    let sum = (0..POINTS).fold((0.0, 0.0), |(idle, missing), point| {
        let level = (point as f64 + 0.5) / POINTS as f64;
        let demand = f64::from(instances_for(fan.quantile(step, level), capacity));
        (idle + (ready - demand).max(0.0), missing + (demand - ready).max(0.0))
    });
    (sum.0 / POINTS as f64, sum.1 / POINTS as f64)
}

/// What the plan would have been under each of `candidates`; where there are none, under the rules that remember nothing.
/// The one that decides comes first, then the cheapest by what is expected.
#[must_use]
pub fn alternatives(snapshot: &Snapshot, candidates: &[Candidate]) -> Vec<Alternative> {
    let mut all: Vec<Alternative> = if candidates.is_empty() {
        [Policy::LevelProgramme, Policy::Reactive].into_iter().map(|policy| alone(snapshot, policy)).collect()
    } else {
        candidates.iter().map(|candidate| under(snapshot, candidate)).collect()
    };
    let cost = |one: &Alternative| one.expected.map_or(f64::INFINITY, |expected| expected.cost);
    all.sort_by(|a, b| b.decides.cmp(&a.decides).then(cost(a).total_cmp(&cost(b))));
    all
}

fn under(snapshot: &Snapshot, candidate: &Candidate) -> Alternative {
    let Candidate { rule, wish, cost, leads } = candidate;
    let mut asked = snapshot.clone();
    asked.scaling.policy = Policy::Compete;
    asked.choice = Some(Choice { rule: *rule, wanted: *wish, before: None, costs: (*cost, *cost) });
    let plan = decide(&asked);
    Alternative { cost_of_late: Some(*cost), ..of(snapshot, plan, rule.to_string(), *leads) }
}

fn alone(snapshot: &Snapshot, policy: Policy) -> Alternative {
    let mut asked = snapshot.clone();
    asked.scaling.policy = policy;
    asked.choice = None;
    of(snapshot, decide(&asked), policy.as_str().replace('_', " "), snapshot.scaling.policy == policy)
}

fn of(snapshot: &Snapshot, plan: Plan, rule: String, decides: bool) -> Alternative {
    let reasons = plan.reasons.into_iter().filter(|reason| reason.code != ReasonCode::Contest).collect();
    let expected = expected_cost(snapshot, plan.wanted);
    Alternative { policy: plan.policy, rule, decides, wanted: plan.wanted, expected, cost_of_late: None, reasons }
}

#[cfg(test)]
mod tests {
    use super::super::Stock;
    use super::super::tests::certain;
    use super::*;

    fn warm(count: u32) -> Stock {
        Stock { warm: count, ..Stock::default() }
    }

    #[test]
    fn a_certain_load_costs_what_is_over_and_what_is_missing() {
        let snapshot = certain(&[4.0; 60], warm(4));
        assert_eq!(expected_cost(&snapshot, 4), Some(ExpectedCost::default()));
        let over = expected_cost(&snapshot, 6).expect("a forecast");
        // Two boot for five steps, then idle for 55.
        assert_eq!((over.booting, over.idle, over.missing, over.cost.round()), (10.0, 110.0, 0.0, 120.0));
        let under = expected_cost(&snapshot, 3).expect("a forecast");
        assert_eq!((under.missing, under.cost.round()), (60.0, 19.0 * 60.0));
        let mut unknown = snapshot;
        unknown.outlook = Outlook::Unknown("none".into());
        assert_eq!(expected_cost(&unknown, 3), None);
    }

    #[test]
    fn millions_of_instances_are_no_more_work() {
        let snapshot = certain(&[1e7; 60], warm(10_000_000));
        assert_eq!(expected_cost(&snapshot, 10_000_000).map(|cost| cost.cost), Some(0.0));
    }

    #[test]
    fn other_rules_are_held_within_the_same_bounds() {
        let mut snapshot = certain(&[4.0; 60], warm(4));
        snapshot.scaling.max = 8;
        let candidate = |rule, wish, leads| Candidate { rule, wish, cost: 3.0, leads };
        let keep = Rule::KeepAlive { steps: 60, margin: 0.1 };
        let told = alternatives(
            &snapshot,
            &[candidate(keep, 20, false), candidate(Rule::LevelProgramme { recent: None }, 4, true)],
        );
        assert_eq!((told[0].policy, told[0].wanted, told[0].decides), (Policy::LevelProgramme, 4, true));
        assert_eq!((told[1].policy, told[1].wanted, told[1].cost_of_late), (Policy::KeepAlive, 8, Some(3.0)));
        assert!(told[1].reasons.iter().any(|reason| reason.code == ReasonCode::Maximum), "{:?}", told[1].reasons);
        assert!(told[1].expected.expect("a forecast").cost > told[0].expected.expect("a forecast").cost);
    }

    #[test]
    fn without_a_contest_the_rules_without_memory_are_told() {
        let told = alternatives(&certain(&[4.0; 60], warm(4)), &[]);
        let policies: Vec<Policy> = told.iter().map(|one| one.policy).collect();
        assert_eq!(policies, [Policy::LevelProgramme, Policy::Reactive]);
    }
}
