//! Runs every policy over one world in lockstep: one forecast per step serves all of them.

use crate::accuracy::{Accuracy, ForecastScore};
use crate::clairvoyant::Costs;
use crate::cloud::gaps;
use crate::lane::{Lane, Terms, View};
use crate::peers::tuned;
use crate::world::{INSTANCES_MAX, World};
use forewarm_domain::forecast::Fan;
use forewarm_domain::persona::{Policy, Scaling};
use forewarm_domain::plan::Economy;

/// A forecast older than this many steps is stale: nothing is decided upon it.
const STALE_STEPS: usize = 3;

/// Forecasts a world's load step by step.
pub trait Forecaster {
    /// Forecasts from the step after the last of `seen` on; `seen` is the whole history, longer with each call. `NaN`
    /// stands for loads that are missing.
    ///
    /// # Errors
    /// Why there is none, in a sentence.
    fn forecast(&mut self, seen: &[f64]) -> Result<Fan, String>;
}

/// A policy that takes part.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// As it is called in reports and files.
    pub name: String,
    /// What it is.
    pub policy: Policy,
    /// Whether a planner may use the cheaper tiers that there are.
    pub tiered: bool,
}

/// One setting under which all policies run.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// One missing instance-step in idle ones.
    pub unserved: f64,
    /// Steps from a launch until it serves.
    pub boot_steps: usize,
}

impl Setting {
    fn economy(&self) -> Economy {
        Economy { unserved: self.unserved, boot_steps: self.boot_steps, standby: Vec::new() }
    }

    /// What each costs, for the clairvoyant.
    #[must_use]
    pub fn costs(&self) -> Costs {
        Costs { idle: 1.0, unserved: self.unserved, boot_steps: self.boot_steps as u32 }
    }
}

/// All lanes of one setting, when they have run.
pub struct Outcome {
    /// The setting.
    pub setting: Setting,
    /// What perfect foresight would have paid.
    pub least_cost: f64,
    /// The policies.
    pub lanes: Vec<Lane>,
    /// How good the forecasts were at the lead time.
    pub forecasts: Option<ForecastScore>,
}

/// What all settings share.
pub struct Plan<'a> {
    /// The policies.
    pub entries: &'a [Entry],
    /// The settings, at least one.
    pub settings: &'a [Setting],
    /// What all of them share.
    pub terms: Terms,
}

/// Runs all policies under all settings over one world. `progress` is told how many steps have been run.
pub fn run(
    world: &World,
    plan: &Plan<'_>,
    forecaster: &mut dyn Forecaster,
    progress: &mut dyn FnMut(usize),
) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = plan.settings.iter().map(|setting| outcome(world, plan, setting)).collect();
    let mut accuracies: Vec<Accuracy> = plan.settings.iter().map(|_| Accuracy::default()).collect();
    let missing = gaps(world.loads.len(), &plan.terms.faults, plan.terms.seed);
    let dies = plan
        .terms
        .faults
        .forecaster_dies
        .map_or(usize::MAX, |share| world.split + (share * (world.loads.len() - world.split) as f64) as usize);
    let mut seen: Vec<f64> = Vec::with_capacity(world.loads.len());
    let mut stale = 0;
    for (step, missing) in missing.into_iter().enumerate() {
        if step >= world.warm_up.max(1) {
            let outlook = if step >= dies {
                Err("the forecaster is dead".to_owned())
            } else if stale > STALE_STEPS {
                Err("the telemetry is stale".to_owned())
            } else {
                forecaster.forecast(&seen)
            };
            let load = seen.last().copied().filter(|load| load.is_finite());
            let outlook = outlook.as_ref().map_err(String::as_str);
            let view = View { world, step, load, outlook };
            for (outcome, accuracy) in outcomes.iter_mut().zip(&mut accuracies) {
                advance(outcome, accuracy, &view);
            }
        }
        progress(step + 1);
        let load = if missing { f64::NAN } else { world.loads[step] };
        stale = if missing { stale + 1 } else { 0 };
        seen.push(load);
        accuracies.iter_mut().for_each(|accuracy| accuracy.measured(step, world.loads[step]));
    }
    for (outcome, accuracy) in outcomes.iter_mut().zip(&accuracies) {
        outcome.forecasts = accuracy.score(world.capacity);
    }
    outcomes
}

fn advance(outcome: &mut Outcome, accuracy: &mut Accuracy, view: &View<'_>) {
    if view.step < view.world.split {
        outcome.lanes.iter_mut().for_each(|lane| lane.learn(view));
        return;
    }
    if let Ok(fan) = view.outlook {
        accuracy.forecast(view.step, outcome.setting.boot_steps, fan);
    }
    outcome.lanes.iter_mut().for_each(|lane| lane.play(view));
}

fn outcome(world: &World, plan: &Plan<'_>, setting: &Setting) -> Outcome {
    let economy = setting.economy();
    let lane = |entry: &Entry| match tuned(world, entry.policy, &economy) {
        Some(followed) => Lane::follower(&entry.name, world, followed, &economy, &plan.terms),
        None => {
            let ratio = setting.unserved / (1.0 + setting.unserved);
            let scaling = Scaling {
                min: 1,
                max: INSTANCES_MAX,
                critical_ratio: ratio,
                policy: entry.policy,
                ..Scaling::default()
            };
            let terms = Terms { tiers: plan.terms.tiers.filter(|_| entry.tiered), ..plan.terms.clone() };
            Lane::planner(&entry.name, world, scaling, economy.clone(), &terms)
        }
    };
    Outcome {
        setting: setting.clone(),
        least_cost: world.least_cost(setting.costs()),
        lanes: plan.entries.iter().map(lane).collect(),
        forecasts: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Faults;
    use crate::tiers::Tiers;
    use crate::world::tests::world;

    /// Knows the future: what the planner does with a sharp forecast.
    struct Oracle<'a>(&'a World);

    impl Forecaster for Oracle<'_> {
        fn forecast(&mut self, seen: &[f64]) -> Result<Fan, String> {
            let ahead =
                |step: usize| self.0.loads.get(seen.len() + step).or(self.0.loads.last()).copied().unwrap_or(0.0);
            let path = |below: f64| (0..60).map(|step| ahead(step) - below).collect();
            let start = self.0.at(seen.len());
            Fan::from_paths(start, self.0.step_ms, &[0.01, 0.99], &[path(1e-6), path(1e-9)])
                .map_err(|error| error.to_string())
        }
    }

    /// Four days of a daily wave with a rush at every half hour.
    fn waves() -> World {
        let load = |step: usize| {
            let day = (step as f64 / 1_440.0 * std::f64::consts::TAU).sin();
            (20.0 + 15.0 * day + if (30..38).contains(&(step % 60)) { 10.0 } else { 0.0 }).round()
        };
        world((0..4 * 1_440).map(load).collect(), Some(1.0)).expect("long enough")
    }

    fn outcome(world: &World, faults: Faults) -> Outcome {
        tiered(world, faults, None)
    }

    fn tiered(world: &World, faults: Faults, tiers: Option<Tiers>) -> Outcome {
        let entry = |name: &str, policy| Entry { name: name.to_owned(), policy, tiered: true };
        let entries = [
            entry("forewarm", Policy::Compete),
            entry("level_programme", Policy::LevelProgramme),
            entry("reactive", Policy::Reactive),
        ];
        let plan = Plan {
            entries: &entries,
            settings: &[Setting { unserved: 19.0, boot_steps: 5 }],
            terms: Terms { faults, seed: 1, persona: "web".parse().expect("valid"), tiers },
        };
        run(world, &plan, &mut Oracle(world), &mut |_| {}).pop().expect("one setting")
    }

    fn cost(outcome: &Outcome, lane: usize) -> f64 {
        outcome.lanes[lane].score.cost(outcome.setting.unserved)
    }

    #[test]
    fn foresight_costs_what_the_clairvoyant_pays_up_to_the_lead_time() {
        let world = waves();
        let outcome = outcome(&world, Faults::default());
        let (programme, reactive) = (cost(&outcome, 1) / outcome.least_cost, cost(&outcome, 2) / outcome.least_cost);
        assert!(programme < 1.02, "{programme}");
        assert!(reactive > 2.0 * programme, "{reactive}");
        assert!(cost(&outcome, 0) < 1.1 * outcome.least_cost, "the contest finds the programme");
    }

    #[test]
    fn the_sums_follow_from_the_steps() {
        let outcome = outcome(&waves(), Faults::default());
        for lane in &outcome.lanes {
            let sum =
                |of: fn(&crate::score::Step) -> u32| lane.steps.iter().map(|step| u64::from(of(step))).sum::<u64>();
            let score = &lane.score;
            assert_eq!(score.booting(), sum(|step| step.booting) as f64, "{}", lane.name);
            assert_eq!(score.idle(), sum(|step| step.ready.saturating_sub(step.demand)) as f64);
            assert_eq!(score.unserved(), sum(|step| step.demand.saturating_sub(step.ready)) as f64);
            assert_eq!(lane.steps.len(), 2 * 1_440);
        }
    }

    #[test]
    fn faults_cost_and_the_same_seed_gives_the_same_steps() {
        let world = waves();
        let faults = Faults { boot_spread: 0.5, boot_failures: 0.2, telemetry_gaps: 0.1, ..Faults::default() };
        let (one, other) = (outcome(&world, faults.clone()), outcome(&world, faults));
        assert_eq!(one.lanes[0].steps, other.lanes[0].steps);
        assert!(cost(&one, 0) > cost(&outcome(&world, Faults::default()), 0));
    }

    #[test]
    fn a_dead_forecaster_leaves_the_load_served() {
        let outcome = outcome(&waves(), Faults { forecaster_dies: Some(0.5), ..Faults::default() });
        let score = &outcome.lanes[0].score;
        assert!(score.unserved() / (score.demand as f64) < 0.05, "{score:?}");
        assert!(outcome.lanes[0].switches().iter().any(|switch| switch.reason.contains("takes over")));
        // The programme alone has nothing to plan on: it follows the load, and says since when and why.
        let fallback = outcome.lanes[1].fallback().expect("it fell back");
        let half = (outcome.lanes[1].steps.len() / 2, waves().split);
        assert_eq!((fallback.from, fallback.steps), (half.0 + half.1, half.0));
        assert_eq!(fallback.reason, "the forecaster is dead");
        assert!(outcome.lanes[2].fallback().is_none(), "a rule that looks at no forecast misses none");
    }

    fn both_tiers() -> Option<Tiers> {
        let offer = |text: &str| text.parse().ok();
        Tiers::new(offer("hold=0.1,latency=40s,spread=0.3,enter=90s"), offer("hold=0.4,latency=10s"))
    }

    #[test]
    fn cheaper_tiers_keep_the_books_balanced() {
        let world = waves();
        let faults = Faults { boot_spread: 0.3, boot_failures: 0.05, ..Faults::default() };
        let outcome = tiered(&world, faults.clone(), both_tiers());
        let unserved = outcome.setting.unserved;
        for lane in &outcome.lanes[..2] {
            let usage = lane.score.usage().expect("tiers are on offer");
            let mut summed = 0.0;
            for (step, demand) in lane.tiered_steps.iter().zip(&lane.steps).map(|(step, plain)| (step, plain.demand)) {
                let exist = step.ready + step.booting + step.starting + step.parking + step.parked + step.shells;
                let served = f64::from(demand) - step.usage.unserved;
                let time = step.usage.sum() - step.usage.unserved + served;
                assert!((time - f64::from(exist)).abs() < 1e-6, "every instance is somewhere: {step:?}");
                summed += step.usage.cost(unserved);
            }
            let paid = usage.paid(unserved);
            let by_tier =
                [paid.warm, paid.booting, paid.activating, paid.parking, paid.parked, paid.shell, paid.unserved];
            let cost = lane.score.cost(unserved);
            assert!((by_tier.iter().sum::<f64>() - cost).abs() < 1e-6 * cost, "{paid:?}");
            assert!((summed - cost).abs() < 1e-6 * cost, "{summed} {cost}");
            assert!(usage.started > 0 && usage.parked > 0.0 && usage.shortened <= usage.started + usage.specialised);
        }
        assert!(outcome.lanes[2].score.usage().is_none(), "the reactive rule was decided beforehand");
        let again = tiered(&world, faults, both_tiers());
        assert_eq!(outcome.lanes[0].tiered_steps, again.lanes[0].tiered_steps, "the same seed");
    }

    #[test]
    fn parking_costs_less_where_the_demand_comes_back() {
        // Rushes of eight minutes at every half hour, all of it foreseen.
        let world = waves();
        let tiers = Tiers::new("hold=0.01,latency=20s".parse().ok(), None);
        let (with, without) = (tiered(&world, Faults::default(), tiers), outcome(&world, Faults::default()));
        assert!(cost(&with, 1) < 0.9 * cost(&without, 1), "{} {}", cost(&with, 1), cost(&without, 1));
    }
}
