//! One policy on its way through a world: forewarm's planner, or a rule that was tuned beforehand.

use crate::cloud::{Cloud, Faults};
use crate::peers::Followed;
use crate::score::{Score, Step};
use crate::tiers::{Target, TieredCloud, TieredStep, Tiers};
use crate::world::World;
use forewarm_domain::forecast::Fan;
use forewarm_domain::id::PersonaName;
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::Scaling;
use forewarm_domain::plan::{
    Chances, Economy, Limits, Outlook, Plan, ReasonCode, ShellDemand, Snapshot, Standby, Stock, decide, plan_shells,
};
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
    supply: Supply,
    /// What it cost.
    pub score: Score,
    /// Step by step.
    pub steps: Vec<Step>,
    /// The same by tier; empty in a cloud without cheaper ones.
    pub tiered_steps: Vec<TieredStep>,
    /// Shortages, with what had been planned.
    pub moments: Vec<Moments>,
}

/// Where its instances come from.
enum Supply {
    /// Off and warm alone.
    Plain(Box<Cloud>),
    /// With tiers between.
    Tiered(Box<TieredCloud>),
}

impl Supply {
    fn advance(&mut self) {
        match self {
            Self::Plain(cloud) => cloud.advance(),
            Self::Tiered(cloud) => cloud.advance(),
        }
    }

    /// What a planner is told, and how many shells there are.
    fn stock(&self) -> (Stock, u32) {
        match self {
            Self::Plain(cloud) => {
                let (warm, booting) = cloud.stock();
                (Stock { warm, booting, ..Stock::default() }, 0)
            }
            Self::Tiered(cloud) => cloud.stock(),
        }
    }
}

/// What all lanes of a run share.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// What the planner calls the persona.
    pub persona: PersonaName,
    /// What goes wrong.
    pub faults: Faults,
    /// The cheaper tiers that planners may use.
    pub tiers: Option<Tiers>,
    /// The seed of all chance.
    pub seed: u64,
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
    /// As the rules see it: the fleets in shadow have no cheaper tiers, so that a rule must not count on them there.
    economy: Economy,
    standby: Vec<Standby>,
    contest: Option<Contest>,
    recent: VecDeque<f64>,
    plans: VecDeque<Plan>,
    switches: Vec<Switch>,
    fallback: Option<Fallback>,
}

/// Steps that were planned by the reactive rule, since there was no forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// The first.
    pub from: usize,
    /// How many.
    pub steps: usize,
    /// Why there was none at the first.
    pub reason: String,
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
    /// forewarm's planner, with the cheaper tiers of `terms` where there are any.
    #[must_use]
    pub fn planner(name: &str, world: &World, scaling: Scaling, economy: Economy, terms: &Terms) -> Self {
        let rules = entrants(scaling.policy);
        let contest = (!rules.is_empty()).then(|| Contest::new(&rules, world.ready_at(world.warm_up)));
        let (ready, boot_steps, step_ms) = (world.ready_at(world.split), economy.boot_steps, world.step_ms);
        let faults = terms.faults.clone();
        let supply = match terms.tiers {
            None => Supply::Plain(Box::new(Cloud::new(ready, boot_steps, step_ms, faults, terms.seed))),
            Some(tiers) => {
                Supply::Tiered(Box::new(TieredCloud::new(ready, boot_steps, step_ms, tiers, faults, terms.seed)))
            }
        };
        let planner = Planner {
            persona: terms.persona.clone(),
            scaling,
            standby: terms.tiers.map(|tiers| tiers.standby(boot_steps, step_ms)).unwrap_or_default(),
            economy,
            contest,
            recent: VecDeque::new(),
            plans: VecDeque::new(),
            switches: Vec::new(),
            fallback: None,
        };
        Self::new(name, Mind::Planner(Box::new(planner)), supply)
    }

    /// A rule that was decided beforehand; it knows no cheaper tiers.
    #[must_use]
    pub fn follower(name: &str, world: &World, followed: Followed, economy: &Economy, terms: &Terms) -> Self {
        let (faults, seed) = (terms.faults.clone(), terms.seed);
        let cloud = Cloud::new(world.ready_at(world.split), economy.boot_steps, world.step_ms, faults, seed);
        Self::new(name, Mind::Follower(followed), Supply::Plain(Box::new(cloud)))
    }

    fn new(name: &str, mind: Mind, supply: Supply) -> Self {
        Self {
            name: name.to_owned(),
            mind,
            supply,
            score: Score::default(),
            steps: Vec::new(),
            tiered_steps: Vec::new(),
            moments: Vec::new(),
        }
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

    /// What it planned without a forecast that it needed, in the scored part.
    #[must_use]
    pub fn fallback(&self) -> Option<&Fallback> {
        match &self.mind {
            Mind::Planner(planner) => planner.fallback.as_ref(),
            Mind::Follower(_) => None,
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
        self.supply.advance();
        let (stock, shells) = self.supply.stock();
        let target = match &mut self.mind {
            Mind::Planner(planner) => planner.plan(view, stock, shells),
            Mind::Follower(followed) => Target { wanted: followed.wanted[view.step], parked: 0, shells: 0 },
        };
        let missing = self.carry_out(target, demand);
        self.note_shortage(view.step, demand, missing);
    }

    /// Moves towards a target and counts the step. Gives how many instances were missing in it.
    fn carry_out(&mut self, target: Target, demand: u32) -> u32 {
        let wanted = target.wanted;
        match &mut self.supply {
            Supply::Plain(cloud) => {
                let tally = cloud.follow(wanted, demand);
                let (ready, booting) = cloud.stock();
                self.score.count(demand, ready, tally);
                self.steps.push(Step { demand, wanted, ready, booting });
                demand.saturating_sub(ready)
            }
            Supply::Tiered(cloud) => {
                let step = cloud.follow(target, demand);
                let TieredStep { ready, booting, .. } = step;
                self.score.count_tiered(demand, &step);
                self.steps.push(Step { demand, wanted, ready, booting });
                self.tiered_steps.push(step);
                step.usage.unserved.round() as u32
            }
        }
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

    fn plan(&mut self, view: &View<'_>, stock: Stock, shells: u32) -> Target {
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
            stock,
            recent_load: self.recent.iter().copied().collect(),
            outlook: match view.outlook {
                Ok(fan) => Outlook::Forecast(fan.clone()),
                Err(why) => Outlook::Unknown(why.to_owned()),
            },
            standby: self.standby.clone(),
            limits: Limits::default(),
            choice,
        });
        self.note_fallback(view.step, &plan);
        let target =
            Target { wanted: plan.wanted, parked: plan.standby.parked, shells: self.shells(view, &plan, shells) };
        if self.plans.len() == PLANS_KEPT {
            self.plans.pop_front();
        }
        self.plans.push_back(plan);
        target
    }

    fn note_fallback(&mut self, step: usize, plan: &Plan) {
        let Some(reason) = plan.reasons.iter().find(|reason| reason.code == ReasonCode::NoForecast) else { return };
        let first = || Fallback { from: step, steps: 0, reason: reason.detail.clone() };
        self.fallback.get_or_insert_with(first).steps += 1;
    }

    /// The shells to hold of which there are `have`: the persona is the only one of its class.
    fn shells(&self, view: &View<'_>, plan: &Plan, have: u32) -> u32 {
        let fan = match view.outlook {
            _ if self.standby.iter().all(|standby| standby.tier != Tier::Shell) => return 0,
            Ok(fan) => fan,
            // Without a forecast nothing is given up.
            Err(_) => return have,
        };
        let economy = Economy { standby: self.standby.clone(), ..self.economy.clone() };
        let demand = ShellDemand {
            chances: Chances { fan, recent: None },
            capacity: view.world.capacity,
            covered: plan.wanted.saturating_add(plan.standby.parked),
            max: self.scaling.max,
            economy: &economy,
            alone: plan.standby.shell,
        };
        plan_shells(&[demand], have).wanted
    }

    fn planned_a_lead_ago(&self) -> Option<(u32, String)> {
        let index = self.plans.len().saturating_sub(self.economy.boot_steps + 1);
        let plan = self.plans.get(index)?;
        let reasons: Vec<&str> = plan.reasons.iter().map(|reason| reason.detail.as_str()).collect();
        Some((plan.wanted, reasons.join("; ")))
    }
}
