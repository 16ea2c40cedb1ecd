//! Deciding how many instances of one persona to hold: a snapshot in, a plan with its reasons out.

mod bounds;
mod chances;
mod cost;
mod level;
mod limits;
mod placing;
mod programme;
pub(crate) mod reactive;
mod reason;
mod shadow;
mod shells;
mod standby;

use crate::forecast::Fan;
use crate::id::PersonaName;
use crate::persona::{Mode, Policy, Scaling};
use crate::policy::{self, Choice, Rule};
use crate::time::TimestampMs;
use level::Borders;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use chances::Chances;
pub use cost::{Alternative, Candidate, ExpectedCost, alternatives, expected_cost};
pub use level::{LevelView, MAX_LEVELS_SHOWN};
pub use limits::{Hold, Limits, Quota, Spend};
pub use placing::{Move, Offering, Placed, Placing, cheapest_first, moves};
pub use programme::{Economy, Programme, Standby, Verdict};
pub use reason::{Reason, ReasonCode};
pub use shadow::Shadow;
pub use shells::{ShellDemand, ShellPlan, plan_shells};

/// All that a decision for one persona rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Whose instances.
    pub persona: PersonaName,
    /// The version of the persona that is planned for.
    pub persona_version: u32,
    /// When the decision is made.
    pub at: TimestampMs,
    /// The planning step in milliseconds, above zero.
    pub step_ms: i64,
    /// Bounds, cost ratio and policy.
    pub scaling: Scaling,
    /// The load that one instance serves, above zero.
    pub capacity_per_instance: f64,
    /// What a launch takes until it serves, 95th percentile, in milliseconds: boot and lag of the measurement.
    pub lead_ms: i64,
    /// What exists and what is asked for.
    pub stock: Stock,
    /// The last measured loads, one per step, oldest first, the newest belonging to the step before `at`; `NaN` where
    /// missing.
    pub recent_load: Vec<f64>,
    /// The load to come.
    pub outlook: Outlook,
    /// The tiers between off and warm that may be used.
    pub standby: Vec<Standby>,
    /// Who leads where policies compete.
    pub choice: Option<Choice>,
    /// What bounds the decision beyond the persona's scaling.
    pub limits: Limits,
}

impl Snapshot {
    /// What holding, starting and missing an instance cost.
    #[must_use]
    pub fn economy(&self) -> Economy {
        let lead = self.lead_ms.max(1).unsigned_abs().div_ceil(self.step_ms.max(1).unsigned_abs()) as usize;
        Economy { standby: self.standby.clone(), ..Economy::of_ratio(self.scaling.critical_ratio, lead) }
    }

    /// Instances that are needed at present: by the last step's load, where it is known, and one per claim.
    #[must_use]
    pub fn needed(&self) -> u32 {
        let load = self.recent_load.last().copied().unwrap_or(f64::NAN);
        instances_for(load, self.capacity_per_instance).max(self.stock.promised())
    }
}

/// What exists of a persona and what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Stock {
    /// Held by claims.
    pub active: u32,
    /// Ready and idle.
    pub warm: u32,
    /// Being created.
    pub booting: u32,
    /// Being wiped between two holders.
    pub resetting: u32,
    /// Claims that wait for an instance.
    pub waiting: u32,
    /// Parked, or on their way there: not ready, and not counted among those that serve.
    #[serde(default)]
    pub parked: u32,
    /// Being created to take the place of idle ones that cost more: not counted among those that serve until they do.
    #[serde(default)]
    pub moving: u32,
}

impl Stock {
    /// Every instance that serves or will serve without a further launch.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.active.saturating_add(self.warm).saturating_add(self.booting).saturating_add(self.resetting)
    }

    /// The fewest instances that keep the promises already made: one per claim.
    #[must_use]
    pub fn promised(&self) -> u32 {
        self.active.saturating_add(self.waiting)
    }
}

/// The load to come, or why it is not known.
#[derive(Debug, Clone, PartialEq)]
pub enum Outlook {
    /// Quantiles of the load per step ahead; the first step begins at or after the snapshot's instant.
    Forecast(Fan),
    /// There is no forecast, and why.
    Unknown(String),
}

/// How many instances to hold, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// Whose instances.
    pub persona: PersonaName,
    /// The version of the persona that was planned for.
    pub persona_version: u32,
    /// When it was decided.
    pub at: TimestampMs,
    /// The rule that was followed.
    pub policy: Policy,
    /// What becomes of it: only under `apply` it is carried out, else it says what would be done.
    #[serde(default)]
    pub mode: Mode,
    /// Instances to hold, claimed and booting ones included.
    pub wanted: u32,
    /// Instances to hold in cheaper tiers beyond those. Shells are shared by all personas of one shell class, so that
    /// fewer are held than all of their plans together say.
    #[serde(default)]
    pub standby: StandbyCounts,
    /// What holding those that are parked rather than warm saves per hour, in units of the driver's currency: an estimate
    /// from its prices. `None` where nothing is parked, or prices are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_per_hour: Option<f64>,
    /// Where its instances are held and what one costs there, the first choice first; empty for a persona without placements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placements: Vec<Placed>,
    /// What holding instances in these placements saves per hour, against holding all of them as the persona stands: an
    /// estimate from the driver's prices, below zero where dearer ones had to do. `None` where prices are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement_saved_per_hour: Option<f64>,
    /// What there was when it was decided.
    pub stock: Stock,
    /// Why this many, the most telling reason first.
    pub reasons: Vec<Reason>,
    /// The decision level by level, the first [`MAX_LEVELS_SHOWN`] of interest; empty under a rule without levels.
    pub levels: Vec<LevelView>,
}

impl Plan {
    /// The bounds that acted on it, each once, in the order in which they did.
    #[must_use]
    pub fn bounds(&self) -> Vec<ReasonCode> {
        let mut bounds = Vec::new();
        for code in self.reasons.iter().map(|reason| reason.code).filter(|code| code.is_bound()) {
            if !bounds.contains(&code) {
                bounds.push(code);
            }
        }
        bounds
    }

    /// Instances to launch, or to start where parked ones are there.
    #[must_use]
    pub fn to_create(&self) -> u32 {
        self.wanted.saturating_sub(self.stock.total())
    }

    /// Instances to let go: booting ones first, then idle ones, never claimed ones. Idle ones are parked as far as
    /// [`Self::standby`] wants more of them.
    #[must_use]
    pub fn to_release(&self) -> u32 {
        self.stock.total().saturating_sub(self.wanted)
    }
}

/// Instances in the tiers between off and warm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct StandbyCounts {
    /// Stopped or hibernated.
    pub parked: u32,
    /// Booted with the base system only.
    pub shell: u32,
}

/// Instances that a load needs: its ratio to the capacity of one, rounded up; zero for no load.
#[must_use]
pub fn instances_for(load: f64, capacity_per_instance: f64) -> u32 {
    // A float converts to an integer saturating, and `NaN` to zero.
    (load / capacity_per_instance).ceil().max(0.0) as u32
}

/// Decides how many instances to hold: the policy first, then the bounds.
#[must_use]
pub fn decide(snapshot: &Snapshot) -> Plan {
    let (snapshot, foreseen) = bounds::with_events(snapshot);
    let snapshot = snapshot.as_ref();
    let own = snapshot.own();
    let (policy, target) = target(&own);
    let Target { wanted, borders, mut reasons, levels } = target;
    reasons.extend(foreseen);
    let wanted = bounds::bound(wanted, &own, snapshot, &mut reasons);
    let standby = standby::beyond(snapshot, borders, wanted);
    reasons.extend(standby::explain(snapshot, standby));
    let mut plan = Plan {
        persona: snapshot.persona.clone(),
        persona_version: snapshot.persona_version,
        at: snapshot.at,
        policy,
        mode: snapshot.scaling.mode,
        wanted,
        standby,
        saved_per_hour: None,
        placements: Vec::new(),
        placement_saved_per_hour: None,
        stock: snapshot.stock,
        reasons,
        levels,
    };
    plan.reasons.extend(not_carried_out(&plan));
    plan
}

/// Says that a plan is not carried out, where it is not, and what that would have done.
fn not_carried_out(plan: &Plan) -> Option<Reason> {
    let would = format!("{} would be launched and {} let go", plan.to_create(), plan.to_release());
    let detail = format!("nothing is done, since the persona's mode is {}: {would}", plan.mode.as_str());
    (plan.mode != Mode::Apply).then(|| Reason::new(ReasonCode::Mode, detail))
}

/// What a policy wants, before the bounds.
struct Target {
    wanted: u32,
    /// Which levels the programme holds in which tier; `None` where there is no forecast.
    borders: Option<Borders>,
    reasons: Vec<Reason>,
    levels: Vec<LevelView>,
}

impl Target {
    fn of(wanted: u32, reason: Reason) -> Self {
        Self { wanted, borders: None, reasons: vec![reason], levels: Vec::new() }
    }
}

/// What the persona's policy wants, and by which rule that was found.
fn target(snapshot: &Snapshot) -> (Policy, Target) {
    match (snapshot.scaling.policy, &snapshot.choice) {
        (Policy::Compete, Some(choice)) => {
            let (policy, mut target) = by_rule(snapshot, choice.rule, choice.wanted);
            target.reasons.push(Reason::new(ReasonCode::Contest, choice.to_string()));
            (policy, target)
        }
        (Policy::Compete | Policy::LevelProgramme, _) => programme(snapshot, None),
        (Policy::Reactive, _) => (Policy::Reactive, reactive::target(snapshot)),
        (_, Some(choice)) => by_rule(snapshot, choice.rule, choice.wanted),
        (_, None) => (Policy::Reactive, reactive::target(snapshot)),
    }
}

/// The programme where there is a forecast, else the reactive rule.
fn programme(snapshot: &Snapshot, recent: Option<policy::Recent>) -> (Policy, Target) {
    match &snapshot.outlook {
        Outlook::Forecast(fan) => {
            let loads = recent.map(|recent| (sorted_tail(&snapshot.recent_load, recent.steps), recent.weight));
            let recent = loads.as_ref().map(|(loads, weight)| (loads.as_slice(), *weight));
            (Policy::LevelProgramme, level::target(snapshot, &Chances { fan, recent }))
        }
        Outlook::Unknown(why) => {
            let mut target = reactive::target(snapshot);
            target.reasons.insert(0, Reason::new(ReasonCode::NoForecast, why.clone()));
            (Policy::Reactive, target)
        }
    }
}

/// What a rule wants that was decided upon elsewhere: the programme is run for the instances that there really are.
fn by_rule(snapshot: &Snapshot, rule: Rule, wanted: u32) -> (Policy, Target) {
    if let Rule::LevelProgramme { recent } = rule {
        return programme(snapshot, recent);
    }
    let known = snapshot.recent_load.last().is_some_and(|load| load.is_finite());
    if !known {
        return (Policy::Reactive, reactive::target(snapshot));
    }
    let reason = Reason::new(ReasonCode::Rule, format!("{rule} wants {wanted}"));
    (rule.policy(), Target { borders: level::standby_borders(snapshot), ..Target::of(wanted, reason) })
}

/// The known ones of the last `steps` loads, rising.
fn sorted_tail(loads: &[f64], steps: usize) -> Vec<f64> {
    let tail = &loads[loads.len().saturating_sub(steps)..];
    let mut known: Vec<f64> = tail.iter().copied().filter(|load| load.is_finite()).collect();
    known.sort_by(f64::total_cmp);
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MINUTE_MS;

    /// A snapshot of a persona whose load is certain: `loads[s]` at step `s + 1` ahead, capacity 1, boot 5 minutes.
    pub(super) fn certain(loads: &[f64], stock: Stock) -> Snapshot {
        let paths: Vec<Vec<f64>> =
            vec![loads.iter().map(|load| load - 1e-9).collect(), loads.iter().map(|load| load - 1e-10).collect()];
        let fan = Fan::from_paths(TimestampMs(0), MINUTE_MS, &[0.1, 0.9], &paths).expect("valid");
        Snapshot {
            persona: "web".parse().expect("valid"),
            persona_version: 1,
            at: TimestampMs(0),
            step_ms: MINUTE_MS,
            scaling: Scaling::default(),
            capacity_per_instance: 1.0,
            lead_ms: 5 * MINUTE_MS,
            stock,
            recent_load: vec![loads[0]; 15],
            outlook: Outlook::Forecast(fan),
            standby: Vec::new(),
            choice: None,
            limits: Limits::default(),
        }
    }

    fn warm(count: u32) -> Stock {
        Stock { warm: count, ..Stock::default() }
    }

    #[test]
    fn bounds_act_and_say_so() {
        let mut snapshot = certain(&[3.0; 60], warm(3));
        snapshot.scaling.max = 2;
        let plan = decide(&snapshot);
        assert_eq!(plan.wanted, 2);
        assert_eq!(plan.reasons.last().map(|reason| reason.code), Some(ReasonCode::Maximum));

        snapshot.scaling = Scaling { min: 7, ..Scaling::default() };
        let plan = decide(&snapshot);
        assert_eq!((plan.wanted, plan.to_create(), plan.to_release()), (7, 4, 0));
        assert_eq!(plan.reasons.last().map(|reason| reason.code), Some(ReasonCode::Minimum));
    }

    #[test]
    fn claims_are_kept_whatever_is_forecast() {
        let stock = Stock { active: 4, waiting: 1, warm: 2, ..Stock::default() };
        let plan = decide(&certain(&[0.0; 60], stock));
        assert_eq!((plan.wanted, plan.to_release()), (5, 1));
        assert!(plan.reasons.iter().any(|reason| reason.code == ReasonCode::Promised));
    }

    #[test]
    fn a_maximum_below_the_claimed_ones_takes_none_away() {
        let mut snapshot = certain(&[9.0; 60], Stock { active: 4, ..Stock::default() });
        snapshot.scaling.max = 2;
        assert_eq!(decide(&snapshot).wanted, 4);
    }

    #[test]
    fn without_a_forecast_the_last_load_decides() {
        let mut snapshot = certain(&[3.0; 60], warm(0));
        snapshot.outlook = Outlook::Unknown("the forecaster has seen 1 value".into());
        let plan = decide(&snapshot);
        assert_eq!(plan.policy, Policy::Reactive);
        assert_eq!(plan.reasons.first().map(|reason| reason.code), Some(ReasonCode::NoForecast));
        assert!(plan.wanted >= 3);
    }

    #[test]
    fn what_a_rule_wants_is_no_bound() {
        let mut snapshot = certain(&[3.0; 60], warm(3));
        snapshot.scaling.max = 2;
        assert_eq!(decide(&snapshot).bounds(), [ReasonCode::Maximum]);
    }

    #[test]
    fn loads_become_instances_without_overflow() {
        for (load, expected) in [(0.0, 0), (0.1, 1), (10.0, 1), (10.1, 2), (f64::NAN, 0), (-4.0, 0), (1e300, u32::MAX)]
        {
            assert_eq!(instances_for(load, 10.0), expected, "{load}");
        }
    }
}
