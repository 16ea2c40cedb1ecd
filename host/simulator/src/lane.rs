//! One policy on its way through a world: forewarm's planner, or a rule that was tuned beforehand.

use crate::cloud::{Cloud, Faults};
use crate::peers::Followed;
use crate::score::{Score, Step};
use crate::world::World;
use forewarm_domain::forecast::Fan;
use forewarm_domain::id::PersonaName;
use forewarm_domain::persona::Scaling;
use forewarm_domain::plan::{Economy, Limits, Outlook, Plan, Snapshot, Stock, decide};
use forewarm_domain::policy::{Choice, Contest, Moment, entrants};
use std::collections::VecDeque;

/// Loads that a planner looks back upon.
const RECENT_STEPS: usize = 60;
/// Plans that are kept for explaining a shortage: the decision that could have prevented it is a lead time ago.
const PLANS_KEPT: usize = 64;
/// The most switches that are kept with their reason.
const SWITCHES_KEPT: usize = 1_000;

/// See the module's description.
pub struct Lane {
    /// As it is called in reports and files.
    pub name: String,
    mind: Mind,
    cloud: Cloud,
    /// What it cost.
    pub score: Score,
    /// Step by step.
    pub steps: Vec<Step>,
    /// Shortages, with what had been planned.
    pub moments: Vec<Moments>,
}

enum Mind {
    /// Decides step by step, as production does.
    Planner(Box<Planner>),
    /// Decided beforehand: it looks at the demand alone.
    Follower(Followed),
}

/// forewarm's planner, with what it is told of the persona.
struct Planner {
    persona: PersonaName,
    scaling: Scaling,
    economy: Economy,
    contest: Option<Contest>,
    recent: VecDeque<f64>,
    plans: VecDeque<Plan>,
    switches: Vec<Switch>,
}

/// One change of the rule that decides.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Switch {
    /// The step.
    pub step: usize,
    /// Why.
    pub reason: String,
}

/// Steps in a row in which something was missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// The first.
    pub from: usize,
    /// How many.
    pub steps: usize,
    /// Instance-steps that were missing.
    pub unserved: u64,
    /// The highest demand.
    pub demand: u32,
    /// What was planned when an instance launched for the first of them had to be launched, and why.
    pub planned: Option<(u32, String)>,
}

/// What is known when a step begins.
pub struct View<'a> {
    /// The world; nothing at or after `step` is looked at.
    pub world: &'a World,
    /// The step that begins.
    pub step: usize,
    /// The load of the step before; `None` where the telemetry has a gap.
    pub load: Option<f64>,
    /// The load to come, or why it is not known.
    pub outlook: Result<&'a Fan, &'a str>,
}

impl Lane {
    /// forewarm's planner under `policy`.
    #[must_use]
    pub fn planner(
        name: &str,
        persona: PersonaName,
        world: &World,
        scaling: Scaling,
        economy: Economy,
        faults: Faults,
        seed: u64,
    ) -> Self {
        let rules = entrants(scaling.policy);
        let contest = (!rules.is_empty()).then(|| Contest::new(&rules, world.ready_at(world.warm_up)));
        let cloud = Cloud::new(world.ready_at(world.split), economy.boot_steps, world.step_ms, faults, seed);
        let planner = Planner {
            persona,
            scaling,
            economy,
            contest,
            recent: VecDeque::new(),
            plans: VecDeque::new(),
            switches: Vec::new(),
        };
        Self::new(name, Mind::Planner(Box::new(planner)), cloud)
    }

    /// A rule that was decided beforehand.
    #[must_use]
    pub fn follower(
        name: &str,
        world: &World,
        followed: Followed,
        economy: &Economy,
        faults: Faults,
        seed: u64,
    ) -> Self {
        let cloud = Cloud::new(world.ready_at(world.split), economy.boot_steps, world.step_ms, faults, seed);
        Self::new(name, Mind::Follower(followed), cloud)
    }

    fn new(name: &str, mind: Mind, cloud: Cloud) -> Self {
        Self { name: name.to_owned(), mind, cloud, score: Score::default(), steps: Vec::new(), moments: Vec::new() }
    }

    /// Its rule with parameters, in words; a planner's is what leads now.
    #[must_use]
    pub fn rule(&self) -> String {
        match &self.mind {
            Mind::Follower(followed) => followed.rule.to_string(),
            Mind::Planner(planner) => match &planner.contest {
                Some(contest) => contest.standings().into_iter().next().map(|leader| leader.rule).unwrap_or_default(),
                None => planner.scaling.policy.as_str().to_owned(),
            },
        }
    }

    /// Whether it plans from forecasts.
    #[must_use]
    pub fn is_planner(&self) -> bool {
        matches!(self.mind, Mind::Planner(_))
    }

    /// Changes of the rule that decides, in the scored part.
    #[must_use]
    pub fn switches(&self) -> &[Switch] {
        match &self.mind {
            Mind::Planner(planner) => &planner.switches,
            Mind::Follower(_) => &[],
        }
    }

    /// A step before the scored part begins: policies compete already.
    pub fn learn(&mut self, view: &View<'_>) {
        if let Mind::Planner(planner) = &mut self.mind {
            planner.compete(view);
        }
    }

    /// A step of the scored part.
    pub fn play(&mut self, view: &View<'_>) {
        let World { demand, .. } = view.world;
        let demand = demand[view.step];
        self.cloud.advance();
        let wanted = match &mut self.mind {
            Mind::Planner(planner) => planner.plan(view, self.cloud.stock()),
            Mind::Follower(followed) => followed.wanted[view.step],
        };
        let tally = self.cloud.follow(wanted, demand);
        let (ready, booting) = self.cloud.stock();
        self.score.count(demand, ready, tally);
        self.steps.push(Step { demand, wanted, ready, booting });
        self.note_shortage(view.step, demand, demand.saturating_sub(ready));
    }

    fn note_shortage(&mut self, step: usize, demand: u32, missing: u32) {
        if missing == 0 {
            return;
        }
        match self.moments.last_mut().filter(|last| last.from + last.steps == step) {
            Some(last) => {
                last.steps += 1;
                last.unserved += u64::from(missing);
                last.demand = last.demand.max(demand);
            }
            None => {
                let planned = match &self.mind {
                    Mind::Planner(planner) => planner.planned_a_lead_ago(),
                    Mind::Follower(_) => None,
                };
                self.moments.push(Moments { from: step, steps: 1, unserved: u64::from(missing), demand, planned });
            }
        }
    }
}

impl Planner {
    fn compete(&mut self, view: &View<'_>) -> Option<Choice> {
        if self.recent.len() == RECENT_STEPS {
            self.recent.pop_front();
        }
        self.recent.push_back(view.load.unwrap_or(f64::NAN));
        let moment = Moment {
            at: view.world.at(view.step),
            step_ms: view.world.step_ms,
            capacity: view.world.capacity,
            economy: &self.economy,
            bounds: (self.scaling.min, self.scaling.max),
            fan: view.outlook.ok(),
        };
        self.contest.as_mut().map(|contest| contest.step(&moment, view.load))
    }

    fn plan(&mut self, view: &View<'_>, (ready, booting): (u32, u32)) -> u32 {
        let choice = self.compete(view);
        if let Some(choice) = choice.as_ref().filter(|choice| choice.before.is_some())
            && self.switches.len() < SWITCHES_KEPT
        {
            self.switches.push(Switch { step: view.step, reason: choice.to_string() });
        }
        let plan = decide(&Snapshot {
            persona: self.persona.clone(),
            persona_version: 1,
            at: view.world.at(view.step),
            step_ms: view.world.step_ms,
            scaling: self.scaling,
            capacity_per_instance: view.world.capacity,
            lead_ms: view.world.step_ms * self.economy.boot_steps as i64,
            stock: Stock { warm: ready, booting, ..Stock::default() },
            recent_load: self.recent.iter().copied().collect(),
            outlook: match view.outlook {
                Ok(fan) => Outlook::Forecast(fan.clone()),
                Err(why) => Outlook::Unknown(why.to_owned()),
            },
            standby: self.economy.standby.clone(),
            limits: Limits::default(),
            choice,
        });
        let wanted = plan.wanted;
        if self.plans.len() == PLANS_KEPT {
            self.plans.pop_front();
        }
        self.plans.push_back(plan);
        wanted
    }

    fn planned_a_lead_ago(&self) -> Option<(u32, String)> {
        let index = self.plans.len().saturating_sub(self.economy.boot_steps + 1);
        let plan = self.plans.get(index)?;
        let reasons: Vec<&str> = plan.reasons.iter().map(|reason| reason.detail.as_str()).collect();
        Some((plan.wanted, reasons.join("; ")))
    }
}
